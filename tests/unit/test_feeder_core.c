/* The feeder's core against a door of the test's own, over a network that loses, repeats, delays and reorders, with an
 * ingestor and a feeder that die. A seed reproduces a run. */
#include "base/bytes.h"
#include "client/feeder_core.h"
#include "wire/wire.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

enum { SUBMISSIONS = 400, FLIGHT_MAX = 8192, STEP_US = 500, IDLE_US = 50000, STORE_MAX = 4096 };

static uint64_t random_state;
static uint32_t draw(uint32_t below)
{
    random_state = hash_mix(random_state + 0x9e3779b97f4a7c15ull);
    return (uint32_t)(random_state >> 32) % below;
}

struct network {
    uint32_t loss_percent, repeat_percent, delay_steps_max; /* delay 0: first in, first out */
    struct flight {
        bool to_door;
        int64_t at_us;
        struct buffer bytes;
    } flight[FLIGHT_MAX]; /* in the order of sending */
    unsigned count;
};

struct door { /* one feeder, written after PROTOCOL.md and not after the feeder */
    uint64_t epoch, receipted, last, peer_epoch, refuse_id;
    bool hello, echo, gap_told;
    int64_t commit_us;
    uint32_t window;
    uint64_t pending[1024], journal[8192];
    size_t pending_count, journal_count;
};

struct world {
    struct network net;
    struct door door;
    struct feeder_core *core;
    struct arena arena;
    int64_t now_us;
    uint64_t receipt, refused, refusals, renumbered, verdicts, descriptions, troubles;
    Parbus__Reason refusal_reason;
    bool stored, quiet;
    struct buffer store[STORE_MAX]; /* by seq */
    uint64_t store_next, store_epoch, store_settled;
};

/* ---- network ---- */

static void fly(struct world *w, bool to_door, const void *data, size_t bytes)
{
    if (draw(100) < w->net.loss_percent)
        return;
    cr_assert(lt(u32, w->net.count, FLIGHT_MAX), "the network is full");
    struct flight *f = &w->net.flight[w->net.count++];
    f->to_door = to_door;
    f->at_us = w->now_us + STEP_US * (1 + (w->net.delay_steps_max ? draw(w->net.delay_steps_max) : 0));
    buffer_clear(&f->bytes);
    buffer_append(&f->bytes, data, bytes);
}

static void post(struct world *w, bool to_door, const void *data, size_t bytes)
{
    fly(w, to_door, data, bytes);
    if (draw(100) < w->net.repeat_percent)
        fly(w, to_door, data, bytes);
}

static enum err from_feeder(void *ctx, const void *data, size_t bytes)
{
    struct world *w = ctx;
    if (draw(50) == 0 && !w->quiet)
        return ERR_BUSY;
    post(w, true, data, bytes);
    return OK;
}

/* ---- the door ---- */

static void answer(struct world *w, uint32_t kind, const ProtobufCMessage *m)
{
    struct buffer out = {0};
    wire_pack(&out, kind, m);
    post(w, false, out.data, out.size);
    buffer_free(&out);
}

static void refuse(struct world *w, uint64_t seq, Parbus__Reason reason, const char *detail, uint32_t retry_after_ms)
{
    Parbus__Refusal r = PARBUS__REFUSAL__INIT;
    r.has_seq = r.has_reason = r.has_retry_after_ms = 1;
    r.seq = seq, r.reason = reason, r.detail = (char *)detail, r.retry_after_ms = retry_after_ms;
    r.has_epoch = w->door.echo, r.epoch = w->door.peer_epoch;
    answer(w, PARBUS__TO_FEEDER__BODY_REFUSAL, &r.base);
}

static void receipt(struct world *w)
{
    Parbus__Receipt r = PARBUS__RECEIPT__INIT;
    r.has_up_to_seq = 1, r.up_to_seq = w->door.receipted;
    r.has_epoch = w->door.echo, r.epoch = w->door.epoch;
    answer(w, PARBUS__TO_FEEDER__BODY_RECEIPT, &r.base);
}

static void door_hello(struct world *w, const Parbus__Hello *hello)
{
    struct door *d = &w->door;
    d->peer_epoch = hello->epoch;
    if (hello->epoch < d->epoch) {
        char detail[64];
        snprintf(detail, sizeof detail, "epoch %llu is known", (unsigned long long)d->epoch);
        refuse(w, 0, PARBUS__REASON__REFUSED_STALE_EPOCH, detail, 0);
        return;
    }
    if (hello->epoch > d->epoch)
        d->epoch = hello->epoch, d->receipted = d->last = d->pending_count = 0;
    d->hello = true;
    d->gap_told = false;
    Parbus__Welcome welcome = PARBUS__WELCOME__INIT;
    welcome.has_next_seq = welcome.has_window = welcome.has_feeder_number = welcome.has_scored = 1;
    welcome.next_seq = d->receipted + 1, welcome.window = d->window, welcome.feeder_number = 7;
    welcome.scored = d->receipted;
    welcome.has_request = d->echo, welcome.request = hello->request;
    answer(w, PARBUS__TO_FEEDER__BODY_WELCOME, &welcome.base);
}

static void door_submission(struct world *w, const Parbus__Submission *s)
{
    struct door *d = &w->door;
    if (!d->hello) {
        refuse(w, s->seq, PARBUS__REASON__REFUSED_NO_HELLO, "", 0);
    } else if (s->seq <= d->receipted) {
        receipt(w);
    } else if (s->seq > d->last + 1) {
        if (!d->gap_told)
            refuse(w, d->last + 1, PARBUS__REASON__REFUSED_SEQUENCE_GAP, "", 0);
        d->gap_told = true;
    } else if (s->seq == d->last + 1) {
        d->gap_told = false;
        d->last++;
        if (s->indicator[0] == d->refuse_id)
            refuse(w, s->seq, PARBUS__REASON__REFUSED_MALFORMED, "by order of the test", 0);
        else
            d->pending[d->pending_count++] = s->indicator[0];
    }
}

static void door_describe(struct world *w, const Parbus__Describe *describe)
{
    Parbus__Description d = PARBUS__DESCRIPTION__INIT;
    d.index = describe->index;
    answer(w, PARBUS__TO_FEEDER__BODY_DESCRIPTION, &d.base);
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
        door_submission(w, (const void *)m.message);
    else if (m.kind == PARBUS__TO_INGESTOR__BODY_DESCRIBE)
        door_describe(w, (const void *)m.message);
    else if (m.kind == PARBUS__TO_INGESTOR__BODY_STATUS)
        answer(w, PARBUS__TO_FEEDER__BODY_VERDICT, &verdict.base);
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
    receipt(w);
    Parbus__Scored scored = PARBUS__SCORED__INIT;
    scored.has_scored = 1, scored.scored = d->receipted;
    scored.has_epoch = d->echo, scored.epoch = d->epoch;
    answer(w, PARBUS__TO_FEEDER__BODY_SCORED, &scored.base);
}

static void door_crash(struct world *w)
{
    w->door.last = w->door.receipted;
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
static void on_settled(void *ctx, uint64_t up_to_seq) { ((struct world *)ctx)->store_settled = up_to_seq; }

static enum err on_store_renumber(void *ctx, uint64_t epoch, uint64_t first, struct err_text *e)
{
    (void)e;
    struct world *w = ctx;
    for (uint64_t seq = first; seq < w->store_next; seq++) {
        struct buffer *from = &w->store[seq], *to = &w->store[seq - first + 1];
        size_t skip = feeder_pack_renumber(from->data, from->size, seq - first + 1);
        struct buffer moved = {0};
        buffer_append(&moved, from->data + skip, from->size - skip);
        buffer_free(to);
        *to = moved;
    }
    w->store_next -= first - 1;
    w->store_settled = 0;
    w->store_epoch = epoch;
    return OK;
}

static void start_feeder(struct world *w, uint64_t epoch)
{
    struct feeder_core_options o = {.name = "tester",
                                    .epoch = epoch,
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
        o.io.renumber = on_store_renumber, o.io.settled = on_settled;
    }
    w->receipt = w->stored ? w->store_settled : 0;
    w->core = feeder_core_new(&o);
}

static struct world *world_new(uint64_t seed)
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

static void world_free(struct world *w)
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

static void world_step(struct world *w)
{
    static struct flight arrived[FLIGHT_MAX];
    w->now_us += w->net.count ? STEP_US : IDLE_US;
    feeder_core_tick(w->core, w->now_us);
    unsigned count = arrivals(w, arrived);
    for (unsigned i = 0; i < count; i++) {
        if (arrived[i].to_door)
            door_receive(w, &arrived[i].bytes);
        else
            feeder_core_receive(w->core, w->now_us, arrived[i].bytes.data, arrived[i].bytes.size);
        buffer_free(&arrived[i].bytes);
    }
    door_commit(w);
}

static enum err submit(struct world *w, uint32_t id)
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

static void sync_store(struct world *w)
{
    w->store_next = feeder_core_totals(w->core).last_seq + 1;
    feeder_core_release(w->core, w->store_next - 1);
    for (uint64_t seq; (seq = feeder_core_wants(w->core));)
        if (!feeder_core_put(w->core, w->store[seq].data, w->store[seq].size))
            break;
}

static bool all_settled(const struct world *w)
{
    struct parbus_feeder_totals t = feeder_core_totals(w->core);
    return t.receipted == t.last_seq;
}

/* Submits 1 .. count as there is room, with faults while doing so, then runs until all have a receipt. */
static void run(struct world *w, uint32_t count, uint32_t crash_permille, uint32_t feeder_crash_permille)
{
    uint32_t id = 1;
    for (int step = 0; step < 400000 && (id <= count || !all_settled(w)); step++) {
        for (uint32_t n = draw(8); n && id <= count && submit(w, id) == OK; n--)
            id++;
        if (w->stored)
            sync_store(w);
        world_step(w);
        if (draw(1000) < crash_permille)
            door_crash(w);
        if (draw(1000) < feeder_crash_permille) {
            feeder_core_destroy(&w->core);
            start_feeder(w, 0);
        }
    }
    cr_assert(all_settled(w), "submissions wait for ever");
}

static void assert_each_once_in_order(const struct world *w, uint32_t count)
{
    cr_assert(eq(sz, w->door.journal_count, count));
    for (uint32_t i = 0; i < count; i++)
        cr_assert(eq(u64, w->door.journal[i], i + 1));
}

/* ---- the seeds ---- */

Test(feeder_core, each_submission_is_journalled_once_and_in_order_whatever_the_network_does)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world *w = world_new(seed);
        w->net.loss_percent = draw(30), w->net.repeat_percent = draw(30), w->net.delay_steps_max = draw(20);
        start_feeder(w, 5);
        run(w, SUBMISSIONS, draw(2) ? 3 : 0, 0);
        assert_each_once_in_order(w, SUBMISSIONS);
        cr_assert(eq(u64, w->renumbered, 0));
        cr_assert(eq(u64, feeder_core_totals(w->core).number, 7));
        world_free(w);
    }
}

Test(feeder_core, a_feeder_with_a_store_goes_on_after_its_own_death)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world *w = world_new(seed);
        w->stored = true;
        w->net.loss_percent = draw(30), w->net.repeat_percent = draw(30), w->net.delay_steps_max = draw(20);
        start_feeder(w, 0);
        run(w, SUBMISSIONS, 2, 5);
        assert_each_once_in_order(w, SUBMISSIONS);
        cr_assert(eq(u64, w->store_epoch, 1));
        world_free(w);
    }
}

Test(feeder_core, an_ingestor_that_echoes_nothing_is_understood_on_a_connection_that_keeps_order)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct world *w = world_new(seed);
        w->door.echo = false;
        w->net.loss_percent = draw(20);
        start_feeder(w, 5);
        run(w, SUBMISSIONS, 3, 0);
        assert_each_once_in_order(w, SUBMISSIONS);
        world_free(w);
    }
}

/* ---- rule by rule, on a network without faults ---- */

static struct world *calm(uint64_t epoch)
{
    struct world *w = world_new(1);
    w->quiet = true;
    start_feeder(w, epoch);
    return w;
}

static void steps(struct world *w, int count)
{
    while (count--)
        world_step(w);
}

Test(feeder_core, nothing_is_sent_beyond_the_window)
{
    struct world *w = calm(1);
    w->door.window = 5;
    w->door.commit_us = INT64_MAX;
    for (uint32_t id = 1; id <= 20; id++)
        cr_assert(eq(int, submit(w, id), OK));
    steps(w, 20);
    cr_assert(eq(sz, w->door.pending_count, 5));
    w->door.commit_us = 0;
    steps(w, 60);
    assert_each_once_in_order(w, 20);
    world_free(w);
}

Test(feeder_core, a_full_ring_is_busy_and_opens_with_receipts)
{
    struct world *w = calm(1);
    uint32_t id = 1;
    while (submit(w, id) == OK)
        id++;
    cr_assert(eq(u32, id, 65));
    steps(w, 30);
    cr_assert(eq(int, submit(w, id), OK));
    world_free(w);
}

Test(feeder_core, a_stale_epoch_is_followed_by_the_next_one)
{
    struct world *w = calm(3);
    w->door.epoch = 41;
    w->door.receipted = w->door.last = 9;
    for (uint32_t id = 1; id <= 3; id++)
        submit(w, id);
    steps(w, 40);
    cr_assert(eq(u64, feeder_core_totals(w->core).epoch, 42));
    assert_each_once_in_order(w, 3);
    world_free(w);
}

Test(feeder_core, a_feeder_that_lost_its_memory_takes_a_new_epoch)
{
    struct world *w = calm(1);
    w->door.receipted = w->door.last = 9;
    submit(w, 1);
    steps(w, 40);
    cr_assert(eq(u64, feeder_core_totals(w->core).epoch, 2));
    cr_assert(eq(u64, w->renumbered, 1));
    assert_each_once_in_order(w, 1);
    world_free(w);
}

Test(feeder_core, a_journal_that_lost_receipts_gets_what_is_left_in_a_new_epoch)
{
    struct world *w = world_new(1);
    w->quiet = w->stored = true;
    start_feeder(w, 0);
    for (uint32_t id = 1; id <= 300; id++)
        submit(w, id);
    sync_store(w);
    for (int i = 0; i < 40 && w->receipt < 150; i++) {
        sync_store(w);
        world_step(w);
    }
    uint64_t receipted = w->receipt;
    w->door = (struct door){.window = 48, .echo = true, .epoch = 1}; /* another journal */
    for (int i = 0; i < 5000; i++) {
        sync_store(w);
        world_step(w);
    }
    cr_assert(all_settled(w));
    cr_assert(eq(u64, w->renumbered, receipted + 1));
    cr_assert(eq(u64, w->store_epoch, 2));
    cr_assert(eq(sz, w->door.journal_count, 300 - receipted));
    for (size_t i = 0; i < w->door.journal_count; i++)
        cr_assert(eq(u64, w->door.journal[i], receipted + 1 + i));
    world_free(w);
}

Test(feeder_core, sharing_a_name_stops_the_feeder)
{
    struct world *w = calm(1);
    submit(w, 1);
    steps(w, 30);
    w->door.epoch = 2; /* somebody else said hello */
    w->door.hello = false;
    submit(w, 2);
    steps(w, 30);
    struct err_text e;
    cr_assert(eq(int, feeder_core_failure(w->core, &e), ERR_LOST));
    cr_assert(strstr(e.text, "another process") != NULL);
    world_free(w);
}

Test(feeder_core, a_refused_submission_is_told_once_and_the_rest_goes_on)
{
    struct world *w = calm(1);
    w->door.refuse_id = 2;
    for (uint32_t id = 1; id <= 3; id++)
        submit(w, id);
    steps(w, 40);
    cr_assert(all_settled(w));
    cr_assert(eq(u64, w->refusals, 1));
    cr_assert(eq(u64, w->refused, 2));
    cr_assert(eq(int, (int)w->refusal_reason, (int)PARBUS__REASON__REFUSED_MALFORMED));
    cr_assert(eq(sz, w->door.journal_count, 2));
    world_free(w);
}

Test(feeder_core, a_refusal_that_the_ingestor_forgot_is_repeated_in_silence)
{
    struct world *w = calm(1);
    w->door.refuse_id = 2;
    w->door.commit_us = INT64_MAX;
    submit(w, 1);
    submit(w, 2);
    steps(w, 10);
    cr_assert(eq(u64, w->refusals, 1));
    door_crash(w); /* before the commit that would have counted it as used up */
    w->door.commit_us = 0;
    submit(w, 3);
    steps(w, 60);
    cr_assert(eq(u64, w->refusals, 1));
    cr_assert(eq(sz, w->door.journal_count, 2));
    cr_assert(eq(u64, feeder_core_totals(w->core).receipted, 3));
    world_free(w);
}

Test(feeder_core, busy_is_waited_out)
{
    struct world *w = calm(1);
    submit(w, 1);
    steps(w, 20);
    w->door.commit_us = INT64_MAX;
    submit(w, 2);
    steps(w, 4);
    door_crash(w);
    w->door.hello = true; /* door_not_committed: marks go back, the connection stays */
    refuse(w, 2, PARBUS__REASON__REFUSED_STORAGE, "disk full", 60000);
    steps(w, 300);
    cr_assert(eq(sz, w->door.pending_count, 0));
    cr_assert(eq(u64, w->troubles, 1));
    w->door.commit_us = 0;
    steps(w, 2000);
    assert_each_once_in_order(w, 2);
    world_free(w);
}

Test(feeder_core, an_answer_to_an_earlier_hello_or_epoch_is_ignored)
{
    struct world *w = calm(5);
    submit(w, 1);
    submit(w, 2);
    w->door.commit_us = INT64_MAX;
    steps(w, 10);
    Parbus__Receipt r = PARBUS__RECEIPT__INIT;
    r.has_up_to_seq = r.has_epoch = 1, r.up_to_seq = 2, r.epoch = 4;
    answer(w, PARBUS__TO_FEEDER__BODY_RECEIPT, &r.base);
    Parbus__Welcome welcome = PARBUS__WELCOME__INIT;
    welcome.has_next_seq = welcome.has_request = 1, welcome.next_seq = 3, welcome.request = 77;
    answer(w, PARBUS__TO_FEEDER__BODY_WELCOME, &welcome.base);
    steps(w, 10);
    cr_assert(eq(u64, feeder_core_totals(w->core).receipted, 0));
    world_free(w);
}

Test(feeder_core, an_old_protocol_stops_the_feeder)
{
    struct world *w = calm(1);
    steps(w, 3);
    refuse(w, 0, PARBUS__REASON__REFUSED_PROTOCOL_VERSION, "this ingestor speaks version 9", 0);
    steps(w, 3);
    cr_assert(eq(int, feeder_core_failure(w->core, NULL), ERR_VERSION));
    cr_assert(eq(i64, feeder_core_tick(w->core, w->now_us), INT64_MAX));
    world_free(w);
}

Test(feeder_core, questions_are_asked_until_they_are_answered)
{
    struct world *w = calm(1);
    feeder_core_describe(w->core, "pci", "");
    feeder_core_status(w->core, 1, 1, 0);
    w->net.loss_percent = 100;
    steps(w, 10);
    w->net.loss_percent = 0;
    steps(w, 5000);
    cr_assert(eq(u64, w->descriptions, 1));
    cr_assert(eq(u64, w->verdicts, 1));
    world_free(w);
}

Test(feeder_core, an_unknown_index_answers_the_question)
{
    struct world *w = calm(1);
    feeder_core_describe(w->core, "pcy", "");
    steps(w, 2);
    w->net.count = 0;
    refuse(w, 0, PARBUS__REASON__REFUSED_INDEX_UNKNOWN, "pci", 0);
    steps(w, 4);
    cr_assert(eq(u64, w->refusals, 1));
    cr_assert(eq(u64, w->refused, 0));
    world_free(w);
}

Test(feeder_core, what_would_be_refused_is_not_taken)
{
    struct world *w = calm(1);
    static char long_unit[300];
    memset(long_unit, 'x', sizeof long_unit - 1);
    uint32_t indicator[2] = {1, 2};
    double value[2] = {1, 2};
    Parbus__Submission good = PARBUS__SUBMISSION__INIT, s;
    good.index = "pci", good.period = "2013", good.unit = "01";
    good.n_indicator = good.n_value = 2, good.indicator = indicator, good.value = value;
    struct err_text e;
    s = good, s.unit = long_unit;
    cr_assert(eq(int, feeder_core_submit(w->core, &s, &e), ERR_TOO_LARGE));
    s = good, s.unit = "\xff";
    cr_assert(eq(int, feeder_core_submit(w->core, &s, &e), ERR_INVALID));
    s = good, s.index = NULL;
    cr_assert(eq(int, feeder_core_submit(w->core, &s, &e), ERR_INVALID));
    s = good, s.n_value = 1;
    cr_assert(eq(int, feeder_core_submit(w->core, &s, &e), ERR_INVALID));
    s = good, s.stage = 9, s.has_stage = 1;
    cr_assert(eq(int, feeder_core_submit(w->core, &s, &e), ERR_INVALID));
    cr_assert(eq(u64, feeder_core_totals(w->core).last_seq, 0));
    cr_assert(eq(int, feeder_core_submit(w->core, &good, &e), OK));
    world_free(w);
}

Test(feeder_core, rubbish_from_the_ingestor_is_trouble_and_no_more)
{
    struct world *w = calm(1);
    for (uint64_t i = 0; i < 2000; i++) {
        uint8_t bytes[40];
        size_t n = draw(sizeof bytes);
        for (size_t k = 0; k < n; k++)
            bytes[k] = k == 0 ? (uint8_t)(draw(8) << 3 | 2) : (uint8_t)draw(k == 1 ? 40 : 256);
        if (n > 1)
            bytes[1] = (uint8_t)(n - 2);
        feeder_core_receive(w->core, w->now_us, bytes, n);
    }
    cr_assert(feeder_core_totals(w->core).last_seq == 0);
    world_free(w);
}

/* ---- packing ---- */

static Parbus__Evidence *evidence_of(uint32_t row)
{
    static Parbus__Evidence e;
    parbus__evidence__init(&e);
    e.has_row = 1, e.row = row, e.uri = "https://example.org/biên-bản.pdf", e.note = "trang 3";
    return &e;
}

static void assert_packs_alike(Parbus__Submission *s)
{
    struct buffer by_library = {0}, by_hand = {0};
    struct feeder_pack_plan plan;
    wire_pack(&by_library, PARBUS__TO_INGESTOR__BODY_SUBMISSION, &s->base);
    feeder_pack_plan(&plan, s);
    feeder_pack_write(&plan, s, buffer_grow(&by_hand, plan.envelope));
    cr_assert(eq(sz, by_hand.size, by_library.size));
    cr_assert(memcmp(by_hand.data, by_library.data, by_hand.size) == 0);
    cr_assert(eq(u64, feeder_pack_seq(by_hand.data, by_hand.size), s->seq));
    for (size_t n = 0; n < by_hand.size && n < 40; n++)
        cr_assert(eq(u64, feeder_pack_seq(by_hand.data, n), 0));

    uint64_t seq = s->seq / 3 + 1;
    size_t skip = feeder_pack_renumber(by_hand.data, by_hand.size, seq <= s->seq ? seq : s->seq);
    s->seq = seq <= s->seq ? seq : s->seq;
    buffer_clear(&by_library);
    wire_pack(&by_library, PARBUS__TO_INGESTOR__BODY_SUBMISSION, &s->base);
    cr_assert(eq(sz, by_hand.size - skip, by_library.size));
    cr_assert(memcmp(by_hand.data + skip, by_library.data, by_library.size) == 0);
    buffer_free(&by_library);
    buffer_free(&by_hand);
}

Test(feeder_core, packing_by_hand_gives_the_library_s_bytes)
{
    static uint32_t indicator[3000];
    static double value[3000];
    static int64_t times[3000];
    random_state = 3;
    for (int i = 0; i < 3000; i++)
        indicator[i] = draw(1u << draw(30)), value[i] = draw(1000) / 7.0, times[i] = (int64_t)draw(1u << 31) - 1000;
    for (int round = 0; round < 500; round++) {
        Parbus__Submission s = PARBUS__SUBMISSION__INIT;
        Parbus__Evidence *evidence = evidence_of(0);
        s.has_seq = 1, s.seq = 1 + (((uint64_t)draw(1u << 31) << 20) >> draw(50));
        s.index = "par-province", s.period = "2024", s.unit = "Bà Rịa – Vũng Tàu";
        s.has_stage = draw(2), s.stage = PARBUS__STAGE__STAGE_APPRAISED_2;
        s.has_retract = draw(2), s.retract = draw(2);
        s.has_observed_ms = draw(2), s.observed_ms = (int64_t)draw(1000000) - 500000;
        s.indicator = indicator, s.value = value, s.row_observed_ms = times, s.evidence = &evidence;
        s.n_indicator = draw(round < 250 ? 20 : 3000);
        s.n_value = s.has_retract && s.retract ? 0 : s.n_indicator;
        s.n_row_observed_ms = draw(2) ? s.n_indicator : 0;
        s.n_evidence = draw(2) && s.n_indicator;
        assert_packs_alike(&s);
    }
}
