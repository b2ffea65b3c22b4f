/* Who may follow what (PROTOCOL.md, A10). */
#include "auth/access.h"
#include "little_catalog.h"
#include "witness.h"
#include <criterion/criterion.h>
#include <string.h>

#define AS_READER "user:7"

static struct witness *v;

static void change(Parbus__AccessChange *c)
{
    struct page page;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_ACCESS;
    control.access = c;
    page_of(&page, catalog_control_seq(v->world.catalog) + 1, &control);
    world_control(&v->world, &page);
}

static void add_reader(void)
{
    Parbus__IdentityAdded identity = PARBUS__IDENTITY_ADDED__INIT;
    Parbus__UserAdded user = PARBUS__USER_ADDED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    identity.name = user.name = "reader";
    user.has_uid = 1, user.uid = 7;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED, c.identity_added = &identity;
    change(&c);
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_USER_ADDED, c.user_added = &user;
    change(&c);
}

static uint64_t grant(const char *name, const char *period, int64_t until_ms)
{
    Parbus__GrantMade m = PARBUS__GRANT_MADE__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    m.has_verb = m.has_until_ms = 1;
    m.verb = PARBUS__VERB__VERB_FEED, m.until_ms = until_ms;
    m.name = (char *)name, m.role = name ? NULL : (char *)ACCESS_ANYBODY;
    m.index = "little", m.period = (char *)period;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE, c.grant_made = &m;
    change(&c);
    return catalog_control_seq(v->world.catalog);
}

static void revoke(uint64_t number)
{
    Parbus__GrantRevoked m = PARBUS__GRANT_REVOKED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    m.has_grant = 1, m.grant = number;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_GRANT_REVOKED, c.grant_revoked = &m;
    change(&c);
}

static void setup(void)
{
    v = witness_new(1);
    add_reader();
    v->world.principal = AS_READER;
}
static void teardown(void) { witness_free(v); }
TestSuite(publisher_rights, .init = setup, .fini = teardown);

static bool lets(const char *principal, const char *bytes, size_t count)
{
    return publisher_lets_follow(v->world.publisher, principal, bytes, count, at(v->world.now_us));
}
static bool lets_topic(const char *principal, const char *topic) { return lets(principal, topic, strlen(topic) + 1); }

static uint32_t asked(void)
{
    unsigned before = v->answers;
    witness_ask_snapshot(v, WORLD_TOPIC, 9);
    world_tick(&v->world);
    return v->answers > before ? v->kind[before] : 0;
}

Test(publisher_rights, who_may_not_follow_is_told_what_is_missing_and_gets_nothing)
{
    cr_assert_eq(asked(), PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
    cr_assert(v->topic_unknown && v->not_authorised);
    cr_assert_str_eq(v->text, "reader may not follow little/2025: this wants the right feed "
                              "(parbus access grant reader feed little/2025)");
    witness_ask_resume(v, v->world.epoch, 0);
    cr_assert_eq(v->kind[1], PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
    cr_assert(v->not_authorised);
    cr_assert_eq(v->world.metrics.value[METRIC_questions_not_authorised], 2);
}

Test(publisher_rights, what_there_is_is_told_to_nobody_who_may_not_follow_it)
{
    char of_ours[256];
    v->world.principal = "user:8";
    asked();
    strcpy(of_ours, v->text);
    witness_ask_snapshot(v, "little/1999", 9);
    cr_assert_str_eq(of_ours, "nobody here has this key, or is this user, and little/2025 is not open to anybody");
    cr_assert_str_eq(v->text, "nobody here has this key, or is this user, and little/1999 is not open to anybody");
    witness_ask_topics(v, 4);
    cr_assert_eq(v->topics, 0);
    v->world.principal = "owner";
    witness_ask_topics(v, 4);
    cr_assert_eq(v->topics, 1);
}

Test(publisher_rights, a_grant_holds_from_its_control_on_and_for_its_period_alone)
{
    grant("reader", "2024", 0);
    cr_assert_eq(asked(), PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
    grant("reader", "2025", 0);
    cr_assert_eq(asked(), PARBUS__FROM_SNAPSHOTS__BODY_BEGIN);
    witness_ask_topics(v, 4);
    cr_assert_eq(v->topics, 1);
    v->world.principal = "user:8";
    cr_assert_eq(asked(), PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
}

Test(publisher_rights, an_open_ranking_is_for_those_too_who_are_nobody)
{
    uint64_t number = grant(NULL, "2025", 0);
    v->world.principal = "user:8";
    cr_assert_eq(asked(), PARBUS__FROM_SNAPSHOTS__BODY_BEGIN);
    cr_assert(lets_topic("user:8", WORLD_TOPIC));
    revoke(number);
    cr_assert_eq(asked(), PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
    cr_assert_not(lets_topic("user:8", WORLD_TOPIC));
}

Test(publisher_rights, what_is_revoked_breaks_off_the_snapshot_that_is_under_way)
{
    uint64_t number = grant("reader", "2025", 0);
    v->refuse = ERR_BUSY;
    cr_assert_eq(asked(), 0);
    revoke(number);
    world_tick(&v->world);
    v->refuse = OK;
    v->world.now_us += 10 * WORLD_MS;
    world_tick(&v->world);
    cr_assert_eq(v->answers, 0);
    cr_assert_eq(v->world.metrics.value[METRIC_snapshots_abandoned], 1);
}

Test(publisher_rights, what_expires_breaks_off_the_snapshot_that_is_under_way)
{
    struct moment later = at(v->world.now_us + 2000 * WORLD_MS);
    later.wall_ms = 2000;
    grant("reader", "2025", later.wall_ms);
    v->refuse = ERR_BUSY;
    cr_assert_eq(asked(), 0);
    publisher_tick(v->world.publisher, later);
    cr_assert_eq(v->world.metrics.value[METRIC_snapshots_abandoned], 1);
}

Test(publisher_rights, a_subscription_is_a_whole_topic_for_everybody_but_the_owner)
{
    grant("reader", "2025", 0);
    cr_assert(lets_topic(AS_READER, WORLD_TOPIC));
    cr_assert_not(lets(AS_READER, WORLD_TOPIC, strlen(WORLD_TOPIC)), "a beginning fits other topics too");
    cr_assert_not(lets(AS_READER, "", 0));
    cr_assert_not(lets_topic(AS_READER, ""));
    cr_assert_not(lets_topic(AS_READER, "little"));
    cr_assert_not(lets_topic(AS_READER, "little/2026"));
    cr_assert_not(lets_topic("", WORLD_TOPIC));
    cr_assert(lets("owner", "", 0) && lets("insecure", "", 0));
}

Test(publisher_rights, a_client_has_so_many_snapshots_under_way_and_no_more)
{
    v->world.settings.snapshots_per_client_max = 1;
    world_restart(&v->world);
    struct page page;
    page_period(&page, catalog_control_seq(v->world.catalog) + 1, "little", "2026");
    world_control(&v->world, &page);
    v->world.principal = "owner";
    v->refuse = ERR_BUSY;
    witness_ask_snapshot(v, WORLD_TOPIC, 1);
    witness_ask_snapshot(v, "little/2026", 2);
    cr_assert_eq(v->world.metrics.value[METRIC_snapshots_abandoned], 1);
    witness_ask_snapshot(v, WORLD_TOPIC, 3);
    cr_assert_eq(v->world.metrics.value[METRIC_snapshots_abandoned], 1, "another one for the same topic is none more");
    v->refuse = OK;
    world_tick(&v->world);
    cr_assert_eq(v->answers, 3);
}
