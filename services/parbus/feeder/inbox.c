#include "services/parbus/feeder/inbox.h"
#include "store/guard.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { PLACES_MAX = 10000, NOTES_BYTES = 4096 };

static enum err make_places(const struct inbox *b, struct err_text *e)
{
    char path[PUSH_PATH_BYTES + 16];
    static const char *const places[] = {"done", "failed"};
    enum err err = access(b->path, F_OK) == 0 ? OK : err_set(e, ERR_NOT_FOUND, "there is no directory %s", b->path);
    for (int i = 0; i < 2 && !err; i++) {
        snprintf(path, sizeof path, "%s/%s", b->path, places[i]);
        err = guard_make_directory(path, e);
    }
    return err;
}

static enum err watch(struct inbox *b, struct err_text *e)
{
    b->notes_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (b->notes_fd < 0 || inotify_add_watch(b->notes_fd, b->path, IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
        return err_set(e, ERR_IO, "watch %s: %s", b->path, strerror(errno));
    return OK;
}

enum err inbox_open(struct inbox *b, const char *directory, struct err_text *e)
{
    char lock[PUSH_PATH_BYTES + 16];
    *b = (struct inbox){.lock_fd = -1, .notes_fd = -1};
    int n = snprintf(b->path, sizeof b->path, "%s", directory);
    if (n >= (int)sizeof b->path - NAME_MAX - 16)
        return err_set(e, ERR_TOO_LARGE, "the path of the directory is too long");
    snprintf(b->report, sizeof b->report, "%s/.report", b->path);
    snprintf(lock, sizeof lock, "%s/.lock", b->path);
    enum err err = make_places(b, e);
    if (!err)
        err = guard_lock(lock, &b->lock_fd, e);
    return err ? err : watch(b, e);
}

void inbox_close(struct inbox *b)
{
    if (b->notes_fd >= 0)
        close(b->notes_fd);
    if (b->lock_fd >= 0)
        close(b->lock_fd);
}

static bool is_whole(const struct dirent *entry)
{
    size_t bytes = strlen(entry->d_name);
    bool regular = entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;
    return regular && entry->d_name[0] != '.' && bytes > 4 && strcmp(entry->d_name + bytes - 4, ".csv") == 0;
}

bool inbox_next(const struct inbox *b, char name[static NAME_MAX + 1])
{
    DIR *d = opendir(b->path);
    name[0] = 0;
    for (const struct dirent *entry; d && (entry = readdir(d));)
        if (is_whole(entry) && (!name[0] || strcmp(entry->d_name, name) < 0))
            snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
    if (d)
        closedir(d);
    return name[0] != 0;
}

void inbox_noted(struct inbox *b)
{
    char notes[NOTES_BYTES];
    while (read(b->notes_fd, notes, sizeof notes) > 0)
        continue;
}

/* A place that nobody has, for the file and for its report. */
static bool find_place(const struct inbox *b, const char *name, bool fine, char *path, char *report, size_t room)
{
    for (int i = 0; i < PLACES_MAX; i++) {
        char number[16] = "";
        if (i)
            snprintf(number, sizeof number, ".%d", i + 1);
        snprintf(path, room, "%s/%s/%s%s", b->path, fine ? "done" : "failed", name, number);
        snprintf(report, room, "%s/%s/%s%s.report.json", b->path, fine ? "done" : "failed", name, number);
        if (access(path, F_OK) != 0 && access(report, F_OK) != 0)
            return true;
    }
    return false;
}

enum err inbox_settle(struct inbox *b, const char *name, bool fine, struct err_text *e)
{
    enum { ROOM = PUSH_PATH_BYTES + NAME_MAX + 64 };
    char from[ROOM], to[ROOM], report[ROOM];
    snprintf(from, sizeof from, "%s/%s", b->path, name);
    if (!find_place(b, name, fine, to, report, ROOM))
        return err_set(e, ERR_IO, "%s was here %d times; empty %s/done and %s/failed", name, PLACES_MAX, b->path,
                       b->path);
    (void)rename(b->report, report);
    if (rename(from, to) != 0 && errno != ENOENT)
        return err_set(e, ERR_IO, "%s was sent and cannot be moved to %s: %s", from, to, strerror(errno));
    return OK;
}
