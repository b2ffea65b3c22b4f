#include "services/parbus/status/ranges.h"
#include "base/err.h"
#include <stdio.h>

static void print_range(FILE *out, uint32_t from, uint32_t to, const char *before)
{
    fprintf(out, from == to ? "%s%u" : "%s%u-%u", before, from, to);
}

char *status_ranges(const Parbus__StatsReply *reply, bool (*is_one)(const Parbus__PartitionStats *p, const void *ctx),
                    const void *ctx)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    ASSERT(out);
    const char *before = "";
    for (size_t i = 0; reply && i < reply->n_partition; i++) {
        if (!is_one(reply->partition[i], ctx))
            continue;
        size_t first = i;
        while (i + 1 < reply->n_partition && is_one(reply->partition[i + 1], ctx) &&
               reply->partition[i + 1]->partition == reply->partition[i]->partition + 1)
            i++;
        print_range(out, reply->partition[first]->partition, reply->partition[i]->partition, before);
        before = ",";
    }
    bool closed = fclose(out) == 0;
    ASSERT(closed && text); /* memory */
    return text;
}
