/* Who comes in. libzmq asks the gate (the ZAP handler of the process, RFC 27) about each connection to a bound socket
 * before anything of it counts, and puts what the gate says of it, the principal, beside each of its messages
 * (PROTOCOL.md, chapter 11, T2):
 *
 *     owner          a local socket, a process of the directory's owner or of root: the kernel's word (T2b)
 *     user:<uid>     a local socket, somebody else
 *     key:<64 hex>   CURVE, and the key is in the table of rights (T2a)
 *     insecure       clear text from this host, when that was asked for (T2c)
 *
 * Everybody else is refused, counted by reason, and told with the address (T3). Whoever's key ends while it is
 * connected is cut (T4). One gate per process, one thread. */
#pragma once
#include "audit/audit.h"
#include "base/metrics.h"
#include "base/tell.h"
#include "context/context.h"
#include "reactor/reactor.h"

struct access;
struct gate;

/* The security of local sockets: those between the processes of the pipeline, for the owner alone; those that feeders
 * and dashboards use, for whoever can reach the file. */
extern const struct link_security gate_inside, gate_local;

struct gate_options {
    const char *directory;    /* whose owner is "owner" */
    struct reactor **reactor; /* that has gate_source; opened later */
    struct metrics *metrics;  /* NULL: refusals are told, not counted */
    void *ctx;                /* of tell */
    tell_fn *tell;
    void *audit_ctx;
    audit_fn *audit; /* NULL: refusals and cuts are told, not kept */
};
/* Everything in it lives as long as the gate. */
struct gate *gate_new(const struct gate_options *o);
/* After the reactor. */
void gate_destroy(struct gate **g);

/* The table that keys are looked up in, asked for each time; NULL: no key is known. */
void gate_keys(struct gate *g, const struct access *(*access)(void *ctx), void *ctx);
/* Asked when nobody has a key: whether it may come in all the same, because something is open to anybody (T3a). NULL:
 * it may not. */
void gate_strangers(struct gate *g, bool (*welcome)(const struct access *a, int64_t wall_ms));
void gate_count(struct gate *g, struct metrics *metrics);
/* How many connections it was asked about. */
uint64_t gate_questions(const struct gate *g);
void gate_audit(struct gate *g, audit_fn *audit, void *ctx);

/* From now on a key that nobody ever had comes in, too, while the table has invitations, for half a minute: the service
 * sees to it that it can show one and nothing else (T6). */
void gate_invite(struct gate *g);

/* The row for the table of sources. */
struct reactor_source gate_source(struct gate *g);
/* reactor_hooks.admits, with the gate as its ctx: drops what comes from a key that has ended. */
bool gate_admits(void *gate, unsigned source, struct link_message *m, struct moment now);
/* Once per turn: cuts the connections whose key has ended. Returns when to call again at the latest. */
int64_t gate_tick(struct gate *g, struct moment now);

/* ---- doors to the network ---- */

struct gate_door {
    unsigned source;      /* a bound socket of the reactor */
    const char *endpoint; /* ipc://…, tcp://… */
};
/* Binds them: ipc as gate_local; tcp with CURVE and the server's key, which is made when there is none; with `insecure`
 * without CURVE, on loopback addresses alone. Before a door with CURVE is opened, a key that nobody knows is tried, and
 * unless it is refused no door opens (T5). What happens at the other sources meanwhile is served. */
enum err gate_open(struct gate *g, struct reactor *r, const struct gate_door *door, unsigned count, bool insecure,
                   struct err_text *e);

/* DIR/keys/server (T1), made when it is not there. From here on no core file of this process is written. */
enum err gate_server_key(const char *directory, struct context *key, struct err_text *e);

/* "key:<64 hex>" */
enum { GATE_PRINCIPAL_BYTES = 72 };
void gate_principal_of_key(char out[static GATE_PRINCIPAL_BYTES], const uint8_t key[static LINK_KEY_BYTES]);
/* false: it is no key's. */
bool gate_key_of_principal(const char *principal, uint8_t key[static LINK_KEY_BYTES]);
