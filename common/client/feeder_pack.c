#include "client/feeder_pack.h"
#include "base/plural.h"
#include "wire/varint.h"
#include "wire/wire.h"
#include <string.h>

/* A key is (field number << 3 | wire type); all of ours are below 16 and take one byte. */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2 };
#define KEY(field, type) ((uint8_t)((field) << 3 | (type)))

static uint8_t *put_number(uint8_t *out, uint8_t key, uint64_t v)
{
    *out++ = key;
    return wire_varint_put(out, v);
}

static uint8_t *put_bytes(uint8_t *out, uint8_t key, const void *data, size_t bytes)
{
    out = put_number(out, key, bytes);
    memcpy(out, data, bytes);
    return out + bytes;
}

static enum err check_text(const char *what, const char *text, size_t bytes_max, struct err_text *e)
{
    size_t bytes = text ? strnlen(text, bytes_max + 1) : 0;
    if (bytes == 0)
        return err_set(e, ERR_INVALID, "submission has no %s", what);
    if (bytes > bytes_max)
        return err_set(e, ERR_TOO_LARGE, "%s is longer than %zu bytes", what, bytes_max);
    return wire_utf8_ok(text, bytes) ? OK : err_set(e, ERR_INVALID, "%s is not UTF-8", what);
}

static enum err check_evidence(const Parbus__Submission *s, struct err_text *e)
{
    for (size_t i = 0; i < s->n_evidence; i++) {
        const Parbus__Evidence *v = s->evidence[i];
        if (v->row >= s->n_indicator || (i && v->row < s->evidence[i - 1]->row))
            return err_set(e, ERR_INVALID, "evidence %zu names row %u: rows must exist and not descend", i, v->row);
        if (v->has_sha256 && v->sha256.len != 32)
            return err_set(e, ERR_INVALID, "evidence of row %u has a SHA-256 of %zu %s", v->row, v->sha256.len,
                           plural(v->sha256.len, "byte", "bytes"));
        enum err err = v->uri ? check_text("evidence URI", v->uri, WIRE_URI_BYTES_MAX, e) : OK;
        if (!err && v->note)
            err = check_text("evidence note", v->note, WIRE_NOTE_BYTES_MAX, e);
        if (err)
            return err;
    }
    return OK;
}

static enum err check_columns(const Parbus__Submission *s, uint32_t rows_max, struct err_text *e)
{
    size_t values = s->has_retract && s->retract ? 0 : s->n_indicator;
    if (s->n_indicator > rows_max)
        return err_set(e, ERR_TOO_LARGE, "%zu rows in one submission, at most %u are taken", s->n_indicator, rows_max);
    if (s->n_value != values)
        return err_set(e, ERR_INVALID, "%zu %s for %zu %s", s->n_value, plural(s->n_value, "value", "values"),
                       s->n_indicator, plural(s->n_indicator, "indicator", "indicators"));
    if (s->n_row_observed_ms && s->n_row_observed_ms != s->n_indicator)
        return err_set(e, ERR_INVALID, "%zu observed %s for %zu %s", s->n_row_observed_ms,
                       plural(s->n_row_observed_ms, "time", "times"), s->n_indicator,
                       plural(s->n_indicator, "indicator", "indicators"));
    if (s->stage < PARBUS__STAGE__STAGE_UNKNOWN || s->stage > PARBUS__STAGE__STAGE_SURVEY)
        return err_set(e, ERR_INVALID, "stage %d does not exist", (int)s->stage);
    return check_evidence(s, e);
}

enum err feeder_pack_check(const Parbus__Submission *s, uint32_t rows_max, struct err_text *e)
{
    enum err err = check_text("index", s->index, WIRE_NAME_BYTES_MAX, e);
    if (!err)
        err = check_text("period", s->period, WIRE_NAME_BYTES_MAX, e);
    if (!err)
        err = check_text("unit", s->unit, WIRE_UNIT_BYTES_MAX, e);
    return err ? err : check_columns(s, rows_max, e);
}

static size_t bytes_size(size_t bytes) { return bytes ? 1 + wire_varint_bytes(bytes) + bytes : 0; }

static size_t evidence_size(const Parbus__Submission *s)
{
    size_t size = 0;
    for (size_t i = 0; i < s->n_evidence; i++) {
        size_t bytes = parbus__evidence__get_packed_size(s->evidence[i]);
        size += 1 + wire_varint_bytes(bytes) + bytes;
    }
    return size;
}

size_t feeder_pack_plan(struct feeder_pack_plan *plan, const Parbus__Submission *s)
{
    *plan = (struct feeder_pack_plan){.index = strlen(s->index), .period = strlen(s->period), .unit = strlen(s->unit)};
    for (size_t i = 0; i < s->n_indicator; i++)
        plan->indicators += wire_varint_bytes(s->indicator[i]);
    for (size_t i = 0; i < s->n_row_observed_ms; i++)
        plan->row_times += wire_varint_bytes((uint64_t)s->row_observed_ms[i]);
    plan->evidence = evidence_size(s);
    plan->body = 1 + wire_varint_bytes(s->seq) + 3 + wire_varint_bytes(plan->index) + plan->index +
                 wire_varint_bytes(plan->period) + plan->period + wire_varint_bytes(plan->unit) + plan->unit +
                 (s->has_stage ? 1 + wire_varint_bytes(s->stage) : 0) + (s->has_retract ? 2 : 0) +
                 (s->has_observed_ms ? 1 + wire_varint_bytes((uint64_t)s->observed_ms) : 0) +
                 bytes_size(plan->indicators) + bytes_size(s->n_value * sizeof(double)) + bytes_size(plan->row_times) +
                 plan->evidence;
    plan->envelope = 1 + wire_varint_bytes(plan->body) + plan->body;
    return plan->envelope;
}

static uint8_t *put_indicators(uint8_t *out, const struct feeder_pack_plan *plan, const Parbus__Submission *s)
{
    if (s->n_indicator == 0)
        return out;
    out = put_number(out, KEY(8, BYTES), plan->indicators);
    for (size_t i = 0; i < s->n_indicator; i++)
        out = wire_varint_put(out, s->indicator[i]);
    return out;
}

static uint8_t *put_row_times(uint8_t *out, const struct feeder_pack_plan *plan, const Parbus__Submission *s)
{
    if (s->n_row_observed_ms == 0)
        return out;
    out = put_number(out, KEY(10, BYTES), plan->row_times);
    for (size_t i = 0; i < s->n_row_observed_ms; i++)
        out = wire_varint_put(out, (uint64_t)s->row_observed_ms[i]);
    return out;
}

static uint8_t *put_evidence(uint8_t *out, const Parbus__Submission *s)
{
    for (size_t i = 0; i < s->n_evidence; i++) {
        out = put_number(out, KEY(11, BYTES), parbus__evidence__get_packed_size(s->evidence[i]));
        out += parbus__evidence__pack(s->evidence[i], out);
    }
    return out;
}

void feeder_pack_write(const struct feeder_pack_plan *plan, const Parbus__Submission *s, uint8_t *out)
{
    uint8_t *end = out + plan->envelope;
    out = put_number(out, KEY(PARBUS__TO_INGESTOR__BODY_SUBMISSION, BYTES), plan->body);
    out = put_number(out, KEY(1, VARINT), s->seq);
    out = put_bytes(out, KEY(2, BYTES), s->index, plan->index);
    out = put_bytes(out, KEY(3, BYTES), s->period, plan->period);
    out = put_bytes(out, KEY(4, BYTES), s->unit, plan->unit);
    if (s->has_stage)
        out = put_number(out, KEY(5, VARINT), s->stage);
    if (s->has_retract)
        out = put_number(out, KEY(6, VARINT), s->retract != 0);
    if (s->has_observed_ms)
        out = put_number(out, KEY(7, VARINT), (uint64_t)s->observed_ms);
    out = put_indicators(out, plan, s);
    if (s->n_value)
        out = put_bytes(out, KEY(9, BYTES), s->value, s->n_value * sizeof(double));
    out = put_row_times(out, plan, s);
    out = put_evidence(out, s);
    ASSERT(out == end);
}

/* Envelope key, body length, seq key, seq: *at is what follows them. 0: not such an envelope. */
static uint64_t open_head(const uint8_t *data, size_t bytes, const uint8_t **at)
{
    const uint8_t *end = data + bytes;
    uint64_t body, seq;
    *at = data + 1;
    if (bytes < 4 || data[0] != KEY(PARBUS__TO_INGESTOR__BODY_SUBMISSION, BYTES) || !wire_varint(at, end, &body))
        return 0;
    if (body != (uint64_t)(end - *at) || body < 2 || *(*at)++ != KEY(1, VARINT) || !wire_varint(at, end, &seq))
        return 0;
    return seq;
}

uint64_t feeder_pack_seq(const uint8_t *data, size_t bytes)
{
    const uint8_t *rest;
    return open_head(data, bytes, &rest);
}

const uint8_t *feeder_pack_body(const uint8_t *data, size_t bytes, size_t *body_bytes)
{
    const uint8_t *at = data + 1;
    uint64_t body = 0;
    bool readable = bytes > 1 && wire_varint(&at, data + bytes, &body);
    ASSERT(readable && body == (uint64_t)(data + bytes - at));
    *body_bytes = (size_t)body;
    return at;
}

size_t feeder_pack_renumber(uint8_t *data, size_t bytes, uint64_t seq)
{
    const uint8_t *rest;
    uint64_t before = open_head(data, bytes, &rest);
    ASSERT(before && seq <= before);
    size_t rest_bytes = (size_t)(data + bytes - rest), body = 1 + wire_varint_bytes(seq) + rest_bytes;
    size_t head = 1 + wire_varint_bytes(body) + 1 + wire_varint_bytes(seq);
    uint8_t *start = data + (rest - data) - head;
    uint8_t *out = put_number(start, KEY(PARBUS__TO_INGESTOR__BODY_SUBMISSION, BYTES), body);
    put_number(out, KEY(1, VARINT), seq);
    return (size_t)(start - data);
}
