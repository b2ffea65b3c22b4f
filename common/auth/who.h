/* What a principal stands for (PROTOCOL.md, A1): the word of the gate, looked up in the table of rights. Everybody with
 * a bound socket judges by it. Pure. */
#pragma once
#include "auth/access.h"
#include <string.h>

/* Points into the table of rights: until its next change. */
struct who {
    bool owner;        /* may do everything, and speak under any name */
    bool insecure;     /* nobody knows who it is: everything but changing rights, as the operator wanted it */
    bool guest;        /* has proved a key that nobody ever had: may show an invitation, and nothing else (A8) */
    uint32_t identity; /* ACCESS_NOBODY: none */
    const char *name;  /* of the identity; "": none */
};
struct who who_of(const struct access *a, const char *principal, int64_t wall_ms);
/* false: it is no key's. */
bool who_key(const char *principal, uint8_t key[static ACCESS_KEY_BYTES]);
static inline bool who_is_known(const struct who *w) { return w->owner || w->insecure || w->identity; }
static inline bool who_speaks_for(const struct who *w, const char *feeder)
{
    return w->owner || w->insecure || strcmp(w->name, feeder) == 0;
}

/* Whether he may do what `q` asks, as of now. */
struct access_answer who_may(const struct access *a, const struct who *who, const struct access_question *q,
                             int64_t wall_ms);
/* Changes with whatever he may do of this verb; the same as long as nothing does. O(grants of his, ended ones too). */
uint64_t who_fingerprint(const struct access *a, const struct who *who, Parbus__Verb verb, int64_t wall_ms);
