/* Law 7: what is damaged holds up its own partition, and nothing else; and it is told which, and why. */
#include "journal/record.h"
#include "services/parbus/status/health.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct telling {
    struct sim *sim;
    bool by_state; /* rows of state are damaged, too: partitions may stand anywhere */
    size_t held, told, said;
    size_t of_rows; /* … by a scorer of a row that is whole again: it says so until its partition goes on */
    char sentence[SIM_PARTITIONS_MAX][128]; /* that has to be said of each that is held up */
    char last[304];                         /* what was said last */
    char text[512];                         /* what is outstanding; empty: nothing */
};

static bool is_held(const struct sim *s, uint32_t p)
{
    return sim_state_cursor(&s->state, p).applied < s->journal.partition[p].last;
}

static uint64_t commit_of(const struct sim_record *r)
{
    struct record_header h;
    memcpy(&h, r->data, sizeof h);
    return h.commit;
}

/* ---- who goes on ---- */

/* It may have more: scores go out before they are committed (I15). */
static const char *check_publisher(struct sim *s, uint32_t p)
{
    static char text[128];
    const struct publisher *publisher = publisher_of(s, NULL);
    uint64_t applied = sim_state_cursor(&s->state, p).applied;
    if (publisher && (flips_in_partition(s, p) || publisher_position(publisher, p) >= applied))
        return NULL;
    snprintf(text, sizeof text, "the publisher has not partition %u up to %" PRIu64 ", though it is not damaged", p,
             applied);
    return text;
}

static const char *check_feeders(struct sim *s)
{
    struct parbus_feeder_totals have;
    for (struct actor *n = NULL; (n = actor_of(s, &role_feeder, n));)
        if (!n->gone && !rights_out(s, n) && (!totals_of(n, &have) || have.receipted != have.last_seq))
            return "a feeder without a receipt, though the door goes on";
    return NULL;
}

static const char *check_alive(const struct sim *s)
{
    for (int i = 0; i < s->actor_count; i++)
        if (!s->actor[i].alive && !s->actor[i].gone && !rights_out(s, &s->actor[i]))
            return "a process that is dead";
    return s->operator.act_us ? "the operator" : s->model.published<SIM_CONTROLS ? "control records" : NULL;
}

/* ---- what is told ---- */

static void stands_for_nothing(struct telling *t, uint32_t p)
{
    snprintf(t->text, sizeof t->text,
             "state has partition %u up to %" PRIu64 " of %" PRIu64 ", with nothing damaged next", p,
             sim_state_cursor(&t->sim->state, p).applied, t->sim->journal.partition[p].last);
}

/* What is next is next for the ingestor: when Progress was lost, it sends again what is applied already. */
static void want_sentence(struct telling *t, uint32_t p, const Parbus__PartitionStats *stats)
{
    const struct sim_record *r = flips_next(t->sim, p, stats->applied_pseq);
    t->by_state |= flips_in_partition(t->sim, p);
    if (stats->applied_pseq >= t->sim->journal.partition[p].last)
        return;
    if (!flips_in_partition(t->sim, p) && (!r || sim_state_cursor(&t->sim->state, p).applied + 1 < r->first_pseq))
        stands_for_nothing(t, p);
    if (r)
        snprintf(t->sentence[t->held++], sizeof *t->sentence,
                 "partition %u stands still, for its next record is damaged: partition %u, pseq %" PRIu64
                 ", commit %" PRIu64 ": ",
                 p, p, r->first_pseq, commit_of(r));
}

static void hear(void *ctx, const char *sentence)
{
    struct telling *t = ctx;
    t->said++;
    t->of_rows += strstr(sentence, ": its checksum is wrong; state can be deleted") != NULL;
    for (size_t i = 0; i < t->held; i++)
        t->told += strncmp(sentence, t->sentence[i], strlen(t->sentence[i])) == 0;
    snprintf(t->last, sizeof t->last, "%.300s", sentence);
}

/* Whoever owns no partition for it, stands still for it or cannot read it says so; of what nobody reads nobody can. */
static bool state_is_told(const struct telling *t, uint32_t p)
{
    const struct publisher *publisher = publisher_of(t->sim, NULL);
    bool behind = publisher_position(publisher, p) < sim_state_cursor(&t->sim->state, p).applied;
    return t->said > 0 || (!behind && !is_held(t->sim, p));
}

static void check_state_told(struct telling *t)
{
    for (uint32_t p = 0; p < t->sim->partitions; p++)
        if (!state_is_told(t, p))
            snprintf(t->text, sizeof t->text, "nobody says that partition %u stands still", p);
}

static void check_told(void *ctx, const Parbus__StatsReply *reply)
{
    struct telling *t = ctx;
    for (size_t p = 0; p < reply->n_partition; p++)
        want_sentence(t, (uint32_t)p, reply->partition[p]);
    if (t->text[0])
        return;
    health_check(reply, hear, t);
    if (t->by_state)
        check_state_told(t);
    else if (t->told != t->held || t->said != t->held + t->of_rows)
        snprintf(t->text, sizeof t->text, "%zu partitions are held up, health says %zu sentences, the last: %.300s",
                 t->held, t->said, t->last);
}

static const char *check_telling(struct sim *s)
{
    static struct telling t;
    t = (struct telling){.sim = s};
    if (!stats_of(s, check_told, &t))
        return "an ingestor that answers";
    return t.text[0] ? t.text : NULL;
}

static void count_held(struct sim *s)
{
    for (uint32_t p = 0; p < s->partitions; p++)
        if (is_held(s, p) && flips_in_partition(s, p))
            census_add(s, flips_state_kept, 1);
        else if (is_held(s, p))
            census_add(s, flips_journal_kept, 1);
}

const char *check_held_up(struct sim *s)
{
    const char *what = check_alive(s);
    if (!what)
        what = check_feeders(s);
    for (uint32_t p = 0; p < s->partitions && !what; p++)
        what = check_publisher(s, p);
    if (!what)
        what = check_feed_shows(s);
    if (!what)
        what = check_telling(s);
    if (!what)
        count_held(s);
    return what;
}

static void hear_damage(void *ctx, const char *sentence)
{
    if (strstr(sentence, "damage"))
        sim_fail(ctx, "law 7: all is whole, and health says \"%s\"", sentence);
}

static void check_none(void *ctx, const Parbus__StatsReply *reply) { health_check(reply, hear_damage, ctx); }

void check_nothing_damaged(struct sim *s) { stats_of(s, check_none, s); }
