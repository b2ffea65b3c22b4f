#include "base/plural.h"
#include "journal/journal.h"
#include "service/service.h"
#include "services/parbus/backup/backup.h"
#include "services/parbus/backup/replacement.h"
#include "services/parbus/command.h"
#include "services/parbus/supervisor/running.h"
#include "store/guard.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { JOURNAL, STATE, ENVIRONMENTS, SUPERVISOR_LOCK = 0, INGESTOR_LOCK, LOCKS };

struct job {
    const char *directory;
    bool replace;
    char backup[PATH_MAX], absolute[4096];
    struct backup_facts facts;
    struct backup_sum sums[BACKUP_FILES];
    struct replacement replacement[ENVIRONMENTS];
    int lock[LOCKS];
    bool has_settings;
    struct meter meter;
};

static const char *const environment_names[ENVIRONMENTS] = {"journal", "state"};
static const enum backup_file environment_files[ENVIRONMENTS] = {BACKUP_JOURNAL, BACKUP_STATE};

/* ---- what stands in the way ---- */

static enum err check_quiet(const struct job *j, struct err_text *e)
{
    char name[256] = "the supervisor";
    pid_t pid = 0;
    if (service_locked(j->directory, "supervisor", &pid) || running_find(j->directory, name, &pid))
        return err_set(e, ERR_BUSY, "%s runs in %s (pid %d): stop it first, with 'parbus down' or docker-compose stop",
                       name, j->directory, (int)pid);
    return OK;
}

static enum err check_live(struct job *j, struct err_text *e)
{
    enum err err = OK;
    for (int i = 0; i < ENVIRONMENTS && !err; i++)
        err = replacement_find(&j->replacement[i], j->directory, environment_names[i], e);
    for (int i = 0; i < ENVIRONMENTS && !err && !j->replace; i++)
        if (j->replacement[i].full)
            err = err_set(e, ERR_INVALID, "%s is there already; --replace moves it aside", j->replacement[i].live);
    return err;
}

static enum err check_all(struct job *j, const char *backup, struct err_text *e)
{
    if (!realpath(backup, j->backup))
        return err_set(e, ERR_IO, "backup %s: %s", backup, strerror(errno));
    enum err err = check_quiet(j, e);
    if (!err)
        err = check_live(j, e);
    return err ? err : backup_check(j->backup, &j->facts, j->sums, &j->meter, e);
}

/* ---- putting it there ---- */

/* Root restores for whoever owns the directory: the processes could not read it otherwise. */
static enum err give_to_owner(const struct job *j, const char *path, struct err_text *e)
{
    struct stat st;
    if (geteuid() != 0 || stat(j->directory, &st) < 0 || st.st_uid == 0)
        return OK;
    if (chown(path, st.st_uid, st.st_gid) == 0)
        return OK;
    return err_set(e, ERR_IO, "give %s to user %u: %s", path, (unsigned)st.st_uid, strerror(errno));
}

static enum err lock(struct job *j, int i, const char *name, struct err_text *e)
{
    char path[BACKUP_PATH_BYTES];
    enum err err = service_lock(j->directory, name, &j->lock[i], NULL, e);
    snprintf(path, sizeof path, "%s/run/%s.lock", j->directory, name);
    return err ? err : give_to_owner(j, path, e);
}

/* From here on nobody can start in the directory. */
static enum err lock_all(struct job *j, struct err_text *e)
{
    static const char *const names[LOCKS] = {"supervisor", "ingestor-1"};
    char run[BACKUP_PATH_BYTES];
    enum err err = service_directory(j->directory, j->absolute, e);
    snprintf(run, sizeof run, "%s/run", j->directory);
    if (!err)
        err = give_to_owner(j, run, e);
    for (int i = 0; i < LOCKS && !err; i++)
        err = lock(j, i, names[i], e);
    if (!err)
        err = check_live(j, e);
    for (int i = 0; i < ENVIRONMENTS && !err; i++)
        err = replacement_lock(&j->replacement[i], e);
    return err;
}

static enum err check_room(const struct job *j, struct err_text *e)
{
    struct statvfs fs;
    uint64_t need = j->sums[BACKUP_JOURNAL].bytes + j->sums[BACKUP_STATE].bytes;
    if (statvfs(j->directory, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= need)
        return OK;
    return err_set(e, ERR_FULL, "it takes %" PRIu64 " MB, and %" PRIu64 " MB are free in %s", need >> 20,
                   ((uint64_t)fs.f_bavail * fs.f_frsize) >> 20, j->directory);
}

/* What was checked before is checked again as it is copied: nobody can have changed it in between. */
static enum err copy_file(struct job *j, enum backup_file file, const char *to, struct err_text *e)
{
    char from[BACKUP_PATH_BYTES];
    struct backup_sum found;
    backup_path(from, j->backup, file);
    enum err err = backup_read(from, to, &found, &j->meter, e);
    if (!err && strcmp(found.hex, j->sums[file].hex) != 0)
        err = err_set(e, ERR_CORRUPT, "%s has changed while it was read", from);
    return err ? err : give_to_owner(j, to, e);
}

static enum err copy_environment(struct job *j, int i, struct err_text *e)
{
    char to[REPLACEMENT_PATH_BYTES + 16];
    struct replacement *p = &j->replacement[i];
    if (!j->sums[environment_files[i]].there)
        return OK;
    enum err err = replacement_prepare(p, e);
    snprintf(to, sizeof to, "%s/data.mdb", p->fresh);
    meter_start(&j->meter, environment_names[i], j->sums[environment_files[i]].bytes);
    if (!err)
        err = copy_file(j, environment_files[i], to, e);
    if (!err)
        err = give_to_owner(j, p->fresh, e);
    return err ? err : guard_sync_directory(p->fresh, e);
}

static enum err copy_settings(struct job *j, struct err_text *e)
{
    char path[BACKUP_PATH_BYTES];
    struct stat st;
    backup_path(path, j->directory, BACKUP_CONF);
    j->has_settings = lstat(path, &st) == 0;
    return j->has_settings || !j->sums[BACKUP_CONF].there ? OK : copy_file(j, BACKUP_CONF, path, e);
}

/* Killed after any of these steps, the directory holds a journal, and a state of it or none: both are fine to start
 * with. So state goes before the journal is exchanged, and comes after. */
static enum err put_live(struct job *j, struct err_text *e)
{
    struct replacement *journal = &j->replacement[JOURNAL], *state = &j->replacement[STATE];
    enum err err = replacement_clear(state, e);
    if (!err)
        err = replacement_swap(journal, e);
    if (err) {
        replacement_undo(state);
        return err;
    }
    state->existed = false;
    return *state->fresh ? replacement_swap(state, e) : OK;
}

/* They speak of entries that are others now (I17a). */
static void forget_bookmarks(const struct job *j)
{
    char path[BACKUP_PATH_BYTES + NAME_MAX];
    snprintf(path, sizeof path, "%s/run", j->directory);
    DIR *run = opendir(path);
    for (const struct dirent *entry; run && (entry = readdir(run));) {
        const char *end = strrchr(entry->d_name, '.');
        snprintf(path, sizeof path, "%s/run/%s", j->directory, entry->d_name);
        if (end && strcmp(end, ".bookmark") == 0)
            unlink(path);
    }
    if (run)
        closedir(run);
}

static enum err restore(struct job *j, struct err_text *e)
{
    enum err err = lock_all(j, e);
    if (!err)
        err = check_room(j, e);
    for (int i = 0; i < ENVIRONMENTS && !err; i++)
        err = copy_environment(j, i, e);
    if (!err)
        err = copy_settings(j, e);
    if (!err)
        forget_bookmarks(j);
    if (!err)
        err = journal_forget(j->directory, e); /* the backup may be of another one */
    if (!err)
        err = put_live(j, e);
    for (int i = 0; i < ENVIRONMENTS; i++)
        backup_remove(j->replacement[i].fresh);
    return err;
}

static void tell(const struct job *j)
{
    printf("restored into %s: %" PRIu64 " %s of %" PRIu64 " %s, as of %s\n", j->directory, j->facts.submissions,
           plural(j->facts.submissions, "submission", "submissions"), j->facts.feeders,
           plural(j->facts.feeders, "feeder", "feeders"), j->facts.made);
    for (int i = 0; i < ENVIRONMENTS; i++)
        if (*j->replacement[i].aside && j->replacement[i].full)
            printf("what was there before is in %s\n", j->replacement[i].aside);
    if (j->has_settings)
        printf("parbus.conf was left as it is\n");
    printf("next: parbus up, then parbus replay%s\n",
           j->facts.state ? ", which says: identical" : "; state is computed again by itself");
    printf("Values that were receipted after that time are not in it: have their feeders push them again.\n");
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option options[] = {{"replace", no_argument, NULL, 'r'}, {0}};
    static struct job j;
    struct err_text e = {""};
    j = (struct job){.directory = directory, .lock = {-1, -1}, .meter = {.command = "restore"}};
    for (int found; (found = command_option(&command_restore, argc, argv, options)) != -1;) {
        if (found == '?')
            return 2;
        j.replace = true;
    }
    if (optind + 1 != argc)
        return command_usage_error(&command_restore, "%s",
                                   optind == argc ? "name the directory of a backup" : "one directory only");
    backup_catch_signals();
    enum err err = check_all(&j, argv[optind], &e);
    if (!err)
        err = restore(&j, &e);
    meter_end(&j.meter);
    for (int i = 0; i < ENVIRONMENTS; i++)
        replacement_close(&j.replacement[i]);
    for (int i = 0; i < LOCKS; i++)
        if (j.lock[i] >= 0)
            close(j.lock[i]);
    if (err)
        return command_failed(&command_restore, "%s", e.text);
    tell(&j);
    return 0;
}

const struct command command_restore = {
    "restore",
    "BACKUP [--replace]",
    "put a backup into DIR, after it has been checked",
    "  --replace  when DIR has a journal or state: they are moved aside, to journal.before-TIME, not deleted\n"
    "Nothing is touched before every byte of BACKUP was checked, nor while anything runs in DIR. Feeders go on by\n"
    "themselves; what they had a receipt for after the backup was made is not in it, and has to be pushed again.\n",
    run,
};
