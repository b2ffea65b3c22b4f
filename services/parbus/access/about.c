#include "services/parbus/access/access.h"
#include <string.h>

static bool is(const char *text, const char *name) { return text && strcmp(text, name) == 0; }

static bool is_identity(const struct access *a, uint32_t identity, const char *name)
{
    const struct access_identity *i = access_identity(a, identity);
    return i && is(i->name, name);
}

static bool grant_is_of(const struct access *a, uint64_t number, const char *name)
{
    const struct access_grant *g;
    for (size_t i = 0, count = access_grants(a, &g); i < count; i++)
        if (g[i].span.since == number)
            return is_identity(a, g[i].identity, name) || is(g[i].role, name);
    return false;
}

static bool key_is_of(const struct access *a, const ProtobufCBinaryData *key, const char *name)
{
    const struct access_key *k;
    for (size_t i = 0, count = access_keys(a, &k); i < count; i++)
        if (key->len == ACCESS_KEY_BYTES && memcmp(k[i].public_key, key->data, ACCESS_KEY_BYTES) == 0)
            return is_identity(a, k[i].identity, name);
    return false;
}

/* A user may have been one and then another: of the last one. */
static bool user_is_of(const struct access *a, uint32_t uid, const char *name)
{
    const struct access_user *u;
    bool found = false;
    for (size_t i = 0, count = access_users(a, &u); i < count; i++)
        if (u[i].uid == uid)
            found = is_identity(a, u[i].identity, name);
    return found;
}

static bool token_is_of(const struct access *a, const char *id, const char *name)
{
    const struct access_token *t;
    for (size_t i = 0, count = access_tokens(a, &t); i < count; i++)
        if (is(id, t[i].id))
            return is_identity(a, t[i].identity, name);
    return false;
}

bool access_change_is_about(const struct access *a, const Parbus__AccessChange *c, const char *name)
{
    switch (c->change_case) {
    case PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED:
        return is(c->identity_added->name, name);
    case PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_REMOVED:
        return is(c->identity_removed->name, name);
    case PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED:
        return is(c->key_added->name, name);
    case PARBUS__ACCESS_CHANGE__CHANGE_KEY_REVOKED:
        return key_is_of(a, &c->key_revoked->public_key, name);
    case PARBUS__ACCESS_CHANGE__CHANGE_USER_ADDED:
        return is(c->user_added->name, name);
    case PARBUS__ACCESS_CHANGE__CHANGE_USER_REMOVED:
        return user_is_of(a, c->user_removed->uid, name);
    case PARBUS__ACCESS_CHANGE__CHANGE_TOKEN_ADDED:
        return is(c->token_added->name, name);
    case PARBUS__ACCESS_CHANGE__CHANGE_TOKEN_REVOKED:
        return token_is_of(a, c->token_revoked->id, name);
    case PARBUS__ACCESS_CHANGE__CHANGE_MEMBER_ADDED:
        return is(c->member_added->name, name) || is(c->member_added->role, name);
    case PARBUS__ACCESS_CHANGE__CHANGE_MEMBER_REMOVED:
        return is(c->member_removed->name, name) || is(c->member_removed->role, name);
    case PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE:
        return is(c->grant_made->name, name) || is(c->grant_made->role, name);
    case PARBUS__ACCESS_CHANGE__CHANGE_GRANT_REVOKED:
        return grant_is_of(a, c->grant_revoked->grant, name);
    default:
        return false;
    }
}
