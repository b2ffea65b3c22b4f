/* Workers and feeders that say anything: the ingestor goes on, and what always holds of it holds (invariants.h). */
#include "ingestor_world.h"
#include "liar.h"

enum { SEEDS = 40, MESSAGES = 250 };

static void say_anything(struct liar *l)
{
    static const uint64_t worker[] = {SCORER_A, SCORER_B, VALIDATOR_A, VALIDATOR_B};
    struct wire_message m;
    if (liar_below(l, 4)) {
        liar_say(l, &wire_to_coordinator, &parbus__to_coordinator__descriptor, &m);
        ingestor_receive(t.core, INGESTOR_WORK, (struct peer){worker[liar_below(l, 4)], "owner"}, &m, t.now);
    } else {
        liar_say(l, &wire_to_ingestor, &parbus__to_ingestor__descriptor, &m);
        ingestor_receive(t.core, INGESTOR_DOOR, (struct peer){FEEDER, "owner"}, &m, t.now);
    }
}

static void hear_anything(uint64_t seed)
{
    struct liar l;
    ingestor_world_start();
    liar_init(&l, seed << 32);
    for (l.hint_count = 0; l.hint_count < LIAR_HINTS_MAX; l.hint_count++)
        l.hint[l.hint_count] = (1ull << 32) + l.hint_count + 1; /* owner epochs of the first term */
    one_of_each();
    hello(1);
    for (uint64_t seq = 1; seq <= 20; seq++)
        submit(seq);
    for (int i = 0; i < MESSAGES; i++) {
        say_anything(&l);
        if (liar_below(&l, 3) == 0)
            tick((int64_t)liar_below(&l, 300));
    }
    liar_free(&l);
    ingestor_world_stop();
}

Test(ingestor_liars, whatever_workers_and_feeders_say_the_ingestor_goes_on, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        hear_anything(seed);
}
