#include "tests/sim/model.h"
#include "base/err.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE = 0xffffffff, DAY_MS = 86400000, HEADER_BYTES = 48, ENTRY_BYTES = 32, KIND_CONTROL = 2, KIND_RETRY = 3 };

/* ---- points ---- */

/* max * part / whole, half up. */
static int64_t share_of(int64_t max, int64_t part, int64_t whole)
{
    if (part <= 0)
        return 0;
    return part >= whole ? max : (2 * max * part + whole) / (2 * whole);
}

static int64_t points_of(const struct sim_node *n, double value)
{
    int64_t k = llround(value * n->grid);
    if (n->rule == PARBUS__RULE_KIND__RULE_POINTS)
        return share_of(n->max, k * (1000000 / n->grid), n->max);
    if (n->rule == PARBUS__RULE_KIND__RULE_CHECKLIST || n->rule == PARBUS__RULE_KIND__RULE_LINEAR)
        return share_of(n->max, k, (int64_t)n->parameter * n->grid);
    if (n->rule == PARBUS__RULE_KIND__RULE_DEDUCT) {
        int64_t left = n->max - n->parameter * k / n->grid;
        return left < 0 ? 0 : left;
    }
    int64_t points = 0;
    for (int i = 0; i < SIM_STEPS; i++)
        if (k >= sim_step_at[i])
            points = sim_step_points[i];
    return points;
}

static int stage_in_force(const struct model_unit *u, int leaf)
{
    for (int stage = MODEL_STAGES - 1; stage > 0; stage--)
        if (u->cell[stage][leaf].set && !u->cell[stage][leaf].retracted)
            return stage;
    return 0;
}

static void compute(const struct sim_index *index, const struct model_unit *u, struct model_row *row)
{
    int64_t appraised = 0;
    int there = 0;
    memset(row->points, 0, sizeof row->points);
    for (int i = 0; i < index->node_count; i++) {
        const struct sim_node *n = &index->node[i];
        int stage = n->leaf < 0 ? 0 : stage_in_force(u, n->leaf);
        if (!stage)
            continue;
        there++;
        appraised += stage > 1 ? n->max : 0;
        int64_t points = points_of(n, u->cell[stage][n->leaf].value);
        for (int at = i; at >= 0; at = index->node[at].parent)
            row->points[at] += points;
    }
    row->present = there > 0;
    row->complete = there > 0 && (index->zero_when_missing || there == index->leaf_count);
    row->share = (uint32_t)(appraised * 1000000 / index->node[0].max);
}

/* ---- growing lists ---- */

static void *grown(void *list, size_t count, size_t *capacity, size_t bytes)
{
    if (count < *capacity)
        return list;
    *capacity = *capacity ? 2 * *capacity : 32;
    list = realloc(list, *capacity * bytes);
    ASSERT(list);
    return list;
}

void model_free(struct model *m)
{
    for (int series = 1; series <= SIM_SERIES; series++)
        for (int unit = 1; unit <= SIM_UNITS; unit++)
            free(m->unit[series][unit].history);
    free(m->tally);
    free(m->reject);
    free(m->aside);
    *m = (struct model){0};
}

/* ---- controls ---- */

static struct model_aside *find_aside(const struct model *m, uint32_t partition, uint64_t pseq)
{
    for (size_t i = 0; i < m->aside_count; i++)
        if (m->aside[i].partition == partition && m->aside[i].pseq == pseq)
            return &m->aside[i];
    return NULL;
}

const struct model_aside *model_aside(const struct model *m, uint32_t partition, uint64_t pseq)
{
    return find_aside(m, partition, pseq);
}

static bool set_aside(struct model *m, const Parbus__SetAside *c)
{
    if (!c->pseq || find_aside(m, c->partition, c->pseq))
        return false;
    m->aside = grown(m->aside, m->aside_count, &m->aside_capacity, sizeof *m->aside);
    m->aside[m->aside_count++] = (struct model_aside){.partition = c->partition, .pseq = c->pseq};
    return true;
}

static bool readmit(struct model *m, const Parbus__Readmitted *c)
{
    struct model_aside *a = find_aside(m, c->partition, c->pseq);
    if (!a || a->readmitted)
        return false;
    a->readmitted = m->controls;
    return true;
}

/* A4: its asker is the directory's owner, or might change rights as of the control before this one. */
static bool may_change(const struct model *m, const Parbus__Control *c)
{
    const char *by = c->access->by;
    uint64_t before = m->controls - 1;
    return !by || !by[0] ||
           model_rights_verb(&m->rights, model_rights_named(&m->rights, by, before), PARBUS__VERB__VERB_ACCESS, before,
                             c->received_ms);
}

bool model_control(struct model *m, const Parbus__Control *control)
{
    m->controls++;
    if (control->body_case == PARBUS__CONTROL__BODY_SET_ASIDE)
        return set_aside(m, control->set_aside);
    if (control->body_case == PARBUS__CONTROL__BODY_READMITTED)
        return readmit(m, control->readmitted);
    if (control->body_case == PARBUS__CONTROL__BODY_ACCESS)
        return may_change(m, control) && model_rights_change(&m->rights, control->access, m->controls);
    if (m->published == SIM_CONTROLS)
        return false;
    m->publish_seq[++m->published] = m->controls;
    return true;
}

/* ---- one submission ---- */

struct entry {
    uint32_t bytes, feeder;
    uint64_t epoch, seq;
    uint32_t series, unit;
};
_Static_assert(sizeof(struct entry) == ENTRY_BYTES, "as in the journal");

struct submission {
    uint32_t partition;
    uint64_t pseq, control_seq;
    uint64_t resolved_seq; /* control seq when the door looked up its names */
    bool again;            /* it was set aside at another place */
    int64_t received_ms;
    struct entry entry;
    const Parbus__Submission *s;
};

static void reject(struct model *m, const struct submission *in, uint32_t row, uint32_t reason)
{
    m->reject = grown(m->reject, m->reject_count, &m->reject_capacity, sizeof *m->reject);
    m->reject[m->reject_count++] =
        (struct model_reject){in->entry.feeder, row, reason, in->partition, in->entry.epoch, in->entry.seq, false};
}

/* What it was rejected with at its first place does not count any more. */
static void take_back_reject(struct model *m, const struct submission *in)
{
    for (size_t i = 0; i < m->reject_count; i++) {
        struct model_reject *r = &m->reject[i];
        r->gone |= r->feeder == in->entry.feeder && r->epoch == in->entry.epoch && r->seq == in->entry.seq;
    }
}

static void tally(struct model *m, const struct submission *in, uint64_t accepted, uint64_t rejected)
{
    const struct model_tally *before = model_tally_at(m, in->partition, in->entry.feeder, in->entry.epoch, UINT64_MAX);
    struct model_tally t = {in->partition, in->entry.feeder, in->entry.epoch, in->pseq, !in->again, accepted, rejected};
    if (before) {
        t.scored += before->scored;
        t.accepted_rows += before->accepted_rows;
        t.rejected_rows += before->rejected_rows;
    }
    m->tally = grown(m->tally, m->tally_count, &m->tally_capacity, sizeof *m->tally);
    m->tally[m->tally_count++] = t;
}

static bool in_force(const struct model *m, uint32_t control, uint64_t seq)
{
    return m->publish_seq[control] && m->publish_seq[control] <= seq;
}

static uint32_t find_series(const struct model *m, const struct submission *in, uint32_t *reason)
{
    *reason = PARBUS__REASON__REJECTED_INDEX_UNKNOWN;
    for (int i = 0; i < SIM_INDICES; i++)
        if (!strcmp(sim_index_table[i].code, in->s->index) &&
            in_force(m, sim_index_table[i].published, in->control_seq))
            *reason = PARBUS__REASON__REJECTED_PERIOD_UNKNOWN;
    for (uint32_t n = 1; n <= SIM_SERIES; n++) {
        const struct sim_series *series = &sim_series_table[n];
        if (!strcmp(sim_index_table[series->index].code, in->s->index) && !strcmp(series->period, in->s->period) &&
            in_force(m, series->opened, in->resolved_seq))
            return n;
    }
    return 0;
}

/* 0: all is well, and series and unit are set. */
static uint32_t whole_fault(const struct model *m, const struct submission *in, uint32_t *series, int *unit)
{
    uint32_t reason;
    *unit = 0;
    *series = find_series(m, in, &reason);
    if (!*series)
        return reason;
    for (int i = 0; i < SIM_NAMES; i++)
        if (!strcmp(sim_name_table[i].text, in->s->unit))
            *unit = sim_name_table[i].unit;
    const struct sim_index *index = &sim_index_table[sim_series_table[*series].index];
    if (*unit == 0)
        return PARBUS__REASON__REJECTED_UNIT_UNKNOWN;
    if (*unit == SIM_AMBIGUOUS)
        return PARBUS__REASON__REJECTED_UNIT_AMBIGUOUS;
    if ((uint32_t)*unit > index->units)
        return PARBUS__REASON__REJECTED_UNIT_NOT_IN_COHORT;
    if (in->s->stage < 1 || !(index->stages >> in->s->stage & 1))
        return PARBUS__REASON__REJECTED_STAGE_UNKNOWN;
    return in->s->n_indicator ? 0 : PARBUS__REASON__REJECTED_EMPTY;
}

static int64_t observed_ms(const struct submission *in, size_t row)
{
    if (in->s->n_row_observed_ms)
        return in->s->row_observed_ms[row];
    return in->s->has_observed_ms ? in->s->observed_ms : in->received_ms;
}

static uint32_t row_fault(const struct sim_index *index, const struct submission *in, size_t row,
                          const struct sim_node **node)
{
    *node = NULL;
    for (int i = 0; i < index->node_count; i++)
        if (index->node[i].id == in->s->indicator[row])
            *node = &index->node[i];
    if (!*node)
        return PARBUS__REASON__REJECTED_INDICATOR_UNKNOWN;
    if ((*node)->leaf < 0)
        return PARBUS__REASON__REJECTED_INDICATOR_NOT_LEAF;
    if (!in->s->retract) {
        double value = in->s->value[row];
        if (!isfinite(value))
            return PARBUS__REASON__REJECTED_VALUE_NOT_FINITE;
        if (value < (*node)->value_min || value > (*node)->value_max)
            return PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE;
    }
    int64_t at = observed_ms(in, row);
    return at < 0 || at > in->received_ms + DAY_MS ? PARBUS__REASON__REJECTED_OBSERVED_AT_INVALID : 0;
}

/* The later observation wins, then the later place in the journal; within one submission the later row. */
static bool put(struct model_unit *u, const struct sim_node *node, const struct submission *in, uint32_t row)
{
    struct model_cell *cell = &u->cell[in->s->stage][node->leaf];
    int64_t at = observed_ms(in, row);
    if (cell->set && at < cell->observed_ms)
        return false;
    *cell = (struct model_cell){true, in->s->retract, in->s->retract ? 0 : in->s->value[row], at, in->pseq, row};
    return true;
}

static void keep(struct model_unit *u, const struct sim_index *index, const struct submission *in)
{
    struct model_row row = {
        .pseq = in->pseq, .cause_feeder = in->entry.feeder, .cause_epoch = in->entry.epoch, .cause_seq = in->entry.seq};
    compute(index, u, &row);
    u->partition = in->partition;
    u->history = grown(u->history, u->count, &u->capacity, sizeof *u->history);
    u->history[u->count++] = row;
}

static void note_told(struct model *m, const struct submission *in, uint32_t series, int unit)
{
    if (series && unit > 0 && (uint32_t)unit <= sim_index_table[sim_series_table[series].index].units &&
        !m->unit[series][unit].told)
        m->unit[series][unit].told = in->pseq;
}

static void apply(struct model *m, const struct submission *in)
{
    uint32_t series, accepted = 0;
    int unit;
    uint32_t fault = whole_fault(m, in, &series, &unit);
    struct model_aside *aside = find_aside(m, in->partition, in->pseq);
    if (in->again)
        take_back_reject(m, in);
    if (aside) {
        aside->resolved_seq = in->resolved_seq;
        note_told(m, in, series, unit);
        reject(m, in, WHOLE, PARBUS__REASON__REJECTED_POISON);
        tally(m, in, 0, 1);
        return;
    }
    if (fault) {
        reject(m, in, WHOLE, fault);
        tally(m, in, 0, in->s->n_indicator ? in->s->n_indicator : 1);
        return;
    }
    const struct sim_index *index = &sim_index_table[sim_series_table[series].index];
    struct model_unit *u = &m->unit[series][unit];
    bool effect = false;
    for (uint32_t row = 0; row < in->s->n_indicator; row++) {
        const struct sim_node *node;
        fault = row_fault(index, in, row, &node);
        if (fault)
            reject(m, in, row, fault);
        else
            effect |= put(u, node, in, row);
        accepted += !fault;
    }
    if (effect)
        keep(u, index, in);
    tally(m, in, accepted, in->s->n_indicator - accepted);
}

static bool apply_entry(struct model *m, struct submission *in, const uint8_t **at, const uint8_t *end)
{
    if (end - *at < ENTRY_BYTES)
        return false;
    memcpy(&in->entry, *at, ENTRY_BYTES);
    *at += ENTRY_BYTES;
    size_t padded = (in->entry.bytes + 7u) / 8 * 8;
    if ((size_t)(end - *at) < padded)
        return false;
    Parbus__Submission *s = parbus__submission__unpack(NULL, in->entry.bytes, *at);
    *at += padded;
    if (!s)
        return false;
    in->s = s;
    bool named = s->index && s->period && s->unit && s->seq == in->entry.seq;
    if (named)
        apply(m, in);
    parbus__submission__free_unpacked(s, NULL);
    return named;
}

/* A retry follows its control in the same commit. */
static bool readmitted(struct model *m, struct submission *in)
{
    for (size_t i = 0; i < m->aside_count; i++) {
        struct model_aside *a = &m->aside[i];
        if (a->readmitted != in->control_seq || a->partition != in->partition)
            continue;
        a->again_pseq = in->pseq;
        in->resolved_seq = a->resolved_seq;
        return true;
    }
    return false;
}

bool model_append(struct model *m, uint32_t partition, uint64_t first_pseq, const uint8_t *record, size_t bytes)
{
    if (bytes < HEADER_BYTES || first_pseq != m->last[partition] + 1)
        return false;
    uint32_t count;
    struct submission in = {.partition = partition, .pseq = first_pseq};
    memcpy(&count, record + 4, sizeof count);
    memcpy(&in.received_ms, record + 8, sizeof in.received_ms);
    memcpy(&in.control_seq, record + 16, sizeof in.control_seq);
    m->last[partition] += count;
    in.resolved_seq = in.control_seq;
    in.again = record[1] == KIND_RETRY;
    if (in.again && (count != 1 || !readmitted(m, &in)))
        return false;
    const uint8_t *at = record + HEADER_BYTES, *end = record + bytes;
    for (uint32_t i = 0; record[1] != KIND_CONTROL && i < count; i++, in.pseq++)
        if (!apply_entry(m, &in, &at, end))
            return false;
    return at == end;
}

/* ---- questions ---- */

const struct model_row *model_row_at(const struct model *m, uint32_t series, uint32_t unit, uint64_t pseq)
{
    const struct model_unit *u = &m->unit[series][unit];
    for (size_t i = u->count; i-- > 0;)
        if (u->history[i].pseq <= pseq)
            return &u->history[i];
    return NULL;
}

uint64_t model_newest_epoch(const struct model *m, uint32_t partition, uint32_t feeder, uint64_t pseq)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < m->tally_count; i++) {
        const struct model_tally *t = &m->tally[i];
        if (t->partition == partition && t->feeder == feeder && t->pseq <= pseq && t->epoch > newest)
            newest = t->epoch;
    }
    return newest;
}

const struct model_tally *model_tally_at(const struct model *m, uint32_t partition, uint32_t feeder, uint64_t epoch,
                                         uint64_t pseq)
{
    for (size_t i = m->tally_count; i-- > 0;) {
        const struct model_tally *t = &m->tally[i];
        if (t->partition == partition && t->feeder == feeder && t->epoch == epoch && t->pseq <= pseq)
            return t;
    }
    return NULL;
}

uint32_t model_rank(const struct model *m, uint32_t series, uint32_t unit)
{
    const struct model_row *own = model_row_at(m, series, unit, UINT64_MAX);
    if (!own || !own->complete)
        return 0;
    uint32_t rank = 1;
    for (uint32_t other = 1; other <= SIM_UNITS; other++) {
        const struct model_row *row = model_row_at(m, series, other, UINT64_MAX);
        rank += row && row->complete && row->points[0] > own->points[0];
    }
    return rank;
}

/* ---- rights ---- */

static const struct sim_index *index_of(const struct model *m, const Parbus__Submission *s, uint64_t control_seq)
{
    for (uint32_t n = 1; n <= SIM_SERIES; n++) {
        const struct sim_series *series = &sim_series_table[n];
        const struct sim_index *index = &sim_index_table[series->index];
        if (!strcmp(index->code, s->index) && !strcmp(series->period, s->period) &&
            in_force(m, series->opened, control_seq))
            return index;
    }
    return NULL;
}

static void place_row(const struct sim_index *index, uint32_t id, const char *code[static 4])
{
    size_t count = 0;
    for (int i = 0; i < index->node_count; i++)
        if (index->node[i].id == id)
            for (int at = i; at >= 0; at = index->node[at].parent)
                code[count++] = index->node[at].code;
}

/* In an index that is not open nothing is known: neither units nor nodes. */
static struct model_place place_of(const struct sim_index *index, const Parbus__Submission *s)
{
    struct model_place place = {.unit = s->unit};
    for (int i = 0; index && i < SIM_NAMES; i++)
        if (sim_name_table[i].unit > 0 && !strcmp(sim_name_table[i].text, s->unit))
            place.unit = sim_name_table[sim_name_table[i].unit - 1].text;
    for (; index && place.rows < s->n_indicator; place.rows++)
        place_row(index, s->indicator[place.rows], place.row[place.rows]);
    return place;
}

bool model_allows(const struct model *m, uint32_t identity, const Parbus__Submission *s, uint64_t control_seq,
                  int64_t received_ms)
{
    const struct model_place place = place_of(index_of(m, s, control_seq), s);
    return model_rights_submission(&m->rights, identity, s, &place, control_seq, received_ms);
}
