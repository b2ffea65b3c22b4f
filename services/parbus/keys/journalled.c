#include "auth/access.h"
#include "catalog/catalog.h"
#include "context/token.h"
#include "services/parbus/access/access.h"
#include "services/parbus/keys/internal.h"
#include <stdio.h>

static enum err ask(const struct given *g, Parbus__AccessChange *c, struct err_text *e)
{
    uint64_t control_seq;
    return access_ask(g->directory, c, &control_seq, e);
}

static enum err is_known(const struct given *g, const char *name, bool *known, struct err_text *e)
{
    struct catalog *c;
    enum err err = access_read(&c, g->directory, e);
    *known = !err && access_named(catalog_access(c), name) != ACCESS_NOBODY;
    catalog_destroy(&c);
    return err;
}

enum err keys_ask_identity(const struct given *g, const char *name, struct err_text *e)
{
    Parbus__IdentityAdded m = PARBUS__IDENTITY_ADDED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    bool known;
    m.name = (char *)name;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED;
    c.identity_added = &m;
    enum err err = is_known(g, name, &known, e);
    return err || known ? err : ask(g, &c, e);
}

enum err keys_ask_key(const struct given *g, const char *name, const uint8_t *key, struct err_text *e)
{
    Parbus__KeyAdded m = PARBUS__KEY_ADDED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    m.name = (char *)name;
    m.has_public_key = 1;
    m.public_key = (ProtobufCBinaryData){CONTEXT_KEY_BYTES, (uint8_t *)key};
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED;
    c.key_added = &m;
    enum err err = keys_ask_identity(g, name, e);
    return err ? err : ask(g, &c, e);
}

enum err keys_ask_revoked(const struct given *g, const uint8_t *key, struct err_text *e)
{
    Parbus__KeyRevoked m = PARBUS__KEY_REVOKED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    m.has_public_key = 1;
    m.public_key = (ProtobufCBinaryData){CONTEXT_KEY_BYTES, (uint8_t *)key};
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_KEY_REVOKED;
    c.key_revoked = &m;
    return ask(g, &c, e);
}

/* ---- tokens ---- */

/* Its number is a part of the hash: it says nothing about the token that the journal does not. */
static enum err draw(struct keys_token *t, uint8_t *token, size_t bytes, uint8_t hash[static TOKEN_HASH_BYTES],
                     struct err_text *e)
{
    enum err err = token_draw(token, bytes, e);
    if (err)
        return err;
    token_hash(hash, token, bytes);
    snprintf(t->id, sizeof t->id, "%s-%02x%02x%02x%02x", t->invitation ? "invitation" : "token", hash[0], hash[1],
             hash[2], hash[3]);
    return OK;
}

enum err keys_ask_token(const struct given *g, struct keys_token *t, uint8_t *token, size_t bytes, struct err_text *e)
{
    Parbus__TokenAdded m = PARBUS__TOKEN_ADDED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    uint8_t hash[TOKEN_HASH_BYTES];
    enum err err = draw(t, token, bytes, hash, e);
    if (!err)
        err = keys_ask_identity(g, t->name, e);
    if (err)
        return err;
    m.name = (char *)t->name;
    m.id = t->id;
    m.has_kind = m.has_hash = 1;
    m.kind = t->invitation ? PARBUS__TOKEN_KIND__TOKEN_INVITATION : PARBUS__TOKEN_KIND__TOKEN_BEARER;
    m.hash = (ProtobufCBinaryData){sizeof hash, hash};
    m.has_until_ms = t->until_ms != 0;
    m.until_ms = t->until_ms;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_TOKEN_ADDED;
    c.token_added = &m;
    return ask(g, &c, e);
}

enum err keys_ask_token_revoked(const struct given *g, const char *id, struct err_text *e)
{
    Parbus__TokenRevoked m = PARBUS__TOKEN_REVOKED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    m.id = (char *)id;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_TOKEN_REVOKED;
    c.token_revoked = &m;
    return ask(g, &c, e);
}
