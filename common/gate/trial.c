#include "base/clock.h"
#include "gate/internal.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TRIAL_US = 5000000, TURN_US = 10000 };

static void let_in(void *gate, unsigned source, struct link_message *m, struct moment now)
{
    (void)source, (void)m, (void)now;
    ((struct gate *)gate)->trial_let_in = true;
}

static enum err listen_for_it(struct gate *g, struct reactor *r, const char *endpoint, unsigned *source,
                              struct err_text *e)
{
    return reactor_add(r,
                       &(struct reactor_source){.name = "trial",
                                                .ctx = g,
                                                .type = ZMQ_ROUTER,
                                                .mode = LINK_BIND,
                                                .endpoint = endpoint,
                                                .options = {.hwm = 1, .security = &g->curve},
                                                .frame = let_in},
                       source, e);
}

static enum err knock(struct gate *g, struct reactor *r, const char *endpoint, const struct context *stranger,
                      struct err_text *e)
{
    const struct link_security security = {.mechanism = LINK_CURVE_CLIENT,
                                           .secret_key = stranger->secret_key,
                                           .public_key = stranger->public_key,
                                           .server_key = g->server.public_key};
    void *client;
    bool goes_on = true;
    enum err err = link_open(&client, ZMQ_DEALER, LINK_CONNECT, endpoint,
                             &(struct link_options){.hwm = 1, .security = &security}, e);
    if (err)
        return err;
    link_send(client, "trial", 5);
    for (int64_t end_us = clock_mono_us() + TRIAL_US;
         goes_on && !g->trial_refused && !g->trial_let_in && clock_mono_us() < end_us;)
        goes_on = reactor_step(r, clock_mono_us() + TURN_US);
    link_close(&client);
    return OK;
}

/* Over a socket of its own, with the security that the doors will have. */
enum err gate_trial(struct gate *g, struct reactor *r, struct err_text *e)
{
    char endpoint[LINK_ENDPOINT_BYTES], name[32];
    struct context stranger = {.name = "stranger"};
    unsigned source;
    snprintf(name, sizeof name, "trial-%d", (int)getpid());
    enum err err = link_endpoint(endpoint, g->o.directory, name, e);
    if (!err)
        err = context_draw(&stranger, e);
    if (!err)
        err = listen_for_it(g, r, endpoint, &source, e);
    if (err)
        return err;
    memcpy(g->trial, stranger.public_key, sizeof g->trial);
    g->trying = true;
    err = knock(g, r, endpoint, &stranger, e);
    g->trying = false;
    reactor_remove(r, source);
    unlink(endpoint + strlen("ipc://"));
    context_forget(&stranger);
    if (!err && (g->trial_let_in || !g->trial_refused))
        err = err_set(e, ERR_INVALID,
                      "a key that nobody knows was not refused at a trial: no door to the network is opened");
    return err;
}
