/* A file of an outbox: records one after the other, written at its end only and read from its begin on. Each carries
 * two CRC32C, so that a flipped bit costs the record that it is in and no other. Private to outbox.c.
 *
 *     file    = head head record*     the head twice, for without it all is lost
 *     record  = 48 bytes: magic u32 | kind u8, 3 zero bytes | generation u64 | seq u64 | digest u64 | bytes u32
 *               | body_crc u32 | zero u32 | crc u32, then the body, zero-padded to a multiple of 8
 *
 * Little-endian. Of the two files, the one whose head has the greater generation counts; records of another generation
 * are what is left of an earlier use. */
#pragma once
#include "base/buffer.h"
#include "base/err.h"
#include <stdbool.h>

enum outbox_record_kind {
    OUTBOX_HEAD = 1, /* seq: of the first row; digest: of all before it; body: struct outbox_head */
    OUTBOX_ROW,      /* body: the envelope as it is sent; digest: of all up to it (D17) */
    OUTBOX_MARK,     /* all before it is synced. seq: up to here has its receipt; body: struct outbox_mark */
    OUTBOX_LOST,     /* stands for a row that was damaged */
    OUTBOX_END,      /* outbox_end.h */
};

struct outbox_record {
    uint32_t magic;
    uint8_t kind, zero[3];
    uint64_t generation, seq, digest;
    uint32_t bytes, body_crc, zero2, crc;
};
_Static_assert(sizeof(struct outbox_record) == 48, "on-disk size");

struct outbox_head {
    uint32_t format, zero;
    uint64_t epoch, line;
    char feeder[72];
};
struct outbox_mark {
    uint64_t last, digest; /* of the rows before it */
};
enum { OUTBOX_FORMAT = 2, OUTBOX_HEADS_BYTES = 2 * (sizeof(struct outbox_record) + sizeof(struct outbox_head)) };

struct outbox_file {
    char path[4096];
    int fd;
    uint64_t generation, end; /* generation 0: nothing in it counts */
    uint64_t found;           /* its bytes when it was opened */
    struct buffer window;     /* what was read last … */
    uint64_t window_at;       /* … and where it stands */
};

/* Appends room for a record with `bytes` of body; returns where the body goes. outbox_record_seal fills in the rest. */
uint8_t *outbox_record_add(struct buffer *b, enum outbox_record_kind kind, uint64_t seq, size_t bytes);
/* The body is there: makes the sums. */
void outbox_record_seal(struct outbox_record *r, uint64_t generation, uint64_t digest);
/* With its body in memory behind it: whether it is such a one, as it was sealed. */
bool outbox_record_sound(const struct outbox_record *r, enum outbox_record_kind kind, size_t bytes);
/* With its body. */
size_t outbox_record_bytes(const struct outbox_record *r);

/* So much stays its own even when it is empty: on a full disk, what is settled can still make room. */
enum { OUTBOX_RESERVE_BYTES = 4096 };

/* Makes it when missing, with its reserve. ERR_FULL, ERR_IO. */
enum err outbox_file_open(struct outbox_file *f, const char *directory, int which, struct err_text *e);
void outbox_file_close(struct outbox_file *f);
/* The head, from either of its places; generation and end are set. ERR_NOT_FOUND: there is none. */
enum err outbox_file_head(struct outbox_file *f, struct outbox_record *r, struct outbox_head *head, struct err_text *e);
/* Writes at `at`; *written is what is on the disk, ERR_FULL says that it is not all. Not synced. */
enum err outbox_file_write(struct outbox_file *f, uint64_t at, const void *data, size_t bytes, size_t *written,
                           struct err_text *e);
enum err outbox_file_sync(struct outbox_file *f, struct err_text *e);
/* Nothing in it counts any more. */
void outbox_file_empty(struct outbox_file *f);

/* The first sound record at or after *at, which is moved to it. false: none. O(bytes that are damaged). */
bool outbox_file_next(struct outbox_file *f, uint64_t *at, struct outbox_record *r);
/* The body of a sound record; valid until the next call. NULL: it is damaged. */
const uint8_t *outbox_file_body(struct outbox_file *f, uint64_t at, const struct outbox_record *r);
/* So many bytes as they stand there; fewer at the end. */
const uint8_t *outbox_file_peek(struct outbox_file *f, uint64_t at, size_t *bytes);
