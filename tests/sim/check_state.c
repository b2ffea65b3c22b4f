#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include <inttypes.h>
#include <string.h>

/* ---- while it runs ---- */

static void check_window(struct sim *s, const char *whose, uint64_t out, int64_t window, uint64_t last_bytes)
{
    if (out >= (uint64_t)window + last_bytes)
        sim_fail(s, "law 6: %" PRIu64 " bytes of %s are out, the window is %" PRId64, out, whose, window);
}

/* State is never behind what the ingestor knows to be applied, so this is the least that can be outstanding. */
static uint64_t bytes_out(struct sim *s, uint32_t partition, uint64_t sent)
{
    return sim_journal_bytes(&s->journal, partition, sim_state_cursor(&s->state, partition).applied, sent);
}

void check_work_sent(struct sim *s, const struct actor *scorer, const Parbus__Work *work)
{
    uint32_t count;
    memcpy(&count, work->record.data + 4, sizeof count);
    uint64_t last = work->first_pseq + count - 1, all = bytes_out(s, work->partition, last);
    if (last > s->journal.partition[work->partition].sure)
        sim_fail(s, "law 1: partition %u goes out up to %" PRIu64 ", which no commit has confirmed", work->partition,
                 last);
    check_window(s, "one partition", all, s->settings.partition_window_bytes, work->record.len);
    census_add(s, partition_window, all >= (uint64_t)s->settings.partition_window_bytes);
    s->check.scorer[work->partition] = scorer;
    for (uint32_t p = 0; p < s->partitions; p++)
        if (p != work->partition && s->check.scorer[p] == scorer)
            all += bytes_out(s, p, sent_of(s, p));
    check_window(s, scorer->name, all, s->settings.scorer_window_bytes, work->record.len);
    census_add(s, scorer_window, all >= (uint64_t)s->settings.scorer_window_bytes);
}

void check_owners_from_state(struct sim *s)
{
    for (uint32_t p = 0; p < s->partitions; p++)
        s->check.newest_owner[p] = sim_state_cursor(&s->state, p).owner_epoch;
}

void check_owned(struct sim *s, const struct actor *scorer, uint32_t partition, uint64_t owner_epoch)
{
    if (owner_epoch < s->check.newest_owner[partition])
        sim_fail(s, "law 4: %s takes partition %u with an old owner epoch", scorer->name, partition);
    s->check.newest_owner[partition] = owner_epoch;
}

void check_counted(struct sim *s, const struct actor *n, uint64_t before, uint64_t after)
{
    if (after <= before && !n->dying)
        sim_fail(s, "law 6: %s took a record and counted nothing", n->name);
}

/* told: an entry about it was set aside, so it has a row. */
static bool same_unit(const struct sim_index *index, const struct model_row *want, bool told,
                      const struct score_header *have, const int64_t *points)
{
    if (!want && have)
        return told && !have->present && !have->cause_pseq && !points[0];
    if (!want || !have)
        return !want && !have;
    return want->present == have->present && want->complete == have->complete && want->share == have->appraised_share &&
           want->cause_feeder == have->cause_feeder && want->cause_epoch == have->cause_epoch &&
           want->cause_seq == have->cause_seq && want->pseq == have->cause_pseq &&
           have->node_count == (uint32_t)index->node_count &&
           !memcmp(want->points, points, (size_t)index->node_count * sizeof *points);
}

static void check_unit(struct sim *s, uint32_t partition, uint32_t series, uint32_t unit, uint64_t applied)
{
    const int64_t *points = NULL;
    const struct sim_index *index = &sim_index_table[sim_series_table[series].index];
    const struct model_row *want = model_row_at(&s->model, series, unit, applied);
    const struct score_header *have = sim_state_read_scores(&s->state, partition, series, unit, &points);
    uint64_t told = s->model.unit[series][unit].told;
    if (!same_unit(index, want, told && told <= applied, have, points))
        sim_fail(s, "law 5: partition %u at %" PRIu64 ": %s of unit %u has %" PRId64 " micro-points, not %" PRId64,
                 partition, applied, sim_topic(series), unit, have ? points[0] : -1, want ? want->points[0] : -1);
}

static void check_units(struct sim *s, uint32_t partition, uint64_t applied)
{
    for (uint32_t series = 1; series <= SIM_SERIES; series++)
        for (uint32_t unit = 1; unit <= SIM_UNITS; unit++)
            if (s->model.unit[series][unit].count && s->model.unit[series][unit].partition == partition)
                check_unit(s, partition, series, unit, applied);
}

static void check_tally(struct sim *s, uint32_t partition, uint32_t feeder, uint64_t epoch, uint64_t applied)
{
    struct tally have = {0};
    const struct model_tally *want = model_tally_at(&s->model, partition, feeder, epoch, applied);
    if (epoch < model_newest_epoch(&s->model, partition, feeder, applied))
        return; /* state keeps the newest epoch's only */
    uint64_t held = sim_state_read_tally(&s->state, partition, feeder, &have);
    if (!want || held != epoch || want->scored != have.scored || want->accepted_rows != have.accepted_rows ||
        want->rejected_rows != have.rejected_rows)
        sim_fail(s,
                 "law 3: partition %u at %" PRIu64 ": feeder %u has %" PRIu64 " submissions, %" PRIu64 " + %" PRIu64
                 " rows; not %" PRIu64 ", %" PRIu64 " + %" PRIu64,
                 partition, applied, feeder, have.scored, have.accepted_rows, have.rejected_rows,
                 want ? want->scored : 0, want ? want->accepted_rows : 0, want ? want->rejected_rows : 0);
}

void check_committed(struct sim *s, const struct actor *scorer, const struct state_batch *b)
{
    if (b->owner_epoch != s->check.newest_owner[b->partition]) {
        sim_fail(s, "law 4: %s commits to partition %u, which is another's by now", scorer->name, b->partition);
        return;
    }
    if (b->applied > s->journal.partition[b->partition].last)
        sim_fail(s, "law 3: %s applied more of partition %u than there is", scorer->name, b->partition);
    if (b->applied > s->check.applied_most[b->partition])
        s->check.applied_most[b->partition] = b->applied;
    check_units(s, b->partition, b->applied);
    for (size_t i = 0; i < b->tallies_count; i++)
        check_tally(s, b->partition, b->tallies[i].feeder, b->tallies[i].epoch, b->applied);
}

/* ---- at the end ---- */

static void check_rejects(struct sim *s)
{
    const struct model *m = &s->model;
    size_t count = 0;
    for (size_t i = 0; i < m->reject_count; i++) {
        const struct model_reject *want = &m->reject[i];
        if (want->gone)
            continue;
        count++;
        struct reject_header have = {0};
        bool there = sim_state_read_reject(&s->state, want->feeder, want->epoch, want->seq, want->row, &have);
        if (!there || have.reason != want->reason || have.partition != want->partition)
            sim_fail(s, "law 2: feeder %u seq %" PRIu64 " row %u is rejected with %u, not %u", want->feeder, want->seq,
                     want->row, have.reason, want->reason);
    }
    if (sim_state_reject_count(&s->state) != count)
        sim_fail(s, "law 2: state holds %zu rejects, not %zu", sim_state_reject_count(&s->state), count);
}

void check_state_complete(struct sim *s)
{
    for (uint32_t p = 0; p < s->partitions; p++) {
        uint64_t applied = sim_state_cursor(&s->state, p).applied, last = s->journal.partition[p].last;
        if (applied != last)
            sim_fail(s, "law 3: partition %u is applied up to %" PRIu64 " of %" PRIu64, p, applied, last);
        check_units(s, p, last);
    }
    for (size_t i = 0; i < s->model.tally_count; i++)
        check_tally(s, s->model.tally[i].partition, s->model.tally[i].feeder, s->model.tally[i].epoch, UINT64_MAX);
    check_rejects(s);
}
