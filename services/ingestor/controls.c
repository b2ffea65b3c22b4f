/* Control records: each is one commit with an entry in every partition. */
#include "base/log.h"
#include "journal/record.h"
#include "services/ingestor/internal.h"
#include "services/ingestor/suspects.h"

enum { TRY_AGAIN_US = 1000000 };

/* An entry that stands for the control in its partition. */
struct retried {
    uint32_t partition;
    uint64_t pseq;        /* where it was set aside */
    int64_t received_ms;  /* first */
    struct buffer record; /* of the new place; empty: not found */
    uint64_t control_seq;
};

static void number_control(struct ingestor *i, Parbus__Control *control, struct ingestor_now now)
{
    control->has_control_seq = control->has_received_ms = 1;
    control->control_seq = catalog_control_seq(i->catalog) + 1;
    control->received_ms = now.wall_ms;
}

/* retried: NULL, or what takes the control's place in its partition. */
static enum err publish(struct ingestor *i, const Parbus__Control *control, const struct retried *retried,
                        struct err_text *e)
{
    struct buffer mark = {0}, packed = {0};
    record_begin(&mark, RECORD_CONTROL, control->received_ms, control->control_seq);
    protobuf_c_message_pack(&control->base, buffer_grow(&packed, protobuf_c_message_get_packed_size(&control->base)));
    uint32_t partitions = i->coordinator.partitions;
    for (uint32_t p = 0; p < partitions; p++) {
        const struct buffer *record = retried && retried->partition == p ? &retried->record : &mark;
        i->put[p] = (struct journal_put){p, i->coordinator.partition[p].last + 1, record->data, record->size};
    }
    struct journal_control stored = {control->control_seq, packed.data, packed.size};
    struct journal_group group = {.put = i->put, .put_count = partitions, .control = &stored, .control_count = 1};
    enum err code = ingestor_append(i, &group, e);
    if (code == OK)
        code = catalog_apply(i->catalog, control, e);
    buffer_free(&mark);
    buffer_free(&packed);
    return code;
}

enum err ingestor_publish(struct ingestor *i, Parbus__Control *control, struct ingestor_now now, struct err_text *e)
{
    ingestor_commit(i, now); /* what came before is ordered before */
    number_control(i, control, now);
    return publish(i, control, NULL, e);
}

/* ---- setting aside ---- */

static enum err set_aside(struct ingestor *i, const struct suspect *s, struct ingestor_now now, struct err_text *e)
{
    Parbus__SetAside m = PARBUS__SET_ASIDE__INIT;
    m.has_partition = m.has_pseq = m.has_tries = 1;
    m.partition = s->partition;
    m.pseq = s->pseq;
    m.tries = s->tries;
    m.instance = (char *)s->instance;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_SET_ASIDE;
    control.set_aside = &m;
    return ingestor_publish(i, &control, now, e);
}

void controls_set_aside(struct ingestor *i, struct ingestor_now now)
{
    struct err_text e = {""};
    const struct suspect *s;
    while (now.mono_us >= i->set_aside_after_us && (s = suspects_condemned(&i->coordinator))) {
        if (set_aside(i, s, now, &e)) {
            i->set_aside_after_us = now.mono_us + TRY_AGAIN_US;
            metric_add(&i->metrics, journal_commit_failures, 1);
            log_error("record.not_set_aside", "partition=%u pseq=%llu why=\"%s\"", s->partition,
                      (unsigned long long)s->pseq, e.text);
            return;
        }
        metric_add(&i->metrics, records_set_aside, 1);
        log_error("record.set_aside", "partition=%u pseq=%llu tries=%u instance=%s", s->partition,
                  (unsigned long long)s->pseq, s->tries, s->instance);
        suspects_drop(&i->coordinator, s);
    }
}

/* ---- sending again ---- */

static bool copy_entry(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct retried *r = ctx;
    struct record_reader reader;
    struct record_entry entry;
    const uint8_t *body;
    if (record_find(&reader, record, bytes, first_pseq, r->pseq, &entry, &body)) {
        record_begin(&r->record, RECORD_RETRY, reader.header.received_ms, r->control_seq);
        record_add(&r->record, 0, &entry, body);
    }
    return false;
}

static enum err may_retry(const struct ingestor *i, const Parbus__Retry *ask, struct err_text *e)
{
    const struct set_aside *s = catalog_set_aside(i->catalog, ask->partition, ask->pseq);
    if (!s)
        return err_set(e, ERR_NOT_FOUND, "entry %llu of partition %u is not set aside", (unsigned long long)ask->pseq,
                       ask->partition);
    if (s->readmitted)
        return err_set(e, ERR_INVALID,
                       "entry %llu of partition %u was sent again already; what becomes of it there "
                       "is said under its new place",
                       (unsigned long long)ask->pseq, ask->partition);
    return OK;
}

static enum err find_entry(struct ingestor *i, struct retried *r, struct err_text *e)
{
    enum err err = i->io.read(i->io.ctx, r->partition, r->pseq, 1, copy_entry, r, e);
    if (!err && r->record.size == 0)
        err = err_set(e, ERR_NOT_FOUND, "the journal has no submission at entry %llu of partition %u",
                      (unsigned long long)r->pseq, r->partition);
    return err;
}

static enum err retry(struct ingestor *i, const Parbus__Retry *ask, struct ingestor_now now, struct err_text *e)
{
    enum err err = may_retry(i, ask, e);
    if (err)
        return err;
    ingestor_commit(i, now);
    Parbus__Readmitted m = PARBUS__READMITTED__INIT;
    m.has_partition = m.has_pseq = 1;
    m.partition = ask->partition;
    m.pseq = ask->pseq;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_READMITTED;
    control.readmitted = &m;
    number_control(i, &control, now);
    struct retried r = {.partition = ask->partition, .pseq = ask->pseq, .control_seq = control.control_seq};
    err = find_entry(i, &r, e);
    if (!err)
        err = err_wrap(e, publish(i, &control, &r, e), "it is not written");
    buffer_free(&r.record);
    return err;
}

void controls_retry(struct ingestor *i, uint64_t peer, const Parbus__Retry *ask, struct ingestor_now now)
{
    struct err_text e = {""};
    Parbus__Retried answer = PARBUS__RETRIED__INIT;
    answer.has_partition = answer.has_pseq = answer.has_again_pseq = 1;
    answer.partition = ask->partition;
    answer.pseq = ask->pseq;
    if (retry(i, ask, now, &e)) {
        wire_utf8_mend(e.text);
        answer.why = e.text;
        log_warn("record.not_readmitted", "partition=%u pseq=%llu why=\"%s\"", ask->partition,
                 (unsigned long long)ask->pseq, e.text);
    } else {
        answer.again_pseq = i->coordinator.partition[ask->partition].last;
        metric_add(&i->metrics, records_readmitted, 1);
        log_info("record.readmitted", "partition=%u pseq=%llu again_pseq=%llu", ask->partition,
                 (unsigned long long)ask->pseq, (unsigned long long)answer.again_pseq);
    }
    i->io.to_worker(i->io.ctx, peer, PARBUS__TO_WORKER__BODY_RETRIED, &answer.base);
}
