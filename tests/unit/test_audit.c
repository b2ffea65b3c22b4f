/* audit/audit.h: what goes into the access log, and how often. */
#include "audit/audit.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE = 60000000, LINES_MAX = 2048 };

static struct audit a;
static struct line {
    enum audit_kind kind;
    char reason[40], address[64];
    uint64_t times;
    int64_t since_ms;
} lines[LINES_MAX];
static size_t count;

static void take_line(void *ctx, const struct audit_line *l)
{
    struct line *to = &lines[count++ % LINES_MAX];
    (void)ctx;
    *to = (struct line){.kind = l->event.kind, .times = l->times, .since_ms = l->since_ms};
    snprintf(to->reason, sizeof to->reason, "%s", l->event.reason);
    snprintf(to->address, sizeof to->address, "%s", l->event.address);
}

static void start(void)
{
    count = 0;
    audit_init(&a, take_line, NULL);
}

static struct moment at(int64_t us) { return (struct moment){MINUTE + us, 1000000 + us / 1000}; }

static void refused(const char *address, int64_t us)
{
    const struct audit_event e = {.kind = AUDIT_REFUSED, .reason = "NOT_AUTHORISED", .address = address};
    audit_note(&a, &e, 1, at(us));
}

TestSuite(audit, .init = start);

Test(audit, the_first_is_said_at_once)
{
    refused("192.0.2.7", 0);
    cr_assert_eq(count, 1);
    cr_assert_eq(lines[0].times, 1);
    cr_assert_eq(lines[0].since_ms, 0);
    cr_assert_str_eq(lines[0].address, "192.0.2.7");
}

Test(audit, what_is_alike_is_counted_and_said_once_a_minute)
{
    for (int i = 0; i < 1000; i++)
        refused("192.0.2.7", i);
    cr_assert_eq(count, 1);
    cr_assert_eq(audit_tick(&a, at(MINUTE - 1)), at(MINUTE).mono_us);
    cr_assert_eq(count, 1);
    audit_tick(&a, at(MINUTE));
    cr_assert_eq(count, 2);
    cr_assert_eq(lines[1].times, 999);
    cr_assert_eq(lines[1].since_ms, at(0).wall_ms);
}

Test(audit, one_address_s_flood_does_not_hide_another_s)
{
    for (int i = 0; i < 1000; i++)
        refused("192.0.2.7", i);
    refused("192.0.2.8", 1001);
    cr_assert_eq(count, 2);
    cr_assert_str_eq(lines[1].address, "192.0.2.8");
}

Test(audit, after_a_quiet_minute_the_next_is_the_first_again)
{
    refused("192.0.2.7", 0);
    cr_assert_eq(audit_tick(&a, at(MINUTE)), INT64_MAX);
    refused("192.0.2.7", MINUTE + 1);
    cr_assert_eq(count, 2);
    cr_assert_eq(lines[1].times, 1);
}

Test(audit, more_addresses_than_places_make_no_more_lines_and_all_are_counted)
{
    enum { ADDRESSES = 10000 };
    char address[32];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < ADDRESSES; i++) {
            snprintf(address, sizeof address, "2001:db8::%x", (unsigned)i);
            refused(address, i);
        }
    cr_assert_eq(count, AUDIT_PLACES + 1);
    audit_tick(&a, at(MINUTE + ADDRESSES));
    cr_assert_eq(count, 2 * (AUDIT_PLACES + 1));
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += lines[i].times;
    cr_assert_eq(all, 2 * ADDRESSES);
    cr_assert_str_eq(lines[count - 1].reason, "others");
}

Test(audit, what_was_not_said_yet_is_said_at_the_end)
{
    refused("192.0.2.7", 0);
    audit_end(&a);
    cr_assert_eq(count, 1, "nothing was left");
    refused("192.0.2.7", 1);
    refused("192.0.2.7", 2);
    audit_end(&a);
    cr_assert_eq(count, 2);
    cr_assert_eq(lines[1].times, 2);
}

Test(audit, so_many_at_once_are_one_line)
{
    audit_note(&a, &(struct audit_event){.kind = AUDIT_SHUT_OUT, .reason = "connections_max"}, 17, at(0));
    cr_assert_eq(count, 1);
    cr_assert_eq(lines[0].times, 17);
}

Test(audit, a_line_is_json)
{
    char out[AUDIT_LINE_BYTES + 1];
    const struct audit_line l = {
        .event = {AUDIT_REFUSED, "IN_USE", "h05", "key:00ff", "192.0.2.7", "it has it"}, .times = 3, .since_ms = 1000};
    out[audit_json(out, &l, "ingestor-1", 61000)] = 0;
    cr_assert_str_eq(out, "{\"at\":\"1970-01-01T00:01:01Z\",\"service\":\"ingestor-1\",\"event\":\"refused\","
                          "\"reason\":\"IN_USE\",\"name\":\"h05\",\"who\":\"key:00ff\",\"address\":\"192.0.2.7\","
                          "\"times\":3,\"since\":\"1970-01-01T00:00:01Z\",\"detail\":\"it has it\"}\n");
}

Test(audit, what_a_stranger_says_ends_no_line_and_no_field)
{
    char out[AUDIT_LINE_BYTES + 1];
    const struct audit_line l = {.event = {.kind = AUDIT_NAME, .detail = "a\"b\\c\nd\x7f\xff"}, .times = 1};
    out[audit_json(out, &l, "", 0)] = 0;
    cr_assert(strstr(out, "\"detail\":\"a\\\"b\\\\c\\u000ad\\u007f?\"}\n"), "%s", out);
}

Test(audit, the_longest_line_is_whole)
{
    char out[AUDIT_LINE_BYTES + 1], text[4096];
    memset(text, 1, sizeof text - 1);
    text[sizeof text - 1] = 0;
    start();
    const struct audit_event e = {AUDIT_REFUSED, text, text, text, text, text};
    audit_note(&a, &e, 1, at(0));
    const struct audit_place *p = &a.place[0];
    const struct audit_line l = {{p->kind, p->reason, p->name, p->who, p->address, p->detail}, UINT64_MAX, 1};
    size_t bytes = audit_json(out, &l, "ingestor-1", 0);
    cr_assert_lt(bytes, AUDIT_LINE_BYTES);
    cr_assert_eq(memcmp(out + bytes - 8, &"\\u0001\"}\n"[1], 8), 0);
}
