/* Which journal a directory has, kept outside of it. */
#include "journal/internal.h"
#include "state/state.h"
#include "store/guard.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IDENTITY_PATH_BYTES = STORE_PATH_BYTES + 32 };

static const char *path_of(char path[static IDENTITY_PATH_BYTES], const char *directory, const char *name)
{
    snprintf(path, IDENTITY_PATH_BYTES, "%s/%s", directory, name);
    return path;
}

static bool is_there(const char *directory, const char *name)
{
    char path[IDENTITY_PATH_BYTES];
    return access(path_of(path, directory, name), F_OK) == 0;
}

static enum err write_text(const char *path, const char *text, struct err_text *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(e, ERR_IO, "open %s: %s", path, strerror(errno));
    size_t bytes = strlen(text);
    bool done = write(fd, text, bytes) == (ssize_t)bytes && fsync(fd) == 0;
    int why = errno;
    close(fd);
    return done ? OK : err_set(e, why == ENOSPC ? ERR_FULL : ERR_IO, "write %s: %s", path, strerror(why));
}

static enum err identity_write(const char *directory, uint64_t id, struct err_text *e)
{
    char path[IDENTITY_PATH_BYTES], draft[IDENTITY_PATH_BYTES], text[32];
    snprintf(text, sizeof text, "%016" PRIx64 "\n", id);
    path_of(path, directory, "journal.id");
    enum err err = write_text(path_of(draft, directory, "journal.id.new"), text, e);
    if (!err && rename(draft, path) < 0)
        err = err_set(e, ERR_IO, "rename %s: %s", draft, strerror(errno));
    return err ? err : guard_sync_directory(directory, e);
}

enum err identity_read(const char *directory, uint64_t *id, struct err_text *e)
{
    char path[IDENTITY_PATH_BYTES], text[32] = "", *end = text;
    *id = 0;
    FILE *f = fopen(path_of(path, directory, "journal.id"), "re");
    if (!f)
        return errno == ENOENT ? OK : err_set(e, ERR_IO, "open %s: %s", path, strerror(errno));
    if (fgets(text, sizeof text, f))
        *id = strtoull(text, &end, 16);
    fclose(f);
    if (*id && end == text + 16 && strcmp(end, "\n") == 0)
        return OK;
    return err_set(e, ERR_CORRUPT, "%s does not hold the id of a journal: delete it if %s/journal is the right one",
                   path, directory);
}

/* What the directory had before, by whoever remembers it; known 0: nobody does. */
struct memory {
    uint64_t known;
    const char *where;
};

/* journal.id alone could be lost, and then anything would do: state remembers as well. */
static enum err remember(const char *directory, struct memory *m, struct err_text *e)
{
    *m = (struct memory){.where = "journal.id"};
    enum err err = identity_read(directory, &m->known, e);
    if (err || m->known)
        return err;
    m->where = "state";
    return state_followed(directory, &m->known, e);
}

enum err identity_known(const char *directory, uint64_t *id, struct err_text *e)
{
    struct memory m;
    enum err err = remember(directory, &m, e);
    *id = m.known;
    return err_wrap(
        e, err,
        "%s has no journal.id, and its state does not say which journal it had. Put journal.id back; or move "
        "state aside (mv), if the journal there is the right one",
        directory);
}

enum err identity_check(const char *directory, uint64_t id, struct err_text *e)
{
    struct memory m;
    enum err err = remember(directory, &m, e);
    if (err || !m.known || m.known == id)
        return err;
    return err_set(e, ERR_CORRUPT,
                   "it is journal %016" PRIx64 ", and the one of this directory is %016" PRIx64
                   " (so says %s): put that one back. Only if this one is right and that one is lost for good, move "
                   "journal.id and state in %s aside (mv) and start again",
                   id, m.known, m.where, directory);
}

enum err identity_keep(const char *directory, uint64_t id, struct err_text *e)
{
    return is_there(directory, "journal.id") ? OK : identity_write(directory, id, e);
}

static bool has_bytes(const char *directory, const char *name)
{
    char path[IDENTITY_PATH_BYTES];
    struct stat st;
    return stat(path_of(path, directory, name), &st) == 0 && st.st_size > 0;
}

enum err journal_expected(const char *directory, struct err_text *e)
{
    if (has_bytes(directory, "journal/data.mdb"))
        return OK;
    if (!is_there(directory, "journal.id") && !is_there(directory, "state/data.mdb"))
        return OK;
    return err_set(e, ERR_CORRUPT,
                   "%s had a journal, and it is gone%s: is its disk not mounted, or was it moved? Put it back, or take "
                   "it from a backup ('parbus restore'), and start again. Only to start anew, without anything that "
                   "was ever receipted, move journal.id, journal and state there aside (mv)",
                   directory, is_there(directory, "journal/data.mdb") ? " (journal/data.mdb is an empty file)" : "");
}

enum err journal_forget(const char *directory, struct err_text *e)
{
    char path[IDENTITY_PATH_BYTES];
    if (unlink(path_of(path, directory, "journal.id")) < 0 && errno != ENOENT)
        return err_set(e, ERR_IO, "delete %s: %s", path, strerror(errno));
    return OK;
}
