#include "tests/sim/kv.h"
#include "base/err.h"
#include <stdlib.h>
#include <string.h>

static int compare(const struct kv_row *row, const void *key, size_t key_bytes)
{
    size_t least = row->key_bytes < key_bytes ? row->key_bytes : key_bytes;
    int order = memcmp(row->key, key, least);
    return order ? order : (row->key_bytes > key_bytes) - (row->key_bytes < key_bytes);
}

size_t kv_seek(const struct kv *k, const void *key, size_t key_bytes)
{
    size_t low = 0, high = k->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(&k->row[middle], key, key_bytes) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct kv *k, size_t at, const void *key, size_t key_bytes)
{
    return at < k->count && compare(&k->row[at], key, key_bytes) == 0;
}

const struct kv_row *kv_get(const struct kv *k, const void *key, size_t key_bytes)
{
    size_t at = kv_seek(k, key, key_bytes);
    return is_at(k, at, key, key_bytes) ? &k->row[at] : NULL;
}

static void set_data(struct kv_row *row, const void *data, size_t bytes)
{
    if (row->capacity < bytes) {
        free(row->data);
        row->data = malloc(bytes);
        ASSERT(row->data);
        row->capacity = bytes;
    }
    if (bytes)
        memcpy(row->data, data, bytes);
    row->bytes = bytes;
    row->flip = (struct flip){0};
}

static struct kv_row *insert(struct kv *k, size_t at, const void *key, size_t key_bytes)
{
    ASSERT(key_bytes <= KV_KEY_MAX);
    if (k->count == k->capacity) {
        k->capacity = k->capacity ? 2 * k->capacity : 64;
        k->row = realloc(k->row, k->capacity * sizeof *k->row);
        ASSERT(k->row);
    }
    memmove(k->row + at + 1, k->row + at, (k->count++ - at) * sizeof *k->row);
    k->row[at] = (struct kv_row){.key_bytes = key_bytes};
    memcpy(k->row[at].key, key, key_bytes);
    return &k->row[at];
}

static struct kv_change *note_change(struct kv *k, const void *key, size_t key_bytes)
{
    if (k->change_count == k->change_capacity) {
        size_t more = k->change_capacity ? 2 * k->change_capacity : 16;
        k->change = realloc(k->change, more * sizeof *k->change);
        ASSERT(k->change);
        memset(k->change + k->change_capacity, 0, (more - k->change_capacity) * sizeof *k->change);
        k->change_capacity = more;
    }
    struct kv_change *c = &k->change[k->change_count++];
    memcpy(c->before.key, key, key_bytes);
    c->before.key_bytes = key_bytes;
    c->existed = false;
    return c;
}

void kv_begin(struct kv *k) { k->change_count = 0; }

void kv_put(struct kv *k, const void *key, size_t key_bytes, const void *data, size_t bytes)
{
    size_t at = kv_seek(k, key, key_bytes);
    struct kv_change *c = note_change(k, key, key_bytes);
    if (is_at(k, at, key, key_bytes)) {
        c->existed = true;
        set_data(&c->before, k->row[at].data, k->row[at].bytes);
    } else {
        insert(k, at, key, key_bytes);
    }
    set_data(&k->row[at], data, bytes);
}

static void take_out(struct kv *k, size_t at)
{
    free(k->row[at].data);
    memmove(k->row + at, k->row + at + 1, (--k->count - at) * sizeof *k->row);
}

void kv_remove(struct kv *k, const void *key, size_t key_bytes)
{
    size_t at = kv_seek(k, key, key_bytes);
    if (!is_at(k, at, key, key_bytes))
        return;
    struct kv_change *c = note_change(k, key, key_bytes);
    c->existed = true;
    set_data(&c->before, k->row[at].data, k->row[at].bytes);
    take_out(k, at);
}

void kv_undo(struct kv *k)
{
    while (k->change_count) {
        const struct kv_change *c = &k->change[--k->change_count];
        size_t at = kv_seek(k, c->before.key, c->before.key_bytes);
        bool there = is_at(k, at, c->before.key, c->before.key_bytes);
        if (c->existed && !there)
            insert(k, at, c->before.key, c->before.key_bytes);
        if (c->existed)
            set_data(&k->row[at], c->before.data, c->before.bytes);
        else if (there)
            take_out(k, at);
    }
}

void kv_free(struct kv *k)
{
    for (size_t i = 0; i < k->count; i++)
        free(k->row[i].data);
    for (size_t i = 0; i < k->change_capacity; i++)
        free(k->change[i].before.data);
    free(k->row);
    free(k->change);
    *k = (struct kv){0};
}

void kv_copy(struct kv *to, const struct kv *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct kv_row *row = &from->row[i];
        set_data(insert(to, i, row->key, row->key_bytes), row->data, row->bytes);
    }
}
