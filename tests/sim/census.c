#include "tests/sim/census.h"
#include "door.pb-c.h"
#include <inttypes.h>

static const struct {
    const char *name, *text;
} kinds[CENSUS_COUNT] = {
#define X(name, text) [CENSUS_##name] = {#name, text},
    CENSUS_TABLE(X)
#undef X
};

void census_metrics(struct census *c, const struct metrics *m)
{
    static const struct {
        enum census_kind kind;
        enum metric metric;
    } counted[] = {
        {CENSUS_repeats, METRIC_submissions_repeated},  {CENSUS_workers_lost, METRIC_workers_lost},
        {CENSUS_resends, METRIC_records_sent_again},    {CENSUS_gaps, METRIC_records_gap},
        {CENSUS_duplicates, METRIC_records_duplicate},  {CENSUS_not_owned, METRIC_records_not_owned},
        {CENSUS_ownership_lost, METRIC_ownership_lost}, {CENSUS_reloads, METRIC_partitions_reloaded},
        {CENSUS_resumes, METRIC_resumes_served},        {CENSUS_resyncs, METRIC_resyncs_sent},
        {CENSUS_snapshots, METRIC_snapshots_served},
    };
    static const struct {
        enum census_kind kind;
        Parbus__Reason reason;
    } refused[] = {
        {CENSUS_stale_epochs, PARBUS__REASON__REFUSED_STALE_EPOCH},
        {CENSUS_in_use, PARBUS__REASON__REFUSED_IN_USE},
        {CENSUS_hellos_ahead, PARBUS__REASON__REFUSED_EPOCH_AHEAD},
        {CENSUS_sequence_gaps, PARBUS__REASON__REFUSED_SEQUENCE_GAP},
        {CENSUS_no_hellos, PARBUS__REASON__REFUSED_NO_HELLO},
        {CENSUS_storage_refusals, PARBUS__REASON__REFUSED_STORAGE},
    };
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        c->count[counted[i].kind] += m->value[counted[i].metric];
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        c->count[refused[i].kind] += m->reason[refused[i].reason & 255];
}

void census_sum(struct census *to, const struct census *from)
{
    for (int i = 0; i < CENSUS_COUNT; i++)
        to->count[i] += from->count[i];
}

void census_print(FILE *out, const struct census *c)
{
    for (int i = 0; i < CENSUS_COUNT; i++)
        fprintf(out, "%12" PRIu64 "  %-20s %s\n", c->count[i], kinds[i].name, kinds[i].text);
}

const char *census_missing(const struct census *c)
{
    for (int i = 0; i < CENSUS_COUNT; i++)
        if (!c->count[i])
            return kinds[i].name;
    return NULL;
}
