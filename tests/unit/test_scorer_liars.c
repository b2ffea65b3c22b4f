/* A coordinator and validators that say anything: the scorer goes on. */
#include "liar.h"
#include "scorer_world.h"
#include <criterion/criterion.h>

enum { SEEDS = 60, MESSAGES = 400 };

static void say_anything(struct liar *l, struct scorer *core, int64_t now_us)
{
    struct wire_message m;
    struct moment now = {now_us, 0};
    if (liar_below(l, 3)) {
        liar_say(l, &wire_to_scorer, &parbus__to_scorer__descriptor, &m);
        scorer_receive(core, SCORER_VERDICTS, peer_unnamed(1), &m, now);
    } else {
        liar_say(l, &wire_to_worker, &parbus__to_worker__descriptor, &m);
        scorer_receive(core, SCORER_COORDINATOR, peer_unnamed(1), &m, now);
    }
}

static void hear_anything(uint64_t seed)
{
    static struct fixture f;
    struct liar l;
    fixture_setup(&f);
    liar_init(&l, seed << 32);
    l.hint[l.hint_count++] = EPOCH;
    int64_t now_us = 1000000;
    for (int i = 0; i < MESSAGES && scorer_over(f.w.core, NULL) == OK; i++) {
        say_anything(&l, f.w.core, now_us);
        f.w.scores_count = 0;
        if (liar_below(&l, 3) == 0)
            scorer_tick(f.w.core, (struct moment){now_us += (int64_t)liar_below(&l, 100000), 0});
    }
    liar_free(&l);
    fixture_teardown(&f);
}

Test(scorer_liars, whatever_is_said_to_it_the_scorer_goes_on, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        hear_anything(seed);
}
