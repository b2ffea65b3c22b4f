#include "services/ingestor/group.h"
#include "base/err.h"
#include "wire/wire.h"
#include <stdlib.h>
#include <string.h>

/* A record travels in Work, and in Verdicts with the rejects beside it (W3a). */
enum { RECORD_BYTES_MAX = WIRE_MESSAGE_BYTES_MAX - (256 << 10) };

struct group_record {
    uint32_t partition;
    uint32_t before;  /* entries of the partition in records before this one */
    size_t at, bytes; /* in bytes_of the partition */
    int64_t wall_ms;  /* of one that entries are added to */
};

void group_init(struct group *g, uint32_t partitions)
{
    *g = (struct group){.partitions = partitions};
    g->bytes_of = calloc(partitions, sizeof *g->bytes_of);
    g->open = calloc(partitions, sizeof *g->open);
    g->entries = calloc(partitions, sizeof *g->entries);
    ASSERT(g->bytes_of && g->open && g->entries);
}

static struct group_record *record_at(const struct group *g, size_t which)
{
    return (struct group_record *)(void *)g->records.data + which;
}

static size_t record_count(const struct group *g) { return g->records.size / sizeof(struct group_record); }

static size_t control_count(const struct group *g) { return g->controls.size / sizeof(struct journal_control); }

void group_clear(struct group *g)
{
    for (size_t r = 0; r < record_count(g); r++) {
        uint32_t partition = record_at(g, r)->partition;
        buffer_clear(&g->bytes_of[partition]);
        g->open[partition] = g->entries[partition] = 0;
    }
    const struct journal_control *control = (const void *)g->controls.data;
    for (size_t c = 0; c < control_count(g); c++)
        free((void *)control[c].packed);
    buffer_clear(&g->records);
    buffer_clear(&g->feeders);
    buffer_clear(&g->controls);
    for (size_t r = 0; r < group_refusal_count(g); r++)
        free(group_refusal(g, r)->detail);
    buffer_clear(&g->refusals);
    g->asker_count = g->changer_count = g->bytes = g->submissions = g->rows = 0;
    g->closed = (struct journal_group){0};
}

void group_free(struct group *g)
{
    group_clear(g);
    for (uint32_t p = 0; p < g->partitions; p++)
        buffer_free(&g->bytes_of[p]);
    struct buffer *const buffers[] = {&g->records, &g->feeders, &g->controls, &g->refusals, &g->put, &g->mark};
    for (size_t b = 0; b < sizeof buffers / sizeof *buffers; b++)
        buffer_free(buffers[b]);
    free(g->bytes_of);
    free(g->open);
    free(g->entries);
}

bool group_empty(const struct group *g) { return g->records.size == 0 && g->feeders.size == 0; }

/* ---- records ---- */

static size_t begin_record(struct group *g, uint32_t partition)
{
    struct group_record *r = buffer_grow(&g->records, sizeof *r);
    *r = (struct group_record){
        .partition = partition, .before = g->entries[partition], .at = g->bytes_of[partition].size};
    return record_count(g) - 1;
}

static void record_grew(struct group *g, size_t which, uint32_t entries)
{
    struct group_record *r = record_at(g, which);
    size_t bytes = g->bytes_of[r->partition].size - r->at;
    g->bytes += bytes - r->bytes;
    g->entries[r->partition] += entries;
    r->bytes = bytes;
}

/* Else it would outgrow a message to a worker, or the clock was put back: the time of the record would be one at which
 * what the entry is allowed by may have ended (A6). */
static bool goes_on(const struct group *g, uint32_t partition, size_t body_bytes, int64_t wall_ms)
{
    const struct group_record *r = g->open[partition] ? record_at(g, g->open[partition] - 1) : NULL;
    return r && r->bytes + body_bytes <= RECORD_BYTES_MAX && r->wall_ms <= wall_ms;
}

void group_add(struct group *g, uint32_t partition, const struct record_entry *entry, const void *body, int64_t wall_ms,
               uint64_t control_seq)
{
    struct buffer *b = &g->bytes_of[partition];
    if (!goes_on(g, partition, entry->body_bytes, wall_ms)) {
        g->open[partition] = begin_record(g, partition) + 1;
        record_at(g, g->open[partition] - 1)->wall_ms = wall_ms;
        record_begin(b, RECORD_DATA, wall_ms, control_seq);
    }
    size_t which = g->open[partition] - 1;
    record_add(b, record_at(g, which)->at, entry, body);
    record_grew(g, which, 1);
}

static uint32_t count_of(const struct buffer *record)
{
    struct record_header header;
    memcpy(&header, record->data, sizeof header);
    return header.count;
}

size_t group_add_record(struct group *g, uint32_t partition, const struct buffer *record)
{
    size_t which = begin_record(g, partition);
    buffer_append(&g->bytes_of[partition], record->data, record->size);
    record_grew(g, which, count_of(record));
    g->open[partition] = 0; /* what comes next is after it */
    return which;
}

/* ---- feeders, controls ---- */

size_t group_feeder_count(const struct group *g) { return g->feeders.size / sizeof(struct group_feeder); }

struct group_feeder *group_feeder(const struct group *g, size_t place)
{
    ASSERT(place && place <= group_feeder_count(g));
    return (struct group_feeder *)(void *)g->feeders.data + place - 1;
}

size_t group_add_feeder(struct group *g, uint32_t number)
{
    struct group_feeder *f = buffer_grow(&g->feeders, sizeof *f);
    *f = (struct group_feeder){number, 0};
    return group_feeder_count(g);
}

size_t group_refusal_count(const struct group *g) { return g->refusals.size / sizeof(struct group_refusal); }

const struct group_refusal *group_refusal(const struct group *g, size_t which)
{
    ASSERT(which < group_refusal_count(g));
    return (const struct group_refusal *)(const void *)g->refusals.data + which;
}

void group_add_refusal(struct group *g, uint32_t feeder, uint64_t epoch, uint64_t seq, const char *detail)
{
    size_t bytes = strlen(detail) + 1;
    struct group_refusal *r = buffer_grow(&g->refusals, sizeof *r);
    *r = (struct group_refusal){feeder, epoch, seq, malloc(bytes)};
    ASSERT(r->detail);
    memcpy(r->detail, detail, bytes);
    g->bytes += sizeof *r + bytes;
}

void group_add_control(struct group *g, uint64_t seq, void *packed, size_t bytes)
{
    struct journal_control *c = buffer_grow(&g->controls, sizeof *c);
    *c = (struct journal_control){seq, packed, bytes};
    g->bytes += bytes;
}

/* ---- closing ---- */

static struct journal_put put_of(const struct group *g, const struct group_record *r, uint64_t last)
{
    const struct buffer *b = &g->bytes_of[r->partition];
    return (struct journal_put){r->partition, last + r->before + 1, b->data + r->at, r->bytes};
}

struct journal_mark *group_close(struct group *g, uint64_t commit, uint64_t (*last_pseq)(const void *ctx, uint32_t p),
                                 const void *ctx)
{
    size_t puts = record_count(g), marks = group_feeder_count(g);
    buffer_clear(&g->put);
    buffer_clear(&g->mark);
    struct journal_put *put = buffer_grow(&g->put, puts * sizeof *put);
    struct journal_mark *mark = buffer_grow(&g->mark, marks * sizeof *mark);
    for (size_t r = 0; r < puts; r++)
        put[r] = put_of(g, record_at(g, r), last_pseq(ctx, record_at(g, r)->partition));
    g->closed =
        (struct journal_group){commit, put, puts, mark, marks, (const void *)g->controls.data, control_count(g)};
    return mark;
}
