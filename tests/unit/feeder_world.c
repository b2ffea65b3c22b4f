#include "feeder_world.h"
#include "base/bytes.h"
#include "wire/digest.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

static uint64_t random_state;
uint32_t world_draw(uint32_t below)
{
    random_state = hash_mix(random_state + 0x9e3779b97f4a7c15ull);
    return (uint32_t)(random_state >> 32) % below;
}

/* ---- network ---- */

static void fly(struct world *w, bool to_door, const void *data, size_t bytes)
{
    if (world_draw(100) < w->net.loss_percent)
        return;
    cr_assert(lt(u32, w->net.count, FLIGHT_MAX), "the network is full");
    struct flight *f = &w->net.flight[w->net.count++];
    f->to_door = to_door;
    f->at_us = w->now_us + STEP_US * (1 + (w->net.delay_steps_max ? world_draw(w->net.delay_steps_max) : 0));
    buffer_clear(&f->bytes);
    buffer_append(&f->bytes, data, bytes);
}

static void post(struct world *w, bool to_door, const void *data, size_t bytes)
{
    fly(w, to_door, data, bytes);
    if (world_draw(100) < w->net.repeat_percent)
        fly(w, to_door, data, bytes);
}

static enum err from_feeder(void *ctx, const void *data, size_t bytes)
{
    struct world *w = ctx;
    if (world_draw(50) == 0 && !w->quiet)
        return ERR_BUSY;
    post(w, true, data, bytes);
    return OK;
}

/* ---- the door ---- */

void world_answer(struct world *w, uint32_t kind, const ProtobufCMessage *m)
{
    struct buffer out = {0};
    wire_pack(&out, kind, m);
    post(w, false, out.data, out.size);
    buffer_free(&out);
}

void world_refuse(struct world *w, uint64_t seq, Parbus__Reason reason, const char *detail, uint32_t retry_after_ms)
{
    Parbus__Refusal r = PARBUS__REFUSAL__INIT;
    r.has_seq = r.has_reason = r.has_retry_after_ms = 1;
    r.seq = seq, r.reason = reason, r.detail = (char *)detail, r.retry_after_ms = retry_after_ms;
    r.has_epoch = w->door.echo, r.epoch = w->door.peer_epoch;
    world_answer(w, PARBUS__TO_FEEDER__BODY_REFUSAL, &r.base);
}

static void receipt(struct world *w)
{
    Parbus__Receipt r = PARBUS__RECEIPT__INIT;
    r.has_up_to_seq = 1, r.up_to_seq = w->door.receipted;
    r.has_bye = r.bye = w->door.free;
    r.has_epoch = w->door.echo, r.epoch = w->door.epoch;
    r.has_digest = 1, r.digest = w->door.receipted_digest;
    world_answer(w, PARBUS__TO_FEEDER__BODY_RECEIPT, &r.base);
}

static void door_hello(struct world *w, const Parbus__Hello *hello)
{
    struct door *d = &w->door;
    d->peer_epoch = hello->epoch;
    if (d->in_use && !hello->take_over) {
        world_refuse(w, 0, PARBUS__REASON__REFUSED_IN_USE, "another outbox has it, heard 3 s ago", 500);
        return;
    }
    d->in_use = d->free = false;
    if (d->epoch_max && hello->epoch > d->epoch_max) {
        char detail[64];
        snprintf(detail, sizeof detail, "epoch %llu is of another time", (unsigned long long)hello->epoch);
        world_refuse(w, 0, PARBUS__REASON__REFUSED_EPOCH_AHEAD, detail, 100);
        return;
    }
    if (hello->epoch < d->epoch) {
        char detail[64];
        snprintf(detail, sizeof detail, "epoch %llu is known", (unsigned long long)d->epoch);
        world_refuse(w, 0, PARBUS__REASON__REFUSED_STALE_EPOCH, detail, 0);
        return;
    }
    if (hello->epoch > d->epoch)
        d->epoch = hello->epoch, d->receipted = d->last = d->digest = d->receipted_digest = d->pending_count = 0;
    d->hello = true;
    d->gap_told = false;
    Parbus__Welcome welcome = PARBUS__WELCOME__INIT;
    welcome.has_next_seq = welcome.has_window = welcome.has_feeder_number = welcome.has_scored = 1;
    welcome.next_seq = d->receipted + 1, welcome.window = d->window, welcome.feeder_number = 7;
    welcome.has_window_bytes = d->window_bytes > 0, welcome.window_bytes = d->window_bytes;
    welcome.scored = d->receipted;
    welcome.has_digest = 1, welcome.digest = d->receipted_digest;
    welcome.has_clock_ms = d->clock_ms > 0, welcome.clock_ms = d->clock_ms;
    welcome.has_request = d->echo, welcome.request = hello->request;
    world_answer(w, PARBUS__TO_FEEDER__BODY_WELCOME, &welcome.base);
}

static void door_submission(struct world *w, const struct wire_message *m)
{
    struct door *d = &w->door;
    const Parbus__Submission *s = (const void *)m->message;
    d->came++;
    if (!d->hello) {
        world_refuse(w, s->seq, PARBUS__REASON__REFUSED_NO_HELLO, "", 0);
    } else if (s->seq <= d->receipted) {
        receipt(w);
    } else if (s->seq > d->last + 1) {
        if (!d->gap_told)
            world_refuse(w, d->last + 1, PARBUS__REASON__REFUSED_SEQUENCE_GAP, "", 0);
        d->gap_told = true;
    } else if (s->seq == d->last + 1 && d->full) {
        world_refuse(w, s->seq, PARBUS__REASON__REFUSED_STORAGE, "disk full", 50);
    } else if (s->seq == d->last + 1) {
        d->gap_told = false;
        d->last++;
        d->digest = wire_digest(d->digest, m->body, m->body_bytes);
        if (s->indicator[0] == d->refuse_id)
            world_refuse(w, s->seq, PARBUS__REASON__REFUSED_MALFORMED, "by order of the test", 0);
        else
            d->pending[d->pending_count++] = s->indicator[0];
    }
}

static void door_bye(struct world *w)
{
    w->door.byes++;
    w->door.free = true;
    receipt(w);
}

static void door_describe(struct world *w, const Parbus__Describe *describe)
{
    Parbus__Description d = PARBUS__DESCRIPTION__INIT;
    d.index = describe->index;
    world_answer(w, PARBUS__TO_FEEDER__BODY_DESCRIPTION, &d.base);
}

static void door_receive(struct world *w, const struct buffer *bytes)
{
    struct wire_message m;
    arena_reset(&w->arena);
    cr_assert(eq(int, wire_open(&wire_to_ingestor, bytes->data, bytes->size, &w->arena, &m, NULL), OK));
    Parbus__Verdict verdict = PARBUS__VERDICT__INIT;
    if (m.kind == PARBUS__TO_INGESTOR__BODY_HELLO)
        door_hello(w, (const void *)m.message);
    else if (m.kind == PARBUS__TO_INGESTOR__BODY_SUBMISSION)
        door_submission(w, &m);
    else if (m.kind == PARBUS__TO_INGESTOR__BODY_DESCRIBE)
        door_describe(w, (const void *)m.message);
    else if (m.kind == PARBUS__TO_INGESTOR__BODY_BYE)
        door_bye(w);
    else if (m.kind == PARBUS__TO_INGESTOR__BODY_STATUS)
        world_answer(w, PARBUS__TO_FEEDER__BODY_VERDICT, &verdict.base);
}

static void door_commit(struct world *w)
{
    struct door *d = &w->door;
    if (w->now_us < d->commit_us || d->last == d->receipted)
        return;
    d->commit_us = w->now_us + 4 * STEP_US;
    for (size_t i = 0; i < d->pending_count; i++)
        d->journal[d->journal_count++] = d->pending[i];
    d->pending_count = 0;
    d->receipted = d->last;
    d->receipted_digest = d->digest;
    receipt(w);
    Parbus__Scored scored = PARBUS__SCORED__INIT;
    scored.has_scored = 1, scored.scored = d->receipted;
    scored.has_epoch = d->echo, scored.epoch = d->epoch;
    world_answer(w, PARBUS__TO_FEEDER__BODY_SCORED, &scored.base);
}

void world_door_crash(struct world *w)
{
    w->door.last = w->door.receipted;
    w->door.digest = w->door.receipted_digest;
    w->door.pending_count = 0;
    w->door.hello = false;
}

/* ---- the feeder's side ---- */

static void on_receipt(void *ctx, uint64_t up_to_seq)
{
    struct world *w = ctx;
    cr_assert(gt(u64, up_to_seq, w->receipt), "receipts only grow");
    w->receipt = up_to_seq;
}
static void on_refusal(void *ctx, uint64_t seq, Parbus__Reason reason, const char *detail)
{
    struct world *w = ctx;
    cr_assert(detail != NULL);
    w->refused = seq;
    w->refusal_reason = reason;
    w->refusals++;
}
static void on_renumbered(void *ctx, uint64_t epoch, uint64_t first)
{
    struct world *w = ctx;
    cr_assert(gt(u64, epoch, 0));
    w->renumbered += first;
    w->receipt = 0;
}
static void on_verdict(void *ctx, const Parbus__Verdict *v) { ((struct world *)ctx)->verdicts += v != NULL; }
static void on_description(void *ctx, const Parbus__Description *d)
{
    ((struct world *)ctx)->descriptions += strcmp(d->index, "pci") == 0;
}
static void on_trouble(void *ctx, const char *text) { ((struct world *)ctx)->troubles += text[0] != 0; }
static void on_settled(void *ctx, uint64_t up_to_seq, uint64_t digest)
{
    struct world *w = ctx;
    w->store_settled = up_to_seq;
    w->store_digest = digest;
}

static enum err on_store_digest(void *ctx, uint64_t seq, uint64_t *digest)
{
    struct world *w = ctx;
    *digest = w->store_digest;
    for (uint64_t i = w->store_settled + 1; i <= seq; i++) {
        size_t bytes;
        const uint8_t *body = feeder_pack_body(w->store[i].data, w->store[i].size, &bytes);
        *digest = wire_digest(*digest, body, bytes);
    }
    return OK;
}

static enum err on_store_renumber(void *ctx, uint64_t epoch, uint64_t first, struct err_text *e)
{
    (void)e;
    struct world *w = ctx;
    w->store_next = feeder_core_totals(w->core).last_seq + 1; /* what was not on the disk is now */
    for (uint64_t seq = first; seq < w->store_next; seq++) {
        struct buffer *from = &w->store[seq], *to = &w->store[seq - first + 1];
        size_t skip = feeder_pack_renumber(from->data, from->size, seq - first + 1);
        struct buffer moved = {0};
        buffer_append(&moved, from->data + skip, from->size - skip);
        buffer_free(to);
        *to = moved;
    }
    w->store_next -= first - 1;
    w->store_settled = w->store_digest = 0;
    w->store_epoch = epoch;
    return OK;
}

void world_start_feeder(struct world *w, uint64_t epoch)
{
    struct feeder_core_options o = {.name = "tester",
                                    .epoch = epoch,
                                    .epoch_step = w->epoch_step,
                                    .line = 77,
                                    .without_outbox = !w->stored,
                                    .take_over = w->take_over,
                                    .ring_entries = 64,
                                    .stored = w->stored,
                                    .io = {.ctx = w, .send = from_feeder},
                                    .events = {.ctx = w,
                                               .receipt = on_receipt,
                                               .refusal = on_refusal,
                                               .renumbered = on_renumbered,
                                               .verdict = on_verdict,
                                               .description = on_description,
                                               .trouble = on_trouble}};
    if (w->stored) {
        o.next_seq = w->store_next, o.first_seq = w->store_settled + 1, o.epoch = w->store_epoch;
        o.io.renumber = on_store_renumber, o.io.settled = on_settled, o.io.digest = on_store_digest;
        o.digest = w->store_digest;
    }
    w->receipt = w->stored ? w->store_settled : 0;
    w->core = feeder_core_new(&o);
}

struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    random_state = seed;
    w->now_us = 1000000;
    w->door.window = 48;
    w->door.echo = true;
    w->door.epoch = 1;
    w->store_next = 1, w->store_epoch = 1;
    arena_init(&w->arena, 1 << 20);
    return w;
}

void world_free(struct world *w)
{
    feeder_core_destroy(&w->core);
    arena_free(&w->arena);
    for (int i = 0; i < FLIGHT_MAX; i++)
        buffer_free(&w->net.flight[i].bytes);
    for (int i = 0; i < STORE_MAX; i++)
        buffer_free(&w->store[i]);
    free(w);
}

/* Takes what has arrived out of the network, and keeps the order of the rest. */
static unsigned arrivals(struct world *w, struct flight arrived[FLIGHT_MAX])
{
    unsigned count = 0, kept = 0;
    for (unsigned i = 0; i < w->net.count; i++) {
        struct flight f = w->net.flight[i];
        if (f.at_us <= w->now_us) {
            arrived[count++] = f;
        } else {
            w->net.flight[i] = w->net.flight[kept];
            w->net.flight[kept++] = f;
        }
    }
    for (unsigned i = kept; i < w->net.count; i++)
        w->net.flight[i].bytes = (struct buffer){0};
    w->net.count = kept;
    return count;
}

struct moment world_now(const struct world *w) { return (struct moment){.mono_us = w->now_us, .wall_ms = w->wall_ms}; }

void world_receive(struct world *w, const void *data, size_t bytes)
{
    struct wire_message m;
    struct err_text e;
    arena_reset(&w->arena);
    wire_open(&wire_to_feeder, data, bytes, &w->arena, &m, &e);
    feeder_core_receive(w->core, &m, world_now(w));
}

void world_step(struct world *w)
{
    static struct flight arrived[FLIGHT_MAX];
    w->now_us += w->net.count ? STEP_US : IDLE_US;
    feeder_core_tick(w->core, world_now(w));
    unsigned count = arrivals(w, arrived);
    for (unsigned i = 0; i < count; i++) {
        if (arrived[i].to_door)
            door_receive(w, &arrived[i].bytes);
        else
            world_receive(w, arrived[i].bytes.data, arrived[i].bytes.size);
        buffer_free(&arrived[i].bytes);
    }
    door_commit(w);
}

enum err world_submit(struct world *w, uint32_t id)
{
    double value = id;
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.index = "pci", s.period = "2013", s.unit = "Hà Nội";
    s.n_indicator = s.n_value = 1;
    s.indicator = &id, s.value = &value;
    if (!w->stored)
        return feeder_core_submit(w->core, &s, NULL);
    struct feeder_pack_plan plan;
    enum err err = feeder_core_number(w->core, &s, &plan, NULL);
    struct buffer *b = &w->store[s.seq];
    buffer_clear(b);
    feeder_pack_write(&plan, &s, buffer_grow(b, plan.envelope));
    feeder_core_take(w->core, b->data, b->size);
    return err;
}

void world_sync_store(struct world *w)
{
    w->store_next = feeder_core_totals(w->core).last_seq + 1;
    feeder_core_release(w->core, w->store_next - 1);
    for (uint64_t seq; (seq = feeder_core_wants(w->core));)
        if (!feeder_core_put(w->core, w->store[seq].data, w->store[seq].size))
            break;
}

bool world_all_settled(const struct world *w)
{
    struct parbus_feeder_totals t = feeder_core_totals(w->core);
    return t.receipted == t.last_seq;
}

void assert_each_once_in_order(const struct world *w, uint32_t count)
{
    cr_assert(eq(sz, w->door.journal_count, count));
    for (uint32_t i = 0; i < count; i++)
        cr_assert(eq(u64, w->door.journal[i], i + 1));
}

struct world *calm(uint64_t epoch)
{
    struct world *w = world_new(1);
    w->quiet = true;
    world_start_feeder(w, epoch);
    return w;
}

void steps(struct world *w, int count)
{
    while (count--)
        world_step(w);
}
