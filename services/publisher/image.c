#include "services/publisher/image.h"
#include <stdlib.h>
#include <string.h>

enum { UNIT_NAME_OVERHEAD_BYTES = 32 };

static void add_part(struct snapshot_image *image, uint32_t kind, const ProtobufCMessage *message)
{
    if (image->count == image->capacity) {
        image->capacity = image->capacity ? 2 * image->capacity : 4;
        image->part = reallocarray(image->part, image->capacity, sizeof *image->part);
        ASSERT(image->part);
    }
    size_t from = image->bytes.size, bytes = protobuf_c_message_get_packed_size(message);
    protobuf_c_message_pack(message, buffer_grow(&image->bytes, bytes));
    image->part[image->count++] = (struct image_part){kind, from, bytes};
}

static Parbus__Component component_of(const struct node *n)
{
    Parbus__Component c = PARBUS__COMPONENT__INIT;
    c.code = (char *)n->code;
    c.title_vi = (char *)n->title_vi;
    c.title_en = (char *)n->title_en;
    c.has_points_max = true;
    c.points_max = n->points_max;
    return c;
}

static void add_begin(struct snapshot_image *image, const struct topic *t, uint64_t epoch, uint32_t heartbeat_ms)
{
    const struct definition *d = t->series->definition;
    Parbus__SnapshotBegin begin = PARBUS__SNAPSHOT_BEGIN__INIT;
    Parbus__Component *component = calloc(d->top_count + 1, sizeof *component);
    begin.component = calloc(d->top_count + 1, sizeof *begin.component);
    ASSERT(component && begin.component);
    for (size_t i = 0; i < d->top_count; i++) {
        component[i] = component_of(&d->node[d->top[i]]);
        begin.component[begin.n_component++] = &component[i];
    }
    begin.has_epoch = begin.has_seq = begin.has_rows = begin.has_decimals = true;
    begin.has_points_max = begin.has_definition_version = begin.has_heartbeat_ms = true;
    begin.topic = (char *)t->name;
    begin.epoch = epoch;
    begin.seq = t->seq;
    begin.rows = (uint32_t)t->table->count;
    begin.title_vi = (char *)d->title_vi;
    begin.title_en = (char *)d->title_en;
    begin.status = (char *)d->status;
    begin.decimals = d->decimals;
    begin.points_max = d->node[0].points_max;
    begin.definition_version = d->version;
    begin.heartbeat_ms = heartbeat_ms;
    add_part(image, PARBUS__FROM_SNAPSHOTS__BODY_BEGIN, &begin.base);
    free(begin.component);
    free(component);
}

/* Rows gathered until a message is full. */
struct part_rows {
    struct snapshot_image *image;
    const struct topic *topic;
    uint64_t epoch;
    Parbus__Row *row;
    Parbus__UnitName *name;
    Parbus__Row **row_pointer;
    Parbus__UnitName **name_pointer;
    size_t count, most, name_bytes;
};

static void flush_rows(struct part_rows *p)
{
    if (!p->count)
        return;
    Parbus__SnapshotRows rows = PARBUS__SNAPSHOT_ROWS__INIT;
    rows.has_epoch = rows.has_seq = true;
    rows.epoch = p->epoch;
    rows.seq = p->topic->seq;
    rows.n_row = rows.n_name = p->count;
    rows.row = p->row_pointer;
    rows.name = p->name_pointer;
    add_part(p->image, PARBUS__FROM_SNAPSHOTS__BODY_ROWS, &rows.base);
    p->count = p->name_bytes = 0;
}

static bool gather_row(void *ctx, uint32_t rank, const struct standing *s)
{
    struct part_rows *p = ctx;
    const struct definition *d = p->topic->series->definition;
    const struct unit *unit = registry_unit(d->registry, s->unit);
    size_t bytes = unit ? strlen(unit->code) + strlen(unit->name) + UNIT_NAME_OVERHEAD_BYTES : UNIT_NAME_OVERHEAD_BYTES;
    if (p->count == p->most || p->name_bytes + bytes > PACKED_ROWS_BYTES_MAX)
        flush_rows(p);
    topic_row(&p->row[p->count], s, d->top_count, rank);
    Parbus__UnitName *name = &p->name[p->count];
    parbus__unit_name__init(name);
    name->has_unit = true;
    name->unit = s->unit;
    name->code = unit ? (char *)unit->code : NULL;
    name->name = unit ? (char *)unit->name : NULL;
    p->name_bytes += bytes;
    p->count++;
    return true;
}

static void add_rows(struct snapshot_image *image, const struct topic *t, uint64_t epoch)
{
    size_t fits = topic_rows_per_message(t), most = fits < t->table->count ? fits : t->table->count;
    struct part_rows p = {.image = image, .topic = t, .epoch = epoch, .most = most};
    p.row = calloc(most + 1, sizeof *p.row);
    p.name = calloc(most + 1, sizeof *p.name);
    p.row_pointer = calloc(most + 1, sizeof *p.row_pointer);
    p.name_pointer = calloc(most + 1, sizeof *p.name_pointer);
    ASSERT(p.row && p.name && p.row_pointer && p.name_pointer);
    for (size_t i = 0; i < most; i++) {
        p.row_pointer[i] = &p.row[i];
        p.name_pointer[i] = &p.name[i];
    }
    standings_each(t->table, gather_row, &p);
    flush_rows(&p);
    free(p.row);
    free(p.name);
    free(p.row_pointer);
    free(p.name_pointer);
}

struct snapshot_image *image_new(const struct topic *t, uint64_t epoch, uint32_t heartbeat_ms, int64_t now_us)
{
    struct snapshot_image *image = calloc(1, sizeof *image);
    ASSERT(image);
    image->seq = t->seq;
    image->made_us = now_us;
    image->references = 1;
    add_begin(image, t, epoch, heartbeat_ms);
    add_rows(image, t, epoch);
    Parbus__SnapshotEnd end = PARBUS__SNAPSHOT_END__INIT;
    end.has_seq = end.has_rows = true;
    end.seq = t->seq;
    end.rows = (uint32_t)t->table->count;
    add_part(image, PARBUS__FROM_SNAPSHOTS__BODY_END, &end.base);
    return image;
}

void snapshot_image_release(struct snapshot_image **image)
{
    struct snapshot_image *i = *image;
    *image = NULL;
    ASSERT(!i || i->references);
    if (!i || --i->references)
        return;
    buffer_free(&i->bytes);
    free(i->part);
    free(i);
}
