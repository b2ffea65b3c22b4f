#include "catalog/check_points.h"
#include "catalog/catalog.h"
#include "catalog/words.h"

/* Large enough for any scale of points, small enough that the sums and products below cannot overflow. */
static const int64_t POINTS_MAX = 1000000ll * MICRO, SCALE_MAX = 1000ll * MICRO;

struct children {
    size_t count;
    int64_t max_sum, max_first, max_least, weight_sum;
    __int128 weighted_sum; /* of maxima; millionths of micro-points */
    bool sound, equal, weighted;
};

static struct children children_of(const Parbus__Definition *d, size_t position)
{
    struct children s = {.sound = true, .equal = true, .weighted = true};
    for (size_t i = position + 1; i < d->n_node; i++) {
        const Parbus__Node *n = d->node[i];
        if ((size_t)n->parent != position)
            continue;
        if (!s.count++)
            s.max_first = s.max_least = n->points_max;
        s.max_least = n->points_max < s.max_least ? n->points_max : s.max_least;
        s.sound = s.sound && n->points_max > 0 && n->points_max <= POINTS_MAX && n->weight >= 0 && n->weight <= MICRO;
        s.equal = s.equal && n->points_max == s.max_first;
        s.weighted = s.weighted && n->weight > 0;
        s.max_sum += s.sound ? n->points_max : 0;
        s.weight_sum += s.sound ? n->weight : 0;
        s.weighted_sum += s.sound ? (__int128)n->points_max * n->weight : 0;
    }
    return s;
}

static bool is_mean(Parbus__Aggregation a)
{
    return a == PARBUS__AGGREGATION__AGG_ARITHMETIC || a == PARBUS__AGGREGATION__AGG_GEOMETRIC ||
           a == PARBUS__AGGREGATION__AGG_HARMONIC;
}

static int64_t rounded(__int128 dividend, int64_t divisor) { return (int64_t)((dividend + divisor / 2) / divisor); }

static void check_sum(const struct check *c, const Parbus__Node *n, size_t i, const struct children *s)
{
    char have[CHECK_MICRO_BYTES], want[CHECK_MICRO_BYTES];
    if (s->max_sum != n->points_max)
        check_fault(c, CHECK_NODE, i, "max", "maxima of the children add up to %s, not to %s",
                    check_micro(s->max_sum, have), check_micro(n->points_max, want));
}

static void check_min(const struct check *c, const Parbus__Node *n, size_t i, const struct children *s)
{
    char have[CHECK_MICRO_BYTES], want[CHECK_MICRO_BYTES];
    if (s->max_least != n->points_max)
        check_fault(c, CHECK_NODE, i, "max", "the least maximum of the children is %s, not %s",
                    check_micro(s->max_least, have), check_micro(n->points_max, want));
}

static void check_mean(const struct check *c, const Parbus__Node *n, size_t i, const struct children *s)
{
    char have[CHECK_MICRO_BYTES], want[CHECK_MICRO_BYTES];
    int64_t scale = n->has_scale ? n->scale : MICRO;
    if (!s->weighted)
        return; /* each child without a weight has a fault of its own */
    if (s->weight_sum != MICRO) {
        check_fault(c, CHECK_NODE, i, "aggregation", "weights of the children add up to %s, not to 1",
                    check_micro(s->weight_sum, have));
        return;
    }
    if (n->aggregation != PARBUS__AGGREGATION__AGG_ARITHMETIC && !s->equal) {
        check_fault(c, CHECK_NODE, i, "aggregation", "the children of a %s mean must have equal maxima",
                    words_text(&words_aggregation, (int)n->aggregation));
        return;
    }
    int64_t max = rounded((__int128)rounded(s->weighted_sum, MICRO) * scale, MICRO);
    if (max != n->points_max)
        check_fault(c, CHECK_NODE, i, "max", "maxima of the children give a mean of %s, not of %s",
                    check_micro(max, have), check_micro(n->points_max, want));
}

static void check_weight(const struct check *c, const Parbus__Definition *d, size_t i)
{
    const Parbus__Node *n = d->node[i];
    bool wanted = i && is_mean(d->node[n->parent]->aggregation);
    if (wanted && (n->weight <= 0 || n->weight > MICRO))
        check_fault(c, CHECK_NODE, i, "weight", "weight must be more than 0 and at most 1");
    if (!wanted && n->weight)
        check_fault(c, CHECK_NODE, i, "weight", "weight has no meaning here: the parent is not a mean");
}

static void check_scale(const struct check *c, const Parbus__Node *n, size_t i, bool inner)
{
    if (!n->has_scale)
        return;
    if (n->scale <= 0 || n->scale > SCALE_MAX)
        check_fault(c, CHECK_NODE, i, "scale", "scale must be more than 0 and at most 1000");
    else if (n->scale != MICRO && !(inner && is_mean(n->aggregation)))
        check_fault(c, CHECK_NODE, i, "scale", "scale has no meaning here: only a mean is multiplied");
}

static void check_inner(const struct check *c, const Parbus__Definition *d, size_t i, const struct children *s)
{
    static void (*const check[])(const struct check *, const Parbus__Node *, size_t, const struct children *) = {
        [PARBUS__AGGREGATION__AGG_SUM] = check_sum,        [PARBUS__AGGREGATION__AGG_ARITHMETIC] = check_mean,
        [PARBUS__AGGREGATION__AGG_GEOMETRIC] = check_mean, [PARBUS__AGGREGATION__AGG_HARMONIC] = check_mean,
        [PARBUS__AGGREGATION__AGG_MIN] = check_min,
    };
    const Parbus__Node *n = d->node[i];
    if ((size_t)n->aggregation >= sizeof check / sizeof *check) {
        check_fault(c, CHECK_NODE, i, "aggregation", "unknown aggregation");
        return;
    }
    if (s->sound)
        check[n->aggregation](c, n, i, s);
}

void check_points(const struct check *c, const Parbus__Definition *d, size_t position)
{
    const Parbus__Node *n = d->node[position];
    struct children s = children_of(d, position);
    check_weight(c, d, position);
    check_scale(c, n, position, s.count > 0);
    if (n->points_max <= 0 || n->points_max > POINTS_MAX)
        check_fault(c, CHECK_NODE, position, "max", "max must be more than 0 and at most 1000000");
    else if (s.count)
        check_inner(c, d, position, &s);
}
