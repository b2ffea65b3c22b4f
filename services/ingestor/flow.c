#include "services/ingestor/flow.h"
#include "base/err.h"
#include "journal/record.h"
#include "services/ingestor/agenda.h"
#include "services/ingestor/damage.h"
#include "services/ingestor/invariants.h"
#include "services/ingestor/suspects.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MAX = 4 };

static void take_off(struct coordinator *c, struct partition *part, size_t bytes)
{
    ASSERT(part->flight_bytes >= bytes);
    part->flight_bytes -= bytes;
    if (part->scorer == WORKER_NONE)
        return;
    ASSERT(c->worker[part->scorer].flight_bytes >= bytes);
    c->worker[part->scorer].flight_bytes -= bytes;
}

void flow_recall(struct coordinator *c, uint32_t p)
{
    struct partition *part = &c->partition[p];
    take_off(c, part, part->flight_bytes);
    part->flight_count = 0;
    part->sent = part->applied;
}

/* Its ends in the journal and in state move; the sum over all partitions goes with them. */
static void move_ends(struct coordinator *c, struct partition *part, uint64_t applied, uint64_t last)
{
    ASSERT(applied <= last && part->applied <= part->last && c->behind >= part->last - part->applied);
    c->behind += (last - applied) - (part->last - part->applied);
    part->applied = applied;
    part->last = last;
}

void flow_restore(struct coordinator *c, uint32_t p, uint64_t applied, uint64_t last)
{
    move_ends(c, &c->partition[p], applied, last);
    c->partition[p].sent = applied;
    c->partition[p].known = last;
}

void flow_lengthen(struct coordinator *c, uint32_t p, uint64_t entries, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    move_ends(c, part, part->applied, part->last + entries);
    agenda_add(c, p, now_us);
}

void flow_resume(struct coordinator *c, uint32_t p, uint64_t applied)
{
    struct partition *part = &c->partition[p];
    flow_recall(c, p);
    move_ends(c, part, applied, part->last);
    part->sent = applied;
    part->patience = 0;
    part->quiet_until_us = 0;
}

static bool window_open(const struct coordinator *c, const struct partition *part)
{
    return part->flight_count < FLIGHTS_MAX &&
           (part->flight_count == 0 || part->flight_bytes < (size_t)c->settings->partition_window_bytes) &&
           c->worker[part->scorer].flight_bytes < (size_t)c->settings->scorer_window_bytes;
}

static void take_on(struct coordinator *c, struct partition *part, uint64_t last_pseq, size_t bytes)
{
    if (!part->flight) {
        part->flight = malloc(FLIGHTS_MAX * sizeof *part->flight);
        ASSERT(part->flight);
    }
    uint32_t at = (part->flight_head + part->flight_count++) % FLIGHTS_MAX;
    part->flight[at] = (struct flight){last_pseq, (uint32_t)bytes};
    part->flight_bytes += bytes;
    c->worker[part->scorer].flight_bytes += bytes;
    part->sent = last_pseq;
}

/* What is applied of a record is left out: nobody need look at it again, and one of its entries may end who does, where
 * it can be set aside no more (I17b). What cannot be read goes out as it is. */
static void leave_out_applied(struct coordinator *c, uint64_t applied, Parbus__Work *work)
{
    struct record_reader reader;
    struct record_entry entry;
    const uint8_t *body;
    uint64_t pseq = work->first_pseq;
    if (pseq > applied || record_open(&reader, work->record.data, work->record.len, NULL))
        return;
    buffer_clear(&c->rest);
    record_begin(&c->rest, (enum record_kind)reader.header.kind, reader.header.received_ms, reader.header.control_seq);
    for (; record_next(&reader, &entry, &body); pseq++)
        if (pseq > applied)
            record_add(&c->rest, 0, &entry, body);
    work->first_pseq = applied + 1;
    record_seal(c->rest.data, c->rest.size,
                &(struct record_place){work->partition, work->first_pseq, reader.header.commit});
    work->record = (ProtobufCBinaryData){c->rest.size, c->rest.data};
}

struct pump {
    struct coordinator *c;
    uint32_t partition;
    bool found; /* a record */
};

static bool send_record(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct pump *pump = ctx;
    struct coordinator *c = pump->c;
    pump->found = true;
    struct partition *part = &c->partition[pump->partition];
    struct record_header header;
    memcpy(&header, record, sizeof header);
    uint64_t last_pseq = first_pseq + header.count - 1;
    if (last_pseq > part->last) /* its commit is not confirmed yet (I7) */
        return false;
    Parbus__Work work = PARBUS__WORK__INIT;
    work.has_partition = work.has_owner_epoch = work.has_first_pseq = work.has_control_seq = work.has_record = 1;
    work.partition = pump->partition;
    work.owner_epoch = part->owner_epoch;
    work.first_pseq = first_pseq;
    work.control_seq = c->controls; /* I18 */
    work.scorer = c->worker[part->scorer].endpoint;
    work.record.data = (uint8_t *)record;
    work.record.len = bytes;
    leave_out_applied(c, part->applied, &work);
    uint64_t peer = c->worker[part->validator].peer;
    if (c->io->send(c->io->ctx, INGESTOR_WORK, peer, PARBUS__TO_WORKER__BODY_WORK, &work.base) != OK) {
        metric_add(c->metrics, sends_full, 1);
        return false;
    }
    metric_add(c->metrics, records_sent, 1);
    if (last_pseq <= part->seen)
        metric_add(c->metrics, records_sent_again, 1);
    else
        part->seen = last_pseq;
    part->known = last_pseq > part->known ? last_pseq : part->known;
    take_on(c, part, last_pseq, work.record.len);
    return window_open(c, part);
}

/* It is tried again all the time: the same sentence is logged once. */
static void note_read_failure(struct coordinator *c, uint32_t p, const struct err_text *e)
{
    metric_add(c->metrics, journal_read_failures, 1);
    if (strncmp(c->read_trouble, e->text, sizeof c->read_trouble - 1) == 0)
        return;
    snprintf(c->read_trouble, sizeof c->read_trouble, "%s", e->text);
    tell(c->io, TELL_ERROR, "journal.read_failed", "partition=%u why=\"%s\"", p, e->text);
}

void flow_pump(struct coordinator *c, uint32_t p, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    if (part->state != OWNERSHIP_OWNED || part->sent >= part->last || now_us < part->quiet_until_us ||
        suspects_hold(c, p) || damage_holds(c, p, now_us))
        return;
    if (part->validator != part->validator_next && part->flight_count)
        return; /* the old validator's records first, so that none overtakes another */
    part->validator = part->validator_next;
    if (part->validator == WORKER_NONE || !window_open(c, part))
        return;
    if (part->flight_count == 0)
        part->progress_us = now_us;
    struct pump pump = {.c = c, .partition = p};
    struct err_text e;
    size_t bytes_max = (size_t)c->settings->partition_window_bytes;
    enum err err = c->io->read(c->io->ctx, p, part->sent + 1, bytes_max, send_record, &pump, &e);
    if (!err && !pump.found) /* its commit is confirmed */
        err = err_set(&e, ERR_CORRUPT, "partition %u: no record holds pseq %llu, and the last one is %llu", p,
                      (unsigned long long)part->sent + 1, (unsigned long long)part->last);
    if (err && err != ERR_CORRUPT)
        note_read_failure(c, p, &e);
    damage_note(c, p, err, &e, now_us);
    coordinator_assert_partition(c, p);
}

static void count_applied(struct coordinator *c, const struct partition *part, uint64_t entries)
{
    c->applied += entries;
    if (part->scorer != WORKER_NONE)
        c->worker[part->scorer].done += entries;
    if (part->validator != WORKER_NONE)
        c->worker[part->validator].done += entries;
}

void flow_applied(struct coordinator *c, uint32_t p, uint64_t applied, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    if (applied <= part->applied || applied > part->last)
        return;
    count_applied(c, part, applied - part->applied);
    move_ends(c, part, applied, part->last);
    part->progress_us = now_us;
    part->patience = 0;
    part->quiet_until_us = 0;
    while (part->flight_count && part->flight[part->flight_head].last_pseq <= applied) {
        take_off(c, part, part->flight[part->flight_head].bytes);
        part->flight_head = (part->flight_head + 1) % FLIGHTS_MAX;
        part->flight_count--;
    }
    if (part->sent < applied)
        part->sent = applied;
    coordinator_assert_partition(c, p);
}

/* What the scorer holds but has not committed still counts against the windows (I8). */
static void forget_after(struct coordinator *c, struct partition *part, uint64_t pseq)
{
    for (; part->flight_count; part->flight_count--) {
        const struct flight *last = &part->flight[(part->flight_head + part->flight_count - 1) % FLIGHTS_MAX];
        if (last->last_pseq <= pseq)
            return;
        take_off(c, part, last->bytes);
    }
}

void flow_send_from(struct coordinator *c, uint32_t p, uint64_t applied, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    forget_after(c, part, applied);
    part->sent = applied;
    part->progress_us = now_us;
    part->quiet_until_us = 0;
    coordinator_assert_partition(c, p);
}

/* What does not move leaves its scorer's window to what does, and is tried again, each time twice as late
 * (I12a). */
void flow_resend_overdue(struct coordinator *c, uint32_t p, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    int64_t after_us = c->settings->resend_after_ms * 1000;
    if (!part->flight_count || now_us - part->progress_us <= after_us)
        return;
    flow_send_from(c, p, part->applied, now_us);
    part->quiet_until_us = now_us + after_us * ((1 << part->patience) - 1);
    if (part->patience < PATIENCE_MAX)
        part->patience++;
}

/* ---- whether it stands still ---- */

/* Without a scorer, without a validator, and of a scorer in trouble, health says so itself. */
static enum standstill_chance chance(const struct coordinator *c, const struct partition *part)
{
    if (part->state == OWNERSHIP_UNOWNED || part->validator_next == WORKER_NONE || part->damage ||
        c->worker[part->scorer].trouble[0])
        return STANDSTILL_HINDERED;
    bool crowded = c->worker[part->scorer].flight_bytes >= (size_t)c->settings->scorer_window_bytes;
    return part->flight_count == 0 && !part->patience && crowded ? STANDSTILL_QUEUED : STANDSTILL_FREE;
}

int64_t flow_standstill_us(const struct coordinator *c, uint32_t p, int64_t now_us)
{
    const struct partition *part = &c->partition[p];
    bool waits = agenda_has(part) && (part->state == OWNERSHIP_OWNED || part->state == OWNERSHIP_RELEASING);
    return waits ? standstill_us(&part->standstill, standstill_patience_us(c->settings), now_us) : 0;
}

static void log_standstill(const struct coordinator *c, uint32_t p, bool stands)
{
    const struct partition *part = &c->partition[p];
    const char *validator = part->validator == WORKER_NONE ? "" : c->worker[part->validator].instance;
    if (stands)
        tell(c->io, TELL_WARN, "partition.stands_still", "partition=%u next=%llu last=%llu scorer=%s validator=%s", p,
             (unsigned long long)part->applied + 1, (unsigned long long)part->last, c->worker[part->scorer].instance,
             validator);
    else
        tell(c->io, TELL_INFO, "partition.moves_again", "partition=%u applied=%llu", p,
             (unsigned long long)part->applied);
}

static void watch(struct coordinator *c, uint32_t p, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    damage_look(c, p);
    struct standstill_view view = {part->applied, part->last, chance(c, part)};
    bool moved = part->applied != part->standstill.applied;
    standstill_look(&part->standstill, view, now_us);
    bool stands = flow_standstill_us(c, p, now_us) > 0, told = part->standstill.state == STANDSTILL_STANDS;
    if (told ? !moved : !stands)
        return;
    STATE_ENTER(&standstill_machine, part->standstill.state, told ? STANDSTILL_MOVES : STANDSTILL_STANDS);
    log_standstill(c, p, !told);
}

void flow_watch_standstill(struct coordinator *c, int64_t now_us)
{
    bool away = now_us - c->watched_us > standstill_patience_us(c->settings) / 2;
    c->watched_us = now_us;
    for (uint32_t i = 0; i < c->agenda_count; i++) {
        uint32_t p = c->agenda[i];
        if (away)
            standstill_forgive(&c->partition[p].standstill, now_us);
        watch(c, p, now_us);
    }
}

static bool take_control_seq(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct record_header header;
    (void)first_pseq, (void)bytes;
    memcpy(&header, record, sizeof header);
    *(uint64_t *)ctx = header.control_seq;
    return false;
}

/* Every control has one entry in every partition, so those after `applied` are the ones that were not in force there.
 * Of them, a retry is a submission too (I19). */
uint64_t flow_lag(const struct coordinator *c, uint32_t p)
{
    const struct partition *part = &c->partition[p];
    uint64_t entries = part->last - part->applied, in_force = 0;
    if (entries && part->applied)
        c->io->read(c->io->ctx, p, part->applied, 1, take_control_seq, &in_force, NULL);
    uint64_t controls = c->controls - in_force;
    if (entries)
        controls -= catalog_readmitted_between(c->door->catalog, p, in_force, c->controls);
    return controls < entries ? entries - controls : 0;
}
