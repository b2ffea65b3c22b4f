/* sim: runs the whole system in virtual time, once per seed. */
#include "base/log.h"
#include "tests/sim/seeds.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, SEEDS = 300, MUTATION_SEEDS = 200, CENSUS_SEEDS = 2000 };

struct arguments {
    struct seeds seeds;
    bool mutations;
};

static void usage(FILE *out)
{
    fprintf(
        out,
        "usage: sim [--seeds FROM..TO] [--seconds T] [--jobs N] [--mutate NAME]\n"
        "       sim --seed N [--steps N] [--verbose] [--mutate NAME]\n"
        "       sim --mutations\n"
        "\n"
        "Runs ingestor, validators, scorers, publisher, feeders and subscribers in one process, in virtual time, on a\n"
        "network and on stores that fail as the seed says, and checks the laws of the design all the way. In two runs "
        "of\n"
        "three the door asks for rights, which change all the time. In every second run single bits of journal and\n"
        "state flip: what is damaged may hold up its own partition and nothing else, and has to be told. After "
        "several\n"
        "seeds it says how often what happened; 2000 of them must have met everything at least once.\n"
        "\n"
        "  --seed N           one run; the same seed is always the same run\n"
        "  --seeds FROM..TO   one run for each seed; default: 1..300, or 1..N with SIM_SEEDS=N in the environment\n"
        "  --seconds T        as many of them as T seconds allow; without --seeds there is no last one\n"
        "  --jobs N           in N processes; reports the smallest seed that failed\n"
        "  --steps N          faults end after N steps\n"
        "  --verbose          each event on standard error\n"
        "  --mutate NAME      breaks a law on purpose; exit status 1 says that it was seen\n"
        "  --mutations        all of them, each until it is seen, for at most 200 seeds\n"
        "  --help\n"
        "\n"
        "mutations:\n");
    for (int i = 1; i < MUTATION_COUNT; i++)
        fprintf(out, "  %-18s law %d: %s\n", mutation_table[i].name, mutation_table[i].law, mutation_table[i].text);
    fprintf(out, "\nexit status: 0 everything held, 1 something did not, 2 usage\n");
}

static bool number(const char **text, uint64_t *out)
{
    char *end;
    errno = 0;
    if (**text < '0' || **text > '9')
        return false;
    *out = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

static bool read_seeds(const char *text, struct seeds *o)
{
    if (!number(&text, &o->from) || strncmp(text, "..", 2) != 0)
        return false;
    text += 2;
    return number(&text, &o->to) && !*text && o->from <= o->to;
}

static bool read_number(const char *text, uint64_t *out) { return number(&text, out) && !*text; }

static bool read_small(const char *text, uint64_t most, uint32_t *out)
{
    uint64_t value;
    if (!read_number(text, &value) || value < 1 || value > most)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool read_option(int option, struct arguments *a)
{
    struct seeds *o = &a->seeds;
    switch (option) {
    case 's':
        return read_number(optarg, &o->from) && (o->to = o->from, true);
    case 'S':
        return read_seeds(optarg, o);
    case 'n':
        return read_number(optarg, &o->steps_max);
    case 'm':
        return mutation_of(optarg, &o->mutation);
    case 'j':
        return read_small(optarg, JOBS_MAX, &o->jobs);
    case 't':
        return read_small(optarg, 1000000, &o->seconds);
    case 'v':
        return o->verbose = true;
    case 'M':
        return a->mutations = true;
    }
    return false;
}

static bool read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},    {"seeds", required_argument, NULL, 'S'},
        {"steps", required_argument, NULL, 'n'},   {"mutate", required_argument, NULL, 'm'},
        {"seconds", required_argument, NULL, 't'}, {"jobs", required_argument, NULL, 'j'},
        {"verbose", no_argument, NULL, 'v'},       {"mutations", no_argument, NULL, 'M'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    const char *seeds = getenv("SIM_SEEDS");
    *a = (struct arguments){.seeds = {.from = 1, .jobs = 1}};
    if (seeds && !read_number(seeds, &a->seeds.to))
        return false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'h') {
            usage(stdout);
            exit(EXIT_SUCCESS);
        }
        if (!read_option(option, a))
            return false;
    }
    if (!a->seeds.to)
        a->seeds.to = a->seeds.seconds ? UINT64_MAX - JOBS_MAX : SEEDS;
    return optind == argc && a->seeds.to >= a->seeds.from;
}

static bool mutation_seen(enum mutation mutation)
{
    const struct seeds seeds = {.mutation = mutation};
    const struct mutation_row *row = &mutation_table[mutation];
    struct census census = {0};
    for (uint64_t seed = 1; seed <= MUTATION_SEEDS; seed++)
        if (!seeds_one(&seeds, seed, false, &census)) {
            printf("%-18s law %d: seen with seed %" PRIu64 "\n", row->name, row->law, seed);
            return true;
        }
    printf("%-18s law %d: NOT SEEN with %d seeds\n", row->name, row->law, MUTATION_SEEDS);
    return false;
}

static int run_mutations(void)
{
    int unseen = 0;
    for (int i = 1; i < MUTATION_COUNT; i++)
        unseen += !mutation_seen((enum mutation)i);
    return unseen ? EXIT_FAILED : EXIT_SUCCESS;
}

/* So many runs meet everything that may happen, or it cannot happen any more. */
static int check_census(const struct seeds_result *r)
{
    const char *missing = census_missing(&r->census);
    if (r->run < CENSUS_SEEDS || !missing)
        return EXIT_SUCCESS;
    fprintf(stderr, "FAILED: %s did not happen in %" PRIu64 " seeds\n", missing, r->run);
    return EXIT_FAILED;
}

static int run_seeds(const struct seeds *o)
{
    struct seeds_result r;
    seeds_run(o, &r);
    if (o->from == o->to)
        return r.failed ? EXIT_FAILED : EXIT_SUCCESS;
    census_print(stdout, &r.census);
    printf("%12" PRIu64 "  seeds\n", r.run);
    if (r.failed) {
        fprintf(stderr, "FAILED; the smallest seed that did is %" PRIu64 "\n", r.smallest);
        return EXIT_FAILED;
    }
    return o->mutation || o->steps_max ? EXIT_SUCCESS : check_census(&r);
}

int main(int argc, char **argv)
{
    struct arguments a;
    if (!read_arguments(argc, argv, &a)) {
        usage(stderr);
        return EXIT_USAGE;
    }
    log_level_set(a.seeds.verbose ? LOG_INFO : (enum log_level)(LOG_ERROR + 1));
    return a.mutations ? run_mutations() : run_seeds(&a.seeds);
}
