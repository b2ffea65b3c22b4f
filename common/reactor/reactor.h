/* The loop of every program. A shell is a table of sources (sockets, descriptors, timers) and a few hooks; the reactor
 * waits for all of them, reads and decodes what came, each source in its turn and within its limits, and tells the
 * time.
 *
 *     turn: wait → every source that has something → timers that are due → tick → is it over?
 *
 * Deadlines are absolute, on clock_mono_us, and met to the microsecond as far as the kernel does. One thread; several
 * reactors may live in one process. Hooks are called by reactor_step and reactor_run only, and may call everything here
 * except those two and reactor_close. */
#pragma once
#include "base/moment.h"
#include "base/tell.h"
#include "link/link.h"
#include "wire/wire.h"

enum reactor_kind { REACTOR_SOCKET, REACTOR_DESCRIPTOR, REACTOR_TIMER };

/* How much of one source is taken in one turn, so that all others keep their time; 0: the value below. */
struct reactor_limits {
    unsigned messages;
    size_t bytes; /* reached, not kept below: the message that reaches it is the last one */
    int64_t us;
};
enum { REACTOR_MESSAGES_MAX = 1024, REACTOR_BYTES_MAX = 8 << 20, REACTOR_US_MAX = 5000 };
enum { REACTOR_FRAMES_BYTES_MAX = 64 << 10 };

/* A row of the table. Strings and what is pointed to live as long as the source. A socket with none of channel, frame
 * and frames is never read: it only sends. */
struct reactor_source {
    const char *name;
    enum reactor_kind kind;
    void *ctx; /* of this row's functions; NULL: the hooks' */

    int type; /* ZMQ_ROUTER, ZMQ_DEALER, ZMQ_PUSH, ZMQ_PULL, ZMQ_XPUB, ZMQ_SUB */
    enum link_mode mode;
    const char *endpoint; /* NULL: ipc://<directory>/run/<name> */
    struct link_options options;
    const struct wire_channel *channel; /* decodes for hooks.message; or: */
    void (*frame)(void *ctx, unsigned source, struct link_message *m, struct moment now);
    /* … or, of several frames each, as they are; larger ones are dropped and counted (link_dropped). Not for REP. */
    void (*frames)(void *ctx, unsigned source, struct link_frames *m, struct moment now);
    unsigned frames_max;       /* of one message; 0: LINK_FRAMES_MAX */
    size_t frames_bytes_max;   /* of one message, all its frames; 0: REACTOR_FRAMES_BYTES_MAX */
    bool (*wanted)(void *ctx); /* asked before each message; false: it stays where it is. NULL: always */
    struct reactor_limits limits;
    size_t small_bytes,
        waiting_bytes_max; /* ROUTER: larger ones are sent by link_send_to_within; 0: all by link_send_to */
    int last_words_ms;     /* what is queued may leave for so long after the socket was closed */

    int fd; /* the caller's: closed by it, after reactor_remove or reactor_close */
    void (*ready)(void *ctx, unsigned source, struct moment now); /* it can be read, or is at its end */

    int64_t (*due)(void *ctx, struct moment now); /* at once, then when it said itself; INT64_MAX: never again */
};

/* A socket whose file was removed or replaced is bound again within a second: nobody could connect to it any more. */
struct reactor_hooks {
    void *ctx;
    /* What came on a socket with a channel; what could not be read comes too (m->err). Peer and message are valid
     * during the call. */
    void (*message)(void *ctx, unsigned source, struct peer peer, const struct wire_message *m, struct moment now);
    /* Once per turn, after the messages; returns when to call again at the latest. NULL: nothing is ever due. */
    int64_t (*tick)(void *ctx, struct moment now);
    /* stop_fd can be read: returns until when to go on, unless reactor_end comes first. Called once. NULL: it ends. */
    int64_t (*stop)(void *ctx, struct moment now);
    /* The reactor's own news for the log. NULL: they are not told. */
    tell_fn *tell;
    /* Asked before each message of a source with a channel or frame; false: it is dropped. NULL: all are taken. */
    bool (*admits)(void *admits_ctx, unsigned source, struct link_message *m, struct moment now);
    void *admits_ctx;
};

struct reactor_options {
    struct reactor_hooks hooks;
    const struct reactor_source *sources; /* row i of the table is source i */
    unsigned count;
    const char *directory; /* for sources without an endpoint */
    int stop_fd;           /* signalfd, never read; the caller's; 0: none */
};

struct reactor;

/* Opens all sources, those of endpoints within the process (inproc) first: whoever is asked who may come in is there
 * before anybody can. The first hook is called by the first step. On failure *r is NULL and the text names the source.
 * ERR_IO, ERR_TOO_LARGE, ERR_INVALID as link_open. */
enum err reactor_open(struct reactor **r, const struct reactor_options *options, struct err_text *e);
/* Closes the sockets. link_shutdown stays the caller's, after all reactors. */
void reactor_close(struct reactor **r);

/* Until it ends; returns why. */
enum err reactor_run(struct reactor *r, struct err_text *e);
/* After the hook that calls one of them no other is called; the first call counts. reactor_fail returns err. */
void reactor_end(struct reactor *r);
enum err reactor_fail(struct reactor *r, enum err err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Why it ended; OK as long as it has not. */
enum err reactor_result(const struct reactor *r, struct err_text *e);

/* ---- inside somebody else's loop ---- */

/* Wait until reactor_descriptor can be read or it is reactor_deadline, then call reactor_step(r, 0). Ask for the
 * deadline just before waiting: whatever was sent may have changed it. */
int reactor_descriptor(const struct reactor *r);
int64_t reactor_deadline(struct reactor *r); /* INT64_MAX: none; in the past: at once */
/* One turn, which waits until then at most (0: not at all). false: it has ended. */
bool reactor_step(struct reactor *r, int64_t until_us);
/* Something happened between two turns that tick has to see: the next turn does not wait for it. */
void reactor_due(struct reactor *r);

/* ---- sources come and go ---- */

/* The row is copied. Numbers of sources that were removed are used again. */
enum err reactor_add(struct reactor *r, const struct reactor_source *row, unsigned *source, struct err_text *e);
void reactor_remove(struct reactor *r, unsigned source);
/* A further endpoint of a bound socket. Endpoint and security live as long as the source. */
enum err reactor_bind(struct reactor *r, unsigned source, const char *endpoint, const struct link_security *security,
                      struct err_text *e);
/* Within a turn: whether its limits have left something of this source behind, or it is not wanted. */
bool reactor_waiting(const struct reactor *r, unsigned source);

/* ---- sending; never blocks; errors as link_send, link_send_to. peer: only a ROUTER looks at it ---- */

enum err reactor_send(struct reactor *r, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m);
enum err reactor_send_bytes(struct reactor *r, unsigned source, uint64_t peer, const void *data, size_t bytes);
/* A source with frames; on a ROUTER the first piece is the first frame of whom it is for. */
enum err reactor_send_frames(struct reactor *r, unsigned source, const struct link_piece *piece, unsigned count);
/* Within hooks.message: as link_cut. What has come already comes still. */
int reactor_cut(struct reactor *r);
/* Within hooks.message: as link_address. */
const char *reactor_address(struct reactor *r);
/* Within frame of an XPUB that asks: as link_allow; ERR_NOT_FOUND also when it is doubtful whose message it is. */
enum err reactor_allow(struct reactor *r, unsigned source);
/* XPUB. */
enum err reactor_publish(struct reactor *r, unsigned source, const char *topic, const void *data, size_t bytes);
/* SUB. */
enum err reactor_subscribe(struct reactor *r, unsigned source, const char *topic);
enum err reactor_unsubscribe(struct reactor *r, unsigned source, const char *topic);
