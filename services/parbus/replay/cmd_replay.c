#include "base/clock.h"
#include "base/plural.h"
#include "journal/journal.h"
#include "services/parbus/command.h"
#include "services/parbus/replay/replay.h"
#include "services/parbus/stores/stores.h"
#include "state/state.h"
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BAR_WIDTH = 40, DIFFERENCE_BYTES = 512 };

struct job {
    const char *directory;
    const char *into; /* NULL: a scratch directory */
    bool keep;
    struct settings settings;
    char scratch[PATH_MAX], live[PATH_MAX + 8], replayed[PATH_MAX + 16];
    uint64_t *until; /* cursors of the copy; NULL: there is no state to compare with */
    struct replay_totals totals;
};

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st, (void)flag, (void)at;
    return remove(path);
}

static void remove_tree(const char *path)
{
    if (*path)
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static enum err prepare(struct job *j, struct err_text *e)
{
    enum err err = settings_of(&j->settings, j->directory, e);
    if (err)
        return err;
    if (snprintf(j->scratch, sizeof j->scratch, "%s/replay-XXXXXX", j->directory) >= (int)sizeof j->scratch ||
        !mkdtemp(j->scratch)) {
        *j->scratch = 0;
        return err_set(e, ERR_IO, "make a directory in %s: %s", j->directory, strerror(errno));
    }
    snprintf(j->live, sizeof j->live, "%s/live", j->scratch);
    snprintf(j->replayed, sizeof j->replayed, "%s", j->into ? j->into : j->scratch);
    return OK;
}

/* The state at one instant, while scorers go on: what is replayed is compared with the copy. */
static enum err copy_live(struct job *j, struct err_text *e)
{
    struct state *s;
    enum err err = stores_state(&s, j->directory, 0, e);
    if (err)
        return err;
    err = state_copy(s, j->live, e);
    state_close(&s);
    return err_wrap(e, err, "copy state");
}

static enum err open_copy(const struct job *j, struct state **s, struct err_text *e)
{
    struct state_options options = state_options(&j->settings, 0);
    return state_open(s, j->live, &options, e);
}

static enum err count_partitions(const struct job *j, uint32_t *partitions, struct err_text *e)
{
    struct journal *journal;
    enum err err = stores_journal(&journal, j->directory, e);
    if (err)
        return err;
    *partitions = journal_partitions(journal);
    journal_close(&journal);
    return OK;
}

static enum err read_cursors(struct job *j, struct err_text *e)
{
    uint32_t partitions = 0;
    struct state *s;
    enum err err = count_partitions(j, &partitions, e);
    if (!err)
        err = open_copy(j, &s, e);
    if (err)
        return err;
    j->until = calloc(partitions, sizeof *j->until);
    for (uint32_t p = 0; p < partitions && !err; p++) {
        struct state_cursor cursor = {0};
        err = state_cursor_get(s, p, &cursor, e);
        if (err == ERR_NOT_FOUND)
            err = OK;
        j->until[p] = cursor.applied;
    }
    state_close(&s);
    return err;
}

static void show_progress(void *ctx, const struct replay_totals *t)
{
    (void)ctx;
    int full = t->planned ? (int)(t->done * BAR_WIDTH / t->planned) : BAR_WIDTH;
    double rate = t->took_us ? (double)t->submissions / (double)t->took_us * 1e6 : 0;
    fprintf(stderr, "\rreplay [%.*s%*s] %3d%%  %.0f submissions/s ", full, "########################################",
            BAR_WIDTH - full, "", (int)(t->planned ? t->done * 100 / t->planned : 100), rate);
}

static enum err replay(struct job *j, struct err_text *e)
{
    bool terminal = isatty(STDERR_FILENO);
    struct replay_options options = {.journal_directory = j->directory,
                                     .state_directory = j->replayed,
                                     .settings = &j->settings,
                                     .until = j->until,
                                     .progress = terminal ? show_progress : NULL};
    enum err err = replay_run(&options, &j->totals, e);
    if (terminal)
        fprintf(stderr, "\r%*s\r", BAR_WIDTH + 50, "");
    return err;
}

static enum err compare(const struct job *j, char difference[static DIFFERENCE_BYTES], struct err_text *e)
{
    struct state *live, *replayed = NULL;
    struct state_options options = state_options(&j->settings, 0);
    *difference = 0;
    enum err err = open_copy(j, &live, e);
    if (!err)
        err = state_open(&replayed, j->replayed, &options, e);
    if (!err)
        err = state_compare(live, replayed, difference, DIFFERENCE_BYTES, e);
    state_close(&live);
    state_close(&replayed);
    return err;
}

static void print_totals(const struct job *j)
{
    const struct replay_totals *t = &j->totals;
    double seconds = (double)t->took_us / 1e6;
    printf("records       %" PRIu64 "\nsubmissions   %" PRIu64 "\nobservations  %" PRIu64 "\nseconds       %.3f\n"
           "per second    %.0f submissions, %.0f observations\n",
           t->records, t->submissions, t->observations, seconds, (double)t->submissions / (seconds ? seconds : 1),
           (double)t->observations / (seconds ? seconds : 1));
    if (t->left_out)
        printf("left out      %" PRIu64 " %s of the journal not in state yet\n", t->left_out,
               plural(t->left_out, "entry", "entries"));
}

/* Returns the exit status. */
static int print_comparison(const struct job *j)
{
    char difference[DIFFERENCE_BYTES];
    struct err_text e;
    if (!j->until)
        return printf("result        there is no state to compare with\n"), 0;
    if (compare(j, difference, &e))
        return command_failed(&command_replay, "%s", e.text);
    if (*difference)
        printf("result        different (first = live, second = replayed): %s\n", difference);
    else
        printf("result        identical\n");
    return *difference != 0;
}

static bool has(const char *directory, const char *name)
{
    char path[PATH_MAX + 16];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return stat(path, &st) == 0;
}

static int no_journal(const char *directory)
{
    struct err_text e;
    stores_no_journal(directory, &e);
    return command_failed(&command_replay, "%s", e.text);
}

static int work(struct job *j)
{
    struct err_text e = {""};
    if (prepare(j, &e))
        return command_failed(&command_replay, "%s", e.text);
    enum err err = copy_live(j, &e);
    if (!err)
        err = read_cursors(j, &e);
    else if (err == ERR_NOT_FOUND)
        err = OK;
    if (!err)
        err = replay(j, &e);
    if (err == ERR_NOT_FOUND)
        return no_journal(j->directory);
    if (err)
        return command_failed(&command_replay, "%s", e.text);
    print_totals(j);
    return print_comparison(j);
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option options[] = {
        {"into", required_argument, NULL, 'i'}, {"keep", no_argument, NULL, 'k'}, {0}};
    struct job j = {.directory = directory};
    for (int found; (found = command_option(&command_replay, argc, argv, options)) != -1;) {
        if (found == '?')
            return 2;
        if (found == 'i')
            j.into = optarg;
        else
            j.keep = true;
    }
    if (optind < argc)
        return command_usage_error(&command_replay, "unexpected argument %s", argv[optind]);
    if (!has(directory, "journal"))
        return no_journal(directory);
    if (j.into && has(j.into, "state"))
        return command_failed(&command_replay, "%s has a state already; name an empty directory", j.into);
    int status = work(&j);
    if (j.keep && !j.into && *j.scratch)
        fprintf(stderr, "kept in %s: live/state is the copy, state is the replay\n", j.scratch);
    else
        remove_tree(j.scratch);
    free(j.until);
    return status;
}

const struct command command_replay = {
    "replay",
    "[--into DIR2] [--keep]",
    "compute everything again from the journal and compare with state",
    "  --into DIR2  put the replayed state into DIR2/state and leave it there\n"
    "  --keep       leave the scratch directory with the copy and the replayed state\n"
    "The pipeline may be running: a copy of state is compared, and the journal is replayed\n"
    "up to the copy's cursors. Exit status 0: identical, 1: different or failed.\n",
    run,
};
