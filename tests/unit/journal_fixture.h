/* A journal of 4 partitions in a directory of its own, for the tests of the journal. */
#pragma once
#include "base/buffer.h"
#include "journal/journal.h"

enum { MIB = 1 << 20 };

extern char directory[64];
extern struct journal *j;
extern struct err_text e;

/* Set-up and tear-down of each test. */
void make_directory(void);
void remove_directory(void);

enum err open_as(bool writer, size_t map_bytes);
void open_writer(size_t map_bytes);
void reopen(size_t map_bytes);

/* A record of `count` submissions whose bodies are `body_bytes` of the letter given. */
void make_record(struct buffer *b, uint64_t first, uint32_t count, size_t body_bytes, char letter);
/* A group of one such record and feeder 1's mark, last_seq being the record's last pseq. */
enum err append_as(uint64_t commit, uint32_t partition, uint64_t first, uint32_t count, size_t body_bytes);
/* … as the next commit. */
enum err append(uint32_t partition, uint64_t first, uint32_t count, size_t body_bytes);

uint64_t last_of(uint32_t partition);
uint64_t marked_seq(void);

/* A journal_record_fn: notes the first pseq of each record, up to 64. */
struct seen {
    uint64_t first[64];
    size_t count, stop_after;
};
bool see(void *ctx, uint64_t first_pseq, const void *record, size_t bytes);
struct seen read_from(uint32_t partition, uint64_t from, size_t bytes_max, size_t stop_after);

/* Closes the journal, and writes or deletes behind its back: only its sums and counts are left to tell. */
void put_raw(const char *database, const void *key, size_t key_bytes, const void *value, size_t bytes);
void remove_raw(const char *database, const void *key, size_t key_bytes);
