#include "base/err.h"
#include "base/log.h"
#include "journal/record.h"
#include "services/ingestor/flow.h"
#include "services/ingestor/internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCORED_INTERVAL_US = 20000, ANSWER_ARENA_BYTES = 32 << 20 };
/* A record travels in Work, and in Verdicts with the rejects beside it (W3). */
enum { RECORD_BYTES_MAX = WIRE_MESSAGE_BYTES_MAX - (256 << 10) };

struct ingestor *ingestor_new(const char *instance, const struct settings *settings, const struct ingestor_io *io,
                              uint32_t partitions, uint64_t journal_id, uint64_t term)
{
    struct ingestor *i = calloc(1, sizeof *i);
    ASSERT(i);
    snprintf(i->instance, sizeof i->instance, "%s", instance);
    i->settings = *settings;
    i->io = *io;
    i->catalog = catalog_new();
    i->put = calloc(partitions, sizeof *i->put);
    ASSERT(i->catalog && i->put);
    i->committed_us = i->scored_us = INT64_MIN / 2;
    arena_init(&i->answer, ANSWER_ARENA_BYTES);
    door_init(&i->door, &i->settings, &i->io, &i->metrics, i->catalog, partitions);
    coordinator_init(&i->coordinator, &i->settings, &i->io, &i->metrics, &i->door, partitions, journal_id, term);
    return i;
}

void ingestor_destroy(struct ingestor **i)
{
    if (!*i)
        return;
    coordinator_free(&(*i)->coordinator);
    door_free(&(*i)->door);
    catalog_destroy(&(*i)->catalog);
    arena_free(&(*i)->answer);
    buffer_free(&(*i)->marks);
    free((*i)->put);
    free(*i);
    *i = NULL;
}

enum err ingestor_restore_partition(struct ingestor *i, uint32_t partition, uint64_t last_pseq, uint64_t applied,
                                    struct err_text *e)
{
    struct partition *part = &i->coordinator.partition[partition];
    if (applied > last_pseq)
        return err_set(e, ERR_INVALID,
                       "state has applied %llu of partition %u, the journal ends at %llu: was the journal taken back "
                       "from a copy? Stop, delete state, and it is built again",
                       (unsigned long long)applied, partition, (unsigned long long)last_pseq);
    part->last = last_pseq;
    part->sent = part->applied = applied;
    return OK;
}

void ingestor_restore_feeder(struct ingestor *i, uint32_t number, const struct journal_feeder *feeder)
{
    door_restore_feeder(&i->door, number, feeder);
}

enum err ingestor_restore_control(struct ingestor *i, uint64_t seq, const void *packed, size_t bytes,
                                  struct err_text *e)
{
    return catalog_apply_packed(i->catalog, seq, packed, bytes, e);
}

const struct catalog *ingestor_catalog(const struct ingestor *i) { return i->catalog; }
struct metrics *ingestor_metrics(struct ingestor *i) { return &i->metrics; }
uint64_t ingestor_lag(const struct ingestor *i) { return coordinator_lag(&i->coordinator); }
uint64_t ingestor_sent(const struct ingestor *i, uint32_t partition)
{
    return i->coordinator.partition[partition].sent;
}

/* ---- the commit ---- */

static struct journal_group gather(struct ingestor *i)
{
    struct door *d = &i->door;
    size_t puts = numbers_count(&d->touched), marks = numbers_count(&d->changed);
    for (size_t n = 0; n < puts; n++) {
        uint32_t p = numbers_at(&d->touched, n);
        i->put[n] = (struct journal_put){p, i->coordinator.partition[p].last + 1, d->record[p].data, d->record[p].size};
    }
    buffer_clear(&i->marks);
    struct journal_mark *mark = buffer_grow(&i->marks, marks * sizeof *mark);
    for (size_t n = 0; n < marks; n++) {
        uint32_t number = numbers_at(&d->changed, n);
        mark[n].feeder = number;
        mark[n].value = d->feeder[number].mark;
    }
    return (struct journal_group){.put = i->put, .put_count = puts, .mark = mark, .mark_count = marks};
}

static void journalled(struct ingestor *i, const struct journal_group *g)
{
    for (size_t n = 0; n < g->put_count; n++) {
        struct record_header header;
        memcpy(&header, g->put[n].record, sizeof header);
        i->coordinator.partition[g->put[n].partition].last += header.count;
    }
    metric_add(&i->metrics, journal_commits, 1);
}

enum err ingestor_append(struct ingestor *i, const struct journal_group *g, struct err_text *e)
{
    enum err code = i->io.append(i->io.ctx, g, e);
    i->outdated |= code == ERR_INVALID || code == ERR_LOST;
    i->doubtful |= code != OK;
    if (code == OK)
        journalled(i, g);
    return code;
}

/* Nobody may ever send again what a failed commit left behind, so it is looked for. */
static void look_again(struct ingestor *i) { i->doubtful = flow_unconfirmed(&i->coordinator, &i->outdated) != OK; }

bool ingestor_outdated(const struct ingestor *i) { return i->outdated; }

/* Law 1: receipts only after the transaction is on disk; when it is not, none, and everybody is told. */
void ingestor_commit(struct ingestor *i, struct ingestor_now now)
{
    if (numbers_count(&i->door.changed) == 0)
        return;
    struct journal_group group = gather(i);
    struct err_text e;
    i->committed_us = now.mono_us;
    if (ingestor_append(i, &group, &e) == OK) {
        door_committed(&i->door);
    } else {
        metric_add(&i->metrics, journal_commit_failures, 1);
        log_error("journal.commit_failed", "why=\"%s\"", e.text);
        door_not_committed(&i->door, e.text, now);
    }
}

bool ingestor_group_full(const struct ingestor *i)
{
    return i->door.group_bytes >= (size_t)i->settings.group_bytes_max;
}

/* A group waits only while commits follow one another: the first submission of a quiet time is written at once. */
static bool commit_due(const struct ingestor *i, struct ingestor_now now)
{
    return ingestor_group_full(i) || now.mono_us - i->committed_us >= i->settings.group_wait_us;
}

void ingestor_drained(struct ingestor *i, struct ingestor_now now)
{
    if (commit_due(i, now))
        ingestor_commit(i, now);
    coordinator_pump(&i->coordinator, now.mono_us);
}

void ingestor_stop(struct ingestor *i, struct ingestor_now now)
{
    ingestor_commit(i, now);
    door_tell_scored(&i->door);
}

int64_t ingestor_tick(struct ingestor *i, struct ingestor_now now)
{
    if (i->doubtful)
        look_again(i);
    controls_set_aside(i, now);
    int64_t next = coordinator_tick(&i->coordinator, now.mono_us);
    door_look_for_room(&i->door, now);
    if (now.mono_us - i->scored_us >= SCORED_INTERVAL_US) {
        i->scored_us = now.mono_us;
        door_tell_scored(&i->door);
    } else if (numbers_count(&i->door.untold) && next > SCORED_INTERVAL_US) {
        next = SCORED_INTERVAL_US;
    }
    if (numbers_count(&i->door.changed) == 0)
        return next;
    int64_t due = i->committed_us + i->settings.group_wait_us - now.mono_us;
    return due < 0 ? 0 : due < next ? due : next;
}

/* ---- messages ---- */

void ingestor_from_feeder(struct ingestor *i, uint64_t peer, const struct wire_message *m, struct ingestor_now now)
{
    switch (m->kind) {
    case PARBUS__TO_INGESTOR__BODY_SUBMISSION:
        if (i->door.group_bytes + m->body_bytes > RECORD_BYTES_MAX)
            ingestor_commit(i, now); /* so that no record outgrows a message to a worker */
        door_submission(&i->door, peer, (const Parbus__Submission *)m->message, m->body, m->body_bytes, now);
        break;
    case PARBUS__TO_INGESTOR__BODY_HELLO:
        ingestor_commit(i, now); /* a new epoch must not mix with the old one in a group */
        door_hello(&i->door, peer, (const Parbus__Hello *)m->message, now);
        break;
    case PARBUS__TO_INGESTOR__BODY_STATUS:
        questions_status(i, peer, (const Parbus__Status *)m->message);
        break;
    case PARBUS__TO_INGESTOR__BODY_DESCRIBE:
        questions_describe(i, peer, (const Parbus__Describe *)m->message);
        break;
    case PARBUS__TO_INGESTOR__BODY_STATS:
        questions_stats(i, peer, now);
        break;
    }
}

void ingestor_from_feeder_bad(struct ingestor *i, uint64_t peer, enum err code, const struct wire_message *m,
                              const char *text)
{
    Parbus__Reason reason =
        code == ERR_TOO_LARGE ? PARBUS__REASON__REFUSED_TOO_LARGE : PARBUS__REASON__REFUSED_MALFORMED;
    metric_add(&i->metrics, messages_malformed, 1);
    const Parbus__Submission *s =
        m->message && m->kind == PARBUS__TO_INGESTOR__BODY_SUBMISSION ? (const Parbus__Submission *)m->message : NULL;
    if (s && s->seq)
        door_submission_bad(&i->door, peer, s->seq, reason, text);
    else
        door_refuse(&i->door, peer, 0, reason, text, 0);
}

void ingestor_from_worker(struct ingestor *i, uint64_t peer, const struct wire_message *m, struct ingestor_now now)
{
    if (m->kind == PARBUS__TO_COORDINATOR__BODY_RETRY)
        controls_retry(i, peer, (const Parbus__Retry *)m->message, now);
    else
        coordinator_message(&i->coordinator, peer, m, now.mono_us);
}
