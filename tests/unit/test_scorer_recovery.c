/* What a scorer holds in memory, and what it gets back from state: restarts, a small cache, reads that fail, law 5. */
#include "scorer_world.h"
#include <criterion/criterion.h>
#include <string.h>

static struct fixture f;

static void setup(void) { fixture_setup(&f); }
static void teardown(void) { fixture_teardown(&f); }
TestSuite(scorer_recovery, .init = setup, .fini = teardown);

Test(scorer_recovery, a_restart_goes_on_from_state)
{
    world_give_row(&f.w, 1, B, 3, 100);
    world_give_row(&f.w, 2, A1, 4, 100);
    fixture_commit(&f);
    world_teardown(&f.w);
    world_setup(&f.w, &f.state);
    world_assign(&f.w, 0, EPOCH, 0);
    cr_assert_eq(f.w.owned_applied, 2);
    cr_assert_eq(f.w.tally_scored, 2);
    world_give_row(&f.w, 3, B, 9, 50);
    scorer_flush(f.w.core);
    cr_assert_eq(f.w.scores[0].prev_pseq, 2);
    cr_assert_eq(f.w.scores[0].units, 0, "an older value changes nothing, also after a restart");
    world_give_row(&f.w, 4, A2, 100, 50);
    scorer_flush(f.w.core);
    cr_assert_eq(f.w.scores[1].root, 17000000);
    cr_assert(f.w.scores[1].complete);
}

Test(scorer_recovery, units_beyond_the_cache_are_read_again)
{
    world_teardown(&f.w);
    world_setup_limited(&f.w, &f.state, 1);
    world_assign(&f.w, 0, EPOCH, 0);
    for (uint64_t pseq = 1; pseq <= 20; pseq++) {
        draft_begin(&f.d);
        draft_row(&f.d, B, (double)pseq);
        draft_record(&f.d, &f.record, pseq % 2 ? HA_NOI : HA_NAM, 7, pseq);
        for (int i = 0; i < 2; i++) /* what was refused for want of room comes again */
            world_give(&f.w, &f.record, pseq, 0);
        if (pseq % 3 == 0)
            fixture_commit(&f);
    }
    fixture_commit(&f);
    cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 19000000);
    cr_assert_eq(fake_points(&f.state, 0, HA_NAM)[0], 20000000);
    int reads = f.state.reads;
    world_give_row(&f.w, 21, B, 1, 0);
    cr_assert_gt(f.state.reads, reads, "the cache holds one unit, and there were two");
}

Test(scorer_recovery, a_unit_in_memory_is_not_read_again)
{
    world_give_row(&f.w, 1, B, 3, 0);
    fixture_commit(&f);
    int reads = f.state.reads;
    world_give_row(&f.w, 2, B, 4, 0);
    cr_assert_eq(f.state.reads, reads);
}

/* The publisher may show one in between, which the scorer before never committed. */
Test(scorer_recovery, a_score_that_is_what_it_was_is_told_all_the_same)
{
    world_give_row(&f.w, 1, B, 3, 100);
    fixture_commit(&f);
    world_teardown(&f.w);
    world_setup(&f.w, &f.state);
    world_assign(&f.w, 0, EPOCH, 0);
    world_give_row(&f.w, 2, B, 3, 200);
    scorer_flush(f.w.core);
    cr_assert_eq(f.w.scores_count, 1);
    cr_assert_eq(f.w.scores[0].units, 1);
    fixture_commit(&f);
    cr_assert_eq(fake_score(&f.state, 0, HA_NOI)->cause_seq, 2);
}

Test(scorer_recovery, a_read_that_fails_stops_before_the_submission)
{
    f.state.fail_read = ERR_IO;
    world_give_row(&f.w, 1, B, 3, 0);
    fixture_commit(&f);
    cr_assert_eq(f.state.cursor[0].applied, 0);
    f.state.fail_read = OK;
    world_give_row(&f.w, 1, B, 3, 0);
    fixture_commit(&f);
    cr_assert_eq(f.state.cursor[0].applied, 1);
}

/* A path is part of it; a heartbeat with bytes that are not UTF-8 would be dropped, and the scorer taken for dead. */
Test(scorer_recovery, why_state_cannot_be_written_is_a_text)
{
    world_welcome(&f.w, 1, 0);
    world_assign(&f.w, 0, EPOCH, 0);
    f.state.fail_commit = ERR_FULL;
    f.state.disk_says = "/srv/Hà Nội/\xe1\xbb";
    world_give_row(&f.w, 1, B, 3, 0);
    world_tick(&f.w, 2000000);
    world_tick(&f.w, 3000000);
    cr_assert_str_eq(f.w.trouble, "/srv/Hà Nội/??");
}

Test(scorer_recovery, heartbeats_say_why_state_cannot_be_written_until_it_can)
{
    world_welcome(&f.w, 1, 0);
    world_assign(&f.w, 0, EPOCH, 0);
    world_tick(&f.w, 1000000);
    cr_assert(f.w.heartbeat > 0 && !*f.w.trouble);
    f.state.fail_commit = ERR_FULL;
    world_give_row(&f.w, 1, B, 3, 0);
    world_tick(&f.w, 2000000);
    world_tick(&f.w, 3000000);
    cr_assert_str_eq(f.w.trouble, "disk");
    f.state.fail_commit = OK;
    world_tick(&f.w, 10000000);
    world_tick(&f.w, 11000000);
    cr_assert_str_eq(f.w.trouble, "");
    f.state.fail_own = ERR_IO;
    world_assign(&f.w, 1, EPOCH, 11000000);
    world_tick(&f.w, 12000000);
    cr_assert(*f.w.trouble, "nor can a partition be taken");
    f.state.fail_own = OK;
    world_assign(&f.w, 1, EPOCH, 12000000);
    world_tick(&f.w, 13000000);
    cr_assert_str_eq(f.w.trouble, "");
}

/* Law 5: the same journal in other portions, with commits and restarts between, gives the same bytes. */
static void run_in_portions(struct fake_state *state, unsigned seed)
{
    struct world w;
    unsigned random = seed;
    uint64_t pseq = 1;
    *state = (struct fake_state){0};
    world_setup(&w, state);
    world_assign(&w, 0, EPOCH, 0);
    while (pseq <= 200) {
        world_give_row(&w, pseq, 3 + pseq * 7 % 3, (double)(pseq * 13 % 10), (int64_t)(pseq * 31 % 17));
        random = random * 1103515245 + 12345;
        if (random >> 16 & 1)
            scorer_flush(w.core);
        if ((random >> 17 & 7) == 0)
            world_commit(&w);
        pseq++;
        if (seed && (random >> 20 & 15) == 0) { /* dies; what is not committed comes again */
            world_teardown(&w);
            world_setup(&w, state);
            world_assign(&w, 0, EPOCH, 0);
            pseq = state->cursor[0].applied + 1;
        }
    }
    world_commit(&w);
    world_teardown(&w);
}

static void expect_same(const struct fake_state *a, const struct fake_state *b)
{
    size_t cells = 3 * sizeof(struct cell), score = sizeof(struct score_header) + 5 * sizeof(int64_t);
    cr_assert_eq(memcmp(fake_cells(a, 0, HA_NOI, 1), fake_cells(b, 0, HA_NOI, 1), cells), 0);
    cr_assert_eq(memcmp(fake_score(a, 0, HA_NOI), fake_score(b, 0, HA_NOI), score), 0);
    cr_assert_eq(memcmp(fake_tally(a, 0, 7), fake_tally(b, 0, 7), sizeof(struct tally)), 0);
}

Test(scorer_recovery, portions_commits_and_deaths_do_not_change_a_byte)
{
    struct fake_state plain, other;
    run_in_portions(&plain, 0);
    for (unsigned seed = 1; seed <= 30; seed++) {
        run_in_portions(&other, seed);
        expect_same(&plain, &other);
        fake_state_free(&other);
    }
    fake_state_free(&plain);
}
