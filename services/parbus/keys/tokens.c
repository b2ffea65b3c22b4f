/* Secrets that are shown with each request (bearer tokens), and invitations: made, listed. */
#include "auth/access.h"
#include "base/clock.h"
#include "base/date.h"
#include "catalog/catalog.h"
#include "context/token.h"
#include "link/link.h"
#include "services/parbus/access/access.h"
#include "services/parbus/keys/internal.h"
#include <stdio.h>
#include <string.h>

int keys_token(const struct given *g, char **word)
{
    struct keys_token t = {.name = word[0]};
    uint8_t token[TOKEN_BYTES_MAX];
    char text[TOKEN_TEXT_BYTES_MAX];
    struct err_text e;
    if (!g->expires || !expires_read(g->expires, clock_wall_ms(), &t.until_ms))
        return command_usage_error(g->command, "a token ends: --expires wants 12h, 90d, or a date or time to come");
    enum err err = keys_ask_token(g, &t, token, sizeof token, &e);
    link_shutdown();
    if (err)
        return command_failed(g->command, "%s", e.text);
    token_write(text, token, sizeof token);
    printf("%s\n", text);
    fprintf(stderr,
            "Whoever shows this token is %s. It is shown now and never again; it is kept as a hash alone, under "
            "the name %s (parbus keys revoke %s)\n",
            word[0], t.id, t.id);
    explicit_bzero(token, sizeof token);
    explicit_bzero(text, sizeof text);
    return 0;
}

/* ---- lists ---- */

static const char *words_until(char out[static DATE_TEXT_BYTES], int64_t until_ms)
{
    if (!until_ms)
        return "until it is revoked";
    date_format_ms(until_ms, out);
    return out;
}

static bool is_over(const struct access_span *span, int64_t until_ms, int64_t now_ms)
{
    return span->until || (until_ms && now_ms >= until_ms);
}

static bool is_of(const struct access *a, uint32_t identity, const char *only)
{
    return !only || !strcmp(only, access_identity(a, identity)->name);
}

static void print_tokens(const struct access *a, const char *only)
{
    const struct access_token *t;
    char until[DATE_TEXT_BYTES];
    for (size_t i = 0, count = access_tokens(a, &t); i < count; i++)
        if (!is_over(&t[i].span, t[i].until_ms, clock_wall_ms()) && is_of(a, t[i].identity, only))
            printf("%-24s %-20s %-10s %s\n", access_identity(a, t[i].identity)->name, t[i].id,
                   t[i].kind == PARBUS__TOKEN_KIND__TOKEN_INVITATION ? "invitation" : "bearer",
                   words_until(until, t[i].until_ms));
}

static void print_keys(const struct access *a, const char *only)
{
    const struct access_key *k;
    char until[DATE_TEXT_BYTES], text[CONTEXT_KEY_TEXT_BYTES];
    for (size_t i = 0, count = access_keys(a, &k); i < count; i++) {
        if (is_over(&k[i].span, k[i].until_ms, clock_wall_ms()) || !is_of(a, k[i].identity, only))
            continue;
        context_key_text(text, k[i].public_key);
        printf("%-24s %s", access_identity(a, k[i].identity)->name, text);
        printf(k[i].until_ms ? "  until %s\n" : "\n", words_until(until, k[i].until_ms));
    }
}

static int list(const struct given *g, const char *only, void (*print)(const struct access *a, const char *only))
{
    struct catalog *c;
    struct err_text e;
    enum err err = access_read(&c, g->directory, &e);
    if (!err)
        print(catalog_access(c), only);
    catalog_destroy(&c);
    return err ? command_failed(g->command, "%s", e.text) : 0;
}

int keys_tokens(const struct given *g, char **word) { return list(g, word[0], print_tokens); }
int keys_list(const struct given *g, char **word) { return list(g, word[0], print_keys); }
