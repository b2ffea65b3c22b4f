#include "services/parbus/join/draft.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum err draft_path(char out[static PATH_MAX], const char *path, struct err_text *e)
{
    return snprintf(out, PATH_MAX, "%s.joining", path) < PATH_MAX ? OK
                                                                  : err_set(e, ERR_TOO_LARGE, "the path is too long");
}

static enum err draw(struct context *c, const struct invitation *i, const char *draft, struct err_text *e)
{
    *c = (struct context){.has_server = true};
    strcpy(c->name, i->name);
    strcpy(c->door, i->door);
    strcpy(c->feed, i->feed);
    strcpy(c->snapshots, i->snapshots);
    memcpy(c->server_key, i->server_key, sizeof c->server_key);
    enum err err = context_draw(c, e);
    return err ? err : context_write(c, draft, true, e);
}

static bool is_of(const struct context *c, const struct invitation *i)
{
    return c->has_server && !strcmp(c->name, i->name) && !strcmp(c->door, i->door) &&
           memcmp(c->server_key, i->server_key, sizeof c->server_key) == 0;
}

enum err draft_open(struct context *c, const struct invitation *i, const char *path, struct err_text *e)
{
    char draft[PATH_MAX];
    if (access(path, F_OK) == 0)
        return err_set(e, ERR_BUSY, "%s is there already: parbus join --context NAME makes one of another name", path);
    enum err err = draft_path(draft, path, e);
    if (err || (context_read(c, draft, NULL) == OK && is_of(c, i)))
        return err;
    return draw(c, i, draft, e);
}

void draft_remove(const char *path)
{
    char draft[PATH_MAX];
    if (draft_path(draft, path, NULL) == OK)
        unlink(draft);
}

/* The newest one is what commands take when nothing is said. */
static enum err make_default(const char *path, struct err_text *e)
{
    char link[PATH_MAX], made[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash + 1;
    if (snprintf(link, sizeof link, "%.*s/default.context", (int)(slash - path), path) >= (int)sizeof link ||
        snprintf(made, sizeof made, "%.*s/.default.%d", (int)(slash - path), path, (int)getpid()) >= (int)sizeof made)
        return err_set(e, ERR_TOO_LARGE, "the path is too long");
    if (!strcmp(link, path))
        return OK;
    unlink(made);
    if (symlink(name, made) == 0 && rename(made, link) == 0)
        return OK;
    return err_set(e, ERR_IO, "%s: %s", link, strerror(errno));
}

enum err draft_keep(const struct context *c, const char *path, struct err_text *e)
{
    enum err err = context_write(c, path, false, e);
    if (err)
        return err;
    draft_remove(path);
    return make_default(path, e);
}
