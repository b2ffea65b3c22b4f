/* Law 2: what is behind the journal follows from it alone. */
#include "services/scorer/core.h"
#include "services/validator/core.h"
#include "tests/sim/sim.h"
#include <inttypes.h>

struct replay {
    struct sim *sim;
    struct catalog *catalog;
    struct validator *validator;
    struct scorer *scorer;
    struct sim_state state;
    uint64_t ticket; /* of what is written and not answered; 0: nothing is */
};

static void read_controls(struct replay *r)
{
    struct err_text e = {""};
    r->catalog = catalog_new();
    for (uint64_t seq = 1; seq <= r->sim->journal.controls; seq++) {
        const struct buffer *packed = &r->sim->journal.control[seq];
        if (catalog_apply_packed(r->catalog, seq, packed->data, packed->size, &e))
            sim_fail(r->sim, "law 2: replay cannot apply control %" PRIu64 ": %s", seq, e.text);
    }
}

static enum err open_state(void *ctx, uint64_t journal_id, struct err_text *e)
{
    (void)ctx, (void)journal_id, (void)e;
    return OK;
}

static const struct moment then; /* no time passes */

static enum err to_nobody(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    (void)ctx, (void)source, (void)peer, (void)kind, (void)m;
    return OK;
}

static void hear(void *ctx, enum tell_level level, const char *id, const char *text)
{
    (void)level;
    sim_fail(((struct replay *)ctx)->sim, "law 2: replay meets %s: %s", id, text);
}

static enum err to_scorer(void *ctx, const char *endpoint, const Parbus__Verdicts *verdicts)
{
    (void)endpoint;
    scorer_receive(((struct replay *)ctx)->scorer, SCORER_VERDICTS, peer_unnamed(1),
                   WIRE_MESSAGE(PARBUS__TO_SCORER__BODY_VERDICTS, &verdicts->base), then);
    return OK;
}

static enum err tallies(void *ctx, uint32_t partition, state_tally_fn *fn, void *fn_ctx, struct err_text *e)
{
    (void)ctx, (void)partition, (void)fn, (void)fn_ctx, (void)e;
    return OK;
}

static enum err values(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, uint8_t stage, struct cell *cell,
                       size_t cell_count, struct err_text *e)
{
    (void)e;
    return sim_state_read_values(&((struct replay *)ctx)->state, partition, series, unit, stage, cell, cell_count);
}

static enum err scores(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, struct score_header *header,
                       int64_t *points, size_t points_max, struct err_text *e)
{
    (void)e, (void)points_max;
    const int64_t *from;
    const struct score_header *found =
        sim_state_read_scores(&((struct replay *)ctx)->state, partition, series, unit, &from);
    if (!found)
        return ERR_NOT_FOUND;
    *header = *found;
    for (uint32_t i = 0; i < header->node_count; i++)
        points[i] = from[i];
    return OK;
}

static void claim(struct replay *r, struct state_claim *c)
{
    c->cursor = (struct state_cursor){.owner_epoch = c->owner_epoch};
    c->err = OK;
    sim_state_write_cursor(&r->state, c->partition, &c->cursor);
}

static void commit(struct replay *r, struct state_batch *b)
{
    struct state_cursor cursor = {b->owner_epoch, b->applied, b->mark};
    b->lost = false;
    sim_state_put(&r->state, b, MUTATION_NONE, 0);
    sim_state_write_cursor(&r->state, b->partition, &cursor);
}

static void write_all(void *ctx, struct state_work *work, uint64_t ticket)
{
    struct replay *r = ctx;
    for (size_t i = 0; i < work->claims; i++)
        claim(r, &work->claim[i]);
    for (size_t i = 0; i < work->batches; i++)
        commit(r, &work->batch[i]);
    r->ticket = ticket;
}

static void answer(struct replay *r)
{
    if (r->ticket)
        scorer_written(r->scorer, r->ticket, OK, NULL, then);
    r->ticket = 0;
}

static void commit_all(struct replay *r)
{
    answer(r);
    if (scorer_commit(r->scorer, then))
        answer(r);
}

static enum err cursor_of(void *ctx, uint32_t partition, struct state_cursor *cursor, struct err_text *e)
{
    (void)e;
    *cursor = sim_state_cursor(&((struct replay *)ctx)->state, partition);
    return OK;
}

static void make_cores(struct replay *r)
{
    struct worker_config config = {.role = PARBUS__ROLE__ROLE_SCORER,
                                   .instance = "replay",
                                   .endpoint = "replay",
                                   .incarnation = 1,
                                   .catalog = r->catalog,
                                   .heartbeat_us = SIM_SECOND};
    struct validator_io validator = {r, to_nobody, hear, to_scorer};
    struct scorer_limits limits = {1000, SIM_SECOND};
    struct scorer_io scorer = {.ctx = r,
                               .send = to_nobody,
                               .tell = hear,
                               .store = {open_state, tallies, values, scores, cursor_of, write_all},
                               .store_ctx = r};
    r->validator = validator_new(&config, &validator, then);
    r->scorer = scorer_new(&config, &limits, &scorer, then);
    Parbus__WorkerWelcome welcome = PARBUS__WORKER_WELCOME__INIT;
    welcome.partitions = r->sim->partitions;
    welcome.term = 1;
    scorer_receive(r->scorer, SCORER_COORDINATOR, peer_unnamed(1),
                   WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_WELCOME, &welcome.base), then);
}

static void replay_partition(struct replay *r, uint32_t partition)
{
    Parbus__Assign assign = PARBUS__ASSIGN__INIT;
    assign.has_partition = assign.has_owner_epoch = 1;
    assign.partition = partition;
    assign.owner_epoch = 1;
    scorer_receive(r->scorer, SCORER_COORDINATOR, peer_unnamed(1),
                   WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_ASSIGN, &assign.base), then);
    commit_all(r);
    const struct sim_records *records = &r->sim->journal.partition[partition];
    for (size_t i = 0; i < records->count; i++) {
        const struct sim_record *record = &records->record[i];
        Parbus__Work work = PARBUS__WORK__INIT;
        work.has_partition = work.has_owner_epoch = work.has_first_pseq = work.has_control_seq = work.has_record = 1;
        work.partition = partition;
        work.owner_epoch = 1;
        work.first_pseq = record->first_pseq;
        work.control_seq = r->sim->journal.controls;
        poison_replays(r->sim, partition, record);
        work.scorer = "replay";
        work.record = (ProtobufCBinaryData){record->bytes, record->data};
        validator_receive(r->validator, VALIDATOR_COORDINATOR, peer_unnamed(1),
                          WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_WORK, &work.base), then);
        answer(r);
    }
}

void check_replay(struct sim *s)
{
    struct replay r = {.sim = s};
    char what[256];
    read_controls(&r);
    make_cores(&r);
    for (uint32_t p = 0; p < s->partitions; p++)
        replay_partition(&r, p);
    poison_replays(s, 0, NULL);
    commit_all(&r);
    if (!sim_state_same(&s->state, &r.state, what, sizeof what))
        sim_fail(s, "law 2: a replay of the journal gives another state: %s", what);
    scorer_destroy(&r.scorer);
    validator_destroy(&r.validator);
    catalog_destroy(&r.catalog);
    kv_free(&r.state.kv);
}
