/* A coordinator that says anything: the validator goes on. */
#include "at.h"
#include "journal/record.h"
#include "liar.h"
#include "validator_world.h"
#include <criterion/criterion.h>

enum { SEEDS = 100, MESSAGES = 400 };

/* Mostly Work: a control that makes no sense ends it, as it should. */
static void say_anything(struct liar *l, int64_t now_us)
{
    struct wire_message m;
    bool work = liar_below(l, 20);
    do
        liar_say(l, &wire_to_worker, &parbus__to_worker__descriptor, &m);
    while (work && m.kind != PARBUS__TO_WORKER__BODY_WORK);
    validator_receive(t.core, VALIDATOR_COORDINATOR, peer_unnamed(1), &m, at(now_us));
}

static void hear_anything(uint64_t seed)
{
    struct liar l;
    liar_init(&l, seed << 32);
    l.hint[l.hint_count++] = 3; /* controls that it knows */
    int64_t now_us = 0;
    validator_world_start();
    for (int i = 0; i < MESSAGES && validator_over(t.core, NULL) == OK; i++) {
        say_anything(&l, now_us);
        if (t.sent)
            verdicts(); /* whatever it makes of it can be read */
        if (liar_below(&l, 3) == 0)
            validator_tick(t.core, at(now_us += (int64_t)liar_below(&l, 100000)));
    }
    validator_world_stop();
    liar_free(&l);
}

Test(validator_liars, whatever_is_said_to_it_the_validator_goes_on, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        hear_anything(seed);
}
