#include "tests/sim/network.h"
#include "tests/sim/sim.h"
#include <stdlib.h>
#include <string.h>

enum { AWAY_AGAIN_US = 50000 };

const char *channel_name(enum channel channel)
{
    static const char *const names[] = {
        [TO_DOOR] = "door",     [TO_FEEDER] = "feeder",       [TO_COORDINATOR] = "coordinator",
        [TO_WORKER] = "worker", [TO_SCORER] = "scorer",       [TO_PUBLISHER] = "publisher",
        [FEED_EVENT] = "feed",  [TO_SNAPSHOTS] = "snapshots", [FROM_SNAPSHOTS] = "subscriber",
    };
    return names[channel];
}

/* ---- the heap: earliest first ---- */

static bool before(const struct message *a, const struct message *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void heap_put(struct network *n, struct message *m)
{
    if (n->count == n->capacity) {
        n->capacity = n->capacity ? 2 * n->capacity : 256;
        n->heap = realloc(n->heap, n->capacity * sizeof(struct message *));
        ASSERT(n->heap);
    }
    size_t at = n->count++;
    for (; at && before(m, n->heap[(at - 1) / 2]); at = (at - 1) / 2)
        n->heap[at] = n->heap[(at - 1) / 2];
    n->heap[at] = m;
}

static struct message *heap_take(struct network *n)
{
    struct message *top = n->heap[0], *last = n->heap[--n->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < n->count; at = child) {
        if (child + 1 < n->count && before(n->heap[child + 1], n->heap[child]))
            child++;
        if (!before(n->heap[child], last))
            break;
        n->heap[at] = n->heap[child];
    }
    n->heap[at] = last;
    return top;
}

/* ---- messages ---- */

static struct message *message_new(struct network *n, const void *data, size_t bytes)
{
    struct message *m = n->vacant;
    if (m)
        n->vacant = m->next;
    else
        m = calloc(1, sizeof *m);
    ASSERT(m);
    if (!m->data || m->capacity < bytes) {
        free(m->data);
        m->capacity = bytes < 256 ? 256 : bytes;
        m->data = malloc(m->capacity);
        ASSERT(m->data);
    }
    memcpy(m->data, data, bytes);
    m->bytes = bytes;
    m->next = NULL;
    return m;
}

void network_release(struct network *n, struct message *m)
{
    n->on_way[m->to]--;
    m->next = n->vacant;
    n->vacant = m;
}

static void message_free(struct message *m)
{
    free(m->data);
    free(m);
}

void network_free(struct network *n)
{
    for (size_t i = 0; i < n->count; i++)
        message_free(n->heap[i]);
    free(n->heap);
    while (n->vacant) {
        struct message *m = n->vacant;
        n->vacant = m->next;
        message_free(m);
    }
}

/* ---- sending ---- */

static int64_t arrival_us(struct sim *s, int from, int to, int64_t sent_us)
{
    int64_t at = sent_us + rng_between(&s->rng, 20, 200), *last = &s->network.last_us[from][to];
    if (!s->calm && rng_chance(&s->rng, s->weather.late))
        at += rng_between(&s->rng, 0, s->weather.late_us);
    if (!s->calm && rng_chance(&s->rng, s->weather.reorder)) {
        census_add(s, messages_late, at <= *last);
        return at;
    }
    if (at <= *last)
        at = *last + 1;
    return *last = at;
}

static bool lost(struct sim *s, int from, int to, enum channel channel)
{
    uint32_t chance = channel == FEED_EVENT ? s->weather.drop + s->weather.feed_drop : s->weather.drop;
    bool gone = s->now_us < s->network.cut_until_us[from][to] || (!s->calm && rng_chance(&s->rng, chance));
    census_add(s, messages_lost, gone);
    return gone;
}

static void put_on_way(struct sim *s, const struct actor *from, int to, enum channel channel, uint32_t topic,
                       const void *data, size_t bytes)
{
    struct message *m = message_new(&s->network, data, bytes);
    m->from = from->number;
    m->connection = from->connection;
    m->principal = from->proof.principal;
    m->to = to;
    m->channel = channel;
    m->topic = topic;
    m->order = ++s->network.sent;
    m->at_us = arrival_us(s, from->number, to, actor_now_us(s, from));
    s->network.on_way[to]++;
    heap_put(&s->network, m);
}

enum err network_send(struct sim *s, const struct actor *from, int to, enum channel channel, uint32_t topic,
                      const void *data, size_t bytes)
{
    if (s->network.on_way[to] >= s->weather.queue_max)
        return census_add(s, queues_full, 1), ERR_BUSY;
    int copies = !s->calm && rng_chance(&s->rng, s->weather.repeat) ? 2 : 1;
    census_add(s, messages_repeated, copies - 1);
    for (; copies > 0; copies--)
        if (!lost(s, from->number, to, channel))
            put_on_way(s, from, to, channel, topic, data, bytes);
    return OK;
}

/* ---- delivery ---- */

int64_t network_next_us(const struct network *n) { return n->count ? n->heap[0]->at_us : INT64_MAX; }

void network_deliver(struct sim *s)
{
    struct network *n = &s->network;
    struct message *m = heap_take(n);
    if (s->actor[m->to].alive) {
        actor_receive(s, &s->actor[m->to], m);
    } else if (m->channel == FEED_EVENT || s->actor[m->to].gone || rng_below(&s->rng, 2)) {
        network_release(n, m);
    } else {
        m->at_us += AWAY_AGAIN_US;
        heap_put(n, m);
    }
}

void network_forget_host(struct sim *s)
{
    struct network *n = &s->network;
    size_t count = n->count, kept = 0;
    n->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct message *m = n->heap[i];
        if (s->actor[m->to].role->on_host)
            network_release(n, m);
        else
            n->heap[kept++] = m;
    }
    /* what is left is put in order again: a prefix is a heap at any time */
    for (size_t i = 0; i < kept; i++)
        heap_put(n, n->heap[i]);
}

void network_close_epoch(struct network *n, const struct actor *feeder)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->heap[i]->from == feeder->number)
            n->heap[i]->connection = 0; /* one that nobody said hello on */
}
