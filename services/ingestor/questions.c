/* What feeders and operators ask: Status, Describe, Stats. */
#include "services/ingestor/questions.h"
#include "base/err.h"
#include "journal/record.h"
#include "wire/reason.h"
#include <stdio.h>
#include <string.h>

enum {
    VERDICT_REJECTS_MAX = 1000,
    VERDICT_DETAILS_BYTES_MAX = 64 << 10,
    INDICES_MAX = 1024,
    PERIODS_MAX = 4096,
    STAGES_MAX = 32
};

struct verdict_page {
    struct ingestor *i;
    Parbus__Verdict verdict;
    uint64_t to_seq;
    size_t details_bytes;
};

/* D11a: that it was there is known, and what it said is lost until state is made again. Its bytes are the operator's.
 */
static const char *say_damaged(struct ingestor *i, uint64_t seq, const char *why)
{
    metric_add(&i->metrics, rejects_damaged, 1);
    tell(&i->io, TELL_WARN, "state.reject_damaged", "seq=%llu why=\"%s\"", (unsigned long long)seq, why);
    return "rejected; the reason cannot be read, for the pipeline's state is damaged here: ask its operator";
}

static bool add_reject(void *ctx, uint64_t seq, uint32_t row, uint32_t reason, const char *detail)
{
    struct verdict_page *page = ctx;
    struct arena *arena = &page->i->answer;
    if (seq > page->to_seq)
        return false;
    if (reason == PARBUS__REASON__REASON_NONE)
        detail = say_damaged(page->i, seq, detail);
    size_t bytes = strlen(detail) + 1;
    Parbus__Reject *r = arena_alloc(arena, sizeof *r);
    char *text = arena_alloc(arena, bytes);
    page->details_bytes += bytes;
    if (page->verdict.n_reject == VERDICT_REJECTS_MAX || page->details_bytes > VERDICT_DETAILS_BYTES_MAX || !r ||
        !text) {
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

void questions_status(struct ingestor *i, uint64_t peer, const Parbus__Status *status)
{
    uint32_t number;
    struct feeder *f = feeders_of_peer(&i->door.feeders, peer, &number);
    if (!f) {
        door_refuse(&i->door, peer, 0, PARBUS__REASON__REFUSED_NO_HELLO, "say hello first", 0);
        return;
    }
    arena_reset(&i->answer);
    struct verdict_page page = {i, PARBUS__VERDICT__INIT, status->to_seq, 0};
    Parbus__Verdict *v = &page.verdict;
    v->reject = arena_alloc(&i->answer, VERDICT_REJECTS_MAX * sizeof *v->reject);
    v->has_scored = v->has_accepted_rows = v->has_rejected_rows = v->has_epoch = 1;
    v->epoch = f->mark.epoch;
    v->scored = feeder_scored(f);
    v->accepted_rows = f->sum.accepted_rows;
    v->rejected_rows = f->sum.rejected_rows;
    i->io.rejects(i->io.ctx, number, f->mark.epoch, status->from_seq, status->from_row, add_reject, &page);
    door_send(&i->door, peer, PARBUS__TO_FEEDER__BODY_VERDICT, &v->base);
}

struct index_list {
    Parbus__Description *description;
    uint32_t left_out;
};

static void add_index(void *ctx, const struct definition *definition)
{
    struct index_list *list = ctx;
    if (list->description->n_index_known < INDICES_MAX)
        list->description->index_known[list->description->n_index_known++] = (char *)definition->index;
    else
        list->left_out++;
}

static void say_left_out(Parbus__Description *d, size_t count)
{
    d->has_left_out = count > 0;
    d->left_out = (uint32_t)count;
}

static void list_indices(struct ingestor *i, Parbus__Description *d)
{
    struct index_list list = {.description = d};
    d->index_known = arena_alloc(&i->answer, INDICES_MAX * sizeof *d->index_known);
    catalog_each_index(i->catalog, catalog_control_seq(i->catalog), add_index, &list);
    say_left_out(d, list.left_out);
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

static void describe_stages(struct ingestor *i, const struct definition *definition, Parbus__Description *d)
{
    d->stage = arena_alloc(&i->answer, STAGES_MAX * sizeof *d->stage);
    for (int stage = 1; stage < STAGES_MAX; stage++)
        if (definition_has_stage(definition, stage))
            d->stage[d->n_stage++] = (Parbus__Stage)stage;
}

static const struct series *series_of(const struct ingestor *i, uint32_t number, const struct definition *definition)
{
    const struct series *series = catalog_series(i->catalog, number);
    return strcmp(series->definition->index, definition->index) == 0 ? series : NULL;
}

/* When they are too many, the last ones opened. */
static void describe_periods(struct ingestor *i, const struct definition *definition, Parbus__Description *d)
{
    size_t open = 0, count = catalog_series_count(i->catalog);
    for (uint32_t s = 1; s <= count; s++)
        open += series_of(i, s, definition) != NULL;
    size_t left_out = open > PERIODS_MAX ? open - PERIODS_MAX : 0, skip = left_out;
    d->period = arena_alloc(&i->answer, (open - left_out) * sizeof *d->period);
    for (uint32_t s = 1; s <= count; s++) {
        const struct series *series = series_of(i, s, definition);
        if (series && skip)
            skip--;
        else if (series)
            d->period[d->n_period++] = (char *)series->period;
    }
    say_left_out(d, left_out);
}

static const struct definition *definition_asked(const struct ingestor *i, const Parbus__Describe *ask)
{
    uint64_t now = catalog_control_seq(i->catalog);
    if (!ask->period || !ask->period[0])
        return catalog_find_definition(i->catalog, ask->index, now);
    const struct series *series = catalog_find_series(i->catalog, ask->index, ask->period, now);
    return series ? series->definition : catalog_find_definition(i->catalog, ask->index, now);
}

void questions_describe(struct ingestor *i, uint64_t peer, const Parbus__Describe *ask, struct moment now)
{
    arena_reset(&i->answer);
    Parbus__Description d = PARBUS__DESCRIPTION__INIT;
    d.has_clock_ms = 1;
    d.clock_ms = now.wall_ms;
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
    describe_stages(i, definition, &d);
    describe_periods(i, definition, &d);
    door_send(&i->door, peer, PARBUS__TO_FEEDER__BODY_DESCRIPTION, &d.base);
}

static void own_counter(struct ingestor *i, Parbus__StatsReply *reply, const char *name, uint64_t value)
{
    Parbus__Counter *counter = arena_alloc(&i->answer, sizeof *counter);
    ASSERT(counter);
    *counter = (Parbus__Counter)PARBUS__COUNTER__INIT;
    counter->service = "ingestor";
    counter->instance = i->instance;
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

struct entry_wanted {
    uint64_t pseq;
    uint32_t feeder; /* 0: not found */
};

static bool take_feeder(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct entry_wanted *wanted = ctx;
    struct record_reader reader;
    struct record_entry entry;
    const uint8_t *body;
    if (record_open(&reader, record, bytes, NULL))
        return false;
    for (uint64_t pseq = first_pseq; record_next(&reader, &entry, &body); pseq++)
        if (pseq == wanted->pseq)
            wanted->feeder = entry.feeder;
    return false;
}

/* A feeder is known once its first submission is in the journal. */
static char *feeder_of(struct ingestor *i, const struct set_aside *s)
{
    struct entry_wanted wanted = {.pseq = s->pseq};
    i->io.read(i->io.ctx, s->partition, s->pseq, 1, take_feeder, &wanted, NULL);
    struct feeder *f = feeders_at(&i->door.feeders, wanted.feeder);
    return f ? f->mark.name : "";
}

static void add_set_aside(struct ingestor *i, Parbus__StatsReply *reply)
{
    const struct set_aside *newest;
    size_t count = catalog_set_aside_waiting(i->catalog, &newest);
    if (!count)
        return;
    Parbus__SetAsideStats *s = arena_alloc(&i->answer, sizeof *s);
    ASSERT(s);
    *s = (Parbus__SetAsideStats)PARBUS__SET_ASIDE_STATS__INIT;
    s->has_count = s->has_partition = s->has_pseq = s->has_tries = 1;
    s->count = count;
    s->partition = newest->partition;
    s->pseq = newest->pseq;
    s->feeder = feeder_of(i, newest);
    s->instance = (char *)newest->instance;
    s->tries = newest->tries;
    reply->set_aside = s;
}

void questions_stats(struct ingestor *i, uint64_t peer, struct moment now)
{
    enum { COUNTERS_MAX = WORKERS_MAX * WORKER_COUNTERS_MAX + METRIC_COUNT + 256 };
    arena_reset(&i->answer);
    Parbus__StatsReply reply = PARBUS__STATS_REPLY__INIT;
    reply.counter = arena_alloc(&i->answer, COUNTERS_MAX * sizeof *reply.counter);
    reply.has_accepting = 1;
    reply.accepting = i->door.trouble[0] == 0;
    reply.trouble = i->door.trouble;
    own_counters(i, &reply);
    add_set_aside(i, &reply);
    coordinator_stats(&i->coordinator, &reply, &i->answer, now.mono_us);
    door_send(&i->door, peer, PARBUS__TO_FEEDER__BODY_STATS, &reply.base);
}
