#include "catalog/check.h"
#include "catalog/catalog.h"
#include "catalog/check_points.h"
#include "catalog/check_rule.h"
#include "catalog/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* A tree travels whole in a Description (W3a): its texts, and the other fields of each node. */
enum { TREE_BYTES_MAX = 1 << 20, NODE_BYTES = 40 };
enum { TITLE_BYTES_MAX = 1024, SOURCE_BYTES_MAX = 4096, NAME_BYTES_MAX = 256, DECIMALS_MAX = 6, ALIASES_MAX = 256 };

/* 1 to 64 of [A-Za-z0-9._-]; NULL is not. */
static bool name_ok(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t bytes = name ? strspn(name, allowed) : 0;
    return bytes >= 1 && bytes <= 64 && !name[bytes];
}

/* Not NULL, not empty, well-formed UTF-8 without control characters, at most bytes_max. */
static bool text_ok(const char *text, size_t bytes_max)
{
    size_t bytes = text ? strnlen(text, bytes_max + 1) : 0;
    if (!bytes || bytes > bytes_max)
        return false;
    for (size_t at = 0; at < bytes;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(bytes - at), &c);
        if (n <= 0 || c < 0x20 || c == 0x7f)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* ---- codes that must differ ---- */

struct coded {
    const char *code;
    size_t position;
};

static int compare_coded(const void *a, const void *b)
{
    const struct coded *x = a, *y = b;
    int order = strcmp(x->code, y->code);
    return order ? order : (x->position > y->position) - (x->position < y->position);
}

static void check_codes_differ(const struct check *c, enum check_scope scope, struct coded *coded, size_t count)
{
    qsort(coded, count, sizeof *coded, compare_coded);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(coded[i].code, coded[i - 1].code) && coded[i].code[0])
            check_fault(c, scope, coded[i].position, "code", "code %s is used twice", coded[i].code);
}

static struct coded *coded_new(size_t count)
{
    struct coded *coded = calloc(count ? count : 1, sizeof *coded);
    ASSERT(coded);
    return coded;
}

/* ---- registries ---- */

static void check_alias(const struct check *c, size_t position, const Parbus__Unit *u, size_t i)
{
    if (!text_ok(u->alias[i], NAME_BYTES_MAX)) {
        check_fault(c, CHECK_UNIT, position, "aliases", "an alias must be text of 1 to %d bytes", NAME_BYTES_MAX);
        return;
    }
    bool twice = (u->name && !strcmp(u->alias[i], u->name)) || (u->code && !strcmp(u->alias[i], u->code));
    for (size_t k = 0; k < i && !twice; k++)
        twice = u->alias[k] && !strcmp(u->alias[i], u->alias[k]);
    if (twice)
        check_fault(c, CHECK_UNIT, position, "aliases", "alias '%s' stands here twice (name and code count)",
                    u->alias[i]);
}

static void check_unit(const struct check *c, const Parbus__Registry *r, size_t i)
{
    const Parbus__Unit *u = r->unit[i];
    if (u->id < 1 || u->id >= UNIT_AMBIGUOUS)
        check_fault(c, CHECK_UNIT, i, "id", "id must be a number from 1 on");
    else if (i && u->id <= r->unit[i - 1]->id)
        check_fault(c, CHECK_UNIT, i, "id",
                    "id %u follows id %u: units stand in ascending order of their ids, each once", u->id,
                    r->unit[i - 1]->id);
    if (!name_ok(u->code))
        check_fault(c, CHECK_UNIT, i, "code", "code must be 1 to 64 of A-Z a-z 0-9 . _ -");
    if (!text_ok(u->name, NAME_BYTES_MAX))
        check_fault(c, CHECK_UNIT, i, "name", "name must be text of 1 to %d bytes", NAME_BYTES_MAX);
    if (u->n_alias > ALIASES_MAX)
        check_fault(c, CHECK_UNIT, i, "aliases", "a unit has at most %d aliases", ALIASES_MAX);
    for (size_t k = 0; k < u->n_alias && u->n_alias <= ALIASES_MAX; k++)
        check_alias(c, i, u, k);
}

void check_registry(const struct check *c, const Parbus__Registry *r)
{
    if (!name_ok(r->code))
        check_fault(c, CHECK_TOP, 0, "registry", "the registry's code must be 1 to 64 of A-Z a-z 0-9 . _ -");
    if (!r->version)
        check_fault(c, CHECK_TOP, 0, "version", "version must be a number from 1 on");
    if (!text_ok(r->title, TITLE_BYTES_MAX))
        check_fault(c, CHECK_TOP, 0, "title", "title must be text of 1 to %d bytes", TITLE_BYTES_MAX);
    if (!text_ok(r->source, SOURCE_BYTES_MAX))
        check_fault(c, CHECK_TOP, 0, "source", "source must be text of 1 to %d bytes", SOURCE_BYTES_MAX);
    if (!r->n_unit || r->n_unit > CATALOG_UNITS_MAX) {
        check_fault(c, CHECK_TOP, 0, "units", "a registry has 1 to %d units", CATALOG_UNITS_MAX);
        return;
    }
    struct coded *coded = coded_new(r->n_unit);
    for (size_t i = 0; i < r->n_unit; i++) {
        check_unit(c, r, i);
        coded[i] = (struct coded){r->unit[i]->code ? r->unit[i]->code : "", i};
    }
    check_codes_differ(c, CHECK_UNIT, coded, r->n_unit);
    free(coded);
}

/* ---- definitions ---- */

static void check_ids_differ(const struct check *c, const Parbus__Definition *d)
{
    uint8_t *seen = calloc(CATALOG_ID_MAX / 8 + 1, 1);
    ASSERT(seen);
    for (size_t i = 0; i < d->n_node; i++) {
        uint32_t id = d->node[i]->id;
        if (id < 1 || id > CATALOG_ID_MAX) {
            check_fault(c, CHECK_NODE, i, "id", "id must be a number from 1 to %d", CATALOG_ID_MAX);
            continue;
        }
        if (seen[id / 8] >> id % 8 & 1)
            check_fault(c, CHECK_NODE, i, "id", "id %u is used twice", id);
        seen[id / 8] |= (uint8_t)(1u << id % 8);
    }
    free(seen);
}

/* Parents come before their children, so one pass gives all depths. false: what else is checked would go astray. */
static bool check_shape(const struct check *c, const Parbus__Definition *d)
{
    uint8_t depth[CATALOG_NODES_MAX] = {0};
    bool inner[CATALOG_NODES_MAX] = {false};
    size_t leaves = 0;
    for (size_t i = 0; i < d->n_node; i++) {
        int32_t parent = d->node[i]->parent;
        if (i ? parent < 0 || (size_t)parent >= i : parent != -1) {
            check_fault(c, CHECK_NODE, i, NULL, "the root comes first, and each parent before its children");
            return false;
        }
        depth[i] = i ? (uint8_t)(depth[parent] + 1) : 0;
        if (depth[i] >= CATALOG_DEPTH_MAX) {
            check_fault(c, CHECK_NODE, i, NULL, "the tree is deeper than %d levels", CATALOG_DEPTH_MAX);
            return false;
        }
        if (i)
            inner[parent] = true;
    }
    for (size_t i = 0; i < d->n_node; i++)
        leaves += !inner[i];
    if (leaves > CATALOG_LEAVES_MAX)
        check_fault(c, CHECK_NODE, 0, NULL, "%zu leaves; a definition has at most %d", leaves, CATALOG_LEAVES_MAX);
    if (d->n_node == 1)
        check_fault(c, CHECK_NODE, 0, NULL, "the tree has no indicators");
    return true;
}

static void check_node(const struct check *c, const Parbus__Definition *d, size_t i)
{
    const Parbus__Node *n = d->node[i];
    if (!name_ok(n->code))
        check_fault(c, CHECK_NODE, i, "code", "code must be 1 to 64 of A-Z a-z 0-9 . _ -");
    if (!text_ok(n->title_vi, TITLE_BYTES_MAX) || !text_ok(n->title_en, TITLE_BYTES_MAX))
        check_fault(c, CHECK_NODE, i, "title", "title needs vi and en, text of 1 to %d bytes", TITLE_BYTES_MAX);
    check_points(c, d, i);
    check_rule(c, d, i);
}

static void check_size(const struct check *c, const Parbus__Definition *d)
{
    size_t bytes = 0;
    for (size_t i = 0; i < d->n_node; i++) {
        const char *text[] = {d->node[i]->code, d->node[i]->title_vi, d->node[i]->title_en};
        bytes += NODE_BYTES;
        for (size_t k = 0; k < sizeof text / sizeof *text; k++)
            bytes += text[k] ? strlen(text[k]) : 0;
    }
    if (bytes > TREE_BYTES_MAX)
        check_fault(c, CHECK_TOP, 0, "tree",
                    "the codes and titles of the tree take %zu bytes with %d for each node; at most %d fit a message",
                    bytes, NODE_BYTES, TREE_BYTES_MAX);
}

static void check_tree(const struct check *c, const Parbus__Definition *d)
{
    if (!d->n_node || d->n_node > CATALOG_NODES_MAX) {
        check_fault(c, CHECK_TOP, 0, "tree", "a definition has 1 to %d nodes", CATALOG_NODES_MAX);
        return;
    }
    if (!check_shape(c, d))
        return;
    check_ids_differ(c, d);
    struct coded *coded = coded_new(d->n_node);
    for (size_t i = 0; i < d->n_node; i++) {
        check_node(c, d, i);
        coded[i] = (struct coded){d->node[i]->code ? d->node[i]->code : "", i};
    }
    check_codes_differ(c, CHECK_NODE, coded, d->n_node);
    check_size(c, d);
    free(coded);
}

static bool period_kinds_ok(const char *kinds)
{
    char copy[64], *rest = copy;
    if (!kinds || strlen(kinds) >= sizeof copy)
        return false;
    strcpy(copy, kinds);
    for (char *kind; (kind = strsep(&rest, ","));)
        if (words_number(&words_period_kind, kind) < 0)
            return false;
    return true;
}

static void check_stages(const struct check *c, const Parbus__Definition *d)
{
    if (!d->n_stage)
        check_fault(c, CHECK_TOP, 0, "stages", "a definition has at least one stage");
    for (size_t i = 0; i < d->n_stage; i++) {
        if (d->stage[i] < PARBUS__STAGE__STAGE_SELF || d->stage[i] > PARBUS__STAGE__STAGE_SURVEY)
            check_fault(c, CHECK_TOP, 0, "stages", "unknown stage");
        else if (i && d->stage[i] <= d->stage[i - 1])
            check_fault(c, CHECK_TOP, 0, "stages",
                        "stages stand in the order self, appraised_1, appraised_2, survey, each once");
    }
}

static void check_cohort_order(const struct check *c, const Parbus__Definition *d)
{
    for (size_t i = 1; i < d->n_cohort; i++)
        if (d->cohort[i] <= d->cohort[i - 1]) {
            check_fault(c, CHECK_TOP, 0, "cohort", "a unit stands in the cohort twice");
            return;
        }
}

static void check_head(const struct check *c, const Parbus__Definition *d)
{
    if (!name_ok(d->index))
        check_fault(c, CHECK_TOP, 0, "index", "the index's code must be 1 to 64 of A-Z a-z 0-9 . _ -");
    if (!d->version)
        check_fault(c, CHECK_TOP, 0, "version", "version must be a number from 1 on");
    if (!text_ok(d->title_vi, TITLE_BYTES_MAX) || !text_ok(d->title_en, TITLE_BYTES_MAX))
        check_fault(c, CHECK_TOP, 0, "title", "title needs vi and en, text of 1 to %d bytes", TITLE_BYTES_MAX);
    if (!d->status || words_number(&words_status, d->status) < 0)
        check_fault(c, CHECK_TOP, 0, "status", "unknown status");
    if (!text_ok(d->source, SOURCE_BYTES_MAX))
        check_fault(c, CHECK_TOP, 0, "source", "source must be text of 1 to %d bytes", SOURCE_BYTES_MAX);
    if (!name_ok(d->registry) || !d->registry_version)
        check_fault(c, CHECK_TOP, 0, "registry", "the registry needs a code and a version");
    if (!period_kinds_ok(d->period_kind))
        check_fault(c, CHECK_TOP, 0, "period_kind", "unknown period kind");
    if (d->decimals > DECIMALS_MAX)
        check_fault(c, CHECK_TOP, 0, "decimals", "decimals must be 0 to %d", DECIMALS_MAX);
    if (!strcmp(words_text(&words_missing, (int)d->missing), "?"))
        check_fault(c, CHECK_TOP, 0, "missing", "unknown policy for missing values");
}

void check_definition(const struct check *c, const Parbus__Definition *d)
{
    check_head(c, d);
    check_stages(c, d);
    check_cohort_order(c, d);
    check_tree(c, d);
}

/* ---- the first fault only ---- */

static void keep_first(void *ctx, enum check_scope scope, size_t position, const char *key, const char *text)
{
    static const char *const names[] = {[CHECK_TOP] = "", [CHECK_UNIT] = "unit ", [CHECK_NODE] = "node "};
    struct err_text *e = ctx;
    if (e->text[0])
        return;
    if (scope == CHECK_TOP)
        err_set(e, ERR_INVALID, "%s", text);
    else
        err_set(e, ERR_INVALID, "%s%zu%s%s: %s", names[scope], position + 1, key ? ", " : "", key ? key : "", text);
}

enum err check_registry_first(const Parbus__Registry *r, struct err_text *e)
{
    struct err_text first = {""};
    check_registry(&(struct check){keep_first, &first}, r);
    return first.text[0] ? err_set(e, ERR_INVALID, "registry %s: %s", r->code ? r->code : "", first.text) : OK;
}

enum err check_definition_first(const Parbus__Definition *d, struct err_text *e)
{
    struct err_text first = {""};
    check_definition(&(struct check){keep_first, &first}, d);
    return first.text[0] ? err_set(e, ERR_INVALID, "index %s: %s", d->index ? d->index : "", first.text) : OK;
}
