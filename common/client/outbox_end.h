/* How far an outbox was written, beside its queue (file `end`): a queue that ends before that was cut off, by a file
 * system that was repaired, a copy that broke off, a person; without it nothing would tell. It also has what the head
 * of the queue says, for a cut may leave none. Written after what it speaks of is synced, and not synced itself: after
 * a power cut it may say less, never more. Private to outbox.c. */
#pragma once
#include "client/outbox_file.h"

struct outbox_known {
    struct outbox_head head;
    uint64_t which, generation; /* the file that counted, and its generation; 0: nothing is known */
    uint64_t last;              /* was on disk up to here */
    uint64_t settled, settled_digest;
};

/* -1: it cannot be had, and nothing is known: that is no reason not to work. */
int outbox_end_open(const char *directory);
void outbox_end_read(int fd, struct outbox_known *known);
void outbox_end_write(int fd, const struct outbox_known *known);
