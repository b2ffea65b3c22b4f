#include "service/access_log.h"
#include "base/clock.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PRIVATE_DIRECTORY = 0700, PRIVATE_FILE = 0600, QUIET_US = 10000000 };

struct access_log {
    char path[PATH_MAX], service[72];
    int fd;
    uint64_t bytes_max, over_limit;
    bool torn;        /* the last line is not whole */
    int64_t quiet_us; /* until then nobody is told that it cannot be written */
    struct audit audit;
};

static bool open_file(struct access_log *l)
{
    l->fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, PRIVATE_FILE);
    return l->fd >= 0;
}

static void close_file(struct access_log *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

/* Another process has moved it away, or a person has removed it. */
static bool is_ours(const struct access_log *l)
{
    struct stat own, there;
    return fstat(l->fd, &own) == 0 && stat(l->path, &there) == 0 && own.st_ino == there.st_ino &&
           own.st_dev == there.st_dev;
}

/* Under its lock, so that of two who find it full one alone moves it. */
static void move_away(struct access_log *l)
{
    char old[PATH_MAX + 4];
    snprintf(old, sizeof old, "%s.1", l->path);
    if (flock(l->fd, LOCK_EX) == 0 && is_ours(l))
        (void)rename(l->path, old);
    close_file(l);
}

static bool is_full(const struct access_log *l)
{
    struct stat st;
    return fstat(l->fd, &st) == 0 && (uint64_t)st.st_size >= l->bytes_max;
}

static bool ready(struct access_log *l)
{
    if (l->fd >= 0 && is_full(l))
        move_away(l);
    if (l->fd >= 0 && !is_ours(l))
        close_file(l);
    return l->fd >= 0 || open_file(l);
}

static void tell_lost(struct access_log *l, int64_t mono_us)
{
    if (mono_us < l->quiet_us)
        return;
    log_warn("access_log.not_written", "file=\"%s\" why=\"%s\"", l->path, strerror(errno));
    l->quiet_us = mono_us + QUIET_US;
}

/* One write, so that lines of several processes do not mix. */
static void write_line(void *access_log, const struct audit_line *line)
{
    struct access_log *l = access_log;
    char text[AUDIT_LINE_BYTES + 1] = "\n";
    struct moment now = clock_moment();
    size_t torn = l->torn, bytes = audit_json(text + torn, line, l->service, now.wall_ms) + torn;
    ssize_t written = ready(l) ? write(l->fd, text, bytes) : -1;
    if (written > 0)
        l->torn = (size_t)written < bytes;
    if (written < (ssize_t)bytes)
        tell_lost(l, now.mono_us);
}

enum err access_log_open(struct access_log **out, const char *directory, const char *service, uint64_t bytes_max,
                         struct err_text *e)
{
    struct access_log *l = calloc(1, sizeof *l);
    ASSERT(l);
    *out = l;
    l->bytes_max = bytes_max ? bytes_max : ACCESS_LOG_BYTES_MAX;
    snprintf(l->service, sizeof l->service, "%s", service);
    audit_init(&l->audit, write_line, l);
    snprintf(l->path, sizeof l->path, "%s/log", directory);
    bool made = mkdir(l->path, PRIVATE_DIRECTORY) == 0 || errno == EEXIST;
    snprintf(l->path, sizeof l->path, "%s/log/access.log", directory);
    if (made && open_file(l))
        return OK;
    err_set(e, ERR_IO, "open %s: %s", l->path, strerror(errno));
    access_log_close(out);
    return ERR_IO;
}

void access_log_close(struct access_log **out)
{
    struct access_log *l = *out;
    if (!l)
        return;
    audit_end(&l->audit);
    close_file(l);
    free(l);
    *out = NULL;
}

void access_log_note(struct access_log *l, const struct audit_event *event, uint64_t times, struct moment now)
{
    audit_note(&l->audit, event, times, now);
}

int64_t access_log_tick(struct access_log *l, struct moment now) { return audit_tick(&l->audit, now); }

void access_log_hears(void *access_log, const struct audit_event *event)
{
    access_log_note(access_log, event, 1, clock_moment());
}

void access_log_over_limit(struct access_log *l, uint64_t count, struct moment now)
{
    const struct audit_event event = {.kind = AUDIT_SHUT_OUT,
                                      .reason = "connections_max",
                                      .detail = "more connections than connections_max, or than "
                                                "connections_per_address_max of one address"};
    if (count > l->over_limit)
        access_log_note(l, &event, count - l->over_limit, now);
    l->over_limit = count;
}
