#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include <inttypes.h>
#include <parbus/feed.h>
#include <stdio.h>
#include <string.h>

/* What the model makes of a feeder's submissions. */
static struct parbus_feeder_totals totals_wanted(const struct sim *s, const char *name, uint64_t epoch)
{
    struct parbus_feeder_totals want = {0};
    for (uint32_t feeder = 1; feeder < SIM_FEEDERS_MAX; feeder++) {
        const struct journal_feeder *mark = &s->journal.feeder[feeder];
        if (strcmp(mark->name, name) != 0 || mark->epoch != epoch)
            continue;
        want.scored = mark->refused;
        for (uint32_t p = 0; p < s->partitions; p++) {
            const struct model_tally *t = model_tally_at(&s->model, p, feeder, epoch, UINT64_MAX);
            want.scored += t ? t->scored : 0;
            want.accepted_rows += t ? t->accepted_rows : 0;
            want.rejected_rows += t ? t->rejected_rows : 0;
        }
    }
    return want;
}

static bool feeder_done(struct sim *s, const struct actor *n, char *text, size_t bytes)
{
    struct parbus_feeder_totals have = {0};
    if (n->gone || rights_out(s, n))
        return true;
    bool made_all = totals_of(n, &have);
    struct parbus_feeder_totals want = totals_wanted(s, n->feeder, have.epoch);
    snprintf(text, bytes,
             "%s: epoch %" PRIu64 ", %" PRIu64 " submissions, %" PRIu64 " with a receipt, %" PRIu64
             " scored with %" PRIu64 " + %" PRIu64 " rows; should be %" PRIu64 " with %" PRIu64 " + %" PRIu64,
             n->name, have.epoch, have.last_seq, have.receipted, have.scored, have.accepted_rows, have.rejected_rows,
             want.scored, want.accepted_rows, want.rejected_rows);
    bool settled = made_all && have.receipted == have.last_seq &&
                   have.scored >= have.last_seq; /* more: a copy of its outbox went on under its line */
    if (settled && (check_lane_lost(s, n, have.epoch) || s->check.undone[n->number]))
        return true; /* it has heard all it waited for, and has no reason to ask again */
    return settled && have.scored == want.scored && have.accepted_rows == want.accepted_rows &&
           have.rejected_rows == want.rejected_rows;
}

static bool state_done(const struct sim *s, char *text, size_t bytes)
{
    for (uint32_t p = 0; p < s->partitions; p++) {
        uint64_t have = sim_state_cursor(&s->state, p).applied, want = s->journal.partition[p].last;
        snprintf(text, bytes, "state has partition %u up to %" PRIu64 " of %" PRIu64, p, have, want);
        if (have != want)
            return false;
    }
    return true;
}

static bool publisher_done(struct sim *s, char *text, size_t bytes)
{
    const struct publisher *p = publisher_of(s, NULL);
    snprintf(text, bytes, "the publisher has no topics");
    for (uint32_t i = 0; p && i < s->partitions; i++) {
        uint64_t have = publisher_position(p, i), want = s->journal.partition[i].last;
        snprintf(text, bytes, "the publisher has partition %u up to %" PRIu64 " of %" PRIu64, i, have, want);
        if (have != want)
            return false;
    }
    return p && publisher_topics(p) == SIM_SERIES;
}

static bool topic_done(struct sim *s, const struct actor *n, uint32_t series)
{
    uint64_t epoch, seq, epoch_now, seq_now;
    const struct parbus_topic *t = topic_of(n, series);
    const struct publisher *p = publisher_of(s, &epoch_now);
    if (!t || !parbus_topic_ready(t) || !publisher_table(p, series, &seq_now))
        return false;
    parbus_topic_position(t, &epoch, &seq);
    return epoch == epoch_now && seq == seq_now;
}

static bool subscriber_done(struct sim *s, const struct actor *n)
{
    for (uint32_t series = 1; series <= SIM_SERIES; series++)
        if (!topic_done(s, n, series))
            return false;
    return true;
}

static bool is_held_up(const struct sim *s, uint32_t partition)
{
    return flips_in_partition(s, partition) || flips_next(s, partition, 0);
}

/* A topic's pending rows are published within the merge time. */
static bool feed_shows_all(struct sim *s, char *text, size_t bytes)
{
    const struct publisher *p = publisher_of(s, NULL);
    for (uint32_t series = 1; series <= SIM_SERIES; series++) {
        uint64_t seq;
        const struct standings *t = publisher_table(p, series, &seq);
        for (uint32_t i = 0; i < t->count; i++) {
            const struct model_unit *unit = &s->model.unit[series][t->row[i].unit];
            const struct model_row *want = model_row_at(&s->model, series, t->row[i].unit, UINT64_MAX);
            int64_t points = want && want->present ? want->points[0] : 0;
            snprintf(text, bytes,
                     "the feed shows %" PRId64 " micro-points for unit %u of %s, not %" PRId64
                     " of partition %u at %" PRIu64,
                     t->row[i].score, t->row[i].unit, sim_topic(series), points, unit->partition,
                     want ? want->pseq : 0);
            if (!check_shows_last(s, series, &t->row[i]) && !is_held_up(s, unit->partition))
                return false;
        }
    }
    return true;
}

static bool subscribers_done(struct sim *s)
{
    for (struct actor *n = NULL; (n = actor_of(s, &role_subscriber, n));)
        if (!subscriber_done(s, n))
            return false;
    return true;
}

const char *check_feed_shows(struct sim *s)
{
    static char text[256];
    const struct publisher *p = publisher_of(s, NULL);
    if (!p || publisher_topics(p) != SIM_SERIES)
        return "the publisher has no topics";
    if (!feed_shows_all(s, text, sizeof text))
        return text;
    return subscribers_done(s) ? NULL : "a subscriber is behind the publisher";
}

const char *check_outstanding(struct sim *s)
{
    static char text[256];
    for (int i = 0; i < s->actor_count; i++) {
        const struct actor *n = &s->actor[i];
        if (n->role == &role_feeder && !feeder_done(s, n, text, sizeof text))
            return text;
        if (!n->alive && !n->gone && !rights_out(s, n))
            return "a process that is dead";
    }
    if (s->operator.act_us)
        return "the operator";
    if (s->model.published < SIM_CONTROLS)
        return "control records";
    if (!officer_satisfied(s))
        return "somebody is not in who is to be, or not out";
    if (!tool_satisfied(s))
        return "the operator has not sent everything again";
    if (!state_done(s, text, sizeof text))
        return text;
    if (lag_of(s))
        return "lag, though all is applied";
    if (!publisher_done(s, text, sizeof text))
        return text;
    return check_feed_shows(s);
}

void check_end(struct sim *s)
{
    check_nothing_damaged(s);
    check_promises_kept(s);
    check_state_complete(s);
    check_feed_complete(s);
    for (struct actor *n = NULL; (n = actor_of(s, &role_subscriber, n));) {
        for (uint32_t series = 1; series <= SIM_SERIES; series++)
            check_subscriber(s, n, topic_of(n, series), series);
    }
    check_replay(s);
    check_rights_replay(s);
    for (struct actor *n = NULL; (n = actor_of(s, &role_feeder, n));)
        census_add(s, rights_out, rights_out(s, n));
}
