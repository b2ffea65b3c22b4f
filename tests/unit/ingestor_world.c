#include "ingestor_world.h"
#include "base/bytes.h"
#include <stdlib.h>

struct ingestor_world t;

static struct sent copy(uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    buffer_clear(&t.packed);
    protobuf_c_message_pack(m, buffer_grow(&t.packed, protobuf_c_message_get_packed_size(m)));
    ProtobufCMessage *twin = protobuf_c_message_unpack(m->descriptor, NULL, t.packed.size, t.packed.data);
    cr_assert(twin);
    return (struct sent){peer, kind, twin};
}

static enum err send(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    (void)ctx;
    if (source == INGESTOR_DOOR && peer == t.peer_gone)
        return ERR_NOT_FOUND;
    if (source == INGESTOR_DOOR) {
        cr_assert_lt(t.feeder_count, 4096);
        t.to_feeder[t.feeder_count++] = copy(peer, kind, m);
    } else {
        cr_assert_lt(t.worker_count, 8192);
        t.to_worker[t.worker_count++] = copy(peer, kind, m);
    }
    return OK;
}

static void cut(void *ctx, uint64_t peer, const char *reason, const char *why)
{
    (void)ctx, (void)reason, (void)why;
    t.cut = peer;
}

static void take_news(void *ctx, enum tell_level level, const char *id, const char *text)
{
    (void)ctx, (void)level;
    size_t used = strlen(t.told);
    snprintf(t.told + used, sizeof t.told - used, "%s %s\n", id, text);
}

static void take_note(void *ctx, const struct audit_event *event)
{
    (void)ctx;
    size_t used = strlen(t.noted);
    snprintf(t.noted + used, sizeof t.noted - used, "%s %s %s\n", audit_kind_word(event->kind),
             event->reason ? event->reason : "-", event->name ? event->name : "-");
}

uint64_t last_pseq(uint32_t partition)
{
    uint64_t last = 0;
    for (size_t i = 0; i < t.journal_count; i++)
        if (t.journal[i].partition == partition)
            last = t.journal[i].first_pseq + ((const struct record_header *)(void *)t.journal[i].record)->count - 1;
    return last;
}

static void store(const struct journal_group *g)
{
    for (size_t i = 0; i < g->put_count; i++) {
        cr_assert_eq(g->put[i].first_pseq, last_pseq(g->put[i].partition) + 1, "pseq are dense");
        uint8_t *twin = malloc(g->put[i].bytes);
        memcpy(twin, g->put[i].record, g->put[i].bytes);
        record_seal(twin, g->put[i].bytes,
                    &(struct record_place){g->put[i].partition, g->put[i].first_pseq, t.journal_count + 1});
        t.journal[t.journal_count++] =
            (struct stored){g->put[i].partition, g->put[i].first_pseq, twin, g->put[i].bytes};
    }
    for (size_t i = 0; i < g->control_count; i++) {
        cr_assert_eq(g->control[i].seq, t.control_count + 1);
        buffer_append(&t.control[t.control_count++], g->control[i].packed, g->control[i].bytes);
    }
    for (size_t i = 0; i < g->mark_count && g->mark[i].feeder < 16; i++)
        t.mark[g->mark[i].feeder] = g->mark[i].value;
    t.commits += g->put_count > 0;
}

/* As journal_append. */
static enum err write_group(const struct journal_group *g)
{
    bool there = g->put_count && g->commit == t.commits;
    if (t.fenced)
        return ERR_LOST;
    if (t.disk_full)
        return ERR_FULL;
    cr_assert(there || !g->put_count || g->commit == t.commits + 1);
    if (!there)
        store(g);
    return t.disk_lies ? ERR_IO : OK;
}

static enum err append(void *ctx, const struct journal_group *g, uint64_t ticket)
{
    (void)ctx;
    cr_assert_eq(t.ticket, 0, "one at a time");
    t.appends++;
    t.ticket = ticket;
    t.result = write_group(g);
    return OK;
}

static const char *why_of(enum err result)
{
    if (result == ERR_FULL)
        return t.disk_says ? t.disk_says : "the disk is full";
    return result == ERR_LOST ? "somebody else writes this journal" : "the disk failed at the end";
}

void answer_append(void)
{
    uint64_t ticket = t.ticket;
    t.ticket = 0;
    if (ticket)
        ingestor_appended(t.core, ticket, t.result, t.result ? why_of(t.result) : "", t.now);
}

static enum err read_records(void *ctx, uint32_t partition, uint64_t from, size_t bytes_max, journal_record_fn *fn,
                             void *fn_ctx, struct err_text *e)
{
    (void)ctx;
    size_t bytes = 0;
    if (t.disk_unreadable)
        return err_set(e, ERR_IO, "the disk cannot be read");
    for (size_t i = 0; i < t.journal_count && bytes < bytes_max; i++) {
        const struct stored *s = &t.journal[i];
        uint32_t count = ((const struct record_header *)(void *)s->record)->count;
        if (s->partition != partition || s->first_pseq + count - 1 < from)
            continue;
        bytes += s->bytes;
        struct record_reader reader;
        enum err err = record_open(&reader, s->record, s->bytes, e);
        if (err)
            return err_wrap(e, err, "partition %u, pseq %llu", partition, (unsigned long long)s->first_pseq);
        if (!fn(fn_ctx, s->first_pseq, s->record, s->bytes))
            break;
    }
    return OK;
}

static void no_rejects(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                       bool (*add)(void *, uint64_t, uint32_t, uint32_t, const char *), void *add_ctx)
{
    (void)ctx, (void)feeder, (void)epoch, (void)row;
    for (size_t i = 0; i < t.rejects_damaged; i++)
        add(add_ctx, seq, (uint32_t)i, PARBUS__REASON__REASON_NONE, "its checksum is wrong");
    add(add_ctx, seq, 2, PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE, "value 19 is outside 0..18");
}

void deliver(enum ingestor_source source, const struct wire_channel *channel, uint64_t peer, uint32_t kind,
             const ProtobufCMessage *m)
{
    struct buffer bytes = {0};
    struct arena arena;
    struct wire_message opened;
    struct err_text e = {""};
    arena_init(&arena, 1 << 22);
    wire_pack(&bytes, kind, m);
    cr_assert_eq(wire_open(channel, bytes.data, bytes.size, &arena, &opened, &e), OK, "%s", e.text);
    ingestor_receive(t.core, source, (struct peer){peer, t.principal ? t.principal : "owner"}, &opened, t.now);
    arena_free(&arena);
    buffer_free(&bytes);
}

void hello(uint64_t epoch)
{
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = m.has_line = 1;
    m.line = 77;
    m.protocol_version = 1;
    m.feeder = "ha-noi";
    m.epoch = epoch;
    FROM_FEEDER(HELLO, m);
}

void submit_to(uint64_t seq, const char *unit)
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

void submit(uint64_t seq) { submit_to(seq, "H05"); }

void tick(int64_t ms)
{
    t.now.mono_us += ms * 1000;
    t.now.wall_ms += ms;
    ingestor_drained(t.core);
    for (int round = 0; round < 2; round++) { /* what the journal answers lets more go out */
        int64_t due_us = ingestor_tick(t.core, t.now);
        cr_assert_gt(due_us, t.now.mono_us - 1);
        if (!t.disk_silent)
            answer_append();
    }
    ingestor_tick(t.core, t.now);
    if (!t.disk_silent)
        answer_append();
}

const ProtobufCMessage *last_to_feeder(uint32_t kind)
{
    for (size_t i = t.feeder_count; i-- > 0;)
        if (t.to_feeder[i].kind == kind)
            return t.to_feeder[i].message;
    return NULL;
}

const Parbus__Refusal *last_refusal(void)
{
    return (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
}

size_t count_to_feeder(uint32_t kind)
{
    size_t n = 0;
    for (size_t i = 0; i < t.feeder_count; i++)
        n += t.to_feeder[i].kind == kind;
    return n;
}

uint64_t receipt(void)
{
    const Parbus__Receipt *r = (const Parbus__Receipt *)last_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT);
    return r ? r->up_to_seq : 0;
}

static enum err room(void *ctx, struct err_text *e)
{
    (void)ctx;
    if (t.taken)
        return err_set(e, ERR_LOST, "somebody else writes this journal");
    return t.room_left ? OK : err_set(e, ERR_FULL, "hardly any room");
}

static enum err read_controls(void *ctx, uint64_t from, journal_control_fn *fn, void *fn_ctx, struct err_text *e)
{
    (void)ctx;
    enum err err = t.disk_unreadable ? err_set(e, ERR_IO, "the disk cannot be read") : OK;
    for (uint64_t seq = from; seq <= t.control_count && !err; seq++)
        err = fn(fn_ctx, seq, t.control[seq - 1].data, t.control[seq - 1].size, e);
    return err;
}

/* Tokens of the tests are short: their hash is the token, and zeros. */
static void hash(void *ctx, uint8_t out[static 32], const void *data, size_t bytes)
{
    (void)ctx;
    memset(out, 0, 32);
    memcpy(out, data, bytes < 32 ? bytes : 32);
}

const struct ingestor_io ingestor_world_io = {NULL,       send, take_news, append,    read_records, read_controls,
                                              no_rejects, room, cut,       take_note, hash};

void ingestor_world_start(void)
{
    settings_defaults(&t.settings);
    t.room_left = true;
    t.now = (struct moment){1000000000, 1760000000000};
    t.core = ingestor_new("ingestor-9", &t.settings, &ingestor_world_io, PARTITIONS, 77, 1, t.commits);
}

void ingestor_world_stop(void)
{
    ingestor_destroy(&t.core);
    for (size_t i = 0; i < t.journal_count; i++)
        free(t.journal[i].record);
    for (size_t i = 0; i < t.feeder_count; i++)
        protobuf_c_message_free_unpacked(t.to_feeder[i].message, NULL);
    for (size_t i = 0; i < t.worker_count; i++)
        protobuf_c_message_free_unpacked(t.to_worker[i].message, NULL);
    for (size_t i = 0; i < t.control_count; i++)
        buffer_free(&t.control[i]);
    buffer_free(&t.packed);
    t = (struct ingestor_world){0};
}

void join(uint64_t peer, Parbus__Role role, const char *instance, uint64_t incarnation)
{
    Parbus__WorkerHello m = PARBUS__WORKER_HELLO__INIT;
    m.has_protocol_version = m.has_role = m.has_pid = m.has_incarnation = 1;
    m.protocol_version = 1;
    m.role = role;
    m.instance = (char *)instance;
    m.endpoint = role == PARBUS__ROLE__ROLE_SCORER ? "ipc://somewhere" : NULL;
    m.incarnation = incarnation;
    m.has_control_seq = 1;
    m.control_seq = t.control_count;
    FROM_WORKER(peer, HELLO, m);
}

void answer_questions(uint64_t applied)
{
    if (t.questions_seen > t.worker_count)
        t.questions_seen = 0;
    for (; t.questions_seen < t.worker_count; t.questions_seen++) {
        struct sent *s = &t.to_worker[t.questions_seen];
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

void give_partitions(void)
{
    for (int i = 0; i < 5; i++) {
        tick(1);
        answer_questions(0);
    }
    tick(1);
}

const Parbus__Work *last_work(size_t *count)
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

void progress(const Parbus__Work *work, uint64_t peer, uint64_t applied)
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

void one_of_each(void)
{
    join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", 1);
    join(VALIDATOR_A, PARBUS__ROLE__ROLE_VALIDATOR, "validator-1", 1);
    give_partitions();
}

void ingestor_world_restart(void)
{
    t.ticket = 0;
    ingestor_destroy(&t.core);
    t.core = ingestor_new("ingestor-9", &t.settings, &ingestor_world_io, PARTITIONS, 77, 1, t.commits);
}

void ingestor_world_restore(void)
{
    struct err_text e = {""};
    ingestor_world_restart();
    for (size_t i = 0; i < t.control_count; i++)
        cr_assert_eq(ingestor_restore_control(t.core, i + 1, t.control[i].data, t.control[i].size, &e), OK, "%s",
                     e.text);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        ingestor_restore_partition(t.core, p, last_pseq(p), (struct ingestor_followed){0}, NULL);
    for (uint32_t number = 1; number < 16; number++)
        if (t.mark[number].name[0])
            ingestor_restore_feeder(t.core, number, &t.mark[number]);
}

enum err publish_letters(struct err_text *e)
{
    Parbus__Unit unit = PARBUS__UNIT__INIT;
    Parbus__Unit *units[] = {&unit};
    unit.has_id = unit.id = 1;
    unit.code = "A";
    unit.name = "Alpha";
    Parbus__Registry letters = PARBUS__REGISTRY__INIT;
    letters.code = "letters";
    letters.has_version = letters.version = 1;
    letters.title = letters.source = "test";
    letters.n_unit = 1;
    letters.unit = units;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_REGISTRY;
    control.registry = &letters;
    return ingestor_publish(t.core, &control, t.now, e);
}
