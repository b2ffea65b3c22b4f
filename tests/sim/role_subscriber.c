#include "client/feed_table.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include <stdlib.h>

struct subscriber_process {
    struct feed_table *table;
    struct buffer out;
    uint32_t series;
};

/* Each subscriber of a run has a topic of its own. */
static uint32_t series_of(struct sim *s, const struct actor *n)
{
    uint32_t series = 1;
    for (struct actor *other = actor_of(s, &role_subscriber, NULL); other != n; series++)
        other = actor_of(s, &role_subscriber, other);
    return (series - 1) % SIM_SERIES + 1;
}

static void start(struct sim *s, struct actor *n)
{
    struct subscriber_process *p = calloc(1, sizeof *p);
    ASSERT(p);
    p->series = series_of(s, n);
    p->table = feed_table_new(sim_topic(p->series), NULL, s->now_us);
    n->process = p;
}

static void stop(struct sim *s, struct actor *n)
{
    (void)s;
    struct subscriber_process *p = n->process;
    feed_table_destroy(&p->table);
    buffer_free(&p->out);
    free(p);
    n->process = NULL;
}

static void take(struct sim *s, struct actor *n, const struct message *m)
{
    struct subscriber_process *p = n->process;
    struct wire_message opened;
    bool event = m->channel == FEED_EVENT;
    if (event && m->topic != p->series)
        return;
    if (!role_open(s, n, m, event ? &wire_feed_event : &wire_from_snapshots, &opened))
        return;
    uint64_t epoch, seq, epoch_now, seq_now;
    feed_table_position(p->table, &epoch, &seq);
    if (s->options.mutation == MUTATION_FEED_GAP && opened.kind == PARBUS__FEED_EVENT__BODY_DELTA && event)
        ((Parbus__Delta *)(void *)opened.message)->prev_seq = seq;
    if (event)
        feed_table_event(p->table, &opened, actor_now_us(s, n));
    else
        feed_table_answer(p->table, &opened, actor_now_us(s, n));
    feed_table_position(p->table, &epoch_now, &seq_now);
    if (feed_table_ready(p->table) && (epoch != epoch_now || seq != seq_now))
        check_subscriber(s, n, p->table, p->series);
}

static int64_t turn(struct sim *s, struct actor *n)
{
    struct subscriber_process *p = n->process;
    for (uint32_t i = role_batch(s); i > 0 && n->first; i--) {
        struct message *m = actor_take(n);
        take(s, n, m);
        network_release(&s->network, m);
    }
    if (feed_table_tick(p->table, actor_now_us(s, n), &p->out) && actor_lives(s, n))
        network_send(s, n, actor_of(s, &role_publisher, NULL)->number, TO_SNAPSHOTS, 0, p->out.data, p->out.size);
    return feed_table_deadline_us(p->table);
}

const struct feed_table *table_of(const struct actor *subscriber, uint32_t *series)
{
    const struct subscriber_process *p = subscriber->process;
    if (p)
        *series = p->series;
    return p ? p->table : NULL;
}

const struct role role_subscriber = {"subscriber", start, stop, turn, false};
