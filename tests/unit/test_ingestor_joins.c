/* Keys that come over the network: by an invitation (A8), in the place of another (A9). */
#include "ingestor_world.h"
#include <string.h>

#define GUEST "key:0101010101010101010101010101010101010101010101010101010101010101"
#define OTHER "key:0202020202020202020202020202020202020202020202020202020202020202"

TestSuite(ingestor_joins, .init = ingestor_world_start, .fini = ingestor_world_stop);

static void owner_asks(Parbus__AccessChange *change)
{
    Parbus__ChangeAccess m = PARBUS__CHANGE_ACCESS__INIT;
    const char *before = t.principal;
    t.principal = NULL;
    m.has_request = 1;
    m.change = change;
    FROM_FEEDER(CHANGE_ACCESS, m);
    tick(0);
    const Parbus__AccessChanged *answer =
        (const Parbus__AccessChanged *)last_to_feeder(PARBUS__TO_FEEDER__BODY_ACCESS_CHANGED);
    cr_assert(answer->control_seq, "%s", answer->why);
    t.principal = before;
}

static void token_of(uint8_t token[static 16], uint8_t fill) { memset(token, fill, 16); }

static void invite(const char *name, uint8_t fill, int64_t until_ms)
{
    Parbus__IdentityAdded identity = PARBUS__IDENTITY_ADDED__INIT;
    Parbus__TokenAdded token = PARBUS__TOKEN_ADDED__INIT;
    Parbus__AccessChange change = PARBUS__ACCESS_CHANGE__INIT;
    uint8_t hash[32] = {0};
    token_of(hash, fill);
    identity.name = token.name = (char *)name;
    change.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED, change.identity_added = &identity;
    owner_asks(&change);
    token.id = (char *)name;
    token.has_kind = token.has_hash = token.has_until_ms = 1;
    token.kind = PARBUS__TOKEN_KIND__TOKEN_INVITATION;
    token.hash = (ProtobufCBinaryData){sizeof hash, hash};
    token.until_ms = until_ms;
    change.change_case = PARBUS__ACCESS_CHANGE__CHANGE_TOKEN_ADDED, change.token_added = &token;
    owner_asks(&change);
}

static void say_join(const char *principal, uint8_t fill, uint64_t request)
{
    Parbus__Join m = PARBUS__JOIN__INIT;
    uint8_t token[16];
    token_of(token, fill);
    m.has_request = m.has_token = 1;
    m.request = request;
    m.token = (ProtobufCBinaryData){sizeof token, token};
    t.principal = principal;
    FROM_FEEDER(JOIN, m);
}

static void say_rotate(const char *principal, uint8_t fill, int64_t overlap_ms)
{
    Parbus__Rotate m = PARBUS__ROTATE__INIT;
    uint8_t key[32];
    memset(key, fill, sizeof key);
    m.has_request = m.has_public_key = m.has_overlap_ms = 1;
    m.request = 5;
    m.public_key = (ProtobufCBinaryData){sizeof key, key};
    m.overlap_ms = overlap_ms;
    t.principal = principal;
    FROM_FEEDER(ROTATE, m);
}

/* Under the name that the key has. */
static void say_hello(const char *principal)
{
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = m.has_line = 1;
    m.protocol_version = m.epoch = m.line = 1;
    t.principal = principal;
    FROM_FEEDER(HELLO, m);
}

static const Parbus__Joined *answered(void)
{
    return (const Parbus__Joined *)last_to_feeder(PARBUS__TO_FEEDER__BODY_JOINED);
}

static void refused(const char *why)
{
    cr_assert_not_null(answered());
    cr_assert(!answered()->name || !answered()->name[0]);
    cr_assert(strstr(answered()->why, why), "%s", answered()->why);
}

Test(ingestor_joins, a_key_is_answered_when_it_is_in_the_journal)
{
    invite("h05", 9, 0);
    t.disk_silent = true;
    say_join(GUEST, 9, 7);
    tick(0);
    cr_assert_null(answered());
    t.disk_silent = false;
    answer_append();
    cr_assert_str_eq(answered()->name, "h05");
    cr_assert_eq(answered()->request, 7);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_keys_joined], 1);
    say_hello(GUEST);
    cr_assert_not_null(last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME));
}

Test(ingestor_joins, a_token_brings_one_key_in_also_over_a_restart)
{
    invite("h05", 9, 0);
    say_join(GUEST, 9, 7);
    tick(0);
    say_join(OTHER, 9, 8);
    refused("used or withdrawn already");
    ingestor_world_restart();
    ingestor_world_restore();
    say_join(OTHER, 9, 8);
    refused("used or withdrawn already");
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_joins_refused], 1);
}

Test(ingestor_joins, two_that_come_with_one_token_at_the_same_moment_are_one)
{
    invite("h05", 9, 0);
    t.disk_silent = true;
    say_join(GUEST, 9, 7);
    say_join(OTHER, 9, 8);
    refused("used or withdrawn already");
    t.disk_silent = false;
    tick(0);
    answer_append();
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_JOINED), 2);
}

Test(ingestor_joins, who_did_not_hear_the_answer_hears_it_again_and_nothing_is_used)
{
    invite("h05", 9, 0);
    say_join(GUEST, 9, 7);
    tick(0);
    size_t controls = t.control_count;
    say_join(GUEST, 9, 8);
    tick(0);
    cr_assert_str_eq(answered()->name, "h05");
    cr_assert_eq(answered()->request, 8);
    cr_assert_eq(t.control_count, controls);
}

Test(ingestor_joins, an_expired_or_unknown_one_is_told_as_such)
{
    invite("h05", 9, t.now.wall_ms + 1000);
    say_join(GUEST, 8, 7);
    refused("is not known here");
    t.now.wall_ms += 999;
    t.now.wall_ms += 1;
    say_join(GUEST, 9, 7);
    refused("has expired");
    cr_assert_eq(t.cut, 0);
}

Test(ingestor_joins, a_guest_that_says_anything_else_hears_nothing_and_is_cut)
{
    invite("h05", 9, 0);
    size_t before = t.feeder_count;
    t.principal = GUEST;
    hello(1);
    cr_assert_eq(t.cut, FEEDER);
    t.cut = 0;
    submit(1);
    cr_assert_eq(t.cut, FEEDER);
    t.cut = 0;
    Parbus__Stats stats = PARBUS__STATS__INIT;
    FROM_FEEDER(STATS, stats);
    cr_assert_eq(t.cut, FEEDER);
    t.cut = 0;
    cr_assert_eq(t.feeder_count, before, "nothing was answered");
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_guests_cut], 3);
}

Test(ingestor_joins, there_is_a_bound_on_what_strangers_write_into_the_journal)
{
    char name[32], principal[80];
    unsigned joined = 0;
    for (unsigned n = 0; n < 70; n++) {
        snprintf(name, sizeof name, "h%u", n);
        snprintf(principal, sizeof principal, "key:%064x", n + 1);
        invite(name, (uint8_t)(n + 1), 0);
        t.now.mono_us += 20000; /* questions are asked in their time */
        say_join(principal, (uint8_t)(n + 1), 7);
        tick(0);
        joined += answered()->name && answered()->name[0];
    }
    refused("try again in a minute");
    cr_assert_geq(joined, 60);
    cr_assert_lt(joined, 70);
}

Test(ingestor_joins, a_key_takes_the_place_of_the_one_that_asked_which_holds_for_the_overlap)
{
    invite("h05", 9, 0);
    say_join(GUEST, 9, 7);
    tick(0);
    say_rotate(GUEST, 2, 60000);
    tick(0);
    cr_assert_str_eq(answered()->name, "h05");
    cr_assert_eq(answered()->old_until_ms, t.now.wall_ms + 60000);
    say_hello(OTHER);
    cr_assert_not_null(last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME));
    size_t controls = t.control_count;
    say_rotate(GUEST, 2, 60000);
    tick(0);
    cr_assert_eq(t.control_count, controls, "asked again, it is done already");
    t.now.wall_ms += 60001;
    say_rotate(GUEST, 3, 60000);
    cr_assert_not_null(last_refusal(), "the old key has ended");
}

Test(ingestor_joins, only_who_came_by_a_key_can_take_another)
{
    say_rotate(NULL, 2, 60000);
    refused("you did not come by a key");
    say_rotate(GUEST, 2, 60000);
    cr_assert_eq(t.cut, FEEDER, "a guest has none yet");
}
