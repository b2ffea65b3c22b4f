/* How people write it. */
#include "auth/access.h"
#include <stdio.h>
#include <string.h>

static const char *const verbs[] = {
    [PARBUS__VERB__VERB_SUBMIT] = "submit",   [PARBUS__VERB__VERB_APPRAISE] = "appraise",
    [PARBUS__VERB__VERB_BALLOTS] = "ballots", [PARBUS__VERB__VERB_FEED] = "feed",
    [PARBUS__VERB__VERB_OPERATE] = "operate", [PARBUS__VERB__VERB_PUBLISH] = "publish",
    [PARBUS__VERB__VERB_ACCESS] = "access",
};
enum { VERBS = sizeof verbs / sizeof *verbs };

const char *access_verb_word(Parbus__Verb verb) { return (size_t)verb < VERBS && verbs[verb] ? verbs[verb] : "?"; }

Parbus__Verb access_verb(const char *word)
{
    for (size_t i = 1; i < VERBS; i++)
        if (!strcmp(verbs[i], word))
            return (Parbus__Verb)i;
    return PARBUS__VERB__VERB_NONE;
}

/* Cuts the text at the first of `marks` behind which something else begins; returns that mark, 0: its end. */
static char cut(char **text, const char *marks, char **part)
{
    *part = *text;
    char *end = *text + strcspn(*text, marks);
    char mark = *end;
    *text = mark ? end + 1 : end;
    *end = 0;
    return mark;
}

static enum err part_ok(const char *what, char *part, char **field, struct err_text *e)
{
    if (!strcmp(part, "*"))
        *part = 0;
    if (strlen(part) >= ACCESS_NAME_BYTES)
        return err_set(e, ERR_INVALID, "the %s of a scope has at most %d bytes", what, ACCESS_NAME_BYTES - 1);
    *field = part;
    return OK;
}

enum err access_scope_read(const char *text, struct access_scope *s, Parbus__GrantMade *grant, struct err_text *e)
{
    static const char *const marks[] = {"/:@", ":@", "@", ""}, *const names[] = {"index", "period", "unit", "node"};
    char **const fields[] = {&grant->index, &grant->period, &grant->unit, &grant->node};
    if ((size_t)snprintf(s->text, sizeof s->text, "%s", text) >= sizeof s->text)
        return err_set(e, ERR_INVALID, "a scope has at most %zu bytes", sizeof s->text - 1);
    char *rest = s->text;
    enum err err = OK;
    for (int at = 0; at < 4 && !err;) {
        char *part, mark = cut(&rest, marks[at], &part);
        err = part_ok(names[at], part, fields[at], e);
        at = mark == '/' ? 1 : mark == ':' ? 2 : mark == '@' ? 3 : 4;
    }
    return err;
}

void access_scope_write(const struct access_grant *g, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s%s%s%s%s%s%s", g->index[0] ? g->index : "*", g->period[0] ? "/" : "", g->period,
             g->unit[0] ? ":" : "", g->unit, g->node[0] ? "@" : "", g->node);
}
