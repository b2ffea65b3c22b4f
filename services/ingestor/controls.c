#include "services/ingestor/controls.h"
#include "base/err.h"
#include "journal/record.h"
#include "services/ingestor/announce.h"
#include "services/ingestor/submissions.h"
#include "services/ingestor/suspects.h"
#include <stdlib.h>

/* An entry that stands for the control in its partition. */
struct retried {
    uint32_t partition;
    uint64_t pseq;        /* where it was set aside */
    struct buffer record; /* of the new place; empty: not found */
    uint64_t control_seq;
    size_t which; /* record of the group */
};

static void number_control(struct ingestor *i, Parbus__Control *control, struct moment now)
{
    control->has_control_seq = control->has_received_ms = 1;
    control->control_seq = catalog_control_seq(i->catalog) + 1;
    control->received_ms = now.wall_ms;
}

/* What was handed to the journal is never taken back, so the catalog may go ahead of it. */
static enum err may_add(const struct ingestor *i, struct err_text *e)
{
    if (i->door.trouble[0])
        return err_set(e, ERR_BUSY, "the journal takes nothing now: %s", i->door.trouble);
    if (submissions_full(&i->door))
        return err_set(e, ERR_BUSY, "the journal is behind");
    return OK;
}

static void add_entries(struct ingestor *i, const Parbus__Control *control, struct retried *retried)
{
    struct group *g = i->append.gathered;
    struct buffer entry = {0};
    record_begin(&entry, RECORD_CONTROL, control->received_ms, control->control_seq);
    for (uint32_t p = 0; p < g->partitions; p++)
        if (retried && retried->partition == p)
            retried->which = group_add_record(g, p, &retried->record);
        else
            group_add_record(g, p, &entry);
    buffer_free(&entry);
}

/* retried: NULL, or what takes the control's place in its partition. */
static enum err add(struct ingestor *i, const Parbus__Control *control, struct retried *retried, struct moment now,
                    struct err_text *e)
{
    struct group *g = i->append.gathered;
    enum err err = catalog_apply(i->catalog, control, e);
    if (err)
        return err;
    if (group_empty(g))
        g->began_us = now.mono_us;
    size_t bytes = protobuf_c_message_get_packed_size(&control->base);
    uint8_t *packed = malloc(bytes ? bytes : 1);
    ASSERT(packed);
    protobuf_c_message_pack(&control->base, packed);
    add_entries(i, control, retried);
    group_add_control(g, control->control_seq, packed, bytes);
    return OK;
}

enum err controls_publish(struct ingestor *i, Parbus__Control *control, struct moment now, struct err_text *e)
{
    enum err err = may_add(i, e);
    if (err)
        return err;
    number_control(i, control, now);
    return add(i, control, NULL, now, e);
}

/* ---- setting aside ---- */

static enum err set_aside(struct ingestor *i, const struct suspect *s, struct moment now, struct err_text *e)
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
    return controls_publish(i, &control, now, e);
}

/* While the journal takes nothing it is asked again with the next tick. */
void controls_set_aside(struct ingestor *i, struct moment now)
{
    struct err_text e = {""};
    struct suspect *s;
    while (may_add(i, NULL) == OK && (s = suspects_condemned(&i->coordinator))) {
        enum err err = set_aside(i, s, now, &e);
        ASSERT(err == OK); /* it was not set aside yet: suspects.c */
        s->control_seq = catalog_control_seq(i->catalog);
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

static bool may_wait(const struct group *g) { return g->asker_count < GROUP_ASKERS_MAX; }

static enum err check_retry(const struct ingestor *i, const Parbus__Retry *ask, struct err_text *e)
{
    enum err err = may_retry(i, ask, e);
    if (!err)
        err = may_add(i, e);
    if (!err && !may_wait(i->append.gathered))
        err = err_set(e, ERR_BUSY, "%d others are sent again at this moment", GROUP_ASKERS_MAX);
    return err;
}

static enum err readmit(struct ingestor *i, struct retried *r, struct moment now, struct err_text *e)
{
    Parbus__Readmitted m = PARBUS__READMITTED__INIT;
    m.has_partition = m.has_pseq = 1;
    m.partition = r->partition;
    m.pseq = r->pseq;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_READMITTED;
    control.readmitted = &m;
    number_control(i, &control, now);
    r->control_seq = control.control_seq;
    enum err err = find_entry(i, r, e);
    return err ? err : add(i, &control, r, now, e);
}

static void answer(struct ingestor *i, const struct group_asker *to, uint64_t again_pseq, char *why)
{
    Parbus__Retried m = PARBUS__RETRIED__INIT;
    m.has_partition = m.has_pseq = m.has_again_pseq = 1;
    m.partition = to->partition;
    m.pseq = to->pseq;
    m.again_pseq = again_pseq;
    m.why = why;
    i->io.send(i->io.ctx, INGESTOR_WORK, to->peer, PARBUS__TO_WORKER__BODY_RETRIED, &m.base);
}

static void refuse(struct ingestor *i, const struct group_asker *to, struct err_text *e)
{
    wire_utf8_mend(e->text);
    tell(&i->io, TELL_WARN, "record.not_readmitted", "partition=%u pseq=%llu why=\"%s\"", to->partition,
         (unsigned long long)to->pseq, e->text);
    answer(i, to, 0, e->text);
}

/* Somebody has asked for the same, and it is on its way into the journal: both are answered then. */
static bool join_asker(struct group *g, uint64_t peer, const Parbus__Retry *ask)
{
    for (size_t n = 0; n < g->asker_count; n++)
        if (g->asker[n].partition == ask->partition && g->asker[n].pseq == ask->pseq && may_wait(g)) {
            g->asker[g->asker_count] = g->asker[n];
            g->asker[g->asker_count++].peer = peer;
            return true;
        }
    return false;
}

static void retry(struct ingestor *i, uint64_t peer, const Parbus__Retry *ask, struct moment now)
{
    struct err_text e = {""};
    struct group *g = i->append.gathered;
    struct retried r = {.partition = ask->partition, .pseq = ask->pseq};
    struct group_asker asker = {peer, ask->partition, ask->pseq, 0};
    enum err err = check_retry(i, ask, &e);
    if (!err)
        err = readmit(i, &r, now, &e);
    asker.record = r.which;
    if (err)
        refuse(i, &asker, &e);
    else
        g->asker[g->asker_count++] = asker;
    buffer_free(&r.record);
}

void controls_retry(struct ingestor *i, uint64_t peer, const Parbus__Retry *ask, struct moment now)
{
    if (!join_asker(i->append.sent, peer, ask) && !join_asker(i->append.gathered, peer, ask))
        retry(i, peer, ask, now);
}

/* ---- what became of them ---- */

static void readmitted(struct ingestor *i, const struct group_asker *asker, uint64_t again_pseq)
{
    metric_add(&i->metrics, records_readmitted, 1);
    tell(&i->io, TELL_INFO, "record.readmitted", "partition=%u pseq=%llu again_pseq=%llu", asker->partition,
         (unsigned long long)asker->pseq, (unsigned long long)again_pseq);
}

static bool asked_before(const struct group *g, size_t asker)
{
    for (size_t n = 0; n < asker; n++)
        if (g->asker[n].record == g->asker[asker].record)
            return true;
    return false;
}

void controls_appended(struct ingestor *i, const struct group *g)
{
    if (g->closed.control_count == 0)
        return;
    i->coordinator.controls = g->closed.control[g->closed.control_count - 1].seq;
    announce_new(&i->coordinator, g->closed.control[0].seq);
    suspects_set_aside(&i->coordinator);
    for (size_t n = 0; n < g->asker_count; n++) {
        uint64_t again_pseq = g->closed.put[g->asker[n].record].first_pseq;
        if (!asked_before(g, n))
            readmitted(i, &g->asker[n], again_pseq);
        answer(i, &g->asker[n], again_pseq, NULL);
    }
}
