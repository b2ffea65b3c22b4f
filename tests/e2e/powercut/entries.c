/* What a journal holds: for each feeder "NAME EPOCH MARK COUNT LAST TWICE": its mark, how many submissions are there
 * of that epoch, the greatest number, and how many are there more than once. */
#include "journal/journal.h"
#include "journal/record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEEDERS_MAX = 64 };

struct feeder {
    struct journal_feeder mark;
    uint64_t count, last, twice;
    uint8_t *seen;
    size_t seen_bytes;
};
static struct feeder feeders[FEEDERS_MAX];

static void see(struct feeder *f, uint64_t seq)
{
    if (seq / 8 >= f->seen_bytes) {
        size_t bytes = 2 * (size_t)(seq / 8) + 4096;
        f->seen = realloc(f->seen, bytes);
        ASSERT(f->seen);
        memset(f->seen + f->seen_bytes, 0, bytes - f->seen_bytes);
        f->seen_bytes = bytes;
    }
    uint8_t bit = (uint8_t)(1 << seq % 8), *at = &f->seen[seq / 8];
    f->twice += (*at & bit) != 0;
    f->count += !(*at & bit);
    *at |= bit;
    f->last = seq > f->last ? seq : f->last;
}

static bool take_record(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct record_reader reader;
    struct record_entry entry;
    const uint8_t *body;
    uint64_t *next = ctx;
    if (record_open(&reader, record, bytes, NULL))
        return false;
    while (record_next(&reader, &entry, &body))
        if (entry.feeder < FEEDERS_MAX && entry.epoch == feeders[entry.feeder].mark.epoch)
            see(&feeders[entry.feeder], entry.seq);
    *next = first_pseq + reader.header.count;
    return true;
}

static bool take_feeder(void *ctx, uint32_t number, const struct journal_feeder *feeder)
{
    (void)ctx;
    if (number < FEEDERS_MAX)
        feeders[number].mark = *feeder;
    return number < FEEDERS_MAX;
}

static enum err read_partition(struct journal *j, uint32_t partition, struct err_text *e)
{
    uint64_t last = 0, next = 1;
    enum err err = journal_last_pseq(j, partition, &last, e);
    if (!err && last)
        err = journal_read(j, partition, 1, SIZE_MAX, take_record, &next, e);
    if (!err && next != last + 1)
        err = err_set(e, ERR_CORRUPT, "partition %u ends at %llu, not at %llu", partition, (unsigned long long)next - 1,
                      (unsigned long long)last);
    return err;
}

int main(int argc, char **argv)
{
    struct err_text e = {""};
    struct journal *j = NULL;
    if (argc != 2)
        return 2;
    enum err err = journal_open(&j, argv[1], &(struct journal_options){0}, &e);
    if (!err)
        err = journal_feeders(j, take_feeder, NULL, &e);
    for (uint32_t p = 0; !err && p < journal_partitions(j); p++)
        err = read_partition(j, p, &e);
    for (size_t i = 0; !err && i < FEEDERS_MAX; i++) {
        const struct feeder *f = &feeders[i];
        if (f->mark.epoch)
            printf("%s %llu %llu %llu %llu %llu\n", f->mark.name, (unsigned long long)f->mark.epoch,
                   (unsigned long long)f->mark.last_seq, (unsigned long long)f->count, (unsigned long long)f->last,
                   (unsigned long long)f->twice);
        free(f->seen);
    }
    journal_close(&j);
    if (err && err != ERR_NOT_FOUND) /* nothing was ever promised */
        fprintf(stderr, "entries: %s\n", e.text);
    return err && err != ERR_NOT_FOUND ? 1 : 0;
}
