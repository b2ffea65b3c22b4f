#include "wire/check.h"
#include "base/plural.h"
#include "wire/wire.h"
#include <math.h>

static const int64_t DAY_MS = 86400000;

static enum err columns_differ(struct err_text *e, const char *a, size_t a_rows, const char *b, size_t b_rows)
{
    return err_set(e, ERR_INVALID, "%s has %zu %s, %s has %zu", a, a_rows, plural(a_rows, "row", "rows"), b, b_rows);
}

/* Rule S1. What the rows say is the validator's to judge, row by row. */
static enum err check_submission(const ProtobufCMessage *message, struct err_text *e)
{
    const Parbus__Submission *s = (const Parbus__Submission *)message;
    if (s->seq == 0)
        return err_set(e, ERR_INVALID, "submission.seq: absent, or 0");
    if (s->n_indicator > WIRE_ROWS_MAX)
        return err_set(e, ERR_TOO_LARGE, "submission.indicator: %zu rows, at most %d", s->n_indicator, WIRE_ROWS_MAX);
    if (s->n_evidence > WIRE_ROWS_MAX)
        return err_set(e, ERR_TOO_LARGE, "submission.evidence: %zu entries, at most %d", s->n_evidence, WIRE_ROWS_MAX);
    if (s->retract && s->n_value)
        return err_set(e, ERR_INVALID, "submission.value: a retraction has no values");
    if (!s->retract && s->n_value != s->n_indicator)
        return columns_differ(e, "submission.value", s->n_value, "indicator", s->n_indicator);
    if (s->n_row_observed_ms && s->n_row_observed_ms != s->n_indicator)
        return columns_differ(e, "submission.row_observed_ms", s->n_row_observed_ms, "indicator", s->n_indicator);
    return OK;
}

static enum err check_status(const ProtobufCMessage *message, struct err_text *e)
{
    const Parbus__Status *s = (const Parbus__Status *)message;
    if (s->from_seq > s->to_seq)
        return err_set(e, ERR_INVALID, "status.from_seq: %llu is after to_seq %llu", (unsigned long long)s->from_seq,
                       (unsigned long long)s->to_seq);
    return OK;
}

static enum err check_description(const ProtobufCMessage *message, struct err_text *e)
{
    const Parbus__Description *d = (const Parbus__Description *)message;
    for (size_t i = 0; i < d->n_indicator; i++)
        if (isnan(d->indicator[i]->value_min) || isnan(d->indicator[i]->value_max))
            return err_set(e, ERR_INVALID, "description.indicator: the range of %u is not a number",
                           d->indicator[i]->id);
    return OK;
}

static enum err check_verdicts(const ProtobufCMessage *message, struct err_text *e)
{
    const Parbus__Verdicts *v = (const Parbus__Verdicts *)message;
    size_t rows = v->n_reject_entry;
    if (v->n_reject_row != rows)
        return columns_differ(e, "verdicts.reject_row", v->n_reject_row, "reject_entry", rows);
    if (v->n_reject_reason != rows)
        return columns_differ(e, "verdicts.reject_reason", v->n_reject_reason, "reject_entry", rows);
    if (v->n_reject_detail != rows)
        return columns_differ(e, "verdicts.reject_detail", v->n_reject_detail, "reject_entry", rows);
    for (size_t i = 0; i < rows; i++) {
        if (!protobuf_c_enum_descriptor_get_value(&parbus__reason__descriptor, (int)v->reject_reason[i]))
            return err_set(e, ERR_INVALID, "verdicts.reject_reason: unknown value %u", v->reject_reason[i]);
        if (i && (v->reject_entry[i - 1] > v->reject_entry[i] ||
                  (v->reject_entry[i - 1] == v->reject_entry[i] && v->reject_row[i - 1] >= v->reject_row[i])))
            return err_set(e, ERR_INVALID, "verdicts.reject_row: not ascending at entry %u", v->reject_entry[i]);
    }
    return OK;
}

static enum err check_committed(const ProtobufCMessage *message, struct err_text *e)
{
    const Parbus__Committed *c = (const Parbus__Committed *)message;
    if (c->n_pseq != c->n_partition)
        return columns_differ(e, "committed.pseq", c->n_pseq, "partition", c->n_partition);
    return OK;
}

static enum err check_controls_wanted(const ProtobufCMessage *message, struct err_text *e)
{
    const Parbus__ControlsWanted *w = (const Parbus__ControlsWanted *)message;
    return w->first ? OK : err_set(e, ERR_INVALID, "controls_wanted.first: absent, or 0");
}

static enum err check_piece(const Parbus__Controls *c, struct err_text *e)
{
    if (c->piece_offset > c->piece_of || c->piece.len > c->piece_of - c->piece_offset)
        return err_set(e, ERR_INVALID, "controls.piece: %zu bytes at %llu of %llu", c->piece.len,
                       (unsigned long long)c->piece_offset, (unsigned long long)c->piece_of);
    return OK;
}

static enum err check_controls(const ProtobufCMessage *message, struct err_text *e)
{
    const Parbus__Controls *c = (const Parbus__Controls *)message;
    size_t count = c->n_packed + (c->piece.len > 0);
    if (count && (c->first == 0 || c->first > c->last || count - 1 > c->last - c->first))
        return err_set(e, ERR_INVALID, "controls.packed: %zu from %llu on, the last one is %llu", count,
                       (unsigned long long)c->first, (unsigned long long)c->last);
    return c->piece.len ? check_piece(c, e) : OK;
}

static enum err check_change_access(const ProtobufCMessage *message, struct err_text *e)
{
    const Parbus__AccessChange *c = ((const Parbus__ChangeAccess *)message)->change;
    if (!c || !c->change_case)
        return err_set(e, ERR_INVALID, "change_access.change: absent, or nothing that this program knows");
    return OK;
}

static enum err check_join(const ProtobufCMessage *message, struct err_text *e)
{
    size_t bytes = ((const Parbus__Join *)message)->token.len;
    return bytes == WIRE_INVITATION_BYTES
               ? OK
               : err_set(e, ERR_INVALID, "join.token: %zu bytes, not %d", bytes, WIRE_INVITATION_BYTES);
}

static enum err check_rotate(const ProtobufCMessage *message, struct err_text *e)
{
    const Parbus__Rotate *r = (const Parbus__Rotate *)message;
    if (r->public_key.len != WIRE_KEY_BYTES)
        return err_set(e, ERR_INVALID, "rotate.public_key: %zu bytes, not %d", r->public_key.len, WIRE_KEY_BYTES);
    if (r->overlap_ms < 0 || r->overlap_ms > WIRE_OVERLAP_DAYS_MAX * DAY_MS)
        return err_set(e, ERR_INVALID, "rotate.overlap_ms: %lld, from 0 to that of %d days", (long long)r->overlap_ms,
                       WIRE_OVERLAP_DAYS_MAX);
    return OK;
}

static enum err check_snapshot_rows(const ProtobufCMessage *message, struct err_text *e)
{
    const Parbus__SnapshotRows *r = (const Parbus__SnapshotRows *)message;
    if (r->n_name != r->n_row)
        return columns_differ(e, "rows.name", r->n_name, "row", r->n_row);
    return OK;
}

enum err wire_check(const ProtobufCMessage *message, struct err_text *e)
{
    static const struct {
        const ProtobufCMessageDescriptor *type;
        enum err (*check)(const ProtobufCMessage *, struct err_text *);
    } checks[] = {
        {&parbus__submission__descriptor, check_submission},
        {&parbus__verdicts__descriptor, check_verdicts},
        {&parbus__status__descriptor, check_status},
        {&parbus__description__descriptor, check_description},
        {&parbus__committed__descriptor, check_committed},
        {&parbus__snapshot_rows__descriptor, check_snapshot_rows},
        {&parbus__controls__descriptor, check_controls},
        {&parbus__controls_wanted__descriptor, check_controls_wanted},
        {&parbus__change_access__descriptor, check_change_access},
        {&parbus__join__descriptor, check_join},
        {&parbus__rotate__descriptor, check_rotate},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (checks[i].type == message->descriptor)
            return checks[i].check(message, e);
    return OK;
}
