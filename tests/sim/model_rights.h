/* Who may do what, as the journal says it: an own reading of its controls (PROTOCOL.md, chapter 10), without any code
 * of the cores. Everything is asked as of a control: what was made by one up to it, and not ended by one up to it. */
#pragma once
#include "access.pb-c.h"
#include "door.pb-c.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RIGHTS_TEXT_BYTES = 16, RIGHTS_ITEMS_MAX = 256, RIGHTS_KEY_BYTES = 32 };

struct model_rights {
    struct rights_identity {
        char name[RIGHTS_TEXT_BYTES];
        uint64_t since, until; /* control seqs; until 0: it holds */
    } identity[RIGHTS_ITEMS_MAX];
    struct rights_proof { /* a key, or a user */
        uint8_t key[RIGHTS_KEY_BYTES];
        bool is_user;
        uint32_t uid, identity; /* place of it, from 1 */
        uint64_t since, until;
        int64_t until_ms; /* 0: none */
    } proof[RIGHTS_ITEMS_MAX];
    struct rights_member {
        uint32_t identity;
        char role[RIGHTS_TEXT_BYTES];
        uint64_t since, until;
    } member[RIGHTS_ITEMS_MAX];
    struct rights_grant {
        uint32_t identity; /* 0: the role's */
        char role[RIGHTS_TEXT_BYTES], index[RIGHTS_TEXT_BYTES], period[RIGHTS_TEXT_BYTES], unit[RIGHTS_TEXT_BYTES],
            node[RIGHTS_TEXT_BYTES];
        Parbus__Verb verb;
        Parbus__Stage stage; /* unknown: any */
        uint64_t since, until;
        int64_t until_ms;
    } grant[RIGHTS_ITEMS_MAX];
    size_t identities, proofs, members, grants;
};

/* The change of the control with this number. false: it could not be made, and whoever journalled it should have known.
 */
bool model_rights_change(struct model_rights *r, const Parbus__AccessChange *change, uint64_t seq);

/* Place of the identity, from 1; 0: nobody. */
uint32_t model_rights_who(const struct model_rights *r, const char *principal, uint64_t as_of, int64_t wall_ms);
uint32_t model_rights_named(const struct model_rights *r, const char *name, uint64_t as_of);
/* Is, or is the directory's owner, who may be anybody. */
bool model_rights_speaks(const struct model_rights *r, const char *principal, const char *name, uint64_t as_of,
                         int64_t wall_ms);
bool model_rights_verb(const struct model_rights *r, uint32_t identity, Parbus__Verb verb, uint64_t as_of,
                       int64_t wall_ms);
/* Where each row stands and what the unit is called in the end; made by who knows the catalog. */
struct model_place {
    const char *unit;      /* its code, or what was written when it is not known */
    const char *row[8][4]; /* codes from the row's node up; none: the row is nowhere */
    size_t rows;           /* 0: it is about the whole tree */
};
bool model_rights_submission(const struct model_rights *r, uint32_t identity, const Parbus__Submission *s,
                             const struct model_place *place, uint64_t as_of, int64_t wall_ms);
