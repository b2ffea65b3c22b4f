#include "link/link.h"
#include "link/peer.h"
#include "link/security.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* So many messages of a wrong shape are dropped in one call: a peer that sends nothing else must not keep its reader
 * from everything else. */
enum { DROPS_PER_RECEIVE_MAX = 64 };

static atomic_uint_least64_t dropped;

uint64_t link_dropped(void) { return dropped; }

void link_message_init(struct link_message *m)
{
    *m = (struct link_message){.open = true};
    zmq_msg_init(&m->frame);
}

void link_message_close(struct link_message *m)
{
    if (m->open)
        zmq_msg_close(&m->frame);
    m->open = false;
}

static enum err receive_frame(void *socket, zmq_msg_t *frame)
{
    while (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0)
        if (errno != EINTR)
            return errno == EAGAIN ? ERR_BUSY : errno == ETERM ? ERR_STOPPED : ERR_IO;
    return OK;
}

static bool take_peer(struct link_message *m)
{
    if (zmq_msg_size(&m->frame) != PEER_BYTES || !zmq_msg_more(&m->frame))
        return false;
    m->peer.id = peer_number(zmq_msg_data(&m->frame));
    return true;
}

static bool take_topic(struct link_message *m)
{
    size_t bytes = zmq_msg_size(&m->frame);
    const char *topic = zmq_msg_data(&m->frame);
    if (bytes == 0 || bytes > sizeof m->topic || strnlen(topic, bytes) != bytes - 1 || !zmq_msg_more(&m->frame))
        return false;
    memcpy(m->topic, topic, bytes);
    return true;
}

static bool take_head(int type, struct link_message *m) { return type == ZMQ_SUB ? take_topic(m) : take_peer(m); }

/* The rest of a message of the wrong shape; libzmq hands out whole messages, so it is all there. */
static void drop_rest(void *socket, struct link_message *m)
{
    while (zmq_msg_more(&m->frame) && receive_frame(socket, &m->frame) == OK)
        continue;
    dropped++;
}

/* ERR_INVALID: there was a message, and it was dropped. */
static enum err receive_one(void *socket, int type, struct link_message *m)
{
    enum err err = receive_frame(socket, &m->frame);
    if (err || type == ZMQ_XPUB) /* each frame is of somebody else, whatever the one before it says */
        return err;
    bool good = true;
    if (type == ZMQ_ROUTER || type == ZMQ_SUB) {
        good = take_head(type, m);
        if (good && (err = receive_frame(socket, &m->frame)) != OK)
            return err;
    }
    if (good && !zmq_msg_more(&m->frame))
        return OK;
    drop_rest(socket, m);
    return ERR_INVALID;
}

/* "User-Id" stands at the payload frame, not at the identity. */
static const char *principal_of(const void *socket, struct link_message *m)
{
    const char *user = security_names_peers(socket) ? zmq_msg_gets(&m->frame, "User-Id") : NULL;
    return user ? user : "";
}

enum err link_receive(void *socket, int type, struct link_message *m)
{
    enum err err = ERR_INVALID;
    m->peer.id = 1;
    for (int i = 0; err == ERR_INVALID && i < DROPS_PER_RECEIVE_MAX; i++)
        err = receive_one(socket, type, m);
    m->peer.principal = err ? "" : principal_of(socket, m);
    return err;
}

/* ---- several frames ---- */

void link_frames_init(struct link_frames *m)
{
    m->count = 0;
    m->bytes = 0;
    for (int i = 0; i < LINK_FRAMES_MAX; i++)
        zmq_msg_init(&m->frame[i]);
}

void link_frames_close(struct link_frames *m)
{
    for (int i = 0; i < LINK_FRAMES_MAX; i++)
        zmq_msg_close(&m->frame[i]);
    m->count = 0;
}

/* What is over the bound takes the place of the last one. */
static enum err receive_all(void *socket, struct link_frames *m, unsigned frames_max)
{
    zmq_msg_t *at;
    do {
        at = &m->frame[m->count < frames_max ? m->count : frames_max - 1];
        enum err err = receive_frame(socket, at);
        if (err)
            return err;
        m->count++;
        m->bytes += zmq_msg_size(at);
    } while (zmq_msg_more(at));
    return OK;
}

enum err link_receive_frames(void *socket, struct link_frames *m, unsigned frames_max, size_t bytes_max)
{
    ASSERT(frames_max && frames_max <= LINK_FRAMES_MAX);
    m->count = 0;
    m->bytes = 0;
    enum err err = receive_all(socket, m, frames_max);
    if (err || (m->count <= frames_max && m->bytes <= bytes_max))
        return err;
    m->count = 0;
    dropped++;
    return ERR_INVALID;
}

const char *link_address(struct link_message *m)
{
    const char *address = zmq_msg_gets(&m->frame, "Peer-Address");
    return address ? address : "";
}

/* libzmq keeps what it knows of a connection in one place as long as that is open, and gives it to each message. */
const void *link_connection(struct link_message *m) { return zmq_msg_gets(&m->frame, "__fd"); }
