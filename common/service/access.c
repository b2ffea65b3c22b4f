#include "service/access.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 64, PRIVATE = 0700, OF_OTHERS = 077, WRITTEN_BY_OTHERS = 022 };

static void user_name(uid_t uid, char name[static NAME_BYTES])
{
    const struct passwd *user = getpwuid(uid);
    if (user)
        snprintf(name, NAME_BYTES, "%s", user->pw_name);
    else
        snprintf(name, NAME_BYTES, "number %u", (unsigned)uid);
}

static bool is_denied(const char *path, int what)
{
    return faccessat(AT_FDCWD, path, what, AT_EACCESS) != 0 && errno == EACCES;
}

static enum err denied(const char *path, struct err_text *e)
{
    struct stat st;
    char owner[NAME_BYTES], self[NAME_BYTES];
    if (stat(path, &st) != 0)
        return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    unsigned mode = st.st_mode & 07777;
    user_name(st.st_uid, owner);
    user_name(geteuid(), self);
    if (st.st_uid == geteuid())
        return err_set(e, ERR_IO, "%s is yours, but its mode %04o keeps you out too: chmod u+rwx %s", path, mode, path);
    return err_set(e, ERR_IO,
                   "permission denied: %s belongs to user %s (mode %04o), and you are user %s. Do this as user %s, or "
                   "name another directory with --dir",
                   path, owner, mode, self, owner);
}

/* Each directory above it has to let us through. */
static enum err may_reach(const char *directory, struct err_text *e)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s", directory) >= (int)sizeof path)
        return err_set(e, ERR_TOO_LARGE, "directory %.80s… has too long a path", directory);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (is_denied(path, X_OK))
            return denied(path, e);
        *slash = '/';
    }
    return OK;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

enum err service_may_work_in(const char *directory, struct err_text *e)
{
    char run[PATH_MAX + 8];
    enum err err = may_reach(directory, e);
    if (err || !is_directory(directory))
        return err;
    if (is_denied(directory, R_OK | X_OK))
        return denied(directory, e);
    snprintf(run, sizeof run, "%s/run", directory);
    return is_denied(run, R_OK | W_OK | X_OK) ? denied(run, e) : OK;
}

/* ---- closed to others ---- */

static bool is_ours(const char *name)
{
    static const char *const ours[] = {".", "..", "journal", "state", "run", "log", "outbox", "keys", "parbus.conf"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(name, ours[i]) == 0)
            return true;
    return strncmp(name, "journal.", 8) == 0 || strncmp(name, "state.", 6) == 0;
}

/* "": nothing. */
static void find_another_thing(const char *directory, char name[static NAME_MAX + 1])
{
    DIR *d = opendir(directory);
    name[0] = 0;
    for (const struct dirent *entry; d && !name[0] && (entry = readdir(d));)
        if (!is_ours(entry->d_name))
            snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
    if (d)
        closedir(d);
}

static enum err refuse_open(const char *directory, const struct stat *st, const char *other, struct err_text *e)
{
    char owner[NAME_BYTES], holds[NAME_MAX + 64] = "";
    user_name(st->st_uid, owner);
    if (*other)
        snprintf(holds, sizeof holds, ", and it holds other things (%.80s)", other);
    return err_set(
        e, ERR_INVALID,
        "others may write into %s (mode %04o, user %s)%s: whoever can do that can replace what is kept there. "
        "Name a directory that is for parbus alone, or close this one: chmod 0700 %s",
        directory, (unsigned)st->st_mode & 07777, owner, holds, directory);
}

enum err service_close_to_others(const char *directory, struct err_text *e)
{
    struct stat st;
    char other[NAME_MAX + 1];
    if (stat(directory, &st) != 0)
        return err_set(e, ERR_IO, "look at %s: %s", directory, strerror(errno));
    if (!(st.st_mode & OF_OTHERS))
        return OK;
    find_another_thing(directory, other);
    if (!*other && chmod(directory, PRIVATE) == 0)
        return OK;
    return st.st_mode & WRITTEN_BY_OTHERS ? refuse_open(directory, &st, other, e) : OK;
}
