#include "services/ingestor/rights.h"
#include "base/err.h"
#include "wire/wire.h"
#include <stdio.h>
#include <string.h>

/* ---- who ---- */

struct who rights_of_peer(struct rights *r, struct peer peer, struct moment now)
{
    const struct access *a = catalog_access(r->catalog);
    __typeof__(&r->lately[0]) at = &r->lately[peer.id % RIGHTS_LATELY];
    if (at->changed == access_changed(a) && at->wall_ms == now.wall_ms && !strcmp(at->principal, peer.principal))
        return at->who;
    struct who who = who_of(a, peer.principal, now.wall_ms);
    if (strlen(peer.principal) < PRINCIPAL_BYTES) {
        strcpy(at->principal, peer.principal);
        at->changed = access_changed(a);
        at->wall_ms = now.wall_ms;
        at->who = who;
    }
    return who;
}

struct access_answer rights_may(const struct catalog *c, const struct who *who, const struct access_question *q,
                                struct moment now)
{
    return who_may(catalog_access(c), who, q, now.wall_ms);
}

/* ---- messages ---- */

#define DOOR_RIGHTS(X)                                                                                                 \
    X(HELLO, KNOWN)                                                                                                    \
    X(SUBMISSION, FEEDER)                                                                                              \
    X(STATUS, FEEDER)                                                                                                  \
    X(DESCRIBE, KNOWN)                                                                                                 \
    X(STATS, OPERATE)                                                                                                  \
    X(BYE, FEEDER)                                                                                                     \
    X(CHANGE_ACCESS, ACCESS)                                                                                           \
    X(REMOVE_FEEDER, OPERATE)                                                                                          \
    X(JOIN, JOIN)                                                                                                      \
    X(ROTATE, KNOWN)

#define WORK_RIGHTS(X)                                                                                                 \
    X(HELLO, OWNER)                                                                                                    \
    X(HEARTBEAT, OWNER)                                                                                                \
    X(OWNED, OWNER)                                                                                                    \
    X(RELEASED, OWNER)                                                                                                 \
    X(PROGRESS, OWNER)                                                                                                 \
    X(GAP, OWNER)                                                                                                      \
    X(LEAVE, OWNER)                                                                                                    \
    X(RETRY, OPERATE)                                                                                                  \
    X(CONTROLS_WANTED, OWNER)

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"

enum right rights_of_door(Parbus__ToIngestor__BodyCase kind)
{
    switch (kind) {
#define X(KIND, RIGHT)                                                                                                 \
    case PARBUS__TO_INGESTOR__BODY_##KIND:                                                                             \
        return RIGHT_##RIGHT;
        DOOR_RIGHTS(X)
#undef X
    case PARBUS__TO_INGESTOR__BODY__NOT_SET:
    case _PARBUS__TO_INGESTOR__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return RIGHT_NONE;
}

enum right rights_of_work(Parbus__ToCoordinator__BodyCase kind)
{
    switch (kind) {
#define X(KIND, RIGHT)                                                                                                 \
    case PARBUS__TO_COORDINATOR__BODY_##KIND:                                                                          \
        return RIGHT_##RIGHT;
        WORK_RIGHTS(X)
#undef X
    case PARBUS__TO_COORDINATOR__BODY__NOT_SET:
    case _PARBUS__TO_COORDINATOR__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return RIGHT_NONE;
}

#pragma GCC diagnostic pop

const char *rights_missing(const struct catalog *c, const struct who *who, enum right right, struct moment now)
{
    static const struct {
        Parbus__Verb verb;
        const char *missing;
    } rights[] = {
        [RIGHT_NONE] = {PARBUS__VERB__VERB_NONE, "there is no such message"},
        [RIGHT_KNOWN] = {PARBUS__VERB__VERB_NONE, "nobody here has this key, or is this user"},
        [RIGHT_FEEDER] = {PARBUS__VERB__VERB_NONE, "nobody here has this key, or is this user"},
        [RIGHT_OPERATE] = {PARBUS__VERB__VERB_OPERATE, "this wants the right: operate"},
        [RIGHT_ACCESS] = {PARBUS__VERB__VERB_ACCESS, "to change who may do what wants the right: access"},
        [RIGHT_JOIN] = {PARBUS__VERB__VERB_NONE, "whoever joins comes by a key of his own"},
        [RIGHT_OWNER] = {PARBUS__VERB__VERB_NONE, "this is for processes of the directory's owner"},
    };
    const struct access_question q = {.verb = rights[right].verb};
    bool has = who_is_known(who);
    if (right == RIGHT_OWNER)
        has = who->owner;
    else if (right == RIGHT_JOIN)
        has = who->guest || who->identity;
    else if (has && q.verb)
        has = rights_may(c, who, &q, now).allowed;
    return has && right != RIGHT_NONE ? NULL : rights[right].missing;
}

/* ---- submissions ---- */

struct rows {
    const struct definition *definition;
    const Parbus__Submission *submission;
};

/* An indicator that there is not is under nothing: whoever may send the whole tree hears of it from the validator. */
static bool row_under(const void *ctx, size_t row, const char *code)
{
    const struct rows *r = ctx;
    const struct node *node = definition_node(r->definition, r->submission->indicator[row]);
    return node && definition_under(r->definition, node, code);
}

static const char *unit_code(const Parbus__Submission *s, const struct series *series, uint32_t unit)
{
    const struct unit *u = series && unit != UNIT_NONE && unit != UNIT_AMBIGUOUS
                               ? registry_unit(series->definition->registry, unit)
                               : NULL;
    return u ? u->code : s->unit;
}

/* "h05 may not submit qd766/2025:H06, stage self: row 3 (CKMB)" */
static void say_missing(const struct who *who, const Parbus__Submission *s, const struct access_question *q,
                        const struct access_answer *answer, struct err_text *why)
{
    const struct rows *r = q->ctx;
    const struct node *node = q->under ? definition_node(r->definition, s->indicator[answer->row]) : NULL;
    char row[96] = "";
    if (answer->grant && node)
        snprintf(row, sizeof row, ": row %zu (%.60s)", answer->row, node->code);
    if (q->verb)
        snprintf(why->text, sizeof why->text, "%.64s may not %s %.64s/%.64s:%.128s%s", who->name,
                 access_verb_word(q->verb), q->index, q->period, q->unit, row);
    else
        snprintf(why->text, sizeof why->text, "%.64s names no stage", who->name);
    wire_utf8_mend(why->text);
}

static bool found_before(const struct rights_found *f, const struct catalog *c, const Parbus__Submission *s,
                         const struct series *series, uint32_t unit, struct moment now)
{
    return series && f->series == series && f->unit == unit && f->stage == s->stage &&
           f->changed == access_changed(catalog_access(c)) && (!f->until_ms || now.wall_ms < f->until_ms);
}

/* A grant of the whole tree covers what comes after it, too. */
static void remember(struct rights_found *f, const struct catalog *c, const struct access_answer *answer,
                     const Parbus__Submission *s, const struct series *series, uint32_t unit)
{
    *f = (struct rights_found){0};
    if (series && !answer->grant->node[0])
        *f = (struct rights_found){series, unit, s->stage, access_changed(catalog_access(c)), answer->grant->until_ms};
}

bool rights_submission(const struct catalog *c, const struct who *who, struct rights_found *found,
                       const Parbus__Submission *s, const struct series *series, uint32_t unit, struct moment now,
                       struct err_text *why)
{
    if (who->owner || who->insecure || found_before(found, c, s, series, unit, now))
        return true;
    const struct rows rows = {series ? series->definition : NULL, s};
    struct access_question q = {.verb = access_verb_of_stage(s->stage),
                                .index = s->index,
                                .period = s->period,
                                .unit = unit_code(s, series, unit),
                                .stage = s->stage,
                                .ctx = &rows};
    if (series && s->n_indicator) { /* without rows, as without an index, it is about the whole tree */
        q.rows = s->n_indicator;
        q.under = row_under;
    }
    const struct access_answer answer = rights_may(c, who, &q, now);
    if (answer.allowed)
        remember(found, c, &answer, s, series, unit);
    else
        say_missing(who, s, &q, &answer, why);
    return answer.allowed;
}
