#include "services/parbus/rejects/list.h"
#include "journal/record.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_ROWS = 1000 };

struct stored { /* a reject copied out of state */
    uint32_t feeder, row;
    uint64_t epoch, seq;
    struct reject_header header;
    char *detail;
};

struct page {
    struct stored row[PAGE_ROWS];
    size_t count;
    uint32_t only_feeder;   /* 0: all */
    size_t damaged;         /* so many were left out, on all pages */
    struct err_text damage; /* of the first of them */
};

struct listing {
    const struct explanation *stores;
    const struct reject_filter *filter;
    reject_row_fn *fn;
    void *ctx;
    long shown;
    struct arena arena;
    /* the submission of the row before, which is usually this one's too */
    uint32_t known_partition;
    uint64_t known_pseq;
    uint32_t known_unit;
    bool known_poison;
    struct reject_row known;
};

static bool store_row(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                      const struct reject_header *header, const char *detail)
{
    struct page *p = ctx;
    if (p->only_feeder && feeder != p->only_feeder)
        return false;
    if (!header) {
        if (p->damaged++ == 0)
            snprintf(p->damage.text, sizeof p->damage.text, "feeder %u, seq %" PRIu64 ": %s", feeder, seq, detail);
        return true;
    }
    struct stored *s = &p->row[p->count++];
    *s = (struct stored){.feeder = feeder, .row = row, .epoch = epoch, .seq = seq, .header = *header};
    s->detail = strndup(detail, header->detail_bytes);
    ASSERT(s->detail);
    return p->count < PAGE_ROWS;
}

static void clear_page(struct page *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->row[i].detail);
    p->count = 0;
}

/* The bytes are left alone (I18): the names are those that the door made out. */
static void note_poison(struct listing *l, const struct record_entry *entry)
{
    const struct series *series = catalog_series(l->stores->catalog, entry->series);
    if (!series)
        return;
    const struct unit *unit = registry_unit(series->definition->registry, entry->unit);
    snprintf(l->known.index, sizeof l->known.index, "%s", series->definition->index);
    snprintf(l->known.period, sizeof l->known.period, "%s", series->period);
    snprintf(l->known.unit, sizeof l->known.unit, "%s", unit ? unit->code : "");
}

static void note_submission(struct listing *l, const struct record_entry *entry, const uint8_t *body)
{
    const Parbus__Submission *s;
    arena_reset(&l->arena);
    l->known_unit = entry->unit;
    if (l->known_poison) {
        note_poison(l, entry);
        return;
    }
    if (wire_open_submission(body, entry->body_bytes, &l->arena, &s, NULL))
        return;
    snprintf(l->known.index, sizeof l->known.index, "%s", s->index);
    snprintf(l->known.period, sizeof l->known.period, "%s", s->period);
    snprintf(l->known.unit, sizeof l->known.unit, "%s", s->unit);
}

static bool find_submission(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct listing *l = ctx;
    struct record_reader reader;
    struct record_entry entry;
    const uint8_t *body;
    if (record_find(&reader, record, bytes, first_pseq, l->known_pseq, &entry, &body))
        note_submission(l, &entry, body);
    return false;
}

static enum err read_submission(struct listing *l, const struct reject_header *h, struct err_text *e)
{
    if (l->known_partition == h->partition && l->known_pseq == h->pseq)
        return OK;
    l->known = (struct reject_row){0};
    l->known_unit = UNIT_NONE;
    l->known_partition = h->partition;
    l->known_pseq = h->pseq;
    l->known_poison = h->reason == PARBUS__REASON__REJECTED_POISON;
    return journal_read(l->stores->journal, h->partition, h->pseq, 1, find_submission, l, e);
}

static bool same(const char *wanted, const char *text) { return !wanted || strcmp(wanted, text) == 0; }

/* A unit may be named as its feeder wrote it, or by any of its names. */
static bool same_unit(const struct listing *l, const struct series *series)
{
    const char *wanted = l->filter->unit;
    if (same(wanted, l->known.unit))
        return true;
    return series && l->known_unit != UNIT_NONE && l->known_unit != UNIT_AMBIGUOUS &&
           registry_resolve(series->definition->registry, wanted) == l->known_unit;
}

static const char *indicator_text(const struct series *series, uint32_t indicator, char text[static 16])
{
    const struct node *node = series ? definition_node(series->definition, indicator) : NULL;
    if (node)
        return node->code;
    snprintf(text, 16, "%u", indicator);
    return text;
}

static enum err show(struct listing *l, const struct stored *s, struct err_text *e)
{
    char indicator[16];
    const struct series *series = catalog_series(l->stores->catalog, s->header.series);
    enum err err = read_submission(l, &s->header, e);
    if (err || !same(l->filter->index, l->known.index) || !same(l->filter->period, l->known.period) ||
        !same_unit(l, series))
        return err;
    struct reject_row row = l->known;
    row.feeder = explain_feeder(l->stores, s->feeder);
    row.epoch = s->epoch;
    row.seq = s->seq;
    row.row = s->row;
    row.header = s->header;
    row.detail = s->detail;
    row.indicator = s->row == WIRE_ROW_WHOLE ? "" : indicator_text(series, s->header.indicator, indicator);
    l->shown++;
    l->fn(l->ctx, &row);
    return OK;
}

static bool enough(const struct listing *l) { return l->filter->limit && l->shown >= l->filter->limit; }

static enum err show_page(struct listing *l, const struct page *p, struct err_text *e)
{
    enum err err = OK;
    for (size_t i = 0; i < p->count && !err && !enough(l); i++)
        err = show(l, &p->row[i], e);
    return err;
}

static enum err list(struct listing *l, struct page *p, struct err_text *e)
{
    struct stored next = {.feeder = p->only_feeder};
    enum err err = OK;
    do {
        clear_page(p);
        err = state_rejects_each(l->stores->state, next.feeder, next.epoch, next.seq, next.row, store_row, p, e);
        if (!err)
            err = show_page(l, p, e);
        if (p->count)
            next = p->row[p->count - 1];
        /* The key after the last one: a whole submission has the greatest row there is. */
        next.seq += next.row == WIRE_ROW_WHOLE;
        next.row++;
    } while (!err && p->count == PAGE_ROWS && !enough(l));
    clear_page(p);
    if (!err && p->damaged)
        err = err_set(e, ERR_CORRUPT, "%zu %s left out, for state is damaged there; the first one: %s", p->damaged,
                      p->damaged == 1 ? "reject is" : "rejects are", p->damage.text);
    return err;
}

static uint32_t feeder_number(const struct explanation *x, const char *name)
{
    for (size_t i = 0; i < x->feeder_count; i++)
        if (strcmp(x->feeder[i].name, name) == 0)
            return x->feeder[i].number;
    return 0;
}

enum err reject_filter_check(const struct explanation *stores, const struct reject_filter *filter, struct err_text *e)
{
    if (!filter->feeder || feeder_number(stores, filter->feeder))
        return OK;
    return err_set(e, ERR_NOT_FOUND, "no feeder named %.64s was ever here", filter->feeder);
}

enum err reject_list(const struct explanation *stores, const struct reject_filter *filter, reject_row_fn *fn, void *ctx,
                     struct err_text *e)
{
    struct listing l = {.stores = stores, .filter = filter, .fn = fn, .ctx = ctx, .known_partition = UINT32_MAX};
    struct page *p = calloc(1, sizeof *p);
    ASSERT(p);
    p->only_feeder = filter->feeder ? feeder_number(stores, filter->feeder) : 0;
    enum err err = reject_filter_check(stores, filter, e);
    arena_init(&l.arena, WIRE_ARENA_BYTES);
    if (!err)
        err = list(&l, p, e);
    arena_free(&l.arena);
    free(p);
    return err;
}
