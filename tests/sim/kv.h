/* Sorted keys and values in memory, with a journal of what the last transaction changed, so that it can be taken back.
 */
#pragma once
#include "tests/sim/flips.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KV_KEY_MAX = 28 };

struct kv_row {
    uint8_t key[KV_KEY_MAX];
    size_t key_bytes, bytes, capacity;
    uint8_t *data;
    struct flip flip; /* until it is written again */
};

struct kv {
    struct kv_row *row;
    size_t count, capacity;
    struct kv_change { /* undone from the last to the first */
        struct kv_row before;
        bool existed;
    } * change;
    size_t change_count, change_capacity;
};

void kv_free(struct kv *k);
/* `to` is empty. */
void kv_copy(struct kv *to, const struct kv *from);
/* From here on, kv_undo comes back to this point. */
void kv_begin(struct kv *k);
void kv_put(struct kv *k, const void *key, size_t key_bytes, const void *data, size_t bytes);
void kv_remove(struct kv *k, const void *key, size_t key_bytes); /* none there: fine */
void kv_undo(struct kv *k);
/* NULL: no such key. */
const struct kv_row *kv_get(const struct kv *k, const void *key, size_t key_bytes);
/* Position of the first key that is not before this one. */
size_t kv_seek(const struct kv *k, const void *key, size_t key_bytes);
