/* Two logs in one order: the changes among the journal's controls, and what the services wrote into log/access.log. */
#include "base/date.h"
#include "base/plural.h"
#include "context/context.h"
#include "services/parbus/access/access.h"
#include "services/parbus/access/events.h"
#include "services/parbus/stores/stores.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const head[] = {"at", "event", "number", "by", "from", "what"};
static const int widths[] = {24, 10, 7, 16, 24};
const struct access_table access_log_table = {.head = head, .columns = 6, .width = widths, .format = "table"};

enum err access_read(struct catalog **c, const char *directory, struct err_text *e)
{
    struct journal *j;
    *c = catalog_new();
    ASSERT(*c);
    enum err err = stores_journal(&j, directory, e);
    if (!err)
        err = journal_controls(j, 1, catalog_apply_packed, *c, e);
    journal_close(&j);
    return err;
}

struct reading {
    const struct access_log_wanted *wanted;
    struct access_table *table;
    struct access_events events;
    struct catalog *catalog; /* as of the control that is looked at */
};

static bool is_wanted(const struct reading *r, int64_t at_ms) { return at_ms >= r->wanted->since_ms; }

static void row(const struct reading *r, int64_t at_ms, const char *event, const char *number, const char *by,
                const char *from, const char *what)
{
    char at[DATE_TEXT_BYTES];
    date_format_ms(at_ms, at);
    access_table_row(r->table, (const char *const[]){at, event, number, by, from, what});
}

/* ---- what the services wrote ---- */

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* "key:<64 hex>" as people know it from `parbus keys list`; all else as it is. */
static void principal_words(const char *who, char out[static 128])
{
    uint8_t key[CONTEXT_KEY_BYTES];
    snprintf(out, 128, "%s", who);
    if (strncmp(who, "key:", 4) != 0 || strlen(who) != 4 + 2 * CONTEXT_KEY_BYTES)
        return;
    for (int i = 0; i < CONTEXT_KEY_BYTES; i++) {
        int high = digit(who[4 + 2 * i]), low = digit(who[5 + 2 * i]);
        if (high < 0 || low < 0)
            return;
        key[i] = (uint8_t)(high << 4 | low);
    }
    char text[CONTEXT_KEY_TEXT_BYTES];
    context_key_text(text, key);
    snprintf(out, 128, "key %s", text);
}

static void print_event(const struct reading *r)
{
    const struct access_events *e = &r->events;
    const char *name = access_event_text(e, "name"), *address = access_event_text(e, "address");
    char who[128], words[ACCESS_SENTENCE_BYTES];
    if (!*address && !strcmp(access_event_text(e, "event"), "change")) /* the journal says all of it */
        return;
    if (!is_wanted(r, e->at_ms) || (r->wanted->name && strcmp(r->wanted->name, name) != 0))
        return;
    principal_words(access_event_text(e, "who"), who);
    access_event_words(e, words, sizeof words);
    row(r, e->at_ms, access_event_text(e, "event"), "", *name ? name : who, *address ? address : who, words);
}

static void print_events_before(struct reading *r, int64_t at_ms)
{
    for (; r->events.line && r->events.at_ms <= at_ms; access_events_next(&r->events))
        print_event(r);
}

/* ---- changes ---- */

static const char *or_else(const char *text, const char *otherwise) { return text && *text ? text : otherwise; }

static void print_change(struct reading *r, const Parbus__Control *control)
{
    const Parbus__AccessChange *c = control->access;
    const char *name = r->wanted->name;
    char number[24], from[128], words[ACCESS_SENTENCE_BYTES];
    bool named =
        !name || strcmp(or_else(c->by, ""), name) == 0 || access_change_is_about(catalog_access(r->catalog), c, name);
    if (!named || !is_wanted(r, control->received_ms))
        return;
    snprintf(number, sizeof number, "%" PRIu64, control->control_seq);
    principal_words(or_else(c->from, ""), from);
    access_change_words(c, words, sizeof words);
    row(r, control->received_ms, "changed", number, or_else(c->by, "the owner"), from, words);
}

static enum err take_control(void *reading, uint64_t seq, const void *packed, size_t bytes, struct err_text *e)
{
    struct reading *r = reading;
    Parbus__Control *control = parbus__control__unpack(NULL, bytes, packed);
    if (!control)
        return err_set(e, ERR_CORRUPT, "control record %" PRIu64 " cannot be read", seq);
    enum err err = catalog_apply_packed(r->catalog, seq, packed, bytes, e);
    if (!err && control->body_case == PARBUS__CONTROL__BODY_ACCESS) {
        print_events_before(r, control->received_ms);
        print_change(r, control);
    }
    parbus__control__free_unpacked(control, NULL);
    return err;
}

enum err access_log(const char *directory, const struct access_log_wanted *wanted, struct access_table *t,
                    struct err_text *e)
{
    struct reading r = {.wanted = wanted, .table = t, .catalog = catalog_new()};
    struct journal *j;
    enum err err = stores_journal(&j, directory, e);
    ASSERT(r.catalog);
    access_table_begin(t);
    access_events_open(&r.events, directory);
    if (!err)
        err = journal_controls(j, 1, take_control, &r, e);
    print_events_before(&r, INT64_MAX);
    access_table_end(t);
    if (r.events.unreadable)
        fprintf(stderr, "parbus access: %" PRIu64 " %s of %s/log/access.log cannot be read\n", r.events.unreadable,
                plural(r.events.unreadable, "line", "lines"), directory);
    access_events_close(&r.events);
    catalog_destroy(&r.catalog);
    journal_close(&j);
    return err;
}
