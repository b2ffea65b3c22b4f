/* The conversation with the journal: groups are handed over, and answered later. */
#include "tests/sim/sim.h"
#include "tests/sim/sim_journal.h"
#include <stdlib.h>
#include <string.h>

enum { LATE_US = 5 * SIM_MS };

/* ---- a group of our own: the ingestor may die while it is under way ---- */

static void *copy(const void *from, size_t bytes)
{
    void *to = malloc(bytes + 1);
    ASSERT(to);
    if (bytes)
        memcpy(to, from, bytes);
    return to;
}

static struct journal_group copy_group(const struct journal_group *g)
{
    struct journal_put *put = copy(g->put, g->put_count * sizeof *put);
    struct journal_control *control = copy(g->control, g->control_count * sizeof *control);
    for (size_t i = 0; i < g->put_count; i++)
        put[i].record = copy(g->put[i].record, g->put[i].bytes);
    for (size_t i = 0; i < g->control_count; i++)
        control[i].packed = copy(g->control[i].packed, g->control[i].bytes);
    struct journal_group to = *g;
    to.put = put;
    to.control = control;
    to.mark = copy(g->mark, g->mark_count * sizeof *g->mark);
    return to;
}

void sim_append_free(struct sim_append *a)
{
    struct journal_group *g = &a->group;
    for (size_t i = 0; i < g->put_count; i++)
        free((void *)g->put[i].record);
    for (size_t i = 0; i < g->control_count; i++)
        free((void *)g->control[i].packed);
    free((void *)g->put);
    free((void *)g->control);
    free((void *)g->mark);
    *a = (struct sim_append){0};
}

static bool same_group(const struct journal_group *a, const struct journal_group *b)
{
    if (a->commit != b->commit || a->put_count != b->put_count || a->mark_count != b->mark_count ||
        a->control_count != b->control_count)
        return false;
    for (size_t i = 0; i < a->put_count; i++)
        if (a->put[i].partition != b->put[i].partition || a->put[i].first_pseq != b->put[i].first_pseq ||
            a->put[i].bytes != b->put[i].bytes || memcmp(a->put[i].record, b->put[i].record, a->put[i].bytes) != 0)
            return false;
    return true;
}

static void write_once(struct sim *s)
{
    struct sim_append *a = &s->journal.append;
    if (!a->there)
        sim_journal_write(s, &a->group);
    a->there = true;
}

/* ---- handing over ---- */

static bool follows(const struct sim_journal *j, const struct journal_group *g)
{
    uint64_t last[SIM_PARTITIONS_MAX];
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++)
        last[p] = j->partition[p].last;
    for (size_t i = 0; i < g->put_count; i++) {
        uint32_t count;
        memcpy(&count, (const uint8_t *)g->put[i].record + 4, sizeof count);
        if (g->put[i].first_pseq != last[g->put[i].partition] + 1)
            return false;
        last[g->put[i].partition] += count;
    }
    for (size_t i = 0; i < g->control_count; i++)
        if (g->control[i].seq != j->controls + 1 + i)
            return false;
    return !g->put_count || g->commit == j->commits + 1;
}

static void check_handed_over(struct sim *s, const struct journal_group *g)
{
    const struct sim_append *a = &s->journal.append;
    if (a->under_way)
        sim_fail(s, "the ingestor appends a second group before the first one is answered");
    if (a->fenced)
        sim_fail(s, "law 4: the ingestor appends though somebody else is the writer");
    if (a->refused && !same_group(&a->group, g))
        sim_fail(s, "law 1: the ingestor appends another group than the one that failed");
    if (!a->refused && !follows(&s->journal, g))
        sim_fail(s, "law 1: the ingestor appends what does not follow");
}

static int64_t answer_us(struct sim *s, const struct actor *n)
{
    int64_t at_us = actor_now_us(s, n) + rng_between(&s->rng, s->weather.journal.least_us, s->weather.journal.most_us);
    int64_t burst_us = s->weather.journal.burst_us;
    if (s->now_us < s->journal.slow_until_us)
        at_us += rng_between(&s->rng, 0, 40 * SIM_MS);
    return burst_us ? (at_us / burst_us + 1) * burst_us : at_us;
}

static void hand_over(struct sim *s, const struct journal_group *g)
{
    struct sim_append *a = &s->journal.append;
    census_add(s, appended_again, a->refused);
    census_add(s, journal_behind, s->journal.answered_step == s->step);
    if (!a->refused)
        check_group_taken(s, g);
    bool there = a->refused && a->there && s->options.mutation != MUTATION_APPENDED_TWICE;
    sim_append_free(a);
    a->group = copy_group(g);
    a->there = there;
    census_add(s, found_there, there);
}

enum err sim_journal_append(struct sim *s, struct actor *n, const struct journal_group *g, uint64_t ticket)
{
    struct sim_append *a = &s->journal.append;
    census_add(s, hangs_in_append, actor_hangs(s, n, "hangs before it hands a group to the journal"));
    if (!actor_lives(s, n))
        return OK;
    check_handed_over(s, g);
    hand_over(s, g);
    a->under_way = true;
    a->ticket = ticket;
    a->due_us = answer_us(s, n);
    census_add(s, journal_late, a->due_us - actor_now_us(s, n) > LATE_US);
    census_add(s, journal_bursts, s->weather.journal.burst_us > 0);
    if (rng_below(&s->rng, 4) == 0) /* it may be read before it is confirmed */
        write_once(s);
    trace_note(s, n->name, "appends commit %lu: %lu records, %lu marks", g->commit, g->put_count, g->mark_count, 0);
    census_add(s, hangs_in_append, actor_hangs(s, n, "hangs after it handed a group to the journal"));
    return OK;
}

/* ---- answering ---- */

/* The writer is told of a failure, and the group is there. */
static enum err lie(struct sim *s)
{
    struct sim_journal *j = &s->journal;
    write_once(s);
    census_add(s, journal_lies, 1);
    if (j->power_fails_next) {
        s->power_fails = true;
        s->fault_us = s->now_us + 1;
    }
    return ERR_IO;
}

static enum err fail_in_doubt(struct sim *s)
{
    census_add(s, journal_io, 1);
    if (rng_below(&s->rng, 2))
        return lie(s);
    return ERR_IO;
}

static enum err result_of(struct sim *s)
{
    struct sim_journal *j = &s->journal;
    if (j->fence)
        return ERR_LOST;
    if (s->now_us < j->full_until_us) {
        census_add(s, journal_full, 1);
        return ERR_FULL;
    }
    if (j->append_errors) {
        j->append_errors--;
        census_add(s, journal_io, 1);
        return ERR_IO;
    }
    if (j->lies) {
        j->lies--;
        return lie(s);
    }
    return rng_chance(&s->rng, s->weather.journal.failures) ? fail_in_doubt(s) : OK;
}

static void now_sure(struct sim *s)
{
    struct sim_journal *j = &s->journal;
    write_once(s);
    j->unsynced = false;
    memcpy(j->sure, j->feeder, sizeof j->sure);
    j->sure_controls = j->controls;
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++)
        j->partition[p].sure = j->partition[p].last;
}

static void answered(struct sim *s, enum err result)
{
    struct sim_append *a = &s->journal.append;
    s->journal.answered_step = s->step;
    a->under_way = false;
    a->refused = result && result != ERR_LOST;
    a->fenced = result == ERR_LOST;
    if (result == OK)
        now_sure(s);
    census_add(s, fenced, a->fenced);
    census_add(s, fenced_kept, a->fenced && a->there);
}

bool sim_journal_answer(struct sim *s, struct actor *n, uint64_t *ticket, enum err *result, const char **why)
{
    struct sim_append *a = &s->journal.append;
    if (!a->under_way || actor_now_us(s, n) < a->due_us || !actor_lives(s, n))
        return false;
    *ticket = a->ticket;
    *result = result_of(s);
    *why = *result == ERR_LOST ? "somebody else is the writer now" : "the disk failed";
    answered(s, *result);
    trace_note(s, "journal", "answers commit %lu: error %lu, there %lu", a->group.commit, *result, a->there, 0);
    return true;
}

int64_t sim_journal_due_us(const struct sim_journal *j) { return j->append.under_way ? j->append.due_us : INT64_MAX; }

void sim_journal_abandoned(struct sim *s)
{
    struct sim_append *a = &s->journal.append;
    if (a->under_way && !a->there && !s->journal.fence && rng_below(&s->rng, 2))
        write_once(s);
    census_add(s, journal_kept, a->under_way && a->there);
    census_add(s, journal_dropped, a->under_way && !a->there);
    sim_append_free(a);
}

void sim_journal_fence(struct sim *s)
{
    struct sim_journal *j = &s->journal;
    if (j->append.under_way && rng_below(&s->rng, 2))
        write_once(s);
    j->fence = true;
    trace_note(s, "journal", "has another writer now", 0, 0, 0, 0);
}
