/* What the files of the gate share. */
#pragma once
#include "base/map.h"
#include "gate/gate.h"
#include <sys/socket.h>

enum gate_reason { GATE_IN, GATE_UNKNOWN_KEY, GATE_FOREIGN_USER, GATE_MISSHAPEN, GATE_REASONS };

enum { ADDRESS_BYTES = 64, ADDRESSES_MAX = 64 };

/* Refusals from one address for one reason; not each of them is worth a line. */
struct refused {
    char address[ADDRESS_BYTES];
    enum gate_reason reason;
    uint64_t count, told;
    int64_t told_us;
};

/* A connection by its descriptor, which is used again when it has ended: the other end's address tells. */
struct connection {
    bool open;
    uint8_t key[LINK_KEY_BYTES];
    struct sockaddr_storage other;
    socklen_t other_bytes;
};

struct gate {
    struct gate_options o;
    uid_t owner;
    const struct access *(*access)(void *ctx);
    void *access_ctx;
    uint64_t questions;
    bool (*strangers)(const struct access *a, int64_t wall_ms);
    struct refused refused[ADDRESSES_MAX];
    struct connection *connection; /* by descriptor */
    size_t connections;
    struct map seen; /* connection and source -> the generation in which its key was found to hold */
    uint32_t generation;
    uint64_t changed; /* of the table of rights, when the connections were last looked at */
    int64_t look_us;
    struct context server;
    struct link_security curve;
    uint8_t trial[LINK_KEY_BYTES]; /* a key that nobody knows */
    bool trying, trial_refused, trial_let_in;
};

/* keys.c */
enum gate_reason gate_judge_key(const struct gate *g, const uint8_t key[static LINK_KEY_BYTES], int64_t wall_ms);

/* told.c: counts the refusal, and tells it now and then. */
void gate_refused(struct gate *g, enum gate_reason reason, const char *principal, const char *address,
                  struct moment now);
/* The key of an open connection has ended: counted, and noted. */
void gate_cut(struct gate *g, const uint8_t key[static LINK_KEY_BYTES], const char *address);

/* connections.c */
void connections_note(struct gate *g, int fd, const uint8_t key[static LINK_KEY_BYTES]);
/* Cuts those whose key does not hold any more. Returns how many are open, as far as known. */
unsigned connections_look(struct gate *g, struct moment now);

/* zap.c */
void gate_asked(void *gate, unsigned source, struct link_frames *m, struct moment now);

/* trial.c: OK: a key that nobody knows is refused. */
enum err gate_trial(struct gate *g, struct reactor *r, struct err_text *e);
