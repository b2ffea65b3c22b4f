#include "tests/sim/sim.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the publisher may show ---- */

static void add_ghost(struct check *c, struct ghost ghost)
{
    if (c->ghost_count == c->ghost_capacity) {
        c->ghost_capacity = c->ghost_capacity ? 2 * c->ghost_capacity : 64;
        c->ghost = realloc(c->ghost, c->ghost_capacity * sizeof *c->ghost);
        ASSERT(c->ghost);
    }
    c->ghost[c->ghost_count++] = ghost;
}

/* What was never committed may have been told, and is seen until the publisher learns better (I15). */
static void unit_goes_back(struct sim *s, uint32_t series, uint32_t unit, uint64_t pseq)
{
    const struct model_unit *u = &s->model.unit[series][unit];
    int *shown = &s->check.shown[series][unit], before = -1;
    for (size_t i = 0; i < u->count; i++)
        if (u->history[i].pseq < pseq)
            before = (int)i;
        else
            add_ghost(&s->check, (struct ghost){series, unit, u->history[i]});
    *shown = *shown < before ? *shown : before;
}

static void feed_goes_back(struct sim *s, uint32_t partition, uint64_t pseq)
{
    for (uint32_t series = 1; series <= SIM_SERIES; series++)
        for (uint32_t unit = 1; unit <= SIM_UNITS; unit++)
            if (s->model.unit[series][unit].count && s->model.unit[series][unit].partition == partition)
                unit_goes_back(s, series, unit, pseq);
}

/* ---- setting aside ---- */

void check_undone(struct sim *s, uint32_t feeder)
{
    const struct actor *n = actor_by_name(s, s->journal.feeder[feeder].name);
    if (n)
        s->check.undone[n->number] = true;
}

static void check_set_aside(struct sim *s, const Parbus__SetAside *c)
{
    struct sim_entry entry;
    const struct sim_record *r = sim_journal_record(&s->journal, c->partition, c->pseq);
    uint64_t applied = sim_state_cursor(&s->state, c->partition).applied;
    uint32_t blamed = poison_blamed(s, c->partition, c->pseq);
    if (!r || !sim_record_entry(r, c->pseq, &entry)) {
        sim_fail(s, "law 3: entry %" PRIu64 " of partition %u is set aside, and there is none", c->pseq, c->partition);
        return;
    }
    if (applied >= c->pseq)
        sim_fail(s, "law 3: entry %" PRIu64 " of partition %u is set aside, and applied", c->pseq, c->partition);
    if (blamed < (uint32_t)s->settings.record_tries_max)
        sim_fail(s, "law 3: entry %" PRIu64 " of partition %u is set aside after %u deaths", c->pseq, c->partition,
                 blamed);
    census_add(s, set_aside, 1);
    census_add(s, set_aside_again, r->data[1] == 3);
    if (s->check.applied_most[c->partition] >= c->pseq) /* state was taken back, or lost its last commit */
        check_undone(s, entry.feeder);
    feed_goes_back(s, c->partition, c->pseq);
}

bool check_control_written(struct sim *s, uint64_t seq, bool again)
{
    const struct buffer *packed = &s->journal.control[seq];
    Parbus__Control *c = parbus__control__unpack(NULL, packed->size, packed->data);
    bool past = c && c->body_case == PARBUS__CONTROL__BODY_SET_ASIDE;
    if (past && s->options.mutation != MUTATION_NOT_JOURNALLED)
        check_set_aside(s, c->set_aside);
    if (!c || (!past && !again && !model_control(&s->model, c)))
        sim_fail(s, "law 2: control %" PRIu64 " makes no sense", seq);
    if (c && !past && !again)
        check_rights_control(s, c);
    if (c)
        census_add(s, readmitted, c->body_case == PARBUS__CONTROL__BODY_READMITTED);
    parbus__control__free_unpacked(c, NULL);
    return past || again;
}

/* ---- sending again ---- */

static const struct model_aside *readmitted_by(const struct model *m, uint32_t partition, uint64_t control_seq)
{
    for (size_t i = 0; i < m->aside_count; i++)
        if (m->aside[i].partition == partition && m->aside[i].readmitted == control_seq)
            return &m->aside[i];
    return NULL;
}

/* Word for word what stands at the first place, and as of then. */
static bool same_entry(const struct sim_record *first, uint64_t pseq, const struct journal_put *again)
{
    const uint8_t *at = first->data + 48, *record = again->record;
    struct sim_entry entry;
    if (memcmp(first->data + 8, record + 8, 8) != 0)
        return false;
    for (uint64_t i = first->first_pseq; sim_record_entry(first, i, &entry); i++) {
        size_t bytes = sizeof entry + (entry.bytes + 7u) / 8 * 8;
        if (i == pseq)
            return again->bytes == 48 + bytes && !memcmp(at, record + 48, bytes);
        at += bytes;
    }
    return false;
}

void check_retry_written(struct sim *s, const struct journal_put *put)
{
    uint64_t control_seq;
    memcpy(&control_seq, (const uint8_t *)put->record + 16, sizeof control_seq);
    const struct model_aside *a = readmitted_by(&s->model, put->partition, control_seq);
    const struct sim_record *first = a ? sim_journal_record(&s->journal, a->partition, a->pseq) : NULL;
    if (!first || !same_entry(first, a->pseq, put))
        sim_fail(s, "law 3: entry %" PRIu64 " of partition %u is not what was set aside", put->first_pseq,
                 put->partition);
}

uint64_t check_journal_faults(const struct sim *s)
{
    const uint64_t *count = s->census.count;
    return count[CENSUS_journal_full] + count[CENSUS_journal_io] + count[CENSUS_journal_lies] +
           count[CENSUS_journal_read_io] + count[CENSUS_flips_journal_read];
}

void check_retried(struct sim *s, const Parbus__Retried *m, bool excused)
{
    const struct model_aside *a = model_aside(&s->model, m->partition, m->pseq);
    census_add(s, retries_refused, m->again_pseq == 0);
    if (m->again_pseq && (!a || a->again_pseq != m->again_pseq))
        sim_fail(s, "law 1: entry %" PRIu64 " of partition %u is said to be in the journal again", m->pseq,
                 m->partition);
    if (!m->again_pseq && a && !a->readmitted && !excused)
        sim_fail(s, "law 6: entry %" PRIu64 " of partition %u is not sent again: %s", m->pseq, m->partition, m->why);
}
