#include "client/feed_content.h"
#include "catalog/catalog.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANKED_UNIT_BYTES = 90 }; /* ranking.h */

static const char *or_empty(const char *text) { return text ? text : ""; }

static void header_fill(struct parbus_table_header *h, const Parbus__SnapshotBegin *b)
{
    snprintf(h->topic, sizeof h->topic, "%s", or_empty(b->topic));
    h->title_vi = or_empty(b->title_vi);
    h->title_en = or_empty(b->title_en);
    h->status = or_empty(b->status);
    h->decimals = b->decimals;
    h->definition_version = b->definition_version;
    h->points_max = b->points_max;
    h->component_count = b->n_component;
    h->component = (const Parbus__Component *const *)b->component;
}

struct feed_content *feed_content_new(const uint8_t *begin, size_t bytes)
{
    Parbus__SnapshotBegin *b = parbus__snapshot_begin__unpack(NULL, bytes, begin);
    if (!b || b->rows > CATALOG_UNITS_MAX || b->n_component > CATALOG_NODES_MAX) {
        parbus__snapshot_begin__free_unpacked(b, NULL);
        return NULL;
    }
    struct feed_content *c = calloc(1, sizeof *c);
    ASSERT(c);
    *c = (struct feed_content){
        .epoch = b->epoch, .seq = b->seq, .begin = b, .expected = b->rows, .begin_bytes = 2 * bytes};
    c->ranking = ranking_new();
    header_fill(&c->header, b);
    buffer_append(&c->text, "", 1);
    return c;
}

void feed_content_destroy(struct feed_content **content)
{
    struct feed_content *c = *content;
    if (!c)
        return;
    parbus__snapshot_begin__free_unpacked(c->begin, NULL);
    ranking_destroy(&c->ranking);
    buffer_free(&c->text);
    free(c->cell);
    free(c->component);
    free(c);
    *content = NULL;
}

size_t feed_content_bytes(const struct feed_content *c)
{
    if (!c)
        return 0;
    size_t component = c->header.component_count * sizeof *c->component;
    return sizeof *c + c->begin_bytes + c->capacity * sizeof *c->cell + c->slot_capacity * component +
           c->text.capacity + c->count * RANKED_UNIT_BYTES;
}

static size_t add_text(struct feed_content *c, const char *text)
{
    if (!text || !*text)
        return 0;
    size_t at = c->text.size;
    buffer_append(&c->text, text, strlen(text) + 1);
    return at;
}

static void *grown(void *old, size_t *capacity, size_t wanted, size_t bytes)
{
    if (wanted <= *capacity && old)
        return old;
    *capacity = wanted > 2 * *capacity ? wanted + 16 : 2 * *capacity;
    void *p = reallocarray(old, *capacity, bytes ? bytes : 1);
    ASSERT(p);
    return p;
}

static void set_value(struct feed_content *c, struct feed_cell *cell, const Parbus__Row *row)
{
    cell->present = row->present;
    cell->complete = row->complete;
    cell->score = row->score;
    cell->appraised_share = row->appraised_share;
    cell->cause_feeder = row->cause_feeder;
    cell->cause_epoch = row->cause_epoch;
    cell->cause_seq = row->cause_seq;
    if (row->n_component)
        memcpy(c->component + cell->slot * row->n_component, row->component, row->n_component * sizeof *row->component);
}

static void add_row(struct feed_content *c, const Parbus__Row *row, const Parbus__UnitName *name)
{
    c->cell = grown(c->cell, &c->capacity, c->count + 1, sizeof *c->cell);
    c->component = grown(c->component, &c->slot_capacity, c->slots + 1, row->n_component * sizeof *c->component);
    struct feed_cell *cell = &c->cell[c->count++];
    *cell = (struct feed_cell){.unit = row->unit, .slot = c->slots++};
    cell->code_at = add_text(c, name->code);
    cell->name_at = add_text(c, name->name);
    set_value(c, cell, row);
}

static bool rows_fit(const struct feed_content *c, const Parbus__SnapshotRows *rows)
{
    if (rows->n_name != rows->n_row)
        return false;
    for (size_t i = 0; i < rows->n_row; i++)
        if (rows->row[i]->n_component != c->header.component_count || rows->name[i]->unit != rows->row[i]->unit)
            return false;
    /* A row may come twice, not without end. */
    return c->slots + rows->n_row <= 4 * c->expected + 16;
}

bool feed_content_add(struct feed_content *c, const Parbus__SnapshotRows *rows)
{
    if (!rows_fit(c, rows))
        return false;
    for (size_t i = 0; i < rows->n_row; i++)
        add_row(c, rows->row[i], rows->name[i]);
    return true;
}

static int by_unit(const void *a, const void *b)
{
    uint32_t x = ((const struct feed_cell *)a)->unit, y = ((const struct feed_cell *)b)->unit;
    return (x > y) - (x < y);
}

static void drop_repeated(struct feed_content *c)
{
    size_t kept = 0;
    if (c->count)
        qsort(c->cell, c->count, sizeof *c->cell, by_unit);
    for (size_t i = 0; i < c->count; i++)
        if (!kept || c->cell[kept - 1].unit != c->cell[i].unit)
            c->cell[kept++] = c->cell[i];
    c->count = kept;
}

bool feed_content_whole(struct feed_content *c)
{
    if (c->count < c->expected)
        return false;
    drop_repeated(c);
    if (c->count != c->expected)
        return false;
    for (size_t i = 0; i < c->count; i++)
        if (c->cell[i].complete)
            ranking_put(c->ranking, c->cell[i].unit, c->cell[i].score);
    return true;
}

static struct feed_cell *find(const struct feed_content *c, uint32_t unit)
{
    struct feed_cell key = {.unit = unit};
    return c->count ? bsearch(&key, c->cell, c->count, sizeof *c->cell, by_unit) : NULL;
}

static bool delta_fits(const struct feed_content *c, const Parbus__Delta *delta)
{
    for (size_t i = 0; i < delta->n_row; i++)
        if (delta->row[i]->n_component != c->header.component_count || !find(c, delta->row[i]->unit))
            return false;
    return true;
}

static void apply_row(struct feed_content *c, const Parbus__Row *row)
{
    set_value(c, find(c, row->unit), row);
    if (row->complete)
        ranking_put(c->ranking, row->unit, row->score);
    else
        ranking_remove(c->ranking, row->unit);
}

bool feed_content_apply(struct feed_content *c, const Parbus__Delta *delta)
{
    if (!delta_fits(c, delta))
        return false;
    for (size_t i = 0; i < delta->n_row; i++)
        apply_row(c, delta->row[i]);
    c->seq = delta->seq;
    return true;
}

static struct parbus_row row_of(const struct feed_content *c, const struct feed_cell *cell, uint32_t rank)
{
    return (struct parbus_row){
        .unit = cell->unit,
        .rank = rank,
        .present = cell->present,
        .complete = cell->complete,
        .score = cell->score,
        .component = c->component + cell->slot * c->header.component_count,
        .appraised_share = cell->appraised_share,
        .cause_feeder = cell->cause_feeder,
        .cause_epoch = cell->cause_epoch,
        .cause_seq = cell->cause_seq,
        .code = (const char *)c->text.data + cell->code_at,
        .name = (const char *)c->text.data + cell->name_at,
    };
}

bool feed_content_row(const struct feed_content *c, uint32_t unit, struct parbus_row *row)
{
    const struct feed_cell *cell = find(c, unit);
    if (cell)
        *row = row_of(c, cell, cell->complete ? ranking_rank(c->ranking, unit) : 0);
    return cell != NULL;
}

struct walk {
    const struct feed_content *c;
    bool (*fn)(void *ctx, const struct parbus_row *row);
    void *ctx;
    bool stopped;
};

static bool ranked_row(void *ctx, uint32_t rank, uint32_t unit, int64_t score)
{
    (void)score;
    struct walk *w = ctx;
    struct parbus_row row = row_of(w->c, find(w->c, unit), rank);
    w->stopped = !w->fn(w->ctx, &row);
    return !w->stopped;
}

void feed_content_each(const struct feed_content *c, bool (*fn)(void *ctx, const struct parbus_row *row), void *ctx)
{
    struct walk w = {.c = c, .fn = fn, .ctx = ctx};
    ranking_each(c->ranking, ranked_row, &w);
    for (size_t i = 0; i < c->count && !w.stopped; i++) {
        struct parbus_row row = row_of(c, &c->cell[i], 0);
        if (!c->cell[i].complete)
            w.stopped = !fn(ctx, &row);
    }
}
