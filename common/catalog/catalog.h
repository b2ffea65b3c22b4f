/* The catalog in force: registries, definitions, series (an index in a period) and rights, built only by applying
 * control records in order, so that everybody who has read the journal up to the same control seq holds the same
 * catalog (law 2).
 *
 * Objects are immutable and live as long as the catalog. Look-ups by name take `as_of`, a control seq: what was
 * published later is not seen, so that a reject reads the same in every replay. Look-ups by number need none. Not
 * thread-safe. All strings are UTF-8 and belong to the catalog. */
#pragma once
#include "base/err.h"
#include "journal.pb-c.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CATALOG_NODES_MAX = 4096, /* of one definition */
    CATALOG_LEAVES_MAX = 2048,
    CATALOG_DEPTH_MAX = 16,
    CATALOG_ID_MAX = 1 << 20, /* node ids */
    CATALOG_UNITS_MAX = 1 << 20,
    UNIT_NONE = 0,               /* unit number of a name that the registry does not know */
    UNIT_AMBIGUOUS = 0xffffffff, /* … that fits several units */
    SERIES_NONE = 0,
    MICRO = 1000000, /* micro-points in a point; millionths */
};

struct unit {
    uint32_t id;
    const char *code, *name;
    size_t alias_count;
    const char *const *alias;
};

struct registry {
    const char *code, *title, *source;
    uint32_t version;
    uint64_t published; /* control seq */
    size_t unit_count;
    const struct unit *unit;        /* ascending id */
    struct registry_lookup *lookup; /* private */
};

struct rule { /* what its kind does not use is 0; the formulas are in scoring/leaf.c */
    Parbus__RuleKind kind;
    double value_min, value_max; /* what a value may be, both included */
    double target, floor, from, to, per_unit;
    uint32_t items;
    size_t step_count;
    const double *step_at;
    const int64_t *step_points; /* micro-points */
};

struct node {
    uint32_t id;
    int32_t parent; /* position; -1 for the root */
    int32_t leaf;   /* 0 .. leaf_count-1 in node order; -1 for an inner node */
    uint32_t child_count;
    uint32_t depth; /* root 0 */
    const char *code, *title_vi, *title_en;
    int64_t points_max; /* micro-points */
    int64_t weight;     /* millionths */
    int64_t scale;      /* millionths, of a mean; MICRO by default */
    Parbus__Aggregation aggregation;
    struct rule rule;
};

struct definition {
    const char *index, *title_vi, *title_en;
    const char *status, *source, *period_kind; /* "official" or "illustrative"; where it is from; "year,month" */
    uint32_t version, decimals;                /* decimals: of printed points */
    uint64_t published;                        /* control seq */
    Parbus__Missing missing;
    const struct registry *registry;
    size_t cohort_count;
    const uint32_t *cohort; /* unit ids, ascending; never empty */
    uint32_t stages;        /* bit (1 << stage) */
    size_t node_count, leaf_count, top_count;
    const struct node *node; /* root first, a parent before its children */
    const uint32_t *leaf;    /* leaf number -> node position */
    const uint32_t *top;     /* positions of the root's children */
    uint32_t id_max;
    const int32_t *by_id; /* node id (0..id_max) -> position, -1 none */
};

struct series {
    uint32_t number;
    const struct definition *definition;
    const char *period;
    uint64_t opened; /* control seq */
};

struct access;

struct catalog *catalog_new(void);
void catalog_destroy(struct catalog **c);

/* Applies the control record with number catalog_control_seq() + 1. Copies what it keeps. Rejects (ERR_INVALID) what a
 * checked catalog never holds, and leaves the catalog as it was. */
enum err catalog_apply(struct catalog *c, const Parbus__Control *control, struct err_text *e);
/* The same with the record as the journal holds it; a journal_control_fn whose ctx is a catalog. ERR_CORRUPT. */
enum err catalog_apply_packed(void *catalog, uint64_t seq, const void *packed, size_t bytes, struct err_text *e);
uint64_t catalog_control_seq(const struct catalog *c);
/* Who may do what (auth/access.h). */
const struct access *catalog_access(const struct catalog *c);
/* A number made from all that a registry or definition says: the same version with another content has another one. */
uint64_t catalog_registry_content(const struct catalog *c, const char *code, uint32_t version); /* 0: none */
uint64_t catalog_definition_content(const struct catalog *c, const char *index, uint32_t version);
uint64_t catalog_content(const ProtobufCMessage *registry_or_definition); /* never 0 */

/* O(1). NULL: no such number. */
const struct series *catalog_series(const struct catalog *c, uint32_t number);
size_t catalog_series_count(const struct catalog *c); /* numbers are 1 .. count */
/* O(1) expected. NULL: not open as of then. */
const struct series *catalog_find_series(const struct catalog *c, const char *index, const char *period,
                                         uint64_t as_of);
/* The newest version published as of then; NULL: unknown index. */
const struct definition *catalog_find_definition(const struct catalog *c, const char *index, uint64_t as_of);
/* NULL: no such version. */
const struct definition *catalog_definition_version(const struct catalog *c, const char *index, uint32_t version);
const struct registry *catalog_find_registry(const struct catalog *c, const char *code, uint32_t version);

/* An entry of the journal that takes no effect (rule I17). */
struct set_aside {
    uint32_t partition, tries;
    uint64_t pseq;
    const char *instance; /* the last worker that ended at it */
    uint64_t decided;     /* control seq */
    uint64_t readmitted;  /* control seq; it was journalled again elsewhere (rule I19a). 0: it was not */
};
/* NULL: not set aside. Holds for every reading of the journal from its start, so there is no as_of. O(log n), and at
 * once when nothing is set aside. */
const struct set_aside *catalog_set_aside(const struct catalog *c, uint32_t partition, uint64_t pseq);
/* The first entry of this partition that was set aside by controls after `control_seq`; 0: none. */
uint64_t catalog_set_aside_after(const struct catalog *c, uint32_t partition, uint64_t control_seq);
/* How many are set aside and were not journalled again. *newest: the one decided last; NULL: none. O(n). */
size_t catalog_set_aside_waiting(const struct catalog *c, const struct set_aside **newest);
/* Entries of this partition that were journalled again by controls after + 1 .. up_to. */
size_t catalog_readmitted_between(const struct catalog *c, uint32_t partition, uint64_t after, uint64_t up_to);

/* Calls fn for each index once (newest version as of then), ascending code. */
void catalog_each_index(const struct catalog *c, uint64_t as_of, void (*fn)(void *ctx, const struct definition *),
                        void *ctx);

/* NULL: not an indicator of this definition. O(1). */
static inline const struct node *definition_node(const struct definition *d, uint32_t id)
{
    return id <= d->id_max && d->by_id[id] >= 0 ? &d->node[d->by_id[id]] : NULL;
}
/* The node of this code; NULL: none. O(nodes). */
const struct node *definition_coded(const struct definition *d, const char *code);
/* Whether a node of the definition is that of this code, or under it. O(depth). */
bool definition_under(const struct definition *d, const struct node *node, const char *code);
bool definition_in_cohort(const struct definition *d, uint32_t unit); /* O(log N) */
static inline bool definition_has_stage(const struct definition *d, int stage)
{
    return stage > 0 && stage < 32 && d->stages >> stage & 1;
}

const struct unit *registry_unit(const struct registry *r, uint32_t id); /* NULL: no such id. O(log N) or better */

/* Unit by code, name or alias. Case, diacritics, Unicode form, repeated blanks and punctuation do not matter; a match
 * that keeps more of what was written (exact, then case-folded, then without diacritics) wins before ambiguity is
 * declared. Returns the unit's id, UNIT_NONE or UNIT_AMBIGUOUS. O(1) expected; allocates nothing when the text is a
 * code. */
uint32_t registry_resolve(const struct registry *r, const char *text);

/* Writes the (at most three) nearest names by edit distance for a person: "Hà Nam (35), Hà Nội (01)". For
 * UNIT_AMBIGUOUS texts, the units that fit. Always terminated.
 * O(N), at most 2^17 names. */
void registry_suggest(const struct registry *r, const char *text, char *out, size_t bytes);
/* The same for index codes, and for open periods of an index. */
void catalog_suggest_index(const struct catalog *c, const char *text, uint64_t as_of, char *out, size_t bytes);
void catalog_suggest_period(const struct catalog *c, const char *index, const char *text, uint64_t as_of, char *out,
                            size_t bytes);

/* The words of catalog files and CSV: "self", "appraised_1", "appraised_2", "survey"; "points", "ratio", … "?" for a
 * number that is none. */
const char *catalog_stage_word(int stage);
const char *catalog_rule_word(int rule_kind);
/* Whether `period` is written as one of the kinds: "2025" year, "2025-Q3" quarter, "2025-10" month. kinds is
 * definition.period_kind, "year,month". */
bool catalog_period_ok(const char *kinds, const char *period);

/* The partition of a unit: hash of "registry-code/unit-code", stable for ever. */
uint32_t catalog_partition(const struct registry *r, uint32_t unit, uint32_t partitions);
/* … of a unit, or a whole index, that is not known: hash of the text as written. */
uint32_t catalog_partition_unknown(const char *unit_text, uint32_t partitions);
