#include "validator_world.h"
#include "at.h"
#include "journal/record.h"
#include "small_catalog.h"
#include <criterion/criterion.h>
#include <stdio.h>

enum { PARTITION = 4, FIRST = 100 };

struct validator_world t;

static enum err to_coordinator(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    (void)ctx, (void)source, (void)peer, (void)m;
    t.hellos += kind == PARBUS__TO_COORDINATOR__BODY_HELLO;
    t.asked += kind == PARBUS__TO_COORDINATOR__BODY_CONTROLS_WANTED;
    return OK;
}

static enum err to_scorer(void *ctx, const char *endpoint, const Parbus__Verdicts *verdicts)
{
    (void)ctx;
    t.sent++;
    snprintf(t.endpoint, sizeof t.endpoint, "%s", endpoint);
    buffer_clear(&t.packed);
    wire_pack(&t.packed, PARBUS__TO_SCORER__BODY_VERDICTS, &verdicts->base);
    return t.send_result;
}

static void hear(void *ctx, enum tell_level level, const char *id, const char *text)
{
    (void)ctx, (void)id, (void)text;
    t.troubles += level >= TELL_WARN;
}

void validator_world_start(void)
{
    t = (struct validator_world){.catalog = small_catalog_new()};
    struct worker_config config = {
        .role = PARBUS__ROLE__ROLE_VALIDATOR, .instance = "validator-1", .heartbeat_us = 1000, .catalog = t.catalog};
    struct validator_io io = {NULL, to_coordinator, hear, to_scorer};
    t.core = validator_new(&config, &io, at(0));
    arena_init(&t.arena, WIRE_ARENA_BYTES);
}

void validator_world_stop(void)
{
    validator_destroy(&t.core);
    catalog_destroy(&t.catalog);
    buffer_free(&t.record);
    buffer_free(&t.packed);
    arena_free(&t.arena);
}

void validator_hears(uint32_t kind, const ProtobufCMessage *m, int64_t now_us)
{
    validator_receive(t.core, VALIDATOR_COORDINATOR, peer_unnamed(1), WIRE_MESSAGE(kind, m), at(now_us));
}

void work_as_it_is(int64_t now_us)
{
    Parbus__Work w = PARBUS__WORK__INIT;
    w.has_partition = w.has_owner_epoch = w.has_first_pseq = w.has_control_seq = w.has_record = 1;
    w.partition = PARTITION, w.owner_epoch = 9, w.first_pseq = FIRST, w.control_seq = 3;
    w.scorer = "ipc://scorer-1";
    w.record = (ProtobufCBinaryData){t.record.size, t.record.data};
    validator_hears(PARBUS__TO_WORKER__BODY_WORK, &w.base, now_us);
}

void work_at(int64_t now_us)
{
    if (t.record.size >= RECORD_HEADER_BYTES)
        record_seal(t.record.data, t.record.size, &(struct record_place){PARTITION, FIRST, 1});
    work_as_it_is(now_us);
}

void work(void) { work_at(0); }

const Parbus__Verdicts *verdicts(void)
{
    struct wire_message m;
    struct err_text e;
    arena_reset(&t.arena);
    cr_assert_eq(wire_open(&wire_to_scorer, t.packed.data, t.packed.size, &t.arena, &m, &e), OK, "%s", e.text);
    return (const Parbus__Verdicts *)m.message;
}
