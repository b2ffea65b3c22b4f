#include "base/date.h"
#include "context/context.h"
#include "services/parbus/access/access.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const head[] = {"kind", "name", "number", "until", "what"};
static const int widths[] = {10, 24, 7, 24};
const struct access_table access_list_table = {.head = head, .columns = 5, .width = widths, .format = "table"};

struct listing {
    const struct access *a;
    const char *only; /* NULL: all */
    struct access_table *table;
};

static void row(struct listing *l, const char *kind, const char *name, const struct access_span *span, int64_t until_ms,
                const char *what)
{
    char number[24], until[DATE_TEXT_BYTES] = "";
    if (span->until || (l->only && strcmp(l->only, name) != 0))
        return;
    snprintf(number, sizeof number, "%" PRIu64, span->since);
    if (until_ms)
        date_format_ms(until_ms, until);
    access_table_row(l->table, (const char *const[]){kind, name, number, until, what});
}

static const char *name_of(const struct listing *l, uint32_t identity) { return access_identity(l->a, identity)->name; }

static void list_identities(struct listing *l)
{
    const struct access_identity *i;
    for (size_t n = 0, count = access_identities(l->a, &i); n < count; n++)
        row(l, "identity", i[n].name, &i[n].span, 0, i[n].note);
}

static void list_keys(struct listing *l)
{
    const struct access_key *k;
    for (size_t n = 0, count = access_keys(l->a, &k); n < count; n++) {
        char key[CONTEXT_KEY_TEXT_BYTES];
        context_key_text(key, k[n].public_key);
        row(l, "key", name_of(l, k[n].identity), &k[n].span, k[n].until_ms, key);
    }
}

static void list_users(struct listing *l)
{
    const struct access_user *u;
    for (size_t n = 0, count = access_users(l->a, &u); n < count; n++) {
        char uid[16];
        snprintf(uid, sizeof uid, "%u", u[n].uid);
        row(l, "user", name_of(l, u[n].identity), &u[n].span, 0, uid);
    }
}

static void list_tokens(struct listing *l)
{
    const struct access_token *t;
    for (size_t n = 0, count = access_tokens(l->a, &t); n < count; n++)
        row(l, t[n].kind == PARBUS__TOKEN_KIND__TOKEN_INVITATION ? "invitation" : "token", name_of(l, t[n].identity),
            &t[n].span, t[n].until_ms, t[n].id);
}

static void list_members(struct listing *l)
{
    const struct access_member *m;
    for (size_t n = 0, count = access_members(l->a, &m); n < count; n++)
        row(l, "member", name_of(l, m[n].identity), &m[n].span, 0, m[n].role);
}

static void list_grants(struct listing *l)
{
    const struct access_grant *g;
    for (size_t n = 0, count = access_grants(l->a, &g); n < count; n++) {
        char words[ACCESS_SENTENCE_BYTES];
        access_grant_words(&g[n], words, sizeof words);
        row(l, g[n].identity ? "grant" : "role grant", g[n].identity ? name_of(l, g[n].identity) : g[n].role,
            &g[n].span, g[n].until_ms, words);
    }
}

void access_list(const struct access *a, const char *name, struct access_table *t)
{
    struct listing l = {a, name, t};
    access_table_begin(t);
    list_identities(&l);
    list_keys(&l);
    list_users(&l);
    list_tokens(&l);
    list_members(&l);
    list_grants(&l);
    access_table_end(t);
}
