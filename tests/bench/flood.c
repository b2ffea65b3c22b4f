/* flood ENDPOINT KIND PEERS [NAME]: asks as fast as it is let, on so many connections, until it is ended. What
 * beside.py puts beside a good feeder.
 *
 *   stats, describe       each peer reads its answer before it asks again; NAME: the index
 *   stats-unread, describe-unread   nobody reads
 *   hello                 says hello as feeder NAME, again and again
 *   names                 … under another name each time
 *   snapshot              each peer reads the table NAME, again and again
 *   subscribe             subscribes to one name after another, all peers to the same
 *   junk                  messages of 2 MiB that cannot be read */
#include "base/buffer.h"
#include "base/err.h"
#include "wire/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { PEERS_MAX = 1024, AGAIN_MS = 1000, JUNK_BYTES = (2 << 20) - 64, BURST = 64, SUBSCRIPTIONS = 16000 };

struct flood {
    const char *kind, *name;
    bool reads;
    uint64_t asked;
    struct buffer question;
    int peers;
    void *socket[PEERS_MAX];
    bool waits[PEERS_MAX]; /* for its answer */
};

static void put_hello(struct flood *f, const char *name)
{
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = m.has_line = m.protocol_version = m.epoch = m.line = 1;
    m.feeder = (char *)name;
    wire_pack(&f->question, PARBUS__TO_INGESTOR__BODY_HELLO, &m.base);
}

static void put_describe(struct flood *f)
{
    Parbus__Describe m = PARBUS__DESCRIBE__INIT;
    m.index = (char *)f->name;
    wire_pack(&f->question, PARBUS__TO_INGESTOR__BODY_DESCRIBE, &m.base);
}

static void put_snapshot(struct flood *f)
{
    Parbus__SnapshotRequest m = PARBUS__SNAPSHOT_REQUEST__INIT;
    m.topic = (char *)f->name;
    m.has_request = true;
    m.request = ++f->asked;
    wire_pack(&f->question, PARBUS__TO_SNAPSHOTS__BODY_SNAPSHOT, &m.base);
}

static void put_name(struct flood *f)
{
    char name[64];
    snprintf(name, sizeof name, "%s-%llu", f->name, (unsigned long long)++f->asked);
    put_hello(f, name);
}

static void put_subscription(struct flood *f)
{
    char *name = buffer_grow(&f->question, 1 + sizeof "name-00000000");
    snprintf(name, 1 + sizeof "name-00000000", "%cname-%08u", 1,
             (unsigned)(f->asked++ / (uint64_t)f->peers % SUBSCRIPTIONS));
}

static void put_question(struct flood *f)
{
    Parbus__Stats stats = PARBUS__STATS__INIT;
    buffer_clear(&f->question);
    if (!strncmp(f->kind, "stats", 5))
        wire_pack(&f->question, PARBUS__TO_INGESTOR__BODY_STATS, &stats.base);
    else if (!strncmp(f->kind, "describe", 8))
        put_describe(f);
    else if (!strcmp(f->kind, "hello"))
        put_hello(f, f->name);
    else if (!strcmp(f->kind, "names"))
        put_name(f);
    else if (!strcmp(f->kind, "snapshot"))
        put_snapshot(f);
    else if (!strcmp(f->kind, "subscribe"))
        put_subscription(f);
    else
        memset(buffer_grow(&f->question, JUNK_BYTES), 0xff, JUNK_BYTES);
}

/* The field of the envelope that the answer is. */
static uint32_t kind_of(zmq_msg_t *m) { return zmq_msg_size(m) ? *(uint8_t *)zmq_msg_data(m) >> 3 : 0; }

static bool ends(const struct flood *f, uint32_t kind)
{
    return strcmp(f->kind, "snapshot") != 0 ||
           (kind != PARBUS__FROM_SNAPSHOTS__BODY_BEGIN && kind != PARBUS__FROM_SNAPSHOTS__BODY_ROWS);
}

static void read_answers(struct flood *f, int peer)
{
    zmq_msg_t m;
    zmq_msg_init(&m);
    while (zmq_msg_recv(&m, f->socket[peer], ZMQ_DONTWAIT) >= 0)
        if (ends(f, kind_of(&m)))
            f->waits[peer] = false;
    zmq_msg_close(&m);
}

static void ask(struct flood *f, int peer)
{
    for (int i = 0; i < (f->reads ? 1 : BURST) && !f->waits[peer]; i++) {
        put_question(f);
        if (zmq_send(f->socket[peer], f->question.data, f->question.size, ZMQ_DONTWAIT) < 0)
            return;
        f->waits[peer] = f->reads;
    }
}

static void turn(struct flood *f)
{
    zmq_pollitem_t item[PEERS_MAX];
    for (int i = 0; i < f->peers; i++)
        item[i] = (zmq_pollitem_t){.socket = f->socket[i], .events = f->waits[i] ? ZMQ_POLLIN : ZMQ_POLLOUT};
    bool quiet = zmq_poll(item, f->peers, AGAIN_MS) == 0;
    for (int i = 0; i < f->peers; i++) {
        if (f->reads)
            read_answers(f, i);
        if (quiet) /* the answer was lost: asks again */
            f->waits[i] = false;
        ask(f, i);
    }
}

int main(int argc, char **argv)
{
    static struct flood f;
    if (argc < 4)
        return 2;
    f.kind = argv[2];
    f.peers = atoi(argv[3]);
    f.name = argc > 4 ? argv[4] : "flood";
    f.reads = !strcmp(f.kind, "stats") || !strcmp(f.kind, "describe") || !strcmp(f.kind, "snapshot");
    void *context = zmq_ctx_new();
    if (f.peers < 1 || f.peers > PEERS_MAX)
        return 2;
    for (int i = 0, linger = 0; i < f.peers; i++) {
        f.socket[i] = zmq_socket(context, strcmp(f.kind, "subscribe") ? ZMQ_DEALER : ZMQ_XSUB);
        zmq_setsockopt(f.socket[i], ZMQ_LINGER, &linger, sizeof linger);
        if (zmq_connect(f.socket[i], argv[1]) != 0)
            return 1;
    }
    for (;;)
        turn(&f);
}
