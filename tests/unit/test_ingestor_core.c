/* The ingestor's core against a journal in memory, one feeder and a few workers, without a socket. */
#include "base/bytes.h"
#include "journal/record.h"
#include "services/ingestor/core.h"
#include "wire/reason.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARTITIONS = 8, FEEDER = 1001, SCORER_A = 2001, SCORER_B = 2002, VALIDATOR_A = 3001, VALIDATOR_B = 3002 };

struct stored {
    uint32_t partition;
    uint64_t first_pseq;
    uint8_t *record;
    size_t bytes;
};
struct sent {
    uint64_t peer;
    uint32_t kind;
    ProtobufCMessage *message; /* a copy */
};

static struct {
    struct ingestor *core;
    struct settings settings;
    struct ingestor_now now;
    struct stored journal[4096];
    size_t journal_count;
    bool disk_full;
    struct sent to_feeder[4096], to_worker[8192];
    size_t feeder_count, worker_count;
    struct buffer packed;
} t;

static struct sent copy(uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    buffer_clear(&t.packed);
    protobuf_c_message_pack(m, buffer_grow(&t.packed, protobuf_c_message_get_packed_size(m)));
    ProtobufCMessage *twin = protobuf_c_message_unpack(m->descriptor, NULL, t.packed.size, t.packed.data);
    cr_assert(twin);
    return (struct sent){peer, kind, twin};
}

static enum err to_feeder(void *ctx, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    (void)ctx;
    cr_assert_lt(t.feeder_count, 4096);
    t.to_feeder[t.feeder_count++] = copy(peer, kind, m);
    return OK;
}

static enum err to_worker(void *ctx, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    (void)ctx;
    cr_assert_lt(t.worker_count, 8192);
    t.to_worker[t.worker_count++] = copy(peer, kind, m);
    return OK;
}

static uint64_t last_pseq(uint32_t partition)
{
    uint64_t last = 0;
    for (size_t i = 0; i < t.journal_count; i++)
        if (t.journal[i].partition == partition)
            last = t.journal[i].first_pseq + ((const struct record_header *)(void *)t.journal[i].record)->count - 1;
    return last;
}

static enum err append(void *ctx, const struct journal_group *g, struct err_text *e)
{
    (void)ctx;
    if (t.disk_full)
        return err_set(e, ERR_FULL, "the disk is full");
    for (size_t i = 0; i < g->put_count; i++) {
        cr_assert_eq(g->put[i].first_pseq, last_pseq(g->put[i].partition) + 1, "pseq are dense");
        uint8_t *twin = malloc(g->put[i].bytes);
        memcpy(twin, g->put[i].record, g->put[i].bytes);
        t.journal[t.journal_count++] =
            (struct stored){g->put[i].partition, g->put[i].first_pseq, twin, g->put[i].bytes};
    }
    return OK;
}

static enum err read_records(void *ctx, uint32_t partition, uint64_t from, size_t bytes_max, journal_record_fn *fn,
                             void *fn_ctx, struct err_text *e)
{
    (void)ctx, (void)e;
    size_t bytes = 0;
    for (size_t i = 0; i < t.journal_count && bytes < bytes_max; i++) {
        const struct stored *s = &t.journal[i];
        uint32_t count = ((const struct record_header *)(void *)s->record)->count;
        if (s->partition != partition || s->first_pseq + count - 1 < from)
            continue;
        bytes += s->bytes;
        if (!fn(fn_ctx, s->first_pseq, s->record, s->bytes))
            break;
    }
    return OK;
}

static void no_rejects(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                       bool (*add)(void *, uint64_t, uint32_t, uint32_t, const char *), void *add_ctx)
{
    (void)ctx, (void)feeder, (void)epoch, (void)row;
    add(add_ctx, seq, 2, PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE, "value 19 is outside 0..18");
}

static void deliver(void (*to)(struct ingestor *, uint64_t, const struct wire_message *, struct ingestor_now),
                    const struct wire_channel *channel, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    struct buffer bytes = {0};
    struct arena arena;
    struct wire_message opened;
    struct err_text e = {""};
    arena_init(&arena, 1 << 22);
    wire_pack(&bytes, kind, m);
    cr_assert_eq(wire_open(channel, bytes.data, bytes.size, &arena, &opened, &e), OK, "%s", e.text);
    to(t.core, peer, &opened, t.now);
    arena_free(&arena);
    buffer_free(&bytes);
}

#define FROM_FEEDER(KIND, message)                                                                                     \
    deliver(ingestor_from_feeder, &wire_to_ingestor, FEEDER, PARBUS__TO_INGESTOR__BODY_##KIND, &(message).base)
#define FROM_WORKER(peer, KIND, message)                                                                               \
    deliver(ingestor_from_worker, &wire_to_coordinator, peer, PARBUS__TO_COORDINATOR__BODY_##KIND, &(message).base)

static void hello(uint64_t epoch)
{
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = 1;
    m.protocol_version = 1;
    m.feeder = "ha-noi";
    m.epoch = epoch;
    FROM_FEEDER(HELLO, m);
}

static void submit_to(uint64_t seq, const char *unit)
{
    uint32_t indicator[] = {1};
    double value[] = {1.5};
    Parbus__Submission m = PARBUS__SUBMISSION__INIT;
    m.has_seq = m.has_stage = 1;
    m.seq = seq;
    m.index = "qd766";
    m.period = "2025";
    m.unit = (char *)unit;
    m.stage = PARBUS__STAGE__STAGE_APPRAISED_1;
    m.n_indicator = m.n_value = 1;
    m.indicator = indicator;
    m.value = value;
    FROM_FEEDER(SUBMISSION, m);
}

static void submit(uint64_t seq) { submit_to(seq, "H05"); }

static void tick(int64_t ms)
{
    t.now.mono_us += ms * 1000;
    t.now.wall_ms += ms;
    ingestor_tick(t.core, t.now);
    ingestor_drained(t.core, t.now);
}

static const ProtobufCMessage *last_to_feeder(uint32_t kind)
{
    for (size_t i = t.feeder_count; i-- > 0;)
        if (t.to_feeder[i].kind == kind)
            return t.to_feeder[i].message;
    return NULL;
}

static size_t count_to_feeder(uint32_t kind)
{
    size_t n = 0;
    for (size_t i = 0; i < t.feeder_count; i++)
        n += t.to_feeder[i].kind == kind;
    return n;
}

static uint64_t receipt(void)
{
    const Parbus__Receipt *r = (const Parbus__Receipt *)last_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT);
    return r ? r->up_to_seq : 0;
}

static const struct ingestor_io io = {NULL, to_feeder, to_worker, append, read_records, no_rejects};

static void start(void)
{
    settings_defaults(&t.settings);
    t.now = (struct ingestor_now){1000000000, 1760000000000};
    t.core = ingestor_new(&t.settings, &io, PARTITIONS, 77, 1);
}

static void stop(void)
{
    ingestor_destroy(&t.core);
    for (size_t i = 0; i < t.journal_count; i++)
        free(t.journal[i].record);
    for (size_t i = 0; i < t.feeder_count; i++)
        protobuf_c_message_free_unpacked(t.to_feeder[i].message, NULL);
    for (size_t i = 0; i < t.worker_count; i++)
        protobuf_c_message_free_unpacked(t.to_worker[i].message, NULL);
    buffer_free(&t.packed);
}

TestSuite(ingestor_core, .init = start, .fini = stop);

static void one_of_each(void);
static const Parbus__Work *last_work(size_t *count);
static void progress(const Parbus__Work *work, uint64_t peer, uint64_t applied);

/* ---- the door ---- */

Test(ingestor_core, no_receipt_before_the_commit)
{
    hello(1);
    submit(1);
    submit(2);
    cr_assert_eq(receipt(), 0);
    tick(2);
    cr_assert_eq(receipt(), 2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 1);
}

Test(ingestor_core, a_stranger_is_asked_to_say_hello)
{
    submit(1);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_NO_HELLO);
    tick(2);
    cr_assert_eq(t.journal_count, 0);
}

Test(ingestor_core, a_repeated_seq_gets_its_receipt_and_no_second_effect)
{
    hello(1);
    submit(1);
    tick(2);
    size_t records = t.journal_count;
    submit(1);
    tick(2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 2);
    cr_assert_eq(t.journal_count, records);
}

Test(ingestor_core, a_gap_is_told_once_and_closed_by_the_missing_one)
{
    hello(1);
    submit(2);
    submit(3);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_SEQUENCE_GAP && r->seq == 1);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), 1);
    submit(1);
    submit(2);
    submit(3);
    tick(2);
    cr_assert_eq(receipt(), 3);
}

Test(ingestor_core, a_failed_commit_gives_no_receipt_and_is_taken_later)
{
    hello(1);
    submit(1);
    tick(2);
    t.disk_full = true;
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 1);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_STORAGE && r->seq == 2 && r->retry_after_ms > 0);
    t.disk_full = false;
    submit(2); /* too early */
    tick(2);
    cr_assert_eq(receipt(), 1);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), 2, "told again: it is the one expected");
    tick(1100);
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 2);
}

Test(ingestor_core, a_submission_that_breaks_a_rule_is_used_up)
{
    hello(1);
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.has_seq = 1;
    s.seq = 1;
    struct wire_message bad = {PARBUS__TO_INGESTOR__BODY_SUBMISSION, &s.base, NULL, 0};
    ingestor_from_feeder_bad(t.core, FEEDER, ERR_INVALID, &bad, "submission.unit: missing");
    submit(2);
    tick(2);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->seq == 1 && r->retry_after_ms == 0 && strcmp(r->detail, "submission.unit: missing") == 0);
    cr_assert_eq(receipt(), 2);
    tick(25);
    const Parbus__Scored *scored = (const Parbus__Scored *)last_to_feeder(PARBUS__TO_FEEDER__BODY_SCORED);
    cr_assert(scored && scored->scored == 1, "refused for good counts as scored");
}

Test(ingestor_core, an_older_epoch_is_refused_and_a_newer_one_starts_at_1)
{
    hello(5);
    submit(1);
    tick(2);
    hello(4);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_STALE_EPOCH && strcmp(r->detail, "epoch 5 is known") == 0);
    hello(6);
    const Parbus__Welcome *w = (const Parbus__Welcome *)last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME);
    cr_assert_eq(w->next_seq, 1);
    submit(1);
    tick(2);
    cr_assert_eq(t.journal_count, 2);
}

Test(ingestor_core, a_full_group_is_committed_without_waiting)
{
    hello(1);
    for (uint64_t seq = 1; !ingestor_group_full(t.core); seq++)
        submit(seq);
    ingestor_drained(t.core, t.now);
    cr_assert_gt(receipt(), 1000);
}

Test(ingestor_core, more_than_the_window_waits_for_receipts)
{
    t.settings.feeder_window = 3;
    ingestor_destroy(&t.core);
    t.core = ingestor_new(&t.settings, &io, PARTITIONS, 77, 1);
    hello(1);
    for (uint64_t seq = 1; seq <= 5; seq++)
        submit(seq);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_WINDOW && r->seq == 4 && r->retry_after_ms > 0);
    tick(2);
    submit(4);
    submit(5);
    tick(2);
    cr_assert_eq(receipt(), 5);
}

Test(ingestor_core, a_group_never_outgrows_a_message_to_a_worker)
{
    one_of_each();
    hello(1);
    static uint32_t indicator[WIRE_ROWS_MAX];
    static double value[WIRE_ROWS_MAX];
    Parbus__Submission m = PARBUS__SUBMISSION__INIT;
    m.has_seq = m.has_stage = 1;
    m.index = "qd766", m.period = "2025", m.unit = "H05";
    m.stage = PARBUS__STAGE__STAGE_APPRAISED_1;
    m.n_indicator = m.n_value = WIRE_ROWS_MAX;
    m.indicator = indicator, m.value = value;
    for (m.seq = 1; m.seq <= 40; m.seq++)
        FROM_FEEDER(SUBMISSION, m);
    tick(2);
    cr_assert_eq(receipt(), 40);
    for (size_t i = 0; i < t.journal_count; i++)
        cr_assert_lt(t.journal[i].bytes, WIRE_MESSAGE_BYTES_MAX - 65536);
}

Test(ingestor_core, a_name_that_is_none_is_refused)
{
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = 1;
    m.protocol_version = 1;
    m.feeder = "../../etc";
    m.epoch = 1;
    FROM_FEEDER(HELLO, m);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_NAME);
}

Test(ingestor_core, status_names_the_rejects)
{
    hello(1);
    Parbus__Status ask = PARBUS__STATUS__INIT;
    ask.has_from_seq = ask.has_to_seq = 1;
    ask.from_seq = 1;
    ask.to_seq = 9;
    FROM_FEEDER(STATUS, ask);
    const Parbus__Verdict *v = (const Parbus__Verdict *)last_to_feeder(PARBUS__TO_FEEDER__BODY_VERDICT);
    cr_assert(v && v->n_reject == 1 && v->reject[0]->row == 2);
}

/* ---- the workers ---- */

static void join(uint64_t peer, Parbus__Role role, const char *instance, uint64_t incarnation)
{
    Parbus__WorkerHello m = PARBUS__WORKER_HELLO__INIT;
    m.has_protocol_version = m.has_role = m.has_pid = m.has_incarnation = 1;
    m.protocol_version = 1;
    m.role = role;
    m.instance = (char *)instance;
    m.endpoint = role == PARBUS__ROLE__ROLE_SCORER ? "ipc://somewhere" : NULL;
    m.incarnation = incarnation;
    FROM_WORKER(peer, HELLO, m);
}

/* Answers every Assign and Release that was not answered yet, as a scorer would that has applied `applied`. */
static void answer_questions(uint64_t applied)
{
    static size_t seen;
    if (seen > t.worker_count)
        seen = 0;
    for (; seen < t.worker_count; seen++) {
        struct sent *s = &t.to_worker[seen];
        if (s->kind == PARBUS__TO_WORKER__BODY_ASSIGN) {
            const Parbus__Assign *ask = (const Parbus__Assign *)s->message;
            Parbus__Owned m = PARBUS__OWNED__INIT;
            m.has_partition = m.has_owner_epoch = m.has_applied = 1;
            m.partition = ask->partition;
            m.owner_epoch = ask->owner_epoch;
            m.applied = applied;
            FROM_WORKER(s->peer, OWNED, m);
        } else if (s->kind == PARBUS__TO_WORKER__BODY_RELEASE) {
            const Parbus__Release *ask = (const Parbus__Release *)s->message;
            Parbus__Released m = PARBUS__RELEASED__INIT;
            m.has_partition = m.has_owner_epoch = 1;
            m.partition = ask->partition;
            m.owner_epoch = ask->owner_epoch;
            FROM_WORKER(s->peer, RELEASED, m);
        }
    }
}

static void settle(void)
{
    for (int i = 0; i < 5; i++) {
        tick(1);
        answer_questions(0);
    }
    tick(1);
}

static const Parbus__Work *last_work(size_t *count)
{
    const Parbus__Work *last = NULL;
    *count = 0;
    for (size_t i = 0; i < t.worker_count; i++)
        if (t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_WORK) {
            last = (const Parbus__Work *)t.to_worker[i].message;
            ++*count;
        }
    return last;
}

static void progress(const Parbus__Work *work, uint64_t peer, uint64_t applied)
{
    Parbus__Tally tally = PARBUS__TALLY__INIT;
    Parbus__Tally *tallies[] = {&tally};
    tally.has_feeder = tally.has_epoch = tally.has_scored = tally.has_accepted_rows = 1;
    tally.feeder = 1;
    tally.epoch = 1;
    tally.scored = applied;
    tally.accepted_rows = applied;
    Parbus__Progress m = PARBUS__PROGRESS__INIT;
    m.has_partition = m.has_owner_epoch = m.has_applied = 1;
    m.partition = work->partition;
    m.owner_epoch = work->owner_epoch;
    m.applied = applied;
    m.n_tally = 1;
    m.tally = tallies;
    FROM_WORKER(peer, PROGRESS, m);
}

static void one_of_each(void)
{
    join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", 1);
    join(VALIDATOR_A, PARBUS__ROLE__ROLE_VALIDATOR, "validator-1", 1);
    settle();
}

Test(ingestor_core, without_workers_the_journal_takes_the_load)
{
    hello(1);
    for (uint64_t seq = 1; seq <= 100; seq++) {
        submit(seq);
        tick(2);
    }
    cr_assert_eq(receipt(), 100);
    cr_assert_eq(ingestor_lag(t.core), 100);
}

Test(ingestor_core, lag_counts_submissions_and_not_control_records)
{
    struct err_text e = {""};
    Parbus__Unit unit = PARBUS__UNIT__INIT;
    Parbus__Unit *units[] = {&unit};
    unit.has_id = unit.id = 1;
    unit.code = "A";
    unit.name = "Alpha";
    Parbus__Registry registry = PARBUS__REGISTRY__INIT;
    registry.code = "letters";
    registry.has_version = registry.version = 1;
    registry.title = registry.source = "test";
    registry.n_unit = 1;
    registry.unit = units;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_REGISTRY;
    control.registry = &registry;
    cr_assert_eq(ingestor_publish(t.core, &control, t.now, &e), OK, "%s", e.text);
    cr_assert_eq(t.journal_count, PARTITIONS, "the control is in every partition");
    cr_assert_eq(ingestor_lag(t.core), 0);
    hello(1);
    submit(1);
    tick(2);
    cr_assert_eq(ingestor_lag(t.core), 1);
    one_of_each();
    size_t count;
    const Parbus__Work *work = last_work(&count);
    progress(work, SCORER_A, 1);
    cr_assert_leq(ingestor_lag(t.core), 1);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        if (last_pseq(p) == 2) {
            Parbus__Work of = *work;
            of.partition = p;
            for (size_t i = 0; i < t.worker_count; i++)
                if (t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_ASSIGN &&
                    ((const Parbus__Assign *)t.to_worker[i].message)->partition == p)
                    of.owner_epoch = ((const Parbus__Assign *)t.to_worker[i].message)->owner_epoch;
            progress(&of, SCORER_A, 1);
            cr_assert_eq(ingestor_lag(t.core), 1);
            progress(&of, SCORER_A, 2);
        }
    cr_assert_eq(ingestor_lag(t.core), 0);
}

Test(ingestor_core, a_record_goes_to_the_validator_and_progress_reaches_the_feeder)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t count;
    const Parbus__Work *work = last_work(&count);
    cr_assert_eq(count, 1);
    cr_assert_eq(work->first_pseq, 1);
    cr_assert_str_eq(work->scorer, "ipc://somewhere");
    progress(work, SCORER_A, 1);
    tick(25);
    const Parbus__Scored *scored = (const Parbus__Scored *)last_to_feeder(PARBUS__TO_FEEDER__BODY_SCORED);
    cr_assert(scored && scored->scored == 1 && scored->accepted_rows == 1);
    cr_assert_eq(ingestor_lag(t.core), 0);
}

Test(ingestor_core, the_window_bounds_what_is_out_and_progress_opens_it)
{
    t.settings.partition_window_bytes = 4096;
    ingestor_destroy(&t.core);
    t.core = ingestor_new(&t.settings, &io, PARTITIONS, 77, 1);
    one_of_each();
    hello(1);
    for (uint64_t seq = 1; seq <= 200; seq++) {
        submit(seq);
        tick(2);
    }
    size_t before, after;
    const Parbus__Work *work = last_work(&before);
    cr_assert_lt(before, 60);
    progress(work, SCORER_A, before);
    tick(1);
    last_work(&after);
    cr_assert_gt(after, before);
}

Test(ingestor_core, lost_work_is_sent_again)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t before, after;
    last_work(&before);
    for (int i = 0; i < 6; i++) { /* the workers live, but the record got lost */
        Parbus__Heartbeat beat = PARBUS__HEARTBEAT__INIT;
        FROM_WORKER(SCORER_A, HEARTBEAT, beat);
        FROM_WORKER(VALIDATOR_A, HEARTBEAT, beat);
        tick(250);
    }
    last_work(&after);
    cr_assert_eq(after, before + 1);
}

Test(ingestor_core, a_gap_is_filled_from_the_journal)
{
    one_of_each();
    hello(1);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        submit(seq);
        tick(2);
    }
    size_t before, after;
    const Parbus__Work *work = last_work(&before);
    Parbus__Gap gap = PARBUS__GAP__INIT;
    gap.has_partition = gap.has_owner_epoch = gap.has_applied = 1;
    gap.partition = work->partition;
    gap.owner_epoch = work->owner_epoch;
    gap.applied = 1;
    FROM_WORKER(SCORER_A, GAP, gap);
    tick(1);
    last_work(&after);
    cr_assert_eq(after, before + 2);
}

Test(ingestor_core, a_message_of_another_owner_epoch_is_ignored)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t count;
    Parbus__Work work = *last_work(&count);
    work.owner_epoch--;
    progress(&work, SCORER_A, 1);
    cr_assert_eq(ingestor_lag(t.core), 1);
}

static unsigned owned_by_b(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < t.worker_count; i++)
        n += t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_ASSIGN && t.to_worker[i].peer == SCORER_B;
    return n;
}

Test(ingestor_core, a_second_scorer_takes_only_its_share_and_after_a_release)
{
    one_of_each();
    join(SCORER_B, PARBUS__ROLE__ROLE_SCORER, "scorer-2", 1);
    tick(1);
    cr_assert_eq(owned_by_b(), 0, "nothing is assigned before the old owner released it");
    size_t releases = 0;
    for (size_t i = 0; i < t.worker_count; i++)
        releases += t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_RELEASE;
    cr_assert(releases > 0 && releases < PARTITIONS);
    settle();
    cr_assert_eq(owned_by_b(), releases);
}

Test(ingestor_core, a_silent_scorer_is_replaced_with_a_greater_epoch)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t count;
    uint64_t epoch = last_work(&count)->owner_epoch;
    join(SCORER_B, PARBUS__ROLE__ROLE_SCORER, "scorer-2", 1);
    for (int i = 0; i < 12; i++) {
        Parbus__Heartbeat beat = PARBUS__HEARTBEAT__INIT;
        FROM_WORKER(SCORER_B, HEARTBEAT, beat);
        FROM_WORKER(VALIDATOR_A, HEARTBEAT, beat);
        tick(250);
        answer_questions(0);
    }
    tick(1);
    const Parbus__Work *work = last_work(&count);
    cr_assert_gt(work->owner_epoch, epoch);
    Parbus__Heartbeat beat = PARBUS__HEARTBEAT__INIT;
    FROM_WORKER(SCORER_A, HEARTBEAT, beat);
    cr_assert_eq(t.to_worker[t.worker_count - 1].kind, PARBUS__TO_WORKER__BODY_WHO_ARE_YOU);
}

Test(ingestor_core, a_validator_that_restarts_gets_the_unapplied_records_again)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t before, after;
    last_work(&before);
    join(VALIDATOR_B, PARBUS__ROLE__ROLE_VALIDATOR, "validator-1", 2);
    tick(1);
    last_work(&after);
    cr_assert_eq(after, before + 1);
    cr_assert_eq(t.to_worker[t.worker_count - 1].peer, VALIDATOR_B);
}

/* ---- what was lost on the way ---- */

static size_t assigns(void)
{
    size_t n = 0;
    for (size_t i = 0; i < t.worker_count; i++)
        n += t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_ASSIGN;
    return n;
}

/* The tallies of the lost one may not come again (I13). */
Test(ingestor_core, a_progress_that_was_lost_makes_the_scorer_say_all_tallies)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t count, before = assigns();
    const Parbus__Work *work = last_work(&count);
    Parbus__Progress m = PARBUS__PROGRESS__INIT;
    m.has_partition = m.has_owner_epoch = m.has_applied = m.has_serial = 1;
    m.partition = work->partition;
    m.owner_epoch = work->owner_epoch;
    m.applied = 1;
    m.serial = 1;
    FROM_WORKER(SCORER_A, PROGRESS, m);
    tick(250);
    cr_assert_eq(assigns(), before);
    m.serial = 3;
    FROM_WORKER(SCORER_A, PROGRESS, m);
    tick(250);
    cr_assert_eq(assigns(), before + 1);
}

/* It forgot them when it was told WhoAreYou (I2). */
Test(ingestor_core, partitions_that_a_scorer_does_not_name_are_given_to_it_again)
{
    one_of_each();
    size_t before = assigns();
    uint32_t all[PARTITIONS];
    for (uint32_t p = 0; p < PARTITIONS; p++)
        all[p] = p;
    Parbus__Heartbeat beat = PARBUS__HEARTBEAT__INIT;
    beat.n_owned = PARTITIONS;
    beat.owned = all;
    FROM_WORKER(SCORER_A, HEARTBEAT, beat);
    tick(250);
    cr_assert_eq(assigns(), before);
    beat.n_owned--;
    FROM_WORKER(SCORER_A, HEARTBEAT, beat);
    tick(250);
    cr_assert_eq(assigns(), before + 1);
}

Test(ingestor_core, each_submission_that_is_not_taken_is_counted)
{
    hello(1);
    submit(1);
    submit(1);
    submit(5);
    submit(6);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_submissions_repeated], 1);
    cr_assert_eq(ingestor_metrics(t.core)->reason[PARBUS__REASON__REFUSED_SEQUENCE_GAP], 2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), 1, "one refusal per gap");
}
