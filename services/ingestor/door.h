/* What the files of the door share: hello.c (who somebody is), submissions.c (what is taken), receipts.c (what is told
 * of it). */
#pragma once
#include "base/metrics.h"
#include "base/moment.h"
#include "base/settings.h"
#include "services/ingestor/feeders.h"
#include "services/ingestor/group.h"
#include "services/ingestor/io.h"
#include "services/ingestor/rights.h"

/* When a feeder may try again. */
enum { RETRY_STORAGE_MS = 1000, RETRY_WINDOW_MS = 50, RETRY_IN_USE_MS = 500 };

struct door {
    const struct settings *settings;
    const struct ingestor_io *io;
    struct metrics *metrics;
    struct catalog *catalog;
    struct feeders feeders;
    struct who who;        /* behind the message that is being taken */
    struct group *group;   /* that is gathered; append.c changes it for another one */
    struct rate newcomers; /* names that entered the journal, in minutes */
    uint64_t turned_away;  /* names, for feeders_max is reached */
    struct numbers untold; /* feeders that are to hear Scored */
    char trouble[512];     /* why nothing is taken; "": it is */
};

void door_init(struct door *d, const struct settings *settings, const struct ingestor_io *io, struct metrics *metrics,
               struct catalog *catalog);
void door_free(struct door *d);

void door_send(struct door *d, uint64_t peer, uint32_t kind, const ProtobufCMessage *message);
/* Counted by its reason; door_tell_refused: it was already. */
void door_tell_refused(struct door *d, uint64_t peer, uint64_t seq, Parbus__Reason reason, const char *detail,
                       int64_t retry_after_ms);
void door_refuse(struct door *d, uint64_t peer, uint64_t seq, Parbus__Reason reason, const char *detail,
                 int64_t retry_after_ms);
/* NOT_AUTHORISED, of no submission: what is missing. */
void door_refuse_right(struct door *d, struct peer peer, const char *missing);
/* Whether somebody is there who is to hear of this feeder: it has a connection, and whoever is behind that speaks for
 * it still. Else the connection is nobody's from now on. */
bool door_reaches(struct door *d, struct feeder *f, struct moment now);
/* The group will write the feeder's mark. Its place in it. */
struct group_feeder *door_enter_group(struct door *d, struct feeder *f, uint32_t number, struct moment now);
void door_refuse_too_many(struct door *d, uint64_t peer);
