#include "base/err.h"
#include "client/feeder_state.h"
#include "death.h"

static struct feeder_core *core;

static enum err send(void *ctx, const void *data, size_t bytes) { return (void)ctx, (void)data, (void)bytes, OK; }

/* Seqs 5 and 6 have no receipt, 5 was sent; 6 is on disk, 7 is not. */
static struct feeder_core *sending(void)
{
    struct feeder_core_options o = {
        .name = "h05", .epoch = 1, .line = 1, .next_seq = 5, .first_seq = 5, .stored = true, .io.send = send};
    feeder_core_destroy(&core);
    core = feeder_core_new(&o);
    for (int i = 0; i < 3; i++)
        feeder_core_take(core, "\x12\x04\x08\x01\x10\x01", 6);
    feeder_core_release(core, 6);
    core->next_send = 6;
    return core;
}

static void settled_beyond_released(void) { sending()->settled = 7; }
static void receipted_beyond_settled(void) { sending()->receipted = 5; }
static void released_beyond_last(void) { sending()->released = 8; }
static void ring_holds_what_has_its_receipt(void) { sending()->ring.first = 4; }
static void ring_lost_what_has_no_receipt(void) { sending()->ring.first = 6; }
static void next_before_the_ring(void) { sending()->next_send = 4; }
static void next_beyond_the_ring(void) { sending()->next_send = 9; }
static void failed_without_a_word(void) { sending()->state = FEEDER_FAILED; }
static void goes_on_after_a_failure(void) { sending()->failure = ERR_IO; }

static void sound(void) { sending(); }
static void go_on(void)
{
    feeder_assert(core);
    feeder_core_destroy(&core);
}

const struct deaths feeder_deaths = {
    sound,
    go_on,
    {
        {"settled_beyond_released", settled_beyond_released},
        {"receipted_beyond_settled", receipted_beyond_settled},
        {"released_beyond_last", released_beyond_last},
        {"ring_holds_what_has_its_receipt", ring_holds_what_has_its_receipt},
        {"ring_lost_what_has_no_receipt", ring_lost_what_has_no_receipt},
        {"next_before_the_ring", next_before_the_ring},
        {"next_beyond_the_ring", next_beyond_the_ring},
        {"failed_without_a_word", failed_without_a_word},
        {"goes_on_after_a_failure", goes_on_after_a_failure},
    },
};
