#include "base/bytes.h"
#include "ranking/ranking.h"
#include <criterion/criterion.h>
#include <string.h>

/* The model: a plain table of scores by unit. */
enum { UNITS = 300 };
struct model {
    bool in[UNITS + 1];
    int64_t score[UNITS + 1];
};

static uint32_t model_count(const struct model *m)
{
    uint32_t n = 0;
    for (int u = 1; u <= UNITS; u++)
        n += m->in[u];
    return n;
}

static uint32_t model_rank_of_score(const struct model *m, int64_t score)
{
    uint32_t rank = 1;
    for (int u = 1; u <= UNITS; u++)
        rank += m->in[u] && m->score[u] > score;
    return rank;
}

static uint32_t model_position(const struct model *m, int unit)
{
    uint32_t before = 0;
    for (int u = 1; u <= UNITS; u++)
        before += m->in[u] && (m->score[u] > m->score[unit] || (u < unit && m->score[u] == m->score[unit]));
    return before;
}

struct checked {
    const struct model *m;
    uint32_t seen, stop_after;
};

static bool check_row(void *ctx, uint32_t rank, uint32_t unit, int64_t score)
{
    struct checked *c = ctx;
    cr_assert(c->m->in[unit]);
    cr_assert_eq(score, c->m->score[unit]);
    cr_assert_eq(rank, model_rank_of_score(c->m, score));
    cr_assert_eq(model_position(c->m, (int)unit), c->seen);
    return ++c->seen != c->stop_after;
}

static void check_all(const struct ranking *r, const struct model *m)
{
    struct checked c = {.m = m};
    ranking_each(r, check_row, &c);
    cr_assert_eq(c.seen, model_count(m));
}

static void check_unit(const struct ranking *r, const struct model *m, int unit)
{
    cr_assert_eq(ranking_rank(r, (uint32_t)unit), m->in[unit] ? model_rank_of_score(m, m->score[unit]) : 0);
}

static uint64_t random_state;
static uint64_t random_below(uint64_t n) { return hash_mix(random_state += 0x9e3779b97f4a7c15ull) % n; }

/* Few different scores make many ties, many make few. */
static void random_operations(int operations, uint64_t units, uint64_t scores)
{
    struct ranking *r = ranking_new();
    struct model m = {0};
    for (int i = 0; i < operations; i++) {
        int unit = 1 + (int)random_below(units);
        if (random_below(4) == 0) {
            ranking_remove(r, (uint32_t)unit);
            m.in[unit] = false;
        } else {
            m.score[unit] = (int64_t)random_below(scores) - (int64_t)(scores / 2);
            m.in[unit] = true;
            ranking_put(r, (uint32_t)unit, m.score[unit]);
        }
        check_unit(r, &m, unit);
        check_unit(r, &m, 1 + (int)random_below(units));
        if (i % 1000 == 0)
            check_all(r, &m);
    }
    check_all(r, &m);
    ranking_destroy(&r);
    cr_assert_null(r);
}

Test(ranking, random_operations_with_many_ties) { random_operations(50000, UNITS, 5); }
Test(ranking, random_operations_with_some_ties) { random_operations(50000, UNITS, 300); }
Test(ranking, random_operations_with_few_ties) { random_operations(50000, UNITS, 1ull << 40); }
Test(ranking, random_operations_on_few_units) { random_operations(50000, 3, 3); }

Test(ranking, equal_scores_are_equal)
{
    struct ranking *r = ranking_new();
    ranking_put(r, 7, 90), ranking_put(r, 5, 90), ranking_put(r, 9, 80), ranking_put(r, 1, 100);
    cr_assert_eq(ranking_rank(r, 1), 1);
    cr_assert_eq(ranking_rank(r, 5), 2);
    cr_assert_eq(ranking_rank(r, 7), 2);
    cr_assert_eq(ranking_rank(r, 9), 4);
    ranking_destroy(&r);
}

Test(ranking, empty)
{
    struct ranking *r = ranking_new();
    cr_assert_eq(ranking_rank(r, 1), 0);
    ranking_remove(r, 1);
    ranking_each(r, check_row, NULL);
    ranking_destroy(&r);
    ranking_destroy(&r);
}

Test(ranking, each_stops_when_told)
{
    struct ranking *r = ranking_new();
    struct model m = {0};
    for (int u = 1; u <= UNITS; u++) {
        m.in[u] = true, m.score[u] = u % 7;
        ranking_put(r, (uint32_t)u, m.score[u]);
    }
    for (uint32_t stop = 1; stop <= UNITS; stop += 13) {
        struct checked c = {.m = &m, .stop_after = stop};
        ranking_each(r, check_row, &c);
        cr_assert_eq(c.seen, stop);
    }
    ranking_destroy(&r);
}

Test(ranking, the_ends_of_the_range)
{
    struct ranking *r = ranking_new();
    ranking_put(r, 0xffffffff, INT64_MIN), ranking_put(r, 0, INT64_MAX), ranking_put(r, 3, 0);
    cr_assert_eq(ranking_rank(r, 0), 1);
    cr_assert_eq(ranking_rank(r, 3), 2);
    cr_assert_eq(ranking_rank(r, 0xffffffff), 3);
    ranking_destroy(&r);
}

struct order {
    uint32_t unit[5000], count;
};
static bool note_order(void *ctx, uint32_t rank, uint32_t unit, int64_t score)
{
    (void)rank, (void)score;
    struct order *o = ctx;
    o->unit[o->count++] = unit;
    return true;
}

/* Forwards, backwards, with detours: the same table. */
Test(ranking, the_order_of_arrival_leaves_no_trace)
{
    static struct order a, b;
    struct ranking *r = ranking_new(), *s = ranking_new();
    for (uint32_t u = 0; u < 5000; u++)
        ranking_put(r, u, (int64_t)(hash_mix(u) % 100));
    for (uint32_t u = 5000; u-- > 0;) {
        ranking_put(s, u + 5000, 50);
        ranking_put(s, u, 1000 - (int64_t)u);
        ranking_put(s, u, (int64_t)(hash_mix(u) % 100));
        ranking_remove(s, u + 5000);
    }
    ranking_each(r, note_order, &a), ranking_each(s, note_order, &b);
    cr_assert_eq(a.count, 5000);
    cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
    ranking_destroy(&r), ranking_destroy(&s);
}

/* Sorted input is the worst case of a tree that does not balance; this would take minutes. */
Test(ranking, sorted_input_stays_shallow, .timeout = 60)
{
    struct ranking *r = ranking_new();
    for (uint32_t u = 0; u < 200000; u++)
        ranking_put(r, u, u);
    cr_assert_eq(ranking_rank(r, 199999), 1);
    cr_assert_eq(ranking_rank(r, 0), 200000);
    cr_assert_eq(ranking_rank(r, 199999 - 12345), 12346);
    ranking_destroy(&r);
}
