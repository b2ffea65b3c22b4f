/* Who may do what (PROTOCOL.md, chapter 10): identities, what proves them (keys, users of the host, tokens), roles and
 * grants. Built only by applying control records in order, so that everybody who has read the journal up to the same
 * control seq gives the same answers (law 2). Whoever is granted nothing may do nothing.
 *
 * Each item holds from the control record that made it until the one that ended it; look-ups take `as_of`, a control
 * seq. What also ends by the clock is judged by the `wall_ms` of the question, for a submission the time of its
 * receipt. Pointers hold until the next change. Not thread-safe. */
#pragma once
#include "access.pb-c.h"
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ACCESS_NOBODY = 0,
    ACCESS_KEY_BYTES = 32,
    ACCESS_HASH_BYTES = 32,
    ACCESS_NAME_BYTES = 65,
    ACCESS_NOTE_BYTES = 257,
    ACCESS_KEYS_MAX = 4, /* of an identity at a time, but for those that another has come for */
    ACCESS_KEYS_EVER_MAX = 1000,
    ACCESS_ITEMS_MAX = 1 << 20, /* of each kind, ended ones too */
    ACCESS_LATELY_DAYS = 7,     /* an invitation that has ended is remembered at the gate */
};

/* Control seqs: since <= as_of < until; until 0: it still holds. */
struct access_span {
    uint64_t since, until;
};

struct access_identity {
    struct access_span span;
    char name[ACCESS_NAME_BYTES], note[ACCESS_NOTE_BYTES];
};
struct access_key {
    struct access_span span;
    uint32_t identity;
    int64_t until_ms; /* 0: none */
    bool replaced;    /* another has come for it, and it ends by the clock */
    uint8_t public_key[ACCESS_KEY_BYTES];
};
struct access_user {
    struct access_span span;
    uint32_t identity, uid;
};
struct access_token {
    struct access_span span;
    uint32_t identity;
    Parbus__TokenKind kind;
    int64_t until_ms; /* 0: none */
    char id[ACCESS_NAME_BYTES];
    uint8_t hash[ACCESS_HASH_BYTES];
};
struct access_member {
    struct access_span span;
    uint32_t identity;
    uint32_t before; /* private: place of the identity's membership before it; 0: none */
    char role[ACCESS_NAME_BYTES];
};
/* "" fits everything, a unit "H05.*" also each whose code begins with "H05."; its number is span.since. */
struct access_grant {
    struct access_span span;
    uint32_t identity; /* ACCESS_NOBODY: it is the role's */
    Parbus__Verb verb;
    Parbus__Stage stage; /* STAGE_UNKNOWN: all that the verb covers */
    int64_t until_ms;    /* 0: none */
    uint32_t before;     /* private: place of its owner's grant before it; 0: none */
    char role[ACCESS_NAME_BYTES], index[ACCESS_NAME_BYTES], period[ACCESS_NAME_BYTES], unit[ACCESS_NAME_BYTES],
        node[ACCESS_NAME_BYTES];
};

/* The role of everybody, also of who is nobody here: it has no members, and only `feed` is granted to it. */
#define ACCESS_ANYBODY "anybody"

struct access;

struct access *access_new(void);
void access_destroy(struct access **a);

/* control_seq: of its control record, greater than that of the change before. ERR_INVALID with the reason, and nothing
 * has changed: a name that is no name or not known, a key that somebody has or had, a fifth key … */
enum err access_apply(struct access *a, const Parbus__AccessChange *change, uint64_t control_seq, struct err_text *e);
/* The control seq of the last change: what was found out before it has to be looked up again. 0: none. */
uint64_t access_changed(const struct access *a);

/* ---- who somebody is; ACCESS_NOBODY: not known, or not any more. O(1) expected ---- */

uint32_t access_named(const struct access *a, const char *name);
uint32_t access_of_key(const struct access *a, const uint8_t public_key[static ACCESS_KEY_BYTES], int64_t wall_ms);
uint32_t access_of_user(const struct access *a, uint32_t uid);
/* id: of the token, for people; NULL: not wanted. */
uint32_t access_of_token(const struct access *a, Parbus__TokenKind kind, const uint8_t hash[static ACCESS_HASH_BYTES],
                         int64_t wall_ms, const char **id);
/* NULL: no such number. */
const struct access_identity *access_identity(const struct access *a, uint32_t number);
/* Whether somebody had this key, whoever it is now (A2). */
bool access_had_key(const struct access *a, const uint8_t public_key[static ACCESS_KEY_BYTES]);
/* The token itself, whether or not it holds; NULL: there was none. */
const struct access_token *access_token_hashed(const struct access *a, const uint8_t hash[static ACCESS_HASH_BYTES]);
/* Whether a key that nobody knows may yet be brought in, or whoever comes with an invitation that has ended lately is
 * to hear why it is none any more. */
bool access_invites(const struct access *a, int64_t wall_ms);

/* ---- what somebody may do ---- */

/* What does not matter to the verb is NULL, or STAGE_UNKNOWN, and fits every grant. */
struct access_question {
    Parbus__Verb verb;
    const char *index, *period, *unit;
    Parbus__Stage stage;
    /* Rows, each at a node of the index's tree; `under` says whether row i is at the node with this code or under it.
     * NULL: about the whole tree. */
    size_t rows;
    bool (*under)(const void *ctx, size_t row, const char *node);
    const void *ctx;
};
struct access_answer {
    bool allowed;
    const struct access_grant *grant; /* one that allows it; not allowed: NULL, or one that would, but for `row` */
    size_t row;                       /* the first that no grant covers */
};
/* O(grants that the identity and its roles ever had), and so much again for each change of node from row to row. */
struct access_answer access_allows(const struct access *a, uint32_t identity, const struct access_question *q,
                                   uint64_t as_of, int64_t wall_ms);
/* A number made of the grants of this verb that he has now, in roles too: another one, other rights. Never 0. */
uint64_t access_fingerprint(const struct access *a, uint32_t identity, Parbus__Verb verb, int64_t wall_ms);
/* Whether anybody may do something of this verb, known or not. */
bool access_is_open(const struct access *a, Parbus__Verb verb, int64_t wall_ms);
/* The verb that lets somebody send values of a stage. */
Parbus__Verb access_verb_of_stage(Parbus__Stage stage);

/* ---- everything, for lists; each in the order of its making ---- */

size_t access_identities(const struct access *a, const struct access_identity **first); /* number i + 1 */
size_t access_keys(const struct access *a, const struct access_key **first);
size_t access_users(const struct access *a, const struct access_user **first);
size_t access_tokens(const struct access *a, const struct access_token **first);
size_t access_members(const struct access *a, const struct access_member **first);
size_t access_grants(const struct access *a, const struct access_grant **first);
static inline bool access_holds(const struct access_span *s, uint64_t as_of)
{
    return s->since <= as_of && (!s->until || as_of < s->until);
}

/* ---- words ---- */

/* "submit", "appraise", … ; "?" for what is none. VERB_NONE: no such word. */
const char *access_verb_word(Parbus__Verb verb);
Parbus__Verb access_verb(const char *word);

/* "qd766/2025:H05@1.2": index, and if you like period, unit and node; "*" or nothing fits everything. Into the grant,
 * whose texts point into *s, which has room for them. ERR_INVALID names the part. */
struct access_scope {
    char text[512];
};
enum err access_scope_read(const char *text, struct access_scope *s, Parbus__GrantMade *grant, struct err_text *e);
/* The same from a grant; always terminated. */
void access_scope_write(const struct access_grant *grant, char *out, size_t bytes);
