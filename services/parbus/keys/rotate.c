/* A new key in the place of an old one, asked for by whoever has the old one. */
#include "base/date.h"
#include "link/link.h"
#include "services/parbus/join/joining.h"
#include "services/parbus/keys/internal.h"
#include "wire/wire.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PATIENCE_US = 20000000 };

static const int64_t A_DAY_MS = 86400000, OVERLAP_MS = 7 * 86400000ll;

static enum err next_path(char out[static PATH_MAX], const char *path, struct err_text *e)
{
    return snprintf(out, PATH_MAX, "%s.next", path) < PATH_MAX ? OK : err_set(e, ERR_TOO_LARGE, "the path is too long");
}

/* On disk before anybody hears of it; that of a rotation that was not finished goes on. */
static enum err draw_next(struct context *next, const struct context *c, const char *file, struct err_text *e)
{
    if (context_read(next, file, NULL) == OK && !strcmp(next->name, c->name))
        return OK;
    *next = *c;
    enum err err = context_draw(next, e);
    return err ? err : context_write(next, file, true, e);
}

static enum err put_in_place(const char *file, const char *path, struct err_text *e)
{
    return rename(file, path) == 0 ? OK : err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
}

/* When the old key does not hold any more, the new one may: the last rotation was not heard to its end. */
static enum err ask(struct joining *j, const struct context *next, struct err_text *e)
{
    struct joining again = *j;
    enum err err = joining_ask(j, PATIENCE_US / 2, e);
    if (err != ERR_TIMEOUT)
        return err;
    again.with = next;
    if (joining_ask(&again, PATIENCE_US / 2, NULL) != OK)
        return err_set(e, err,
                       "nobody answers at %s, or this key is not known there (any more). Nothing was changed here; "
                       "try again",
                       next->door);
    *j = again;
    return OK;
}

static enum err rotate(const char *path, int64_t overlap_ms, struct joining *j, struct err_text *e)
{
    struct context c, next;
    char file[PATH_MAX];
    enum err err = context_read(&c, path, e);
    if (err)
        return err;
    if (!c.has_server || !c.door[0])
        err = err_set(e, ERR_INVALID, "%s names no server, or no door of it", path);
    if (!err)
        err = next_path(file, path, e);
    if (!err)
        err = draw_next(&next, &c, file, e);
    *j = (struct joining){.with = &c, .public_key = next.public_key, .overlap_ms = overlap_ms};
    if (!err)
        err = ask(j, &next, e);
    if (!err)
        err = put_in_place(file, path, e);
    else if (err == ERR_INVALID)
        unlink(file);
    context_forget(&c);
    context_forget(&next);
    return err;
}

int keys_rotate(const struct given *g, char **word)
{
    struct err_text e;
    struct joining j = {.with = NULL};
    char path[PATH_MAX], until[DATE_TEXT_BYTES];
    int64_t overlap_ms = OVERLAP_MS;
    if (g->overlap && (!expires_read_span(g->overlap, &overlap_ms) || overlap_ms > WIRE_OVERLAP_DAYS_MAX * A_DAY_MS))
        return command_usage_error(g->command, "--overlap wants 30m, 12h or 7d, at most %dd, not '%s'",
                                   WIRE_OVERLAP_DAYS_MAX, g->overlap);
    prctl(PR_SET_DUMPABLE, 0);
    enum err err = named_context_path(path, word[0] ? word[0] : named_context_default(), false, &e);
    if (!err)
        err = rotate(path, overlap_ms, &j, &e);
    link_shutdown();
    if (err)
        return command_failed(g->command, "%s", e.text);
    date_format_ms(j.old_until_ms, until);
    fprintf(stderr,
            "%s has a new key, in %s. The old one is valid until %s; end it now: parbus keys revoke, at the "
            "server\n",
            j.name, path, until);
    return 0;
}
