#include "wire/scan.h"
#include "wire/varint.h"
#include "wire/wire.h"
#include <stdio.h>
#include <string.h>

enum wire_type { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };

/* Where we are, for sentences; on the stack, innermost first. */
struct place {
    const struct place *up;
    const char *name;
};

/* One field as it stands in the bytes. */
struct field {
    uint32_t number, type;
    uint64_t value;      /* VARINT */
    const uint8_t *data; /* LENGTH */
    size_t bytes;
};

static size_t place_text(const struct place *p, char *out, size_t bytes)
{
    size_t n = p->up ? place_text(p->up, out, bytes) : 0;
    int more = snprintf(out + n, bytes - n, "%s%s", n ? "." : "", p->name);
    return more < 0 || (size_t)more >= bytes - n ? bytes - 1 : n + (size_t)more;
}

static enum err fault(const struct place *p, enum err err, struct err_text *e, const char *what)
{
    char where[160];
    place_text(p, where, sizeof where);
    return err_set(e, err, "%s: %s", where, what);
}

static bool skip(const uint8_t **at, const uint8_t *end, size_t bytes)
{
    if (bytes > (size_t)(end - *at))
        return false;
    *at += bytes;
    return true;
}

static bool read_content(const uint8_t **at, const uint8_t *end, struct field *f)
{
    switch (f->type) {
    case VARINT:
        return wire_varint(at, end, &f->value);
    case FIXED64:
        return skip(at, end, 8);
    case FIXED32:
        return skip(at, end, 4);
    case LENGTH:
        if (!wire_length(at, end, &f->bytes))
            return false;
        f->data = *at;
        return skip(at, end, f->bytes);
    default: /* groups, and what does not exist */
        return false;
    }
}

static bool read_field(const uint8_t **at, const uint8_t *end, struct field *f)
{
    uint64_t tag;
    if (!wire_varint(at, end, &tag) || tag >> 3 == 0 || tag >> 32)
        return false;
    f->number = (uint32_t)(tag >> 3);
    f->type = tag & 7;
    return read_content(at, end, f);
}

/* Field numbers mostly run 1, 2, 3 … */
static const ProtobufCFieldDescriptor *find(const ProtobufCMessageDescriptor *type, uint32_t number)
{
    if (number <= type->n_fields && type->fields[number - 1].id == number)
        return &type->fields[number - 1];
    return protobuf_c_message_descriptor_get_field(type, number);
}

/* Rule W3c. No text has a smaller limit than a name. */
static size_t text_bytes_max(const char *field)
{
    static const struct {
        const char *field;
        size_t bytes;
    } limits[] = {
        {"feeder", WIRE_NAME_BYTES_MAX},   {"index", WIRE_NAME_BYTES_MAX}, {"period", WIRE_NAME_BYTES_MAX},
        {"instance", WIRE_NAME_BYTES_MAX}, {"unit", WIRE_UNIT_BYTES_MAX},  {"uri", WIRE_URI_BYTES_MAX},
        {"note", WIRE_NOTE_BYTES_MAX},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (strcmp(limits[i].field, field) == 0)
            return limits[i].bytes;
    return WIRE_TEXT_BYTES_MAX;
}

static enum err scan_text(const struct field *f, const struct place *p, struct err_text *e)
{
    if (f->bytes > WIRE_NAME_BYTES_MAX && f->bytes > text_bytes_max(p->name)) {
        char what[80];
        snprintf(what, sizeof what, "%zu bytes, at most %zu", f->bytes, text_bytes_max(p->name));
        return fault(p, ERR_TOO_LARGE, e, what);
    }
    if (!wire_utf8_ok((const char *)f->data, f->bytes))
        return fault(p, ERR_INVALID, e, "not well-formed UTF-8, or with a NUL in it");
    return OK;
}

static enum err scan_enum_value(const ProtobufCEnumDescriptor *type, uint64_t value, const struct place *p,
                                struct err_text *e)
{
    if (value <= INT32_MAX && protobuf_c_enum_descriptor_get_value(type, (int)value))
        return OK;
    char what[80];
    snprintf(what, sizeof what, "unknown value %lld", (long long)value);
    return fault(p, ERR_INVALID, e, what);
}

static enum err scan_enum(const struct field *f, const ProtobufCEnumDescriptor *type, const struct place *p,
                          struct err_text *e)
{
    if (f->type == VARINT)
        return scan_enum_value(type, f->value, p, e);
    for (const uint8_t *at = f->data, *end = at + f->bytes; at < end;) {
        uint64_t value;
        if (!wire_varint(&at, end, &value))
            return fault(p, ERR_INVALID, e, "breaks off in the middle of a number");
        enum err err = scan_enum_value(type, value, p, e);
        if (err)
            return err;
    }
    return OK;
}

static uint32_t type_expected(ProtobufCType type)
{
    static const uint8_t types[] = {
        [PROTOBUF_C_TYPE_SFIXED32] = FIXED32, [PROTOBUF_C_TYPE_FIXED32] = FIXED32, [PROTOBUF_C_TYPE_FLOAT] = FIXED32,
        [PROTOBUF_C_TYPE_SFIXED64] = FIXED64, [PROTOBUF_C_TYPE_FIXED64] = FIXED64, [PROTOBUF_C_TYPE_DOUBLE] = FIXED64,
        [PROTOBUF_C_TYPE_STRING] = LENGTH,    [PROTOBUF_C_TYPE_BYTES] = LENGTH,    [PROTOBUF_C_TYPE_MESSAGE] = LENGTH,
    };
    return types[type];
}

/* A repeated scalar may come packed or one by one, whatever the schema says. */
static bool type_fits(const struct field *f, const ProtobufCFieldDescriptor *d)
{
    uint32_t expected = type_expected(d->type);
    return f->type == expected || (f->type == LENGTH && d->label == PROTOBUF_C_LABEL_REPEATED);
}

static enum err scan_message(const ProtobufCMessageDescriptor *type, const struct place *p, const uint8_t *at,
                             const uint8_t *end, struct err_text *e);

static enum err scan_field(const struct field *f, const ProtobufCFieldDescriptor *d, const struct place *message,
                           struct err_text *e)
{
    struct place p = {message, d->name};
    if (!type_fits(f, d))
        return fault(&p, ERR_INVALID, e, "of another type than the protocol says");
    if (d->type == PROTOBUF_C_TYPE_STRING)
        return scan_text(f, &p, e);
    if (d->type == PROTOBUF_C_TYPE_ENUM)
        return scan_enum(f, d->descriptor, &p, e);
    if (d->type == PROTOBUF_C_TYPE_MESSAGE)
        return scan_message(d->descriptor, &p, f->data, f->data + f->bytes, e);
    return OK;
}

/* Recursion ends because no type contains itself (rule W5). Unknown fields are passed over. */
static enum err scan_message(const ProtobufCMessageDescriptor *type, const struct place *p, const uint8_t *at,
                             const uint8_t *end, struct err_text *e)
{
    while (at < end) {
        struct field f = {0};
        if (!read_field(&at, end, &f))
            return fault(p, ERR_INVALID, e, "breaks off in the middle of a field, or has a field that cannot be read");
        const ProtobufCFieldDescriptor *d = find(type, f.number);
        enum err err = d ? scan_field(&f, d, p, e) : OK;
        if (err)
            return err;
    }
    return OK;
}

enum err wire_scan(const ProtobufCMessageDescriptor *type, const char *name, const uint8_t *data, size_t bytes,
                   struct err_text *e)
{
    struct place p = {NULL, name};
    return scan_message(type, &p, data, data + bytes, e);
}
