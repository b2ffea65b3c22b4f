/* Who is behind the connections to the door, as the gate would say it (PROTOCOL.md, T2), and what the door made of it:
 * each time that it took, refused or told something for a right is kept until the journal has the controls that it went
 * by, and then judged again by the model. */
#pragma once
#include "door.pb-c.h"
#include "journal.pb-c.h"
#include "tests/sim/rng.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct actor;
struct message;
struct sim;
struct wire_message;

enum { PRINCIPALS_MAX = 256, PRINCIPAL_TEXT_BYTES = 72, PRINCIPAL_OWNER = 0 };

/* How a process shows who it is. */
enum proof_kind { PROOF_OWNER, PROOF_KEY, PROOF_USER };
struct proof {
    enum proof_kind kind;
    uint32_t made, used; /* keys: its newest; that of its connection */
    uint32_t principal;  /* of its connection, in rights.principal */
    bool out;            /* whoever changes rights leaves it without, in the end */
    /* For whom the door takes this connection, in this life of the ingestor; "": nobody yet. */
    char welcomed[16];
    uint32_t welcomed_connection, welcomed_life;
    uint64_t welcomed_epoch;
};

enum judged {
    JUDGED_SPEAKS,   /* is answered as this feeder */
    JUDGED_SILENCED, /* … and is not: NOT_AUTHORISED of no submission */
    JUDGED_UNKNOWN,  /* … for it is nobody */
    JUDGED_REFUSED,  /* this submission is */
    JUDGED_MAY,      /* has this verb */
    JUDGED_MAY_NOT,
};
struct judgement {
    enum judged what;
    uint32_t principal;
    char name[16];
    Parbus__Verb verb;
    uint64_t control_seq; /* the last control that the ingestor had made */
    int64_t wall_ms;
    uint8_t *body; /* ours; NULL: no submission */
    size_t bytes;
};

struct sim_rights {
    struct rng rng;
    bool used; /* else everybody is the directory's owner */
    bool gate; /* whoever has no key that holds does not reach the core */
    char principal[PRINCIPALS_MAX][PRINCIPAL_TEXT_BYTES];
    uint32_t principals;
    struct judgement *pending; /* go by controls that the journal does not have yet */
    size_t pending_count, pending_capacity;
    struct taken { /* by the door, for whom */
        uint64_t hash, epoch, seq;
        uint32_t principal;
    } * taken;
    size_t taken_count, taken_capacity;
    uint64_t *refused; /* hashes of submissions that the door refused for want of a right */
    size_t refused_count, refused_capacity;
};

/* ---- who ---- */

/* After the cast: who has what, whether there are an officer and a stranger. */
void rights_draw(struct sim *s);
void rights_free(struct sim_rights *r);
/* Another connection: with whatever key it has now. */
void rights_connect(struct sim *s, struct actor *n);
const char *rights_principal(const struct sim *s, uint32_t principal);
/* The number of this principal. */
uint32_t rights_number(struct sim *s, const char *principal);
/* The key that a process made as its n-th. */
void rights_key(const struct actor *n, uint32_t made, uint8_t key[static 32]);
uint32_t rights_uid(const struct actor *n);
/* In the calm: it is not to get in. */
bool rights_out(const struct sim *s, const struct actor *n);

/* ---- what the door made of it (check_rights.c) ---- */

struct rights_heard { /* a message, after the ingestor has looked at it */
    struct actor *from;
    const struct message *message;
    const struct wire_message *opened;
    uint64_t control_seq; /* before it */
    int64_t wall_ms;
    bool taken;       /* a submission that no reason was counted for */
    bool not_allowed; /* NOT_AUTHORISED was counted … */
    bool cut_off;     /* its connection was ended, for nobody knows its key */
    bool of_no_seq;   /* … and told with seq 0 */
};
void check_rights_heard(struct sim *s, const struct rights_heard *h);
/* … and answered this hello by Welcome. */
void check_rights_welcomed(struct sim *s, const struct rights_heard *h);
/* Something goes out to a connection; control_seq: the last one that the ingestor has made. */
void check_rights_told(struct sim *s, struct actor *to, uint32_t kind, const void *message, uint64_t control_seq,
                       int64_t wall_ms);
/* The journal has grown. */
void check_rights_written(struct sim *s);
/* The ingestor is gone, and what it went by is as the journal has it. */
void check_rights_forgotten(struct sim *s);
/* An entry of the journal, whose controls the model knows. */
struct rights_entry {
    const char *feeder;
    uint64_t epoch, seq, hash, control_seq;
    int64_t received_ms;
    const uint8_t *body;
    size_t bytes;
};
void check_rights_entry(struct sim *s, const struct rights_entry *e);
/* The door has refused it, whatever became of that. */
/* A control was journalled, and is in the model. */
void check_rights_control(struct sim *s, const Parbus__Control *c);
/* Who sent this was somebody on this connection, and is nobody as of the journal. */
bool check_rights_is_nobody(struct sim *s, const struct actor *from, const struct message *m);
bool check_rights_refused(const struct sim *s, uint64_t hash);
/* Who sent this entry came through the directory: nobody is asked whether he may. */
bool check_rights_of_owner(const struct sim *s, uint64_t hash, uint64_t epoch, uint64_t seq);
/* Law 8 at the end: the same from the journal alone, with the code of the door. */
void check_rights_replay(struct sim *s);
