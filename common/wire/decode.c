#include "wire/decode.h"
#include "wire/scan.h"
#include "wire/varint.h"
#include "wire/wire.h"
#include <string.h>

struct input {
    const uint8_t *at, *end;
    struct arena *arena;
};

/* A length-delimited field's content. */
struct span {
    const uint8_t *at;
    size_t bytes;
};

static bool take_span(struct input *in, struct span *span)
{
    if (!wire_length(&in->at, in->end, &span->bytes))
        return false;
    span->at = in->at;
    in->at += span->bytes;
    return true;
}

static bool take_text(struct input *in, size_t bytes_max, char **text)
{
    struct span s;
    if (!take_span(in, &s) || s.bytes > bytes_max || !wire_utf8_ok((const char *)s.at, s.bytes))
        return false;
    *text = arena_alloc(in->arena, s.bytes + 1);
    if (!*text)
        return false;
    memcpy(*text, s.at, s.bytes);
    (*text)[s.bytes] = 0;
    return true;
}

/* How many varints a packed column holds: each ends with a byte below 0x80. */
static size_t count_varints(struct span s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.bytes; i++)
        count += s.at[i] < 0x80;
    return count;
}

static bool take_seq(struct input *in, Parbus__Submission *s)
{
    s->has_seq = 1;
    return wire_varint(&in->at, in->end, &s->seq);
}

static bool take_index(struct input *in, Parbus__Submission *s)
{
    return take_text(in, WIRE_NAME_BYTES_MAX, &s->index);
}
static bool take_period(struct input *in, Parbus__Submission *s)
{
    return take_text(in, WIRE_NAME_BYTES_MAX, &s->period);
}
static bool take_unit(struct input *in, Parbus__Submission *s) { return take_text(in, WIRE_UNIT_BYTES_MAX, &s->unit); }

static bool take_stage(struct input *in, Parbus__Submission *s)
{
    uint64_t value;
    if (!wire_varint(&in->at, in->end, &value) || value > PARBUS__STAGE__STAGE_SURVEY)
        return false;
    s->has_stage = 1;
    s->stage = (Parbus__Stage)value;
    return true;
}

static bool take_retract(struct input *in, Parbus__Submission *s)
{
    uint64_t value;
    if (!wire_varint(&in->at, in->end, &value) || value > 1)
        return false;
    s->has_retract = 1;
    s->retract = (protobuf_c_boolean)value;
    return true;
}

static bool take_observed(struct input *in, Parbus__Submission *s)
{
    uint64_t value;
    if (!wire_varint(&in->at, in->end, &value))
        return false;
    s->has_observed_ms = 1;
    s->observed_ms = (int64_t)value;
    return true;
}

static bool take_indicators(struct input *in, Parbus__Submission *s)
{
    struct span column;
    uint64_t value;
    if (!take_span(in, &column))
        return false;
    s->n_indicator = count_varints(column);
    s->indicator = arena_alloc(in->arena, s->n_indicator * sizeof *s->indicator);
    const uint8_t *at = column.at, *end = at + column.bytes;
    for (size_t i = 0; s->indicator && at < end; i++) {
        if (!wire_varint(&at, end, &value) || value > UINT32_MAX)
            return false;
        s->indicator[i] = (uint32_t)value;
    }
    return s->indicator;
}

static bool take_values(struct input *in, Parbus__Submission *s)
{
    struct span column;
    if (!take_span(in, &column) || column.bytes % sizeof *s->value)
        return false;
    s->n_value = column.bytes / sizeof *s->value;
    s->value = arena_alloc(in->arena, column.bytes);
    if (s->value)
        memcpy(s->value, column.at, column.bytes);
    return s->value;
}

static bool take_row_observed(struct input *in, Parbus__Submission *s)
{
    struct span column;
    uint64_t value;
    if (!take_span(in, &column))
        return false;
    s->n_row_observed_ms = count_varints(column);
    s->row_observed_ms = arena_alloc(in->arena, s->n_row_observed_ms * sizeof *s->row_observed_ms);
    const uint8_t *at = column.at, *end = at + column.bytes;
    for (size_t i = 0; s->row_observed_ms && at < end; i++) {
        if (!wire_varint(&at, end, &value))
            return false;
        s->row_observed_ms[i] = (int64_t)value;
    }
    return s->row_observed_ms;
}

static const struct {
    uint8_t tag; /* number << 3 | wire type */
    bool (*take)(struct input *in, Parbus__Submission *s);
} fields[] = {
    {1 << 3, take_seq},        {2 << 3 | 2, take_index},
    {3 << 3 | 2, take_period}, {4 << 3 | 2, take_unit},
    {5 << 3, take_stage},      {6 << 3, take_retract},
    {7 << 3, take_observed},   {8 << 3 | 2, take_indicators},
    {9 << 3 | 2, take_values}, {10 << 3 | 2, take_row_observed},
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

static bool take_all(struct input *in, Parbus__Submission *s)
{
    for (unsigned next = 0; in->at < in->end; next++) {
        uint8_t tag = *in->at++;
        while (next < FIELD_COUNT && fields[next].tag != tag)
            next++;
        if (next == FIELD_COUNT || !fields[next].take(in, s))
            return false;
    }
    return true;
}

Parbus__Submission *wire_decode_submission(const uint8_t *body, size_t bytes, struct arena *arena)
{
    size_t used = arena->used;
    struct input in = {body, body + bytes, arena};
    Parbus__Submission *s = arena_alloc(arena, sizeof *s);
    if (s) {
        parbus__submission__init(s);
        s->index = s->period = s->unit = (char *)"";
        if (take_all(&in, s))
            return s;
    }
    arena->used = used;
    return NULL;
}
