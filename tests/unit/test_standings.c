#include "little_catalog.h"
#include "standings/standings.h"
#include <criterion/criterion.h>

enum { UNITS = 9, TOPS = 2 };

static void put(struct standings *s, uint32_t unit, bool complete, int64_t a, int64_t b)
{
    int64_t component[TOPS], points[] = {a + b, a, b};
    struct standing value = {.component = component, .appraised_share = 5, .cause_seq = 7};
    standing_fill(&value, s->definition, true, complete, points);
    standings_put(s, standings_find(s, unit), &value);
}

static struct standings *table_new(struct catalog **c)
{
    *c = little_catalog_new(UNITS, TOPS);
    return standings_new(catalog_find_definition(*c, "little", UINT64_MAX));
}

static struct catalog *c;

static struct standings *s;

static void start(void) { s = table_new(&c); }

static void stop(void)
{
    standings_destroy(&s);
    catalog_destroy(&c);
}

TestSuite(standings, .init = start, .fini = stop);

Test(standings, holds_the_whole_cohort_from_the_start)
{
    cr_assert_eq(s->count, UNITS);
    for (uint32_t unit = 1; unit <= UNITS; unit++) {
        uint32_t row = standings_find(s, unit);
        cr_assert_eq(s->row[row].unit, unit);
        cr_assert_not(s->row[row].present);
        cr_assert_eq(standings_rank(s, row), 0);
    }
    cr_assert_eq(standings_find(s, 0), STANDINGS_NO_ROW);
    cr_assert_eq(standings_find(s, UNITS + 1), STANDINGS_NO_ROW);
}

Test(standings, finds_units_whose_numbers_have_holes)
{
    standings_destroy(&s);
    struct definition d = *catalog_find_definition(c, "little", UINT64_MAX);
    const uint32_t cohort[] = {2, 3, 7, 9};
    d.cohort = cohort, d.cohort_count = 4;
    s = standings_new(&d);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(standings_find(s, cohort[i]), i);
    const uint32_t absent[] = {0, 1, 4, 6, 8, 10};
    for (int i = 0; i < 6; i++)
        cr_assert_eq(standings_find(s, absent[i]), STANDINGS_NO_ROW);
    standings_destroy(&s); /* before its definition goes */
}

Test(standings, equal_scores_share_a_rank)
{
    put(s, 4, true, 5, 5);
    put(s, 2, true, 6, 4);
    put(s, 8, true, 1, 1);
    cr_assert_eq(standings_rank(s, standings_find(s, 4)), 1);
    cr_assert_eq(standings_rank(s, standings_find(s, 2)), 1);
    cr_assert_eq(standings_rank(s, standings_find(s, 8)), 3);
}

Test(standings, a_unit_that_lacks_something_is_not_ranked_until_it_is_complete)
{
    put(s, 1, true, 1, 0);
    put(s, 2, false, 9, 0);
    cr_assert_eq(standings_rank(s, standings_find(s, 2)), 0);
    cr_assert_eq(standings_rank(s, standings_find(s, 1)), 1);
    put(s, 2, true, 9, 0);
    cr_assert_eq(standings_rank(s, standings_find(s, 2)), 1);
    cr_assert_eq(standings_rank(s, standings_find(s, 1)), 2);
    put(s, 2, false, 9, 0);
    cr_assert_eq(standings_rank(s, standings_find(s, 2)), 0);
    cr_assert_eq(standings_rank(s, standings_find(s, 1)), 1);
}

Test(standings, a_unit_without_any_value_is_not_ranked_whatever_missing_means)
{
    int64_t component[TOPS] = {3, 3}, points[] = {0, 0, 0};
    struct standing value = {.component = component};
    standing_fill(&value, s->definition, false, true, points);
    standings_put(s, 0, &value);
    cr_assert_eq(standings_rank(s, 0), 0);
    cr_assert_eq(s->row[0].component[0], 0);
}

struct printed {
    uint32_t unit[UNITS], rank[UNITS];
    size_t count;
};

static bool print_row(void *ctx, uint32_t rank, const struct standing *row)
{
    struct printed *p = ctx;
    p->unit[p->count] = row->unit;
    p->rank[p->count++] = rank;
    return p->count < 5;
}

Test(standings, ranked_units_come_first_then_the_others_by_number)
{
    put(s, 7, true, 2, 0);
    put(s, 3, true, 5, 0);
    put(s, 5, true, 2, 0);
    put(s, 1, false, 9, 9);
    struct printed p = {.count = 0};
    standings_each(s, print_row, &p);
    const uint32_t unit[] = {3, 5, 7, 1, 2}, rank[] = {1, 2, 2, 0, 0};
    cr_assert_eq(p.count, 5);
    cr_assert_arr_eq(p.unit, unit, sizeof unit);
    cr_assert_arr_eq(p.rank, rank, sizeof rank);
}
