/* Who may do what, and who may change it (PROTOCOL.md, chapter 10). */
#include "ingestor_world.h"
#include <string.h>

enum { OPERATOR = 4001 };
#define AI_KEY "0001020304050607000102030405060700010203040506070001020304050607"

TestSuite(ingestor_access, .init = ingestor_world_start, .fini = ingestor_world_stop);

static const Parbus__AccessChanged *answered(void)
{
    return (const Parbus__AccessChanged *)last_to_feeder(PARBUS__TO_FEEDER__BODY_ACCESS_CHANGED);
}

static void ask(Parbus__AccessChange *change, uint64_t request)
{
    Parbus__ChangeAccess m = PARBUS__CHANGE_ACCESS__INIT;
    m.has_request = 1;
    m.request = request;
    m.change = change;
    FROM_FEEDER(CHANGE_ACCESS, m);
}

static void ask_identity(const char *name, uint64_t request)
{
    Parbus__IdentityAdded added = PARBUS__IDENTITY_ADDED__INIT;
    added.name = (char *)name;
    Parbus__AccessChange change = PARBUS__ACCESS_CHANGE__INIT;
    change.by = "somebody";
    change.from = "elsewhere";
    change.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED;
    change.identity_added = &added;
    ask(&change, request);
}

static uint64_t ask_grant(const char *name, Parbus__Verb verb)
{
    Parbus__GrantMade made = PARBUS__GRANT_MADE__INIT;
    made.name = (char *)name;
    made.has_verb = made.has_grant = 1;
    made.verb = verb;
    made.grant = 99;
    Parbus__AccessChange change = PARBUS__ACCESS_CHANGE__INIT;
    change.change_case = PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE;
    change.grant_made = &made;
    ask(&change, 2);
    tick(0);
    cr_assert(answered()->control_seq, "%s", answered()->why);
    return answered()->control_seq;
}

static void add_user(const char *name, uint32_t uid)
{
    Parbus__UserAdded added = PARBUS__USER_ADDED__INIT;
    added.name = (char *)name;
    added.has_uid = 1;
    added.uid = uid;
    Parbus__AccessChange change = PARBUS__ACCESS_CHANGE__INIT;
    change.change_case = PARBUS__ACCESS_CHANGE__CHANGE_USER_ADDED;
    change.user_added = &added;
    ask(&change, 3);
    tick(0);
    cr_assert(answered()->control_seq, "%s", answered()->why);
}

static void add_key(const char *name)
{
    uint8_t key[32];
    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)(i % 8);
    Parbus__KeyAdded added = PARBUS__KEY_ADDED__INIT;
    added.name = (char *)name;
    added.has_public_key = 1;
    added.public_key = (ProtobufCBinaryData){sizeof key, key};
    Parbus__AccessChange change = PARBUS__ACCESS_CHANGE__INIT;
    change.change_case = PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED;
    change.key_added = &added;
    ask(&change, 4);
    tick(0);
    cr_assert(answered()->control_seq, "%s", answered()->why);
}

static Parbus__Control *journalled(size_t which)
{
    Parbus__Control *control = parbus__control__unpack(NULL, t.control[which].size, t.control[which].data);
    cr_assert_not_null(control);
    return control;
}

Test(ingestor_access, a_change_is_answered_when_it_is_in_the_journal_and_says_who_made_it)
{
    t.disk_silent = true;
    ask_identity("ha-noi", 7);
    tick(0);
    cr_assert_null(answered());
    t.disk_silent = false;
    answer_append();
    cr_assert_not_null(answered());
    cr_assert_eq(answered()->request, 7);
    cr_assert_eq(answered()->control_seq, 1);
    Parbus__Control *control = journalled(0);
    cr_assert_str_eq(control->access->by, "", "the owner has no identity, and nobody else's word counts");
    cr_assert_str_eq(control->access->from, "owner");
    parbus__control__free_unpacked(control, NULL);
}

Test(ingestor_access, a_grant_has_the_number_of_its_control)
{
    ask_identity("ha-noi", 1);
    cr_assert_eq(ask_grant("ha-noi", PARBUS__VERB__VERB_SUBMIT), 2);
    Parbus__Control *control = journalled(1);
    cr_assert_eq(control->access->grant_made->grant, 2);
    parbus__control__free_unpacked(control, NULL);
}

Test(ingestor_access, a_change_that_cannot_be_made_is_answered_with_a_sentence_and_writes_nothing)
{
    ask_identity("ha-noi", 1);
    ask_identity("ha-noi", 2);
    cr_assert_eq(answered()->request, 2);
    cr_assert_eq(answered()->control_seq, 0);
    cr_assert_str_eq(answered()->why, "identity ha-noi is there already");
    tick(0);
    cr_assert_eq(t.control_count, 1);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_access_changed], 1);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_access_refused], 1);
}

Test(ingestor_access, more_than_can_wait_are_told_so)
{
    char name[32];
    t.disk_silent = true;
    for (unsigned n = 0; n < 70; n++) {
        snprintf(name, sizeof name, "feeder-%u", n);
        ask_identity(name, n);
    }
    cr_assert_eq(answered()->control_seq, 0);
    cr_assert_str_eq(answered()->why, "64 others change something at this moment");
    t.disk_silent = false;
    tick(0);
    answer_append();
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_ACCESS_CHANGED), 70);
}

static void refused_to(const char *principal)
{
    size_t before = count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    t.principal = principal;
    ask_identity("thief", 9);
    tick(0);
    t.principal = NULL;
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), before + 1, "%s", principal);
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_NOT_AUTHORISED, "%s", principal);
}

Test(ingestor_access, only_the_owner_and_who_has_the_right_change_anything)
{
    static const char key[] = "key:" AI_KEY, longer[] = "key:" AI_KEY "00";
    const char *const strangers[] = {
        "",        "insecure",   "user:1000",        key,      longer, "key:", "key:zz", "user:",
        "user:-1", "user:1000x", "user:99999999999", "owner ", "OWNER"};
    ask_identity("ai", 1);
    add_user("ai", 1000);
    ask_identity("anybody", 2);
    add_user("anybody", 65534);
    add_key("ai");
    for (size_t n = 0; n < sizeof strangers / sizeof *strangers; n++)
        refused_to(strangers[n]);
    ask_grant("anybody", PARBUS__VERB__VERB_ACCESS);
    refused_to("user:65534");
    uint64_t grant = ask_grant("ai", PARBUS__VERB__VERB_ACCESS);
    static const char *const proofs[] = {"user:1000", "key:" AI_KEY};
    for (size_t n = 0; n < 2; n++) {
        t.principal = proofs[n];
        ask_identity(n ? "b" : "a", 5);
        tick(0);
        cr_assert(answered()->control_seq > grant, "%s", proofs[n]);
        Parbus__Control *control = journalled(t.control_count - 1);
        cr_assert_str_eq(control->access->by, "ai");
        cr_assert_str_eq(control->access->from, proofs[n]);
        parbus__control__free_unpacked(control, NULL);
    }
    refused_to(longer);
    refused_to("user:1001");
}

Test(ingestor_access, a_restarted_ingestor_knows_the_changes)
{
    ask_identity("ai", 1);
    add_user("ai", 1000);
    ask_grant("ai", PARBUS__VERB__VERB_ACCESS);
    ingestor_world_restore();
    t.principal = "user:1000";
    ask_identity("b", 5);
    tick(0);
    cr_assert_eq(answered()->request, 5);
    cr_assert_eq(answered()->control_seq, 4);
}
