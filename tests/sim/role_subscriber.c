#include "client/feed_topics.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include <stdlib.h>

/* Follows all topics over one pair of connections. */
struct subscriber_process {
    struct sim *sim;
    struct actor *actor;
    struct feed_topics *topics;
    struct parbus_topic *topic[SIM_SERIES + 1]; /* by series */
};

static struct moment moment_of(const struct sim *s, const struct actor *n)
{
    return (struct moment){.mono_us = actor_now_us(s, n)};
}

static void send(void *ctx, const void *data, size_t bytes, struct moment now)
{
    struct subscriber_process *p = ctx;
    (void)now;
    if (actor_lives(p->sim, p->actor))
        network_send(p->sim, p->actor, actor_of(p->sim, &role_publisher, NULL)->number, TO_SNAPSHOTS, 0, data, bytes);
}

static void subscribe(void *ctx, const char *topic, bool wanted) { (void)ctx, (void)topic, (void)wanted; }

static void start(struct sim *s, struct actor *n)
{
    struct subscriber_process *p = calloc(1, sizeof *p);
    ASSERT(p);
    p->sim = s;
    p->actor = n;
    p->topics = feed_topics_new(0, 0, &(struct feed_topics_io){p, send, subscribe});
    for (uint32_t i = 1; i <= SIM_SERIES; i++)
        ASSERT(!feed_topics_follow(p->topics, sim_topic(i), NULL, &p->topic[i], moment_of(s, n), NULL));
    n->process = p;
}

static void stop(struct sim *s, struct actor *n)
{
    (void)s;
    struct subscriber_process *p = n->process;
    feed_topics_destroy(&p->topics);
    free(p);
    n->process = NULL;
}

struct position {
    uint64_t epoch, seq;
};

static struct position position_of(const struct subscriber_process *p, uint32_t series)
{
    struct position at;
    parbus_topic_position(p->topic[series], &at.epoch, &at.seq);
    return at;
}

static void take_event(struct sim *s, struct actor *n, const struct message *m)
{
    struct subscriber_process *p = n->process;
    struct wire_message opened;
    if (!role_open(s, n, m, &wire_feed_event, &opened))
        return;
    if (s->options.mutation == MUTATION_FEED_GAP && opened.kind == PARBUS__FEED_EVENT__BODY_DELTA)
        ((Parbus__Delta *)(void *)opened.message)->prev_seq = position_of(p, m->topic).seq;
    feed_topics_event(p->topics, sim_topic(m->topic), &opened, moment_of(s, n));
}

static void take_answer(struct sim *s, struct actor *n, const struct message *m)
{
    struct subscriber_process *p = n->process;
    struct wire_message opened;
    if (role_open(s, n, m, &wire_from_snapshots, &opened))
        feed_topics_answer(p->topics, &opened, moment_of(s, n));
}

static void take(struct sim *s, struct actor *n, const struct message *m)
{
    struct subscriber_process *p = n->process;
    struct position before[SIM_SERIES + 1];
    for (uint32_t i = 1; i <= SIM_SERIES; i++)
        before[i] = position_of(p, i);
    (m->channel == FEED_EVENT ? take_event : take_answer)(s, n, m);
    for (uint32_t i = 1; i <= SIM_SERIES; i++) {
        struct position now = position_of(p, i);
        if (parbus_topic_ready(p->topic[i]) && (now.epoch != before[i].epoch || now.seq != before[i].seq))
            check_subscriber(s, n, p->topic[i], i);
    }
}

static int64_t turn(struct sim *s, struct actor *n)
{
    struct subscriber_process *p = n->process;
    for (uint32_t i = role_batch(s); i > 0 && n->first; i--) {
        struct message *m = actor_take(n);
        take(s, n, m);
        network_release(&s->network, m);
    }
    return feed_topics_tick(p->topics, moment_of(s, n));
}

const struct parbus_topic *topic_of(const struct actor *subscriber, uint32_t series)
{
    const struct subscriber_process *p = subscriber->process;
    return p ? p->topic[series] : NULL;
}

const struct role role_subscriber = {"subscriber", start, stop, turn, false};
