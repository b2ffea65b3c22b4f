/* The journal from its beginning, control by control: whoever judges what follows on each of them, with the code of the
 * door, says what the door said then. */
#include "catalog/catalog.h"
#include "services/ingestor/rights.h"
#include "tests/sim/sim.h"
#include <inttypes.h>
#include <string.h>

struct replay_rights {
    struct sim *sim;
    struct catalog *catalog;
    uint64_t as_of; /* entries that follow on this control are looked at */
};

static void apply(struct replay_rights *r, uint64_t seq)
{
    struct err_text e = {""};
    const struct buffer *packed = &r->sim->journal.control[seq];
    if (catalog_apply_packed(r->catalog, seq, packed->data, packed->size, &e))
        sim_fail(r->sim, "law 8: control %" PRIu64 " cannot be applied again: %s", seq, e.text);
}

static bool allowed_again(struct replay_rights *r, const struct sim_entry *entry, const Parbus__Submission *submission,
                          int64_t received_ms, struct err_text *why)
{
    const struct access *access = catalog_access(r->catalog);
    const char *name = r->sim->journal.feeder[entry->feeder].name;
    const struct who who = {.identity = access_named(access, name), .name = name};
    const struct series *series = entry->series ? catalog_series(r->catalog, entry->series) : NULL;
    struct rights_found found = {0};
    return rights_submission(r->catalog, &who, &found, submission, series, entry->unit,
                             (struct moment){.wall_ms = received_ms}, why);
}

static void judge_entry(struct replay_rights *r, const struct sim_entry *entry, const uint8_t *body,
                        int64_t received_ms)
{
    struct err_text why = {""};
    uint64_t seq, hash;
    if (!check_read_body(body, body + entry->bytes, &seq, &hash) ||
        check_rights_of_owner(r->sim, hash, entry->epoch, entry->seq))
        return;
    Parbus__Submission *submission = parbus__submission__unpack(NULL, entry->bytes, body);
    ASSERT(submission);
    census_add(r->sim, rights_replayed, 1);
    if (!allowed_again(r, entry, submission, received_ms, &why))
        sim_fail(r->sim, "law 8: a replay refuses seq %" PRIu64 ", which follows on control %" PRIu64 ": %s", seq,
                 r->as_of, why.text);
    parbus__submission__free_unpacked(submission, NULL);
}

static void judge_record(struct replay_rights *r, const struct sim_record *record)
{
    uint64_t control_seq;
    int64_t received_ms;
    struct sim_entry entry;
    memcpy(&received_ms, record->data + 8, sizeof received_ms);
    memcpy(&control_seq, record->data + 16, sizeof control_seq);
    if (record->data[1] != 1 || control_seq != r->as_of)
        return;
    const uint8_t *at = record->data + 48;
    for (uint32_t i = 0; i < record->count; i++) {
        memcpy(&entry, at, sizeof entry);
        judge_entry(r, &entry, at + sizeof entry, received_ms);
        at += sizeof entry + (entry.bytes + 7u) / 8 * 8;
    }
}

static void judge_all(struct replay_rights *r)
{
    for (uint32_t p = 0; p < r->sim->partitions; p++)
        for (size_t i = 0; i < r->sim->journal.partition[p].count; i++)
            judge_record(r, &r->sim->journal.partition[p].record[i]);
}

void check_rights_replay(struct sim *s)
{
    struct replay_rights r = {.sim = s, .catalog = catalog_new()};
    bool newest = s->options.mutation == MUTATION_NEWEST_RIGHTS;
    for (uint64_t seq = 1; newest && seq <= s->journal.controls; seq++)
        apply(&r, seq);
    for (r.as_of = 0; s->rights.used && r.as_of <= s->journal.controls; r.as_of++) {
        if (r.as_of && !newest)
            apply(&r, r.as_of);
        judge_all(&r);
    }
    catalog_destroy(&r.catalog);
}
