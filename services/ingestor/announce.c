#include "services/ingestor/announce.h"

enum { PAGE_BYTES_MAX = 1 << 20, PAGE_CONTROLS_MAX = 1024 };

/* What goes into one message; the journal's own bytes are valid only while it is read. */
struct page {
    uint64_t first, last; /* last: nobody is to know what no commit has confirmed */
    struct buffer bytes;
    ProtobufCBinaryData packed[PAGE_CONTROLS_MAX];
    size_t count;
    uint64_t piece_offset, piece_of; /* piece_of 0: `bytes` are whole controls */
};

/* Of the first one: it is longer than a message, or the worker has a part of it already. */
static void take_piece(struct page *p, const uint8_t *packed, size_t bytes)
{
    if (p->piece_offset >= bytes)
        return;
    size_t left = bytes - p->piece_offset;
    p->piece_of = bytes;
    buffer_append(&p->bytes, packed + p->piece_offset, left < PAGE_BYTES_MAX ? left : PAGE_BYTES_MAX);
}

/* ERR_STOPPED: the page is full. */
static enum err take(void *ctx, uint64_t seq, const void *packed, size_t bytes, struct err_text *e)
{
    (void)e;
    struct page *p = ctx;
    if (seq > p->last)
        return ERR_STOPPED;
    if (p->piece_offset || p->bytes.size + bytes > PAGE_BYTES_MAX || p->count == PAGE_CONTROLS_MAX) {
        if (seq == p->first)
            take_piece(p, packed, bytes);
        return ERR_STOPPED;
    }
    p->packed[p->count++].len = bytes;
    buffer_append(&p->bytes, packed, bytes);
    return OK;
}

static void read_page(struct coordinator *c, struct page *p)
{
    struct err_text e;
    enum err err = c->io->controls(c->io->ctx, p->first, take, p, &e);
    if (!err || err == ERR_STOPPED)
        return;
    metric_add(c->metrics, journal_read_failures, 1);
    tell(c->io, TELL_ERROR, "journal.read_failed", "controls=%llu why=\"%s\"", (unsigned long long)p->first, e.text);
}

static void send(struct coordinator *c, uint64_t peer, const Parbus__Controls *m)
{
    if (c->io->send(c->io->ctx, INGESTOR_WORK, peer, PARBUS__TO_WORKER__BODY_CONTROLS, &m->base) == ERR_BUSY)
        metric_add(c->metrics, sends_full, 1);
}

static Parbus__Controls message_of(struct page *p)
{
    Parbus__Controls m = PARBUS__CONTROLS__INIT;
    m.has_last = m.has_first = 1;
    m.last = p->last;
    m.first = p->first;
    uint8_t *at = p->bytes.data;
    for (size_t i = 0; i < p->count; at += p->packed[i++].len)
        p->packed[i].data = at;
    m.n_packed = p->count;
    m.packed = p->packed;
    m.has_piece = m.has_piece_offset = m.has_piece_of = p->piece_of > 0;
    if (p->piece_of) {
        m.piece = (ProtobufCBinaryData){p->bytes.size, p->bytes.data};
        m.piece_offset = p->piece_offset;
        m.piece_of = p->piece_of;
    }
    return m;
}

void announce_from(struct coordinator *c, uint64_t peer, uint64_t first, uint64_t piece_offset)
{
    struct page p = {.first = first, .last = c->controls, .piece_offset = piece_offset};
    if (first <= p.last)
        read_page(c, &p);
    Parbus__Controls m = message_of(&p);
    send(c, peer, &m);
    buffer_free(&p.bytes);
}

void announce_last(struct coordinator *c, uint64_t peer, uint64_t control_seq)
{
    Parbus__Controls m = PARBUS__CONTROLS__INIT;
    m.has_last = 1;
    m.last = c->controls;
    if (control_seq < m.last)
        send(c, peer, &m);
}

void announce_new(struct coordinator *c, uint64_t first)
{
    struct page p = {.first = first, .last = c->controls};
    read_page(c, &p);
    p.piece_of = 0;
    Parbus__Controls m = message_of(&p);
    for (int w = 0; w < c->worker_count; w++)
        if (worker_alive(&c->worker[w]))
            send(c, c->worker[w].peer, &m);
    buffer_free(&p.bytes);
}
