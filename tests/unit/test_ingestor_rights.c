/* What the door lets somebody do: speak under a name, submit, ask (PROTOCOL.md, A5 to A7). */
#include "auth/access.h"
#include "ingestor_world.h"
#include "small_catalog.h"
#include <string.h>

enum { SOMEBODY = 1000, OTHER = 1001 };
#define AS_SOMEBODY "user:1000"
#define AS_OTHER "user:1001"

static void publish(void *ctx, const Parbus__Control *control)
{
    struct err_text e;
    Parbus__Control copy = *control;
    (void)ctx;
    cr_assert_eq(ingestor_publish(t.core, &copy, t.now, &e), OK, "%s", e.text);
}

static uint64_t change(Parbus__AccessChange *c)
{
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_ACCESS;
    control.access = c;
    publish(NULL, &control);
    tick(0);
    return catalog_control_seq(ingestor_catalog(t.core));
}

static void add_identity(const char *name, uint32_t uid)
{
    Parbus__IdentityAdded identity = PARBUS__IDENTITY_ADDED__INIT;
    Parbus__UserAdded user = PARBUS__USER_ADDED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    identity.name = user.name = (char *)name;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED;
    c.identity_added = &identity;
    change(&c);
    user.has_uid = 1;
    user.uid = uid;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_USER_ADDED;
    c.user_added = &user;
    change(&c);
}

static void remove_user(uint32_t uid)
{
    Parbus__UserRemoved user = PARBUS__USER_REMOVED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    user.has_uid = 1;
    user.uid = uid;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_USER_REMOVED;
    c.user_removed = &user;
    change(&c);
}

static uint64_t grant(const char *name, const char *right, int64_t until_ms)
{
    struct access_scope texts;
    struct err_text e;
    char verb[16];
    const char *blank = strchr(right, ' ');
    Parbus__GrantMade made = PARBUS__GRANT_MADE__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    snprintf(verb, sizeof verb, "%.*s", (int)(blank - right), right);
    cr_assert_eq(access_scope_read(blank + 1, &texts, &made, &e), OK, "%s", e.text);
    made.name = (char *)name;
    made.has_verb = made.has_until_ms = 1;
    made.verb = access_verb(verb);
    made.until_ms = until_ms;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE;
    c.grant_made = &made;
    return change(&c);
}

static void revoke(uint64_t number)
{
    Parbus__GrantRevoked revoked = PARBUS__GRANT_REVOKED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    revoked.has_grant = 1;
    revoked.grant = number;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_GRANT_REVOKED;
    c.grant_revoked = &revoked;
    change(&c);
}

static void start(void)
{
    ingestor_world_start();
    small_catalog_controls(publish, NULL);
    tick(0);
    add_identity("ha-noi", SOMEBODY);
    t.principal = AS_SOMEBODY;
}

TestSuite(ingestor_rights, .init = start, .fini = ingestor_world_stop);

static void hello_as(const char *name)
{
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = m.has_line = 1;
    m.line = 77;
    m.protocol_version = 1;
    m.feeder = (char *)name;
    m.epoch = 1;
    FROM_FEEDER(HELLO, m);
}

static size_t count_reason(Parbus__Reason reason)
{
    size_t count = 0;
    for (size_t i = 0; i < t.feeder_count; i++)
        count += t.to_feeder[i].kind == PARBUS__TO_FEEDER__BODY_REFUSAL &&
                 ((const Parbus__Refusal *)(const void *)t.to_feeder[i].message)->reason == reason;
    return count;
}

static size_t refusals(void) { return count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL); }

/* A submission to mini/2025; rows: indicators, ending with 0. */
static void send(uint64_t seq, const char *unit, Parbus__Stage stage, const uint32_t *rows)
{
    struct draft d;
    draft_begin(&d);
    d.s.seq = seq;
    d.s.unit = (char *)unit;
    d.s.stage = stage;
    for (; *rows; rows++)
        draft_row(&d, *rows, 1);
    FROM_FEEDER(SUBMISSION, d.s);
}

static void taken(uint64_t seq, const char *unit, Parbus__Stage stage, const uint32_t *rows)
{
    size_t before = refusals();
    send(seq, unit, stage, rows);
    cr_assert_eq(refusals(), before, "%s", last_refusal()->detail);
    tick(0);
    cr_assert_eq(receipt(), seq);
}

static void refused(uint64_t seq, const char *unit, Parbus__Stage stage, const uint32_t *rows, const char *why)
{
    size_t before = refusals(), journalled = t.journal_count;
    send(seq, unit, stage, rows);
    cr_assert_eq(refusals(), before, "it is told before the journal has it");
    tick(0);
    cr_assert_eq(refusals(), before + 1, "it is taken");
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_NOT_AUTHORISED);
    cr_assert_eq(last_refusal()->seq, seq);
    cr_assert_eq(last_refusal()->retry_after_ms, 0);
    cr_assert_str_eq(last_refusal()->detail, why);
    cr_assert_eq(t.journal_count, journalled, "nothing of it is in the journal");
    cr_assert_eq(receipt(), seq, "its seq is used up (D9)");
}

#define ROWS(...) ((const uint32_t[]){__VA_ARGS__, 0})
#define SELF PARBUS__STAGE__STAGE_SELF
#define APPRAISED PARBUS__STAGE__STAGE_APPRAISED_1
#define SURVEY PARBUS__STAGE__STAGE_SURVEY

Test(ingestor_rights, a_feeders_name_is_its_identity)
{
    hello_as("");
    tick(0);
    const Parbus__Welcome *welcome = (const void *)last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME);
    cr_assert_not_null(welcome);
    size_t welcomes = count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME);
    hello_as("ha-noi");
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), welcomes + 1);
    hello_as("ha-nam");
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), welcomes + 1);
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_NOT_AUTHORISED);
    cr_assert_eq(last_refusal()->seq, 0);
    cr_assert_str_eq(last_refusal()->detail, "you are ha-noi here, and cannot be ha-nam");
}

Test(ingestor_rights, whoever_is_granted_nothing_submits_nothing)
{
    hello_as("");
    refused(1, "01", SELF, ROWS(A1), "ha-noi may not submit mini/2025:01");
    refused(2, "01", APPRAISED, ROWS(A1), "ha-noi may not appraise mini/2025:01");
    refused(3, "01", SURVEY, ROWS(A1), "ha-noi may not ballots mini/2025:01");
    refused(4, "01", PARBUS__STAGE__STAGE_UNKNOWN, ROWS(A1), "ha-noi names no stage");
    refused(5, "01", SELF, ROWS(0), "ha-noi may not submit mini/2025:01");
    cr_assert_eq(ingestor_metrics(t.core)->reason[PARBUS__REASON__REFUSED_NOT_AUTHORISED], 5);
}

Test(ingestor_rights, what_was_refused_for_good_is_told_once_the_journal_has_its_seq_as_used_up)
{
    hello_as("");
    t.disk_full = true;
    send(1, "01", SELF, ROWS(A1));
    tick(0);
    cr_assert_eq(count_reason(PARBUS__REASON__REFUSED_NOT_AUTHORISED), 0);
    ingestor_world_restore(); /* it ends before that: what it judged is void */
    t.disk_full = false;
    grant("ha-noi", "submit mini", 0);
    hello_as("");
    taken(1, "01", SELF, ROWS(A1));
    cr_assert_eq(count_reason(PARBUS__REASON__REFUSED_NOT_AUTHORISED), 0);
}

Test(ingestor_rights, who_is_in_another_epoch_by_then_is_not_told_of_the_one_before)
{
    hello_as("");
    send(1, "01", SELF, ROWS(A1));
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = m.has_line = 1;
    m.line = 77;
    m.protocol_version = 1;
    m.feeder = "ha-noi";
    m.epoch = 2;
    FROM_FEEDER(HELLO, m);
    tick(0);
    cr_assert_eq(count_reason(PARBUS__REASON__REFUSED_NOT_AUTHORISED), 0);
}

Test(ingestor_rights, a_grant_covers_its_unit_however_it_is_written_and_no_other)
{
    hello_as("");
    grant("ha-noi", "submit mini/2025:01", 0);
    taken(1, "01", SELF, ROWS(A1, B));
    taken(2, "Hà Nội", SELF, ROWS(A1));
    taken(3, "ha noi", SELF, ROWS(A1));
    refused(4, "02", SELF, ROWS(A1), "ha-noi may not submit mini/2025:02");
    refused(5, "Hà Nam", SELF, ROWS(A1), "ha-noi may not submit mini/2025:02");
    refused(6, "nowhere", SELF, ROWS(A1), "ha-noi may not submit mini/2025:nowhere");
    refused(7, "01", APPRAISED, ROWS(A1), "ha-noi may not appraise mini/2025:01");
    taken(8, "01", SELF, ROWS(99)); /* the validator says that there is no such indicator */
}

Test(ingestor_rights, rows_outside_the_granted_part_of_the_tree_keep_the_whole_submission_out)
{
    hello_as("");
    grant("ha-noi", "appraise mini@a", 0);
    taken(1, "02", APPRAISED, ROWS(A1, A2));
    refused(2, "02", APPRAISED, ROWS(A1, B), "ha-noi may not appraise mini/2025:02: row 1 (b)");
    refused(3, "02", APPRAISED, ROWS(99), "ha-noi may not appraise mini/2025:02");
    refused(4, "02", APPRAISED, ROWS(0), "ha-noi may not appraise mini/2025:02");
    taken(5, "02", APPRAISED, ROWS(A1));
    grant("ha-noi", "appraise mini:02@b", 0);
    taken(6, "02", APPRAISED, ROWS(A1, B, A2));
    refused(7, "01", APPRAISED, ROWS(A1, B, A2), "ha-noi may not appraise mini/2025:01: row 1 (b)");
}

Test(ingestor_rights, what_is_revoked_holds_no_longer_for_who_is_connected)
{
    hello_as("");
    uint64_t number = grant("ha-noi", "submit mini", 0);
    taken(1, "01", SELF, ROWS(A1));
    taken(2, "01", SELF, ROWS(A1));
    revoke(number);
    refused(3, "01", SELF, ROWS(A1), "ha-noi may not submit mini/2025:01");
    grant("ha-noi", "submit mini", 0);
    taken(4, "01", SELF, ROWS(A1));
}

Test(ingestor_rights, a_grant_ends_at_its_time_to_the_millisecond)
{
    hello_as("");
    grant("ha-noi", "submit mini", t.now.wall_ms + 10);
    taken(1, "01", SELF, ROWS(A1));
    t.now.wall_ms += 9;
    taken(2, "01", SELF, ROWS(A1));
    t.now.wall_ms += 1;
    refused(3, "01", SELF, ROWS(A1), "ha-noi may not submit mini/2025:01");
}

/* received_ms of the last record. */
static int64_t last_received_ms(void)
{
    return ((const struct record_header *)(void *)t.journal[t.journal_count - 1].record)->received_ms;
}

Test(ingestor_rights, the_journal_has_a_time_at_which_what_is_in_it_was_allowed_though_the_clock_was_put_back)
{
    hello_as("");
    int64_t ends_ms = t.now.wall_ms - 50;
    grant("ha-noi", "submit mini@a", 0);
    grant("ha-noi", "submit mini@b", ends_ms);
    send(1, "01", SELF, ROWS(A1));
    t.now.wall_ms -= 100;
    taken(2, "01", SELF, ROWS(B));
    cr_assert_lt(last_received_ms(), ends_ms);
}

Test(ingestor_rights, whoever_is_nobody_any_more_is_refused_everything_on_an_open_connection)
{
    hello_as("");
    grant("ha-noi", "submit mini", 0);
    taken(1, "01", SELF, ROWS(A1));
    remove_user(SOMEBODY);
    size_t journalled = t.journal_count;
    send(2, "01", SELF, ROWS(A1));
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_NOT_AUTHORISED);
    cr_assert_eq(last_refusal()->seq, 0);
    Parbus__Describe describe = PARBUS__DESCRIBE__INIT;
    FROM_FEEDER(DESCRIBE, describe);
    Parbus__Status status = PARBUS__STATUS__INIT;
    FROM_FEEDER(STATUS, status);
    hello_as("ha-noi");
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_DESCRIPTION), 0);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_VERDICT), 0);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 1);
    cr_assert_eq(refusals(), 4);
    tick(0);
    cr_assert_eq(t.journal_count, journalled);
}

Test(ingestor_rights, a_user_who_becomes_somebody_else_does_not_speak_for_who_he_was)
{
    hello_as("");
    grant("ha-noi", "submit mini", 0);
    remove_user(SOMEBODY);
    add_identity("ha-nam", SOMEBODY);
    grant("ha-nam", "submit mini", 0);
    send(1, "01", SELF, ROWS(A1));
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_NOT_AUTHORISED);
    cr_assert_str_eq(last_refusal()->detail, "this connection has become somebody else's: say hello");
    hello_as("");
    taken(1, "01", SELF, ROWS(A1));
}

Test(ingestor_rights, nothing_is_told_any_more_on_a_connection_that_is_not_the_feeders_any_more)
{
    hello_as("");
    grant("ha-noi", "submit mini", 0);
    taken(1, "01", SELF, ROWS(A1));
    send(2, "01", SELF, ROWS(A1));
    size_t told = t.feeder_count;
    remove_user(SOMEBODY);
    tick(1000000);
    cr_assert_eq(t.feeder_count, told, "neither a receipt for what was under way nor totals");
    hello_as("ha-noi"); /* is refused */
    add_identity("ha-nam", SOMEBODY);
    told = t.feeder_count;
    t.disk_full = true;
    tick(1000000);
    cr_assert_eq(t.feeder_count, told, "nor why there is none");
}

Test(ingestor_rights, nobody_uses_up_the_seq_of_another_by_something_unreadable)
{
    hello_as("");
    remove_user(SOMEBODY);
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.has_seq = 1;
    s.seq = 1;
    struct wire_message bad = {
        .kind = PARBUS__TO_INGESTOR__BODY_SUBMISSION, .message = &s.base, .err = ERR_INVALID, .why = "it is bad"};
    ingestor_receive(t.core, INGESTOR_DOOR, (struct peer){FEEDER, AS_SOMEBODY}, &bad, t.now);
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_NOT_AUTHORISED);
    cr_assert_eq(last_refusal()->seq, 0);
}

Test(ingestor_rights, statistics_are_for_who_may_operate_and_descriptions_for_everybody_known)
{
    Parbus__Stats stats = PARBUS__STATS__INIT;
    Parbus__Describe describe = PARBUS__DESCRIBE__INIT;
    FROM_FEEDER(DESCRIBE, describe);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_DESCRIPTION), 1);
    FROM_FEEDER(STATS, stats);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_STATS), 0);
    cr_assert_str_eq(last_refusal()->detail, "this wants the right: operate");
    grant("ha-noi", "operate *", 0);
    FROM_FEEDER(STATS, stats);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_STATS), 1);
}

Test(ingestor_rights, only_processes_of_the_owner_work)
{
    static const char *const others[] = {"", "insecure", AS_SOMEBODY, AS_OTHER};
    grant("ha-noi", "operate *", 0);
    for (size_t n = 0; n < sizeof others / sizeof *others; n++) {
        t.principal = others[n];
        join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", 5);
        tick(0);
        cr_assert_eq(t.worker_count, 0, "%s", others[n]);
    }
    t.principal = AS_SOMEBODY;
    Parbus__Retry retry = PARBUS__RETRY__INIT;
    FROM_WORKER(SCORER_A, RETRY, retry);
    cr_assert_eq(t.worker_count, 1, "whoever may operate may send again what was set aside");
}

Test(ingestor_rights, after_a_restart_the_same_is_allowed)
{
    hello_as("");
    grant("ha-noi", "submit mini/2025:01@a", 0);
    taken(1, "01", SELF, ROWS(A1));
    ingestor_world_restore();
    hello_as("");
    taken(2, "01", SELF, ROWS(A2));
    refused(3, "01", SELF, ROWS(B), "ha-noi may not submit mini/2025:01: row 0 (b)");
}
