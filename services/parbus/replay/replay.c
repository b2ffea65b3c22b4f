#include "services/parbus/replay/replay.h"
#include "base/clock.h"
#include "journal/record.h"
#include "services/scorer/store.h"
#include "services/validator/core.h"
#include "standings/read.h"
#include <stdlib.h>
#include <string.h>

enum {
    READ_BYTES = 4 << 20,        /* of the journal in one read transaction */
    COMMIT_INTERVAL_US = 500000, /* nobody waits for a replay's commits */
    PROGRESS_US = 100000,
    OWNER_EPOCH = 1,
};

struct replay {
    const struct replay_options *options;
    struct replay_totals *totals;
    struct journal *journal;
    struct catalog *catalog;
    struct scorer_store store;
    struct validator *validator;
    struct scorer *scorer;
    struct buffer part; /* a record that is replayed only in part */
    uint64_t *end;      /* of each partition: where the replay ends */
    uint32_t partition;
    uint64_t next, until;
    struct moment now;
    int64_t started_us, progress_us;
    struct err_text trouble;
    enum err err;
};

static enum err ignore(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    (void)ctx, (void)source, (void)peer, (void)kind, (void)m;
    return OK;
}

static void note_trouble(void *ctx, enum tell_level level, const char *id, const char *text)
{
    struct replay *r = ctx;
    if (level >= TELL_WARN)
        err_set(&r->trouble, ERR_CORRUPT, "%s %s", id, text);
}

static void tell_scorer(struct replay *r, uint32_t kind, const ProtobufCMessage *m)
{
    scorer_receive(r->scorer, SCORER_COORDINATOR, peer_unnamed(1), WIRE_MESSAGE(kind, m), r->now);
}

static void hand_over(struct replay *r, const Parbus__Verdicts *v)
{
    scorer_receive(r->scorer, SCORER_VERDICTS, peer_unnamed(1),
                   WIRE_MESSAGE(PARBUS__TO_SCORER__BODY_VERDICTS, &v->base), r->now);
}

/* The first `count` entries of a record, as a record. */
static void cut(struct replay *r, const ProtobufCBinaryData *record, uint32_t count)
{
    struct record_reader reader;
    struct record_entry entry;
    const uint8_t *body;
    buffer_clear(&r->part);
    if (record_open(&reader, record->data, record->len, NULL))
        return;
    record_begin(&r->part, reader.header.kind, reader.header.received_ms, reader.header.control_seq);
    while (reader.index < count && record_next(&reader, &entry, &body))
        record_add(&r->part, 0, &entry, body);
    const struct record_header *h = &reader.header;
    record_seal(r->part.data, r->part.size, &(struct record_place){h->partition, h->first_pseq, h->commit});
}

/* State may end within a record. The validator sees the whole of it all the same: what it says of one entry may depend
 * on the others. */
static void apply_first(struct replay *r, const Parbus__Verdicts *whole, uint32_t count)
{
    Parbus__Verdicts first = *whole;
    size_t rejects = 0;
    while (rejects < whole->n_reject_entry && whole->reject_entry[rejects] < count)
        rejects++;
    first.n_reject_entry = first.n_reject_row = first.n_reject_reason = first.n_reject_detail = rejects;
    cut(r, &whole->record, count);
    first.record = (ProtobufCBinaryData){r->part.size, r->part.data};
    hand_over(r, &first);
}

static enum err to_scorer(void *ctx, const char *endpoint, const Parbus__Verdicts *verdicts)
{
    struct replay *r = ctx;
    struct record_header header;
    (void)endpoint;
    memcpy(&header, verdicts->record.data, sizeof header); /* the journal has checked it */
    if (verdicts->first_pseq + header.count - 1 > r->until)
        apply_first(r, verdicts, (uint32_t)(r->until - verdicts->first_pseq + 1));
    else
        hand_over(r, verdicts);
    return OK;
}

static void validate(struct replay *r, uint64_t first_pseq, uint64_t control_seq, const void *record, size_t bytes)
{
    Parbus__Work work = PARBUS__WORK__INIT;
    work.partition = r->partition;
    work.owner_epoch = OWNER_EPOCH;
    work.first_pseq = first_pseq;
    work.control_seq = control_seq;
    work.scorer = "replay";
    work.record = (ProtobufCBinaryData){bytes, (uint8_t *)record};
    validator_receive(r->validator, VALIDATOR_COORDINATOR, peer_unnamed(1),
                      WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_WORK, &work.base), r->now);
}

static bool await_store(struct replay *r)
{
    enum err err = scorer_store_wait(&r->store, r->scorer, r->now, &r->trouble);
    r->err = err ? err : r->err;
    return !err;
}

static void tick(struct replay *r)
{
    r->now = clock_moment();
    scorer_tick(r->scorer, r->now);
    scorer_store_deliver(&r->store, r->scorer, r->now);
    while (!scorer_takes(r->scorer) && await_store(r))
        continue;
    if (!r->options->progress || r->now.mono_us < r->progress_us)
        return;
    r->progress_us = r->now.mono_us + PROGRESS_US;
    r->totals->took_us = r->now.mono_us - r->started_us;
    r->options->progress(r->options->ctx, r->totals);
}

static uint64_t applied(const struct replay *r)
{
    uint64_t epoch, position = 0, committed;
    scorer_position(r->scorer, r->partition, &epoch, &position, &committed);
    return position;
}

static bool take_record(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct replay *r = ctx;
    struct record_header header;
    memcpy(&header, record, sizeof header); /* the journal has checked it */
    uint64_t last = first_pseq + header.count - 1;
    validate(r, first_pseq, header.control_seq, record, bytes);
    if (last > r->until)
        last = r->until;
    if (applied(r) != last) {
        r->err = ERR_CORRUPT;
        return false;
    }
    r->totals->records++;
    r->totals->submissions += record_entries(&header) ? last - first_pseq + 1 : 0;
    r->totals->done += last + 1 - r->next;
    r->next = last + 1;
    tick(r);
    return !r->err && r->next <= r->until;
}

/* Whatever is not committed; false: the disk says no. */
static bool commit(struct replay *r)
{
    const struct metrics *m = scorer_metrics(r->scorer);
    uint64_t failures = m->value[METRIC_state_commit_failures];
    while (scorer_commit(r->scorer, r->now)) {
        if (!await_store(r) || m->value[METRIC_state_commit_failures] > failures)
            return false;
    }
    return true;
}

static enum err take_partition(struct replay *r, struct err_text *e)
{
    uint64_t epoch, position, committed;
    Parbus__Assign assign = PARBUS__ASSIGN__INIT;
    assign.partition = r->partition;
    assign.owner_epoch = OWNER_EPOCH;
    tell_scorer(r, PARBUS__TO_WORKER__BODY_ASSIGN, &assign.base);
    for (int i = 0; i < 2 && scorer_commit(r->scorer, r->now) && await_store(r); i++)
        continue;
    return scorer_position(r->scorer, r->partition, &epoch, &position, &committed)
               ? OK
               : err_set(e, ERR_IO, "%s", r->trouble.text);
}

static enum err replay_partition(struct replay *r, struct err_text *e)
{
    enum err err = take_partition(r, e);
    for (r->next = applied(r) + 1; r->next <= r->until && !err;) {
        uint64_t from = r->next;
        err = journal_read(r->journal, r->partition, r->next, READ_BYTES, take_record, r, e);
        if (!err && r->err)
            err = err_set(e, r->err, "%s", r->trouble.text);
        if (!err && r->next == from)
            err = err_set(e, ERR_CORRUPT, "the journal ends before pseq %llu", (unsigned long long)r->until);
    }
    return err_wrap(e, err, "partition %u", r->partition);
}

/* The ends first, then the controls: so every control before an end is known, and what is set aside by it (I18). */
static enum err plan(struct replay *r, struct err_text *e)
{
    enum err err = OK;
    uint32_t partitions = journal_partitions(r->journal);
    r->end = calloc(partitions, sizeof *r->end);
    ASSERT(r->end);
    for (uint32_t p = 0; p < partitions && !err; p++) {
        uint64_t last = 0;
        err = journal_last_pseq(r->journal, p, &last, e);
        r->end[p] = r->options->until ? r->options->until[p] : last;
        r->totals->planned += r->end[p];
        r->totals->left_out += last > r->end[p] ? last - r->end[p] : 0;
    }
    return err ? err : read_catalog(r->journal, r->catalog, e);
}

static void start_cores(struct replay *r)
{
    struct worker_config config = {
        .instance = "replay", .endpoint = "", .heartbeat_us = 1000000, .catalog = r->catalog};
    struct validator_io validator = {r, ignore, note_trouble, to_scorer};
    struct scorer_io scorer = {
        .ctx = r, .send = ignore, .tell = note_trouble, .store = scorer_store_functions, .store_ctx = &r->store};
    struct scorer_limits limits = {.cached_units_max = (size_t)r->options->settings->scorer_cached_units_max,
                                   .commit_interval_us = COMMIT_INTERVAL_US};
    r->validator = validator_new(&config, &validator, r->now);
    r->scorer = scorer_new(&config, &limits, &scorer, r->now);
}

/* What the ingestor would say to the scorer. It opens state. */
static enum err welcome(struct replay *r, struct err_text *e)
{
    Parbus__WorkerWelcome welcome = PARBUS__WORKER_WELCOME__INIT;
    welcome.partitions = journal_partitions(r->journal);
    welcome.journal_id = journal_id(r->journal);
    welcome.term = 1;
    tell_scorer(r, PARBUS__TO_WORKER__BODY_WELCOME, &welcome.base);
    return scorer_over(r->scorer, e);
}

static enum err replay_all(struct replay *r, struct err_text *e)
{
    enum err err = plan(r, e);
    for (uint32_t p = 0; p < journal_partitions(r->journal) && !err; p++) {
        r->partition = p;
        r->until = r->end[p];
        if (r->until)
            err = replay_partition(r, e);
    }
    if (!err && !commit(r))
        err = err_set(e, ERR_IO, "%s", r->trouble.text);
    const struct metrics *m = validator_metrics(r->validator);
    r->totals->observations = m->value[METRIC_rows_accepted] + m->value[METRIC_rows_rejected];
    r->totals->took_us = clock_mono_us() - r->started_us;
    return err;
}

static void close_all(struct replay *r)
{
    validator_destroy(&r->validator);
    scorer_store_close(&r->store); /* before the core, whose work may be under way */
    scorer_destroy(&r->scorer);
    catalog_destroy(&r->catalog);
    journal_close(&r->journal);
    buffer_free(&r->part);
    free(r->end);
}

enum err replay_run(const struct replay_options *o, struct replay_totals *totals, struct err_text *e)
{
    struct replay r = {.options = o, .totals = totals, .now = clock_moment(), .catalog = catalog_new()};
    *totals = (struct replay_totals){0};
    r.started_us = r.now.mono_us;
    r.store = (struct scorer_store){.directory = o->state_directory, .settings = o->settings};
    struct journal_options options = journal_options(o->settings);
    enum err err = journal_open(&r.journal, o->journal_directory, &options, e);
    if (!err)
        err = scorer_store_start(&r.store, e);
    if (!err) {
        start_cores(&r);
        err = welcome(&r, e);
        if (err == ERR_NOT_FOUND) /* only the journal is "not found" */
            err = ERR_IO;
        if (!err)
            err = replay_all(&r, e);
    }
    close_all(&r);
    return err;
}
