#include "gate/internal.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { PRIVATE = 0700 };

static const struct link_security clear_text = {.zap_domain = "insecure"};

/* ---- the server's key ---- */

static enum err make_key(struct context *key, const char *path, struct err_text *e)
{
    *key = (struct context){.name = "server"};
    enum err err = context_draw(key, e);
    if (!err)
        err = context_write(key, path, false, e);
    return err == ERR_BUSY ? context_read(key, path, e) : err; /* another process of the pipeline was first */
}

enum err gate_server_key(const char *directory, struct context *key, struct err_text *e)
{
    char path[PATH_MAX];
    prctl(PR_SET_DUMPABLE, 0);
    snprintf(path, sizeof path, "%s/keys", directory);
    if (mkdir(path, PRIVATE) != 0 && errno != EEXIST)
        return err_set(e, ERR_IO, "make %s: %s", path, strerror(errno));
    snprintf(path, sizeof path, "%s/keys/server", directory);
    enum err err = context_read(key, path, e);
    if (err == ERR_NOT_FOUND)
        err = make_key(key, path, e);
    return err_wrap(e, err, "the server's key");
}

/* ---- endpoints ---- */

static bool starts(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static bool is_local(const char *endpoint) { return starts(endpoint, "ipc://"); }

static bool is_loopback(const char *endpoint)
{
    return starts(endpoint, "tcp://127.") || starts(endpoint, "tcp://localhost:") || starts(endpoint, "tcp://[::1]:");
}

static enum err check_insecure(const char *endpoint, struct err_text *e)
{
    return is_loopback(endpoint) ? OK
                                 : err_set(e, ERR_INVALID,
                                           "%s: without keys (--insecure) only addresses of this host are opened, such "
                                           "as tcp://127.0.0.1:5700: anybody could be anybody, and read along",
                                           endpoint);
}

static bool any_curve(const struct gate_door *door, unsigned count, bool insecure)
{
    for (unsigned i = 0; i < count && !insecure; i++)
        if (!is_local(door[i].endpoint))
            return true;
    return false;
}

static enum err prepare_curve(struct gate *g, struct reactor *r, struct err_text *e)
{
    enum err err = gate_server_key(g->o.directory, &g->server, e);
    g->curve = (struct link_security){
        .mechanism = LINK_CURVE_SERVER, .secret_key = g->server.secret_key, .zap_domain = "curve"};
    return err ? err : gate_trial(g, r, e);
}

static const struct link_security *security_of(const struct gate *g, const char *endpoint, bool insecure)
{
    return is_local(endpoint) ? &gate_local : insecure ? &clear_text : &g->curve;
}

enum err gate_open(struct gate *g, struct reactor *r, const struct gate_door *door, unsigned count, bool insecure,
                   struct err_text *e)
{
    enum err err = OK;
    for (unsigned i = 0; i < count && insecure && !err; i++)
        err = is_local(door[i].endpoint) ? OK : check_insecure(door[i].endpoint, e);
    if (!err && any_curve(door, count, insecure))
        err = prepare_curve(g, r, e);
    for (unsigned i = 0; i < count && !err; i++)
        err = reactor_bind(r, door[i].source, door[i].endpoint, security_of(g, door[i].endpoint, insecure), e);
    return err;
}
