/* An index in a period, found in the journal of a directory, whether or not anything runs there. */
#pragma once
#include "services/parbus/command.h"
#include "standings/read.h"

struct series_source {
    struct journal *journal;
    struct catalog *catalog;
    const struct series *series;
};

/* false: it has been said why not, with the nearest names; there is nothing to close. */
bool series_source_open(struct series_source *s, const struct command *c, const char *directory, const char *index,
                        const char *period);
void series_source_close(struct series_source *s);
