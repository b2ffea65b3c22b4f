#include "scorer_world.h"

static void hear_tallies(struct world *w, Parbus__Tally *const *tally, size_t count)
{
    if (!count)
        return;
    w->tally_scored = tally[0]->scored;
    w->tally_accepted = tally[0]->accepted_rows;
    w->tally_rejected = tally[0]->rejected_rows;
}

static void hear_owned(struct world *w, const Parbus__Owned *m)
{
    w->owned++;
    w->owned_applied = m->applied;
    w->owned_mark = m->mark;
    w->owned_tallies = m->n_tally;
    hear_tallies(w, m->tally, m->n_tally);
}

static void hear_progress(struct world *w, const Parbus__Progress *m)
{
    w->progress++;
    w->progress_applied = m->applied;
    w->progress_tallies = m->n_tally;
    hear_tallies(w, m->tally, m->n_tally);
}

static void hear_released(struct world *w, const Parbus__Released *m)
{
    w->released++;
    w->released_applied = m->applied;
    w->released_epoch = m->owner_epoch;
    w->released_lost = m->lost;
}

static enum err to_coordinator(struct world *w, uint32_t kind, const ProtobufCMessage *m)
{
    if (w->coordinator_result)
        return w->coordinator_result;
    w->hello += kind == PARBUS__TO_COORDINATOR__BODY_HELLO;
    w->heartbeat += kind == PARBUS__TO_COORDINATOR__BODY_HEARTBEAT;
    if (kind == PARBUS__TO_COORDINATOR__BODY_HEARTBEAT) {
        const char *trouble = ((const Parbus__Heartbeat *)m)->trouble;
        snprintf(w->trouble, sizeof w->trouble, "%s", trouble ? trouble : "");
    }
    w->leave += kind == PARBUS__TO_COORDINATOR__BODY_LEAVE;
    if (kind == PARBUS__TO_COORDINATOR__BODY_OWNED)
        hear_owned(w, (const Parbus__Owned *)m);
    if (kind == PARBUS__TO_COORDINATOR__BODY_PROGRESS)
        hear_progress(w, (const Parbus__Progress *)m);
    if (kind == PARBUS__TO_COORDINATOR__BODY_RELEASED)
        hear_released(w, (const Parbus__Released *)m);
    if (kind == PARBUS__TO_COORDINATOR__BODY_GAP) {
        w->gap++;
        w->gap_applied = ((const Parbus__Gap *)m)->applied;
    }
    return OK;
}

static void hear_scores(struct world *w, const Parbus__Scores *m)
{
    struct said_scores *s = &w->scores[w->scores_count++ % SAID_MAX];
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

static enum err to_publisher(struct world *w, uint32_t kind, const ProtobufCMessage *m)
{
    w->bookmark_at_scores = w->bookmark.pseq;
    if (kind == PARBUS__TO_PUBLISHER__BODY_SCORES)
        hear_scores(w, (const Parbus__Scores *)m);
    if (kind == PARBUS__TO_PUBLISHER__BODY_COMMITTED) {
        w->committed++;
        w->committed_pseq = ((const Parbus__Committed *)m)->pseq[0];
    }
    return w->publisher_result;
}

static enum err send(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    (void)peer;
    return (source == SCORER_PUBLISHER ? to_publisher : to_coordinator)(ctx, kind, m);
}

static void hear(void *ctx, enum tell_level level, const char *id, const char *text)
{
    struct world *w = ctx;
    (void)id, (void)text;
    w->troubles += level >= TELL_WARN;
}

void world_written(struct world *w, int64_t now_us)
{
    uint64_t ticket;
    enum err err;
    if (fake_state_write(w->state, &ticket, &err))
        scorer_written(w->core, ticket, err, w->state->disk_says ? w->state->disk_says : "disk", at(now_us));
}

static void disk_answers(struct world *w, int64_t now_us)
{
    if (!w->disk_waits)
        world_written(w, now_us);
}

int64_t world_tick(struct world *w, int64_t now_us)
{
    scorer_tick(w->core, at(now_us));
    disk_answers(w, now_us);
    return scorer_tick(w->core, at(now_us));
}

void world_commit(struct world *w)
{
    scorer_commit(w->core, at(0));
    disk_answers(w, 0);
}

static void receive(struct world *w, enum scorer_source source, uint32_t kind, const ProtobufCMessage *m,
                    int64_t now_us)
{
    scorer_receive(w->core, source, peer_unnamed(1), WIRE_MESSAGE(kind, m), at(now_us));
    disk_answers(w, now_us);
}

static void setup(struct world *w, struct fake_state *state, size_t cached_units_max,
                  const struct record_source *records)
{
    *w = (struct world){.catalog = small_catalog_new(), .state = state};
    struct worker_config config = {.role = PARBUS__ROLE__ROLE_SCORER,
                                   .instance = "scorer-1",
                                   .endpoint = "ipc://x",
                                   .heartbeat_us = 250000,
                                   .catalog = w->catalog,
                                   .bookmark = &w->bookmark,
                                   .records = records};
    state->bookmark = &w->bookmark;
    struct scorer_limits limits = {cached_units_max, INTERVAL_US};
    struct scorer_io io = {.ctx = w, .send = send, .tell = hear, .store = fake_state_io, .store_ctx = state};
    w->core = scorer_new(&config, &limits, &io, at(0));
    world_welcome(w, 1, 0);
}

void world_setup_limited(struct world *w, struct fake_state *state, size_t cached_units_max)
{
    setup(w, state, cached_units_max, NULL);
}

void world_setup(struct world *w, struct fake_state *state) { setup(w, state, 1000, NULL); }

void world_setup_reading(struct world *w, struct fake_state *state, const struct record_source *records)
{
    setup(w, state, 1000, records);
}

void world_teardown(struct world *w)
{
    scorer_destroy(&w->core);
    catalog_destroy(&w->catalog);
}

void world_assign(struct world *w, uint32_t partition, uint64_t epoch, int64_t now_us)
{
    Parbus__Assign m = PARBUS__ASSIGN__INIT;
    m.has_partition = m.has_owner_epoch = 1;
    m.partition = partition;
    m.owner_epoch = epoch;
    receive(w, SCORER_COORDINATOR, PARBUS__TO_WORKER__BODY_ASSIGN, &m.base, now_us);
    world_commit(w);
}

void world_release(struct world *w, uint32_t partition, uint64_t epoch, int64_t now_us)
{
    Parbus__Release m = PARBUS__RELEASE__INIT;
    m.has_partition = m.has_owner_epoch = 1;
    m.partition = partition;
    m.owner_epoch = epoch;
    receive(w, SCORER_COORDINATOR, PARBUS__TO_WORKER__BODY_RELEASE, &m.base, now_us);
}

void world_welcome(struct world *w, uint64_t term, int64_t now_us)
{
    Parbus__WorkerWelcome m = PARBUS__WORKER_WELCOME__INIT;
    m.has_term = m.has_partitions = m.has_journal_id = 1;
    m.term = term;
    m.partitions = FAKE_PARTITIONS;
    m.journal_id = JOURNAL;
    receive(w, SCORER_COORDINATOR, PARBUS__TO_WORKER__BODY_WELCOME, &m.base, now_us);
}

void world_control(struct world *w, struct page *page, int64_t now_us)
{
    receive(w, SCORER_COORDINATOR, PARBUS__TO_WORKER__BODY_CONTROLS, &page->controls.base, now_us);
    page_free(page);
}

void world_who_are_you(struct world *w, int64_t now_us)
{
    Parbus__WhoAreYou m = PARBUS__WHO_ARE_YOU__INIT;
    receive(w, SCORER_COORDINATOR, PARBUS__TO_WORKER__BODY_WHO_ARE_YOU, &m.base, now_us);
}

void world_verdicts(struct world *w, const Parbus__Verdicts *v, int64_t now_us)
{
    receive(w, SCORER_VERDICTS, PARBUS__TO_SCORER__BODY_VERDICTS, &v->base, now_us);
}

void world_seal(struct buffer *record, uint32_t partition, uint64_t first_pseq)
{
    struct record_place place = {partition % UINT16_MAX, first_pseq, 1};
    if (record->size >= RECORD_HEADER_BYTES)
        record_seal(record->data, record->size, &place);
}

void world_give_to(struct world *w, uint32_t partition, uint64_t epoch, const struct buffer *record,
                   uint64_t first_pseq, int64_t now_us)
{
    Parbus__Verdicts v = PARBUS__VERDICTS__INIT;
    world_seal((struct buffer *)record, partition, first_pseq);
    v.partition = partition;
    v.owner_epoch = epoch;
    v.first_pseq = first_pseq;
    v.record = (ProtobufCBinaryData){record->size, record->data};
    world_verdicts(w, &v, now_us);
}

void world_give(struct world *w, const struct buffer *record, uint64_t first_pseq, int64_t now_us)
{
    world_give_to(w, 0, EPOCH, record, first_pseq, now_us);
}

void world_give_row(struct world *w, uint64_t pseq, uint32_t indicator, double value, int64_t observed_ms)
{
    struct draft d;
    struct buffer record = {0};
    draft_begin(&d);
    draft_row(&d, indicator, value);
    d.s.has_observed_ms = 1;
    d.s.observed_ms = observed_ms;
    draft_record(&d, &record, HA_NOI, 7, pseq);
    world_give(w, &record, pseq, 0);
    buffer_free(&record);
}

void fixture_setup(struct fixture *f)
{
    *f = (struct fixture){0};
    world_setup(&f->w, &f->state);
    world_assign(&f->w, 0, EPOCH, 0);
    draft_begin(&f->d);
}

void fixture_teardown(struct fixture *f)
{
    world_teardown(&f->w);
    fake_state_free(&f->state);
    buffer_free(&f->record);
}

void fixture_commit(struct fixture *f)
{
    world_commit(&f->w);
    ASSERT(!scorer_commit(f->w.core, at(0)));
}
