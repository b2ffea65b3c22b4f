/* Who somebody is, and what he may do here (PROTOCOL.md, chapter 10). The table itself is the catalog's
 * (auth/access.h); what it says holds from the moment at which its control is made, for whoever is connected, too.
 * Private to the core. */
#pragma once
#include "auth/who.h"
#include "base/moment.h"
#include "catalog/catalog.h"
#include "services/ingestor/io.h"
#include "wire/peer.h"

/* Who is behind one message after the other, from whom it was found out for lately. The answer is the same as long as
 * nothing was changed and no time has passed. */
enum { RIGHTS_LATELY = 64, PRINCIPAL_BYTES = 80 };
struct rights {
    const struct catalog *catalog;
    struct {
        uint64_t changed;
        int64_t wall_ms;
        char principal[PRINCIPAL_BYTES];
        struct who who;
    } lately[RIGHTS_LATELY]; /* by connection */
};
struct who rights_of_peer(struct rights *r, struct peer peer, struct moment now);

/* Whether he may do what `q` asks, as of now. */
struct access_answer rights_may(const struct catalog *c, const struct who *who, const struct access_question *q,
                                struct moment now);

/* ---- what each message wants (A5) ---- */

enum right {
    RIGHT_NONE,    /* there is no such message */
    RIGHT_KNOWN,   /* to be somebody here */
    RIGHT_FEEDER,  /* to be the feeder that the connection has said it is */
    RIGHT_OPERATE, /* the verb; likewise below */
    RIGHT_ACCESS,
    RIGHT_JOIN,  /* to have come by a key, known or not */
    RIGHT_OWNER, /* to come through the directory, as its owner: processes of our own */
};
/* By kind of message. A kind without a row in rights.c does not compile. */
enum right rights_of_door(Parbus__ToIngestor__BodyCase kind);
enum right rights_of_work(Parbus__ToCoordinator__BodyCase kind);
/* RIGHT_FEEDER counts as RIGHT_KNOWN: whose feeder it is, is seen with the feeder. NULL: he has it; else what is
 * missing, a static sentence. */
const char *rights_missing(const struct catalog *c, const struct who *who, enum right right, struct moment now);

/* ---- what a submission wants (A6) ---- */

/* The last right that was found out and covered whole submissions of one unit, stage and series. */
struct rights_found {
    const struct series *series;
    uint32_t unit;
    Parbus__Stage stage;
    uint64_t changed;
    int64_t until_ms; /* 0: none */
};
/* series: NULL, unit: UNIT_NONE or UNIT_AMBIGUOUS: not known. false: what is missing, and of which row, is in *why. */
bool rights_submission(const struct catalog *c, const struct who *who, struct rights_found *found,
                       const Parbus__Submission *s, const struct series *series, uint32_t unit, struct moment now,
                       struct err_text *why);
