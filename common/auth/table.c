/* The table itself: making, looking up, listing. */
#include "auth/internal.h"
#include "base/bytes.h"
#include <stdlib.h>

struct access *access_new(void)
{
    struct access *a = calloc(1, sizeof *a);
    ASSERT(a);
    return a;
}

void access_destroy(struct access **out)
{
    struct access *a = *out;
    if (!a)
        return;
    struct buffer *const items[] = {&a->identity, &a->key, &a->user, &a->token, &a->member, &a->grant};
    struct map *const maps[] = {&a->by_name, &a->by_key, &a->by_user, &a->by_token, &a->memberships, &a->granted};
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        buffer_free(items[i]);
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        map_free(maps[i]);
    free(a);
    *out = NULL;
}

uint64_t access_changed(const struct access *a) { return a->changed; }
uint64_t access_hash(const char *text) { return hash_bytes(text, strlen(text)); }
uint64_t access_owner(uint32_t identity, const char *role) { return identity ? identity : access_hash(role); }
uint64_t access_hash_bytes(const uint8_t bytes[static 32]) { return hash_bytes(bytes, 32); }

/* ---- everything ---- */

#define LIST(plural, name)                                                                                             \
    size_t access_##plural(const struct access *a, const struct access_##name **first)                                 \
    {                                                                                                                  \
        *first = ITEMS(&a->name, struct access_##name);                                                                \
        return COUNT(&a->name, struct access_##name);                                                                  \
    }
LIST(identities, identity)
LIST(keys, key)
LIST(users, user)
LIST(tokens, token)
LIST(members, member)
LIST(grants, grant)
#undef LIST

/* ---- who somebody is ---- */

static bool is_now(const struct access_span *span) { return !span->until; }
static bool is_due(int64_t until_ms, int64_t wall_ms) { return until_ms && wall_ms >= until_ms; }

const struct access_identity *access_identity(const struct access *a, uint32_t number)
{
    return number - 1u < COUNT(&a->identity, struct access_identity)
               ? &ITEMS(&a->identity, struct access_identity)[number - 1]
               : NULL;
}

uint32_t access_named(const struct access *a, const char *name)
{
    uint32_t number;
    if (!map_get(&a->by_name, access_hash(name), &number))
        return ACCESS_NOBODY;
    const struct access_identity *i = access_identity(a, number);
    return is_now(&i->span) && !strcmp(i->name, name) ? number : ACCESS_NOBODY;
}

struct access_key *access_find_key(const struct access *a, const uint8_t *public_key)
{
    uint32_t place;
    if (!map_get(&a->by_key, access_hash_bytes(public_key), &place))
        return NULL;
    struct access_key *k = &ITEMS(&a->key, struct access_key)[place - 1];
    return memcmp(k->public_key, public_key, ACCESS_KEY_BYTES) == 0 ? k : NULL;
}

uint32_t access_of_key(const struct access *a, const uint8_t public_key[static ACCESS_KEY_BYTES], int64_t wall_ms)
{
    const struct access_key *k = access_find_key(a, public_key);
    return k && is_now(&k->span) && !is_due(k->until_ms, wall_ms) ? k->identity : ACCESS_NOBODY;
}

struct access_user *access_find_user(const struct access *a, uint32_t uid)
{
    uint32_t place;
    return map_get(&a->by_user, uid, &place) ? &ITEMS(&a->user, struct access_user)[place - 1] : NULL;
}

uint32_t access_of_user(const struct access *a, uint32_t uid)
{
    const struct access_user *u = access_find_user(a, uid);
    return u && is_now(&u->span) ? u->identity : ACCESS_NOBODY;
}

struct access_token *access_find_token(const struct access *a, const char *id)
{
    struct access_token *token = ITEMS(&a->token, struct access_token);
    for (size_t i = COUNT(&a->token, struct access_token); i-- > 0;)
        if (!strcmp(token[i].id, id))
            return &token[i];
    return NULL;
}

const struct access_token *access_token_hashed(const struct access *a, const uint8_t hash[static ACCESS_HASH_BYTES])
{
    uint32_t place;
    if (!map_get(&a->by_token, access_hash_bytes(hash), &place))
        return NULL;
    const struct access_token *t = &ITEMS(&a->token, struct access_token)[place - 1];
    return memcmp(t->hash, hash, ACCESS_HASH_BYTES) == 0 ? t : NULL;
}

uint32_t access_of_token(const struct access *a, Parbus__TokenKind kind, const uint8_t hash[static ACCESS_HASH_BYTES],
                         int64_t wall_ms, const char **id)
{
    const struct access_token *t = access_token_hashed(a, hash);
    if (!t || t->kind != kind || !is_now(&t->span) || is_due(t->until_ms, wall_ms))
        return ACCESS_NOBODY;
    if (id)
        *id = t->id;
    return t->identity;
}

bool access_had_key(const struct access *a, const uint8_t public_key[static ACCESS_KEY_BYTES])
{
    return access_find_key(a, public_key) != NULL;
}

bool access_invites(const struct access *a, int64_t wall_ms)
{
    static const int64_t lately_ms = ACCESS_LATELY_DAYS * 86400000ll;
    return a->invited_without_end || (a->invited_until_ms && wall_ms < a->invited_until_ms + lately_ms);
}
