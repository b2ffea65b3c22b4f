/* When a feeder wants its next turn, on a real socket: a loop that is not its own must neither spin nor sleep over it.
 */
#include "base/clock.h"
#include "client/errors.h"
#include "link/link.h"
#include <criterion/criterion.h>
#include <parbus/feeder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TURNS = 50 };

static char directory[64], endpoint[LINK_ENDPOINT_BYTES];
static struct parbus_feeder *feeder;
static struct parbus_err_text e;
static void *door;

static void setup(void)
{
    char run[80];
    strcpy(directory, "/tmp/parbus-feeder-XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(run, sizeof run, "%s/run", directory);
    cr_assert_eq(mkdir(run, 0700), 0);
    cr_assert_eq(link_endpoint(endpoint, directory, "door", NULL), OK);
    /* somebody listens, and says nothing */
    cr_assert_eq(link_open(&door, ZMQ_ROUTER, LINK_BIND, endpoint, &(struct link_options){.hwm = 100}, NULL), OK);
}

static void teardown(void)
{
    char command[128];
    parbus_feeder_close(&feeder);
    link_close(&door);
    link_shutdown();
    snprintf(command, sizeof command, "rm -r %s", directory);
    cr_assert_eq(system(command), 0);
}

TestSuite(feeder_loop, .init = setup, .fini = teardown, .timeout = 60);

static void open_feeder(const char *outbox)
{
    struct parbus_feeder_options o = {.endpoint = endpoint, .name = "loop", .outbox = outbox};
    cr_assert_eq(parbus_feeder_open(&feeder, &o, &e), PARBUS_OK, "%s", e.text);
}

static enum parbus_err submit(void)
{
    uint32_t indicator = 2;
    double value = 1;
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.index = "pci", s.period = "2013", s.unit = "01";
    s.indicator = &indicator, s.value = &value, s.n_indicator = s.n_value = 1;
    return parbus_feeder_submit(feeder, &s, NULL, &e);
}

static bool is_due(void) { return parbus_feeder_deadline_us(feeder) <= clock_mono_us(); }

/* The turns that it wants at once; in none of them may it want another for ever. */
static void settle(void)
{
    for (int turns = 0; is_due(); turns++) {
        cr_assert_lt(turns, TURNS, "it is due again and again");
        cr_assert_eq(parbus_feeder_step(feeder, &e), PARBUS_OK, "%s", e.text);
    }
}

/* A new outbox has no head yet: found on the way, and put right. */
Test(feeder_loop, a_text_is_filled_only_by_what_fails)
{
    char outbox[80];
    snprintf(outbox, sizeof outbox, "%s/outbox", directory);
    strcpy(e.text, "untouched");
    open_feeder(outbox);
    cr_assert_eq(submit(), PARBUS_OK);
    cr_assert_eq(parbus_feeder_sync(feeder, &e), PARBUS_OK);
    cr_assert_eq(parbus_feeder_step(feeder, &e), PARBUS_OK);
    cr_assert_str_eq(e.text, "untouched");
    struct parbus_feeder *second;
    struct parbus_feeder_options o = {.endpoint = endpoint, .name = "loop", .outbox = outbox};
    cr_assert_eq(parbus_feeder_open(&second, &o, &e), PARBUS_ERR_BUSY);
    cr_assert(strstr(e.text, outbox), "%s", e.text);
    cr_assert_null(second);
}

Test(feeder_loop, what_was_submitted_is_due_at_once_and_then_nothing_is)
{
    open_feeder(NULL);
    settle();
    cr_assert_eq(submit(), PARBUS_OK);
    cr_assert(is_due());
    settle();
}

Test(feeder_loop, asking_again_of_a_full_window_makes_no_feeder_due)
{
    open_feeder(NULL);
    while (submit() == PARBUS_OK)
        continue;
    settle();
    for (int turns = 0; turns < TURNS; turns++) {
        cr_assert_eq(submit(), PARBUS_ERR_BUSY);
        cr_assert(!is_due(), "a loop that submits at each deadline would spin");
    }
}

Test(feeder_loop, an_outbox_with_nothing_new_in_it_makes_no_feeder_due)
{
    char outbox[96];
    snprintf(outbox, sizeof outbox, "%s/outbox", directory);
    open_feeder(outbox);
    settle();
    cr_assert_eq(submit(), PARBUS_OK);
    cr_assert_eq(parbus_feeder_sync(feeder, &e), PARBUS_OK);
    cr_assert(is_due());
    settle();
    cr_assert_eq(parbus_feeder_sync(feeder, &e), PARBUS_OK);
    cr_assert(!is_due(), "a loop that syncs at each deadline would spin");
}
