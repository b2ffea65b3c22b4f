#include "services/parbus/access/access.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A node of the question, as the rows of a submission have one each. */
struct place {
    const struct definition *definition;
    const struct node *node;
};

static bool is_under(const void *place, size_t row, const char *code)
{
    const struct place *p = place;
    (void)row;
    return definition_under(p->definition, p->node, code);
}

static const char *given(const char *text) { return text && *text ? text : NULL; }

/* Of the newest version of its index. */
static enum err find_node(const struct catalog *c, const Parbus__GrantMade *scope, struct place *p, struct err_text *e)
{
    if (!given(scope->index))
        return err_set(e, ERR_INVALID, "a node (@%s) is one of an index: INDEX@%s", scope->node, scope->node);
    p->definition = catalog_find_definition(c, scope->index, UINT64_MAX);
    if (!p->definition)
        return err_set(e, ERR_INVALID, "there is no index %s", scope->index);
    p->node = definition_coded(p->definition, scope->node);
    return p->node ? OK : err_set(e, ERR_INVALID, "index %s has no criterion %s", scope->index, scope->node);
}

static void say(const struct access_check *q, const struct access_answer *answer, char *out, size_t bytes)
{
    char words[ACCESS_SENTENCE_BYTES];
    if (!answer->allowed) {
        snprintf(out, bytes, "not allowed: nothing that is granted to %s covers this (parbus access list %s)", q->name,
                 q->name);
        return;
    }
    const struct access_grant *g = answer->grant;
    access_grant_words(g, words, sizeof words);
    snprintf(out, bytes, "allowed by grant %" PRIu64 ": %s%s %s", g->span.since, g->identity ? "" : "role ",
             g->identity ? q->name : g->role, words);
}

enum err access_check(const struct catalog *c, const struct access_check *q, int64_t wall_ms, bool *allowed,
                      char *sentence, size_t bytes, struct err_text *e)
{
    const struct access *a = catalog_access(c);
    struct place place;
    uint32_t identity = access_named(a, q->name);
    struct access_question ask = {.verb = q->verb,
                                  .index = given(q->scope->index),
                                  .period = given(q->scope->period),
                                  .unit = given(q->scope->unit),
                                  .stage = q->stage};
    if (!identity && strcmp(q->name, "*") != 0)
        return err_set(e, ERR_INVALID, "there is no identity %s (parbus access list)", q->name);
    enum err err = given(q->scope->node) ? find_node(c, q->scope, &place, e) : OK;
    if (err)
        return err;
    if (given(q->scope->node)) {
        ask.rows = 1;
        ask.under = is_under;
        ask.ctx = &place;
    }
    const struct access_answer answer = access_allows(a, identity, &ask, catalog_control_seq(c), wall_ms);
    *allowed = answer.allowed;
    say(q, &answer, sentence, bytes);
    return OK;
}
