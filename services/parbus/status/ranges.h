/* Partitions as people read them. */
#pragma once
#include "door.pb-c.h"
#include <stdbool.h>

/* "0-15,40" of the partitions for which is_one says true; malloc'ed. */
char *status_ranges(const Parbus__StatsReply *reply, bool (*is_one)(const Parbus__PartitionStats *p, const void *ctx),
                    const void *ctx);
