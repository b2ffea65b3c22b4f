#include "auth/access.h"
#include "base/deadline.h"
#include "gate/internal.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct link_security gate_inside = {.zap_domain = "inside"}, gate_local = {.zap_domain = "local"};

enum { LOOK_US = 1000000, SEEN_MAX = 1 << 16 };

static uid_t owner_of(const char *directory)
{
    struct stat st;
    return stat(directory, &st) == 0 ? st.st_uid : geteuid();
}

struct gate *gate_new(const struct gate_options *o)
{
    struct gate *g = calloc(1, sizeof *g);
    ASSERT(g);
    g->o = *o;
    g->owner = owner_of(o->directory);
    g->generation = 1;
    return g;
}

void gate_destroy(struct gate **out)
{
    struct gate *g = *out;
    if (!g)
        return;
    context_forget(&g->server);
    map_free(&g->seen);
    free(g->connection);
    free(g);
    *out = NULL;
}

void gate_keys(struct gate *g, const struct access *(*access)(void *ctx), void *ctx)
{
    g->access = access;
    g->access_ctx = ctx;
}

void gate_strangers(struct gate *g, bool (*welcome)(const struct access *a, int64_t wall_ms))
{
    g->strangers = welcome;
}

void gate_invite(struct gate *g) { g->invites = true; }

void gate_count(struct gate *g, struct metrics *metrics) { g->o.metrics = metrics; }

uint64_t gate_questions(const struct gate *g) { return g->questions; }

void gate_audit(struct gate *g, audit_fn *audit, void *ctx)
{
    g->o.audit = audit;
    g->o.audit_ctx = ctx;
}

struct reactor_source gate_source(struct gate *g)
{
    return (struct reactor_source){.name = "gate",
                                   .ctx = g,
                                   .type = ZMQ_ROUTER,
                                   .mode = LINK_BIND,
                                   .endpoint = "inproc://zeromq.zap.01",
                                   .options.hwm = 1000,
                                   .frames = gate_asked};
}

/* ---- messages of those who are in ---- */

static uint64_t place(unsigned source, const struct link_message *m) { return m->peer.id ^ (uint64_t)source << 48; }

/* Sockets that do not tell their peers apart see few messages (subscriptions): those are looked at each time. */
static bool seen(const struct gate *g, unsigned source, const struct link_message *m)
{
    uint32_t generation;
    return m->peer.id != 1 && map_get(&g->seen, place(source, m), &generation) && generation == g->generation;
}

static void note_seen(struct gate *g, unsigned source, const struct link_message *m)
{
    if (g->seen.count >= SEEN_MAX)
        map_free(&g->seen);
    if (m->peer.id != 1)
        map_put(&g->seen, place(source, m), g->generation);
}

bool gate_admits(void *gate, unsigned source, struct link_message *m, struct moment now)
{
    struct gate *g = gate;
    uint8_t key[LINK_KEY_BYTES];
    if (m->peer.principal[0] != 'k' || seen(g, source, m) || !gate_key_of_principal(m->peer.principal, key))
        return true;
    enum gate_reason reason = gate_judge_key(g, key, now.wall_ms);
    if (reason != GATE_IN && reason != GATE_GUEST) {
        link_cut(m);
        gate_cut(g, key, link_address(m), false);
        return false;
    }
    connections_note(g, link_descriptor(m), key, reason == GATE_GUEST ? now.mono_us + GUEST_US : 0);
    if (reason == GATE_GUEST)
        g->look_us = earlier_us(g->look_us, now.mono_us + LOOK_US);
    note_seen(g, source, m);
    return true;
}

int64_t gate_tick(struct gate *g, struct moment now)
{
    const struct access *access = g->access ? g->access(g->access_ctx) : NULL;
    bool changed = access && access_changed(access) != g->changed;
    if (!changed && now.mono_us < g->look_us)
        return g->look_us;
    if (access)
        g->changed = access_changed(access);
    g->generation++;
    g->look_us = connections_look(g, now) ? now.mono_us + LOOK_US : INT64_MAX;
    return g->look_us;
}
