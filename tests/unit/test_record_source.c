/* Validator and scorer read records through worker/record_source.h alone: here the bytes are not in the message. */
#include "elsewhere.h"
#include "scorer_world.h"
#include "services/validator/core.h"
#include "wire/wire.h"
#include <criterion/criterion.h>
#include <string.h>

enum { PARTITION = 0, FIRST = 1 };

static struct elsewhere s;
static struct fixture f; /* a scorer that reads there; scorers' tests alone */

static void end(void)
{
    if (f.w.core)
        fixture_teardown(&f);
}

TestSuite(record_source, .fini = end);

/* One record with one row for leaf B, kept elsewhere. */
static void keep_row(double value)
{
    struct draft d;
    elsewhere_init(&s, PARTITION, FIRST);
    draft_begin(&d);
    draft_row(&d, B, value);
    draft_record(&d, &s.record, HA_NOI, 7, 42);
    world_seal(&s.record, PARTITION, FIRST);
}

/* ---- the validator ---- */

struct passed { /* the last Verdicts, and what was counted */
    int count;
    struct buffer record;
    size_t rejects;
    uint64_t refused, malformed;
};

static enum err pass(void *ctx, const char *endpoint, const Parbus__Verdicts *v)
{
    struct passed *p = ctx;
    (void)endpoint;
    p->count++;
    p->rejects = v->n_reject_entry;
    buffer_append(&p->record, v->record.data, v->record.len);
    return OK;
}

static enum err send(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    return (void)ctx, (void)source, (void)peer, (void)kind, (void)m, OK;
}

static void hear(void *ctx, enum tell_level level, const char *id, const char *text)
{
    (void)ctx, (void)level, (void)id, (void)text;
}

static void validate(uint64_t first_pseq, struct passed *p)
{
    struct catalog *catalog = small_catalog_new();
    struct worker_config config = {.role = PARBUS__ROLE__ROLE_VALIDATOR,
                                   .instance = "validator-1",
                                   .heartbeat_us = 1000,
                                   .catalog = catalog,
                                   .records = &s.source};
    struct validator *core = validator_new(&config, &(struct validator_io){p, send, hear, pass}, at(0));
    Parbus__Work work = PARBUS__WORK__INIT;
    work.partition = PARTITION;
    work.first_pseq = first_pseq;
    work.scorer = "ipc://scorer-1";
    work.record = elsewhere_carried;
    *p = (struct passed){0};
    validator_receive(core, VALIDATOR_COORDINATOR, peer_unnamed(1),
                      WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_WORK, &work.base), at(0));
    p->refused = validator_metrics(core)->value[METRIC_records_refused];
    p->malformed = validator_metrics(core)->value[METRIC_messages_malformed];
    validator_destroy(&core);
    catalog_destroy(&catalog);
}

Test(record_source, a_validator_checks_bytes_from_elsewhere_and_passes_on_what_the_message_carried)
{
    struct passed p;
    keep_row(99); /* beyond the maximum of B */
    validate(FIRST, &p);
    cr_assert_eq(p.count, 1);
    cr_expect_eq(p.rejects, 1);
    cr_assert_eq(p.record.size, elsewhere_carried.len);
    cr_expect_eq(memcmp(p.record.data, elsewhere_carried.data, p.record.size), 0);
    cr_expect_eq(s.got, 1);
    cr_expect_eq(s.released, 1);
    buffer_free(&p.record);
}

Test(record_source, a_validator_gives_back_what_it_cannot_read)
{
    struct passed p;
    keep_row(3);
    s.record.data[s.record.size - 1] ^= 1;
    validate(FIRST, &p);
    cr_expect_eq(p.count, 0);
    cr_expect_eq(p.malformed, 1);
    cr_expect_eq(s.released, 1);
}

Test(record_source, a_validator_counts_a_record_that_cannot_be_had_and_passes_nothing_on)
{
    struct passed p;
    keep_row(3);
    validate(FIRST + 1, &p);
    cr_expect_eq(p.count, 0);
    cr_expect_eq(p.refused, 1);
    cr_expect_eq(p.malformed, 0);
    cr_expect_eq(s.released, 0);
}

/* ---- the scorer ---- */

static void give_by_name(struct world *w, uint64_t first_pseq)
{
    Parbus__Verdicts v = PARBUS__VERDICTS__INIT;
    v.partition = PARTITION;
    v.owner_epoch = EPOCH;
    v.first_pseq = first_pseq;
    v.record = elsewhere_carried;
    world_verdicts(w, &v, 0);
}

static void start_scorer(void)
{
    keep_row(3);
    world_setup_reading(&f.w, &f.state, &s.source);
    world_assign(&f.w, PARTITION, EPOCH, 0);
}

Test(record_source, a_scorer_applies_bytes_from_elsewhere)
{
    start_scorer();
    give_by_name(&f.w, FIRST);
    cr_expect_eq(s.got, 1);
    cr_expect_eq(s.released, 1);
    memset(s.record.data, 0xff, s.record.size); /* it keeps nothing of what it gave back */
    fixture_commit(&f);
    cr_expect_eq(fake_points(&f.state, PARTITION, HA_NOI)[0], 3000000);
}

Test(record_source, a_scorer_gives_back_what_it_cannot_read)
{
    start_scorer();
    s.record.data[s.record.size - 1] ^= 1;
    give_by_name(&f.w, FIRST);
    cr_expect_eq(s.released, 1);
    cr_expect_eq(scorer_metrics(f.w.core)->value[METRIC_messages_malformed], 1);
    cr_expect_eq(scorer_metrics(f.w.core)->value[METRIC_records_applied], 0);
}

Test(record_source, a_scorer_counts_a_record_that_cannot_be_had_and_takes_it_when_it_comes_again)
{
    start_scorer();
    s.first_pseq = FIRST + 1;
    give_by_name(&f.w, FIRST);
    cr_expect_eq(scorer_metrics(f.w.core)->value[METRIC_records_refused], 1);
    cr_expect_eq(f.w.troubles, 1);
    cr_expect_eq(s.released, 0);
    s.first_pseq = FIRST;
    give_by_name(&f.w, FIRST);
    cr_expect_eq(scorer_metrics(f.w.core)->value[METRIC_records_applied], 1);
}
