#include "base/err.h"
#include "base/log.h"
#include "journal/record.h"
#include "services/ingestor/flow.h"
#include "services/ingestor/internal.h"
#include "wire/reason.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROOM_INTERVAL_US = 100000,
    SCORED_INTERVAL_US = 20000,
    VERDICT_REJECTS_MAX = 1000,
    ANSWER_ARENA_BYTES = 32 << 20
};
/* A record travels in Work, and in Verdicts with the rejects beside it (W3). */
enum { RECORD_BYTES_MAX = WIRE_MESSAGE_BYTES_MAX - (256 << 10) };

struct ingestor *ingestor_new(const struct settings *settings, const struct ingestor_io *io, uint32_t partitions,
                              uint64_t journal_id, uint64_t term)
{
    struct ingestor *i = calloc(1, sizeof *i);
    ASSERT(i);
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

enum err ingestor_restore_control(struct ingestor *i, const Parbus__Control *control, struct err_text *e)
{
    return catalog_apply(i->catalog, control, e);
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
    i->outdated |= code == ERR_INVALID;
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

/* ---- questions ---- */

struct verdict_page {
    struct ingestor *i;
    Parbus__Verdict verdict;
    uint64_t to_seq;
};

static bool add_reject(void *ctx, uint64_t seq, uint32_t row, uint32_t reason, const char *detail)
{
    struct verdict_page *page = ctx;
    struct arena *arena = &page->i->answer;
    if (seq > page->to_seq)
        return false;
    size_t bytes = strlen(detail) + 1;
    Parbus__Reject *r = arena_alloc(arena, sizeof *r);
    char *text = arena_alloc(arena, bytes);
    if (page->verdict.n_reject == VERDICT_REJECTS_MAX || !r || !text) {
        page->verdict.has_more = page->verdict.has_next_seq = page->verdict.has_next_row = 1;
        page->verdict.more = 1;
        page->verdict.next_seq = seq;
        page->verdict.next_row = row;
        return false;
    }
    memcpy(text, detail, bytes);
    *r = (Parbus__Reject)PARBUS__REJECT__INIT;
    r->has_seq = r->has_row = r->has_reason = 1;
    r->seq = seq;
    r->row = row;
    r->reason = (Parbus__Reason)reason;
    r->detail = text;
    page->verdict.reject[page->verdict.n_reject++] = r;
    return true;
}

static void answer_status(struct ingestor *i, uint64_t peer, const Parbus__Status *status)
{
    uint32_t number;
    struct feeder *f = door_feeder_of(&i->door, peer, &number);
    if (!f) {
        door_refuse(&i->door, peer, 0, PARBUS__REASON__REFUSED_NO_HELLO, "say hello first", 0);
        return;
    }
    arena_reset(&i->answer);
    struct verdict_page page = {i, PARBUS__VERDICT__INIT, status->to_seq};
    Parbus__Verdict *v = &page.verdict;
    v->reject = arena_alloc(&i->answer, VERDICT_REJECTS_MAX * sizeof *v->reject);
    v->has_scored = v->has_accepted_rows = v->has_rejected_rows = v->has_epoch = 1;
    v->epoch = f->mark.epoch;
    v->scored = f->sum.scored + f->receipted_refused;
    v->accepted_rows = f->sum.accepted_rows;
    v->rejected_rows = f->sum.rejected_rows;
    i->io.rejects(i->io.ctx, number, f->mark.epoch, status->from_seq, status->from_row, add_reject, &page);
    door_send(&i->door, peer, PARBUS__TO_FEEDER__BODY_VERDICT, &v->base);
}

struct index_list {
    struct arena *arena;
    Parbus__Description *description;
    size_t most;
};

static void add_index(void *ctx, const struct definition *definition)
{
    struct index_list *list = ctx;
    if (list->description->n_index_known < list->most)
        list->description->index_known[list->description->n_index_known++] = (char *)definition->index;
}

static void list_indices(struct ingestor *i, Parbus__Description *d)
{
    struct index_list list = {&i->answer, d, 1024};
    d->index_known = arena_alloc(&i->answer, list.most * sizeof *d->index_known);
    catalog_each_index(i->catalog, catalog_control_seq(i->catalog), add_index, &list);
}

static void describe_nodes(struct ingestor *i, const struct definition *definition, Parbus__Description *d)
{
    d->indicator = arena_alloc(&i->answer, definition->node_count * sizeof *d->indicator);
    Parbus__Indicator *all = arena_alloc(&i->answer, definition->node_count * sizeof *all);
    for (size_t n = 0; n < definition->node_count; n++) {
        const struct node *node = &definition->node[n];
        all[n] = (Parbus__Indicator)PARBUS__INDICATOR__INIT;
        all[n].has_id = all[n].has_leaf = all[n].has_value_min = all[n].has_value_max = 1;
        all[n].id = node->id;
        all[n].code = (char *)node->code;
        all[n].title_vi = (char *)node->title_vi;
        all[n].title_en = (char *)node->title_en;
        all[n].leaf = node->leaf >= 0;
        all[n].value_min = node->rule.value_min;
        all[n].value_max = node->rule.value_max;
        d->indicator[d->n_indicator++] = &all[n];
    }
}

static void describe_series(struct ingestor *i, const struct definition *definition, Parbus__Description *d)
{
    static Parbus__Stage stages[32];
    d->stage = stages;
    for (int stage = 1; stage < 32; stage++)
        if (definition_has_stage(definition, stage))
            stages[d->n_stage++] = (Parbus__Stage)stage;
    size_t count = catalog_series_count(i->catalog);
    d->period = arena_alloc(&i->answer, (count + 1) * sizeof *d->period);
    for (uint32_t s = 1; s <= count; s++) {
        const struct series *series = catalog_series(i->catalog, s);
        if (strcmp(series->definition->index, definition->index) == 0)
            d->period[d->n_period++] = (char *)series->period;
    }
}

static const struct definition *definition_asked(const struct ingestor *i, const Parbus__Describe *ask)
{
    uint64_t now = catalog_control_seq(i->catalog);
    if (!ask->period || !ask->period[0])
        return catalog_find_definition(i->catalog, ask->index, now);
    const struct series *series = catalog_find_series(i->catalog, ask->index, ask->period, now);
    return series ? series->definition : catalog_find_definition(i->catalog, ask->index, now);
}

static void answer_describe(struct ingestor *i, uint64_t peer, const Parbus__Describe *ask)
{
    arena_reset(&i->answer);
    Parbus__Description d = PARBUS__DESCRIPTION__INIT;
    if (!ask->index || !ask->index[0]) {
        list_indices(i, &d);
        door_send(&i->door, peer, PARBUS__TO_FEEDER__BODY_DESCRIPTION, &d.base);
        return;
    }
    const struct definition *definition = definition_asked(i, ask);
    if (!definition) {
        char nearest[256], detail[512];
        catalog_suggest_index(i->catalog, ask->index, catalog_control_seq(i->catalog), nearest, sizeof nearest);
        snprintf(detail, sizeof detail, "unknown index \"%s\"; nearest: %s", ask->index, nearest);
        door_refuse(&i->door, peer, 0, PARBUS__REASON__REFUSED_INDEX_UNKNOWN, detail, 0);
        return;
    }
    d.has_version = 1;
    d.index = (char *)definition->index;
    d.title_vi = (char *)definition->title_vi;
    d.title_en = (char *)definition->title_en;
    d.version = definition->version;
    d.status = (char *)definition->status;
    describe_nodes(i, definition, &d);
    describe_series(i, definition, &d);
    door_send(&i->door, peer, PARBUS__TO_FEEDER__BODY_DESCRIPTION, &d.base);
}

static void own_counter(struct ingestor *i, Parbus__StatsReply *reply, const char *name, uint64_t value)
{
    Parbus__Counter *counter = arena_alloc(&i->answer, sizeof *counter);
    ASSERT(counter);
    *counter = (Parbus__Counter)PARBUS__COUNTER__INIT;
    counter->service = "ingestor";
    counter->instance = "ingestor-1";
    counter->name = (char *)name;
    counter->has_value = 1;
    counter->value = value;
    reply->counter[reply->n_counter++] = counter;
}

static void own_counters(struct ingestor *i, Parbus__StatsReply *reply)
{
    for (int m = 0; m < METRIC_COUNT; m++)
        if (i->metrics.value[m])
            own_counter(i, reply, metric_name((enum metric)m), i->metrics.value[m]);
    unsigned count;
    const struct reason *reason = reason_table(&count);
    for (unsigned r = 0; r < count; r++)
        if (i->metrics.reason[reason[r].reason])
            own_counter(i, reply, reason[r].counter, i->metrics.reason[reason[r].reason]);
}

static void answer_stats(struct ingestor *i, uint64_t peer, struct ingestor_now now)
{
    enum { COUNTERS_MAX = WORKERS_MAX * WORKER_COUNTERS_MAX + METRIC_COUNT + 256 };
    arena_reset(&i->answer);
    Parbus__StatsReply reply = PARBUS__STATS_REPLY__INIT;
    reply.counter = arena_alloc(&i->answer, COUNTERS_MAX * sizeof *reply.counter);
    reply.has_accepting = 1;
    reply.accepting = i->door.trouble[0] == 0;
    reply.trouble = i->door.trouble;
    own_counters(i, &reply);
    coordinator_stats(&i->coordinator, &reply, &i->answer, now.mono_us);
    door_send(&i->door, peer, PARBUS__TO_FEEDER__BODY_STATS, &reply.base);
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
        door_hello(&i->door, peer, (const Parbus__Hello *)m->message);
        break;
    case PARBUS__TO_INGESTOR__BODY_STATUS:
        answer_status(i, peer, (const Parbus__Status *)m->message);
        break;
    case PARBUS__TO_INGESTOR__BODY_DESCRIBE:
        answer_describe(i, peer, (const Parbus__Describe *)m->message);
        break;
    case PARBUS__TO_INGESTOR__BODY_STATS:
        answer_stats(i, peer, now);
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
