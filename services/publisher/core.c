#include "services/publisher/core.h"
#include "base/deadline.h"
#include "services/publisher/internal.h"
#include "services/publisher/pace.h"
#include "services/publisher/pack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { US_PER_MS = 1000, JUDGE_US = 1000000 };

struct publisher *publisher_new(const struct publisher_options *o, struct moment now)
{
    struct publisher *p = calloc(1, sizeof *p);
    ASSERT(p);
    p->o = *o;
    p->catalog = o->worker.catalog;
    p->damaged = UINT32_MAX;
    worker_init(&p->worker, &o->worker, o->io.send, o->io.ctx, now.mono_us);
    p->ring.bytes_max = (size_t)o->settings->feed_ring_bytes_max;
    p->ring.deltas_max = (size_t)o->settings->feed_ring_deltas;
    p->snapshots.epoch = o->epoch;
    p->snapshots.heartbeat_ms = (uint32_t)o->settings->feed_heartbeat_ms;
    p->snapshots.per_client_max = (size_t)o->settings->snapshots_per_client_max;
    p->snapshots.metrics = o->metrics;
    p->snapshots.io = &p->o.io;
    return p;
}

void publisher_destroy(struct publisher **publisher)
{
    struct publisher *p = *publisher;
    if (!p)
        return;
    snapshots_free(&p->snapshots);
    ring_clear(&p->ring);
    for (size_t i = 0; i < p->topic_count; i++) {
        snapshot_image_release(&p->topic[i]->image);
        topic_destroy(&p->topic[i]);
    }
    free(p->topic);
    worker_free(&p->worker);
    free(p->changed);
    free(p->partition);
    buffer_free(&p->scratch);
    free(p);
    *publisher = NULL;
}

static void go_back(struct publisher *p)
{
    for (uint32_t n = 0; n < p->partitions && p->controls < catalog_control_seq(p->catalog); n++) {
        uint64_t pseq = catalog_set_aside_after(p->catalog, n, p->controls);
        if (pseq)
            partition_go_back(p, n, pseq);
    }
    p->controls = catalog_control_seq(p->catalog);
}

/* Takes up the series that the catalog has got since, and what was set aside. */
static void catalog_changed(struct publisher *p)
{
    size_t count = catalog_series_count(p->catalog);
    go_back(p);
    if (count == p->topic_count)
        return;
    p->topic = reallocarray(p->topic, count, sizeof *p->topic);
    p->changed = reallocarray(p->changed, count, sizeof *p->changed);
    ASSERT(p->topic && p->changed);
    for (; p->topic_count < count; p->topic_count++)
        p->topic[p->topic_count] = topic_new(catalog_series(p->catalog, (uint32_t)p->topic_count + 1));
}

bool publisher_started(const struct publisher *p) { return p->started; }

void publisher_damaged(struct publisher *p, uint32_t partition, const char *why)
{
    if (!why && partition != p->damaged)
        return;
    p->damaged = why ? partition : UINT32_MAX;
    snprintf(p->trouble, sizeof p->trouble, "%s", why ? why : "");
    wire_utf8_mend(p->trouble);
    p->worker.trouble = why ? p->trouble : NULL;
}

enum err publisher_over(const struct publisher *p, struct err_text *e) { return worker_over(&p->worker, e); }

static void start(struct publisher *p)
{
    for (size_t i = 0; i < p->changed_count; i++)
        topic_apply_pending(p->changed[i]);
    p->changed_count = 0;
    p->heartbeat_us = p->now_us;
    p->started = true;
}

/* One partition in a turn, so that heartbeats keep their time. Returns when to call again. */
static int64_t look_into_state(struct publisher *p)
{
    if (!p->partition || !worker_ready(&p->worker))
        return INT64_MAX;
    if (p->looked < p->partitions)
        p->o.io.reload(p->o.io.ctx, p, p->worker.journal_id, p->looked++);
    if (p->looked == p->partitions)
        start(p);
    return p->now_us;
}

void publisher_load(struct publisher *p, const struct unit_score *score, uint64_t pseq)
{
    struct topic *t = publisher_topic(p, score->series);
    p->series_missing |= !t && score->series != SERIES_NONE;
    bool idle = t && !t->pending.count;
    enum topic_take took = t ? topic_take(t, score, pseq) : score->series == SERIES_NONE ? TOPIC_REFUSED : TOPIC_SAME;
    if (took == TOPIC_REFUSED)
        metric_add(p->o.metrics, messages_malformed, 1);
    if (took == TOPIC_CHANGED && idle) {
        t->changed_us = p->now_us;
        p->changed[p->changed_count++] = t;
    }
}

bool publisher_load_score(void *loading, uint32_t series, uint32_t unit, const struct score_header *header,
                          const int64_t *points)
{
    const struct publisher_loading *l = loading;
    const struct unit_score score = {series, unit, *header, points};
    publisher_load(l->core, &score, l->pseq);
    return true;
}

uint64_t publisher_position(const struct publisher *p, uint32_t partition)
{
    ASSERT(partition < p->partitions);
    return p->partition[partition].position;
}

void publisher_loaded(struct publisher *p, uint32_t partition, uint64_t pseq)
{
    ASSERT(partition < p->partitions);
    if (!p->series_missing)
        partition_read(p, partition, pseq);
    p->series_missing = false;
}

void publisher_state_anew(struct publisher *p)
{
    for (uint32_t i = 0; i < p->partitions; i++)
        p->partition[i].from_state = 0;
    publisher_damaged(p, p->damaged, NULL);
}

/* Before any row is taken: what the journal says may take rows and positions back, and a new series needs its topic. */
static bool knows_controls(struct publisher *p, const Parbus__Scores *m)
{
    bool known = worker_knows(&p->worker, m->control_seq);
    for (size_t i = 0; i < m->n_unit; i++)
        known &= m->unit[i]->series <= p->topic_count;
    return known;
}

/* I15f: it comes of an owner from before an entry was set aside, and never committed that entry. */
static bool is_fenced(const struct publisher *p, const Parbus__Scores *m)
{
    uint64_t pseq = m->has_control_seq ? catalog_set_aside_after(p->catalog, m->partition, m->control_seq) : 0;
    return pseq && pseq <= m->pseq;
}

static void receive_scores(struct publisher *p, const Parbus__Scores *m)
{
    if (m->partition >= p->partitions || m->prev_pseq > m->pseq) {
        metric_add(p->o.metrics, messages_malformed, 1);
        return;
    }
    if (!knows_controls(p, m)) {
        metric_add(p->o.metrics, records_refused, 1);
        partition_missed(p, m->partition, m->pseq);
        return;
    }
    if (is_fenced(p, m)) {
        metric_add(p->o.metrics, records_not_owned, 1);
        return;
    }
    if (m->pseq <= p->partition[m->partition].position) /* I15c: known already */
        return;
    for (size_t i = 0; i < m->n_unit; i++) {
        const Parbus__UnitScore *u = m->unit[i];
        struct unit_score score = {.series = u->series,
                                   .unit = u->unit,
                                   .header = {.complete = u->complete,
                                              .present = u->present,
                                              .appraised_share = u->appraised_share,
                                              .node_count = (uint32_t)u->n_points,
                                              .cause_feeder = u->cause_feeder,
                                              .cause_epoch = u->cause_epoch,
                                              .cause_seq = u->cause_seq},
                                   .points = u->points};
        publisher_load(p, &score, m->pseq);
    }
    p->work_us += PACE_ENTRY_US * (m->pseq - m->prev_pseq);
    partition_seen(p, m->partition, m->prev_pseq, m->pseq);
}

static void receive_committed(struct publisher *p, const Parbus__Committed *m)
{
    for (size_t i = 0; i < m->n_partition && i < m->n_pseq; i++) {
        if (m->partition[i] < p->partitions)
            partition_committed(p, m->partition[i], m->pseq[i]);
        else
            metric_add(p->o.metrics, messages_malformed, 1);
    }
}

static void from_scorer(struct publisher *p, const struct wire_message *m)
{
    if (m->kind == PARBUS__TO_PUBLISHER__BODY_SCORES)
        receive_scores(p, (const Parbus__Scores *)m->message);
    else if (m->kind == PARBUS__TO_PUBLISHER__BODY_COMMITTED)
        receive_committed(p, (const Parbus__Committed *)m->message);
}

static void welcome(struct publisher *p, const Parbus__WorkerWelcome *m)
{
    worker_welcome(&p->worker, m, p->now_us);
    if (p->partition)
        return;
    p->partitions = m->partitions;
    p->partition = calloc(p->partitions, sizeof *p->partition);
    ASSERT(p->partition);
    catalog_changed(p);
}

static void from_coordinator(struct publisher *p, const struct wire_message *m)
{
    if (m->kind == PARBUS__TO_WORKER__BODY_WELCOME)
        welcome(p, (const Parbus__WorkerWelcome *)m->message);
    else if (m->kind == PARBUS__TO_WORKER__BODY_WHO_ARE_YOU)
        membership_unknown(&p->worker.membership, p->now_us);
    else if (m->kind == PARBUS__TO_WORKER__BODY_CONTROLS &&
             worker_controls(&p->worker, (const Parbus__Controls *)m->message, p->now_us))
        catalog_changed(p);
}

/* What comes before the start is in state, or comes again (F11). */
void publisher_receive(struct publisher *p, enum publisher_source source, struct peer peer,
                       const struct wire_message *m, struct moment now)
{
    p->now_us = now.mono_us;
    p->wall_ms = now.wall_ms;
    if (m->err) {
        metric_add(p->o.metrics, messages_malformed, 1);
        tell(&p->o.io, TELL_DEBUG, "publisher.message_malformed", "source=%d why=\"%s\"", (int)source, m->why);
    } else if (source == PUBLISHER_COORDINATOR) {
        from_coordinator(p, m);
    } else if (!p->started) {
        metric_add(p->o.metrics, messages_early, 1);
    } else if (source == PUBLISHER_SCORES) {
        from_scorer(p, m);
    } else {
        answer_request(p, peer, m);
    }
}

/* F13 */
static int64_t topic_due_us(const struct publisher *p, const struct topic *t)
{
    int64_t most_us = p->o.settings->feed_merge_ms * US_PER_MS;
    int64_t due_us = t->published_us + pace_wait_us(p->work_us - t->work_us, most_us);
    return due_us > t->changed_us ? due_us : t->changed_us;
}

static void publish(struct publisher *p, struct topic *t, int64_t now_us)
{
    struct topic_feed feed = {p->o.epoch, &p->ring, p->o.metrics, &p->o.io, &p->scratch, &p->work_us};
    t->work_us = p->work_us;
    topic_publish(t, &feed, now_us);
}

static int64_t publish_due(struct publisher *p, int64_t now_us)
{
    int64_t deadline_us = INT64_MAX;
    size_t kept = 0;
    for (size_t i = 0; i < p->changed_count; i++) {
        int64_t due_us = topic_due_us(p, p->changed[i]);
        if (due_us <= now_us) {
            publish(p, p->changed[i], now_us);
            continue;
        }
        deadline_us = earlier_us(due_us, deadline_us);
        p->changed[kept++] = p->changed[i];
    }
    p->changed_count = kept;
    return deadline_us;
}

static int64_t heartbeats_due(struct publisher *p, int64_t now_us)
{
    if (now_us < p->heartbeat_us)
        return p->heartbeat_us;
    for (size_t i = 0; i < p->topic_count; i++) {
        Parbus__FeedHeartbeat beat = PARBUS__FEED_HEARTBEAT__INIT;
        beat.has_epoch = beat.has_seq = true;
        beat.epoch = p->o.epoch;
        beat.seq = p->topic[i]->seq;
        buffer_clear(&p->scratch);
        wire_pack(&p->scratch, PARBUS__FEED_EVENT__BODY_HEARTBEAT, &beat.base);
        p->o.io.publish(p->o.io.ctx, p->topic[i]->name, p->scratch.data, p->scratch.size);
    }
    p->heartbeat_us = now_us + p->o.settings->feed_heartbeat_ms * US_PER_MS;
    return p->heartbeat_us;
}

static bool still_follows(void *publisher, const char *principal, const char *topic)
{
    const struct publisher *p = publisher;
    const struct who who = feed_rights_who(p->catalog, principal, p->wall_ms);
    return feed_rights_follow(p->catalog, &who, topic, p->wall_ms);
}

/* A10: what was revoked, or has expired, breaks off what is under way. */
static void judge_snapshots(struct publisher *p)
{
    uint64_t changed = access_changed(catalog_access(p->catalog));
    if (!p->snapshots.count || (changed == p->rights && p->now_us < p->judge_us))
        return;
    p->rights = changed;
    p->judge_us = p->now_us + JUDGE_US;
    snapshots_judge(&p->snapshots, still_follows, p);
}

bool publisher_lets_follow(struct publisher *p, const char *principal, const void *subscription, size_t bytes,
                           struct moment now)
{
    const struct who who = feed_rights_who(p->catalog, principal, now.wall_ms);
    if (who.owner || who.insecure)
        return true;
    const char *topic = subscription;
    return bytes && strnlen(topic, bytes) == bytes - 1 && feed_rights_follow(p->catalog, &who, topic, now.wall_ms);
}

static int64_t serve(struct publisher *p, int64_t now_us)
{
    judge_snapshots(p);
    int64_t deadline_us = partitions_reload(p, now_us);
    deadline_us = earlier_us(deadline_us, publish_due(p, now_us));
    deadline_us = earlier_us(deadline_us, heartbeats_due(p, now_us));
    return earlier_us(deadline_us, snapshots_tick(&p->snapshots, now_us));
}

int64_t publisher_tick(struct publisher *p, struct moment now)
{
    int64_t now_us = p->now_us = now.mono_us;
    p->wall_ms = now.wall_ms;
    worker_tick(&p->worker, p->o.metrics, NULL, 0, now_us);
    int64_t deadline_us = p->started ? serve(p, now_us) : look_into_state(p);
    return earlier_us(deadline_us, worker_deadline_us(&p->worker));
}

size_t publisher_topics(const struct publisher *p) { return p->topic_count; }

const struct standings *publisher_table(const struct publisher *p, uint32_t series, uint64_t *seq)
{
    if (series == SERIES_NONE || series > p->topic_count)
        return NULL;
    *seq = p->topic[series - 1]->seq;
    return p->topic[series - 1]->table;
}
