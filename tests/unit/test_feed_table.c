#include "client/feed_table.h"
#include "feed_world.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Publisher and clients with a network between them that loses, repeats and reorders. */
enum { CLIENTS = 3, PACKETS_MAX = 20000 };

enum route { ROUTE_EVENT, ROUTE_ANSWER, ROUTE_QUESTION };
struct packet {
    enum route route;
    unsigned client;
    int64_t arrive_us;
    struct buffer bytes;
};
struct client {
    struct feed_table *table;
    unsigned snapshots, deltas, troubles;
};
struct net {
    struct world world;
    struct arena arena;
    struct client client[CLIENTS];
    struct packet packet[PACKETS_MAX];
    size_t count;
    bool faults;
    unsigned lost;
};

static void post(struct net *n, enum route route, unsigned client, const void *data, size_t bytes)
{
    struct world *w = &n->world;
    unsigned copies = 1;
    if (n->faults)
        copies = world_random(w, 8) == 0 ? 0 : world_random(w, 8) == 0 ? 2 : 1;
    n->lost += copies == 0;
    for (; copies && n->count < PACKETS_MAX; copies--) {
        struct packet *p = &n->packet[n->count++];
        int64_t delay_us = n->faults ? (int64_t)world_random(w, 40 * WORLD_MS) : 0;
        if (n->faults && !world_random(w, 30))
            delay_us += (int64_t)world_random(w, 3000 * WORLD_MS);
        *p = (struct packet){.route = route, .client = client, .arrive_us = w->now_us + delay_us};
        buffer_append(&p->bytes, data, bytes);
    }
}

static void on_publish(void *ctx, const char *topic, const void *event, size_t bytes)
{
    struct net *n = ctx;
    for (unsigned i = 0; i < CLIENTS; i++)
        if (!strcmp(topic, WORLD_TOPIC))
            post(n, ROUTE_EVENT, i, event, bytes);
}

static enum err on_answer(void *ctx, uint64_t peer, const void *message, size_t bytes)
{
    struct net *n = ctx;
    if (n->faults && !world_random(&n->world, 10))
        return ERR_BUSY;
    post(n, ROUTE_ANSWER, (unsigned)peer - 1, message, bytes);
    return OK;
}

static void count_snapshot(void *ctx) { ((struct client *)ctx)->snapshots++; }
static void count_trouble(void *ctx, const char *text) { (void)text, ((struct client *)ctx)->troubles++; }

static void count_delta(void *ctx, const Parbus__Delta *delta)
{
    struct client *c = ctx;
    c->deltas++;
    /* What the publisher says of a row's rank is what the client finds. */
    for (size_t i = 0; i < delta->n_row; i++) {
        struct parbus_row row;
        cr_assert(feed_table_row(c->table, delta->row[i]->unit, &row));
        cr_assert_eq(row.rank, delta->row[i]->rank);
    }
}

static struct net *net_new(uint64_t seed)
{
    struct net *n = calloc(1, sizeof *n);
    arena_init(&n->arena, 16 << 20);
    world_init(&n->world, seed);
    n->world.ctx = n;
    n->world.publish = on_publish;
    n->world.answer = on_answer;
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct feed_table_events events = {
            .ctx = &n->client[i], .snapshot = count_snapshot, .delta = count_delta, .trouble = count_trouble};
        n->client[i].table = feed_table_new(WORLD_TOPIC, &events, n->world.now_us);
    }
    return n;
}

static void net_free(struct net *n)
{
    for (size_t i = 0; i < n->count; i++)
        buffer_free(&n->packet[i].bytes);
    for (unsigned i = 0; i < CLIENTS; i++)
        feed_table_destroy(&n->client[i].table);
    world_free(&n->world);
    arena_free(&n->arena);
    free(n);
}

static void arrive(struct net *n, const struct packet *p)
{
    if (p->route == ROUTE_QUESTION) {
        world_ask(&n->world, p->client + 1, &p->bytes);
        return;
    }
    struct wire_message m;
    struct err_text e;
    arena_reset(&n->arena);
    const struct wire_channel *channel = p->route == ROUTE_EVENT ? &wire_feed_event : &wire_from_snapshots;
    cr_assert_eq(wire_open(channel, p->bytes.data, p->bytes.size, &n->arena, &m, &e), OK, "%s", e.text);
    struct feed_table *t = n->client[p->client].table;
    (p->route == ROUTE_EVENT ? feed_table_event : feed_table_answer)(t, &m, n->world.now_us);
}

/* In order of arrival; of equal times the one sent first. */
static bool deliver_next(struct net *n)
{
    size_t first = n->count;
    for (size_t i = 0; i < n->count; i++)
        if (n->packet[i].arrive_us <= n->world.now_us &&
            (first == n->count || n->packet[i].arrive_us < n->packet[first].arrive_us))
            first = i;
    if (first == n->count)
        return false;
    struct packet p = n->packet[first];
    memmove(&n->packet[first], &n->packet[first + 1], (--n->count - first) * sizeof p);
    arrive(n, &p);
    buffer_free(&p.bytes);
    return true;
}

static uint32_t publisher_rank(const struct standings *s, uint32_t unit)
{
    return standings_rank(s, standings_find(s, unit));
}

static void assert_same_table(const struct net *n, const struct feed_table *t)
{
    uint64_t seq;
    const struct standings *s = publisher_table(n->world.publisher, 1, &seq);
    for (uint32_t unit = 1; unit <= WORLD_UNITS; unit++) {
        const struct standing *own = &s->row[standings_find(s, unit)];
        struct parbus_row row;
        cr_assert(feed_table_row(t, unit, &row));
        cr_assert_eq(row.rank, publisher_rank(s, unit), "unit %u", unit);
        cr_assert_eq(row.score, own->score, "unit %u", unit);
        cr_assert_eq(row.present, own->present);
        cr_assert_eq(row.complete, own->complete);
        cr_assert_eq(row.appraised_share, own->appraised_share);
        cr_assert_eq(row.cause_seq, own->cause_seq);
        cr_assert_arr_eq(row.component, own->component, WORLD_TOPS * sizeof(int64_t));
        cr_assert_eq(atoi(row.code + 1), (int)unit);
    }
}

/* Whenever a client stands where the publisher stands, it holds the same table. Returns whether it does. */
static bool check_client(const struct net *n, const struct client *c)
{
    uint64_t epoch, seq, here;
    feed_table_position(c->table, &epoch, &seq);
    publisher_table(n->world.publisher, 1, &here);
    if (!feed_table_ready(c->table) || epoch != n->world.epoch || seq != here)
        return false;
    assert_same_table(n, c->table);
    return true;
}

static void step(struct net *n)
{
    struct buffer out = {0};
    n->world.now_us += 1 + (int64_t)world_random(&n->world, 20 * WORLD_MS);
    while (deliver_next(n))
        continue;
    world_tick(&n->world);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (feed_table_tick(n->client[i].table, n->world.now_us, &out))
            post(n, ROUTE_QUESTION, i, out.data, out.size);
        cr_assert_gt(feed_table_deadline_us(n->client[i].table), n->world.now_us);
        check_client(n, &n->client[i]);
    }
    buffer_free(&out);
}

static void change_something(struct net *n)
{
    struct world *w = &n->world;
    world_change(w);
    uint32_t p = (uint32_t)world_random(w, WORLD_PARTITIONS);
    world_send_scores(w, p);
    world_commit(w, p);
}

/* Enough time for every question and answer that is outstanding, in a network without faults. */
static void settle(struct net *n)
{
    n->faults = false;
    for (int i = 0; i < 800; i++)
        step(n);
    for (unsigned i = 0; i < CLIENTS; i++)
        cr_assert(check_client(n, &n->client[i]), "client %u is not where the publisher is", i);
}

static void run(struct net *n, int steps, unsigned restart_every)
{
    n->faults = true;
    for (int i = 0; i < steps; i++) {
        if (world_random(&n->world, 2))
            change_something(n);
        if (restart_every && !world_random(&n->world, restart_every))
            world_restart(&n->world);
        step(n);
    }
}

Test(feed_table, ends_equal_to_the_publisher_whatever_the_network_does)
{
    for (uint64_t seed = 1; seed <= 25; seed++) {
        struct net *n = net_new(seed);
        run(n, 500, 0);
        settle(n);
        cr_assert_gt(n->lost, 30);
        cr_assert_gt(n->world.metrics.value[METRIC_resumes_served], 0);
        net_free(n);
    }
}

Test(feed_table, ends_equal_when_the_ring_is_too_short_to_resume)
{
    for (uint64_t seed = 1; seed <= 15; seed++) {
        struct net *n = net_new(seed);
        n->world.settings.feed_ring_deltas = 2;
        world_restart(&n->world);
        run(n, 500, 0);
        settle(n);
        cr_assert_gt(n->world.metrics.value[METRIC_resyncs_sent], 0);
        net_free(n);
    }
}

Test(feed_table, ends_equal_when_the_publisher_restarts_again_and_again)
{
    for (uint64_t seed = 1; seed <= 25; seed++) {
        struct net *n = net_new(seed);
        run(n, 500, 60);
        settle(n);
        cr_assert_gt(n->world.epoch, 1);
        net_free(n);
    }
}

Test(feed_table, follows_by_deltas_alone_when_nothing_is_lost)
{
    struct net *n = net_new(1);
    for (int i = 0; i < 300; i++) {
        change_something(n);
        step(n);
    }
    settle(n);
    for (unsigned i = 0; i < CLIENTS; i++) {
        cr_assert_eq(n->client[i].snapshots, 1);
        cr_assert_gt(n->client[i].deltas, 50);
        cr_assert_eq(n->client[i].troubles, 0);
    }
    cr_assert_eq(n->world.metrics.value[METRIC_resumes_served], 0);
    net_free(n);
}

Test(feed_table, a_lost_last_delta_is_noticed_by_the_heartbeat)
{
    struct net *n = net_new(1);
    settle(n);
    world_set(&n->world, 3, 5 * MICRO, true);
    world_send_scores(&n->world, 3);
    world_tick(&n->world);
    for (size_t i = 0; i < n->count; i++)
        buffer_free(&n->packet[i].bytes);
    n->count = 0;
    settle(n);
    cr_assert_eq(n->world.metrics.value[METRIC_resumes_served], CLIENTS);
    net_free(n);
}

static void expect_asks_after(struct net *n, int64_t silence_us)
{
    struct buffer out = {0};
    struct feed_table *t = n->client[0].table;
    cr_assert_not(feed_table_tick(t, n->world.now_us + silence_us / 2, &out));
    cr_assert(feed_table_tick(t, n->world.now_us + silence_us, &out));
    cr_assert_eq(n->client[0].troubles, 1);
    cr_assert_eq(feed_table_counts(t)->silences, 1);
    cr_assert_not(feed_table_tick(t, n->world.now_us + silence_us + FEED_ANSWER_US / 2, &out));
    cr_assert(feed_table_tick(t, n->world.now_us + silence_us + FEED_ANSWER_US, &out));
    buffer_free(&out);
}

Test(feed_table, silence_makes_it_ask)
{
    struct net *n = net_new(1);
    settle(n);
    expect_asks_after(n, 3000000);
    net_free(n);
}

Test(feed_table, the_publisher_says_how_long_a_silence_may_be)
{
    static const struct {
        int64_t heartbeat_ms, silence_us;
    } table[] = {{4000, 12000000}, {60000, 180000000}, {10, FEED_SILENCE_LEAST_US}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct net *n = net_new(1);
        n->world.settings.feed_heartbeat_ms = table[i].heartbeat_ms;
        world_restart(&n->world);
        settle(n);
        settle(n);
        feed_table_event(n->client[0].table, &(struct wire_message){0}, n->world.now_us);
        expect_asks_after(n, table[i].silence_us);
        net_free(n);
    }
}

Test(feed_table, an_unknown_topic_is_reported_and_found_once_it_is_there)
{
    struct net *n = net_new(1);
    struct feed_table_events events = {.ctx = &n->client[0], .snapshot = count_snapshot};
    feed_table_destroy(&n->client[0].table);
    n->client[0].table = feed_table_new("little/2026", &events, n->world.now_us);
    for (int i = 0; i < 20; i++)
        step(n);
    cr_assert_eq(feed_table_state(n->client[0].table), PARBUS_TOPIC_UNKNOWN);
    cr_assert_not(feed_table_ready(n->client[0].table));
    struct page page;
    page_period(&page, catalog_control_seq(n->world.catalog) + 1, "little", "2026");
    world_control(&n->world, &page);
    for (int i = 0; i < 300; i++)
        step(n);
    cr_assert(feed_table_ready(n->client[0].table));
    cr_assert_eq(feed_table_state(n->client[0].table), PARBUS_TOPIC_READY);
    cr_assert_eq(n->client[0].snapshots, 1);
    cr_assert_str_eq(feed_table_header(n->client[0].table)->topic, "little/2026");
    net_free(n);
}

Test(feed_table, shows_title_status_and_components)
{
    struct net *n = net_new(1);
    settle(n);
    const struct parbus_table_header *h = feed_table_header(n->client[0].table);
    cr_assert_str_eq(h->title_en, "Little");
    cr_assert_str_eq(h->status, "illustrative");
    cr_assert_eq(h->component_count, WORLD_TOPS);
    cr_assert_str_eq(h->component[2]->code, "t3");
    cr_assert_eq(h->points_max, 10 * WORLD_TOPS * MICRO);
    net_free(n);
}

struct order {
    uint32_t rank[WORLD_UNITS], unit[WORLD_UNITS], count;
};

static bool note_row(void *ctx, const struct parbus_row *row)
{
    struct order *o = ctx;
    o->rank[o->count] = row->rank;
    o->unit[o->count++] = row->unit;
    return o->count < 5;
}

Test(feed_table, lists_ranked_units_in_order_then_the_others)
{
    struct net *n = net_new(1);
    world_set(&n->world, 9, 5 * MICRO, true);
    world_set(&n->world, 5, 5 * MICRO, true);
    world_set(&n->world, 1, 7 * MICRO, true);
    world_set(&n->world, 13, 9 * MICRO, false);
    world_send_scores(&n->world, 1);
    settle(n);
    struct order o = {.count = 0};
    feed_table_each(n->client[0].table, note_row, &o);
    const uint32_t unit[] = {1, 5, 9, 2, 3}, rank[] = {1, 2, 2, 0, 0};
    cr_assert_arr_eq(o.unit, unit, sizeof unit);
    cr_assert_arr_eq(o.rank, rank, sizeof rank);
    net_free(n);
}
