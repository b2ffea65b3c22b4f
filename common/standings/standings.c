#include "standings/standings.h"
#include <stdlib.h>
#include <string.h>

static void *zeroed(size_t count, size_t bytes)
{
    void *p = calloc(count ? count : 1, bytes);
    ASSERT(p);
    return p;
}

struct standings *standings_new(const struct definition *d)
{
    struct standings *s = zeroed(1, sizeof *s);
    *s = (struct standings){
        .definition = d,
        .count = d->cohort_count,
        .row = zeroed(d->cohort_count, sizeof *s->row),
        .ranking = ranking_new(),
        .components = zeroed(d->cohort_count * d->top_count, sizeof *s->components),
    };
    for (size_t i = 0; i < s->count; i++) {
        s->row[i].unit = d->cohort[i];
        s->row[i].component = s->components + i * d->top_count;
    }
    return s;
}

void standings_destroy(struct standings **s)
{
    if (!*s)
        return;
    ranking_destroy(&(*s)->ranking);
    free((*s)->row);
    free((*s)->components);
    free(*s);
    *s = NULL;
}

static uint32_t find_among(const uint32_t *cohort, size_t count, uint32_t unit)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cohort[middle] < unit)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && cohort[low] == unit ? (uint32_t)low : STANDINGS_NO_ROW;
}

uint32_t standings_find(const struct standings *s, uint32_t unit)
{
    const uint32_t *cohort = s->definition->cohort;
    if (!s->count || unit < cohort[0])
        return STANDINGS_NO_ROW;
    size_t guess = unit - cohort[0];
    if (guess < s->count && cohort[guess] == unit)
        return (uint32_t)guess;
    return find_among(cohort, s->count, unit);
}

/* All but the unit; the components go into to's own memory. */
static void copy(struct standing *to, const struct standing *from, size_t top_count)
{
    struct standing own = *to;
    *to = *from;
    to->unit = own.unit;
    to->component = own.component;
    if (top_count)
        memcpy(to->component, from->component, top_count * sizeof *to->component);
}

bool standing_same(const struct standing *a, const struct standing *b, size_t top_count)
{
    return a->present == b->present && a->complete == b->complete && a->score == b->score &&
           a->appraised_share == b->appraised_share &&
           (!top_count || !memcmp(a->component, b->component, top_count * sizeof *a->component));
}

void standings_put(struct standings *s, uint32_t row, const struct standing *value)
{
    ASSERT(row < s->count);
    struct standing *r = &s->row[row];
    if (value->complete && (!r->complete || r->score != value->score))
        ranking_put(s->ranking, r->unit, value->score);
    else if (r->complete && !value->complete)
        ranking_remove(s->ranking, r->unit);
    copy(r, value, s->definition->top_count);
}

void standing_fill(struct standing *value, const struct definition *d, bool present, bool complete,
                   const int64_t *points)
{
    value->present = present;
    value->complete = present && complete;
    value->score = present ? points[0] : 0;
    for (size_t i = 0; i < d->top_count; i++)
        value->component[i] = present ? points[d->top[i]] : 0;
}

struct walk {
    const struct standings *s;
    bool (*fn)(void *ctx, uint32_t rank, const struct standing *row);
    void *ctx;
    bool stopped;
};

static bool ranked_row(void *ctx, uint32_t rank, uint32_t unit, int64_t score)
{
    (void)score;
    struct walk *w = ctx;
    w->stopped = !w->fn(w->ctx, rank, &w->s->row[standings_find(w->s, unit)]);
    return !w->stopped;
}

void standings_each(const struct standings *s, bool (*fn)(void *ctx, uint32_t rank, const struct standing *row),
                    void *ctx)
{
    struct walk w = {.s = s, .fn = fn, .ctx = ctx};
    ranking_each(s->ranking, ranked_row, &w);
    for (size_t i = 0; i < s->count && !w.stopped; i++)
        if (!s->row[i].complete)
            w.stopped = !fn(ctx, 0, &s->row[i]);
}
