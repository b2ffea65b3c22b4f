#include "catalog/fold.h"
#include "services/parbus/push/push.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEAREST = 3 };

static void series_free(struct push_series *s)
{
    for (size_t i = 0; i < s->indicator_count; i++)
        free(s->indicator[i].code);
    free(s->indicator);
}

void push_names_free(struct push_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        series_free(&n->series[i]);
    free(n->series);
    *n = (struct push_names){0};
}

struct push_series *push_names_find(const struct push_names *n, const char *index, const char *period)
{
    for (size_t i = n->count; i-- > 0;) /* the newest is the likeliest */
        if (strcmp(n->series[i].period, period) == 0 && strcmp(n->series[i].index, index) == 0)
            return &n->series[i];
    return NULL;
}

struct push_series *push_names_expect(struct push_names *n, const char *index, const char *period)
{
    if (n->count == PUSH_NAMES_MAX)
        push_names_free(n);
    if (!n->series)
        n->series = calloc(PUSH_NAMES_MAX, sizeof *n->series);
    ASSERT(n->series);
    n->asked = &n->series[n->count++];
    *n->asked = (struct push_series){0};
    snprintf(n->asked->index, sizeof n->asked->index, "%s", index);
    snprintf(n->asked->period, sizeof n->asked->period, "%s", period);
    return n->asked;
}

static int by_code(const void *a, const void *b)
{
    const struct push_indicator *x = a, *y = b;
    return strcmp(x->code, y->code);
}

static void take_indicators(struct push_series *s, const Parbus__Description *d)
{
    s->indicator = calloc(d->n_indicator + 1, sizeof *s->indicator);
    ASSERT(s->indicator);
    for (size_t i = 0; i < d->n_indicator; i++) {
        const Parbus__Indicator *from = d->indicator[i];
        char *code = strdup(from->code ? from->code : "");
        ASSERT(code);
        s->indicator[s->indicator_count++] = (struct push_indicator){code, from->id, from->leaf};
    }
    qsort(s->indicator, s->indicator_count, sizeof *s->indicator, by_code);
}

static void list_add(char *list, size_t bytes, const char *word)
{
    size_t used = strlen(list);
    snprintf(list + used, bytes - used, "%s%s", used ? ", " : "", word);
}

static void check_period(struct push_series *s, const Parbus__Description *d)
{
    char open[256] = "", shown[LONGFORM_SHOWN_BYTES];
    for (size_t i = 0; i < d->n_period; i++) {
        if (strcmp(d->period[i], s->period) == 0)
            return;
        list_add(open, sizeof open, d->period[i]);
    }
    if (d->left_out)
        return; /* it may be one of those that are not listed */
    s->known = false;
    snprintf(s->reason, sizeof s->reason, "period \"%s\" of index %s is not open; open: %s",
             longform_shown(s->period, shown), s->index, *open ? open : "none");
}

void push_names_described(struct push_names *n, const Parbus__Description *d)
{
    struct push_series *s = n->asked;
    if (!s || !d->index || strcmp(d->index, s->index) != 0)
        return; /* the answer to an earlier question, come twice */
    n->asked = NULL;
    s->known = true;
    for (size_t i = 0; i < d->n_stage; i++)
        s->stages |= 1u << d->stage[i];
    s->first_stage = d->n_stage ? d->stage[0] : PARBUS__STAGE__STAGE_SELF;
    take_indicators(s, d);
    check_period(s, d);
}

void push_names_refused(struct push_names *n, const char *detail)
{
    if (n->asked)
        snprintf(n->asked->reason, sizeof n->asked->reason, "%s", detail);
    n->asked = NULL;
}

/* ---- the nearest names ---- */

/* The first of the list whose distance is the least above (distance, position) `after`. */
static const struct push_indicator *next_nearest(const struct push_series *s, const char *code, uint64_t *after)
{
    const struct push_indicator *nearest = NULL;
    uint64_t best = UINT64_MAX;
    for (size_t i = 0; i < s->indicator_count; i++) {
        const char *other = s->indicator[i].code;
        uint64_t at = (uint64_t)fold_distance(code, strlen(code), other, strlen(other)) << 32 | (i + 1);
        if (s->indicator[i].leaf && at > *after && at < best)
            best = at, nearest = &s->indicator[i];
    }
    *after = best;
    return nearest;
}

static enum err unknown_indicator(const struct push_series *s, const char *code, struct err_text *e)
{
    char shown[LONGFORM_SHOWN_BYTES], near[256] = "";
    uint64_t after = 0;
    const struct push_indicator *indicator;
    for (int i = 0; i < NEAREST && (indicator = next_nearest(s, code, &after)); i++)
        list_add(near, sizeof near, indicator->code);
    return err_set(e, ERR_NOT_FOUND, "indicator \"%s\" is unknown in index %s; nearest: %s",
                   longform_shown(code, shown), s->index, *near ? near : "none");
}

static enum err unknown_stage(const struct push_series *s, Parbus__Stage stage, struct err_text *e)
{
    char used[128] = "";
    for (int i = 1; i <= PARBUS__STAGE__STAGE_SURVEY; i++)
        if (s->stages >> i & 1)
            list_add(used, sizeof used, longform_stage_name((Parbus__Stage)i));
    return err_set(e, ERR_NOT_FOUND, "index %s has no stage %s; it has: %s", s->index, longform_stage_name(stage),
                   used);
}

enum err push_names_resolve(const struct push_series *s, const struct longform_row *row, uint32_t *indicator,
                            Parbus__Stage *stage, struct err_text *e)
{
    if (!s->known)
        return err_set(e, ERR_NOT_FOUND, "%s", s->reason);
    struct push_indicator key = {.code = (char *)row->indicator};
    const struct push_indicator *found = bsearch(&key, s->indicator, s->indicator_count, sizeof *s->indicator, by_code);
    if (!found)
        return unknown_indicator(s, row->indicator, e);
    if (!found->leaf)
        return err_set(e, ERR_INVALID, "indicator %s of index %s is a sum of others; values go to its parts",
                       found->code, s->index);
    *indicator = found->id;
    *stage = row->stage ? row->stage : s->first_stage;
    return s->stages >> *stage & 1 ? OK : unknown_stage(s, *stage, e);
}
