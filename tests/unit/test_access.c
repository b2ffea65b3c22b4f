#include "auth/who.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* A table that is changed one control after the other. */
static struct access *a;
static uint64_t seq;
static struct err_text why;

static void begin(void)
{
    a = access_new();
    seq = 0;
    why.text[0] = 0;
}
static void finish(void) { access_destroy(&a); }
TestSuite(access, .init = begin, .fini = finish);

static enum err apply(Parbus__AccessChange *c) { return access_apply(a, c, ++seq, &why); }

#define CHANGE(kind, Kind, KIND, ...)                                                                                  \
    static enum err kind(__VA_ARGS__)                                                                                  \
    {                                                                                                                  \
        Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;                                                          \
        Parbus__##Kind m = PARBUS__##KIND##__INIT;                                                                     \
        c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_##KIND;                                                          \
        c.kind = &m;

#define DONE                                                                                                           \
    return apply(&c);                                                                                                  \
    }

CHANGE(identity_added, IdentityAdded, IDENTITY_ADDED, const char *name)
m.name = (char *)name;
DONE CHANGE(identity_removed, IdentityRemoved, IDENTITY_REMOVED, const char *name) m.name = (char *)name;
DONE CHANGE(key_added, KeyAdded, KEY_ADDED, const char *name, uint8_t fill, int64_t until_ms,
            const char *invitation) uint8_t key[ACCESS_KEY_BYTES];
memset(key, fill, sizeof key);
m.name = (char *)name, m.public_key = (ProtobufCBinaryData){sizeof key, key}, m.until_ms = until_ms;
m.invitation = (char *)invitation;
DONE CHANGE(key_revoked, KeyRevoked, KEY_REVOKED, uint8_t fill) uint8_t key[ACCESS_KEY_BYTES];
memset(key, fill, sizeof key);
m.public_key = (ProtobufCBinaryData){sizeof key, key};
DONE CHANGE(user_added, UserAdded, USER_ADDED, const char *name, uint32_t uid) m.name = (char *)name, m.uid = uid;
DONE CHANGE(user_removed, UserRemoved, USER_REMOVED, uint32_t uid) m.uid = uid;
DONE CHANGE(token_added, TokenAdded, TOKEN_ADDED, const char *name, const char *id, Parbus__TokenKind kind,
            uint8_t fill, int64_t until_ms) uint8_t hash[ACCESS_HASH_BYTES];
memset(hash, fill, sizeof hash);
m.name = (char *)name, m.id = (char *)id, m.kind = kind, m.hash = (ProtobufCBinaryData){sizeof hash, hash};
m.until_ms = until_ms;
DONE CHANGE(token_revoked, TokenRevoked, TOKEN_REVOKED, const char *id) m.id = (char *)id;
DONE CHANGE(member_added, MemberAdded, MEMBER_ADDED, const char *role, const char *name) m.role = (char *)role,
                                                                                         m.name = (char *)name;
DONE CHANGE(member_removed, MemberRemoved, MEMBER_REMOVED, const char *role, const char *name) m.role = (char *)role,
                                                                                               m.name = (char *)name;
DONE CHANGE(grant_revoked, GrantRevoked, GRANT_REVOKED, uint64_t grant) m.grant = grant;
DONE

    static enum err
    grant_for(const char *name, const char *role, Parbus__Verb verb, const char *scope, Parbus__Stage stage,
              int64_t until_ms)
{
    struct access_scope s;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    Parbus__GrantMade m = PARBUS__GRANT_MADE__INIT;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE;
    c.grant_made = &m;
    cr_assert_eq(access_scope_read(scope, &s, &m, &why), OK, "%s", why.text);
    m.name = (char *)name, m.role = (char *)role, m.verb = verb, m.stage = stage, m.until_ms = until_ms;
    return apply(&c);
}
static void grant(const char *name, Parbus__Verb verb, const char *scope)
{
    cr_assert_eq(grant_for(name, NULL, verb, scope, 0, 0), OK, "%s", why.text);
}

static uint32_t of_key(uint8_t fill, int64_t wall_ms)
{
    uint8_t key[ACCESS_KEY_BYTES];
    memset(key, fill, sizeof key);
    return access_of_key(a, key, wall_ms);
}
static uint32_t of_token(uint8_t fill, Parbus__TokenKind kind, int64_t wall_ms)
{
    uint8_t hash[ACCESS_HASH_BYTES];
    memset(hash, fill, sizeof hash);
    return access_of_token(a, kind, hash, wall_ms, NULL);
}

static bool may_as_of(uint64_t as_of, const char *name, Parbus__Verb verb, const char *index, const char *period,
                      const char *unit)
{
    struct access_question q = {.verb = verb, .index = index, .period = period, .unit = unit};
    return access_allows(a, access_named(a, name), &q, as_of, 0).allowed;
}
static bool may(const char *name, Parbus__Verb verb, const char *index, const char *period, const char *unit)
{
    return may_as_of(seq, name, verb, index, period, unit);
}

#define SUBMIT PARBUS__VERB__VERB_SUBMIT
#define FEED PARBUS__VERB__VERB_FEED
#define APPRAISE PARBUS__VERB__VERB_APPRAISE
#define OPERATE PARBUS__VERB__VERB_OPERATE
#define BEARER PARBUS__TOKEN_KIND__TOKEN_BEARER
#define INVITATION PARBUS__TOKEN_KIND__TOKEN_INVITATION

/* ---- who somebody is ---- */

Test(access, nobody_is_known_before_anybody_was_named)
{
    cr_assert_eq(access_named(a, "h05"), ACCESS_NOBODY);
    cr_assert_eq(of_key(1, 0), ACCESS_NOBODY);
    cr_assert_eq(access_of_user(a, 0), ACCESS_NOBODY);
    cr_assert_not(may("h05", SUBMIT, "qd766", "2025", "H05"));
}

Test(access, a_key_is_its_identity_until_it_is_revoked_and_is_never_taken_again)
{
    cr_assert_eq(identity_added("h05"), OK);
    cr_assert_eq(key_added("h05", 1, 0, NULL), OK);
    cr_assert_eq(of_key(1, 0), access_named(a, "h05"));
    cr_assert_eq(of_key(2, 0), ACCESS_NOBODY);
    cr_assert_eq(key_revoked(1), OK);
    cr_assert_eq(of_key(1, 0), ACCESS_NOBODY);
    cr_assert_eq(key_added("h05", 1, 0, NULL), ERR_INVALID);
    cr_assert_eq(key_revoked(1), ERR_NOT_FOUND);
}

Test(access, two_keys_hold_at_once_while_one_takes_the_place_of_the_other)
{
    identity_added("h05");
    key_added("h05", 1, 0, NULL);
    cr_assert_eq(key_added("h05", 2, 0, NULL), OK);
    cr_assert(of_key(1, 0) && of_key(1, 0) == of_key(2, 0));
    key_revoked(1);
    cr_assert(!of_key(1, 0) && of_key(2, 0));
}

Test(access, a_fifth_key_is_refused_until_one_is_revoked)
{
    identity_added("h05");
    for (int i = 1; i <= ACCESS_KEYS_MAX; i++)
        cr_assert_eq(key_added("h05", (uint8_t)i, 0, NULL), OK);
    cr_assert_eq(key_added("h05", 9, 0, NULL), ERR_INVALID);
    key_revoked(2);
    cr_assert_eq(key_added("h05", 9, 0, NULL), OK);
}

Test(access, a_key_of_another_is_not_taken)
{
    identity_added("h05");
    identity_added("h26");
    key_added("h05", 1, 0, NULL);
    cr_assert_eq(key_added("h26", 1, 0, NULL), ERR_INVALID);
    cr_assert_eq(of_key(1, 0), access_named(a, "h05"));
}

Test(access, a_key_ends_by_the_clock_at_its_millisecond)
{
    identity_added("h05");
    key_added("h05", 1, 1000, NULL);
    cr_assert(of_key(1, 999));
    cr_assert_not(of_key(1, 1000));
}

Test(access, a_key_of_another_length_is_refused)
{
    uint8_t key[31] = {0};
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    Parbus__KeyAdded m = PARBUS__KEY_ADDED__INIT;
    identity_added("h05");
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED;
    c.key_added = &m;
    m.name = "h05", m.public_key = (ProtobufCBinaryData){sizeof key, key};
    cr_assert_eq(apply(&c), ERR_INVALID);
}

Test(access, names_that_could_be_paths_or_are_nobodys_are_refused)
{
    static const char *const bad[] = {
        "", ".", "..", "a/b", "tên", "a b", "0123456789012345678901234567890123456789012345678901234567890123x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(identity_added(bad[i]), ERR_INVALID, "%s", bad[i]);
    cr_assert_eq(key_added("nobody", 1, 0, NULL), ERR_NOT_FOUND);
    cr_assert_eq(access_changed(a), 0);
}

Test(access, an_identity_is_there_once)
{
    cr_assert_eq(identity_added("h05"), OK);
    cr_assert_eq(identity_added("h05"), ERR_INVALID);
}

Test(access, with_an_identity_goes_everything_it_had_and_a_new_one_of_its_name_has_none_of_it)
{
    identity_added("h05");
    key_added("h05", 1, 0, NULL);
    user_added("h05", 1000);
    token_added("h05", "t1", BEARER, 7, 0);
    member_added("feeders", "h05");
    grant("h05", SUBMIT, "qd766");
    grant_for(NULL, "feeders", APPRAISE, "*", 0, 0);
    cr_assert(may("h05", SUBMIT, "qd766", "2025", "H05") && may("h05", APPRAISE, "pci", "2025", "H05"));
    cr_assert_eq(identity_removed("h05"), OK);
    cr_assert(!access_named(a, "h05") && !of_key(1, 0) && !access_of_user(a, 1000) && !of_token(7, BEARER, 0));
    cr_assert_eq(identity_added("h05"), OK);
    cr_assert(!of_key(1, 0) && !access_of_user(a, 1000) && !of_token(7, BEARER, 0));
    cr_assert_not(may("h05", SUBMIT, "qd766", "2025", "H05"));
    cr_assert_not(may("h05", APPRAISE, "pci", "2025", "H05"));
}

Test(access, a_user_of_the_host_is_one_identity_at_a_time)
{
    identity_added("h05");
    identity_added("h26");
    cr_assert_eq(user_added("h05", 1000), OK);
    cr_assert_eq(user_added("h26", 1000), ERR_INVALID);
    cr_assert_eq(user_removed(1000), OK);
    cr_assert_eq(user_removed(1000), ERR_NOT_FOUND);
    cr_assert_eq(user_added("h26", 1000), OK);
    cr_assert_eq(access_of_user(a, 1000), access_named(a, "h26"));
}

Test(access, a_token_is_good_for_its_kind_and_its_time_only)
{
    identity_added("h05");
    token_added("h05", "t1", BEARER, 7, 5000);
    cr_assert_eq(of_token(7, BEARER, 4999), access_named(a, "h05"));
    cr_assert_eq(of_token(7, INVITATION, 0), ACCESS_NOBODY);
    cr_assert_eq(of_token(7, BEARER, 5000), ACCESS_NOBODY);
    cr_assert_eq(token_revoked("t1"), OK);
    cr_assert_eq(of_token(7, BEARER, 0), ACCESS_NOBODY);
    cr_assert_eq(token_added("h05", "t1", BEARER, 8, 0), ERR_INVALID);
}

Test(access, an_invitation_brings_one_key_in_and_is_used_up)
{
    identity_added("h05");
    cr_assert_not(access_invites(a, 0));
    token_added("h05", "i1", INVITATION, 7, 5000);
    cr_assert_eq(key_added("h05", 1, 0, "i1"), OK);
    cr_assert_eq(key_added("h05", 2, 0, "i1"), ERR_INVALID);
    cr_assert_eq(of_key(2, 0), ACCESS_NOBODY);
}

Test(access, whoever_comes_with_an_invitation_that_ended_lately_can_be_told_so)
{
    static const int64_t lately_ms = ACCESS_LATELY_DAYS * 86400000ll;
    uint8_t hash[ACCESS_HASH_BYTES];
    memset(hash, 7, sizeof hash);
    identity_added("h05");
    token_added("h05", "t1", BEARER, 8, 9000);
    cr_assert_not(access_invites(a, 0));
    token_added("h05", "i1", INVITATION, 7, 5000);
    key_added("h05", 1, 0, "i1");
    cr_assert(access_invites(a, 4999 + lately_ms));
    cr_assert_not(access_invites(a, 5000 + lately_ms));
    cr_assert_str_eq(access_token_hashed(a, hash)->id, "i1");
    cr_assert(access_token_hashed(a, hash)->span.until);
    hash[0]++;
    cr_assert_null(access_token_hashed(a, hash));
}

/* As Rotate has it journalled (A9). */
static enum err key_replaced(const char *name, uint8_t fill, uint8_t old, int64_t old_until_ms)
{
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    Parbus__KeyAdded m = PARBUS__KEY_ADDED__INIT;
    uint8_t key[ACCESS_KEY_BYTES], replaces[ACCESS_KEY_BYTES];
    memset(key, fill, sizeof key), memset(replaces, old, sizeof replaces);
    m.name = (char *)name;
    m.has_replaces = m.has_replaced_until_ms = 1;
    m.public_key = (ProtobufCBinaryData){sizeof key, key};
    m.replaces = (ProtobufCBinaryData){sizeof replaces, replaces};
    m.replaced_until_ms = old_until_ms;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED;
    c.key_added = &m;
    return apply(&c);
}

Test(access, a_key_that_another_came_for_holds_until_its_time_and_no_longer)
{
    identity_added("h05");
    key_added("h05", 1, 7000, NULL);
    cr_assert_eq(key_replaced("h05", 2, 1, 5000), OK);
    cr_assert(of_key(1, 4999) && of_key(2, 4999));
    cr_assert(!of_key(1, 5000) && of_key(2, 5000));
    cr_assert_eq(key_replaced("h05", 3, 1, 9000), OK, "who did not hear the answer begins again");
    cr_assert(!of_key(1, 5000), "and the old one lasts no longer for it");
    cr_assert(access_had_key(a, (const uint8_t[ACCESS_KEY_BYTES]){0}) == false);
}

Test(access, only_ones_own_key_can_be_replaced)
{
    identity_added("h05");
    identity_added("h26");
    key_added("h05", 1, 0, NULL);
    cr_assert_eq(key_replaced("h26", 2, 1, 0), ERR_INVALID);
    cr_assert_eq(key_replaced("h05", 2, 9, 0), ERR_INVALID);
    key_revoked(1);
    cr_assert_eq(key_replaced("h05", 2, 1, 0), ERR_INVALID);
    cr_assert_eq(of_key(2, 0), ACCESS_NOBODY);
}

Test(access, keys_that_others_came_for_leave_room_and_there_is_an_end_of_them)
{
    identity_added("h05");
    key_added("h05", 1, 0, NULL);
    uint8_t last = 1;
    for (; last < 200; last++)
        cr_assert_eq(key_replaced("h05", (uint8_t)(last + 1), last, 5000), OK, "%s", why.text);
    for (int i = 0; i < ACCESS_KEYS_MAX - 1; i++)
        cr_assert_eq(key_added("h05", (uint8_t)(201 + i), 0, NULL), OK);
    cr_assert_eq(key_added("h05", 250, 0, NULL), ERR_INVALID);
}

Test(access, an_invitation_is_for_the_one_who_was_invited)
{
    identity_added("h05");
    identity_added("h26");
    token_added("h05", "i1", INVITATION, 7, 0);
    cr_assert_eq(key_added("h26", 1, 0, "i1"), ERR_INVALID);
    cr_assert_eq(key_added("h26", 1, 0, "i9"), ERR_INVALID);
    cr_assert_not(of_key(1, 0));
}

/* ---- what somebody may do ---- */

Test(access, whoever_is_granted_nothing_may_do_nothing)
{
    identity_added("h05");
    for (int verb = 0; verb <= PARBUS__VERB__VERB_ACCESS; verb++)
        cr_assert_not(may("h05", (Parbus__Verb)verb, "qd766", "2025", "H05"));
}

Test(access, a_grant_is_for_its_verb_index_period_and_unit)
{
    identity_added("h05");
    grant("h05", SUBMIT, "qd766/2025:H05");
    cr_assert(may("h05", SUBMIT, "qd766", "2025", "H05"));
    cr_assert_not(may("h05", APPRAISE, "qd766", "2025", "H05"));
    cr_assert_not(may("h05", SUBMIT, "pci", "2025", "H05"));
    cr_assert_not(may("h05", SUBMIT, "qd766", "2024", "H05"));
    cr_assert_not(may("h05", SUBMIT, "qd766", "2025", "H26"));
    cr_assert_not(may("h26", SUBMIT, "qd766", "2025", "H05"));
}

Test(access, a_star_and_what_is_left_out_fit_everything)
{
    identity_added("h05");
    grant("h05", SUBMIT, "qd766/*:H05");
    cr_assert(may("h05", SUBMIT, "qd766", "2024", "H05") && may("h05", SUBMIT, "qd766", "2025", "H05"));
    cr_assert_not(may("h05", SUBMIT, "qd766", "2025", "H26"));
    grant("h05", OPERATE, "*");
    cr_assert(may("h05", OPERATE, NULL, NULL, NULL));
}

Test(access, a_unit_with_a_star_fits_those_below_it_and_no_other_that_begins_alike)
{
    identity_added("h05");
    grant("h05", SUBMIT, "qd766:H05.*");
    cr_assert(may("h05", SUBMIT, "qd766", "2025", "H05") && may("h05", SUBMIT, "qd766", "2025", "H05.12.3"));
    cr_assert_not(may("h05", SUBMIT, "qd766", "2025", "H051"));
    cr_assert_not(may("h05", SUBMIT, "qd766", "2025", "H0"));
}

Test(access, a_role_gives_its_members_what_it_was_granted_before_and_after_they_came)
{
    identity_added("h05");
    grant_for(NULL, "feeders", SUBMIT, "qd766", 0, 0);
    cr_assert_not(may("h05", SUBMIT, "qd766", "2025", "H05"));
    cr_assert_eq(member_added("feeders", "h05"), OK);
    cr_assert_eq(member_added("feeders", "h05"), ERR_INVALID);
    grant_for(NULL, "feeders", SUBMIT, "pci", 0, 0);
    cr_assert(may("h05", SUBMIT, "qd766", "2025", "H05") && may("h05", SUBMIT, "pci", "2025", "H05"));
    cr_assert_eq(member_removed("feeders", "h05"), OK);
    cr_assert_not(may("h05", SUBMIT, "qd766", "2025", "H05"));
    cr_assert_eq(member_removed("feeders", "h05"), ERR_NOT_FOUND);
    cr_assert_eq(member_added("feeders", "h05"), OK);
    cr_assert(may("h05", SUBMIT, "qd766", "2025", "H05"));
}

Test(access, what_anybody_may_follow_is_open_to_those_who_are_nobody_too)
{
    identity_added("h05");
    cr_assert_not(access_is_open(a, FEED, 0));
    cr_assert_eq(grant_for(NULL, ACCESS_ANYBODY, FEED, "qd766/2025", 0, 1000), OK, "%s", why.text);
    cr_assert(may("h05", FEED, "qd766", "2025", NULL) && may("", FEED, "qd766", "2025", NULL));
    cr_assert_not(may("h05", FEED, "qd766", "2026", NULL) || may("", FEED, "qd766", "2026", NULL));
    cr_assert(access_is_open(a, FEED, 999) && !access_is_open(a, FEED, 1000));
    cr_assert_not(access_is_open(a, SUBMIT, 0));
    cr_assert_eq(grant_revoked(seq), OK);
    cr_assert_not(may("", FEED, "qd766", "2025", NULL) || access_is_open(a, FEED, 0));
}

Test(access, nothing_but_the_feed_can_be_granted_to_anybody_and_nobody_is_made_a_member)
{
    identity_added("h05");
    cr_assert_eq(grant_for(NULL, ACCESS_ANYBODY, SUBMIT, "qd766", 0, 0), ERR_INVALID);
    cr_assert_str_eq(why.text, "only feed can be granted to anybody, not submit");
    cr_assert_eq(member_added(ACCESS_ANYBODY, "h05"), ERR_INVALID);
}

static uint64_t fingerprint(const char *principal)
{
    struct who who = who_of(a, principal, 0);
    return who_fingerprint(a, &who, FEED, 0);
}

Test(access, a_fingerprint_is_another_one_when_what_somebody_may_do_is)
{
    identity_added("h05");
    user_added("h05", 5);
    uint64_t none = fingerprint("user:5"), owner = fingerprint("owner");
    grant("h05", SUBMIT, "qd766");
    cr_assert_eq(fingerprint("user:5"), none, "it is of another verb");
    grant("h05", FEED, "qd766");
    uint64_t own = fingerprint("user:5");
    cr_assert_neq(own, none);
    grant_for(NULL, "readers", FEED, "pci", 0, 0);
    cr_assert_eq(fingerprint("user:5"), own);
    member_added("readers", "h05");
    cr_assert_neq(fingerprint("user:5"), own);
    cr_assert_eq(fingerprint("user:6"), none, "nobody");
    user_removed(5);
    cr_assert_eq(fingerprint("user:5"), none);
    cr_assert_eq(fingerprint("owner"), owner);
}

Test(access, what_was_revoked_is_allowed_as_of_before_and_not_after)
{
    identity_added("h05");
    grant("h05", SUBMIT, "qd766");
    uint64_t number = seq;
    cr_assert_not(may_as_of(number - 1, "h05", SUBMIT, "qd766", "2025", "H05"));
    cr_assert_eq(grant_revoked(number), OK);
    cr_assert_eq(grant_revoked(number), ERR_NOT_FOUND);
    cr_assert(may_as_of(seq - 2, "h05", SUBMIT, "qd766", "2025", "H05"));
    cr_assert_not(may("h05", SUBMIT, "qd766", "2025", "H05"));
}

Test(access, a_grant_ends_by_the_clock_at_its_millisecond)
{
    struct access_question q = {.verb = SUBMIT, .index = "qd766"};
    identity_added("h05");
    grant_for("h05", NULL, SUBMIT, "qd766", 0, 1000);
    cr_assert(access_allows(a, 1, &q, seq, 999).allowed);
    cr_assert_not(access_allows(a, 1, &q, seq, 1000).allowed);
}

Test(access, a_stage_narrows_a_verb_and_one_that_does_not_go_with_it_is_refused)
{
    struct access_question q = {.verb = APPRAISE, .stage = PARBUS__STAGE__STAGE_APPRAISED_2};
    identity_added("moha");
    cr_assert_eq(grant_for("moha", NULL, APPRAISE, "*", PARBUS__STAGE__STAGE_APPRAISED_1, 0), OK);
    cr_assert_not(access_allows(a, 1, &q, seq, 0).allowed);
    q.stage = PARBUS__STAGE__STAGE_APPRAISED_1;
    cr_assert(access_allows(a, 1, &q, seq, 0).allowed);
    cr_assert_eq(grant_for("moha", NULL, APPRAISE, "*", PARBUS__STAGE__STAGE_SELF, 0), ERR_INVALID);
}

/* Rows of a submission, by the code of the node each is at; a node is under another when its code goes on from it. */
static const char *const rows[] = {"1.1.1", "1.1.2", "2.3", "1.2"};

static bool under(const void *ctx, size_t row, const char *node)
{
    (void)ctx;
    return strncmp(rows[row], node, strlen(node)) == 0;
}

static struct access_answer may_rows(size_t count)
{
    struct access_question q = {.verb = APPRAISE, .index = "par", .rows = count, .under = under};
    return access_allows(a, 1, &q, seq, 0);
}

Test(access, a_grant_for_a_node_covers_the_rows_under_it_and_names_the_first_that_is_not)
{
    identity_added("moha");
    grant("moha", APPRAISE, "par@1.1");
    cr_assert(may_rows(2).allowed);
    struct access_answer answer = may_rows(4);
    cr_assert(!answer.allowed && answer.row == 2 && answer.grant);
}

Test(access, several_grants_together_cover_rows_that_none_covers_alone)
{
    identity_added("moha");
    grant("moha", APPRAISE, "par@2");
    grant("moha", APPRAISE, "par@1");
    cr_assert(may_rows(4).allowed);
}

Test(access, a_grant_for_a_node_does_not_cover_a_question_about_the_whole_tree)
{
    struct access_question q = {.verb = APPRAISE, .index = "par"};
    identity_added("moha");
    grant("moha", APPRAISE, "par@1");
    cr_assert_not(access_allows(a, 1, &q, seq, 0).allowed);
}

Test(access, a_grant_is_for_one_who_is_known_or_for_a_role_and_not_for_both)
{
    identity_added("h05");
    cr_assert_eq(grant_for("h26", NULL, SUBMIT, "*", 0, 0), ERR_NOT_FOUND);
    cr_assert_eq(grant_for("h05", "feeders", SUBMIT, "*", 0, 0), ERR_INVALID);
    cr_assert_eq(grant_for(NULL, NULL, SUBMIT, "*", 0, 0), ERR_INVALID);
    cr_assert_eq(grant_for("h05", NULL, PARBUS__VERB__VERB_NONE, "*", 0, 0), ERR_INVALID);
    cr_assert_eq(grant_for("h05", NULL, (Parbus__Verb)99, "*", 0, 0), ERR_INVALID);
}

Test(access, a_change_of_an_unknown_kind_changes_nothing)
{
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    cr_assert_eq(apply(&c), ERR_INVALID);
    cr_assert_eq(access_changed(a), 0);
}

/* ---- words ---- */

static void scope_is_written_as(const char *text, const char *as)
{
    const struct access_grant *g;
    char out[300];
    grant("h05", SUBMIT, text);
    size_t count = access_grants(a, &g);
    access_scope_write(&g[count - 1], out, sizeof out);
    cr_assert_str_eq(out, as);
}

Test(access, a_scope_is_written_as_it_is_read)
{
    identity_added("h05");
    scope_is_written_as("qd766/2025:H05@1.2", "qd766/2025:H05@1.2");
    scope_is_written_as("qd766/*:H05", "qd766:H05");
    scope_is_written_as("*", "*");
    scope_is_written_as("", "*");
    scope_is_written_as("qd766@1", "qd766@1");
    scope_is_written_as("*/2025", "*/2025");
}

Test(access, a_scope_whose_part_is_too_long_is_refused_by_name)
{
    struct access_scope s;
    Parbus__GrantMade m = PARBUS__GRANT_MADE__INIT;
    char text[120] = "qd766:";
    memset(text + 6, 'x', 70);
    cr_assert_eq(access_scope_read(text, &s, &m, &why), ERR_INVALID);
    cr_assert(strstr(why.text, "unit"), "%s", why.text);
}

Test(access, each_verb_has_its_word)
{
    for (int verb = 1; verb <= PARBUS__VERB__VERB_ACCESS; verb++)
        cr_assert_eq((int)access_verb(access_verb_word((Parbus__Verb)verb)), verb);
    cr_assert_eq(access_verb("?"), PARBUS__VERB__VERB_NONE);
    cr_assert_eq(access_verb("rule"), PARBUS__VERB__VERB_NONE);
    cr_assert_str_eq(access_verb_word((Parbus__Verb)77), "?");
}
