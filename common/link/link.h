/* ZeroMQ sockets as parbus uses them: one context per process; every socket has its limits set (message size, linger 0,
 * handshake time, high-water mark); sends never block; a message is one frame of payload (two on XPUB and ROUTER).
 * A peer of a ROUTER has a number, made of the five bytes that libzmq draws for each connection. */
#pragma once
#include "base/err.h"
#include "wire/peer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

enum { LINK_TOPIC_BYTES_MAX = 160, LINK_PATH_BYTES_MAX = 107, LINK_KEY_BYTES = 32 };

/* Closes the process's context, which was made with the first socket. To be called after all sockets are closed; does
 * not wait for what they had still to send. */
void link_shutdown(void);

/* Who may be at the other end (CURVE). The keys have LINK_KEY_BYTES; they are the caller's and are copied. */
struct link_security {
    enum link_mechanism { LINK_UNSECURED, LINK_CURVE_SERVER, LINK_CURVE_CLIENT } mechanism;
    const uint8_t *secret_key;
    const uint8_t *public_key; /* client: the half that goes with secret_key */
    const uint8_t *server_key; /* client: nobody else is taken for the server */
    const char *zap_domain;    /* server: the name under which a ZAP handler (RFC 27, inproc://zeromq.zap.01 of this
                                * process) is asked who may come in. Without a handler nobody may. NULL: nobody is asked
                                * (without CURVE only); else peers that speak ZMTP 1 or 2 are turned away, too. */
};

struct link_options {
    int hwm;          /* messages that wait, in either direction */
    int sent_max;     /* … that wait for a peer: a bound on what one who does not read costs; 0: hwm */
    size_t bytes_max; /* of a message that comes; 0: WIRE_MESSAGE_BYTES_MAX */
    int handshake_ms; /* who has not said who it is until then is closed; 0: 10 s */
    bool asks;        /* XPUB: nobody is sent anything that link_allow has not let him have */
    const struct link_security *security; /* NULL: none */
};

enum link_mode { LINK_BIND, LINK_CONNECT };
/* type: ZMQ_ROUTER, ZMQ_DEALER, ZMQ_PUSH, ZMQ_PULL, ZMQ_XPUB, ZMQ_SUB. ROUTER is MANDATORY.
 * An ipc path that is too long for a socket is refused with that explanation; a stale ipc file is replaced (the caller
 * holds the instance's lock). */
enum err link_open(void **socket, int type, enum link_mode mode, const char *endpoint,
                   const struct link_options *options, struct err_text *e);
void link_close(void **socket);
/* The same socket may serve a second endpoint, with security of its own; NULL: that of the one before. */
enum err link_bind(void *socket, const char *endpoint, const struct link_security *security, struct err_text *e);

/* "ipc://<dir>/run/<name>" into out. */
enum { LINK_ENDPOINT_BYTES = 512 };
enum err link_endpoint(char out[static LINK_ENDPOINT_BYTES], const char *directory, const char *name,
                       struct err_text *e);

/* DEALER, PUSH. ERR_BUSY: the queue is full, or (on a bound socket) nobody is connected; nothing was sent. What a
 * connecting socket sends before its peer listens waits in the queue. */
enum err link_send(void *socket, const void *data, size_t bytes);
/* ROUTER. ERR_BUSY: full; ERR_NOT_FOUND: that peer is gone. A peer that went while its queue was full stays ERR_BUSY
 * until the socket is read: libzmq notices the end of a connection where its last message would be. */
enum err link_send_to(void *socket, uint64_t peer, const void *data, size_t bytes);
/* Both with a message that the caller has made; it is sent or closed. */
enum err link_send_frame(void *socket, zmq_msg_t *frame);
enum err link_send_frame_to(void *socket, uint64_t peer, zmq_msg_t *frame);
/* As link_send_to, and also ERR_BUSY while more than waiting_max of the bytes sent to that peer in this way have not
 * left the process. The high-water mark bounds messages; this bounds bytes. */
enum err link_send_to_within(void *socket, uint64_t peer, const void *data, size_t bytes, size_t waiting_max);
/* XPUB. The topic frame is the topic and its NUL byte; link_subscribe (SUB) asks for exactly those bytes. A slow
 * subscriber loses messages; nobody waits for it. */
enum err link_publish(void *socket, const char *topic, const void *data, size_t bytes);
enum err link_subscribe(void *socket, const char *topic);
enum err link_unsubscribe(void *socket, const char *topic);

/* One message without waiting. Payload and principal are valid until the next receive into the same link_message;
 * peer.id is filled on a ROUTER (elsewhere 1), topic on a SUB. The principal is what the ZAP handler said, on a bound
 * socket that has one; elsewhere "", whatever the peer claims. Messages of another shape (more or fewer frames, an
 * identity that the peer chose) are dropped and counted. ERR_BUSY: nothing there; ERR_INVALID: nothing but those, and
 * there may be more. */
struct link_message {
    zmq_msg_t frame;
    struct peer peer;
    char topic[LINK_TOPIC_BYTES_MAX];
    bool doubtful; /* XPUB that asks: not to be allowed, for it is not sure to whom that would be */
    bool open;
};
void link_message_init(struct link_message *m);
void link_message_close(struct link_message *m);
enum err link_receive(void *socket, int type, struct link_message *m);
static inline const void *link_data(struct link_message *m) { return zmq_msg_data(&m->frame); }
static inline size_t link_bytes(struct link_message *m) { return zmq_msg_size(&m->frame); }
uint64_t link_dropped(void); /* of the whole process */

/* ---- whether the connection of a message is still there ---- */

/* A descriptor is used again when its connection has ended; what is waiting to be read may be of one that is long gone.
 * Whoever accepts the process's connections (accept4) tells of each, from any thread; a ZAP handler asks how many there
 * were when it lets somebody in, and gives the number, in decimal, with its answer as the property LINK_SINCE. */
#define LINK_SINCE "X-Since"
void link_accepted(int fd);
uint64_t link_accepted_count(void);
struct link_place {
    int fd; /* -1: not known */
    uint64_t since;
};
struct link_place link_place(struct link_message *m);
/* Whether the descriptor is still that connection's. */
bool link_place_open(struct link_place p);
/* Ends it, and nobody else; false: it was over. */
bool link_place_cut(struct link_place p);

/* XPUB that asks: does what the message says, the last one received, a subscription or the end of one. Before anything
 * else is done with the socket. ERR_NOT_FOUND: its connection is gone: libzmq 4.3.4 would write to what it has freed.
 * It may also take the message for another connection's; link_message.doubtful says so. */
enum err link_allow(void *socket, struct link_message *m);

/* ---- whole messages of several frames, as they are: for what speaks another protocol (ZAP, RFC 27) ---- */

/* Frames are valid until the next receive. On a ROUTER the first is who it is from, as link_send_frames takes it. */
enum { LINK_FRAMES_MAX = 16 };
struct link_frames {
    unsigned count;
    size_t bytes; /* of all */
    zmq_msg_t frame[LINK_FRAMES_MAX];
};
struct link_piece {
    const void *data;
    size_t bytes;
};
void link_frames_init(struct link_frames *m);
void link_frames_close(struct link_frames *m);
/* One message without waiting. What has more frames (at most LINK_FRAMES_MAX) or bytes is dropped and counted:
 * ERR_INVALID. Not for REP: what was dropped there could never be answered. */
enum err link_receive_frames(void *socket, struct link_frames *m, unsigned frames_max, size_t bytes_max);
/* Whole or not at all. Errors as link_send and, on a ROUTER, link_send_to. */
enum err link_send_frames(void *socket, const struct link_piece *piece, unsigned count);

/* The descriptor of the connection that the message came by; -1: not known. It is libzmq's, and may be closed any time.
 */
int link_descriptor(struct link_message *m);
/* Whose it is: "192.0.2.7"; of a local socket what the kernel says of the process. "": not known. Valid with m. */
const char *link_address(struct link_message *m);
/* Names that connection among those that are open; NULL: not known. */
const void *link_connection(struct link_message *m);
/* Ends that connection, and returns its descriptor; libzmq finds it broken. -1: it was over. */
int link_cut(struct link_message *m);
