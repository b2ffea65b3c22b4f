/* Why something was refused or rejected: the one table behind messages, counters, --help and PROTOCOL.md. */
#pragma once
#include "door.pb-c.h"

struct reason {
    Parbus__Reason reason;
    const char *name;    /* "UNIT_UNKNOWN": shown to people and in CSV; the proto name without its prefix */
    const char *counter; /* "refused_malformed", "rejected_unit_unknown": the name of its counter */
    const char *text;    /* "the registry has no such unit" */
};

/* Never NULL; an unknown number gives a row that says so. */
const struct reason *reason_of(Parbus__Reason reason);
/* All rows, ascending; *count is set. */
const struct reason *reason_table(unsigned *count);
