/* How the table of rights keeps what it was told; private to this module. */
#pragma once
#include "auth/access.h"
#include "base/buffer.h"
#include "base/map.h"

struct access {
    uint64_t changed;
    int64_t invited_until_ms; /* of the invitation that lasts longest; 0: there was none */
    bool invited_without_end;
    struct buffer identity, key, user, token, member, grant; /* arrays of the structs of access.h */
    struct map by_name, by_key, by_user, by_token;           /* hash -> place of the newest with it, counted from 1 */
    struct map memberships;                                  /* identity -> place of its newest */
    struct map granted;                                      /* hash of owner -> place of its newest grant */
};

#define ITEMS(b, type) ((type *)(void *)(b)->data)
#define COUNT(b, type) ((b)->size / sizeof(type))

/* Of an identity, or else a role, that has grants. */
uint64_t access_owner(uint32_t identity, const char *role);
uint64_t access_hash(const char *text);
uint64_t access_hash_bytes(const uint8_t bytes[static 32]);
/* NULL: nobody had it. It may have ended. */
struct access_key *access_find_key(const struct access *a, const uint8_t *public_key);
struct access_user *access_find_user(const struct access *a, uint32_t uid);
struct access_token *access_find_token(const struct access *a, const char *id);
