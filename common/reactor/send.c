#include "reactor/internal.h"

static struct source *used(struct reactor *r, unsigned source)
{
    struct source *s = r->source[source];
    ASSERT(s && s->socket);
    s->touched = source_reads(s);
    return s;
}

static bool bounded(const struct source *s, size_t bytes)
{
    return s->row.type == ZMQ_ROUTER && s->row.waiting_bytes_max && bytes > s->row.small_bytes;
}

static enum err send_to(const struct source *s, uint64_t peer, const void *data, size_t bytes)
{
    if (bounded(s, bytes))
        return link_send_to_within(s->socket, peer, data, bytes, s->row.waiting_bytes_max);
    return link_send_to(s->socket, peer, data, bytes);
}

enum err reactor_send_bytes(struct reactor *r, unsigned source, uint64_t peer, const void *data, size_t bytes)
{
    const struct source *s = used(r, source);
    return s->row.type == ZMQ_ROUTER ? send_to(s, peer, data, bytes) : link_send(s->socket, data, bytes);
}

/* Packed where it is sent from: what is large is copied once less. */
enum err reactor_send(struct reactor *r, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    const struct source *s = used(r, source);
    struct wire_packing packing;
    zmq_msg_t frame;
    wire_pack_plan(&packing, kind, m);
    if (bounded(s, packing.bytes)) {
        buffer_clear(&r->out);
        wire_pack_write(&packing, m, buffer_grow(&r->out, packing.bytes));
        return send_to(s, peer, r->out.data, packing.bytes);
    }
    int failed = zmq_msg_init_size(&frame, packing.bytes);
    ASSERT(!failed);
    wire_pack_write(&packing, m, zmq_msg_data(&frame));
    return s->row.type == ZMQ_ROUTER ? link_send_frame_to(s->socket, peer, &frame) : link_send_frame(s->socket, &frame);
}

enum err reactor_send_frames(struct reactor *r, unsigned source, const struct link_piece *piece, unsigned count)
{
    return link_send_frames(used(r, source)->socket, piece, count);
}

int reactor_cut(struct reactor *r) { return link_cut(&r->message); }

const char *reactor_address(struct reactor *r) { return link_address(&r->message); }

enum err reactor_allow(struct reactor *r, unsigned source)
{
    return r->message.doubtful ? ERR_NOT_FOUND : link_allow(r->source[source]->socket, &r->message);
}

enum err reactor_publish(struct reactor *r, unsigned source, const char *topic, const void *data, size_t bytes)
{
    return link_publish(used(r, source)->socket, topic, data, bytes);
}

enum err reactor_subscribe(struct reactor *r, unsigned source, const char *topic)
{
    return link_subscribe(used(r, source)->socket, topic);
}

enum err reactor_unsubscribe(struct reactor *r, unsigned source, const char *topic)
{
    return link_unsubscribe(used(r, source)->socket, topic);
}
