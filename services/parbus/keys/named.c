#include "services/parbus/keys/keys.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

const char *named_context_default(void)
{
    const char *named = getenv("PARBUS_CONTEXT");
    return named && *named ? named : "default";
}

/* The default is a link: what is written takes the place of the file, not of the link. */
enum err named_context_path(char path[static PATH_MAX], const char *named, bool make, struct err_text *e)
{
    char real[PATH_MAX];
    enum err err = OK;
    if (!strchr(named, '/'))
        err = context_path(path, named, make, e);
    else if (snprintf(path, PATH_MAX, "%s", named) >= PATH_MAX)
        err = err_set(e, ERR_TOO_LARGE, "the path is too long");
    if (!err && realpath(path, real))
        strcpy(path, real);
    return err;
}

/* A pipeline that lives in DIR is what is meant when nothing is said. */
static bool has_default(const char *directory)
{
    char run[PATH_MAX], path[PATH_MAX];
    return snprintf(run, sizeof run, "%s/run", directory) < (int)sizeof run && access(run, F_OK) != 0 &&
           context_path(path, "default", false, NULL) == OK && access(path, F_OK) == 0;
}

static enum err read_it(struct named_context *c, const char *named, struct err_text *e)
{
    char path[PATH_MAX];
    enum err err = named_context_path(path, named, false, e);
    if (!err)
        err = context_read(&c->context, path, e);
    if (!err && !c->context.has_server)
        err = err_set(e, ERR_INVALID, "%s names no server: it is a server's own key", path);
    return err;
}

int named_context_read(struct named_context *c, const struct command *command, const char *named, const char *directory)
{
    struct err_text e;
    const char *set = getenv("PARBUS_CONTEXT");
    *c = (struct named_context){.there = false};
    if (!named)
        named = set && *set ? set : directory && has_default(directory) ? "default" : NULL;
    if (!named)
        return 0;
    prctl(PR_SET_DUMPABLE, 0);
    if (read_it(c, named, &e) != OK)
        return command_failed(command, "context %s: %s", named, e.text);
    memcpy(c->keys.public_key, c->context.public_key, sizeof c->keys.public_key);
    memcpy(c->keys.secret_key, c->context.secret_key, sizeof c->keys.secret_key);
    memcpy(c->keys.server_key, c->context.server_key, sizeof c->keys.server_key);
    c->there = true;
    return 0;
}

const struct parbus_keys *named_context_keys(const struct named_context *c) { return c->there ? &c->keys : NULL; }

void named_context_forget(struct named_context *c) { explicit_bzero(c, sizeof *c); }
