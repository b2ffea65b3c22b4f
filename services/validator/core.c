#include "services/validator/core.h"
#include "base/deadline.h"
#include "journal/record.h"
#include "services/validator/rejects.h"
#include "validate/validate.h"
#include "wire/wire.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    SUGGESTIONS_PER_RECORD = 16,
    QUIET_US = 200000, /* no work for so long after Leave: nothing is under way any more */
};

struct validator {
    struct worker worker;
    struct validator_io io;
    struct arena arena;
    struct rejects rejects;
    struct metrics metrics;
    int64_t quiet_us; /* when it leaves: nothing has come until then, and it is done */
};

struct validator *validator_new(const struct worker_config *config, const struct validator_io *io, struct moment now)
{
    struct validator *v = calloc(1, sizeof *v);
    ASSERT(v);
    v->io = *io;
    v->quiet_us = INT64_MAX;
    worker_init(&v->worker, config, io->send, io->ctx, now.mono_us);
    arena_init(&v->arena, WIRE_ARENA_BYTES);
    return v;
}

void validator_destroy(struct validator **v)
{
    if (!*v)
        return;
    worker_free(&(*v)->worker);
    arena_free(&(*v)->arena);
    rejects_free(&(*v)->rejects);
    free(*v);
    *v = NULL;
}

static bool on_reject(void *ctx, uint32_t row, Parbus__Reason reason, const char *detail)
{
    struct validator *v = ctx;
    return rejects_add(&v->rejects, row, reason, detail);
}

struct record_context {
    int64_t received_ms;
    uint64_t as_of;
    uint32_t suggestions_left;
};

static void count_entry(struct validator *v, size_t rows)
{
    const struct rejects *r = &v->rejects;
    size_t rejected = rejects_of_entry(r);
    const uint32_t *row = (const uint32_t *)(const void *)r->row.data, *reason = (const void *)r->reason.data;
    if (rejected && row[r->entry_first] == WIRE_ROW_WHOLE)
        rows = rejected = rows ? rows : 1;
    ASSERT(rejected <= rows);
    metric_add(&v->metrics, rows_accepted, rows - rejected);
    metric_add(&v->metrics, rows_rejected, rejected);
    for (size_t i = r->entry_first; i < r->count; i++)
        v->metrics.reason[reason[i] & 0xff]++;
}

static void check_entry(struct validator *v, struct record_context *record, const struct record_entry *entry,
                        const uint8_t *body)
{
    const Parbus__Submission *submission;
    struct err_text e;
    arena_reset(&v->arena);
    if (wire_open_submission(body, entry->body_bytes, &v->arena, &submission, &e)) {
        rejects_add(&v->rejects, WIRE_ROW_WHOLE, PARBUS__REASON__REJECTED_POISON, e.text);
        count_entry(v, 0);
        return;
    }
    struct validate_input in = {.catalog = v->worker.config.catalog,
                                .entry = entry,
                                .submission = submission,
                                .received_ms = record->received_ms,
                                .as_of = record->as_of,
                                .suggestions_left = &record->suggestions_left};
    validate_submission(&in, on_reject, v);
    count_entry(v, submission->n_indicator);
}

/* I18: the sentence says what the control says, and its bytes are left alone. */
static void reject_set_aside(struct validator *v, const struct set_aside *s)
{
    char text[256];
    snprintf(
        text, sizeof text,
        "%u workers ended while at it, the last one %.64s; once that is mended, 'parbus rejects retry' sends it again",
        s->tries, s->instance);
    rejects_add(&v->rejects, WIRE_ROW_WHOLE, PARBUS__REASON__REJECTED_POISON, text);
    count_entry(v, 0);
}

static void check_record(struct validator *v, const Parbus__Work *work, struct record_reader *reader)
{
    struct record_context record = {reader->header.received_ms, reader->header.control_seq, SUGGESTIONS_PER_RECORD};
    struct record_entry entry;
    const uint8_t *body;
    struct bookmark *bookmark = worker_bookmark(&v->worker);
    for (uint32_t i = 0; record_next(reader, &entry, &body); i++) {
        const struct set_aside *aside =
            catalog_set_aside(v->worker.config.catalog, work->partition, work->first_pseq + i);
        rejects_entry(&v->rejects, i);
        if (aside) {
            reject_set_aside(v, aside);
            continue;
        }
        bookmark_set(bookmark, work->partition, work->first_pseq + i);
        check_entry(v, &record, &entry, body);
    }
    bookmark_clear(bookmark);
}

static void send_verdicts(struct validator *v, const Parbus__Work *work)
{
    Parbus__Verdicts verdicts = PARBUS__VERDICTS__INIT;
    verdicts.has_partition = verdicts.has_owner_epoch = verdicts.has_first_pseq = 1;
    verdicts.has_control_seq = verdicts.has_record = 1;
    verdicts.partition = work->partition;
    verdicts.owner_epoch = work->owner_epoch;
    verdicts.first_pseq = work->first_pseq;
    verdicts.control_seq = work->control_seq;
    verdicts.record = work->record;
    rejects_put(&v->rejects, &verdicts);
    if (v->io.to_scorer(v->io.ctx, work->scorer, &verdicts))
        metric_add(&v->metrics, sends_full, 1);
}

/* I9. What it lacks is on its way, and then the record comes again (I12). */
static bool knows_controls(struct validator *v, const Parbus__Work *work, const struct record_header *header)
{
    return worker_knows(&v->worker, header->control_seq) && worker_knows(&v->worker, work->control_seq);
}

/* A record that cannot even be walked over without harm is its first entry's fault. */
static enum err open_record(struct validator *v, const Parbus__Work *work, const struct record_bytes *bytes,
                            struct record_reader *reader, struct err_text *e)
{
    struct bookmark *bookmark = worker_bookmark(&v->worker);
    if (bytes->size > RECORD_HEADER_BYTES)
        bookmark_set(bookmark, work->partition, work->first_pseq);
    enum err err = record_open(reader, bytes->data, bytes->size, e);
    bookmark_clear(bookmark);
    return err;
}

static void take_record(struct validator *v, const Parbus__Work *work, struct record_reader *reader)
{
    if (!knows_controls(v, work, &reader->header)) {
        metric_add(&v->metrics, records_refused, 1);
        return;
    }
    rejects_begin(&v->rejects, work->record.len, record_entries(&reader->header));
    check_record(v, work, reader);
    send_verdicts(v, work);
    metric_add(&v->metrics, records_validated, 1);
}

static enum err read_and_take(struct validator *v, const Parbus__Work *work, struct err_text *e)
{
    const struct record_source *records = v->worker.config.records;
    struct record_ref ref = {work->partition, work->first_pseq, work->record};
    struct record_bytes bytes;
    struct record_reader reader;
    enum err err = records->get(records->ctx, &ref, &bytes, e);
    if (err) {
        metric_add(&v->metrics, records_refused, 1);
        return err;
    }
    err = open_record(v, work, &bytes, &reader, e);
    if (err)
        metric_add(&v->metrics, messages_malformed, 1);
    else
        take_record(v, work, &reader);
    records->release(records->ctx, &bytes);
    return err;
}

static enum err take_work(struct validator *v, const Parbus__Work *work, struct err_text *e)
{
    if (work->scorer && *work->scorer)
        return read_and_take(v, work, e);
    metric_add(&v->metrics, messages_malformed, 1);
    return err_set(e, ERR_INVALID, "no scorer is named");
}

static void on_work(struct validator *v, const ProtobufCMessage *message, int64_t now_us)
{
    struct err_text e;
    if (worker_leaves(&v->worker))
        v->quiet_us = now_us + QUIET_US;
    if (take_work(v, (const Parbus__Work *)message, &e))
        tell(&v->io, TELL_WARN, "validator.record_unreadable", "why=\"%s\"", e.text);
}

static void on_welcome(struct validator *v, const ProtobufCMessage *message, int64_t now_us)
{
    worker_welcome(&v->worker, (const Parbus__WorkerWelcome *)message, now_us);
}

static void on_controls(struct validator *v, const ProtobufCMessage *message, int64_t now_us)
{
    worker_controls(&v->worker, (const Parbus__Controls *)message, now_us);
}

static void on_who_are_you(struct validator *v, const ProtobufCMessage *message, int64_t now_us)
{
    (void)message;
    membership_unknown(&v->worker.membership, now_us);
}

typedef void message_fn(struct validator *v, const ProtobufCMessage *message, int64_t now_us);

static message_fn *handler_of(uint32_t kind)
{
    static message_fn *const on[] = {
        [PARBUS__TO_WORKER__BODY_WELCOME] = on_welcome,
        [PARBUS__TO_WORKER__BODY_WORK] = on_work,
        [PARBUS__TO_WORKER__BODY_WHO_ARE_YOU] = on_who_are_you,
        [PARBUS__TO_WORKER__BODY_CONTROLS] = on_controls,
    };
    return kind < sizeof on / sizeof *on ? on[kind] : NULL;
}

void validator_receive(struct validator *v, enum validator_source source, struct peer peer,
                       const struct wire_message *m, struct moment now)
{
    (void)source, (void)peer; /* only the coordinator speaks to it */
    message_fn *on = m->err ? NULL : handler_of(m->kind);
    if (on)
        on(v, m->message, now.mono_us);
    else
        metric_add(&v->metrics, messages_malformed, 1);
    if (m->err)
        tell(&v->io, TELL_WARN, "validator.message_malformed", "why=\"%s\"", m->why);
}

int64_t validator_tick(struct validator *v, struct moment now)
{
    worker_tick(&v->worker, &v->metrics, NULL, 0, now.mono_us);
    if (now.mono_us >= v->quiet_us)
        worker_left(&v->worker);
    return earlier_us(worker_deadline_us(&v->worker), v->quiet_us);
}

void validator_leave(struct validator *v, struct moment now)
{
    worker_leave(&v->worker);
    v->quiet_us = now.mono_us + QUIET_US;
}

enum err validator_over(const struct validator *v, struct err_text *e) { return worker_over(&v->worker, e); }

struct metrics *validator_metrics(struct validator *v) { return &v->metrics; }
