/* Submissions without a receipt, on disk, so that they outlive the process that made them. One writer: the feeder that
 * holds the lock; nobody else reads it.
 *
 * Directory of the outbox: `lock`, and LMDB environment `data`:
 *   meta         "format", "epoch", "next_seq" (numbers), "feeder" (text)
 *   submissions  seq be64 -> envelope as it is sent */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { OUTBOX_FORMAT = 1 };
#define OUTBOX_BYTES_MAX ((size_t)2 << 30) /* stored submissions, counted in pages */

struct outbox;

struct outbox_start {
    uint64_t epoch, first_seq, next_seq; /* first_seq = next_seq: empty */
};
/* Makes it when missing (epoch 1). ERR_BUSY: another process has it; ERR_INVALID: it is another feeder's. */
enum err outbox_open(struct outbox **o, const char *directory, const char *feeder, struct outbox_start *start,
                     struct err_text *e);
/* What was added and not synced is lost, as after a crash. */
void outbox_close(struct outbox **o);

/* Room for the envelope of the next seq, to be filled before anything else is called. ERR_FULL: sync, and wait for
 * receipts. */
enum err outbox_add(struct outbox *o, size_t bytes, uint8_t **room, struct err_text *e);
/* Writes what was added and takes out what is settled, in one synced transaction; none when there is neither.
 * *up_to_seq: on disk up to here. After an error nothing changed; try again. */
enum err outbox_sync(struct outbox *o, uint64_t *up_to_seq, struct err_text *e);
/* Receipts came up to here. */
void outbox_settled(struct outbox *o, uint64_t up_to_seq);
/* Copies into memory that is valid until the next call. ERR_NOT_FOUND. */
enum err outbox_get(struct outbox *o, uint64_t seq, const void **envelope, size_t *bytes, struct err_text *e);
/* Everything before `first` is forgotten, `first` becomes 1 and so on, in a new epoch: one synced transaction. */
enum err outbox_renumber(struct outbox *o, uint64_t epoch, uint64_t first, struct err_text *e);
