#include "services/parbus/explain/explain.h"
#include "journal/record.h"
#include "services/parbus/stores/stores.h"
#include "wire/wire.h"
#include <stdio.h>
#include <stdlib.h>

static bool add_feeder(void *ctx, uint32_t number, const struct journal_feeder *feeder)
{
    struct explanation *x = ctx;
    x->feeder = realloc(x->feeder, (x->feeder_count + 1) * sizeof *x->feeder);
    ASSERT(x->feeder);
    struct explain_feeder *f = &x->feeder[x->feeder_count++];
    f->number = number;
    snprintf(f->name, sizeof f->name, "%s", feeder->name);
    return true;
}

static enum err read_stores(struct explanation *x, struct err_text *e)
{
    enum err err = read_catalog(x->journal, x->catalog, e);
    return err ? err : journal_feeders(x->journal, add_feeder, x, e);
}

enum err explain_open(struct explanation *x, const char *directory, struct err_text *e)
{
    *x = (struct explanation){0};
    x->catalog = catalog_new();
    enum err err = stores_journal(&x->journal, directory, e);
    if (err)
        return err;
    err = read_stores(x, e);
    if (!err)
        err = stores_state(&x->state, directory, 0, e);
    return err == ERR_NOT_FOUND ? err_set(e, err, "nothing has been scored in %.400s yet", directory) : err;
}

void explain_close(struct explanation *x)
{
    for (int stage = 0; stage < EXPLAIN_STAGES; stage++)
        free(x->cells[stage]);
    free(x->points);
    free(x->feeder);
    state_close(&x->state);
    journal_close(&x->journal);
    catalog_destroy(&x->catalog);
    *x = (struct explanation){0};
}

static enum err find_series(struct explanation *x, const char *index, const char *period, struct err_text *e)
{
    char nearest[320];
    uint64_t now = catalog_control_seq(x->catalog);
    x->series = catalog_find_series(x->catalog, index, period, now);
    if (x->series) {
        x->definition = x->series->definition;
        return OK;
    }
    if (catalog_find_definition(x->catalog, index, now)) {
        catalog_suggest_period(x->catalog, index, period, now, nearest, sizeof nearest);
        return err_set(e, ERR_NOT_FOUND, "period \"%.64s\" of index %.64s is not open%s%s", period, index,
                       *nearest ? "; nearest: " : "", nearest);
    }
    catalog_suggest_index(x->catalog, index, now, nearest, sizeof nearest);
    return err_set(e, ERR_NOT_FOUND, "unknown index \"%.64s\"%s%s", index, *nearest ? "; nearest: " : "", nearest);
}

static enum err find_unit(struct explanation *x, const char *text, struct err_text *e)
{
    char nearest[320];
    const struct registry *r = x->definition->registry;
    uint32_t unit = registry_resolve(r, text);
    if (unit == UNIT_NONE || unit == UNIT_AMBIGUOUS) {
        registry_suggest(r, text, nearest, sizeof nearest);
        return unit == UNIT_NONE ? err_set(e, ERR_NOT_FOUND, "unknown unit \"%.80s\"%s%s", text,
                                           *nearest ? "; nearest: " : "", nearest)
                                 : err_set(e, ERR_AMBIGUOUS, "unit \"%.80s\" fits several units: %s", text, nearest);
    }
    x->unit = registry_unit(r, unit);
    if (!definition_in_cohort(x->definition, unit))
        return err_set(e, ERR_NOT_FOUND, "%s (%s) is not ranked by index %s", x->unit->name, x->unit->code,
                       x->definition->index);
    x->partition = catalog_partition(r, unit, journal_partitions(x->journal));
    return OK;
}

static enum err absent_is_fine(enum err err) { return err == ERR_NOT_FOUND ? OK : err; }

static enum err read_cells(struct explanation *x, struct err_text *e)
{
    enum err err = OK;
    size_t count = x->definition->leaf_count;
    for (int stage = 1; stage < EXPLAIN_STAGES && !err; stage++) {
        struct cell *cells = calloc(count + 1, sizeof *cells);
        ASSERT(cells);
        err = state_values_get(x->state, x->partition, x->series->number, x->unit->id, (uint8_t)stage, cells, count, e);
        if (err)
            free(cells);
        else
            x->cells[stage] = cells;
        err = absent_is_fine(err);
    }
    return err;
}

static enum err read_rank(struct explanation *x, struct err_text *e)
{
    struct standings *table;
    enum err err = read_standings(x->state, journal_partitions(x->journal), x->series, &table, e);
    if (err)
        return err;
    uint32_t row = standings_find(table, x->unit->id);
    x->cohort = (uint32_t)table->count;
    x->rank = row == STANDINGS_NO_ROW ? 0 : standings_rank(table, row);
    for (size_t i = 0; i < table->count; i++)
        x->ranked += standings_rank(table, (uint32_t)i) != 0;
    standings_destroy(&table);
    return OK;
}

enum err explain_read(struct explanation *x, const char *index, const char *period, const char *unit,
                      struct err_text *e)
{
    enum err err = find_series(x, index, period, e);
    if (!err)
        err = find_unit(x, unit, e);
    if (err)
        return err;
    size_t nodes = x->definition->node_count;
    x->points = calloc(nodes, sizeof *x->points);
    ASSERT(x->points);
    err = absent_is_fine(
        state_scores_get(x->state, x->partition, x->series->number, x->unit->id, &x->score, x->points, nodes, e));
    if (!err)
        err = read_cells(x, e);
    return err ? err : read_rank(x, e);
}

const char *explain_feeder(const struct explanation *x, uint32_t number)
{
    static char text[32];
    for (size_t i = 0; i < x->feeder_count; i++)
        if (x->feeder[i].number == number)
            return x->feeder[i].name;
    snprintf(text, sizeof text, "feeder %u", number);
    return text;
}

int explain_stage(const struct explanation *x, uint32_t leaf)
{
    int stage = EXPLAIN_STAGES - 1;
    while (stage > 0 && !(x->cells[stage] && x->cells[stage][leaf].flags & CELL_PRESENT))
        stage--;
    return stage;
}

struct search {
    const struct cell *cell;
    explain_evidence_fn *fn;
    void *ctx;
    struct arena arena;
};

static void report(struct search *s, const struct record_entry *entry, const uint8_t *body)
{
    const Parbus__Submission *submission;
    if (wire_open_submission(body, entry->body_bytes, &s->arena, &submission, NULL))
        return;
    for (size_t i = 0; i < submission->n_evidence; i++)
        if (submission->evidence[i]->row == s->cell->row)
            s->fn(s->ctx, submission->evidence[i]);
}

static bool search_record(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct search *s = ctx;
    struct record_reader reader;
    struct record_entry entry;
    const uint8_t *body;
    if (record_find(&reader, record, bytes, first_pseq, s->cell->pseq, &entry, &body))
        report(s, &entry, body);
    return false;
}

enum err explain_evidence(const struct explanation *x, const struct cell *cell, explain_evidence_fn *fn, void *ctx,
                          struct err_text *e)
{
    if (!(cell->flags & CELL_EVIDENCE))
        return OK;
    struct search s = {.cell = cell, .fn = fn, .ctx = ctx};
    arena_init(&s.arena, WIRE_ARENA_BYTES);
    enum err err = journal_read(x->journal, x->partition, cell->pseq, 1, search_record, &s, e);
    arena_free(&s.arena);
    return err;
}
