#include "audit/audit.h"
#include "base/date.h"
#include "wire/wire.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const words[AUDIT_KINDS] = {
    [AUDIT_NONE] = "",           [AUDIT_NAME] = "name",         [AUDIT_LINE] = "line",
    [AUDIT_EPOCH] = "epoch",     [AUDIT_CUT] = "cut",           [AUDIT_CONNECTION] = "connection",
    [AUDIT_REFUSED] = "refused", [AUDIT_SHUT_OUT] = "shut_out", [AUDIT_CHANGE] = "change"};

const char *audit_kind_word(enum audit_kind kind) { return kind < AUDIT_KINDS ? words[kind] : ""; }

struct json {
    char *out;
    size_t length;
};
enum { OWN_BYTES = 256 }; /* names, braces and numbers always have room */

static void put_char(struct json *j, char c)
{
    if (j->length < AUDIT_LINE_BYTES - OWN_BYTES)
        j->out[j->length++] = c;
}

static void put_escaped(struct json *j, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        put_char(j, '\\');
        put_char(j, (char)c);
    } else if (c < ' ' || c == 0x7f) {
        for (const char *at = "\\u00"; *at; at++)
            put_char(j, *at);
        put_char(j, hex[c >> 4]);
        put_char(j, hex[c & 15]);
    } else {
        put_char(j, (char)c);
    }
}

static void put_text(struct json *j, const char *name, const char *value)
{
    char mended[AUDIT_DETAIL_BYTES];
    if (!value || !*value)
        return;
    snprintf(mended, sizeof mended, "%s", value);
    wire_utf8_mend(mended);
    j->length += (size_t)snprintf(j->out + j->length, 32, "%s\"%s\":\"", j->length > 1 ? "," : "", name);
    for (const char *at = mended; *at; at++)
        put_escaped(j, (unsigned char)*at);
    put_char(j, '"');
}

static void put_time(struct json *j, const char *name, int64_t ms)
{
    char text[DATE_TEXT_BYTES];
    date_format_ms(ms, text);
    put_text(j, name, text);
}

size_t audit_json(char out[static AUDIT_LINE_BYTES], const struct audit_line *line, const char *service,
                  int64_t wall_ms)
{
    struct json j = {.out = out};
    out[j.length++] = '{';
    put_time(&j, "at", wall_ms);
    put_text(&j, "service", service);
    put_text(&j, "event", audit_kind_word(line->event.kind));
    put_text(&j, "reason", line->event.reason);
    put_text(&j, "name", line->event.name);
    put_text(&j, "who", line->event.who);
    put_text(&j, "address", line->event.address);
    j.length += (size_t)snprintf(out + j.length, 32, ",\"times\":%" PRIu64, line->times);
    if (line->since_ms)
        put_time(&j, "since", line->since_ms);
    put_text(&j, "detail", line->event.detail);
    out[j.length++] = '}';
    out[j.length++] = '\n';
    return j.length;
}
