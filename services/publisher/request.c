#include "services/publisher/core.h"
#include "services/publisher/internal.h"
#include "services/publisher/pack.h"
#include <stdlib.h>
#include <string.h>

enum { TOPICS_BYTES_MAX = 1 << 20 };

/* One question of one subscriber. */
struct asker {
    struct publisher *p;
    struct peer peer;
    struct who who;
    Parbus__ToSnapshots__BodyCase kind;
    uint64_t request;
};

/* What does not find room is asked for again (F11). */
static void answer(const struct asker *a, uint32_t kind, const ProtobufCMessage *message)
{
    const struct publisher_io *io = &a->p->o.io;
    struct buffer *out = &a->p->scratch;
    buffer_clear(out);
    wire_pack(out, kind, message);
    if (io->answer(io->ctx, a->peer.id, out->data, out->size) == ERR_BUSY)
        metric_add(a->p->o.metrics, sends_full, 1);
}

static void resync(const struct asker *a, const char *reason, bool topic_unknown, bool not_authorised)
{
    Parbus__Resync m = PARBUS__RESYNC__INIT;
    m.has_request = m.has_topic_unknown = true;
    m.has_not_authorised = m.not_authorised = not_authorised;
    m.request = a->request;
    m.reason = (char *)reason;
    m.topic_unknown = topic_unknown;
    metric_add(a->p->o.metrics, resyncs_sent, 1);
    answer(a, PARBUS__FROM_SNAPSHOTS__BODY_RESYNC, &m.base);
}

/* A10: whether there is such a topic is not for everybody to know. */
static void refuse(const struct asker *a, const char *topic)
{
    struct err_text why;
    feed_rights_missing(&a->who, topic, &why);
    metric_add(a->p->o.metrics, questions_not_authorised, 1);
    resync(a, why.text, true, true);
}

static const struct series *find_series(const struct publisher *p, const char *topic)
{
    const char *slash = strrchr(topic, '/');
    char index[TOPIC_NAME_BYTES];
    if (!slash || (size_t)(slash - topic) >= sizeof index)
        return NULL;
    memcpy(index, topic, (size_t)(slash - topic));
    index[slash - topic] = '\0';
    return catalog_find_series(p->catalog, index, slash + 1, UINT64_MAX);
}

bool publisher_has_topic(const struct publisher *p, const char *name) { return find_series(p, name) != NULL; }

static struct topic *find_topic(struct publisher *p, const char *name)
{
    const struct series *s = name ? find_series(p, name) : NULL;
    return s ? publisher_topic(p, s->number) : NULL;
}

static void snapshot(const struct asker *a, const Parbus__SnapshotRequest *m)
{
    struct topic *t = find_topic(a->p, m->topic);
    if (!t) {
        resync(a, "no such topic", true, false);
        return;
    }
    snapshots_begin(&a->p->snapshots, t, a->peer, a->request, a->p->now_us);
}

/* Deltas from `d` on, as many as one message takes; *d is the first one left. */
static void gather_deltas(struct buffer *out, const struct ring_delta **d)
{
    enum { RESUMED_DELTA = 2 };
    for (; *d && (!out->size || out->size + (*d)->bytes <= PACKED_ROWS_BYTES_MAX); *d = (*d)->next)
        pack_field(out, RESUMED_DELTA, (*d)->packed, (*d)->bytes);
}

/* The end of a Resumed is put behind its deltas: fields may come in any order. */
static void append_end(struct buffer *out, uint64_t seq, bool more)
{
    Parbus__Resumed end = PARBUS__RESUMED__INIT;
    end.has_seq = end.has_more = true;
    end.seq = seq;
    end.more = more;
    size_t bytes = parbus__resumed__get_packed_size(&end);
    parbus__resumed__pack(&end, buffer_grow(out, bytes));
}

/* A peer that does not take all of it asks again, from where it has come to. */
static void send_resumed(const struct asker *a, const struct topic *t, uint64_t seq)
{
    const struct publisher_io *io = &a->p->o.io;
    const struct ring_delta *d = ring_after(&t->ring, seq);
    struct buffer rest = {0}, *out = &a->p->scratch;
    enum err err;
    do {
        buffer_clear(&rest);
        gather_deltas(&rest, &d);
        append_end(&rest, t->seq, d != NULL);
        buffer_clear(out);
        pack_answer(out, PARBUS__FROM_SNAPSHOTS__BODY_RESUMED, a->request, rest.data, rest.size);
        err = io->answer(io->ctx, a->peer.id, out->data, out->size);
    } while (!err && d);
    buffer_free(&rest);
    metric_add(a->p->o.metrics, resumes_served, 1);
}

static void resume(const struct asker *a, const Parbus__ResumeRequest *m)
{
    struct topic *t = find_topic(a->p, m->topic);
    if (!t)
        resync(a, "no such topic", true, false);
    else if (m->epoch != a->p->o.epoch)
        resync(a, "the publisher has started again", false, false);
    else if (m->seq > t->seq)
        resync(a, "the position lies ahead of the topic", false, false);
    else if (m->seq < t->seq && !ring_after(&t->ring, m->seq))
        resync(a, "the deltas after the position are not kept any more", false, false);
    else
        send_resumed(a, t, m->seq);
}

static void topics(const struct asker *a)
{
    const struct publisher *p = a->p;
    Parbus__Topics m = PARBUS__TOPICS__INIT;
    m.has_request = true;
    m.request = a->request;
    m.topic = calloc(p->topic_count + 1, sizeof *m.topic);
    ASSERT(m.topic);
    for (size_t i = 0, bytes = 0; i < p->topic_count && bytes < TOPICS_BYTES_MAX; i++) {
        if (!feed_rights_follow(p->catalog, &a->who, p->topic[i]->name, p->wall_ms))
            continue;
        m.topic[m.n_topic++] = p->topic[i]->name;
        bytes += sizeof p->topic[i]->name;
    }
    answer(a, PARBUS__FROM_SNAPSHOTS__BODY_TOPICS, &m.base);
    free(m.topic);
}

/* Whether he may ask about this topic; else he has been told. */
static bool lets_ask(const struct asker *a, const char *topic)
{
    if (feed_rights_of(a->kind) == FEED_RIGHT_LIST ||
        feed_rights_follow(a->p->catalog, &a->who, topic ? topic : "", a->p->wall_ms))
        return true;
    refuse(a, topic ? topic : "");
    return false;
}

void answer_request(struct publisher *p, struct peer peer, const struct wire_message *m)
{
    const ProtobufCMessage *q = m->message;
    struct asker a = {.p = p,
                      .peer = peer,
                      .who = feed_rights_who(p->catalog, peer.principal, p->wall_ms),
                      .kind = (Parbus__ToSnapshots__BodyCase)m->kind};
    if (a.kind == PARBUS__TO_SNAPSHOTS__BODY_SNAPSHOT) {
        a.request = ((const Parbus__SnapshotRequest *)q)->request;
        if (lets_ask(&a, ((const Parbus__SnapshotRequest *)q)->topic))
            snapshot(&a, (const Parbus__SnapshotRequest *)q);
    } else if (a.kind == PARBUS__TO_SNAPSHOTS__BODY_RESUME) {
        a.request = ((const Parbus__ResumeRequest *)q)->request;
        if (lets_ask(&a, ((const Parbus__ResumeRequest *)q)->topic))
            resume(&a, (const Parbus__ResumeRequest *)q);
    } else if (a.kind == PARBUS__TO_SNAPSHOTS__BODY_TOPICS) {
        a.request = ((const Parbus__TopicsRequest *)q)->request;
        topics(&a);
    }
}
