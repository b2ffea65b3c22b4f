#include "journal/record.h"
#include "services/scorer/internal.h"
#include "validate/validate.h"
#include "wire/wire.h"
#include <string.h>

static bool rejects_entry_now(const struct applying *a)
{
    return a->reject < a->verdicts->n_reject_entry && a->verdicts->reject_entry[a->reject] == a->index;
}

static bool rejects_row_now(const struct applying *a, uint32_t row)
{
    return rejects_entry_now(a) && a->verdicts->reject_row[a->reject] == row;
}

static void put_reject(struct scorer *s, struct partition *p, const struct applying *a, uint32_t row, uint32_t reason,
                       const char *detail)
{
    size_t bytes = strlen(detail);
    struct pending_reject r = {.detail_at = p->dirty.details.size};
    r.put = (struct state_reject_put){
        .feeder = a->entry->feeder, .row = row, .epoch = a->entry->epoch, .seq = a->entry->seq};
    r.put.header = (struct reject_header){.version = STATE_VERSION,
                                          .reason = reason,
                                          .partition = p->number,
                                          .series = a->entry->series,
                                          .pseq = a->pseq,
                                          .received_ms = a->header->received_ms,
                                          .detail_bytes = (uint32_t)bytes};
    buffer_append(&p->dirty.details, detail, bytes + 1);
    buffer_append(&p->dirty.rejects, &r, sizeof r);
    s->uncommitted_bytes += sizeof r + bytes + 1;
}

static void put_row_reject(struct scorer *s, struct partition *p, const struct applying *a,
                           const Parbus__Submission *submission, uint32_t row)
{
    put_reject(s, p, a, row, a->verdicts->reject_reason[a->reject], a->verdicts->reject_detail[a->reject]);
    struct pending_reject *r = buffer_at(&p->dirty.rejects, buffer_count(&p->dirty.rejects, *r) - 1, sizeof *r);
    r->put.header.indicator = submission->indicator[row];
    r->put.header.value = submission->retract ? 0 : submission->value[row];
}

/* I19: what stood at this key was about the entry's first place. */
static void take_back_reject(struct scorer *s, struct partition *p, const struct applying *a)
{
    if (a->header->kind != RECORD_RETRY)
        return;
    put_reject(s, p, a, WIRE_ROW_WHOLE, 0, "");
    struct pending_reject *r = buffer_at(&p->dirty.rejects, buffer_count(&p->dirty.rejects, *r) - 1, sizeof *r);
    r->put.gone = true;
}

static void count(struct partition *p, const struct applying *a, size_t accepted, size_t rejected)
{
    struct tally_row *t = tallies_at(&p->tallies, a->entry->feeder, a->entry->epoch);
    if (!t)
        return;
    t->tally.scored += a->header->kind != RECORD_RETRY; /* I19: it was counted at its first place */
    t->tally.accepted_rows += accepted;
    t->tally.rejected_rows += rejected;
    tallies_mark_dirty(&p->tallies, t);
}

/* A submission that is rejected as a whole counts with all its rows, and with one when it has none: whoever watches the
 * totals must see that something was rejected. */
static void reject_whole(struct scorer *s, struct partition *p, const struct applying *a, uint32_t reason,
                         const char *detail, size_t rows)
{
    take_back_reject(s, p, a);
    put_reject(s, p, a, WIRE_ROW_WHOLE, reason, detail);
    count(p, a, 0, rows ? rows : 1);
}

/* I18: an owner before us may have come past an entry that is set aside now, told the publisher what it did to its
 * unit, and never committed it. So the unit is told (I15b). */
static enum err show_unit(struct scorer *s, struct partition *p, const struct applying *a, struct err_text *e)
{
    struct cached_unit *u;
    const struct series *series = catalog_series(s->catalog, a->entry->series);
    if (!catalog_set_aside(s->catalog, p->number, a->pseq) || !series ||
        !definition_in_cohort(series->definition, a->entry->unit))
        return OK;
    enum err err = unit_load(s, p, series, a->entry->unit, &u, e);
    if (!err)
        unit_mark_changed(s, p, u);
    return err;
}

static enum err apply_whole_reject(struct scorer *s, struct partition *p, const struct applying *a, struct err_text *e)
{
    const Parbus__Submission *submission;
    enum err err = show_unit(s, p, a, e);
    if (err)
        return err;
    uint32_t reason = a->verdicts->reject_reason[a->reject];
    bool readable = reason != PARBUS__REASON__REJECTED_POISON &&
                    wire_open_submission(a->body, a->entry->body_bytes, &s->arena, &submission, NULL) == OK;
    reject_whole(s, p, a, reason, a->verdicts->reject_detail[a->reject], readable ? submission->n_indicator : 0);
    return OK;
}

/* A verdict that accepts what cannot be applied comes from a validator of another version; nothing is read past an end.
 */
static bool applicable(const struct series *series, const struct applying *a, const Parbus__Submission *s)
{
    size_t rows = s->n_indicator;
    return series && a->entry->unit != UNIT_NONE && (int)s->stage > 0 && (int)s->stage < STAGES &&
           definition_has_stage(series->definition, s->stage) && (s->retract || s->n_value == rows) &&
           (!s->n_row_observed_ms || s->n_row_observed_ms == rows);
}

static const struct node *leaf_of(const struct definition *d, uint32_t indicator)
{
    const struct node *node = definition_node(d, indicator);
    return node && node->leaf >= 0 ? node : NULL;
}

struct row_totals {
    size_t accepted, rejected;
    bool effect;
};

static struct row_totals apply_rows(struct scorer *s, struct partition *p, struct applying *a,
                                    const Parbus__Submission *submission, struct cached_unit *u)
{
    struct row_totals totals = {0};
    struct unit_row row = {.received_ms = a->header->received_ms,
                           .pseq = a->pseq,
                           .feeder = a->entry->feeder,
                           .retract = submission->retract};
    size_t evidence = 0;
    for (uint32_t i = 0; i < submission->n_indicator; i++) {
        const struct node *node = leaf_of(u->definition, submission->indicator[i]);
        bool rejected = rejects_row_now(a, i);
        if (rejected) {
            put_row_reject(s, p, a, submission, i);
            a->reject++;
        }
        while (evidence < submission->n_evidence && submission->evidence[evidence]->row < i)
            evidence++;
        if (rejected || !node) {
            totals.rejected++;
            continue;
        }
        row.row = i;
        row.value = submission->retract ? 0 : submission->value[i];
        row.observed_ms = submission_observed_ms(submission, i, row.received_ms);
        row.evidence = evidence < submission->n_evidence && submission->evidence[evidence]->row == i;
        totals.effect |= unit_apply(u, submission->stage, (uint32_t)node->leaf, &row);
        totals.accepted++;
    }
    return totals;
}

static void set_cause(struct cached_unit *u, const struct applying *a)
{
    u->score.cause_feeder = a->entry->feeder;
    u->score.cause_epoch = a->entry->epoch;
    u->score.cause_seq = a->entry->seq;
    u->score.cause_pseq = a->pseq;
}

static enum err apply_accepted(struct scorer *s, struct partition *p, struct applying *a,
                               const Parbus__Submission *submission, const struct series *series, struct err_text *e)
{
    struct cached_unit *u;
    enum err err = unit_load(s, p, series, a->entry->unit, &u, e);
    if (err)
        return err;
    take_back_reject(s, p, a);
    size_t bytes = u->bytes;
    unit_cells(u, submission->stage);
    p->units.bytes += u->bytes - bytes;
    if (u->dirty)
        s->uncommitted_bytes += u->bytes - bytes;
    struct row_totals totals = apply_rows(s, p, a, submission, u);
    if (totals.effect) {
        set_cause(u, a);
        unit_mark_changed(s, p, u);
    }
    count(p, a, totals.accepted, totals.rejected);
    return OK;
}

enum err apply_entry(struct scorer *s, struct partition *p, struct applying *a, struct err_text *e)
{
    const Parbus__Submission *submission;
    struct err_text why = {""};
    arena_reset(&s->arena);
    if (rejects_row_now(a, WIRE_ROW_WHOLE))
        return apply_whole_reject(s, p, a, e);
    if (wire_open_submission(a->body, a->entry->body_bytes, &s->arena, &submission, &why)) {
        reject_whole(s, p, a, PARBUS__REASON__REJECTED_POISON, why.text, 0);
        return OK;
    }
    const struct series *series = catalog_series(s->catalog, a->entry->series);
    if (!applicable(series, a, submission)) {
        reject_whole(s, p, a, PARBUS__REASON__REJECTED_POISON, "the verdict does not fit the submission",
                     submission->n_indicator);
        return OK;
    }
    return apply_accepted(s, p, a, submission, series, e);
}
