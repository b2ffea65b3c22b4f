/* The journal: the truth (law 2). Writer: the ingestor, alone. Everybody may read.
 *
 * LMDB environment `<dir>/journal`:
 *   meta      "format", "partitions", "id", "term"
 *   records   commit be64 | partition be16 | first pseq be64 -> record (record.h)
 *   index     partition be16 | first pseq be64        -> commit u64, last pseq u64: one for each partition in each full
 *             block of 64 commits; the last block, which is not full, is looked through
 *   controls  control seq be64                        -> commit u64, crc u32, zero u32, Control packed (journal.proto)
 *   feeders   feeder number be32                      -> struct feeder_value (internal.h)
 *   chain     commit be64                             -> hash of it and the one before, for each 64th (chain.c)
 * Each value has a CRC32C of it and its key. With each transaction stands (store_tail) how far it came: commit,
 * entries, controls, marks and what their checksums add up to, and how far the chain was made, with the hash of the
 * last commit in it. So a flipped bit, an old page
 * in the place of a new one, and a cut end show to whoever reads: ERR_CORRUPT, with the place.
 *
 * Records lie in the order of commits, so that a commit adds pages at the end of the file instead of changing one page
 * in every partition, which takes a fifth of the time to sync. Commits with records are numbered from 1; those without
 * have no number. A record and the marks of its feeders are one transaction, synced before journal_append returns (law
 * 1). Readers never hold a transaction across a wait.
 *
 * Beside it, `<dir>/journal.id` holds the journal's id in hexadecimal, from its making on, and state has the id of the
 * journal that it follows: a directory that had a journal, by either of them, never gets a new one unasked, nor goes on
 * with another.
 *
 * The functions are the whole interface: a replicated log can take LMDB's place behind them. */
#pragma once
#include "base/settings.h"
#include "journal/group.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

struct journal_options {
    bool writer;         /* creates the environment when it is missing, takes a lock file, starts a new term */
    uint32_t partitions; /* for a new environment; 0: default */
    size_t map_bytes;    /* 0: default (64 GiB, sparse); readers: what the file has */
    bool network_fs_allowed;
    bool still; /* reader: a copy that nobody writes; nothing is made beside it */
};
/* A reader's, as the settings say; a writer sets `writer` and `partitions` in it. */
struct journal_options journal_options(const struct settings *settings);

/* `directory` is the <dir> above: the environment is its sub-directory "journal". ERR_NOT_FOUND (reader, nothing
 * there), ERR_BUSY (another writer; open in this process already), ERR_VERSION, ERR_INVALID (file system that LMDB does
 * not support; process in another PID namespace), ERR_IO. One thread per handle; a writer's handle may have two, one
 * that appends (journal_append) and one that does everything else. No use after fork. */
enum err journal_open(struct journal **out, const char *directory, const struct journal_options *o, struct err_text *e);
void journal_close(struct journal **j);
/* ERR_CORRUPT, with what to do, when `directory` had a journal (its id is there, or a state that follows it) and has
 * none now, or an empty file in its place. A writer's journal_open says the same, and also when another journal is in
 * its place. */
enum err journal_expected(const char *directory, struct err_text *e);
/* A person puts another journal there: the one known so far is forgotten. ERR_IO. */
enum err journal_forget(const char *directory, struct err_text *e);

uint32_t journal_partitions(const struct journal *j);
uint64_t journal_id(const struct journal *j);   /* random, drawn at creation */
uint64_t journal_term(const struct journal *j); /* writer: one more at each start, already on disk */
/* Writer, while nobody appends: the last commit with records; 0: none. */
uint64_t journal_last_commit(const struct journal *j);

/* All or nothing, and synced. The same group may be appended again until the answer is OK, and has its effect once: OK
 * is also the answer when it is there already, record for record. ERR_FULL, ERR_IO: it may be there, and the journal
 * stays usable. ERR_LOST: the journal holds another commit in its place, or does not come up to it: somebody else
 * writes. ERR_INVALID: a record does not begin at its partition's last pseq + 1, a control not at the last + 1 (the
 * same key twice is such a case). */
enum err journal_append(struct journal *j, const struct journal_group *g, struct err_text *e);

/* Each commit is hashed together with the one before (chain.c), behind the receipts, by the thread that appends when it
 * has time. Damage, holes and a cut end are found without it; that somebody altered a record on purpose, and its sums
 * with it, is found from then on when it was hashed.
 *
 * How many commits are not hashed yet. */
uint64_t journal_unchained(const struct journal *j);
/* Hashes the next one. O(its bytes). ERR_CORRUPT, with the place: it is damaged, and the chain ends before it; ERR_LOST
 * as journal_append. */
enum err journal_chain(struct journal *j, struct err_text *e);
/* What was hashed is written down with the next append that succeeds; or, one transaction, by this. */
bool journal_chain_kept(const struct journal *j);
enum err journal_keep_chain(struct journal *j, struct err_text *e);

/* Records of a partition from the one that holds from_pseq on, in order, until `fn` returns false or bytes_max are read
 * (at least one record is handed out). The record is valid only inside fn. ERR_CORRUPT when pseq are not dense.
 * To find the first record, and at each border of a block: O(log n) in the index and at most 64 steps. What fn reads of
 * this journal is of the same instant. */
enum err journal_read(struct journal *j, uint32_t partition, uint64_t from_pseq, size_t bytes_max,
                      journal_record_fn *fn, void *ctx, struct err_text *e);

/* Reads all records in one snapshot: checksums, dense pseq, the index, the chain, and that the end is not cut off.
 * last[partitions] gets each partition's last pseq, *unchained how many commits at the end are not in the chain yet. fn
 * hears of each record's bytes; an error of it ends the reading. ERR_CORRUPT with the place of the first fault; with
 * `fault`, that hears of each damaged record and the rest is read, and ERR_CORRUPT says how many they are.
 * Controls and marks: journal_controls, journal_feeders. */
typedef enum err journal_verify_fn(void *ctx, size_t bytes, struct err_text *e);
typedef void journal_fault_fn(void *ctx, const char *sentence);
enum err journal_verify(struct journal *j, journal_verify_fn *fn, journal_fault_fn *fault, void *ctx, uint64_t *last,
                        uint64_t *unchained, struct err_text *e);

/* Writer, while nobody appends: where a partition ends (0: empty), also when records on the way there are damaged;
 * these are told when they are read. */
uint64_t journal_end(const struct journal *j, uint32_t partition);

/* 0: empty. */
enum err journal_last_pseq(struct journal *j, uint32_t partition, uint64_t *last, struct err_text *e);

/* Controls from .. last, in order. */
enum err journal_controls(struct journal *j, uint64_t from, journal_control_fn *fn, void *ctx, struct err_text *e);

typedef bool journal_feeder_fn(void *ctx, uint32_t number, const struct journal_feeder *feeder);
enum err journal_feeders(struct journal *j, journal_feeder_fn *fn, void *ctx, struct err_text *e);

/* ERR_FULL when less than `bytes` are left (as store_room): a reason to refuse early. Writer: ERR_LOST when somebody
 * else has begun a term; ERR_IO while a write that failed keeps it from looking. */
enum err journal_room(struct journal *j, size_t bytes, struct err_text *e);
/* A consistent copy while it is in use, piece by piece (as store_stream). */
enum err journal_stream(struct journal *j,
                        enum err (*fn)(void *ctx, const void *data, size_t bytes, struct err_text *e), void *ctx,
                        struct err_text *e);
