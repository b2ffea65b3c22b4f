/* What the shells of validator, scorer and publisher have in common: who the process is towards the coordinator, the
 * message in hand, and the bytes of the one that goes out. One thread; one per process. */
#pragma once
#include "link/link.h"
#include "service/service.h"
#include "wire/wire.h"
#include "worker/worker.h"

struct worker_shell {
    const struct service *service; /* the caller's */
    struct bookmark *bookmark;     /* NULL: not asked for */
    struct link_message message;   /* in hand */
    struct arena arena;            /* what it was unpacked into */
    struct buffer out;
};

void worker_shell_open(struct worker_shell *s, const struct service *service);
/* After the sockets, which are their owner's to close: the process's ZeroMQ context ends here. */
void worker_shell_close(struct worker_shell *s);

/* Fills in what every worker says of itself in the same way (rule I1): instance, pid, incarnation, heartbeat. ERR_IO.
 */
enum err worker_shell_identify(const struct worker_shell *s, struct worker_config *config, struct err_text *e);
/* For those who look at entries of the journal (rule I17): opens the instance's bookmark and puts it into *config, with
 * what it said. ERR_IO. */
enum err worker_shell_bookmark(struct worker_shell *s, struct worker_config *config, struct err_text *e);

/* Never blocks. ERR_BUSY: not sent. `kind` is the field in the envelope. */
enum err worker_shell_send(struct worker_shell *s, void *socket, uint32_t kind, const ProtobufCMessage *message);
/* One message without waiting. ERR_BUSY: nothing there; else what wire_open says of it. *m is valid until the next one.
 */
enum err worker_shell_receive(struct worker_shell *s, void *socket, int type, const struct wire_channel *channel,
                              struct wire_message *m, struct err_text *e);

/* A core's `trouble`: a log line. */
void worker_shell_trouble(void *ctx, const char *id, const char *text);
/* Waits a moment before the end, for the I/O thread to send what is queued. */
void worker_shell_last_words(void);
