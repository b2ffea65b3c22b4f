#include "base/clock.h"
#include "base/date.h"
#include "base/plural.h"
#include "journal/journal.h"
#include "services/parbus/backup/backup.h"
#include "services/parbus/command.h"
#include "services/parbus/stores/stores.h"
#include "state/state.h"
#include "store/guard.h"
#include "store/store.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LIVE_RESERVE_BYTES = 32 << 20, LOOK_BYTES = 8 << 20, GROWN_BYTES = 16 << 20 };

struct job {
    const char *directory;
    bool without_state;
    char target[PATH_MAX + 8], parent[PATH_MAX], partial[PATH_MAX + 32];
    uint64_t least_free, unlooked; /* of the live disk */
    struct backup_facts facts;
    struct backup_sum sums[BACKUP_FILES];
    struct meter meter;
};

/* ---- where to ---- */

static bool is_empty(const char *directory)
{
    DIR *d = opendir(directory);
    int entries = 0;
    while (d && entries <= 2 && readdir(d))
        entries++;
    if (d)
        closedir(d);
    return d && entries <= 2; /* itself and its parent */
}

static enum err check_free_name(const struct job *j, struct err_text *e)
{
    struct stat st, parent;
    if (lstat(j->target, &st) < 0)
        return errno == ENOENT ? OK : err_set(e, ERR_IO, "%s: %s", j->target, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_INVALID, "%s exists and is not a directory", j->target);
    if (stat(j->parent, &parent) == 0 && parent.st_dev != st.st_dev)
        return err_set(e, ERR_INVALID, "%s is where a file system is mounted: name a new directory in it", j->target);
    if (is_empty(j->target))
        return OK;
    return err_set(e, ERR_INVALID, "%s exists already: a backup goes into a new directory", j->target);
}

/* The target's parent must be there; the target's own name need not. */
static enum err resolve(struct job *j, const char *target, struct err_text *e)
{
    char text[PATH_MAX];
    size_t bytes = strlen(target);
    while (bytes > 1 && target[bytes - 1] == '/')
        bytes--;
    if (bytes == 0 || bytes >= sizeof text)
        return err_set(e, ERR_INVALID, "not the name of a directory: \"%.80s\"", target);
    snprintf(text, sizeof text, "%.*s", (int)bytes, target);
    char *slash = strrchr(text, '/');
    const char *name = slash ? slash + 1 : text, *parent = !slash ? "." : slash == text ? "/" : text;
    char kept[NAME_MAX + 1];
    if (!*name || strlen(name) > NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return err_set(e, ERR_INVALID, "not the name of a new directory: \"%.80s\"", target);
    snprintf(kept, sizeof kept, "%s", name);
    if (slash)
        *slash = 0;
    if (!realpath(parent, j->parent))
        return err_set(e, ERR_IO, "directory %s: %s", parent, strerror(errno));
    if (snprintf(j->target, sizeof j->target, "%s/%s", j->parent, kept) >= PATH_MAX)
        return err_set(e, ERR_INVALID, "the path is too long: %.80s…", target);
    return check_free_name(j, e);
}

/* ---- room ---- */

static uint64_t free_bytes(const char *path)
{
    struct statvfs fs;
    return statvfs(path, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : UINT64_MAX;
}

static uint64_t live_bytes(const struct job *j, enum backup_file file)
{
    char path[BACKUP_PATH_BYTES];
    struct stat st;
    backup_path(path, j->directory, file);
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static enum err check_room(struct job *j, struct err_text *e)
{
    uint64_t need = live_bytes(j, BACKUP_JOURNAL) + (j->without_state ? 0 : live_bytes(j, BACKUP_STATE));
    uint64_t have = free_bytes(j->parent), live = free_bytes(j->directory);
    if (have < need)
        return err_set(e, ERR_FULL, "the backup takes %" PRIu64 " MB, and %" PRIu64 " MB are free in %s", need >> 20,
                       have >> 20, j->parent);
    j->least_free = live / 2 < LIVE_RESERVE_BYTES ? live / 2 : LIVE_RESERVE_BYTES;
    return OK;
}

/* The pipeline's disk fills for two reasons while a copy goes on: the copy itself, when it is on the same one, and the
 * pages that nobody may use again before the copy's snapshot ends. A backup is not worth a pipeline that stands. */
static bool enough_for_others(void *ctx, struct err_text *e)
{
    struct job *j = ctx;
    if (j->unlooked++ % (LOOK_BYTES >> 20) || free_bytes(j->directory) >= j->least_free)
        return true;
    err_set(e, ERR_FULL, "given up: less than %" PRIu64 " MB are left on the disk of %s, which the pipeline needs",
            j->least_free >> 20, j->directory);
    return false;
}

/* ---- copying ---- */

typedef enum err stream_fn(void *from, store_piece_fn *fn, void *ctx, struct err_text *e);

static enum err stream_journal(void *from, store_piece_fn *fn, void *ctx, struct err_text *e)
{
    return journal_stream(from, fn, ctx, e);
}

static enum err stream_state(void *from, store_piece_fn *fn, void *ctx, struct err_text *e)
{
    return state_stream(from, fn, ctx, e);
}

/* What the snapshot has cost the live file is said, since it stays: the file never shrinks. */
static void say_growth(struct job *j, enum backup_file file, uint64_t before)
{
    uint64_t now = live_bytes(j, file);
    meter_end(&j->meter);
    if (now > before + GROWN_BYTES)
        fprintf(stderr, "parbus backup: %s/%s grew by %" PRIu64 " MB while it was copied\n", j->directory,
                backup_names[file], (now - before) >> 20);
}

static enum err copy(struct job *j, void *from, stream_fn *stream, enum backup_file file, const char *what,
                     struct err_text *e)
{
    char path[BACKUP_PATH_BYTES];
    struct backup_out out;
    uint64_t before = live_bytes(j, file);
    backup_path(path, j->partial, file);
    *strrchr(path, '/') = 0;
    enum err err = guard_make_directory(path, e);
    backup_path(path, j->partial, file);
    meter_start(&j->meter, what, before);
    if (!err)
        err = backup_create(&out, path, &j->sums[file], &j->meter, e);
    if (err)
        return err;
    out.enough = enough_for_others;
    out.ctx = j;
    err = backup_finish(&out, stream(from, backup_write, &out, e), e);
    say_growth(j, file, before);
    return err;
}

static enum err copy_state(struct job *j, struct err_text *e)
{
    struct state *s;
    enum err err = j->without_state ? ERR_NOT_FOUND : stores_state(&s, j->directory, 0, e);
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    err = copy(j, s, stream_state, BACKUP_STATE, "copying state", e);
    state_close(&s);
    return err;
}

static enum err copy_journal(struct job *j, struct err_text *e)
{
    struct journal *journal;
    enum err err = stores_journal(&journal, j->directory, e);
    if (err)
        return err;
    err = copy(j, journal, stream_journal, BACKUP_JOURNAL, "copying the journal", e);
    journal_close(&journal);
    return err;
}

static enum err copy_settings(struct job *j, struct err_text *e)
{
    char from[BACKUP_PATH_BYTES], to[BACKUP_PATH_BYTES];
    backup_path(from, j->directory, BACKUP_CONF);
    backup_path(to, j->partial, BACKUP_CONF);
    enum err err = backup_read(from, to, &j->sums[BACKUP_CONF], NULL, e);
    if (err != ERR_NOT_FOUND)
        return err;
    j->sums[BACKUP_CONF].there = false;
    return OK;
}

/* State first: what it has applied is in any later journal. The other way round it could be ahead of the journal's
 * copy, with effects of submissions that nobody could find there (PROTOCOL.md, I5). */
static enum err copy_all(struct job *j, struct err_text *e)
{
    date_format_ms(clock_wall_ms(), j->facts.made);
    enum err err = copy_state(j, e);
    if (!err)
        err = copy_journal(j, e);
    return err ? err : copy_settings(j, e);
}

/* ---- the whole ---- */

static enum err sync_directories(const struct job *j, struct err_text *e)
{
    static const enum backup_file inside[] = {BACKUP_JOURNAL, BACKUP_STATE};
    enum err err = OK;
    for (size_t i = 0; i < sizeof inside / sizeof *inside && !err; i++) {
        char path[BACKUP_PATH_BYTES];
        backup_path(path, j->partial, inside[i]);
        *strrchr(path, '/') = 0;
        err = j->sums[inside[i]].there ? guard_sync_directory(path, e) : OK;
    }
    return err ? err : guard_sync_directory(j->partial, e);
}

static enum err complete(struct job *j, struct err_text *e)
{
    struct backup_facts said;
    meter_start(&j->meter, "looking through the copy", j->sums[BACKUP_JOURNAL].bytes);
    enum err err = backup_check_content(j->partial, j->sums[BACKUP_STATE].there, &j->facts, &j->meter, e);
    if (!err)
        err = backup_manifest_write(j->partial, j->directory, &j->facts, j->sums, e);
    if (!err)
        err = backup_sums_write(j->partial, j->sums, e);
    if (!err)
        err = sync_directories(j, e);
    if (!err)
        err = backup_check_files(j->partial, &said, j->sums, &j->meter, e);
    if (!err && rename(j->partial, j->target) < 0)
        err = err_set(e, ERR_IO, "rename %s to %s: %s", j->partial, j->target, strerror(errno));
    return err ? err : guard_sync_directory(j->parent, e);
}

static enum err prepare(struct job *j, const char *target, struct err_text *e)
{
    enum err err = resolve(j, target, e);
    if (!err)
        err = check_room(j, e);
    if (err)
        return err;
    snprintf(j->partial, sizeof j->partial, "%s.partial-XXXXXX", j->target);
    if (mkdtemp(j->partial))
        return OK;
    *j->partial = 0;
    return err_set(e, ERR_IO, "make a directory in %s: %s", j->parent, strerror(errno));
}

static const char *partial; /* what is there of the copy; "": nothing yet */

/* In a signal handler, when a page of the source is so damaged that LMDB faults: what is left behind is said. */
static void say_partial(void)
{
    const char *const words[] = {"parbus backup: no backup was made; delete what there is of it: ", partial, "\n"};
    for (size_t i = 0; *partial && i < sizeof words / sizeof *words; i++)
        if (write(STDERR_FILENO, words[i], strlen(words[i])) < 0)
            return;
}

static int back_up(struct job *j, const char *target)
{
    struct err_text e = {""};
    backup_catch_signals();
    partial = j->partial;
    store_before_end(say_partial);
    enum err err = prepare(j, target, &e);
    if (!err)
        err = copy_all(j, &e);
    if (!err)
        err = complete(j, &e);
    meter_end(&j->meter);
    if (err) {
        backup_remove(j->partial);
        return command_failed(&command_backup, "%s", e.text);
    }
    printf("%s: %" PRIu64 " %s of %" PRIu64 " %s, %s\n", j->target, j->facts.submissions,
           plural(j->facts.submissions, "submission", "submissions"), j->facts.feeders,
           plural(j->facts.feeders, "feeder", "feeders"), j->facts.state ? "with state" : "without state");
    return 0;
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option options[] = {{"without-state", no_argument, NULL, 'w'}, {0}};
    static struct job j;
    j = (struct job){.directory = directory, .meter = {.command = "backup"}};
    for (int found; (found = command_option(&command_backup, argc, argv, options)) != -1;) {
        if (found == '?')
            return 2;
        j.without_state = true;
    }
    if (optind + 1 != argc)
        return command_usage_error(&command_backup, "%s",
                                   optind == argc ? "name a new directory for the backup" : "one directory only");
    return back_up(&j, argv[optind]);
}

const struct command command_backup = {
    "backup",
    "TARGET [--without-state]",
    "copy journal and state into a new directory, while everything runs",
    "  --without-state  the journal alone; state is computed again from it\n"
    "TARGET must not exist, or be empty; it is there, whole and checked, or not at all. What a backup that was killed\n"
    "leaves behind is called TARGET.partial-… and may be deleted. Pages that scorers free meanwhile are not used "
    "again\n"
    "before the copy is done, so the live files grow for that long; by how much is said. Take it back with:\n"
    "parbus restore\n",
    run,
};
