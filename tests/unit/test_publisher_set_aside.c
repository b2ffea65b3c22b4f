/* What an owner told of an entry that was set aside later, and never committed (rule I15). */
#include "witness.h"
#include <criterion/criterion.h>

enum { UNIT = 7 };

static struct witness *v;
static struct world *w;
static uint32_t of; /* the unit's partition */

static void setup(void)
{
    v = witness_new(1);
    w = &v->world;
    of = catalog_partition(catalog_series(w->catalog, 1)->definition->registry, UNIT, WORLD_PARTITIONS);
}
static void teardown(void) { witness_free(v); }
TestSuite(publisher_set_aside, .init = setup, .fini = teardown);

/* Scores of the unit's partition, with the unit, of a scorer that knew so many controls; 0: it does not say. */
static void tell_knowing(uint64_t controls, uint64_t prev_pseq, uint64_t pseq, int64_t points)
{
    int64_t all[WORLD_NODES] = {points, points};
    Parbus__UnitScore score = PARBUS__UNIT_SCORE__INIT, *pointer = &score;
    score.has_series = score.has_unit = score.has_complete = score.has_present = 1;
    score.series = 1, score.unit = UNIT, score.complete = score.present = points != 0;
    score.n_points = WORLD_NODES, score.points = all;
    Parbus__Scores m = PARBUS__SCORES__INIT;
    m.has_partition = m.has_prev_pseq = m.has_pseq = 1;
    m.partition = of, m.prev_pseq = prev_pseq, m.pseq = pseq;
    m.n_unit = 1, m.unit = &pointer;
    m.has_control_seq = controls != 0, m.control_seq = controls;
    struct buffer b = {0};
    wire_pack(&b, PARBUS__TO_PUBLISHER__BODY_SCORES, &m.base);
    world_deliver(w, &b);
    buffer_free(&b);
    w->now_us += 100 * WORLD_MS;
    world_tick(w);
}

static void say_scores(uint64_t prev_pseq, uint64_t pseq, int64_t points) { tell_knowing(0, prev_pseq, pseq, points); }

static int64_t shown(void)
{
    uint64_t seq;
    return publisher_table(w->publisher, 1, &seq)->row[UNIT - 1].score;
}

static void set_aside(uint32_t partition, uint64_t pseq)
{
    struct page page;
    uint64_t seq = catalog_control_seq(w->catalog) + 1;
    page_set_aside(&page, seq, partition, pseq);
    world_control(w, &page);
    cr_assert_eq(catalog_control_seq(w->catalog), seq);
}

/* The owner commits up to pseq and says so; the publisher missed its messages. */
static void read_from_state(uint64_t pseq)
{
    w->pseq[of] = pseq;
    world_commit(w, of);
    struct buffer b = {0};
    world_committed(w, &b);
    world_deliver(w, &b);
    buffer_free(&b);
    world_tick(w);
}

Test(publisher_set_aside, what_was_never_committed_gives_way)
{
    say_scores(0, 2, 5);
    say_scores(2, 6, 9);
    set_aside(of, 4);
    cr_assert_eq(publisher_position(w->publisher, of), 3);
    cr_assert_eq(shown(), 9);
    say_scores(2, 4, 0); /* by the next owner */
    cr_assert_eq(shown(), 0);
    say_scores(4, 6, 3);
    cr_assert_eq(shown(), 3);
    cr_assert_eq(publisher_position(w->publisher, of), 6);
}

Test(publisher_set_aside, when_the_next_owners_word_was_lost_state_is_read)
{
    say_scores(0, 6, 9);
    set_aside(of, 4);
    uint64_t before = w->metrics.value[METRIC_partitions_reloaded];
    read_from_state(6);
    cr_assert_eq(w->metrics.value[METRIC_partitions_reloaded], before + 1);
    cr_assert_eq(publisher_position(w->publisher, of), 6);
}

Test(publisher_set_aside, what_was_read_from_state_stays)
{
    say_scores(0, 2, 5);
    read_from_state(6);
    int64_t of_state = shown();
    set_aside(of, 4);
    cr_assert_eq(publisher_position(w->publisher, of), 6);
    say_scores(2, 5, 1); /* by the next owner, before it came to 6 */
    cr_assert_eq(shown(), of_state);
}

Test(publisher_set_aside, what_was_read_from_a_state_that_was_deleted_gives_way)
{
    read_from_state(6);
    publisher_state_anew(w->publisher);
    set_aside(of, 4);
    cr_assert_eq(publisher_position(w->publisher, of), 3);
    say_scores(3, 6, 1);
    cr_assert_eq(shown(), 1);
}

Test(publisher_set_aside, what_came_behind_it_gives_way)
{
    read_from_state(6);
    say_scores(6, 8, 9); /* by an owner of before, and late */
    set_aside(of, 4);
    cr_assert_eq(publisher_position(w->publisher, of), 6);
    say_scores(6, 7, 1);
    cr_assert_eq(shown(), 1);
}

Test(publisher_set_aside, other_partitions_and_later_entries_are_left_alone)
{
    say_scores(0, 6, 9);
    set_aside((of + 1) % WORLD_PARTITIONS, 4);
    set_aside(of, 7);
    cr_assert_eq(publisher_position(w->publisher, of), 6);
    say_scores(2, 5, 1);
    cr_assert_eq(shown(), 9, "known already");
}

Test(publisher_set_aside, it_is_seen_to_once)
{
    say_scores(0, 6, 9);
    set_aside(of, 4);
    say_scores(2, 6, 3);
    set_aside((of + 1) % WORLD_PARTITIONS, 4);
    cr_assert_eq(publisher_position(w->publisher, of), 6);
}

Test(publisher_set_aside, an_owner_from_before_is_not_believed_afterwards)
{
    uint64_t before = catalog_control_seq(w->catalog);
    tell_knowing(before, 0, 2, 5);
    set_aside(of, 4);
    tell_knowing(before, 2, 6, 9);
    cr_assert_eq(shown(), 5);
    cr_assert_eq(publisher_position(w->publisher, of), 2);
    tell_knowing(before, 2, 3, 7);
    cr_assert_eq(shown(), 7, "that does not reach the entry");
    tell_knowing(before + 1, 3, 6, 3);
    cr_assert_eq(shown(), 3);
    cr_assert_eq(publisher_position(w->publisher, of), 6);
}

Test(publisher_set_aside, scores_of_a_scorer_that_knows_more_are_left_to_state)
{
    say_scores(0, 2, 5);
    tell_knowing(catalog_control_seq(w->catalog) + 1, 2, 6, 9);
    cr_assert_eq(shown(), 5);
    cr_assert_eq(publisher_position(w->publisher, of), 2);
    w->pseq[of] = 6;
    world_commit(w, of);
    w->now_us += 100 * WORLD_MS;
    world_tick(w);
    cr_assert_eq(publisher_position(w->publisher, of), 6);
}

/* The control comes late: what its owner committed has been read already. */
Test(publisher_set_aside, what_state_says_of_an_entry_takes_the_place_of_what_was_told_of_the_same)
{
    int64_t points[WORLD_NODES] = {3, 3};
    struct unit_score score = {.series = 1,
                               .unit = UNIT,
                               .header = {.complete = true, .present = true, .node_count = WORLD_NODES},
                               .points = points};
    say_scores(0, 2, 5);
    say_scores(4, 6, 9); /* something before it was missed */
    publisher_load(w->publisher, &score, 6);
    publisher_loaded(w->publisher, of, 6);
    w->now_us += 100 * WORLD_MS;
    world_tick(w);
    cr_assert_eq(shown(), 3);
    set_aside(of, 4);
    cr_assert_eq(publisher_position(w->publisher, of), 6);
}
