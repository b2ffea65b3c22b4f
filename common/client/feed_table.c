#include "client/feed_table.h"
#include "base/deadline.h"
#include "base/err.h"
#include "client/feed_content.h"
#include "client/feed_kept.h"
#include <stdio.h>
#include <stdlib.h>

STATE_MACHINE(need_machine, "feed table", NEED_EDGES, "nothing", "resume", "snapshot");

struct feed_table {
    char topic[sizeof((struct parbus_table_header *)0)->topic];
    struct feed_table_events events;
    struct feed_content *content; /* what we hold; NULL: nothing yet */
    struct feed_content *staged;  /* a snapshot on its way */
    bool staged_end;              /* its SnapshotEnd came */
    struct feed_kept kept;
    enum need need;
    uint64_t request; /* number of the last question; answers to others are too late */
    int64_t ask_us, asked_us, heard_us, silence_us;
    struct parbus_feed_counts counts;
    struct feed_budget *budget; /* NULL: no bound */
    size_t charged;             /* … of which so much is ours */
    bool asking, topic_unknown, no_room, silent;
};

static int64_t silence_after(uint32_t heartbeat_ms)
{
    int64_t us = FEED_HEARTBEATS_MISSED * 1000ll * (heartbeat_ms ? heartbeat_ms : FEED_HEARTBEAT_MS);
    return us > FEED_SILENCE_LEAST_US ? us : FEED_SILENCE_LEAST_US;
}

struct feed_table *feed_table_new(const char *topic, const struct feed_table_events *events, int64_t now_us)
{
    struct feed_table *t = calloc(1, sizeof *t);
    ASSERT(t);
    snprintf(t->topic, sizeof t->topic, "%s", topic);
    if (events)
        t->events = *events;
    t->need = NEED_SNAPSHOT;
    t->ask_us = t->heard_us = now_us;
    t->silence_us = silence_after(FEED_HEARTBEAT_MS);
    t->asked_us = now_us - FEED_REQUEST_LEAST_US;
    return t;
}

/* false: there is no room for all this. */
static bool charge(struct feed_table *t)
{
    if (!t->budget)
        return true;
    size_t bytes = feed_content_bytes(t->content) + feed_content_bytes(t->staged) + t->kept.bytes;
    ASSERT(t->budget->used >= t->charged);
    t->budget->used += bytes - t->charged;
    t->charged = bytes;
    return t->budget->used <= t->budget->max;
}

void feed_table_destroy(struct feed_table **table)
{
    struct feed_table *t = *table;
    if (!t)
        return;
    feed_content_destroy(&t->content);
    feed_content_destroy(&t->staged);
    feed_kept_free(&t->kept);
    charge(t);
    free(t);
    *table = NULL;
}

void feed_table_share(struct feed_table *t, uint32_t number, struct feed_budget *budget)
{
    t->request = (uint64_t)number << 32;
    t->budget = budget;
}

/* Without content a snapshot is needed, and only then is one staged. O(1). */
static void table_assert(const struct feed_table *t)
{
    ASSERT(t->content || t->need == NEED_SNAPSHOT);
    ASSERT(!t->staged || t->need == NEED_SNAPSHOT);
    ASSERT(t->kept.count <= FEED_KEPT_MAX && (t->kept.count > 0 || t->kept.bytes == 0));
}

static void trouble(const struct feed_table *t, const char *text)
{
    if (t->events.trouble)
        t->events.trouble(t->events.ctx, text);
}

static void ask_soon(struct feed_table *t, int64_t now_us)
{
    int64_t least_us = t->asked_us + FEED_REQUEST_LEAST_US;
    t->ask_us = now_us > least_us ? now_us : least_us;
}

static void want(struct feed_table *t, enum need need, int64_t now_us)
{
    if (need <= t->need)
        return;
    STATE_ENTER(&need_machine, t->need, need);
    ask_soon(t, now_us);
}

/* What was staged is of no use: begin again. */
static void start_over(struct feed_table *t, int64_t now_us)
{
    feed_content_destroy(&t->staged);
    if (t->need != NEED_SNAPSHOT)
        STATE_ENTER(&need_machine, t->need, NEED_SNAPSHOT);
    t->asking = false;
    ask_soon(t, now_us);
}

static void apply(struct feed_table *t, const Parbus__Delta *delta, int64_t now_us)
{
    ASSERT(delta->epoch == t->content->epoch && delta->prev_seq == t->content->seq && delta->seq > delta->prev_seq);
    if (!feed_content_apply(t->content, delta)) {
        trouble(t, "a delta does not fit the table; asking for a new one");
        want(t, NEED_SNAPSHOT, now_us);
        return;
    }
    t->counts.deltas++;
    if (t->events.delta)
        t->events.delta(t->events.ctx, delta);
}

static void apply_kept(struct feed_table *t, int64_t now_us)
{
    Parbus__Delta *delta;
    while (t->need != NEED_SNAPSHOT && (delta = feed_kept_take(&t->kept, t->content->epoch, t->content->seq))) {
        apply(t, delta, now_us);
        parbus__delta__free_unpacked(delta, NULL);
    }
    if (t->kept.count)
        want(t, NEED_RESUME, now_us);
}

/* F3. While a snapshot is on its way everything is kept: it may be needed on top of it. */
static void take_delta(struct feed_table *t, const Parbus__Delta *delta, const uint8_t *packed, size_t bytes,
                       int64_t now_us)
{
    if (t->content && delta->epoch != t->content->epoch)
        want(t, NEED_SNAPSHOT, now_us);
    if (t->need == NEED_SNAPSHOT) {
        feed_kept_add(&t->kept, delta, packed, bytes);
        return;
    }
    ASSERT(t->content);
    if (delta->prev_seq == t->content->seq && delta->seq > t->content->seq) {
        apply(t, delta, now_us);
        apply_kept(t, now_us);
    } else if (delta->seq > t->content->seq) {
        feed_kept_add(&t->kept, delta, packed, bytes);
        want(t, NEED_RESUME, now_us);
    }
}

/* F5. */
static void take_heartbeat(struct feed_table *t, const Parbus__FeedHeartbeat *beat, int64_t now_us)
{
    if (!t->content)
        return;
    if (beat->epoch != t->content->epoch)
        want(t, NEED_SNAPSHOT, now_us);
    else if (beat->seq > t->content->seq)
        want(t, NEED_RESUME, now_us);
}

void feed_table_event(struct feed_table *t, const struct wire_message *m, int64_t now_us)
{
    t->heard_us = now_us;
    t->silent = false;
    if (m->kind == PARBUS__FEED_EVENT__BODY_DELTA)
        take_delta(t, (const Parbus__Delta *)m->message, m->body, m->body_bytes, now_us);
    else if (m->kind == PARBUS__FEED_EVENT__BODY_HEARTBEAT)
        take_heartbeat(t, (const Parbus__FeedHeartbeat *)m->message, now_us);
    if (!charge(t)) {
        feed_kept_free(&t->kept); /* what is missing is asked for later (F4) */
        charge(t);
    }
    table_assert(t);
}

/* ---- answers ---- */

static void answered(struct feed_table *t, int64_t now_us)
{
    STATE_ENTER(&need_machine, t->need, NEED_NOTHING);
    t->heard_us = now_us;
    t->silent = t->asking = false;
}

/* F2. */
static void adopt_when_whole(struct feed_table *t, int64_t now_us)
{
    if (!t->staged_end || !feed_content_whole(t->staged))
        return;
    feed_content_destroy(&t->content);
    t->content = t->staged;
    t->staged = NULL;
    t->silence_us = silence_after(t->content->begin->heartbeat_ms);
    t->no_room = false;
    t->counts.snapshots++;
    answered(t, now_us);
    if (t->events.snapshot)
        t->events.snapshot(t->events.ctx);
    apply_kept(t, now_us);
}

static void take_begin(struct feed_table *t, const struct wire_message *m, int64_t now_us)
{
    const Parbus__SnapshotBegin *begin = (const Parbus__SnapshotBegin *)m->message;
    if (begin->request != t->request || t->need != NEED_SNAPSHOT)
        return;
    t->topic_unknown = false;
    t->ask_us = now_us + FEED_ANSWER_US;
    if (t->staged && t->staged->epoch == begin->epoch && t->staged->seq == begin->seq)
        return;
    /* Two answers to one question, each of another moment: their rows must not mix. */
    if (t->staged) {
        start_over(t, now_us);
        return;
    }
    t->staged_end = false;
    t->staged = feed_content_new(m->body, m->body_bytes);
    if (!t->staged)
        trouble(t, "the publisher sent a snapshot that cannot be read");
}

static bool belongs_to_staged(const struct feed_table *t, uint64_t request)
{
    return t->staged && request == t->request && t->need == NEED_SNAPSHOT;
}

static void take_rows(struct feed_table *t, const struct wire_message *m, int64_t now_us)
{
    const Parbus__SnapshotRows *rows = (const Parbus__SnapshotRows *)m->message;
    if (!belongs_to_staged(t, rows->request) || rows->epoch != t->staged->epoch || rows->seq != t->staged->seq)
        return;
    t->ask_us = now_us + FEED_ANSWER_US;
    if (feed_content_add(t->staged, rows))
        adopt_when_whole(t, now_us);
    else
        start_over(t, now_us);
}

static void take_end(struct feed_table *t, const struct wire_message *m, int64_t now_us)
{
    const Parbus__SnapshotEnd *end = (const Parbus__SnapshotEnd *)m->message;
    if (!belongs_to_staged(t, end->request) || end->seq != t->staged->seq || end->rows != t->staged->expected)
        return;
    t->staged_end = true;
    adopt_when_whole(t, now_us);
}

static void take_resumed_delta(struct feed_table *t, Parbus__Delta *delta, int64_t now_us)
{
    uint8_t *packed = malloc(parbus__delta__get_packed_size(delta) + 1);
    ASSERT(packed);
    size_t bytes = parbus__delta__pack(delta, packed);
    take_delta(t, delta, packed, bytes, now_us);
    free(packed);
}

static void take_resumed(struct feed_table *t, const struct wire_message *m, int64_t now_us)
{
    const Parbus__Resumed *resumed = (const Parbus__Resumed *)m->message;
    if (resumed->request != t->request || t->need != NEED_RESUME)
        return;
    t->ask_us = now_us + FEED_ANSWER_US;
    for (size_t i = 0; i < resumed->n_delta; i++)
        take_resumed_delta(t, resumed->delta[i], now_us);
    if (t->need != NEED_RESUME || resumed->more)
        return;
    t->counts.resumes++;
    answered(t, now_us);
    /* Part of the answer was lost, or a delta came meanwhile that does not follow. */
    if (t->content->seq < resumed->seq || t->kept.count)
        want(t, NEED_RESUME, now_us);
}

static void take_resync(struct feed_table *t, const struct wire_message *m, int64_t now_us)
{
    const Parbus__Resync *resync = (const Parbus__Resync *)m->message;
    if (resync->request != t->request)
        return;
    t->counts.resyncs++;
    start_over(t, now_us);
    bool news = resync->topic_unknown && !t->topic_unknown;
    t->topic_unknown = resync->topic_unknown;
    if (resync->topic_unknown)
        t->ask_us = now_us + FEED_ANSWER_US;
    if (news && resync->not_authorised)
        trouble(t, resync->reason);
    if (news && t->events.unknown)
        t->events.unknown(t->events.ctx);
}

static void (*const answers[])(struct feed_table *t, const struct wire_message *m, int64_t now_us) = {
    [PARBUS__FROM_SNAPSHOTS__BODY_BEGIN] = take_begin,   [PARBUS__FROM_SNAPSHOTS__BODY_ROWS] = take_rows,
    [PARBUS__FROM_SNAPSHOTS__BODY_END] = take_end,       [PARBUS__FROM_SNAPSHOTS__BODY_RESUMED] = take_resumed,
    [PARBUS__FROM_SNAPSHOTS__BODY_RESYNC] = take_resync,
};

static void give_up_for_want_of_room(struct feed_table *t, int64_t now_us)
{
    char text[160];
    snprintf(text, sizeof text, "%zu rows do not fit into the memory that the feed may use (%zu MiB for all topics)",
             t->staged->expected, t->budget->max >> 20);
    start_over(t, now_us);
    feed_kept_free(&t->kept);
    charge(t);
    t->ask_us = now_us + FEED_NO_ROOM_US;
    if (!t->no_room)
        trouble(t, text);
    t->no_room = true;
}

void feed_table_answer(struct feed_table *t, const struct wire_message *m, int64_t now_us)
{
    if (m->kind < sizeof answers / sizeof *answers && answers[m->kind])
        answers[m->kind](t, m, now_us);
    if (!charge(t) && t->staged)
        give_up_for_want_of_room(t, now_us);
    table_assert(t);
}

/* ---- questions ---- */

static void pack_snapshot_request(const struct feed_table *t, struct buffer *out)
{
    Parbus__SnapshotRequest m = PARBUS__SNAPSHOT_REQUEST__INIT;
    m.topic = (char *)t->topic;
    m.has_request = true;
    m.request = t->request;
    wire_pack(out, PARBUS__TO_SNAPSHOTS__BODY_SNAPSHOT, &m.base);
}

static void pack_resume_request(const struct feed_table *t, struct buffer *out)
{
    Parbus__ResumeRequest m = PARBUS__RESUME_REQUEST__INIT;
    m.topic = (char *)t->topic;
    m.has_request = m.has_epoch = m.has_seq = true;
    m.request = t->request;
    m.epoch = t->content->epoch;
    m.seq = t->content->seq;
    wire_pack(out, PARBUS__TO_SNAPSHOTS__BODY_RESUME, &m.base);
}

static void notice_silence(struct feed_table *t, int64_t now_us)
{
    if (now_us - t->heard_us < t->silence_us)
        return;
    if (!t->silent) {
        char text[120];
        snprintf(text, sizeof text, "nothing heard from the publisher for %g s; asking again until it answers",
                 (double)t->silence_us / 1e6);
        trouble(t, text);
        t->counts.silences++;
    }
    t->silent = true;
    t->heard_us = now_us;
    if (t->content)
        want(t, NEED_RESUME, now_us);
}

bool feed_table_due(struct feed_table *t, int64_t now_us)
{
    notice_silence(t, now_us);
    return t->need != NEED_NOTHING && now_us >= t->ask_us;
}

void feed_table_ask(struct feed_table *t, int64_t now_us, struct buffer *out)
{
    buffer_clear(out);
    feed_content_destroy(&t->staged);
    charge(t);
    t->request++;
    t->asked_us = now_us;
    t->ask_us = now_us + FEED_ANSWER_US;
    t->asking = true;
    if (t->need == NEED_SNAPSHOT)
        pack_snapshot_request(t, out);
    else
        pack_resume_request(t, out);
}

bool feed_table_tick(struct feed_table *t, int64_t now_us, struct buffer *out)
{
    bool due = feed_table_due(t, now_us);
    if (due)
        feed_table_ask(t, now_us, out);
    return due;
}

int64_t feed_table_deadline_us(const struct feed_table *t)
{
    int64_t silence_us = t->heard_us + t->silence_us;
    return t->need != NEED_NOTHING ? earlier_us(t->ask_us, silence_us) : silence_us;
}

/* ---- what it holds ---- */

bool feed_table_asking(const struct feed_table *t) { return t->asking; }

enum parbus_topic_state feed_table_state(const struct feed_table *t)
{
    if (t->topic_unknown)
        return PARBUS_TOPIC_UNKNOWN;
    if (t->no_room)
        return PARBUS_TOPIC_NO_ROOM;
    if (!t->content)
        return PARBUS_TOPIC_ASKED;
    return t->silent ? PARBUS_TOPIC_SILENT : PARBUS_TOPIC_READY;
}

bool feed_table_ready(const struct feed_table *t) { return t->content != NULL; }
const struct parbus_feed_counts *feed_table_counts(const struct feed_table *t) { return &t->counts; }

void feed_table_position(const struct feed_table *t, uint64_t *epoch, uint64_t *seq)
{
    *epoch = t->content ? t->content->epoch : 0;
    *seq = t->content ? t->content->seq : 0;
}

const struct parbus_table_header *feed_table_header(const struct feed_table *t) { return &t->content->header; }

void feed_table_each(const struct feed_table *t, bool (*fn)(void *ctx, const struct parbus_row *row), void *ctx)
{
    feed_content_each(t->content, fn, ctx);
}

bool feed_table_row(const struct feed_table *t, uint32_t unit, struct parbus_row *row)
{
    return feed_content_row(t->content, unit, row);
}
