/* Whatever stands in parbus.conf, a setting is within its bounds or is as it was; and whatever scope somebody writes is
 * read whole or refused by name, and is read the same when it was written again. */
#include "auth/access.h"
#include "base/err.h"
#include "base/settings.h"
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>

static void bounded(const struct settings *s)
{
#define X(name, fallback, least, most, text) ASSERT(s->name >= (least) && s->name <= (most));
    SETTINGS_TABLE(X)
#undef X
}

static void set(const char *text)
{
    struct settings s, before;
    struct err_text e = {""};
    settings_defaults(&s);
    before = s;
    if (settings_set(&s, text, &e))
        ASSERT(e.text[0] && memcmp(&s, &before, sizeof s) == 0);
    bounded(&s);
}

static void copy(char *out, const char *part) { strcpy(out, part ? part : ""); }

static void read_scope(const char *text)
{
    struct access_scope scope, second;
    Parbus__GrantMade m = PARBUS__GRANT_MADE__INIT, again = PARBUS__GRANT_MADE__INIT;
    struct access_grant g = {.verb = PARBUS__VERB__VERB_SUBMIT}, h = g;
    struct err_text e = {""};
    char written[sizeof scope.text];
    if (access_scope_read(text, &scope, &m, &e)) {
        ASSERT(e.text[0]);
        return;
    }
    copy(g.index, m.index), copy(g.period, m.period), copy(g.unit, m.unit), copy(g.node, m.node);
    access_scope_write(&g, written, sizeof written);
    ASSERT(access_scope_read(written, &second, &again, &e) == OK);
    copy(h.index, again.index), copy(h.period, again.period), copy(h.unit, again.unit), copy(h.node, again.node);
    ASSERT(!strcmp(g.period, h.period) && !strcmp(g.unit, h.unit) && !strcmp(g.node, h.node) &&
           !strcmp(g.index, h.index));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *text = malloc(bytes + 1);
    ASSERT(text);
    memcpy(text, data, bytes);
    text[bytes] = 0;
    set(text);
    read_scope(text);
    free(text);
    return 0;
}
