#include "journal/record.h"
#include "services/scorer/internal.h"
#include "wire/wire.h"

/* Ascending (entry, row), within the record; after a reject of the whole entry nothing of it follows. */
static bool rejects_ok(const Parbus__Verdicts *v, const struct record_header *header)
{
    size_t n = v->n_reject_entry;
    uint32_t entries = record_entries(header);
    if (v->n_reject_row != n || v->n_reject_reason != n || v->n_reject_detail != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (v->reject_entry[i] >= entries)
            return false;
        if (i == 0 || v->reject_entry[i - 1] < v->reject_entry[i])
            continue;
        if (v->reject_entry[i - 1] != v->reject_entry[i] || v->reject_row[i - 1] >= v->reject_row[i] ||
            v->reject_row[i] == WIRE_ROW_WHOLE)
            return false;
    }
    return true;
}

static enum err open_verdicts(const Parbus__Verdicts *v, const struct record_bytes *bytes, struct record_reader *reader,
                              struct err_text *e)
{
    enum err err = record_open(reader, bytes->data, bytes->size, e);
    if (!err && !rejects_ok(v, &reader->header))
        err = err_set(e, ERR_INVALID, "rejects are out of order or outside the record");
    return err;
}

/* I20: what is missing is asked for, and the record after it. */
static bool knows_controls(struct scorer *s, struct partition *p, const Parbus__Verdicts *v,
                           const struct record_header *header)
{
    if (worker_knows(&s->worker, header->control_seq) && worker_knows(&s->worker, v->control_seq))
        return true;
    metric_add(&s->metrics, records_refused, 1);
    p->waits = true;
    return false;
}

/* I10: exactly applied + 1. What is not that is dropped, and the coordinator learns where we are. */
static bool in_sequence(struct scorer *s, struct partition *p, uint64_t first, uint64_t last, int64_t now_us)
{
    if (first > p->applied + 1) {
        metric_add(&s->metrics, records_gap, 1);
        if (now_us >= p->gap_after_us) {
            p->gap_after_us = now_us + SAY_AGAIN_US;
            answer_gap(s, p);
        }
        return false;
    }
    if (last <= p->applied) {
        metric_add(&s->metrics, records_duplicate, 1);
        p->repeat = s->repeats = true; /* it would not be sent again if our Progress had arrived */
        return false;
    }
    return true;
}

static void move_on(struct scorer *s, struct partition *p, uint64_t pseq, uint64_t mark)
{
    ASSERT(pseq == p->applied + 1); /* I10 */
    p->applied = pseq;
    p->mark = mark;
    s->uncommitted = true;
    if (p->touched_bytes <= SCORES_BYTES_MAX)
        return;
    bookmark_clear(worker_bookmark(&s->worker)); /* from here on it is not this entry's doing alone */
    partition_flush(s, p);
}

/* A record is taken when there is room before it. If not, it is in the journal, and is asked for when there is. */
static bool has_room(struct scorer *s, struct partition *p, int64_t now_us)
{
    if (!commit_pressed(s))
        return true;
    if (!s->backoff_us || now_us >= s->next_commit_us)
        commit_hand_over(s, now_us);
    metric_add(&s->metrics, records_refused, 1);
    p->refused = true;
    return false;
}

static struct partition *held_under(const struct scorer *s, const Parbus__Verdicts *v)
{
    struct partition *p = partition_held(s, v->partition);
    return p && p->state == HOLDING_OWNED && p->owner_epoch == v->owner_epoch ? p : NULL;
}

/* Damage is ours to tell as long as it lasts: nobody else sees why the partition stands still. */
static void note_unapplied(struct scorer *s, struct partition *p, enum err err, const struct err_text *e)
{
    tell(&s->io, TELL_WARN, "scorer.apply_failed", "why=\"%s\"", e->text);
    metric_add(&s->metrics, records_refused, 1);
    if (err == ERR_LOST)
        partition_lost(s, p);
    else
        note_damage(s, p->number, e);
}

static bool apply_entries(struct scorer *s, struct partition *p, struct applying *a, struct record_reader *reader)
{
    const Parbus__Verdicts *v = a->verdicts;
    struct record_entry entry;
    struct err_text e = {""};
    for (a->entry = &entry; record_next(reader, &entry, &a->body); a->index++, a->pseq++) {
        while (a->reject < v->n_reject_entry && v->reject_entry[a->reject] < a->index)
            a->reject++;
        if (a->pseq <= p->applied)
            continue;
        bookmark_set(worker_bookmark(&s->worker), v->partition, a->pseq);
        enum err err = apply_entry(s, p, a, &e);
        if (err) {
            note_unapplied(s, p, err, &e);
            return false;
        }
        move_on(s, p, a->pseq, record_mark(a->header, &entry));
    }
    note_damage(s, p->number, NULL);
    return true;
}

static void apply_record(struct scorer *s, struct partition *p, const Parbus__Verdicts *v, struct record_reader *reader)
{
    struct applying a = {.verdicts = v, .header = &reader->header, .pseq = v->first_pseq};
    if (apply_entries(s, p, &a, reader))
        metric_add(&s->metrics, records_applied, 1);
    bookmark_clear(worker_bookmark(&s->worker));
}

/* The coordinator takes us for the owner still: our Released was lost (I11b), or we were told to forget everything
 * (I1).
 */
static void refuse_ownership(struct scorer *s, const Parbus__Verdicts *v, int64_t now_us)
{
    metric_add(&s->metrics, records_not_owned, 1);
    if (partition_at(s, v->partition) || now_us < s->refused_after_us)
        return;
    s->refused_after_us = now_us + SAY_AGAIN_US;
    answer_released(s, v->partition, v->owner_epoch, 0, true);
}

static void take_record(struct scorer *s, struct partition *p, const Parbus__Verdicts *v, struct record_reader *reader,
                        int64_t now_us)
{
    if (!knows_controls(s, p, v, &reader->header))
        return;
    if (!in_sequence(s, p, v->first_pseq, v->first_pseq + reader->header.count - 1, now_us))
        return;
    if (!has_room(s, p, now_us))
        return;
    if (!p->controls)
        p->controls = catalog_control_seq(s->catalog);
    if (record_entries(&reader->header)) {
        apply_record(s, p, v, reader);
        return;
    }
    move_on(s, p, v->first_pseq, record_mark(&reader->header, NULL));
    metric_add(&s->metrics, records_applied, 1);
}

static enum err read_and_take(struct scorer *s, struct partition *p, const Parbus__Verdicts *v, int64_t now_us,
                              struct err_text *e)
{
    const struct record_source *records = s->worker.config.records;
    struct record_ref ref = {v->partition, v->first_pseq, v->record};
    struct record_bytes bytes;
    struct record_reader reader;
    enum err err = records->get(records->ctx, &ref, &bytes, e);
    if (err) {
        metric_add(&s->metrics, records_refused, 1);
        return err;
    }
    err = open_verdicts(v, &bytes, &reader, e);
    if (err)
        metric_add(&s->metrics, messages_malformed, 1);
    else
        take_record(s, p, v, &reader, now_us);
    records->release(records->ctx, &bytes);
    return err;
}

void take_verdicts(struct scorer *s, const Parbus__Verdicts *v, int64_t now_us)
{
    struct err_text e = {""};
    struct partition *p = held_under(s, v);
    if (!p) {
        refuse_ownership(s, v, now_us);
        return;
    }
    enum err err = read_and_take(s, p, v, now_us, &e);
    if (!err)
        return;
    err_wrap(&e, err, "verdicts of partition %u from %llu on", v->partition, (unsigned long long)v->first_pseq);
    tell(&s->io, TELL_WARN, "scorer.verdicts_unusable", "why=\"%s\"", e.text);
}
