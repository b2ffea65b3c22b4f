/* What the shells of validator, scorer and publisher have in common: the reactor, and who the process is towards the
 * coordinator. A shell is a struct whose first member is the struct worker_shell: the functions that take a `void
 * *shell` are given a pointer to it. One thread; one per process. */
#pragma once
#include "gate/gate.h"
#include "reactor/reactor.h"
#include "service/service.h"
#include "worker/worker.h"

enum { WORKER_LAST_WORDS_MS = 20 }; /* for the I/O thread to send what is queued at the end */

struct worker_shell {
    const struct service *service; /* the caller's */
    struct bookmark *bookmark;     /* NULL: not asked for */
    struct reactor *reactor;
    struct gate *gate; /* of all sockets that are bound */
};

/* Opens the sources of the table, and the gate behind them; hooks.ctx is the shell. On an error too, worker_shell_close
 * is to be called. */
enum err worker_shell_open(void *shell, const struct service *service, const struct reactor_source *sources,
                           unsigned count, const struct reactor_hooks *hooks, struct err_text *e);
/* Of the sockets too; the process's ZeroMQ context ends here. */
void worker_shell_close(void *shell);

/* Fills in what every worker says of itself in the same way (rule I1): instance, pid, incarnation, heartbeat. ERR_IO.
 */
enum err worker_shell_identify(const struct worker_shell *s, struct worker_config *config, struct err_text *e);
/* For those who look at entries of the journal (rule I17): opens the instance's bookmark and puts it into *config, with
 * what it said. ERR_IO. */
enum err worker_shell_bookmark(struct worker_shell *s, struct worker_config *config, struct err_text *e);

/* The `send` of a core's io table whose ctx is the shell. */
enum err worker_shell_send(void *shell, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m);
/* Once per turn: what the process counts beside the core goes into its metrics; the reactor ends when `over` is not OK.
 */
void worker_shell_tick(struct worker_shell *s, struct metrics *metrics, enum err over, const struct err_text *why);
/* When a worker that leaves goes, whether it is done or not (rule I14). */
int64_t worker_shell_gone_us(const struct worker_shell *s, struct moment now);
