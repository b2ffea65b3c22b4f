/* Submissions without a receipt, on disk, so that they outlive the process that made them. One writer: the feeder that
 * holds the lock; nobody else reads it.
 *
 * Directory of the outbox: `lock`; `queue.0` and `queue.1`, of which one counts (outbox_file.h): what is added is
 * written at its end, and when much of it is settled, or a new epoch begins, what is left goes to the other one;
 * `damaged`: records that could not be read, as they stood there, for a person; `end`: how far it was written
 * (outbox_end.h).
 *
 * A flipped bit costs the submission that it is in, and no other: that one is ERR_CORRUPT for outbox_get, and its place
 * stays until a new epoch begins after it. A write that finds the disk full keeps what went in. */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

#define OUTBOX_BYTES_MAX ((uint64_t)2 << 30) /* of its file */

struct outbox;

struct outbox_start {
    uint64_t epoch, first_seq, next_seq; /* first_seq = next_seq: empty */
    uint64_t line;                       /* drawn when it was made (D16) */
    uint64_t digest;                     /* of all before first_seq (D17) */
    uint64_t lost_first, lost;           /* the queue was cut off: so many from here on are gone; 0: none */
};
/* Makes it when missing (epoch 1). ERR_BUSY: another process has it; ERR_INVALID: it is another feeder's; ERR_VERSION:
 * of an earlier version; ERR_CORRUPT: nothing in it can be read. What is lost is said at each start until something is
 * synced. */
enum err outbox_open(struct outbox **o, const char *directory, const char *feeder, struct outbox_start *start,
                     struct err_text *e);
/* What was added and not synced is lost, as after a crash. */
void outbox_close(struct outbox **o);

/* Room for the envelope of the next seq, to be filled before anything else is called. ERR_FULL: sync, and wait for
 * receipts. */
enum err outbox_add(struct outbox *o, size_t bytes, uint8_t **room, struct err_text *e);
/* Writes what was added, and what is settled, in one synced write; none when there is neither. *up_to_seq: on disk up
 * to here, after an error too; try again. */
enum err outbox_sync(struct outbox *o, uint64_t *up_to_seq, struct err_text *e);
/* Receipts came up to here; the digest of all up to it. */
void outbox_settled(struct outbox *o, uint64_t up_to_seq, uint64_t digest);
/* Copies into memory that is valid until the next call. ERR_NOT_FOUND: settled, or not on disk; ERR_CORRUPT: damaged,
 * and where. Fast in the order of seq. */
enum err outbox_get(struct outbox *o, uint64_t seq, const void **envelope, size_t *bytes, struct err_text *e);
/* Of all submissions up to seq, which is on disk. ERR_CORRUPT: damaged. O(bytes stored). */
enum err outbox_digest(struct outbox *o, uint64_t seq, uint64_t *digest);
/* Everything before `first` is forgotten, `first` becomes 1 and so on, in a new epoch: all or nothing, synced. Of what
 * has no receipt among it, and is damaged, the bytes go to `damaged`. */
enum err outbox_renumber(struct outbox *o, uint64_t epoch, uint64_t first, struct err_text *e);
