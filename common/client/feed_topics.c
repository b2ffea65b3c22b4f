#include "client/feed_topics.h"
#include "base/bytes.h"
#include "base/deadline.h"
#include "base/map.h"
#include <stdlib.h>
#include <string.h>

struct parbus_topic {
    struct feed_topics *set;
    struct feed_table *table;
    struct parbus_topic_events events;
    char name[sizeof((struct parbus_table_header *)0)->topic];
    uint32_t number; /* of its questions; no other topic of this connection ever had it */
    size_t place;
    bool asking; /* counted in set->asking */
    bool left;
};

struct feed_topics {
    struct feed_topics_io io;
    struct feed_budget budget;
    struct parbus_topic **topic;
    int64_t *due_us; /* of topic[i]; a row of its own, because all of it is looked at all the time */
    size_t count, capacity, followed, max;
    size_t first; /* whose turn it is to ask */
    uint32_t numbered, asking;
    bool swept; /* nobody has left and is still here */
    struct map by_name, by_number;
    struct buffer out;
};

struct feed_topics *feed_topics_new(uint32_t topics_max, size_t bytes_max, const struct feed_topics_io *io)
{
    struct feed_topics *s = calloc(1, sizeof *s);
    ASSERT(s);
    s->io = *io;
    s->max = topics_max ? topics_max : FEED_TOPICS_DEFAULT;
    s->budget.max = bytes_max ? bytes_max : FEED_BYTES_DEFAULT;
    s->swept = true;
    return s;
}

static void topic_free(struct parbus_topic *t)
{
    feed_table_destroy(&t->table);
    free(t);
}

void feed_topics_destroy(struct feed_topics **set)
{
    struct feed_topics *s = *set;
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        topic_free(s->topic[i]);
    map_free(&s->by_name);
    map_free(&s->by_number);
    buffer_free(&s->out);
    free(s->topic);
    free(s->due_us);
    free(s);
    *set = NULL;
}

/* ---- what a table tells ---- */

static void on_snapshot(void *ctx)
{
    const struct parbus_topic *t = ctx;
    if (!t->left && t->events.snapshot)
        t->events.snapshot(t->events.ctx, t);
}

static void on_delta(void *ctx, const Parbus__Delta *delta)
{
    const struct parbus_topic *t = ctx;
    if (!t->left && t->events.delta)
        t->events.delta(t->events.ctx, t, delta);
}

static void on_unknown(void *ctx)
{
    const struct parbus_topic *t = ctx;
    if (!t->left && t->events.unknown)
        t->events.unknown(t->events.ctx, t);
}

static void on_trouble(void *ctx, const char *text)
{
    const struct parbus_topic *t = ctx;
    if (!t->left && t->events.trouble)
        t->events.trouble(t->events.ctx, t, text);
}

/* ---- who is followed ---- */

static uint64_t key_of(const char *name) { return hash_bytes(name, strlen(name)); }

/* NULL: nobody. Two names with one hash, of which the map knows one, are told apart by looking at all. */
static struct parbus_topic *find(const struct feed_topics *s, const char *name)
{
    uint32_t at;
    if (!map_get(&s->by_name, key_of(name), &at))
        return NULL;
    if (!strcmp(s->topic[at]->name, name) && !s->topic[at]->left)
        return s->topic[at];
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->topic[i]->name, name) && !s->topic[i]->left)
            return s->topic[i];
    return NULL;
}

static enum err check_new(const struct feed_topics *s, const char *name, struct err_text *e)
{
    size_t bytes = strlen(name);
    if (bytes >= sizeof s->topic[0]->name)
        return err_set(e, ERR_TOO_LARGE, "the topic is %zu bytes long, at most %zu are possible", bytes,
                       sizeof s->topic[0]->name - 1);
    if (s->followed == s->max)
        return err_set(e, ERR_FULL, "%zu topics are followed already; topics_max allows no more", s->max);
    if (find(s, name))
        return err_set(e, ERR_INVALID, "%s is followed already", name);
    return OK;
}

static void put(struct feed_topics *s, struct parbus_topic *t, size_t place)
{
    s->topic[place] = t;
    t->place = place;
    map_put(&s->by_number, t->number, (uint32_t)place);
    map_put(&s->by_name, key_of(t->name), (uint32_t)place);
}

static void add(struct feed_topics *s, struct parbus_topic *t, int64_t due_us)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 16;
        s->topic = reallocarray(s->topic, s->capacity, sizeof *s->topic);
        s->due_us = reallocarray(s->due_us, s->capacity, sizeof *s->due_us);
        ASSERT(s->topic && s->due_us);
    }
    s->due_us[s->count] = due_us;
    put(s, t, s->count++);
    s->followed++;
}

enum err feed_topics_follow(struct feed_topics *s, const char *topic, const struct parbus_topic_events *events,
                            struct parbus_topic **out, struct moment now, struct err_text *e)
{
    *out = NULL;
    enum err err = check_new(s, topic, e);
    if (err)
        return err;
    struct parbus_topic *t = calloc(1, sizeof *t);
    ASSERT(t);
    t->set = s;
    t->number = s->numbered++;
    t->events = events ? *events : (struct parbus_topic_events){0};
    memcpy(t->name, topic, strlen(topic) + 1);
    struct feed_table_events told = {t, on_snapshot, on_delta, on_unknown, on_trouble};
    t->table = feed_table_new(topic, &told, now.mono_us);
    feed_table_share(t->table, t->number, &s->budget);
    add(s, t, now.mono_us);
    s->io.subscribe(s->io.ctx, t->name, true); /* F1: before the first question */
    *out = t;
    return OK;
}

void feed_topics_leave(struct parbus_topic **topic)
{
    struct parbus_topic *t = *topic;
    if (!t)
        return;
    t->left = true;
    t->set->followed--;
    t->set->swept = false;
    t->set->io.subscribe(t->set->io.ctx, t->name, false);
    *topic = NULL;
}

static void answered(struct feed_topics *s, struct parbus_topic *t)
{
    ASSERT(s->asking >= t->asking);
    s->asking -= t->asking;
    t->asking = false;
}

/* The last one takes its place. */
static void take_out(struct feed_topics *s, struct parbus_topic *t)
{
    size_t last = --s->count;
    answered(s, t);
    map_remove(&s->by_number, t->number);
    map_remove(&s->by_name, key_of(t->name));
    if (t->place != last) {
        s->due_us[t->place] = s->due_us[last];
        put(s, s->topic[last], t->place);
    }
    topic_free(t);
}

/* Who left and came again has two places for a while: the map must know the one that stays. */
static void sweep(struct feed_topics *s)
{
    if (s->swept)
        return;
    for (size_t i = s->count; i-- > 0;)
        if (s->topic[i]->left)
            take_out(s, s->topic[i]);
    for (size_t i = 0; i < s->count; i++)
        put(s, s->topic[i], i);
    s->swept = true;
}

/* ---- what comes ---- */

static void settle(struct feed_topics *s, struct parbus_topic *t)
{
    if (t->asking && !feed_table_asking(t->table))
        answered(s, t);
    s->due_us[t->place] = feed_table_deadline_us(t->table);
}

void feed_topics_event(struct feed_topics *s, const char *topic, const struct wire_message *m, struct moment now)
{
    struct parbus_topic *t = find(s, topic);
    if (!t)
        return;
    feed_table_event(t->table, m, now.mono_us);
    settle(s, t);
}

static uint64_t request_of(const struct wire_message *m)
{
    switch (m->kind) {
    case PARBUS__FROM_SNAPSHOTS__BODY_BEGIN:
        return ((const Parbus__SnapshotBegin *)m->message)->request;
    case PARBUS__FROM_SNAPSHOTS__BODY_ROWS:
        return ((const Parbus__SnapshotRows *)m->message)->request;
    case PARBUS__FROM_SNAPSHOTS__BODY_END:
        return ((const Parbus__SnapshotEnd *)m->message)->request;
    case PARBUS__FROM_SNAPSHOTS__BODY_RESUMED:
        return ((const Parbus__Resumed *)m->message)->request;
    case PARBUS__FROM_SNAPSHOTS__BODY_RESYNC:
        return ((const Parbus__Resync *)m->message)->request;
    default:
        return 0;
    }
}

void feed_topics_answer(struct feed_topics *s, const struct wire_message *m, struct moment now)
{
    uint32_t at;
    if (!map_get(&s->by_number, feed_table_number(request_of(m)), &at) || s->topic[at]->left)
        return;
    struct parbus_topic *t = s->topic[at];
    feed_table_answer(t->table, m, now.mono_us);
    settle(s, t);
}

/* ---- what is asked ---- */

static void ask(struct feed_topics *s, struct parbus_topic *t, struct moment now)
{
    feed_table_ask(t->table, now.mono_us, &s->out);
    t->asking = true;
    s->asking++;
    s->io.send(s->io.ctx, s->out.data, s->out.size, now);
}

/* false: it has to wait until others have their answers. */
static bool serve(struct feed_topics *s, struct parbus_topic *t, struct moment now)
{
    bool due = feed_table_due(t->table, now.mono_us);
    if (due)
        answered(s, t); /* or it never will be */
    if (due && s->asking == FEED_QUESTIONS_MAX)
        return false;
    if (due)
        ask(s, t, now);
    s->due_us[t->place] = feed_table_deadline_us(t->table);
    return true;
}

/* Whoever had to wait is the first the next time. */
static void serve_due(struct feed_topics *s, struct moment now)
{
    size_t first = s->first < s->count ? s->first : 0;
    bool waits = false;
    for (size_t i = 0; i < s->count; i++) {
        size_t at = first + i < s->count ? first + i : first + i - s->count;
        if (s->due_us[at] > now.mono_us || serve(s, s->topic[at], now) || waits)
            continue;
        waits = true;
        s->first = at;
    }
}

int64_t feed_topics_tick(struct feed_topics *s, struct moment now)
{
    sweep(s);
    serve_due(s, now);
    int64_t next_us = INT64_MAX;
    bool full = s->asking == FEED_QUESTIONS_MAX; /* then what is due waits for somebody's answer */
    for (size_t i = 0; i < s->count; i++)
        if (s->due_us[i] > now.mono_us || !full)
            next_us = earlier_us(next_us, s->due_us[i]);
    return s->swept ? next_us : now.mono_us;
}

bool feed_topics_expect_events(const struct feed_topics *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (feed_table_state(s->topic[i]->table) != PARBUS_TOPIC_UNKNOWN)
            return true;
    return false;
}

void feed_topics_resubscribe(const struct feed_topics *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (!s->topic[i]->left)
            s->io.subscribe(s->io.ctx, s->topic[i]->name, true);
}

size_t feed_topics_bytes(const struct feed_topics *s) { return s->budget.used; }

/* ---- the public face of a topic ---- */

void parbus_topic_leave(struct parbus_topic **t) { feed_topics_leave(t); }
const char *parbus_topic_name(const struct parbus_topic *t) { return t->name; }
enum parbus_topic_state parbus_topic_state(const struct parbus_topic *t) { return feed_table_state(t->table); }
struct parbus_feed_counts parbus_topic_counts(const struct parbus_topic *t) { return *feed_table_counts(t->table); }
bool parbus_topic_ready(const struct parbus_topic *t) { return feed_table_ready(t->table); }

void parbus_topic_position(const struct parbus_topic *t, uint64_t *epoch, uint64_t *seq)
{
    feed_table_position(t->table, epoch, seq);
}

const struct parbus_table_header *parbus_topic_header(const struct parbus_topic *t)
{
    return feed_table_header(t->table);
}

void parbus_topic_each(const struct parbus_topic *t, bool (*fn)(void *ctx, const struct parbus_row *row), void *ctx)
{
    feed_table_each(t->table, fn, ctx);
}

bool parbus_topic_row(const struct parbus_topic *t, uint32_t unit, struct parbus_row *row)
{
    return feed_table_row(t->table, unit, row);
}
