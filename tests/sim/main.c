/* sim: runs the whole system in virtual time, once per seed. */
#include "base/log.h"
#include "tests/sim/sim.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, FAILURES_SHOWN = 10, SEEDS = 300, MUTATION_SEEDS = 200 };

struct arguments {
    uint64_t from, to; /* seeds */
    uint64_t steps_max;
    bool verbose, mutations;
    enum mutation mutation;
};

static const struct sim *running; /* for the report of a crash */

static void usage(FILE *out)
{
    fprintf(
        out,
        "usage: sim [--seeds FROM..TO] [--mutate NAME]\n"
        "       sim --seed N [--steps N] [--verbose] [--mutate NAME]\n"
        "       sim --mutations\n"
        "\n"
        "Runs ingestor, validators, scorers, publisher, feeders and subscribers in one process, in virtual time, on a\n"
        "network and on stores that fail as the seed says, and checks the laws of the design all the way.\n"
        "\n"
        "  --seed N           one run; the same seed is always the same run\n"
        "  --seeds FROM..TO   one run for each seed; default: 1..300, or 1..N with SIM_SEEDS=N in the environment\n"
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

static bool read_seeds(const char *text, struct arguments *a)
{
    if (!number(&text, &a->from) || strncmp(text, "..", 2))
        return false;
    text += 2;
    return number(&text, &a->to) && !*text && a->from <= a->to;
}

static bool read_number(const char *text, uint64_t *out) { return number(&text, out) && !*text; }

static bool read_option(int option, struct arguments *a)
{
    switch (option) {
    case 's':
        a->to = 0;
        return read_number(optarg, &a->from) && (a->to = a->from, true);
    case 'S':
        return read_seeds(optarg, a);
    case 'n':
        return read_number(optarg, &a->steps_max);
    case 'm':
        return mutation_of(optarg, &a->mutation);
    case 'v':
        return a->verbose = true;
    case 'M':
        return a->mutations = true;
    }
    return false;
}

static bool read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},  {"seeds", required_argument, NULL, 'S'},
        {"steps", required_argument, NULL, 'n'}, {"mutate", required_argument, NULL, 'm'},
        {"verbose", no_argument, NULL, 'v'},     {"mutations", no_argument, NULL, 'M'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    const char *seeds = getenv("SIM_SEEDS");
    *a = (struct arguments){.from = 1, .to = SEEDS};
    if (seeds && !read_number(seeds, &a->to))
        return false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'h') {
            usage(stdout);
            exit(EXIT_SUCCESS);
        }
        if (!read_option(option, a))
            return false;
    }
    return optind == argc && a->to >= a->from;
}

/* A core's assertion, or a sanitizer, ends the process: the seed and the events before it are worth more than a core
 * file. */
static void on_abort(int signal_number)
{
    (void)signal_number;
    if (running)
        sim_report(running);
    _exit(EXIT_FAILED);
}

void __asan_on_error(void);
void __asan_on_error(void)
{
    if (running)
        sim_report(running);
}

static bool run(const struct arguments *a, uint64_t seed, bool report)
{
    struct sim_options options = {seed, a->steps_max, a->verbose, a->mutation};
    struct sim *s = sim_new(&options);
    running = s;
    bool held = sim_run(s);
    if (!held && report)
        sim_report(s);
    running = NULL;
    if (a->verbose && held)
        fprintf(stderr, "seed %" PRIu64 ": held, %" PRIu64 " steps, %.3f ms\n", seed, s->step,
                (double)s->now_us / SIM_MS);
    sim_destroy(&s);
    return held;
}

static void progress(const struct arguments *a, uint64_t seed, uint64_t failures)
{
    if (a->from != a->to && isatty(STDERR_FILENO) && (seed % 64 == 0 || seed == a->to))
        fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failed%s", seed - a->from + 1,
                a->to - a->from + 1, failures, seed == a->to ? "\n" : "");
}

static bool mutation_seen(enum mutation mutation)
{
    const struct arguments a = {.mutation = mutation};
    const struct mutation_row *row = &mutation_table[mutation];
    for (uint64_t seed = 1; seed <= MUTATION_SEEDS; seed++)
        if (!run(&a, seed, false)) {
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

static int run_seeds(const struct arguments *a)
{
    uint64_t failures = 0;
    for (uint64_t seed = a->from; seed <= a->to && failures < FAILURES_SHOWN; seed++) {
        failures += !run(a, seed, true);
        progress(a, seed, failures);
        if (failures && a->mutation)
            break;
    }
    return failures ? EXIT_FAILED : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct arguments a;
    if (!read_arguments(argc, argv, &a)) {
        usage(stderr);
        return EXIT_USAGE;
    }
    log_level_set(a.verbose ? LOG_INFO : (enum log_level)(LOG_ERROR + 1));
    signal(SIGABRT, on_abort);
    return a.mutations ? run_mutations() : run_seeds(&a);
}
