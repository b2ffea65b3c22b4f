#include "auth/who.h"
#include <stdlib.h>

static const char *behind(const char *principal, const char *kind)
{
    size_t bytes = strlen(kind);
    return strncmp(principal, kind, bytes) == 0 ? principal + bytes : NULL;
}

static int nibble(char letter)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = letter ? strchr(digits, letter) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool read_key(const char *hex, uint8_t key[static ACCESS_KEY_BYTES])
{
    for (int i = 0; i < ACCESS_KEY_BYTES; i++) {
        int high = nibble(hex[2 * i]), low = high < 0 ? -1 : nibble(hex[2 * i + 1]);
        if (low < 0)
            return false;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return !hex[2 * ACCESS_KEY_BYTES];
}

bool who_key(const char *principal, uint8_t key[static ACCESS_KEY_BYTES])
{
    const char *hex = behind(principal, "key:");
    return hex && read_key(hex, key);
}

static bool is_guest(const struct access *a, const char *principal)
{
    uint8_t key[ACCESS_KEY_BYTES];
    return who_key(principal, key) && !access_had_key(a, key);
}

static uint32_t of_key(const struct access *a, const char *hex, int64_t wall_ms)
{
    uint8_t key[ACCESS_KEY_BYTES];
    return read_key(hex, key) ? access_of_key(a, key, wall_ms) : ACCESS_NOBODY;
}

/* As whom the kernel shows those whom it cannot name in this user namespace (a unit with PrivateUsers=, a container):
 * it may be anybody. */
enum { ANY_OTHER_USER = 65534 };

static uint32_t of_user(const struct access *a, const char *uid)
{
    char *end;
    unsigned long number = strtoul(uid, &end, 10);
    return *uid && !*end && number < UINT32_MAX && number != ANY_OTHER_USER ? access_of_user(a, (uint32_t)number)
                                                                            : ACCESS_NOBODY;
}

static uint32_t identity_of(const struct access *a, const char *principal, int64_t wall_ms)
{
    const char *rest;
    if ((rest = behind(principal, "key:")))
        return of_key(a, rest, wall_ms);
    if ((rest = behind(principal, "user:")))
        return of_user(a, rest);
    return ACCESS_NOBODY;
}

struct who who_of(const struct access *a, const char *principal, int64_t wall_ms)
{
    struct who who = {.owner = !strcmp(principal, "owner"), .insecure = !strcmp(principal, "insecure"), .name = ""};
    if (!who.owner && !who.insecure)
        who.identity = identity_of(a, principal, wall_ms);
    if (who.identity)
        who.name = access_identity(a, who.identity)->name;
    else if (!who.owner && !who.insecure)
        who.guest = is_guest(a, principal);
    return who;
}

struct access_answer who_may(const struct access *a, const struct who *who, const struct access_question *q,
                             int64_t wall_ms)
{
    if (who->owner || (who->insecure && q->verb != PARBUS__VERB__VERB_ACCESS))
        return (struct access_answer){.allowed = true};
    return access_allows(a, who->identity, q, access_changed(a), wall_ms);
}

uint64_t who_fingerprint(const struct access *a, const struct who *who, Parbus__Verb verb, int64_t wall_ms)
{
    return who->owner || who->insecure ? UINT64_MAX : access_fingerprint(a, who->identity, verb, wall_ms);
}
