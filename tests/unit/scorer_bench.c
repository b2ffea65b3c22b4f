#include "scorer_bench.h"

static void hear_tallies(struct bench *b, Parbus__Tally *const *tally, size_t count)
{
    if (!count)
        return;
    b->tally_scored = tally[0]->scored;
    b->tally_accepted = tally[0]->accepted_rows;
    b->tally_rejected = tally[0]->rejected_rows;
}

static void hear_owned(struct bench *b, const Parbus__Owned *m)
{
    b->owned++;
    b->owned_applied = m->applied;
    b->owned_tallies = m->n_tally;
    hear_tallies(b, m->tally, m->n_tally);
}

static void hear_progress(struct bench *b, const Parbus__Progress *m)
{
    b->progress++;
    b->progress_applied = m->applied;
    b->progress_tallies = m->n_tally;
    hear_tallies(b, m->tally, m->n_tally);
}

static void hear_released(struct bench *b, const Parbus__Released *m)
{
    b->released++;
    b->released_applied = m->applied;
    b->released_epoch = m->owner_epoch;
    b->released_lost = m->lost;
}

static enum err to_coordinator(void *ctx, uint32_t kind, const ProtobufCMessage *m)
{
    struct bench *b = ctx;
    if (b->coordinator_result)
        return b->coordinator_result;
    b->hello += kind == PARBUS__TO_COORDINATOR__BODY_HELLO;
    b->heartbeat += kind == PARBUS__TO_COORDINATOR__BODY_HEARTBEAT;
    if (kind == PARBUS__TO_COORDINATOR__BODY_HEARTBEAT) {
        const char *trouble = ((const Parbus__Heartbeat *)m)->trouble;
        snprintf(b->trouble, sizeof b->trouble, "%s", trouble ? trouble : "");
    }
    b->leave += kind == PARBUS__TO_COORDINATOR__BODY_LEAVE;
    if (kind == PARBUS__TO_COORDINATOR__BODY_OWNED)
        hear_owned(b, (const Parbus__Owned *)m);
    if (kind == PARBUS__TO_COORDINATOR__BODY_PROGRESS)
        hear_progress(b, (const Parbus__Progress *)m);
    if (kind == PARBUS__TO_COORDINATOR__BODY_RELEASED)
        hear_released(b, (const Parbus__Released *)m);
    if (kind == PARBUS__TO_COORDINATOR__BODY_GAP) {
        b->gap++;
        b->gap_applied = ((const Parbus__Gap *)m)->applied;
    }
    return OK;
}

static void hear_scores(struct bench *b, const Parbus__Scores *m)
{
    struct said_scores *s = &b->scores[b->scores_count++ % SAID_MAX];
    *s =
        (struct said_scores){.partition = m->partition, .prev_pseq = m->prev_pseq, .pseq = m->pseq, .units = m->n_unit};
    s->control_seq = m->control_seq;
    if (m->n_unit == 0)
        return;
    s->unit = m->unit[0]->unit;
    s->complete = m->unit[0]->complete;
    s->present = m->unit[0]->present;
    s->root = m->unit[0]->points[0];
    s->cause_seq = m->unit[0]->cause_seq;
}

static enum err to_publisher(void *ctx, uint32_t kind, const ProtobufCMessage *m)
{
    struct bench *b = ctx;
    b->bookmark_at_scores = b->bookmark.pseq;
    if (kind == PARBUS__TO_PUBLISHER__BODY_SCORES)
        hear_scores(b, (const Parbus__Scores *)m);
    if (kind == PARBUS__TO_PUBLISHER__BODY_COMMITTED) {
        b->committed++;
        b->committed_pseq = ((const Parbus__Committed *)m)->pseq[0];
    }
    return b->publisher_result;
}

static void trouble(void *ctx, const char *id, const char *text)
{
    struct bench *b = ctx;
    (void)id, (void)text;
    b->troubles++;
}

void bench_setup_limited(struct bench *b, struct fake_state *state, size_t cached_units_max)
{
    *b = (struct bench){.catalog = small_catalog_new(), .state = state};
    struct worker_config config = {.role = PARBUS__ROLE__ROLE_SCORER,
                                   .instance = "scorer-1",
                                   .endpoint = "ipc://x",
                                   .heartbeat_us = 250000,
                                   .bookmark = &b->bookmark};
    state->bookmark = &b->bookmark;
    struct scorer_limits limits = {FAKE_PARTITIONS, cached_units_max, INTERVAL_US};
    struct scorer_io io = {.ctx = b,
                           .to_coordinator = to_coordinator,
                           .to_publisher = to_publisher,
                           .trouble = trouble,
                           .store = fake_state_io,
                           .store_ctx = state};
    b->core = scorer_core_new(&config, &limits, b->catalog, &io, 0);
}

void bench_setup(struct bench *b, struct fake_state *state) { bench_setup_limited(b, state, 1000); }

void bench_teardown(struct bench *b)
{
    scorer_core_destroy(&b->core);
    catalog_destroy(&b->catalog);
}

void bench_assign(struct bench *b, uint32_t partition, uint64_t epoch, int64_t now_us)
{
    Parbus__Assign m = PARBUS__ASSIGN__INIT;
    m.has_partition = m.has_owner_epoch = 1;
    m.partition = partition;
    m.owner_epoch = epoch;
    scorer_core_receive(b->core, PARBUS__TO_WORKER__BODY_ASSIGN, &m.base, now_us);
}

void bench_release(struct bench *b, uint32_t partition, uint64_t epoch, int64_t now_us)
{
    Parbus__Release m = PARBUS__RELEASE__INIT;
    m.has_partition = m.has_owner_epoch = 1;
    m.partition = partition;
    m.owner_epoch = epoch;
    scorer_core_receive(b->core, PARBUS__TO_WORKER__BODY_RELEASE, &m.base, now_us);
}

void bench_welcome(struct bench *b, uint64_t term, int64_t now_us)
{
    Parbus__WorkerWelcome m = PARBUS__WORKER_WELCOME__INIT;
    m.has_term = 1;
    m.term = term;
    scorer_core_receive(b->core, PARBUS__TO_WORKER__BODY_WELCOME, &m.base, now_us);
}

void bench_who_are_you(struct bench *b, int64_t now_us)
{
    Parbus__WhoAreYou m = PARBUS__WHO_ARE_YOU__INIT;
    scorer_core_receive(b->core, PARBUS__TO_WORKER__BODY_WHO_ARE_YOU, &m.base, now_us);
}

void bench_give_to(struct bench *b, uint32_t partition, uint64_t epoch, const struct buffer *record,
                   uint64_t first_pseq, int64_t now_us)
{
    Parbus__Verdicts v = PARBUS__VERDICTS__INIT;
    v.partition = partition;
    v.owner_epoch = epoch;
    v.first_pseq = first_pseq;
    v.record = (ProtobufCBinaryData){record->size, record->data};
    scorer_core_verdicts(b->core, &v, now_us);
}

void bench_give(struct bench *b, const struct buffer *record, uint64_t first_pseq, int64_t now_us)
{
    bench_give_to(b, 0, EPOCH, record, first_pseq, now_us);
}

void bench_give_row(struct bench *b, uint64_t pseq, uint32_t indicator, double value, int64_t observed_ms)
{
    struct draft d;
    struct buffer record = {0};
    draft_begin(&d);
    draft_row(&d, indicator, value);
    d.s.has_observed_ms = 1;
    d.s.observed_ms = observed_ms;
    draft_record(&d, &record, HA_NOI, 7, pseq);
    bench_give(b, &record, pseq, 0);
    buffer_free(&record);
}

void fixture_setup(struct fixture *f)
{
    *f = (struct fixture){0};
    bench_setup(&f->b, &f->state);
    bench_assign(&f->b, 0, EPOCH, 0);
    draft_begin(&f->d);
}

void fixture_teardown(struct fixture *f)
{
    bench_teardown(&f->b);
    fake_state_free(&f->state);
    buffer_free(&f->record);
}

void fixture_commit(struct fixture *f) { ASSERT(scorer_core_commit(f->b.core, 0) == OK); }
