#include "services/ingestor/core.h"
#include "base/deadline.h"
#include "base/err.h"
#include "journal/record.h"
#include "services/ingestor/changes.h"
#include "services/ingestor/controls.h"
#include "services/ingestor/flow.h"
#include "services/ingestor/hello.h"
#include "services/ingestor/internal.h"
#include "services/ingestor/joins.h"
#include "services/ingestor/past.h"
#include "services/ingestor/questions.h"
#include "services/ingestor/receipts.h"
#include "services/ingestor/removal.h"
#include "services/ingestor/room.h"
#include "services/ingestor/submissions.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCORED_INTERVAL_US = 20000, ANSWER_ARENA_BYTES = 32 << 20 };

struct ingestor *ingestor_new(const char *instance, const struct settings *settings, const struct ingestor_io *io,
                              uint32_t partitions, uint64_t journal_id, uint64_t term, uint64_t last_commit)
{
    struct ingestor *i = calloc(1, sizeof *i);
    ASSERT(i);
    snprintf(i->instance, sizeof i->instance, "%s", instance);
    i->settings = *settings;
    i->io = *io;
    i->catalog = catalog_new();
    ASSERT(i->catalog);
    i->scored_us = INT64_MIN / 2;
    arena_init(&i->answer, ANSWER_ARENA_BYTES);
    append_init(&i->append, &i->io, &i->metrics, partitions, last_commit);
    door_init(&i->door, &i->settings, &i->io, &i->metrics, i->catalog);
    i->door.group = i->append.gathered;
    asking_init(&i->asking, &i->settings, &i->metrics);
    i->rights.catalog = i->catalog;
    coordinator_init(&i->coordinator, &i->settings, &i->io, &i->metrics, &i->door, partitions, journal_id, term);
    return i;
}

void ingestor_destroy(struct ingestor **i)
{
    if (!*i)
        return;
    coordinator_free(&(*i)->coordinator);
    door_free(&(*i)->door);
    asking_free(&(*i)->asking);
    append_free(&(*i)->append);
    catalog_destroy(&(*i)->catalog);
    arena_free(&(*i)->answer);
    free(*i);
    *i = NULL;
}

enum err ingestor_restore_partition(struct ingestor *i, uint32_t partition, uint64_t last_pseq,
                                    struct ingestor_followed followed, struct err_text *e)
{
    flow_restore(&i->coordinator, partition, 0, last_pseq);
    if (past_check(&i->coordinator, partition, followed.applied, followed.mark, e))
        return ERR_CORRUPT;
    flow_restore(&i->coordinator, partition, followed.applied, last_pseq);
    return OK;
}

void ingestor_restore_feeder(struct ingestor *i, uint32_t number, const struct journal_feeder *feeder)
{
    feeders_restore(&i->door.feeders, number, feeder);
}

enum err ingestor_restore_control(struct ingestor *i, uint64_t seq, const void *packed, size_t bytes,
                                  struct err_text *e)
{
    i->coordinator.controls = seq;
    return catalog_apply_packed(i->catalog, seq, packed, bytes, e);
}

const struct catalog *ingestor_catalog(const struct ingestor *i) { return i->catalog; }
struct metrics *ingestor_metrics(struct ingestor *i) { return &i->metrics; }
uint64_t ingestor_lag(const struct ingestor *i) { return coordinator_lag(&i->coordinator); }
const char *ingestor_trouble(const struct ingestor *i) { return i->door.trouble; }
uint64_t ingestor_sent(const struct ingestor *i, uint32_t partition)
{
    return i->coordinator.partition[partition].sent;
}

enum err ingestor_publish(struct ingestor *i, Parbus__Control *control, struct moment now, struct err_text *e)
{
    return controls_publish(i, control, now, e);
}

/* ---- the commit ---- */

static uint64_t last_pseq(const void *ctx, uint32_t partition)
{
    return ((const struct coordinator *)ctx)->partition[partition].last;
}

/* Each feeder's mark is as of now: what it submits from here on is in the next group. */
static void close_group(struct ingestor *i)
{
    const struct group *g = i->append.gathered;
    struct journal_mark *mark = append_close(&i->append, last_pseq, &i->coordinator);
    for (size_t n = 0; n < group_feeder_count(g); n++) {
        uint32_t number = group_feeder(g, n + 1)->number;
        struct feeder *f = feeders_at(&i->door.feeders, number);
        mark[n] = (struct journal_mark){number, f->mark};
        f->in_group = 0;
    }
    i->door.group = i->append.gathered;
}

/* A group goes as soon as the journal is free, unless more of it waits at the door: then it is gathered for a while. */
static bool group_due(const struct ingestor *i, struct moment now)
{
    const struct group *g = i->append.gathered;
    return i->append.state == APPEND_FREE && !group_empty(g) &&
           (i->drained || submissions_full(&i->door) || now.mono_us - g->began_us >= i->settings.group_wait_us);
}

static void append_due(struct ingestor *i, struct moment now)
{
    if (group_due(i, now)) {
        close_group(i);
        append_send(&i->append, now);
    } else if (append_again_due(&i->append, now)) {
        append_send(&i->append, now);
    }
}

static void lengthen(struct coordinator *c, const struct journal_group *g, int64_t now_us)
{
    for (size_t n = 0; n < g->put_count; n++) {
        struct record_header header;
        memcpy(&header, g->put[n].record, sizeof header);
        ASSERT(g->put[n].first_pseq == c->partition[g->put[n].partition].last + 1);
        flow_lengthen(c, g->put[n].partition, header.count, now_us);
    }
}

/* Law 1: receipts only after the transaction is on disk. */
void ingestor_appended(struct ingestor *i, uint64_t ticket, enum err result, const char *why, struct moment now)
{
    if (!append_answered(&i->append, ticket, result, why, now))
        return;
    if (i->append.state == APPEND_FREE) {
        struct group *g = i->append.sent;
        lengthen(&i->coordinator, &g->closed, now.mono_us);
        receipts_give(&i->door, g, now);
        controls_appended(i, g);
        changes_appended(i, g);
        group_clear(g);
    }
    room_judge(i, now);
}

void ingestor_drained(struct ingestor *i) { i->drained = true; }

bool ingestor_takes(const struct ingestor *i) { return !submissions_full(&i->door) || i->door.trouble[0]; }

const char *ingestor_fenced(const struct ingestor *i) { return i->append.state == APPEND_LOST ? i->append.why : NULL; }

bool ingestor_idle(const struct ingestor *i)
{
    return i->append.state == APPEND_FREE && group_empty(i->append.gathered);
}

/* ---- time ---- */

/* D10: at once after a quiet time, else when the interval is over. */
static int64_t tell_scored(struct ingestor *i, struct moment now)
{
    if (numbers_count(&i->door.untold) == 0)
        return INT64_MAX;
    if (now.mono_us - i->scored_us < SCORED_INTERVAL_US)
        return i->scored_us + SCORED_INTERVAL_US;
    i->scored_us = now.mono_us;
    receipts_tell_scored(&i->door, now);
    return INT64_MAX;
}

static int64_t group_deadline(const struct ingestor *i)
{
    bool waits = i->append.state == APPEND_FREE && !group_empty(i->append.gathered);
    return waits ? i->append.gathered->began_us + i->settings.group_wait_us : INT64_MAX;
}

int64_t ingestor_tick(struct ingestor *i, struct moment now)
{
    int64_t room_us = room_look(i, now);
    i->metrics.value[METRIC_feeders_refused_lately] = lately_of(&i->turned_away, i->door.turned_away, now.mono_us);
    controls_set_aside(i, now);
    append_due(i, now);
    int64_t due_us = coordinator_tick(&i->coordinator, now.mono_us);
    due_us = earlier_us(due_us, room_us);
    due_us = earlier_us(due_us, tell_scored(i, now));
    due_us = earlier_us(due_us, group_deadline(i));
    return earlier_us(due_us, append_deadline(&i->append, now));
}

/* ---- messages ---- */

static void refuse_unreadable(struct ingestor *i, uint64_t peer, const struct wire_message *m, struct moment now)
{
    Parbus__Reason reason =
        m->err == ERR_TOO_LARGE ? PARBUS__REASON__REFUSED_TOO_LARGE : PARBUS__REASON__REFUSED_MALFORMED;
    metric_add(&i->metrics, messages_malformed, 1);
    const Parbus__Submission *s =
        m->message && m->kind == PARBUS__TO_INGESTOR__BODY_SUBMISSION ? (const Parbus__Submission *)m->message : NULL;
    if (s && s->seq)
        submissions_take_bad(&i->door, peer, &(struct bad_submission){s->seq, m->body, m->body_bytes, reason, m->why},
                             now);
    else
        door_refuse(&i->door, peer, 0, reason, m->why, 0);
}

/* D20. false: it is answered already. */
static bool may_ask(struct ingestor *i, uint64_t peer, struct moment now)
{
    int64_t retry_ms = 0;
    enum asked asked = asking_take(&i->asking, peer, now.mono_us, &retry_ms);
    if (asked == ASKED_REFUSE)
        door_refuse(&i->door, peer, 0, PARBUS__REASON__REFUSED_BUSY, "more is asked than is answered", retry_ms);
    if (asked == ASKED_CUT && i->io.cut)
        i->io.cut(i->io.ctx, peer, "questions", "it goes on asking more than is answered");
    return asked == ASKED_ANSWER;
}

static void from_feeder(struct ingestor *i, struct peer from, const struct wire_message *m, struct moment now)
{
    uint64_t peer = from.id;
    switch (m->kind) {
    case PARBUS__TO_INGESTOR__BODY_SUBMISSION:
        submissions_take(&i->door, peer, (const Parbus__Submission *)m->message, m->body, m->body_bytes, now);
        break;
    case PARBUS__TO_INGESTOR__BODY_HELLO:
        hello_take(&i->door, from, (const Parbus__Hello *)m->message, now);
        break;
    case PARBUS__TO_INGESTOR__BODY_BYE:
        hello_bye(&i->door, peer, now);
        break;
    case PARBUS__TO_INGESTOR__BODY_STATUS:
        questions_status(i, peer, (const Parbus__Status *)m->message);
        break;
    case PARBUS__TO_INGESTOR__BODY_DESCRIBE:
        questions_describe(i, peer, (const Parbus__Describe *)m->message, now);
        break;
    case PARBUS__TO_INGESTOR__BODY_STATS:
        questions_stats(i, peer, now);
        break;
    case PARBUS__TO_INGESTOR__BODY_CHANGE_ACCESS:
        changes_take(i, from, (const Parbus__ChangeAccess *)m->message, now);
        break;
    case PARBUS__TO_INGESTOR__BODY_JOIN:
        joins_take(i, from, (const Parbus__Join *)m->message, now);
        break;
    case PARBUS__TO_INGESTOR__BODY_ROTATE:
        joins_rotate(i, from, (const Parbus__Rotate *)m->message, now);
        break;
    case PARBUS__TO_INGESTOR__BODY_REMOVE_FEEDER:
        removal_take(&i->door, peer, (const Parbus__RemoveFeeder *)m->message, now);
        break;
    }
}

/* A8: whoever was let in to show an invitation hears nothing else. */
static void turn_away_guest(struct ingestor *i, struct peer peer)
{
    metric_add(&i->metrics, guests_cut, 1);
    tell(&i->io, TELL_WARN, "guest.cut", "principal=%s", peer.principal);
    if (i->io.cut)
        i->io.cut(i->io.ctx, peer.id, "guest", "nobody knows its key, and it said something else than Join");
}

/* A5. false: it is refused. */
static bool may_say(struct ingestor *i, struct peer peer, const struct wire_message *m, struct moment now)
{
    struct door *d = &i->door;
    enum right right = m->err ? RIGHT_KNOWN : rights_of_door((Parbus__ToIngestor__BodyCase)m->kind);
    const char *missing = rights_missing(i->catalog, &d->who, right, now);
    uint32_t number;
    const struct feeder *f = right == RIGHT_FEEDER ? feeders_of_peer(&d->feeders, peer.id, &number) : NULL;
    if (!missing && f && !who_speaks_for(&d->who, f->mark.name))
        missing = "this connection has become somebody else's: say hello";
    if (missing && d->who.guest)
        turn_away_guest(i, peer);
    else if (missing)
        door_refuse_right(d, peer, missing);
    return !missing;
}

/* Who may not do it hears nothing: there is nobody of ours who asks like that. */
static bool may_work(struct ingestor *i, struct peer peer, const struct wire_message *m, struct moment now)
{
    const struct who who = rights_of_peer(&i->rights, peer, now);
    const char *missing = rights_missing(
        i->catalog, &who, m->err ? RIGHT_OWNER : rights_of_work((Parbus__ToCoordinator__BodyCase)m->kind), now);
    if (missing) {
        i->metrics.reason[PARBUS__REASON__REFUSED_NOT_AUTHORISED]++;
        tell(&i->io, TELL_WARN, "work.not_authorised", "principal=%s why=\"%s\"", peer.principal, missing);
    }
    return !missing;
}

static void from_worker(struct ingestor *i, uint64_t peer, const struct wire_message *m, struct moment now)
{
    if (m->err) {
        metric_add(&i->metrics, messages_malformed, 1);
        tell(&i->io, TELL_WARN, "work.malformed", "why=\"%s\"", m->why);
    } else if (m->kind == PARBUS__TO_COORDINATOR__BODY_RETRY) {
        controls_retry(i, peer, (const Parbus__Retry *)m->message, now);
    } else {
        coordinator_message(&i->coordinator, peer, m, now.mono_us);
    }
}

void ingestor_receive(struct ingestor *i, enum ingestor_source source, struct peer peer, const struct wire_message *m,
                      struct moment now)
{
    if (source == INGESTOR_WORK) {
        if (may_work(i, peer, m, now))
            from_worker(i, peer.id, m, now);
        return;
    }
    i->drained = false;
    bool submission = m->message && m->kind == PARBUS__TO_INGESTOR__BODY_SUBMISSION;
    if (!submission && !may_ask(i, peer.id, now))
        return;
    i->door.who = rights_of_peer(&i->rights, peer, now);
    if (!may_say(i, peer, m, now))
        return;
    if (m->err)
        refuse_unreadable(i, peer.id, m, now);
    else
        from_feeder(i, peer, m, now);
}
