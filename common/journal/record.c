#include "journal/record.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/plural.h"
#include <string.h>

static size_t padded(size_t bytes) { return (bytes + 7) & ~(size_t)7; }

void record_begin(struct buffer *b, enum record_kind kind, int64_t received_ms, uint64_t control_seq)
{
    struct record_header header = {.version = RECORD_VERSION,
                                   .kind = (uint8_t)kind,
                                   .count = kind == RECORD_CONTROL,
                                   .received_ms = received_ms,
                                   .control_seq = control_seq};
    buffer_append(b, &header, sizeof header);
}

static void count_one(uint8_t *record)
{
    struct record_header header;
    memcpy(&header, record, sizeof header);
    ASSERT(header.kind == RECORD_DATA ? header.count < UINT32_MAX : header.kind == RECORD_RETRY && header.count == 0);
    header.count++;
    memcpy(record, &header, sizeof header);
}

void record_add(struct buffer *b, size_t start, const struct record_entry *entry, const void *body)
{
    ASSERT(start + RECORD_HEADER_BYTES <= b->size);
    size_t bytes = entry->body_bytes, room = padded(bytes);
    uint8_t *at = buffer_grow(b, sizeof *entry + room);
    memcpy(at, entry, sizeof *entry);
    at += sizeof *entry;
    if (bytes)
        memcpy(at, body, bytes);
    memset(at + bytes, 0, room - bytes);
    count_one(b->data + start);
}

static uint32_t header_crc(const struct record_header *h) { return crc32c(0, h, offsetof(struct record_header, crc)); }

void record_seal(void *record, size_t bytes, const struct record_place *place)
{
    struct record_header h;
    ASSERT(bytes >= sizeof h && place->partition <= UINT16_MAX);
    memcpy(&h, record, sizeof h);
    h.partition = (uint16_t)place->partition;
    h.first_pseq = place->first_pseq;
    h.commit = place->commit;
    h.entries_crc = crc32c(0, (const uint8_t *)record + sizeof h, bytes - sizeof h);
    h.crc = header_crc(&h);
    memcpy(record, &h, sizeof h);
}

bool record_is_of(const void *sealed, const void *unsealed, size_t bytes)
{
    struct record_header a, b;
    if (bytes < sizeof a)
        return false;
    memcpy(&a, sealed, sizeof a);
    memcpy(&b, unsealed, sizeof b);
    return a.version == b.version && a.kind == b.kind && a.count == b.count && a.received_ms == b.received_ms &&
           a.control_seq == b.control_seq &&
           memcmp((const uint8_t *)sealed + sizeof a, (const uint8_t *)unsealed + sizeof b, bytes - sizeof a) == 0;
}

/* Also when the version itself was damaged: all the rest says so. */
static bool is_of_version(const struct record_header *h)
{
    struct record_header ours = *h;
    ours.version = RECORD_VERSION;
    return h->version == RECORD_VERSION || header_crc(&ours) == h->crc;
}

static enum err check_header(const struct record_header *h, struct err_text *e)
{
    if (header_crc(h) != h->crc && is_of_version(h))
        return err_set(e, ERR_CORRUPT, "the checksum of the record's header is wrong");
    if (h->version != RECORD_VERSION)
        return err_set(e, ERR_VERSION, "record of version %u, this program knows version %u", h->version,
                       RECORD_VERSION);
    if (h->kind < RECORD_DATA || h->kind > RECORD_RETRY)
        return err_set(e, ERR_CORRUPT, "record of unknown kind %u", h->kind);
    if (h->count == 0 || (h->kind != RECORD_DATA && h->count != 1))
        return err_set(e, ERR_CORRUPT, "record header: kind %u, count %u", h->kind, h->count);
    return OK;
}

enum err record_header_read(struct record_header *h, const void *data, size_t bytes, struct err_text *e)
{
    if (bytes < sizeof *h)
        return err_set(e, ERR_CORRUPT, "record of %zu %s has no header", bytes, plural(bytes, "byte", "bytes"));
    memcpy(h, data, sizeof *h);
    return check_header(h, e);
}

/* One step over an entry; false when it does not fit before `end`. */
static bool step(const uint8_t **at, const uint8_t *end, struct record_entry *entry)
{
    size_t left = (size_t)(end - *at);
    if (left < sizeof *entry)
        return false;
    memcpy(entry, *at, sizeof *entry);
    if (padded(entry->body_bytes) > left - sizeof *entry)
        return false;
    *at += sizeof *entry + padded(entry->body_bytes);
    return true;
}

uint32_t record_count_entries(const void *data, size_t bytes)
{
    if (bytes < RECORD_HEADER_BYTES)
        return 0;
    const uint8_t *at = (const uint8_t *)data + RECORD_HEADER_BYTES, *end = (const uint8_t *)data + bytes;
    struct record_entry entry;
    uint32_t count = 0;
    if (at == end)
        return 1; /* a control */
    while (at != end && step(&at, end, &entry))
        count++;
    return at == end ? count : 0;
}

static enum err check_entries(const struct record_reader *r, struct err_text *e)
{
    const uint8_t *at = r->at;
    uint32_t count = record_entries(&r->header);
    struct record_entry entry;
    for (uint32_t i = 0; i < count; i++)
        if (!step(&at, r->end, &entry))
            return err_set(e, ERR_CORRUPT, "record ends within entry %u of %u", i, count);
    if (at != r->end)
        return err_set(e, ERR_CORRUPT, "record has %zu %s after its last entry", (size_t)(r->end - at),
                       plural((size_t)(r->end - at), "byte", "bytes"));
    return OK;
}

static enum err check_sum(const struct record_reader *r, struct err_text *e)
{
    if (crc32c(0, r->at, (size_t)(r->end - r->at)) == r->header.entries_crc)
        return OK;
    return err_set(e, ERR_CORRUPT, "the checksum of the record's entries is wrong");
}

enum err record_open(struct record_reader *r, const void *data, size_t bytes, struct err_text *e)
{
    *r = (struct record_reader){0};
    enum err err = record_header_read(&r->header, data, bytes, e);
    if (err)
        return err;
    r->at = (const uint8_t *)data + RECORD_HEADER_BYTES;
    r->end = (const uint8_t *)data + bytes;
    err = check_sum(r, e);
    return err ? err : check_entries(r, e);
}

bool record_next(struct record_reader *r, struct record_entry *entry, const uint8_t **body)
{
    const uint8_t *at = r->at;
    if (!step(&r->at, r->end, entry))
        return false;
    *body = at + sizeof *entry;
    r->index++;
    return true;
}

bool record_find(struct record_reader *r, const void *data, size_t bytes, uint64_t first_pseq, uint64_t pseq,
                 struct record_entry *entry, const uint8_t **body)
{
    if (record_open(r, data, bytes, NULL))
        return false;
    for (uint64_t at = first_pseq; record_next(r, entry, body); at++)
        if (at == pseq)
            return true;
    return false;
}

uint64_t record_mark(const struct record_header *h, const struct record_entry *entry)
{
    static const struct record_entry none;
    const struct record_entry *x = entry ? entry : &none;
    const uint64_t what[] = {h->kind, (uint64_t)h->received_ms, h->commit, h->control_seq, x->feeder, x->epoch, x->seq};
    uint64_t mark = 0;
    for (size_t i = 0; i < sizeof what / sizeof *what; i++)
        mark = hash_mix(mark ^ what[i]);
    return mark ? mark : 1;
}

uint64_t record_mark_at(const void *data, size_t bytes, uint64_t first_pseq, uint64_t pseq)
{
    struct record_reader r;
    struct record_entry entry;
    const uint8_t *body;
    if (record_find(&r, data, bytes, first_pseq, pseq, &entry, &body))
        return record_mark(&r.header, &entry);
    bool control = record_open(&r, data, bytes, NULL) == OK && !record_entries(&r.header);
    return control && pseq == first_pseq ? record_mark(&r.header, NULL) : 0;
}
