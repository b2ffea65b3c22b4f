/* Whatever the journal's databases hold, with their sums right or wrong: records, index, controls, marks and the chain
 * are given out whole and in order, or a reason is. The first bytes of the input are the tail. */
#include "base/err.h"
#include "fake_lmdb.h"
#include "fuzz.h"
#include "journal/internal.h"
#include <stdlib.h>
#include <string.h>

enum { PARTITIONS = 3 };

static struct journal journal;
static uint64_t next_pseq, next_control;

static void repair_record(const struct fake_row *row)
{
    const uint8_t *key = row->key.mv_data;
    if (row->key.mv_size != RECORD_KEY_BYTES || row->data.mv_size < RECORD_HEADER_BYTES)
        return;
    struct record_place place = {get_be16(key + 8), get_be64(key + 10), get_be64(key)};
    record_seal(row->data.mv_data, row->data.mv_size, &place);
}

static void repair_index(const struct fake_row *row)
{
    struct index_value v;
    if (row->key.mv_size != INDEX_KEY_BYTES || row->data.mv_size != sizeof v)
        return;
    memcpy(&v, row->data.mv_data, sizeof v);
    v.crc = index_crc(row->key.mv_data, &v);
    memcpy(row->data.mv_data, &v, sizeof v);
}

static void repair_control(const struct fake_row *row)
{
    struct control_header h;
    if (row->key.mv_size != 8 || row->data.mv_size < sizeof h)
        return;
    memcpy(&h, row->data.mv_data, sizeof h);
    h.crc = control_crc(row->key.mv_data, h.commit, (const uint8_t *)row->data.mv_data + sizeof h,
                        row->data.mv_size - sizeof h);
    memcpy(row->data.mv_data, &h, sizeof h);
}

static void repair_mark(const struct fake_row *row)
{
    struct feeder_value v;
    if (row->key.mv_size != 4 || row->data.mv_size != sizeof v)
        return;
    memcpy(&v, row->data.mv_data, sizeof v);
    v.crc = feeder_crc(row->key.mv_data, &v);
    memcpy(row->data.mv_data, &v, sizeof v);
    fake_tail[TAIL_FEEDERS]++;
    fake_tail[TAIL_FEEDERS_SUM] += v.crc;
}

static void repair(void)
{
    static void (*const repairs[DB_COUNT])(const struct fake_row *) = {
        [DB_RECORDS] = repair_record,
        [DB_INDEX] = repair_index,
        [DB_CONTROLS] = repair_control,
        [DB_FEEDERS] = repair_mark,
    };
    size_t count;
    const struct fake_row *row = fake_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (row[i].repair && repairs[row[i].database])
            repairs[row[i].database](&row[i]);
}

static bool on_record(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct record_reader r;
    struct record_entry entry;
    const uint8_t *body;
    (void)ctx;
    ASSERT(record_open(&r, record, bytes, NULL) == OK && r.header.first_pseq == first_pseq);
    ASSERT(!next_pseq || first_pseq == next_pseq);
    while (record_next(&r, &entry, &body))
        ASSERT(body >= (const uint8_t *)record && body + entry.body_bytes <= (const uint8_t *)record + bytes);
    next_pseq = first_pseq + r.header.count;
    return true;
}

static enum err on_control(void *ctx, uint64_t seq, const void *packed, size_t bytes, struct err_text *e)
{
    (void)ctx, (void)packed, (void)bytes, (void)e;
    ASSERT(seq == ++next_control);
    return OK;
}

static bool on_feeder(void *ctx, uint32_t number, const struct journal_feeder *feeder)
{
    (void)ctx, (void)number;
    ASSERT(strlen(feeder->name) < sizeof feeder->name);
    return true;
}

static enum err on_bytes(void *ctx, size_t bytes, struct err_text *e)
{
    (void)ctx, (void)bytes, (void)e;
    return OK;
}

static void on_fault(void *ctx, const char *sentence) { (void)ctx, (void)!sentence[0]; }

static void told(enum err err, struct err_text *e)
{
    ASSERT(err == OK || e->text[0]);
    e->text[0] = 0;
}

static void read_all(void)
{
    struct err_text e = {""};
    uint64_t last[PARTITIONS], unchained, end;
    next_control = 0;
    told(journal_controls(&journal, 1, on_control, NULL, &e), &e);
    told(journal_feeders(&journal, on_feeder, NULL, &e), &e);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        next_pseq = 0;
        told(journal_read(&journal, p, 1, SIZE_MAX, on_record, NULL, &e), &e);
        next_pseq = 0;
        told(journal_read(&journal, p, 2, SIZE_MAX, on_record, NULL, &e), &e);
        told(journal_last_pseq(&journal, p, &end, &e), &e);
    }
    if (fake_tail[TAIL_COMMIT] < UINT8_MAX) /* a commit that is missing ends it, but each is looked for */
        told(journal_verify(&journal, on_bytes, fake_tail[0] % 2 ? on_fault : NULL, NULL, last, &unchained, &e), &e);
}

/* As the writer does at its start. */
static void load_ends(void)
{
    struct finder f = {0};
    struct err_text e = {""};
    told(finder_open(&f, &journal, NULL, &e), &e);
    told(ends_load(&journal, &f, &e), &e);
    finder_close(&f);
}

static void prepare(void)
{
    journal.partitions = PARTITIONS;
    for (unsigned i = 0; i < DB_COUNT; i++)
        journal.store.dbi[i] = i;
    journal.reach = calloc(PARTITIONS, sizeof *journal.reach);
    journal.pending = calloc(PARTITIONS, sizeof *journal.pending);
    ASSERT(journal.reach && journal.pending);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (!journal.reach)
        prepare();
    if (bytes < STORE_TAIL_NUMBERS)
        return 0;
    for (unsigned i = 0; i < STORE_TAIL_NUMBERS; i++)
        fake_tail[i] = data[i];
    fake_tail[TAIL_FEEDERS] = fake_tail[TAIL_FEEDERS_SUM] = 0;
    fake_fill(data + STORE_TAIL_NUMBERS, bytes - STORE_TAIL_NUMBERS, DB_COUNT);
    repair();
    read_all();
    load_ends();
    fake_clear();
    return 0;
}
