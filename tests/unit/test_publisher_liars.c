/* Scorers, a coordinator and subscribers that say anything: the publisher goes on. */
#include "liar.h"
#include "witness.h"
#include <criterion/criterion.h>

enum { SEEDS = 30, MESSAGES = 300 };

static void say_anything(struct liar *l, struct publisher *p, struct moment now)
{
    static const struct {
        enum publisher_source source;
        const struct wire_channel *channel;
        const ProtobufCMessageDescriptor *envelope;
    } say[] = {{PUBLISHER_SCORES, &wire_to_publisher, &parbus__to_publisher__descriptor},
               {PUBLISHER_SNAPSHOTS, &wire_to_snapshots, &parbus__to_snapshots__descriptor},
               {PUBLISHER_COORDINATOR, &wire_to_worker, &parbus__to_worker__descriptor}};
    size_t i = liar_below(l, 10) ? liar_below(l, 2) : 2;
    struct wire_message m;
    liar_say(l, say[i].channel, say[i].envelope, &m);
    publisher_receive(p, say[i].source, peer_unnamed(1 + liar_below(l, 3)), &m, now);
}

static void hear_anything(uint64_t seed)
{
    struct witness *v = witness_new(seed);
    struct liar l;
    struct moment now = {v->world.now_us, 0};
    liar_init(&l, seed << 32);
    for (int i = 0; i < MESSAGES && publisher_over(v->world.publisher, NULL) == OK; i++) {
        say_anything(&l, v->world.publisher, now);
        now.mono_us += (int64_t)liar_below(&l, 20000);
        v->answers = 0;
        if (publisher_over(v->world.publisher, NULL) == OK && liar_below(&l, 3) == 0)
            publisher_tick(v->world.publisher, now);
    }
    liar_free(&l);
    witness_free(v);
}

Test(publisher_liars, whatever_is_said_to_it_the_publisher_goes_on, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        hear_anything(seed);
}
