/* What somebody may do (A3). */
#include "auth/internal.h"
#include "base/bytes.h"
#include <string.h>

static bool fits(const char *pattern, const char *text) { return !pattern[0] || !text || !strcmp(pattern, text); }

/* "H05.*" fits H05 and what begins with "H05." */
static bool fits_unit(const char *pattern, const char *unit)
{
    size_t stem = strlen(pattern);
    if (!unit || stem < 3 || strcmp(pattern + stem - 2, ".*") != 0)
        return fits(pattern, unit);
    stem -= 2;
    return strncmp(unit, pattern, stem) == 0 && (!unit[stem] || unit[stem] == '.');
}

/* But for the rows. */
static bool covers(const struct access_grant *g, const struct access_question *q, uint64_t as_of, int64_t wall_ms)
{
    return g->verb == q->verb && access_holds(&g->span, as_of) && (!g->until_ms || wall_ms < g->until_ms) &&
           fits(g->index, q->index) && fits(g->period, q->period) && fits_unit(g->unit, q->unit) &&
           (!g->stage || !q->stage || g->stage == q->stage);
}

/* The grants of an identity, then those of each of its roles, at last those of everybody; the newest first. */
struct walk {
    const struct access *a;
    uint64_t as_of;
    uint32_t grant, member; /* places of those that come next; 0: none */
    bool ends;              /* everybody's have begun */
};

static uint32_t newest(const struct map *m, uint64_t key)
{
    uint32_t place;
    return map_get(m, key, &place) ? place : 0;
}

static struct walk walk_begin(const struct access *a, uint32_t identity, uint64_t as_of)
{
    const struct access_identity *i = access_identity(a, identity);
    if (!i || !access_holds(&i->span, as_of))
        return (struct walk){.a = a, .as_of = as_of};
    return (struct walk){a, as_of, newest(&a->granted, access_owner(identity, "")), newest(&a->memberships, identity),
                         false};
}

/* Behind the last grant of an owner those of the next role. false: there is none. */
static bool walk_role(struct walk *w)
{
    if (!w->member && w->ends)
        return false;
    if (!w->member) {
        w->ends = true;
        w->grant = newest(&w->a->granted, access_owner(0, ACCESS_ANYBODY));
        return true;
    }
    const struct access_member *m = &ITEMS(&w->a->member, struct access_member)[w->member - 1];
    w->member = m->before;
    w->grant = access_holds(&m->span, w->as_of) ? newest(&w->a->granted, access_owner(0, m->role)) : 0;
    return true;
}

/* NULL: there is no other. */
static const struct access_grant *walk_next(struct walk *w)
{
    while (!w->grant)
        if (!walk_role(w))
            return NULL;
    const struct access_grant *g = &ITEMS(&w->a->grant, struct access_grant)[w->grant - 1];
    w->grant = g->before;
    return g;
}

/* The next one that covers the question but for its rows; NULL: none. */
static const struct access_grant *next(struct walk *w, const struct access_question *q, int64_t wall_ms)
{
    const struct access_grant *g = walk_next(w);
    while (g && !covers(g, q, w->as_of, wall_ms))
        g = walk_next(w);
    return g;
}

static bool covers_row(const struct access_grant *g, const struct access_question *q, size_t row)
{
    return !g->node[0] || (q->under && q->under(q->ctx, row, g->node));
}

/* From this row on, as far as the grant goes. */
static size_t rows_covered(const struct access_grant *g, const struct access_question *q, size_t row)
{
    size_t rows = q->under ? q->rows : 1;
    while (row < rows && covers_row(g, q, row))
        row++;
    return row;
}

/* As far as the grants go in one pass. */
static void pass(const struct access *a, uint32_t identity, const struct access_question *q, uint64_t as_of,
                 int64_t wall_ms, struct access_answer *answer)
{
    struct walk w = walk_begin(a, identity, as_of);
    const struct access_grant *g;
    while (answer->row < (q->under ? q->rows : 1) && (g = next(&w, q, wall_ms))) {
        answer->grant = g;
        answer->row = rows_covered(g, q, answer->row);
    }
}

/* Any grant may cover any row: the rows that are left are shown to all of them again, until none goes further. */
struct access_answer access_allows(const struct access *a, uint32_t identity, const struct access_question *q,
                                   uint64_t as_of, int64_t wall_ms)
{
    struct access_answer answer = {0};
    size_t rows = q->under ? q->rows : 1;
    for (size_t before = SIZE_MAX; answer.row < rows && before != answer.row;) {
        before = answer.row;
        pass(a, identity, q, as_of, wall_ms, &answer);
    }
    answer.allowed = answer.row >= rows;
    return answer;
}

uint64_t access_fingerprint(const struct access *a, uint32_t identity, Parbus__Verb verb, int64_t wall_ms)
{
    const struct access_question q = {.verb = verb};
    struct walk w = walk_begin(a, identity, a->changed);
    uint64_t made = 1;
    for (const struct access_grant *g; (g = next(&w, &q, wall_ms));)
        made = hash_mix(made ^ g->span.since) | 1;
    return made;
}

bool access_is_open(const struct access *a, Parbus__Verb verb, int64_t wall_ms)
{
    const struct access_question q = {.verb = verb};
    struct walk w = walk_begin(a, ACCESS_NOBODY, a->changed);
    return next(&w, &q, wall_ms) != NULL;
}

Parbus__Verb access_verb_of_stage(Parbus__Stage stage)
{
    switch (stage) {
    case PARBUS__STAGE__STAGE_SELF:
        return PARBUS__VERB__VERB_SUBMIT;
    case PARBUS__STAGE__STAGE_APPRAISED_1:
    case PARBUS__STAGE__STAGE_APPRAISED_2:
        return PARBUS__VERB__VERB_APPRAISE;
    case PARBUS__STAGE__STAGE_SURVEY:
        return PARBUS__VERB__VERB_BALLOTS;
    default:
        return PARBUS__VERB__VERB_NONE;
    }
}
