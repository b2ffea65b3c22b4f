#include "tests/sim/flips.h"
#include "base/crc32c.h"
#include "journal/record.h"
#include "tests/sim/sim.h"
#include <stdlib.h>
#include <string.h>

enum { LOUD_BITS_FROM = 40, MANTISSA_BITS = 52, LATEST = 4, ROW_TRIES = 8 };

static void xor_bit(void *data, size_t bit) { ((uint8_t *)data)[bit / 8] ^= (uint8_t)(1 << bit % 8); }

static bool is_flipped(const struct sim *s, const struct flip *f) { return f->bit && s->now_us < f->until_us; }

static bool lasts(const struct flip *f) { return f->bit && f->until_us == INT64_MAX; }

static struct flip flip_of(struct sim *s, size_t bit)
{
    int64_t until_us = s->now_us + rng_between(&s->flips.rng, SIM_MS, SIM_SECOND);
    return (struct flip){bit + 1, rng_below(&s->flips.rng, 2) ? until_us : INT64_MAX};
}

/* ---- the journal ---- */

/* Mostly one of the last, which have still to be read. */
static struct sim_record *any_record(struct sim *s, uint32_t partition)
{
    struct sim_records *p = &s->journal.partition[partition];
    uint32_t count = (uint32_t)p->count, latest = count < LATEST ? count : LATEST;
    if (!count)
        return NULL;
    return &p->record[rng_below(&s->flips.rng, 4) ? count - 1 - rng_below(&s->flips.rng, latest)
                                                  : rng_below(&s->flips.rng, count)];
}

/* Where a flip that goes unseen does not end the reader: what follows the header. */
static bool may_flip(const struct sim *s, size_t bit)
{
    return bit >= 8 * RECORD_HEADER_BYTES || s->options.mutation != MUTATION_FLIP_UNSEEN;
}

static void flip_in_journal(struct sim *s)
{
    uint32_t partition = rng_below(&s->flips.rng, s->partitions);
    struct sim_record *r = any_record(s, partition);
    if (!r)
        return;
    bool header = r->bytes == RECORD_HEADER_BYTES || rng_below(&s->flips.rng, 8) == 0;
    size_t from = header ? 0 : 8 * RECORD_HEADER_BYTES, to = header ? 8 * RECORD_HEADER_BYTES : 8 * r->bytes;
    size_t bit = from + rng_below(&s->flips.rng, (uint32_t)(to - from));
    if (!may_flip(s, bit))
        return;
    census_add(s, flips_journal, 1);
    r->flip = flip_of(s, bit);
    trace_note(s, "journal", "flips bit %lu of the record of partition %lu at %lu; it lasts: %lu", bit, partition,
               r->first_pseq, lasts(&r->flip));
}

static struct record_place place_of(uint32_t partition, const struct sim_record *r)
{
    struct record_header h;
    memcpy(&h, r->data, sizeof h);
    return (struct record_place){partition, r->first_pseq, h.commit};
}

static enum err open_flipped(const uint8_t *data, size_t bytes, const struct record_place *at, struct err_text *e)
{
    struct record_reader reader;
    enum err err = record_open(&reader, data, bytes, e);
    return err_wrap(e, err, "partition %u, pseq %llu, commit %llu", at->partition, (unsigned long long)at->first_pseq,
                    (unsigned long long)at->commit);
}

enum err flips_read_record(struct sim *s, uint32_t partition, const struct sim_record *r, const uint8_t **data,
                           struct err_text *e)
{
    struct buffer *flipped = &s->flips.read;
    struct err_text unheard;
    *data = r->data;
    if (!is_flipped(s, &r->flip))
        return OK;
    struct record_place at = place_of(partition, r);
    census_add(s, flips_journal_read, 1);
    buffer_clear(flipped);
    buffer_append(flipped, r->data, r->bytes);
    xor_bit(flipped->data, r->flip.bit - 1);
    *data = flipped->data;
    if (s->options.mutation == MUTATION_FLIP_UNSEEN) {
        record_seal(flipped->data, flipped->size, &at);
        return OK;
    }
    enum err err = open_flipped(flipped->data, flipped->size, &at, e ? e : &unheard);
    if (err != ERR_CORRUPT)
        sim_fail(s, "law 7: bit %zu of a record is not what was written, and no checksum says so", r->flip.bit - 1);
    return err;
}

const struct sim_record *flips_next(const struct sim *s, uint32_t partition, uint64_t applied)
{
    const struct sim_records *p = &s->journal.partition[partition];
    for (size_t i = 0; i < p->count; i++)
        if (lasts(&p->record[i].flip) && p->record[i].first_pseq + p->record[i].count > applied + 1)
            return &p->record[i];
    return NULL;
}

void flips_forget(struct sim_journal *j)
{
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++)
        for (size_t i = 0; i < j->partition[p].count; i++)
            j->partition[p].record[i].flip = (struct flip){0};
}

/* ---- state ---- */

static size_t one_of_many(struct sim *s, size_t bytes, size_t each)
{
    return bytes >= each ? rng_below(&s->flips.rng, (uint32_t)(bytes / each)) * each : 0;
}

/* A bit that says something: of a value, of points, or of what was counted. 0: the row says nothing. */
static size_t loud_bit(struct sim *s, const struct kv_row *row)
{
    size_t at = 0;
    if (row->key[0] == SIM_STATE_VALUES)
        at = one_of_many(s, row->bytes, sizeof(struct cell)) + offsetof(struct cell, value);
    else if (row->key[0] == SIM_STATE_SCORES)
        at = sizeof(struct score_header) + one_of_many(s, row->bytes - sizeof(struct score_header), sizeof(int64_t));
    else if (row->key[0] == SIM_STATE_TALLIES)
        return 8 * sizeof(uint64_t) + rng_below(&s->flips.rng, 8);
    else if (row->key[0] == SIM_STATE_PARTITIONS && s->options.mutation != MUTATION_FLIP_UNSEEN)
        return 1 + rng_below(&s->flips.rng, (uint32_t)(8 * row->bytes) - 1);
    if (!at || at + sizeof(int64_t) > row->bytes)
        return 0;
    return 8 * at + (size_t)rng_between(&s->flips.rng, LOUD_BITS_FROM, MANTISSA_BITS - 1);
}

static void flip_in_state(struct sim *s)
{
    struct kv *kv = &s->state.kv;
    struct kv_row *row = NULL;
    size_t bit = 0;
    for (int tries = 0; tries < ROW_TRIES && kv->count && !bit; tries++) {
        row = &kv->row[rng_below(&s->flips.rng, (uint32_t)kv->count)];
        bit = loud_bit(s, row);
    }
    if (!bit)
        return;
    census_add(s, flips_state, 1);
    row->flip = flip_of(s, bit);
    trace_note(s, "state", "flips bit %lu of a row '%lu' of partition %lu; it lasts: %lu", bit, row->key[0],
               sim_state_partition(row), lasts(&row->flip));
}

static bool sum_is_wrong(const struct kv_row *row)
{
    uint8_t *flipped = malloc(row->bytes);
    ASSERT(flipped);
    memcpy(flipped, row->data, row->bytes);
    xor_bit(flipped, row->flip.bit - 1);
    bool wrong = crc32c(0, flipped, row->bytes) != crc32c(0, row->data, row->bytes);
    free(flipped);
    return wrong;
}

enum err flips_read_row(struct sim *s, const struct kv_row *row, size_t at, void *copy, size_t bytes,
                        struct err_text *e)
{
    if (!row || !is_flipped(s, &row->flip))
        return OK;
    census_add(s, flips_state_read, 1);
    size_t bit = row->flip.bit - 1;
    if (s->options.mutation == MUTATION_FLIP_UNSEEN) {
        if (bit / 8 >= at && bit / 8 < at + bytes)
            xor_bit(copy, bit - 8 * at);
        return OK;
    }
    if (!sum_is_wrong(row))
        sim_fail(s, "law 7: bit %zu of a row is not what was written, and no checksum says so", bit);
    return err_set(e, ERR_CORRUPT, "its checksum is wrong; state can be deleted, it is made again from the journal");
}

enum err flips_read_cursor(struct sim *s, uint32_t partition, struct err_text *e)
{
    return flips_read_row(s, sim_state_cursor_row(&s->state, partition), 0, NULL, 0, e);
}

/* ---- when ---- */

void flips_draw(struct sim *s)
{
    s->flips.rng.state = (s->options.seed + 1) * 0xd1342543de82ef95ull;
    s->flips.every_us = rng_between(&s->flips.rng, 50 * SIM_MS, 2 * SIM_SECOND);
    bool any = rng_below(&s->flips.rng, 2);
    s->flips.next_us = any ? rng_between(&s->flips.rng, 0, 2 * s->flips.every_us) : INT64_MAX;
}

void flips_happen(struct sim *s)
{
    if (rng_below(&s->flips.rng, 3))
        flip_in_journal(s);
    else
        flip_in_state(s);
    s->flips.next_us = s->now_us + rng_between(&s->flips.rng, 0, 2 * s->flips.every_us);
}

/* ---- what lasts ---- */

bool flips_in_partition(const struct sim *s, uint32_t partition)
{
    for (size_t i = 0; i < s->state.kv.count; i++)
        if (lasts(&s->state.kv.row[i].flip) && sim_state_partition(&s->state.kv.row[i]) == partition)
            return true;
    return false;
}

/* ---- the operator ---- */

static bool journal_flips_last(const struct sim *s)
{
    for (uint32_t p = 0; p < s->partitions; p++)
        if (flips_next(s, p, 0))
            return true;
    return false;
}

static bool state_flips_last(const struct sim *s)
{
    for (uint32_t p = 0; p < s->partitions; p++)
        if (flips_in_partition(s, p))
            return true;
    return false;
}

bool flips_last(const struct sim *s) { return journal_flips_last(s) || state_flips_last(s); }

/* A disk that gives it right again needs nobody to stop. */
void flips_mend(struct sim *s)
{
    bool state = state_flips_last(s), stops = state || rng_below(&s->flips.rng, 2);
    trace_note(s, "operator", "mends what is damaged; state is deleted: %lu, the host stops: %lu", state, stops, 0, 0);
    census_add(s, flips_mended_running, !stops);
    if (stops)
        host_stops(s, rng_between(&s->flips.rng, SIM_MS, SIM_SECOND));
    flips_forget(&s->journal);
    census_add(s, state_deleted, state);
    if (state)
        sim_state_delete(s);
}
