#include "services/ingestor/door.h"
#include "base/err.h"
#include "journal/record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_STORAGE_MS = 1000, RETRY_WINDOW_MS = 50 };

void door_init(struct door *d, const struct settings *settings, const struct ingestor_io *io, struct metrics *metrics,
               struct catalog *catalog, uint32_t partitions)
{
    *d = (struct door){.settings = settings,
                       .io = io,
                       .metrics = metrics,
                       .catalog = catalog,
                       .partitions = partitions,
                       .feeder_count = 1};
    d->record = calloc(partitions, sizeof *d->record);
    ASSERT(d->record);
}

void door_free(struct door *d)
{
    for (uint32_t p = 0; p < d->partitions; p++)
        buffer_free(&d->record[p]);
    free(d->record);
    free(d->feeder);
    map_free(&d->by_name);
    map_free(&d->by_peer);
    buffer_free(&d->touched.bytes);
    buffer_free(&d->changed.bytes);
    buffer_free(&d->untold.bytes);
}

void door_send(struct door *d, uint64_t peer, uint32_t kind, const ProtobufCMessage *message)
{
    enum err code = d->io->to_feeder(d->io->ctx, peer, kind, message);
    if (code == ERR_NOT_FOUND)
        door_forget_peer(d, peer);
    else if (code == ERR_BUSY)
        metric_add(d->metrics, sends_full, 1);
}

void door_refuse(struct door *d, uint64_t peer, uint64_t seq, Parbus__Reason reason, const char *detail,
                 int64_t retry_after_ms)
{
    d->metrics->reason[reason & 255]++;
    Parbus__Refusal refusal = PARBUS__REFUSAL__INIT;
    refusal.has_seq = refusal.has_reason = refusal.has_retry_after_ms = 1;
    refusal.seq = seq;
    refusal.reason = reason;
    refusal.detail = (char *)detail;
    refusal.retry_after_ms = (uint32_t)retry_after_ms;
    uint32_t number;
    const struct feeder *f = door_feeder_of(d, peer, &number);
    refusal.has_epoch = f != NULL;
    refusal.epoch = f ? f->mark.epoch : 0;
    door_send(d, peer, PARBUS__TO_FEEDER__BODY_REFUSAL, &refusal.base);
}

static void send_receipt(struct door *d, struct feeder *f)
{
    Parbus__Receipt receipt = PARBUS__RECEIPT__INIT;
    receipt.has_up_to_seq = receipt.has_epoch = 1;
    receipt.epoch = f->mark.epoch;
    receipt.up_to_seq = f->receipted;
    door_send(d, f->peer, PARBUS__TO_FEEDER__BODY_RECEIPT, &receipt.base);
}

/* feeders_max counts those that the journal knows: names that only say hello keep nobody out. */
static bool has_place(const struct door *d, const struct feeder *f)
{
    return f->journalled || f->dirty || d->journalled + d->entering < d->settings->feeders_max;
}

void door_refuse_too_many(struct door *d, uint64_t peer)
{
    door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_TOO_MANY_FEEDERS, "feeders_max is reached", 0);
}

static void mark_changed(struct door *d, struct feeder *f, uint32_t number)
{
    if (f->dirty)
        return;
    numbers_add(&d->changed, number);
    d->entering += !f->journalled;
    f->dirty = true;
}

/* One refusal is sent per gap; each submission that it concerns is counted (D6, law 6). */
static void refuse_run(struct door *d, struct feeder *f, Parbus__Reason reason, const char *detail,
                       int64_t retry_after_ms)
{
    if (f->gap_told)
        d->metrics->reason[reason & 255]++;
    else
        door_refuse(d, f->peer, f->mark.last_seq + 1, reason, detail, retry_after_ms);
    f->gap_told = true;
}

/* Rules D5-D7 for what is not simply the next one. */
static void out_of_turn(struct door *d, struct feeder *f, uint64_t seq)
{
    if (seq > f->mark.last_seq) {
        refuse_run(d, f, PARBUS__REASON__REFUSED_SEQUENCE_GAP, "", 0);
        return;
    }
    metric_add(d->metrics, submissions_repeated, 1);
    if (seq == f->receipted) /* a run of repeats is answered once, at its end */
        send_receipt(d, f);
}

static uint32_t resolve(struct door *d, struct feeder *f, const Parbus__Submission *s, struct record_entry *entry)
{
    const struct series *series = f->series;
    if (!series || strcmp(series->period, s->period) != 0 || strcmp(series->definition->index, s->index) != 0)
        series = catalog_find_series(d->catalog, s->index, s->period, catalog_control_seq(d->catalog));
    if (!series)
        return catalog_partition_unknown(s->unit, d->partitions);
    f->series = series;
    entry->series = series->number;
    entry->unit = registry_resolve(series->definition->registry, s->unit);
    if (entry->unit == UNIT_NONE || entry->unit == UNIT_AMBIGUOUS)
        return catalog_partition_unknown(s->unit, d->partitions);
    return catalog_partition(series->definition->registry, entry->unit, d->partitions);
}

static void add_to_group(struct door *d, uint32_t partition, const struct record_entry *entry, const uint8_t *body,
                         size_t rows, struct ingestor_now now)
{
    struct buffer *record = &d->record[partition];
    size_t before = record->size;
    if (before == 0) {
        record_begin(record, RECORD_DATA, now.wall_ms, catalog_control_seq(d->catalog));
        numbers_add(&d->touched, partition);
    }
    record_add(record, 0, entry, body);
    d->group_bytes += record->size - before;
    d->group_submissions++;
    d->group_rows += rows;
}

/* D5: one submission may always be under way. */
static bool beyond_window(const struct door *d, const struct feeder *f, uint64_t seq, size_t bytes)
{
    return seq - f->receipted > (uint64_t)d->settings->feeder_window ||
           (f->group_bytes && f->group_bytes + bytes > (size_t)d->settings->feeder_window_bytes);
}

void door_submission(struct door *d, uint64_t peer, const Parbus__Submission *s, const uint8_t *body, size_t bytes,
                     struct ingestor_now now)
{
    uint32_t number;
    struct feeder *f = door_feeder_of(d, peer, &number);
    metric_add(d->metrics, submissions_received, 1);
    if (!f) {
        door_refuse(d, peer, s->seq, PARBUS__REASON__REFUSED_NO_HELLO, "say hello first", 0);
        return;
    }
    if (s->seq != f->mark.last_seq + 1) {
        out_of_turn(d, f, s->seq);
        return;
    }
    if (!has_place(d, f)) {
        door_refuse_too_many(d, peer);
        return;
    }
    f->gap_told = false; /* D6: the expected one came */
    if (now.mono_us < d->trouble_until_us) {
        refuse_run(d, f, PARBUS__REASON__REFUSED_STORAGE, d->trouble, RETRY_STORAGE_MS);
        return;
    }
    if (beyond_window(d, f, s->seq, bytes)) {
        refuse_run(d, f, PARBUS__REASON__REFUSED_WINDOW, "wait for receipts", RETRY_WINDOW_MS);
        return;
    }
    if (bytes > (size_t)d->settings->submission_bytes_max) {
        door_submission_bad(d, peer, s->seq, PARBUS__REASON__REFUSED_TOO_LARGE, "more than submission_bytes_max");
        return;
    }
    f->mark.last_seq = s->seq;
    f->group_bytes += bytes;
    mark_changed(d, f, number);
    struct record_entry entry = {
        .body_bytes = (uint32_t)bytes, .feeder = number, .epoch = f->mark.epoch, .seq = s->seq};
    uint32_t partition = resolve(d, f, s, &entry);
    add_to_group(d, partition, &entry, body, s->n_indicator, now);
}

void door_submission_bad(struct door *d, uint64_t peer, uint64_t seq, Parbus__Reason reason, const char *detail)
{
    uint32_t number;
    struct feeder *f = door_feeder_of(d, peer, &number);
    if (!f) {
        door_refuse(d, peer, seq, PARBUS__REASON__REFUSED_NO_HELLO, "say hello first", 0);
    } else if (seq != f->mark.last_seq + 1) {
        out_of_turn(d, f, seq);
    } else if (!has_place(d, f)) {
        door_refuse_too_many(d, peer);
    } else {
        f->gap_told = false;
        f->mark.last_seq = seq;
        f->mark.refused++;
        mark_changed(d, f, number);
        door_refuse(d, peer, seq, reason, detail, 0);
    }
}

static void clear_group(struct door *d)
{
    for (size_t i = 0; i < numbers_count(&d->touched); i++)
        buffer_clear(&d->record[numbers_at(&d->touched, i)]);
    buffer_clear(&d->touched.bytes);
    buffer_clear(&d->changed.bytes);
    d->group_bytes = d->group_submissions = d->group_rows = 0;
    d->entering = 0;
}

void door_committed(struct door *d)
{
    metric_add(d->metrics, submissions_journalled, d->group_submissions);
    metric_add(d->metrics, observations_journalled, d->group_rows);
    d->trouble_until_us = 0;
    d->trouble[0] = 0;
    for (size_t i = 0; i < numbers_count(&d->changed); i++) {
        uint32_t number = numbers_at(&d->changed, i);
        struct feeder *f = &d->feeder[number];
        if (f->mark.refused != f->receipted_refused)
            door_totals_changed(d, number);
        f->receipted = f->mark.last_seq;
        f->receipted_refused = f->mark.refused;
        f->group_bytes = 0;
        f->dirty = false;
        d->journalled += !f->journalled;
        f->journalled = true;
        if (f->peer)
            send_receipt(d, f);
    }
    clear_group(d);
}

void door_not_committed(struct door *d, const char *why, struct ingestor_now now)
{
    snprintf(d->trouble, sizeof d->trouble, "%s", why);
    wire_utf8_mend(d->trouble);
    d->trouble_until_us = now.mono_us + RETRY_STORAGE_MS * 1000;
    for (size_t i = 0; i < numbers_count(&d->changed); i++) {
        struct feeder *f = &d->feeder[numbers_at(&d->changed, i)];
        f->mark.last_seq = f->receipted;
        f->mark.refused = f->receipted_refused;
        f->group_bytes = 0;
        f->dirty = false;
        f->gap_told = true;
        if (f->peer)
            door_refuse(d, f->peer, f->receipted + 1, PARBUS__REASON__REFUSED_STORAGE, d->trouble, RETRY_STORAGE_MS);
    }
    clear_group(d);
}

void door_totals_changed(struct door *d, uint32_t number)
{
    if (!d->feeder[number].untold)
        numbers_add(&d->untold, number);
    d->feeder[number].untold = true;
}

void door_tell_scored(struct door *d)
{
    for (size_t i = 0; i < numbers_count(&d->untold); i++) {
        struct feeder *f = &d->feeder[numbers_at(&d->untold, i)];
        f->untold = false;
        Parbus__Scored scored = PARBUS__SCORED__INIT;
        scored.has_scored = scored.has_accepted_rows = scored.has_rejected_rows = scored.has_epoch = 1;
        scored.epoch = f->mark.epoch;
        scored.scored = f->sum.scored + f->receipted_refused;
        scored.accepted_rows = f->sum.accepted_rows;
        scored.rejected_rows = f->sum.rejected_rows;
        if (f->peer)
            door_send(d, f->peer, PARBUS__TO_FEEDER__BODY_SCORED, &scored.base);
    }
    buffer_clear(&d->untold.bytes);
}
