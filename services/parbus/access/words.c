#include "base/date.h"
#include "context/context.h"
#include "services/parbus/access/access.h"
#include <stdio.h>
#include <string.h>

static const char *text_of(const char *text) { return text ? text : ""; }

Parbus__Stage access_stage_read(const char *word)
{
    for (int stage = PARBUS__STAGE__STAGE_SELF; stage <= PARBUS__STAGE__STAGE_SURVEY; stage++)
        if (!strcmp(catalog_stage_word(stage), word))
            return (Parbus__Stage)stage;
    return PARBUS__STAGE__STAGE_UNKNOWN;
}

/* ", until …"; nothing without an end. */
static void until_words(int64_t until_ms, char out[static DATE_TEXT_BYTES + 8])
{
    char date[DATE_TEXT_BYTES];
    out[0] = 0;
    if (!until_ms)
        return;
    date_format_ms(until_ms, date);
    snprintf(out, DATE_TEXT_BYTES + 8, ", until %s", date);
}

void access_grant_words(const struct access_grant *g, char *out, size_t bytes)
{
    char scope[512], until[DATE_TEXT_BYTES + 8];
    access_scope_write(g, scope, sizeof scope);
    until_words(g->until_ms, until);
    snprintf(out, bytes, "may %s %s%s%s%s", access_verb_word(g->verb), scope, g->stage ? ", stage " : "",
             g->stage ? catalog_stage_word((int)g->stage) : "", until);
}

static void copy(char out[static ACCESS_NAME_BYTES], const char *text)
{
    snprintf(out, ACCESS_NAME_BYTES, "%s", text_of(text));
}

static void grant_made(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    const Parbus__GrantMade *m = c->grant_made;
    struct access_grant g = {.verb = m->verb, .stage = m->stage, .until_ms = m->until_ms};
    char words[768];
    copy(g.index, m->index);
    copy(g.period, m->period);
    copy(g.unit, m->unit);
    copy(g.node, m->node);
    access_grant_words(&g, words, sizeof words);
    bool role = text_of(m->role)[0];
    snprintf(out, bytes, "%s%s %s (grant %llu)", role ? "role " : "", text_of(role ? m->role : m->name), words,
             (unsigned long long)m->grant);
}

static void grant_revoked(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    snprintf(out, bytes, "grant %llu revoked", (unsigned long long)c->grant_revoked->grant);
}

static void identity_added(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    const char *note = text_of(c->identity_added->note);
    snprintf(out, bytes, "identity %s added%s%s", text_of(c->identity_added->name), *note ? ": " : "", note);
}

static void identity_removed(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    snprintf(out, bytes, "identity %s removed, with all that was its own", text_of(c->identity_removed->name));
}

static void key_text(const ProtobufCBinaryData *key, char out[static CONTEXT_KEY_TEXT_BYTES])
{
    snprintf(out, CONTEXT_KEY_TEXT_BYTES, "?");
    if (key->len == CONTEXT_KEY_BYTES)
        context_key_text(out, key->data);
}

static void key_added(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    char key[CONTEXT_KEY_TEXT_BYTES], until[DATE_TEXT_BYTES + 8];
    key_text(&c->key_added->public_key, key);
    until_words(c->key_added->until_ms, until);
    const char *by = text_of(c->key_added->invitation);
    snprintf(out, bytes, "key %s is %s%s%s%s", key, text_of(c->key_added->name), *by ? ", by invitation " : "", by,
             until);
}

static void key_revoked(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    char key[CONTEXT_KEY_TEXT_BYTES];
    key_text(&c->key_revoked->public_key, key);
    snprintf(out, bytes, "key %s revoked", key);
}

static void user_added(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    snprintf(out, bytes, "user %u is %s", c->user_added->uid, text_of(c->user_added->name));
}

static void user_removed(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    snprintf(out, bytes, "user %u is nobody any more", c->user_removed->uid);
}

static void token_added(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    char until[DATE_TEXT_BYTES + 8];
    until_words(c->token_added->until_ms, until);
    bool invites = c->token_added->kind == PARBUS__TOKEN_KIND__TOKEN_INVITATION;
    snprintf(out, bytes, "%s %s for %s%s", invites ? "invitation" : "token", text_of(c->token_added->id),
             text_of(c->token_added->name), until);
}

static void token_revoked(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    snprintf(out, bytes, "token %s revoked", text_of(c->token_revoked->id));
}

static void member_added(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s has role %s", text_of(c->member_added->name), text_of(c->member_added->role));
}

static void member_removed(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s does not have role %s any more", text_of(c->member_removed->name),
             text_of(c->member_removed->role));
}

void access_change_words(const Parbus__AccessChange *c, char *out, size_t bytes)
{
    static void (*const words[])(const Parbus__AccessChange *, char *, size_t) = {
        [PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED] = identity_added,
        [PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_REMOVED] = identity_removed,
        [PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED] = key_added,
        [PARBUS__ACCESS_CHANGE__CHANGE_KEY_REVOKED] = key_revoked,
        [PARBUS__ACCESS_CHANGE__CHANGE_USER_ADDED] = user_added,
        [PARBUS__ACCESS_CHANGE__CHANGE_USER_REMOVED] = user_removed,
        [PARBUS__ACCESS_CHANGE__CHANGE_TOKEN_ADDED] = token_added,
        [PARBUS__ACCESS_CHANGE__CHANGE_TOKEN_REVOKED] = token_revoked,
        [PARBUS__ACCESS_CHANGE__CHANGE_MEMBER_ADDED] = member_added,
        [PARBUS__ACCESS_CHANGE__CHANGE_MEMBER_REMOVED] = member_removed,
        [PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE] = grant_made,
        [PARBUS__ACCESS_CHANGE__CHANGE_GRANT_REVOKED] = grant_revoked,
    };
    size_t kind = (size_t)c->change_case;
    if (kind < sizeof words / sizeof *words && words[kind])
        words[kind](c, out, bytes);
    else
        snprintf(out, bytes, "a change that this program does not know");
}
