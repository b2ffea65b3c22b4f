#include "base/bytes.h"
#include "services/parbus/push/push.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_BYTES = 5 + 8 + 6, EVIDENCE_BYTES = 64 }; /* at most, packed: indicator, value, time; what goes with a URI */

static void group_clear(struct push_group *g)
{
    struct push_evidence *evidence = (struct push_evidence *)(void *)g->evidence.data;
    for (size_t i = 0; i < g->evidence_count; i++)
        free(evidence[i].uri);
    g->rows = g->bytes = g->evidence_count = 0;
    buffer_clear(&g->indicator);
    buffer_clear(&g->value);
    buffer_clear(&g->observed_ms);
    buffer_clear(&g->line);
    buffer_clear(&g->evidence);
}

static void group_destroy(struct push_group *g)
{
    group_clear(g);
    buffer_free(&g->indicator);
    buffer_free(&g->value);
    buffer_free(&g->observed_ms);
    buffer_free(&g->line);
    buffer_free(&g->evidence);
    free(g);
}

void push_groups_free(struct push_groups *g)
{
    for (size_t i = 0; i < g->count; i++)
        group_destroy(g->group[i]);
    map_free(&g->by_key);
    g->count = g->rows = 0;
}

/* Rows with and without a time of their own cannot share a submission. */
static uint64_t key_of(const struct longform_row *row, Parbus__Stage stage)
{
    uint64_t key = hash_bytes(row->unit, strlen(row->unit));
    key = hash_mix(key ^ hash_bytes(row->period, strlen(row->period)));
    key = hash_mix(key + hash_bytes(row->index, strlen(row->index)));
    return hash_mix(key ^ ((uint64_t)stage << 1 | row->has_observed)) | 1;
}

static bool belongs(const struct push_group *g, const struct longform_row *row, Parbus__Stage stage)
{
    return g->stage == stage && g->timed == row->has_observed && strcmp(g->unit, row->unit) == 0 &&
           strcmp(g->period, row->period) == 0 && strcmp(g->index, row->index) == 0;
}

static enum err flush_all(struct push_groups *g, struct err_text *e)
{
    enum err err = OK;
    for (size_t i = 0; i < g->count; i++) {
        if (!err && g->group[i]->rows)
            err = g->flush(g->ctx, g->group[i], e);
        group_destroy(g->group[i]);
    }
    g->count = g->rows = 0;
    map_free(&g->by_key);
    return err;
}

static struct push_group *group_new(const struct longform_row *row, Parbus__Stage stage)
{
    struct push_group *g = calloc(1, sizeof *g);
    ASSERT(g);
    snprintf(g->index, sizeof g->index, "%s", row->index);
    snprintf(g->period, sizeof g->period, "%s", row->period);
    snprintf(g->unit, sizeof g->unit, "%s", row->unit);
    g->stage = stage;
    g->timed = row->has_observed;
    return g;
}

static enum err group_for(struct push_groups *g, const struct longform_row *row, Parbus__Stage stage,
                          struct push_group **out, struct err_text *e)
{
    uint64_t key = key_of(row, stage);
    uint32_t at;
    enum err err = OK;
    bool found = map_get(&g->by_key, key, &at);
    if (found && belongs(g->group[at], row, stage)) {
        *out = g->group[at];
        return OK;
    }
    if (found || g->count == PUSH_GROUPS_MAX || g->rows >= PUSH_GATHERED_ROWS_MAX)
        err = flush_all(g, e);
    if (err)
        return err;
    map_put(&g->by_key, key, (uint32_t)g->count);
    *out = g->group[g->count++] = group_new(row, stage);
    return OK;
}

static void add_evidence(struct push_group *g, const struct longform_row *row)
{
    struct push_evidence evidence = {.row = (uint32_t)g->rows, .has_sha256 = row->has_sha256, .uri = strdup(row->uri)};
    ASSERT(evidence.uri);
    memcpy(evidence.sha256, row->sha256, sizeof evidence.sha256);
    buffer_append(&g->evidence, &evidence, sizeof evidence);
    g->evidence_count++;
    g->bytes += strlen(row->uri) + EVIDENCE_BYTES;
}

static void add_row(struct push_group *g, const struct longform_row *row, uint32_t indicator)
{
    uint32_t line = (uint32_t)row->line;
    int64_t first_ms = row->observed_ms;
    if (g->rows)
        memcpy(&first_ms, g->observed_ms.data, sizeof first_ms);
    g->same_time = (g->rows == 0 || g->same_time) && first_ms == row->observed_ms;
    buffer_append(&g->indicator, &indicator, sizeof indicator);
    buffer_append(&g->value, &row->value, sizeof row->value);
    buffer_append(&g->observed_ms, &row->observed_ms, sizeof row->observed_ms);
    buffer_append(&g->line, &line, sizeof line);
    if (*row->uri)
        add_evidence(g, row);
    g->rows++;
    g->bytes += ROW_BYTES;
}

enum err push_groups_add(struct push_groups *g, const struct longform_row *row, uint32_t indicator, Parbus__Stage stage,
                         struct err_text *e)
{
    struct push_group *group;
    enum err err = group_for(g, row, stage, &group, e);
    if (err)
        return err;
    add_row(group, row, indicator);
    g->rows++;
    if (group->rows < g->batch && group->bytes < PUSH_GROUP_BYTES_MAX)
        return OK;
    g->rows -= group->rows;
    err = g->flush(g->ctx, group, e);
    group_clear(group); /* its place among the others stays */
    return err;
}

enum err push_groups_flush(struct push_groups *g, struct err_text *e) { return flush_all(g, e); }
