/* A treap (C. R. Aragon, R. Seidel, "Randomized search trees", 1989): a search tree by (score descending, unit
 * ascending) and a heap by priority. A unit's priority is a hash of its number, so the tree's shape follows from its
 * content alone. Nodes are indices into one block; 0 is the empty tree. */
#include "ranking/ranking.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/map.h"
#include <stdlib.h>

struct item {
    int64_t score;
    uint32_t unit, left, right, size; /* of the subtree */
};

struct ranking {
    struct item *item;
    uint32_t used, capacity; /* of the block; item 0 is the empty tree */
    uint32_t root, spare;    /* spare: unused items, linked by `left` */
    struct map item_of;      /* unit -> item */
};

struct key {
    int64_t score;
    uint32_t unit;
};

struct ranking *ranking_new(void)
{
    struct ranking *r = calloc(1, sizeof *r);
    ASSERT(r);
    r->capacity = 64;
    r->item = calloc(r->capacity, sizeof *r->item);
    ASSERT(r->item);
    r->used = 1;
    return r;
}

void ranking_destroy(struct ranking **r)
{
    if (!*r)
        return;
    map_free(&(*r)->item_of);
    free((*r)->item);
    free(*r);
    *r = NULL;
}

/* A bijection, so that no two units have the same. */
static uint64_t priority(const struct ranking *r, uint32_t at) { return hash_mix(r->item[at].unit); }

static struct key key_of(const struct ranking *r, uint32_t at)
{
    return (struct key){r->item[at].score, r->item[at].unit};
}

static bool before(struct key a, struct key b) { return a.score != b.score ? a.score > b.score : a.unit < b.unit; }

static void resize(struct ranking *r, uint32_t at)
{
    struct item *i = &r->item[at];
    i->size = r->item[i->left].size + r->item[i->right].size + 1;
}

static uint32_t item_take(struct ranking *r)
{
    if (r->spare) {
        uint32_t at = r->spare;
        r->spare = r->item[at].left;
        return at;
    }
    if (r->used == r->capacity) {
        ASSERT(r->capacity <= UINT32_MAX / 2);
        r->capacity *= 2;
        r->item = realloc(r->item, r->capacity * sizeof *r->item);
        ASSERT(r->item);
    }
    return r->used++;
}

static void item_give(struct ranking *r, uint32_t at)
{
    r->item[at].left = r->spare;
    r->spare = at;
}

/* Cuts a tree into what stands before the key and the rest. Depth is O(log N) expected. */
static void split(struct ranking *r, uint32_t tree, struct key key, uint32_t *less, uint32_t *rest)
{
    if (!tree) {
        *less = *rest = 0;
        return;
    }
    uint32_t part;
    if (before(key_of(r, tree), key)) {
        split(r, r->item[tree].right, key, &part, rest);
        r->item[tree].right = part;
        *less = tree;
    } else {
        split(r, r->item[tree].left, key, less, &part);
        r->item[tree].left = part;
        *rest = tree;
    }
    resize(r, tree);
}

/* Everything in `a` stands before everything in `b`. */
static uint32_t merge(struct ranking *r, uint32_t a, uint32_t b)
{
    if (!a || !b)
        return a | b;
    uint32_t top;
    if (priority(r, a) > priority(r, b)) {
        r->item[a].right = merge(r, r->item[a].right, b);
        top = a;
    } else {
        r->item[b].left = merge(r, a, r->item[b].left);
        top = b;
    }
    resize(r, top);
    return top;
}

static void insert(struct ranking *r, uint32_t at)
{
    struct key key = key_of(r, at);
    uint64_t own = priority(r, at);
    uint32_t *link = &r->root;
    while (*link && priority(r, *link) > own) {
        struct item *i = &r->item[*link];
        i->size++;
        link = before(key_of(r, *link), key) ? &i->right : &i->left;
    }
    uint32_t below = *link;
    *link = at;
    split(r, below, key, &r->item[at].left, &r->item[at].right);
    resize(r, at);
}

static void take_out(struct ranking *r, uint32_t at)
{
    struct key key = key_of(r, at);
    uint32_t *link = &r->root;
    while (*link != at) {
        struct item *i = &r->item[*link];
        i->size--;
        link = before(key_of(r, *link), key) ? &i->right : &i->left;
    }
    *link = merge(r, r->item[at].left, r->item[at].right);
}

void ranking_put(struct ranking *r, uint32_t unit, int64_t score)
{
    uint32_t at;
    if (!map_get(&r->item_of, unit, &at)) {
        at = item_take(r);
        map_put(&r->item_of, unit, at);
    } else if (r->item[at].score == score) {
        return;
    } else {
        take_out(r, at);
    }
    r->item[at].unit = unit;
    r->item[at].score = score;
    insert(r, at);
}

void ranking_remove(struct ranking *r, uint32_t unit)
{
    uint32_t at;
    if (!map_get(&r->item_of, unit, &at))
        return;
    take_out(r, at);
    map_remove(&r->item_of, unit);
    item_give(r, at);
}

uint32_t ranking_rank(const struct ranking *r, uint32_t unit)
{
    uint32_t rank = 1, at;
    if (!map_get(&r->item_of, unit, &at))
        return 0;
    int64_t score = r->item[at].score;
    for (at = r->root; at;) {
        const struct item *i = &r->item[at];
        if (i->score > score) {
            rank += r->item[i->left].size + 1;
            at = i->right;
        } else {
            at = i->left;
        }
    }
    return rank;
}

struct walk {
    const struct ranking *r;
    bool (*fn)(void *ctx, uint32_t rank, uint32_t unit, int64_t score);
    void *ctx;
    uint32_t seen, rank;
    int64_t score;
};

static bool walk_tree(struct walk *w, uint32_t at)
{
    if (!at)
        return true;
    const struct item i = w->r->item[at];
    if (!walk_tree(w, i.left))
        return false;
    if (w->seen == 0 || i.score != w->score)
        w->rank = w->seen + 1;
    w->score = i.score;
    w->seen++;
    return w->fn(w->ctx, w->rank, i.unit, i.score) && walk_tree(w, i.right);
}

void ranking_each(const struct ranking *r, bool (*fn)(void *ctx, uint32_t rank, uint32_t unit, int64_t score),
                  void *ctx)
{
    struct walk w = {.r = r, .fn = fn, .ctx = ctx};
    walk_tree(&w, r->root);
}
