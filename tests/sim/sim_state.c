/* The content of state: keys as in state.h, a letter in front for the database. */
#include "tests/sim/sim_state.h"
#include "base/bytes.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PARTITIONS = SIM_STATE_PARTITIONS,
    VALUES = SIM_STATE_VALUES,
    SCORES = SIM_STATE_SCORES,
    TALLIES = SIM_STATE_TALLIES,
    REJECTS = 'r'
};

struct key {
    uint8_t bytes[KV_KEY_MAX];
    size_t size;
};

static struct key key_of(uint8_t database, uint32_t partition)
{
    struct key k = {{database}, 3};
    put_be16(k.bytes + 1, (uint16_t)partition);
    return k;
}

static void add32(struct key *k, uint32_t number)
{
    put_be32(k->bytes + k->size, number);
    k->size += 4;
}

static void add64(struct key *k, uint64_t number)
{
    put_be64(k->bytes + k->size, number);
    k->size += 8;
}

static struct key key_unit(uint8_t database, uint32_t partition, uint32_t series, uint32_t unit)
{
    struct key k = key_of(database, partition);
    add32(&k, series);
    add32(&k, unit);
    return k;
}

static struct key key_values(uint32_t partition, uint32_t series, uint32_t unit, uint8_t stage)
{
    struct key k = key_unit(VALUES, partition, series, unit);
    k.bytes[k.size++] = stage;
    return k;
}

static struct key key_tally(uint32_t partition, uint32_t feeder)
{
    struct key k = key_of(TALLIES, partition);
    add32(&k, feeder);
    return k;
}

static struct key key_reject(uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row)
{
    struct key k = {{REJECTS}, 1};
    add32(&k, feeder);
    add64(&k, epoch);
    add64(&k, seq);
    add32(&k, row);
    return k;
}

static const struct kv_row *get(const struct sim_state *t, struct key k) { return kv_get(&t->kv, k.bytes, k.size); }

static void put(struct sim_state *t, struct key k, const void *data, size_t bytes)
{
    kv_put(&t->kv, k.bytes, k.size, data, bytes);
}

static void put_two(struct sim_state *t, struct key k, const void *first, size_t first_bytes, const void *second,
                    size_t second_bytes)
{
    uint8_t *both = malloc(first_bytes + second_bytes + 1);
    ASSERT(both);
    memcpy(both, first, first_bytes);
    if (second_bytes)
        memcpy(both + first_bytes, second, second_bytes);
    put(t, k, both, first_bytes + second_bytes);
    free(both);
}

/* ---- writing ---- */

static void write_values(struct sim_state *t, uint32_t partition, const struct state_values_put *p,
                         enum mutation mutation, int64_t now_us)
{
    struct cell *cell = malloc(p->cell_count * sizeof *cell);
    ASSERT(cell);
    memcpy(cell, p->cell, p->cell_count * sizeof *cell);
    for (size_t i = 0; i < p->cell_count; i++) {
        if (mutation == MUTATION_ROUNDED_TWICE)
            cell[i].value = round(cell[i].value * 100) / 100;
        if (mutation == MUTATION_CLOCK_IN_STATE && cell[i].flags)
            cell[i].received_ms = now_us;
        if (mutation == MUTATION_ARRIVAL_ORDER)
            cell[i].observed_ms = 0;
    }
    put(t, key_values(partition, p->series, p->unit, p->stage), cell, p->cell_count * sizeof *cell);
    free(cell);
}

static void take_back_reject(struct sim_state *t, const struct state_reject_put *p, enum mutation mutation)
{
    struct key k = key_reject(p->feeder, p->epoch, p->seq, p->row);
    if (mutation != MUTATION_REJECT_LEFT)
        kv_remove(&t->kv, k.bytes, k.size);
}

/* Mutation: what was sent again counts once more. */
static uint64_t counted_twice(const struct state_batch *b, const struct state_tally_put *p)
{
    uint64_t more = 0;
    for (size_t i = 0; i < b->rejects_count; i++)
        more += b->rejects[i].gone && b->rejects[i].feeder == p->feeder && b->rejects[i].epoch == p->epoch;
    return more;
}

void sim_state_put(struct sim_state *t, const struct state_batch *b, enum mutation mutation, int64_t now_us)
{
    for (size_t i = 0; i < b->values_count; i++)
        write_values(t, b->partition, &b->values[i], mutation, now_us);
    for (size_t i = 0; i < b->scores_count; i++) {
        const struct unit_score *p = &b->scores[i];
        put_two(t, key_unit(SCORES, b->partition, p->series, p->unit), &p->header, sizeof p->header, p->points,
                p->header.node_count * sizeof *p->points);
    }
    for (size_t i = 0; i < b->tallies_count; i++) {
        const struct state_tally_put *p = &b->tallies[i];
        struct tally tally = p->tally;
        if (mutation == MUTATION_RETRY_COUNTED)
            tally.scored += counted_twice(b, p);
        put_two(t, key_tally(b->partition, p->feeder), &p->epoch, sizeof p->epoch, &tally, sizeof tally);
    }
    for (size_t i = 0; i < b->rejects_count; i++) {
        const struct state_reject_put *p = &b->rejects[i];
        if (p->gone) {
            take_back_reject(t, p, mutation);
            continue;
        }
        put_two(t, key_reject(p->feeder, p->epoch, p->seq, p->row), &p->header, sizeof p->header, p->detail,
                p->header.detail_bytes);
    }
}

void sim_state_write_cursor(struct sim_state *t, uint32_t partition, const struct state_cursor *cursor)
{
    put(t, key_of(PARTITIONS, partition), cursor, sizeof *cursor);
}

/* ---- reading ---- */

struct state_cursor sim_cursor_in(const struct kv *kv, uint32_t partition)
{
    struct state_cursor cursor = {0};
    struct key k = key_of(PARTITIONS, partition);
    const struct kv_row *row = kv_get(kv, k.bytes, k.size);
    if (row)
        memcpy(&cursor, row->data, sizeof cursor);
    return cursor;
}

struct state_cursor sim_state_cursor(const struct sim_state *t, uint32_t partition)
{
    return sim_cursor_in(&t->kv, partition);
}

enum err sim_state_read_values(const struct sim_state *t, uint32_t partition, uint32_t series, uint32_t unit,
                               uint8_t stage, struct cell *cell, size_t cell_count)
{
    const struct kv_row *row = get(t, key_values(partition, series, unit, stage));
    memset(cell, 0, cell_count * sizeof *cell);
    if (!row)
        return ERR_NOT_FOUND;
    ASSERT(row->bytes == cell_count * sizeof *cell);
    memcpy(cell, row->data, row->bytes);
    return OK;
}

const struct kv_row *sim_state_cursor_row(const struct sim_state *t, uint32_t partition)
{
    return get(t, key_of(PARTITIONS, partition));
}

const struct kv_row *sim_state_row(const struct sim_state *t, uint32_t partition, uint32_t series, uint32_t unit,
                                   uint8_t stage)
{
    return get(t, stage ? key_values(partition, series, unit, stage) : key_unit(SCORES, partition, series, unit));
}

uint32_t sim_state_partition(const struct kv_row *row) { return get_be16(row->key + 1); }

const struct score_header *sim_state_read_scores(const struct sim_state *t, uint32_t partition, uint32_t series,
                                                 uint32_t unit, const int64_t **points)
{
    const struct kv_row *row = get(t, key_unit(SCORES, partition, series, unit));
    if (!row)
        return NULL;
    *points = (const int64_t *)(const void *)(row->data + sizeof(struct score_header));
    return (const struct score_header *)(const void *)row->data;
}

uint64_t sim_state_read_tally(const struct sim_state *t, uint32_t partition, uint32_t feeder, struct tally *out)
{
    uint64_t epoch;
    const struct kv_row *row = get(t, key_tally(partition, feeder));
    if (!row)
        return 0;
    memcpy(&epoch, row->data, sizeof epoch);
    memcpy(out, row->data + sizeof epoch, sizeof *out);
    return epoch;
}

bool sim_state_read_reject(const struct sim_state *t, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                           struct reject_header *out)
{
    const struct kv_row *found = get(t, key_reject(feeder, epoch, seq, row));
    if (found)
        memcpy(out, found->data, sizeof *out);
    return found != NULL;
}

size_t sim_state_reject_count(const struct sim_state *t)
{
    uint8_t first = REJECTS, after = REJECTS + 1;
    return kv_seek(&t->kv, &after, 1) - kv_seek(&t->kv, &first, 1);
}

/* ---- comparing ---- */

static bool row_same(const struct kv_row *a, const struct kv_row *b)
{
    if (a->key_bytes != b->key_bytes || memcmp(a->key, b->key, a->key_bytes) != 0 || a->bytes != b->bytes)
        return false;
    size_t skip = a->key[0] == PARTITIONS ? sizeof((struct state_cursor *)0)->owner_epoch : 0;
    return !memcmp(a->data + skip, b->data + skip, a->bytes - skip);
}

bool sim_state_same(const struct sim_state *a, const struct sim_state *b, char *what, size_t bytes)
{
    for (size_t i = 0; i < a->kv.count || i < b->kv.count; i++) {
        if (i < a->kv.count && i < b->kv.count && row_same(&a->kv.row[i], &b->kv.row[i]))
            continue;
        const struct kv_row *row = i < a->kv.count ? &a->kv.row[i] : &b->kv.row[i];
        int n =
            snprintf(what, bytes, "row %zu of %zu and %zu, database %c, key", i, a->kv.count, b->kv.count, row->key[0]);
        for (size_t k = 1; k < row->key_bytes && n > 0 && (size_t)n + 3 < bytes; k++)
            n += snprintf(what + n, bytes - (size_t)n, " %02x", row->key[k]);
        return false;
    }
    return true;
}
