/* What the files of the ingestor's core share. Private to it. */
#pragma once
#include "base/lately.h"
#include "services/ingestor/append.h"
#include "services/ingestor/asking.h"
#include "services/ingestor/coordinator.h"
#include "services/ingestor/door.h"

/* State knows of more than this journal: the other one holds receipts that are nowhere else, state the last of them. */
#define OLDER_JOURNAL                                                                                                  \
    "values with a receipt are missing in this journal (an older copy?). Stop, and put the newest journal back. Only " \
    "if it is lost for good, keep state (mv state state.ahead) and start again: the ranking is made from this "        \
    "journal, without those values, and their feeders have to push them again"

struct ingestor {
    char instance[65];
    struct settings settings;
    struct ingestor_io io;
    struct metrics metrics;
    struct catalog *catalog; /* all controls, those in the groups included */
    struct door door;
    struct asking asking;
    struct rate joins;         /* in minutes */
    struct lately turned_away; /* names, for feeders_max is reached */
    struct rights rights;
    struct append append;
    struct coordinator coordinator;
    struct arena answer; /* of Description, StatsReply, Verdict */
    bool drained;        /* nothing more waits at the door */
    int64_t scored_us;   /* last told */
    int64_t room_due_us; /* when to look again */
    bool no_room;        /* it was found so */
};
