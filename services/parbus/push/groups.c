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

static void empty(struct push_groups *g)
{
    for (size_t i = 0; i < g->count; i++)
        group_destroy(g->group[i]);
    g->count = g->rows = g->flushed = 0;
    g->flushing = false;
    map_free(&g->by_key);
}

void push_groups_flush(struct push_groups *g) { g->flushing = true; }

struct push_group *push_groups_due(struct push_groups *g)
{
    if (g->full)
        return g->full;
    while (g->flushing && g->flushed < g->count && g->group[g->flushed]->rows == 0)
        g->flushed++;
    if (g->flushing && g->flushed == g->count)
        empty(g);
    return g->flushing ? g->group[g->flushed] : NULL;
}

/* Its place among the others stays. */
void push_groups_sent(struct push_groups *g)
{
    struct push_group *group = push_groups_due(g);
    g->rows -= group->rows;
    group_clear(group);
    g->full = NULL;
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

/* NULL: others must go first. */
static struct push_group *group_for(struct push_groups *g, const struct longform_row *row, Parbus__Stage stage)
{
    uint64_t key = key_of(row, stage);
    uint32_t at;
    bool found = map_get(&g->by_key, key, &at);
    if (found && belongs(g->group[at], row, stage))
        return g->group[at];
    if (found || g->count == PUSH_GROUPS_MAX || g->rows >= PUSH_GATHERED_ROWS_MAX)
        push_groups_flush(g);
    if (push_groups_due(g))
        return NULL;
    map_put(&g->by_key, key, (uint32_t)g->count);
    return g->group[g->count++] = group_new(row, stage);
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

bool push_groups_add(struct push_groups *g, const struct longform_row *row, uint32_t indicator, Parbus__Stage stage)
{
    struct push_group *group = push_groups_due(g) ? NULL : group_for(g, row, stage);
    if (!group)
        return false;
    add_row(group, row, indicator);
    g->rows++;
    if (group->rows >= g->batch || group->bytes >= PUSH_GROUP_BYTES_MAX)
        g->full = group;
    return true;
}

void push_groups_free(struct push_groups *g) { empty(g); }
