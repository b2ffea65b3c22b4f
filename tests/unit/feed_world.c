#include "feed_world.h"
#include "base/bytes.h"
#include <criterion/criterion.h>

uint64_t world_random(struct world *w, uint64_t below)
{
    w->random += 0x9e3779b97f4a7c15ull;
    return hash_mix(w->random) % below;
}

static void publish(void *ctx, const char *topic, const void *event, size_t bytes)
{
    struct world *w = ctx;
    if (w->publish)
        w->publish(w->ctx, topic, event, bytes);
}

static enum err answer(void *ctx, uint64_t peer, const void *message, size_t bytes)
{
    struct world *w = ctx;
    return w->answer ? w->answer(w->ctx, peer, message, bytes) : OK;
}

enum err world_send(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    return (void)ctx, (void)source, (void)peer, (void)kind, (void)m, OK;
}

void world_hear(void *ctx, enum tell_level level, const char *id, const char *text)
{
    (void)ctx, (void)level, (void)id, (void)text;
}

static struct unit_score score_of(const struct world_unit *u, uint32_t unit)
{
    return (struct unit_score){.series = 1,
                               .unit = unit,
                               .header = {.complete = u->complete,
                                          .present = u->present,
                                          .appraised_share = u->appraised_share,
                                          .node_count = WORLD_NODES,
                                          .cause_feeder = 1,
                                          .cause_epoch = 1,
                                          .cause_seq = u->cause_seq},
                               .points = u->points};
}

static void reload(void *ctx, struct publisher *p, uint64_t journal_id, uint32_t partition)
{
    struct world *w = ctx;
    cr_assert_eq(journal_id, 77);
    if (w->committed_pseq[partition] <= publisher_position(p, partition))
        return;
    for (uint32_t unit = 1; unit <= WORLD_UNITS; unit++) {
        struct unit_score score = score_of(&w->committed[unit - 1], unit);
        if (world_partition(unit) == partition)
            publisher_load(p, &score, w->committed_pseq[partition]);
    }
    publisher_loaded(p, partition, w->committed_pseq[partition]);
}

static void hear(struct world *w, uint32_t kind, const ProtobufCMessage *message)
{
    publisher_receive(w->publisher, PUBLISHER_COORDINATOR, peer_unnamed(1), WIRE_MESSAGE(kind, message), at(w->now_us));
}

void world_control(struct world *w, struct page *page)
{
    hear(w, PARBUS__TO_WORKER__BODY_CONTROLS, &page->controls.base);
    page_free(page);
}

void world_welcome(struct world *w, uint32_t partitions)
{
    Parbus__WorkerWelcome m = PARBUS__WORKER_WELCOME__INIT;
    m.partitions = partitions;
    m.term = 1;
    m.journal_id = 77;
    m.control_seq = catalog_control_seq(w->catalog);
    hear(w, PARBUS__TO_WORKER__BODY_WELCOME, &m.base);
    for (uint32_t turn = 0; turn < partitions; turn++)
        publisher_tick(w->publisher, at(w->now_us));
    cr_assert(publisher_started(w->publisher));
}

void world_restart(struct world *w)
{
    publisher_destroy(&w->publisher);
    struct publisher_options o = {
        .settings = &w->settings,
        .worker = {.instance = "publisher", .heartbeat_us = 250000, .catalog = w->catalog},
        .metrics = &w->metrics,
        .epoch = ++w->epoch,
        .io = {w, world_send, world_hear, publish, answer, reload},
    };
    w->publisher = publisher_new(&o, at(w->now_us));
    world_welcome(w, WORLD_PARTITIONS);
}

void world_init(struct world *w, uint64_t seed)
{
    *w = (struct world){.random = hash_mix(seed), .now_us = 1000 * WORLD_MS};
    w->settings.snapshots_per_client_max = 32;
    w->settings.feed_merge_ms = 20;
    w->settings.feed_heartbeat_ms = 1000;
    w->settings.feed_ring_deltas = 1024;
    w->settings.feed_ring_bytes_max = 64 << 20;
    w->catalog = little_catalog_new(WORLD_UNITS, WORLD_TOPS);
    little_catalog_open(w->catalog, "2025");
    world_restart(w);
}

void world_free(struct world *w)
{
    publisher_destroy(&w->publisher);
    catalog_destroy(&w->catalog);
}

static void touch(struct world *w, uint32_t unit)
{
    struct world_unit *u = &w->now[unit - 1];
    u->touched = true;
    u->cause_seq = ++w->pseq[world_partition(unit)];
}

void world_set(struct world *w, uint32_t unit, int64_t points, bool complete)
{
    struct world_unit *u = &w->now[unit - 1];
    u->present = true;
    u->complete = complete;
    u->points[0] = u->points[1] = points;
    touch(w, unit);
}

/* Few different points, so that ties, and changes that are none, happen all the time. */
void world_change(struct world *w)
{
    uint32_t partition = (uint32_t)world_random(w, WORLD_PARTITIONS);
    for (uint64_t n = world_random(w, 4) + 1; n > 0; n--) {
        uint32_t unit = (uint32_t)world_random(w, WORLD_UNITS / WORLD_PARTITIONS) * WORLD_PARTITIONS + partition;
        unit = unit ? unit : WORLD_PARTITIONS;
        struct world_unit *u = &w->now[unit - 1];
        u->present = world_random(w, 8) > 0;
        u->complete = u->present && world_random(w, 6) > 0;
        u->appraised_share = (uint32_t)world_random(w, 2) * 500000;
        for (int i = 1; i < WORLD_NODES; i++)
            u->points[i] = u->present ? (int64_t)world_random(w, 3) * MICRO : 0;
        u->points[0] = u->points[1] + u->points[2] + u->points[3];
        touch(w, unit);
    }
}

static void fill(Parbus__UnitScore *out, const struct world_unit *u, uint32_t unit)
{
    parbus__unit_score__init(out);
    out->has_series = out->has_unit = out->has_complete = out->has_present = out->has_appraised_share = true;
    out->has_cause_feeder = out->has_cause_epoch = out->has_cause_seq = true;
    out->series = out->cause_feeder = 1;
    out->cause_epoch = 1;
    out->cause_seq = u->cause_seq;
    out->unit = unit;
    out->complete = u->complete;
    out->present = u->present;
    out->appraised_share = u->appraised_share;
    out->n_points = WORLD_NODES;
    out->points = (int64_t *)u->points;
}

void world_scores(struct world *w, uint32_t partition, struct buffer *out)
{
    Parbus__Scores m = PARBUS__SCORES__INIT;
    Parbus__UnitScore score[WORLD_UNITS], *pointer[WORLD_UNITS];
    m.has_partition = m.has_prev_pseq = m.has_pseq = true;
    m.partition = partition;
    m.prev_pseq = w->sent_pseq[partition];
    m.pseq = w->sent_pseq[partition] = w->pseq[partition];
    m.unit = pointer;
    for (uint32_t unit = 1; unit <= WORLD_UNITS; unit++) {
        struct world_unit *u = &w->now[unit - 1];
        if (world_partition(unit) != partition || !u->touched)
            continue;
        u->touched = false;
        fill(&score[m.n_unit], u, unit);
        pointer[m.n_unit] = &score[m.n_unit];
        m.n_unit++;
    }
    buffer_clear(out);
    wire_pack(out, PARBUS__TO_PUBLISHER__BODY_SCORES, &m.base);
}

void world_commit(struct world *w, uint32_t partition)
{
    for (uint32_t unit = 1; unit <= WORLD_UNITS; unit++)
        if (world_partition(unit) == partition)
            w->committed[unit - 1] = w->now[unit - 1];
    w->committed_pseq[partition] = w->pseq[partition];
}

void world_committed(struct world *w, struct buffer *out)
{
    uint32_t partition[WORLD_PARTITIONS];
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++)
        partition[p] = p;
    Parbus__Committed m = PARBUS__COMMITTED__INIT;
    m.n_partition = m.n_pseq = WORLD_PARTITIONS;
    m.partition = partition;
    m.pseq = w->committed_pseq;
    buffer_clear(out);
    wire_pack(out, PARBUS__TO_PUBLISHER__BODY_COMMITTED, &m.base);
}

static struct wire_message opened(const struct wire_channel *channel, const struct buffer *b, struct arena *arena)
{
    struct wire_message m;
    struct err_text e;
    arena_init(arena, 16 << 20);
    enum err err = wire_open(channel, b->data, b->size, arena, &m, &e);
    cr_assert_eq(err, OK, "%s", e.text);
    return m;
}

void world_deliver(struct world *w, const struct buffer *message)
{
    struct arena arena;
    struct wire_message m = opened(&wire_to_publisher, message, &arena);
    publisher_receive(w->publisher, PUBLISHER_SCORES, peer_unnamed(1), &m, at(w->now_us));
    arena_free(&arena);
}

void world_ask(struct world *w, uint64_t peer, const struct buffer *message)
{
    struct arena arena;
    struct wire_message m = opened(&wire_to_snapshots, message, &arena);
    publisher_receive(w->publisher, PUBLISHER_SNAPSHOTS, (struct peer){peer, w->principal ? w->principal : "owner"}, &m,
                      at(w->now_us));
    arena_free(&arena);
}

void world_send_scores(struct world *w, uint32_t partition)
{
    struct buffer b = {0};
    world_scores(w, partition, &b);
    world_deliver(w, &b);
    buffer_free(&b);
}

int64_t world_tick(struct world *w) { return publisher_tick(w->publisher, at(w->now_us)); }
