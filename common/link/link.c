#include "link/link.h"
#include "base/random.h"
#include "link/peer.h"
#include "link/security.h"
#include "link/waiting.h"
#include "wire/wire.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUBSCRIPTION_BYTES_MAX = 512 }; /* what a subscriber may send: a topic, and what libzmq says at the beginning */
enum { HANDSHAKE_MS = 10000, RECONNECT_MS = 20, RECONNECT_MS_MAX = 1000 };
/* A host that is gone without a word is noticed after half a minute; the kernel's own figure is two hours. */
enum { ALIVE_IDLE_S = 15, ALIVE_EACH_S = 5, ALIVE_TIMES = 3, UNACKNOWLEDGED_MS_MAX = 30000 };

static void *context;
static pthread_mutex_t context_mutex = PTHREAD_MUTEX_INITIALIZER; /* sockets are made in any thread */

static void *context_of_process(void)
{
    pthread_mutex_lock(&context_mutex);
    if (!context)
        context = zmq_ctx_new();
    ASSERT(context);
    void *made = context;
    pthread_mutex_unlock(&context_mutex);
    return made;
}

/* A ROUTER draws the first of its connections' identities from rand(), which nobody seeds: they were the same at every
 * start, and whoever claims the next one (a peer may) makes libzmq abort. */
static enum err seed_identities(struct err_text *e)
{
    static bool seeded;
    uint64_t number;
    pthread_mutex_lock(&context_mutex);
    enum err err = seeded ? OK : random_number(&number, e);
    if (!err && !seeded)
        srand((unsigned)number);
    seeded = !err;
    pthread_mutex_unlock(&context_mutex);
    return err;
}

void link_shutdown(void)
{
    while (context && zmq_ctx_term(context) != 0 && errno == EINTR)
        continue;
    context = NULL;
    waiting_free();
}

/* NULL: not a socket on this host. */
static const char *path_of(const char *endpoint)
{
    static const char scheme[] = "ipc://";
    return strncmp(endpoint, scheme, sizeof scheme - 1) == 0 ? endpoint + sizeof scheme - 1 : NULL;
}

static int set_int(void *socket, int option, int value) { return zmq_setsockopt(socket, option, &value, sizeof value); }

/* libzmq's own defaults are without limit. A peer on the same host that starts again is met at once; over a network the
 * attempts become rarer. */
static int set_limits(void *socket, int type, const char *endpoint, const struct link_options *o)
{
    int64_t bytes_max = type == ZMQ_XPUB ? SUBSCRIPTION_BYTES_MAX
                        : o->bytes_max   ? (int64_t)o->bytes_max
                                         : WIRE_MESSAGE_BYTES_MAX;
    int failed = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &bytes_max, sizeof bytes_max);
    failed |= set_int(socket, ZMQ_LINGER, 0);
    failed |= set_int(socket, ZMQ_HANDSHAKE_IVL, o->handshake_ms ? o->handshake_ms : HANDSHAKE_MS);
    failed |= set_int(socket, ZMQ_SNDHWM, o->sent_max ? o->sent_max : o->hwm);
    failed |= set_int(socket, ZMQ_RCVHWM, o->hwm);
    failed |= set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    failed |= set_int(socket, ZMQ_RECONNECT_IVL_MAX, path_of(endpoint) ? 0 : RECONNECT_MS_MAX);
    failed |= set_int(socket, ZMQ_TCP_KEEPALIVE, 1);
    failed |= set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, ALIVE_IDLE_S);
    failed |= set_int(socket, ZMQ_TCP_KEEPALIVE_INTVL, ALIVE_EACH_S);
    failed |= set_int(socket, ZMQ_TCP_KEEPALIVE_CNT, ALIVE_TIMES);
    failed |= set_int(socket, ZMQ_TCP_MAXRT, UNACKNOWLEDGED_MS_MAX);
    if (o->asks)
        failed |= set_int(socket, ZMQ_XPUB_MANUAL, 1);
    if (type == ZMQ_ROUTER)
        failed |= set_int(socket, ZMQ_ROUTER_MANDATORY, 1);
    return failed;
}

static enum err check_endpoint(const char *endpoint, struct err_text *e)
{
    const char *path = path_of(endpoint);
    if (path && strlen(path) > LINK_PATH_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE,
                       "path of a local socket is %zu bytes long, at most %d are possible: choose a "
                       "directory with a shorter path (%s)",
                       strlen(path), LINK_PATH_BYTES_MAX, path);
    return OK;
}

enum err link_bind(void *socket, const char *endpoint, const struct link_security *security, struct err_text *e)
{
    enum err err = check_endpoint(endpoint, e);
    if (!err)
        err = err_wrap(e, security_set(socket, security, e), "secure the socket for %s", endpoint);
    if (err)
        return err;
    if (zmq_bind(socket, endpoint) != 0)
        return err_set(e, ERR_IO, "listen on %s: %s", endpoint, zmq_strerror(errno));
    return OK;
}

static enum err connect_to(void *socket, const char *endpoint, const struct link_security *security, struct err_text *e)
{
    enum err err = check_endpoint(endpoint, e);
    if (!err)
        err = err_wrap(e, security_set(socket, security, e), "secure the socket for %s", endpoint);
    if (err)
        return err;
    if (zmq_connect(socket, endpoint) != 0)
        return err_set(e, ERR_IO, "connect to %s: %s", endpoint, zmq_strerror(errno));
    return OK;
}

static enum err attach(void *socket, enum link_mode mode, const char *endpoint, const struct link_options *o,
                       struct err_text *e)
{
    return mode == LINK_BIND ? link_bind(socket, endpoint, o->security, e)
                             : connect_to(socket, endpoint, o->security, e);
}

enum err link_open(void **socket, int type, enum link_mode mode, const char *endpoint,
                   const struct link_options *options, struct err_text *e)
{
    enum err err = type == ZMQ_ROUTER ? seed_identities(e) : OK;
    if (err)
        return err;
    *socket = zmq_socket(context_of_process(), type);
    if (!*socket)
        return err_set(e, ERR_IO, "make a socket for %s: %s", endpoint, zmq_strerror(errno));
    if (set_limits(*socket, type, endpoint, options) != 0)
        err = err_set(e, ERR_IO, "set the limits of the socket for %s: %s", endpoint, zmq_strerror(errno));
    else
        err = attach(*socket, mode, endpoint, options, e);
    if (err)
        link_close(socket);
    return err;
}

void link_close(void **socket)
{
    if (*socket) {
        security_forget(*socket);
        zmq_close(*socket);
    }
    *socket = NULL;
}

enum err link_endpoint(char out[static LINK_ENDPOINT_BYTES], const char *directory, const char *name,
                       struct err_text *e)
{
    int n = snprintf(out, LINK_ENDPOINT_BYTES, "ipc://%s/run/%s", directory, name);
    if (n < 0 || n >= LINK_ENDPOINT_BYTES)
        return err_set(e, ERR_TOO_LARGE, "directory %.80s… has too long a path for local sockets (%d bytes at most)",
                       directory, LINK_PATH_BYTES_MAX);
    return check_endpoint(out, e);
}

static enum err send_error(int error)
{
    return error == EAGAIN ? ERR_BUSY : error == EHOSTUNREACH ? ERR_NOT_FOUND : error == ETERM ? ERR_STOPPED : ERR_IO;
}

static enum err send_frame(void *socket, const void *data, size_t bytes, int flags)
{
    while (zmq_send(socket, data, bytes, ZMQ_DONTWAIT | flags) < 0)
        if (errno != EINTR)
            return send_error(errno);
    return OK;
}

enum err link_send(void *socket, const void *data, size_t bytes) { return send_frame(socket, data, bytes, 0); }

static enum err send_identity(void *socket, uint64_t peer)
{
    uint8_t identity[PEER_BYTES];
    peer_identity(peer, identity);
    return send_frame(socket, identity, sizeof identity, ZMQ_SNDMORE);
}

enum err link_send_to(void *socket, uint64_t peer, const void *data, size_t bytes)
{
    enum err err = send_identity(socket, peer);
    return err ? err : send_frame(socket, data, bytes, 0);
}

enum err link_send_frame(void *socket, zmq_msg_t *frame)
{
    while (zmq_msg_send(frame, socket, ZMQ_DONTWAIT) < 0)
        if (errno != EINTR) {
            enum err err = send_error(errno);
            zmq_msg_close(frame);
            return err;
        }
    return OK;
}

enum err link_send_frame_to(void *socket, uint64_t peer, zmq_msg_t *frame)
{
    enum err err = send_identity(socket, peer);
    if (err)
        zmq_msg_close(frame);
    return err ? err : link_send_frame(socket, frame);
}

enum err link_send_to_within(void *socket, uint64_t peer, const void *data, size_t bytes, size_t waiting_max)
{
    zmq_msg_t message;
    struct waiting *waiting = waiting_of(socket, peer);
    if (waiting_bytes(waiting) > waiting_max)
        return ERR_BUSY;
    waiting_message(waiting, &message, data, bytes);
    return link_send_frame_to(socket, peer, &message);
}

/* libzmq refuses the first frame of a message, or none. */
enum err link_send_frames(void *socket, const struct link_piece *piece, unsigned count)
{
    enum err err = OK;
    for (unsigned i = 0; i < count && !err; i++)
        err = send_frame(socket, piece[i].data, piece[i].bytes, i + 1 < count ? ZMQ_SNDMORE : 0);
    return err;
}

enum err link_publish(void *socket, const char *topic, const void *data, size_t bytes)
{
    enum err err = send_frame(socket, topic, strlen(topic) + 1, ZMQ_SNDMORE);
    return err ? err : send_frame(socket, data, bytes, 0);
}

enum err link_subscribe(void *socket, const char *topic)
{
    return zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic, strlen(topic) + 1) == 0 ? OK : ERR_IO;
}

enum err link_unsubscribe(void *socket, const char *topic)
{
    return zmq_setsockopt(socket, ZMQ_UNSUBSCRIBE, topic, strlen(topic) + 1) == 0 ? OK : ERR_IO;
}
