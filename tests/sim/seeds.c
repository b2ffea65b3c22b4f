#include "tests/sim/seeds.h"
#include "tests/sim/sim.h"
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FAILURES_SHOWN = 10 };

static const struct sim *running; /* for the report of a crash */
static bool quiet;                /* the parent reports */

/* A core's assertion, or a sanitizer, ends the process: the seed and the events before it are worth more than a core
 * file. */
static void on_abort(int signal_number)
{
    (void)signal_number;
    if (running && !quiet)
        sim_report(running); /* NOLINT(bugprone-signal-handler,cert-sig30-c): it ends the process in any case */
    _exit(EXIT_FAILURE);
}

void __asan_on_error(void);
void __asan_on_error(void)
{
    if (running && !quiet)
        sim_report(running);
}

bool seeds_one(const struct seeds *o, uint64_t seed, bool report, struct census *census)
{
    struct sim_options options = {seed, o->steps_max, o->verbose, o->mutation};
    signal(SIGABRT, on_abort);
    struct sim *s = sim_new(&options);
    running = s;
    bool held = sim_run(s);
    if (!held && report)
        sim_report(s);
    if (o->verbose && held)
        fprintf(stderr, "seed %" PRIu64 ": held, %" PRIu64 " steps, %.3f ms\n", seed, s->step,
                (double)s->now_us / SIM_MS);
    sim_destroy(&s, census);
    running = NULL;
    return held;
}

static time_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static bool time_over(const struct seeds *o, time_t began) { return o->seconds && seconds_now() - began >= o->seconds; }

static void progress(const struct seeds *o, uint64_t seed, uint64_t failed)
{
    if (o->from != o->to && isatty(STDERR_FILENO) && (seed % 64 == 0 || seed == o->to))
        fprintf(stderr, "\r%" PRIu64 " seeds, %" PRIu64 " failed%s", seed - o->from + 1, failed,
                seed == o->to ? "\n" : "");
}

static void run_here(const struct seeds *o, struct seeds_result *out)
{
    time_t began = seconds_now();
    for (uint64_t seed = o->from; seed <= o->to && out->failed < FAILURES_SHOWN && !time_over(o, began); seed++) {
        out->run++;
        if (!seeds_one(o, seed, true, &out->census) && ++out->failed == 1)
            out->smallest = seed;
        progress(o, seed, out->failed);
        if (out->failed && o->mutation)
            break;
    }
}

/* ---- several processes ---- */

struct job {
    uint64_t run, running; /* the seed in hand; 0: ended in good order */
    struct census census;
};
struct shared {
    _Atomic uint64_t smallest; /* that failed; UINT64_MAX: none */
    struct job job[JOBS_MAX];
};

static void note_failure(struct shared *s, uint64_t seed)
{
    uint64_t known = atomic_load(&s->smallest);
    while (seed < known && !atomic_compare_exchange_weak(&s->smallest, &known, seed)) {
    }
}

/* Every jobs-th seed; behind a failure none is of interest any more. */
static void run_job(const struct seeds *o, struct shared *s, uint32_t number)
{
    struct job *j = &s->job[number];
    time_t began = seconds_now();
    for (uint64_t seed = o->from + number; seed <= o->to && !time_over(o, began); seed += o->jobs) {
        if (seed > atomic_load(&s->smallest))
            break;
        j->running = seed;
        if (!seeds_one(o, seed, false, &j->census))
            note_failure(s, seed);
        j->run++;
    }
    j->running = 0;
}

static pid_t start_job(const struct seeds *o, struct shared *s, uint32_t number)
{
    pid_t pid = fork();
    ASSERT(pid >= 0);
    if (pid)
        return pid;
    quiet = true;
    run_job(o, s, number);
    _exit(EXIT_SUCCESS);
}

static void run_jobs(const struct seeds *o, struct seeds_result *out)
{
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid[JOBS_MAX];
    ASSERT(s != MAP_FAILED);
    atomic_store(&s->smallest, UINT64_MAX);
    for (uint32_t i = 0; i < o->jobs; i++)
        pid[i] = start_job(o, s, i);
    for (uint32_t i = 0; i < o->jobs; i++) {
        waitpid(pid[i], NULL, 0);
        out->run += s->job[i].run;
        census_sum(&out->census, &s->job[i].census);
        if (s->job[i].running) /* it crashed there */
            note_failure(s, s->job[i].running);
    }
    out->smallest = atomic_load(&s->smallest);
    out->failed = out->smallest != UINT64_MAX;
    munmap(s, sizeof *s);
    struct census ignored = {0};
    if (out->failed)
        seeds_one(o, out->smallest, true, &ignored);
}

void seeds_run(const struct seeds *o, struct seeds_result *out)
{
    *out = (struct seeds_result){0};
    fflush(NULL);
    if (o->jobs > 1)
        run_jobs(o, out);
    else
        run_here(o, out);
}
