#include "tests/sim/poison.h"
#include "services/scorer/units.h"
#include "tests/sim/draft.h"
#include "tests/sim/sim.h"
#include "validate/validate.h"
#include <inttypes.h>
#include <stdlib.h>

enum { MINUTE_MS = 60000, REPORTS_MORE = 64 };

bool __real_unit_apply(struct cached_unit *u, int stage, uint32_t leaf, const struct unit_row *row);
bool __wrap_unit_apply(struct cached_unit *u, int stage, uint32_t leaf, const struct unit_row *row);
uint32_t __real_validate_submission(const struct validate_input *in, validate_reject_fn *reject, void *ctx);
uint32_t __wrap_validate_submission(const struct validate_input *in, validate_reject_fn *reject, void *ctx);

/* The functions that are wrapped are told neither. */
static struct sim *sim;
static struct actor *looking;

void poison_looks(struct sim *s, struct actor *n)
{
    sim = s;
    looking = n;
}

/* ---- what is deadly ---- */

void poison_draw(struct sim *s)
{
    struct poison *p = &s->poison;
    p->used = rng_below(&s->rng, 2);
    p->left = 1 + rng_below(&s->rng, 8);
    p->chance = rng_below(&s->rng, 2) ? 100000 : 500000;
    p->retried_in_end = rng_below(&s->rng, 2);
    bool mended = rng_below(&s->rng, 2);
    for (int kind = 1; kind < POISON_KINDS; kind++) {
        struct poison_fault *f = &p->fault[kind];
        f->from_us = rng_below(&s->rng, 3) ? 0 : rng_between(&s->rng, 0, 3 * SIM_SECOND);
        f->until_us = mended ? f->from_us + rng_between(&s->rng, 0, 8 * SIM_SECOND) : INT64_MAX;
        f->sometimes = rng_below(&s->rng, 4) == 0;
    }
}

bool poison_deadly(const struct sim *s, enum poison_kind kind)
{
    const struct poison_fault *f = &s->poison.fault[kind];
    return s->poison.used && s->now_us >= f->from_us && s->now_us < f->until_us;
}

bool poison_may_hang(const struct sim *s, const struct actor *n)
{
    return (n->role == &role_validator && poison_deadly(s, POISON_HANGS_VALIDATOR)) ||
           (n->role == &role_scorer && poison_deadly(s, POISON_HANGS_SCORER));
}

/* The kind stands in the time of observation: all others are whole minutes. */
static enum poison_kind kind_of(int64_t observed_ms)
{
    int64_t rest = observed_ms % MINUTE_MS;
    return rest > 0 && rest < POISON_KINDS ? (enum poison_kind)rest : POISON_NONE;
}

void poison_draft(struct sim *s, struct draft *d)
{
    struct poison *p = &s->poison;
    Parbus__Submission *m = &d->submission;
    if (!p->used || !p->left || !rng_chance(&s->rng, p->chance))
        return;
    p->left--;
    if (!m->has_observed_ms || m->observed_ms < MINUTE_MS)
        m->observed_ms = 1760000000000 + s->now_us / SIM_MS;
    m->has_observed_ms = 1;
    m->observed_ms += rng_between(&s->rng, 1, POISON_KINDS - 1) - m->observed_ms % MINUTE_MS;
    m->n_row_observed_ms = 0;
}

/* ---- looking ---- */

/* Rule I17: the blame must fall on the entry that did it. A journal that was taken back may not have it any more. */
static void check_bookmark(struct sim *s, const struct actor *n, uint32_t feeder, uint64_t observed_ms, uint64_t pseq)
{
    const struct sim_record *r = sim_journal_record(&s->journal, n->bookmark.partition, n->bookmark.pseq);
    struct sim_entry entry;
    bool named = n->bookmark.pseq && (!pseq || n->bookmark.pseq == pseq);
    if (named && r && sim_record_entry(r, n->bookmark.pseq, &entry))
        named = entry.feeder == feeder || s->operator.restored;
    if (!named)
        sim_fail(s, "law 6: %s ends at an entry observed at %" PRIu64 " and has noted partition %u entry %" PRIu64,
                 n->name, observed_ms, n->bookmark.partition, n->bookmark.pseq);
}

static void die(struct sim *s, struct actor *n, bool hangs)
{
    trace_note(s, n->name, "is poisoned at partition %lu entry %lu; hangs %lu", n->bookmark.partition, n->bookmark.pseq,
               hangs, 0);
    census_add(s, poison_deaths, !hangs);
    census_add(s, poison_hangs, hangs);
    if (hangs && actor_can_wait(n))
        actor_sticks(s, n);
    else
        actor_dies(n);
}

static void look(enum poison_kind ends, enum poison_kind hangs, int64_t observed_ms, uint32_t feeder, uint64_t pseq)
{
    enum poison_kind kind = kind_of(observed_ms);
    struct actor *n = looking;
    if (!sim || !n || n->dying || (kind != ends && kind != hangs) || !poison_deadly(sim, kind))
        return;
    if (sim->poison.fault[kind].sometimes && rng_below(&sim->rng, 2)) {
        census_add(sim, poison_survived, 1);
        return;
    }
    check_bookmark(sim, n, feeder, (uint64_t)observed_ms, pseq);
    die(sim, n, kind == hangs);
}

/* Rule I18: nobody who reads the journal with its controls looks at what was set aside. */
static void check_replayed(struct sim *s, uint64_t pseq)
{
    const struct poison *p = &s->poison;
    if (model_aside(&s->model, p->replayed_partition, pseq))
        sim_fail(s, "law 2: a replay looks at entry %" PRIu64 " of partition %u, which was set aside", pseq,
                 p->replayed_partition);
}

static void check_replayed_entry(struct sim *s, const struct record_entry *looked_at)
{
    const struct sim_record *r = s->poison.replayed;
    struct sim_entry entry;
    for (uint64_t pseq = r->first_pseq; sim_record_entry(r, pseq, &entry); pseq++)
        if (entry.feeder == looked_at->feeder && entry.epoch == looked_at->epoch && entry.seq == looked_at->seq)
            check_replayed(s, pseq);
}

bool __wrap_unit_apply(struct cached_unit *u, int stage, uint32_t leaf, const struct unit_row *row)
{
    if (sim && sim->poison.replayed)
        check_replayed(sim, row->pseq);
    else
        look(POISON_ENDS_SCORER, POISON_HANGS_SCORER, row->observed_ms, row->feeder, row->pseq);
    return __real_unit_apply(u, stage, leaf, row);
}

uint32_t __wrap_validate_submission(const struct validate_input *in, validate_reject_fn *reject, void *ctx)
{
    const Parbus__Submission *m = in->submission;
    if (sim && sim->poison.replayed)
        check_replayed_entry(sim, in->entry);
    else if (m->has_observed_ms)
        look(POISON_ENDS_VALIDATOR, POISON_HANGS_VALIDATOR, m->observed_ms, in->entry->feeder, 0);
    return __real_validate_submission(in, reject, ctx);
}

void poison_replays(struct sim *s, uint32_t partition, const struct sim_record *record)
{
    poison_looks(s, NULL);
    s->poison.replayed = record;
    s->poison.replayed_partition = partition;
}

/* ---- who is blamed ---- */

static bool is_known(const struct poison *p, uint32_t partition, uint64_t pseq, uint64_t incarnation)
{
    for (size_t i = 0; i < p->report_count; i++)
        if (p->report[i].partition == partition && p->report[i].pseq == pseq && p->report[i].incarnation == incarnation)
            return true;
    return false;
}

uint32_t poison_blamed(const struct sim *s, uint32_t partition, uint64_t pseq)
{
    uint32_t count = 0;
    for (size_t i = 0; i < s->poison.report_count; i++)
        count += s->poison.report[i].partition == partition && s->poison.report[i].pseq == pseq;
    return count;
}

/* Once condemned, an entry is sent to nobody: only those that had it by then may still end at it. */
static void check_bounded(struct sim *s, uint32_t partition, uint64_t pseq)
{
    uint32_t workers = 0, blamed = poison_blamed(s, partition, pseq);
    for (int i = 0; i < s->actor_count; i++)
        workers += s->actor[i].role == &role_validator || s->actor[i].role == &role_scorer;
    if (blamed > (uint32_t)s->settings.record_tries_max + workers)
        sim_fail(s, "law 6: entry %" PRIu64 " of partition %u has ended %u processes, at most %" PRId64 " + %u may",
                 pseq, partition, blamed, s->settings.record_tries_max, workers);
}

void poison_reported(struct sim *s, const Parbus__WorkerHello *hello)
{
    struct poison *p = &s->poison;
    const Parbus__Unfinished *at = hello->unfinished;
    if (!at || is_known(p, at->partition, at->pseq, hello->incarnation))
        return;
    if (p->report_count == p->report_capacity) {
        p->report_capacity += REPORTS_MORE;
        p->report = realloc(p->report, p->report_capacity * sizeof *p->report);
        ASSERT(p->report);
    }
    p->report[p->report_count++] = (struct poison_report){at->partition, at->pseq, hello->incarnation};
    check_bounded(s, at->partition, at->pseq);
}

void poison_reports_forgotten(struct sim *s) { s->poison.report_count = 0; }

void poison_power_cut(struct sim *s)
{
    for (int i = 0; i < s->actor_count; i++)
        if (s->actor[i].died_at.pseq && rng_below(&s->rng, 2)) {
            census_add(s, bookmarks_lost, 1);
            s->actor[i].died_at = (struct bookmark){0};
        }
}

void poison_bookmarks_deleted(struct sim *s)
{
    for (int i = 0; i < s->actor_count; i++)
        s->actor[i].died_at = (struct bookmark){0};
}
