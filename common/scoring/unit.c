/* From leaves to the root. Means: OECD/JRC, "Handbook on Constructing Composite Indicators" (2008), step 7; the same
 * formulas as a_amean, a_gmean and a_hmean of the R package COINr. */
#include "scoring/exact.h"
#include "scoring/mean.h"
#include "scoring/scoring.h"
#include <math.h>

/* What leaves a node stands on. */
enum { PRESENT = 1, MISSING = 2 };

/* What an inner node has gathered from its children. */
struct gathered {
    int64_t points;    /* sum, or least */
    int64_t maxima;    /* sum, of those that count */
    int64_t appraised; /* of points_max */
    uint32_t seen;     /* PRESENT | MISSING */
    uint32_t counted, left_out;
    struct mean *mean; /* only of a node that is one */
};

struct mean {
    __int128 weighted;    /* sum */
    long double unwieldy; /* sum of weighted logarithms or reciprocals */
    int64_t weights;      /* sum, millionths */
    bool zero;
};

/* A node that is done, as its parent sees it. */
struct part {
    const struct node *node;
    int64_t points, appraised;
    uint32_t seen;
};

struct aggregation {
    bool mean;
    void (*add)(struct gathered *t, const struct part *child);
    int64_t (*finish)(const struct gathered *t, const struct node *n);
    /* The child's appraised maximum as a part of the parent's. */
    int64_t (*appraised)(const struct node *parent, const struct part *child);
};

static void sum_add(struct gathered *t, const struct part *child)
{
    t->points += child->points;
    t->maxima += child->node->points_max;
}

/* Re-weighted: what is there stands for what is not. */
static int64_t sum_finish(const struct gathered *t, const struct node *n)
{
    return t->left_out && t->maxima ? exact_quotient((__int128)t->points * n->points_max, t->maxima) : t->points;
}

static int64_t sum_appraised(const struct node *parent, const struct part *child)
{
    return (void)parent, child->appraised;
}

static void arithmetic_add(struct gathered *t, const struct part *child)
{
    t->mean->weighted += (__int128)child->points * child->node->weight;
    t->mean->weights += child->node->weight;
}

/* scale * sum(w x) / sum(w). */
static int64_t arithmetic_finish(const struct gathered *t, const struct node *n)
{
    const struct mean *m = t->mean;
    return m->weights ? exact_quotient(m->weighted * n->scale, (__int128)m->weights * MICRO) : 0;
}

static int64_t mean_appraised(const struct node *parent, const struct part *child)
{
    return exact_quotient((__int128)child->appraised * child->node->weight * parent->scale, (__int128)MICRO * MICRO);
}

static void geometric_add(struct gathered *t, const struct part *child)
{
    t->mean->weights += child->node->weight;
    if (child->points == 0)
        t->mean->zero = true;
    else
        t->mean->unwieldy += child->node->weight * mean_ln(child->points);
}

static int64_t scaled_mean(long double mean, const struct node *n) { return (int64_t)roundl(mean * n->scale / MICRO); }

/* scale * exp(sum(w ln x) / sum(w)). */
static int64_t geometric_finish(const struct gathered *t, const struct node *n)
{
    const struct mean *m = t->mean;
    return m->zero || !m->weights ? 0 : scaled_mean(mean_exp(m->unwieldy / m->weights), n);
}

static void harmonic_add(struct gathered *t, const struct part *child)
{
    t->mean->weights += child->node->weight;
    if (child->points == 0)
        t->mean->zero = true;
    else
        t->mean->unwieldy += (long double)child->node->weight / child->points;
}

/* scale * sum(w) / sum(w / x); 0 when an x is 0, which is the limit. */
static int64_t harmonic_finish(const struct gathered *t, const struct node *n)
{
    const struct mean *m = t->mean;
    return m->zero || !m->weights ? 0 : scaled_mean(m->weights / m->unwieldy, n);
}

static void min_add(struct gathered *t, const struct part *child)
{
    if (t->counted == 0 || child->points < t->points)
        t->points = child->points;
}

static int64_t min_finish(const struct gathered *t, const struct node *n) { return (void)n, t->points; }

static int64_t min_appraised(const struct node *parent, const struct part *child)
{
    return child->appraised / parent->child_count;
}

static const struct aggregation *aggregation_of(const struct node *n)
{
    static const struct aggregation aggregations[] = {
        [PARBUS__AGGREGATION__AGG_SUM] = {false, sum_add, sum_finish, sum_appraised},
        [PARBUS__AGGREGATION__AGG_ARITHMETIC] = {true, arithmetic_add, arithmetic_finish, mean_appraised},
        [PARBUS__AGGREGATION__AGG_GEOMETRIC] = {true, geometric_add, geometric_finish, mean_appraised},
        [PARBUS__AGGREGATION__AGG_HARMONIC] = {true, harmonic_add, harmonic_finish, mean_appraised},
        [PARBUS__AGGREGATION__AGG_MIN] = {false, min_add, min_finish, min_appraised},
    };
    ASSERT((size_t)n->aggregation < sizeof aggregations / sizeof *aggregations);
    return &aggregations[n->aggregation];
}

static struct part leaf_part(const struct node *n, uint8_t stage, int64_t points)
{
    return (struct part){
        .node = n,
        .points = stage ? points : 0,
        .appraised = stage > PARBUS__STAGE__STAGE_SELF ? n->points_max : 0,
        .seen = stage ? PRESENT : MISSING,
    };
}

static struct part inner_part(const struct node *n, const struct gathered *t)
{
    return (struct part){
        .node = n,
        .points = aggregation_of(n)->finish(t, n),
        .appraised = t->appraised,
        .seen = t->seen,
    };
}

/* What is missing counts as 0 points, or under re-weighting not at all. */
static void gathered_add(struct gathered *t, const struct node *parent, const struct part *child,
                         Parbus__Missing policy)
{
    const struct aggregation *a = aggregation_of(parent);
    t->seen |= child->seen;
    if (child->appraised)
        t->appraised += a->appraised(parent, child);
    if (child->seen & PRESENT || policy != PARBUS__MISSING__MISSING_REWEIGHT) {
        a->add(t, child);
        t->counted++;
    } else {
        t->left_out++;
    }
}

struct workspace {
    struct gathered gathered[CATALOG_NODES_MAX]; /* of inner nodes */
    struct mean mean[CATALOG_NODES_MAX];
};

static void clear(struct workspace *w, const struct definition *d)
{
    size_t means = 0;
    for (size_t i = 0; i < d->node_count; i++) {
        const struct node *n = &d->node[i];
        if (n->leaf >= 0)
            continue;
        w->gathered[i] = (struct gathered){0};
        if (!aggregation_of(n)->mean)
            continue;
        w->mean[means] = (struct mean){0};
        w->gathered[i].mean = &w->mean[means++];
    }
}

/* Rounded down, so that only what is wholly appraised says so. */
static uint32_t appraised_share(const struct part *root, bool wholly)
{
    int64_t max = root->node->points_max;
    if (wholly)
        return MICRO;
    if (max <= 0)
        return 0;
    __int128 share = (__int128)root->appraised * MICRO / max;
    return share >= MICRO ? MICRO - 1 : (uint32_t)share;
}

/* A parent stands before its children, so from the end each node is done before its parent. */
void score_unit(const struct definition *d, const uint8_t *leaf_stage, const int64_t *leaf_points,
                struct unit_points *out)
{
    struct workspace w;
    struct part part = {0};
    bool wholly = true;
    ASSERT(d->node_count >= 1 && d->node_count <= CATALOG_NODES_MAX);
    clear(&w, d);
    for (size_t i = d->node_count; i-- > 0;) {
        const struct node *n = &d->node[i];
        part = n->leaf < 0 ? inner_part(n, &w.gathered[i]) : leaf_part(n, leaf_stage[n->leaf], leaf_points[n->leaf]);
        wholly &= n->leaf < 0 || leaf_stage[n->leaf] > PARBUS__STAGE__STAGE_SELF;
        out->points[i] = part.points;
        if (n->parent >= 0)
            gathered_add(&w.gathered[n->parent], &d->node[n->parent], &part, d->missing);
    }
    out->present = part.seen & PRESENT;
    out->complete = out->present && !(part.seen & MISSING && d->missing == PARBUS__MISSING__MISSING_INCOMPLETE);
    out->appraised_share = appraised_share(&part, wholly);
}
