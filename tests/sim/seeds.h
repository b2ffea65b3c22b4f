/* Many runs: one after the other or in several processes, until all seeds are done or the time is over. */
#pragma once
#include "tests/sim/census.h"
#include "tests/sim/mutation.h"

enum { JOBS_MAX = 64 };

struct seeds {
    uint64_t from, to;
    uint64_t steps_max;
    uint32_t jobs, seconds; /* seconds 0: as long as it takes */
    bool verbose;
    enum mutation mutation;
};

struct seeds_result {
    uint64_t run, failed;
    uint64_t smallest; /* of those that failed */
    struct census census;
};

/* One run. false: something did not hold. */
bool seeds_one(const struct seeds *o, uint64_t seed, bool report, struct census *census);
/* With one job each failure is reported, up to ten; with several the smallest seed that failed, whatever the number of
 * jobs. */
void seeds_run(const struct seeds *o, struct seeds_result *out);
