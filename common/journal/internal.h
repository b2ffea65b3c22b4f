/* What the journal's own files share. */
#pragma once
#include "base/bytes.h"
#include "base/crc32c.h"
#include "journal/journal.h"
#include "journal/record.h"
#include "store/store.h"

enum { DB_META, DB_RECORDS, DB_INDEX, DB_CONTROLS, DB_FEEDERS, DB_CHAIN, DB_COUNT };
enum { JOURNAL_FORMAT = 3, FEEDER_VERSION = 3, RECORD_KEY_BYTES = 18, INDEX_KEY_BYTES = 10, BLOCK_COMMITS = 64 };

/* How far a partition has come. */
struct reach {
    uint64_t last;          /* pseq; 0: empty */
    uint64_t first, commit; /* its first record in the block in hand; commit 0: it has none there */
};

enum { CHAIN_HASH_BYTES = 32, CHAIN_LINKS_MAX = 32 };

/* The hash of `commit`, and how many controls there were up to it. */
struct chain {
    uint64_t commit, control;
    uint8_t hash[CHAIN_HASH_BYTES];
};
/* How far the chain was made, behind the receipts. */
struct chaining {
    struct chain at;
    uint64_t kept;                      /* the commit up to which the disk has it */
    struct chain link[CHAIN_LINKS_MAX]; /* those for good that the disk does not have yet */
    unsigned links;
};

struct journal {
    struct store store;
    int lock_fd; /* writer */
    uint32_t partitions;
    uint64_t id, term;
    uint64_t known_id; /* writer: the directory had this one before; 0: none */
    /* Writer, of the thread that appends: each partition as committed, and as the group in hand would have it. */
    struct reach *reach, *pending;
    uint64_t last_commit, last_control;
    struct chaining chaining;
    uint64_t generation; /* of the store, when these were read */
};

struct index_value {
    uint64_t commit, last;
    uint32_t crc, zero; /* CRC32C of the key and what stands before it; likewise below */
};
static inline uint32_t index_crc(const void *key, const struct index_value *v)
{
    return crc32c(crc32c(0, key, INDEX_KEY_BYTES), v, offsetof(struct index_value, crc));
}

struct feeder_value {
    uint8_t version, without_outbox, free, removed, zero[4];
    uint64_t epoch, last_seq, refused, digest, line;
    char name[72];
    uint32_t crc, zero2;
};
_Static_assert(sizeof(struct feeder_value) == 128, "on-disk size");
static inline uint32_t feeder_crc(const void *key, const struct feeder_value *v)
{
    return crc32c(crc32c(0, key, sizeof(uint32_t)), v, offsetof(struct feeder_value, crc));
}

/* In front of a packed control; its CRC32C is of the key, the commit and what follows. */
struct control_header {
    uint64_t commit;
    uint32_t crc, zero;
};
static inline uint32_t control_crc(const void *key, uint64_t commit, const void *packed, size_t bytes)
{
    return crc32c(crc32c(crc32c(0, key, sizeof(uint64_t)), &commit, sizeof commit), packed, bytes);
}

/* What each transaction keeps (store_tail): how far the journal has come, so that a cut end shows. */
enum journal_tail {
    TAIL_COMMIT,
    TAIL_ENTRIES, /* pseq of all partitions together */
    TAIL_CONTROL,
    TAIL_FEEDERS, /* marks, and what their checksums add up to */
    TAIL_FEEDERS_SUM,
    TAIL_HASH,        /* 4 numbers: of the commit up to which the chain was made (chain_behind.c) … */
    TAIL_CHAINED = 9, /* … which is this one; 0: none */
};
_Static_assert(TAIL_HASH + 4 == TAIL_CHAINED && (int)TAIL_CHAINED < (int)STORE_TAIL_NUMBERS, "it fits");
_Static_assert(FEEDER_NAME_BYTES <= 72, "a name fits");

static inline uint64_t block_of(uint64_t commit) { return commit / BLOCK_COMMITS; }
/* Blocks before it are in the index. */
static inline uint64_t tail_start(uint64_t last_commit) { return block_of(last_commit + 1) * BLOCK_COMMITS; }

/* A record in a snapshot. */
struct spot {
    uint64_t commit, first;
    uint32_t partition;
    MDB_val data;
};

struct finder {
    struct journal *j;
    MDB_txn *txn;
    MDB_cursor *records, *index;
    uint64_t last_commit; /* of the snapshot, as its tail has it; 0: no records */
};
enum err finder_open(struct finder *f, struct journal *j, MDB_txn *txn, struct err_text *e);
void finder_close(struct finder *f);
/* The partition's first record at or after (commit, pseq) in the block of that commit. ERR_NOT_FOUND: none. */
enum err finder_hop(struct finder *f, uint32_t partition, uint64_t commit, uint64_t pseq, struct spot *spot,
                    struct err_text *e);
/* The next record of any partition, beginning with the first of `commit`. ERR_NOT_FOUND: the end. */
enum err finder_first(struct finder *f, uint64_t commit, struct spot *spot, struct err_text *e);
enum err finder_next(struct finder *f, struct spot *spot, struct err_text *e);
/* The index entry that begins at or before pseq: *first is 0 when there is none. *after is where the one after it
 * begins, 0: none. */
struct index_entry {
    uint64_t first, after;
    struct index_value value;
};
enum err finder_index(struct finder *f, uint32_t partition, uint64_t pseq, struct index_entry *entry,
                      struct err_text *e);

/* The last pseq of the partition that the index knows; 0: none. */
enum err finder_indexed_last(struct finder *f, uint32_t partition, uint64_t *last, struct err_text *e);

/* ends.c. Writer: reads reach and last_commit. ERR_CORRUPT: so much is damaged that some partition's end is not known.
 */
enum err ends_load(struct journal *j, struct finder *f, struct err_text *e);

/* How many pseq a record takes, from its header alone. ERR_CORRUPT: its header is damaged, or its key. */
enum err spot_count(const struct spot *spot, uint32_t *count, struct err_text *e);
/* All of it is checked. Both name what is damaged: partition, pseq, commit. */
enum err spot_open(const struct spot *spot, struct record_reader *r, struct err_text *e);

static inline void make_record_key(uint8_t key[static RECORD_KEY_BYTES], uint64_t commit, uint32_t partition,
                                   uint64_t pseq)
{
    put_be64(key, commit);
    put_be16(key + 8, (uint16_t)partition);
    put_be64(key + 10, pseq);
}

static inline void make_index_key(uint8_t key[static INDEX_KEY_BYTES], uint32_t partition, uint64_t pseq)
{
    put_be16(key, (uint16_t)partition);
    put_be64(key + 2, pseq);
}

/* identity.c: the id in <directory>/journal.id; 0: none. */
enum err identity_read(const char *directory, uint64_t *id, struct err_text *e);
/* The id of the journal that the directory had: by journal.id, or else by state; 0: neither knows one. ERR_CORRUPT and
 * others of state_open: there is no journal.id, and state cannot be read. */
enum err identity_known(const char *directory, uint64_t *id, struct err_text *e);
/* ERR_CORRUPT, with what to do, when the journal that the directory had is another one than this. */
enum err identity_check(const char *directory, uint64_t id, struct err_text *e);
/* Known from now on, if it was not. */
enum err identity_keep(const char *directory, uint64_t id, struct err_text *e);

/* chain.c. ERR_CORRUPT: the commit does not lie in the databases as it should. O(its bytes). */
void chain_begin(struct chain *c, uint64_t journal_id);
enum err chain_extend(struct chain *c, MDB_cursor *records, MDB_cursor *controls, struct err_text *e);

/* open.c. ERR_LOST: the term is not the writer's own any more. */
enum err journal_check_term(struct journal *j, MDB_txn *txn, struct err_text *e);
/* Writer: a transaction, when the term is still ours; what the handle knows is as the disk has it. */
enum err journal_write_begin(struct journal *j, MDB_txn **txn, struct err_text *e);

/* chaining.c. Writer: where the chain goes on, by what stands in the tail. */
enum err chaining_load(struct journal *j, MDB_txn *txn, struct err_text *e);
/* What was hashed so far goes along with a transaction that is written anyway, and is kept when that was committed. */
enum err chaining_put(struct journal *j, MDB_txn *txn, struct err_text *e);
void chaining_kept(struct journal *j);

/* Writer: reads reach, last_commit and last_control afresh. ERR_CORRUPT: as ends_load; a list is damaged. */
enum err journal_load_reach(struct journal *j, MDB_txn *txn, struct err_text *e);

/* Whether commit g->commit, which is there, holds the group's records and nothing else. Else ERR_LOST. */
enum err journal_compare(struct journal *j, MDB_txn *txn, const struct journal_group *g, struct err_text *e);
