#include "services/parbus/rejects/retry.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "inside.pb-c.h"
#include "link/link.h"
#include <stdio.h>

enum { ANSWER_MS_MAX = 10000, ASK_AGAIN_MS = 1000 };

struct finding {
    struct buffer *entries;
    size_t most;
};

static size_t count_of(const struct buffer *entries) { return entries->size / sizeof(struct retry_entry); }

static void take_set_aside(void *ctx, const struct reject_row *row)
{
    struct finding *f = ctx;
    if (row->header.reason != PARBUS__REASON__REJECTED_POISON || row->row != WIRE_ROW_WHOLE ||
        count_of(f->entries) == f->most)
        return;
    struct retry_entry entry = {.partition = row->header.partition, .pseq = row->header.pseq};
    buffer_append(f->entries, &entry, sizeof entry);
}

enum err retry_find(const struct explanation *stores, const struct reject_filter *filter, struct buffer *entries,
                    struct err_text *e)
{
    struct reject_filter all = *filter;
    struct finding f = {entries, filter->limit ? (size_t)filter->limit : SIZE_MAX};
    all.limit = 0; /* it counts those that were set aside, not the others between them */
    return reject_list(stores, &all, take_set_aside, &f, e);
}

static void send_retry(void *socket, const struct retry_entry *entry)
{
    Parbus__Retry retry = PARBUS__RETRY__INIT;
    struct buffer out = {0};
    retry.has_partition = retry.has_pseq = 1;
    retry.partition = entry->partition;
    retry.pseq = entry->pseq;
    wire_pack(&out, PARBUS__TO_COORDINATOR__BODY_RETRY, &retry.base);
    link_send(socket, out.data, out.size);
    buffer_free(&out);
}

/* Whether it is the answer; a late one is about another entry. */
static bool take_answer(struct retry_entry *entry, struct link_message *message, struct arena *arena)
{
    struct wire_message opened;
    arena_reset(arena);
    if (wire_open(&wire_to_worker, link_data(message), link_bytes(message), arena, &opened, NULL) ||
        opened.kind != PARBUS__TO_WORKER__BODY_RETRIED)
        return false;
    const Parbus__Retried *m = (const Parbus__Retried *)opened.message;
    if (m->partition != entry->partition || m->pseq != entry->pseq)
        return false;
    entry->again_pseq = m->again_pseq;
    snprintf(entry->why, sizeof entry->why, "%s", m->why ? m->why : "");
    return true;
}

static bool ask_one(void *socket, struct retry_entry *entry, struct link_message *message, struct arena *arena)
{
    int64_t end = clock_mono_us() + ANSWER_MS_MAX * 1000ll, again = 0;
    for (int64_t now = clock_mono_us(); now < end; now = clock_mono_us()) {
        if (now >= again) {
            send_retry(socket, entry);
            again = now + ASK_AGAIN_MS * 1000ll;
        }
        link_poll(&socket, 1, -1, again - now);
        if (link_receive(socket, ZMQ_DEALER, message) == OK && take_answer(entry, message, arena))
            return true;
    }
    return false;
}

static enum err ask_all(void *socket, struct buffer *entries, retry_done_fn *done, void *ctx)
{
    struct retry_entry *entry = (struct retry_entry *)(void *)entries->data;
    struct link_message message;
    struct arena arena;
    enum err err = OK;
    link_message_init(&message);
    arena_init(&arena, WIRE_ARENA_BYTES);
    for (size_t i = 0; i < count_of(entries) && !err; i++) {
        if (ask_one(socket, &entry[i], &message, &arena))
            done(ctx, &entry[i]);
        else
            err = ERR_TIMEOUT;
    }
    arena_free(&arena);
    link_message_close(&message);
    return err;
}

enum err retry_ask(const char *directory, struct buffer *entries, retry_done_fn *done, void *ctx, struct err_text *e)
{
    char endpoint[LINK_ENDPOINT_BYTES];
    void *socket = NULL;
    enum err err = link_endpoint(endpoint, directory, "work", e);
    if (!err)
        err = link_open(&socket, ZMQ_DEALER, LINK_CONNECT, endpoint, &(struct link_options){.hwm = 16}, e);
    if (!err && (err = ask_all(socket, entries, done, ctx)))
        err_set(e, err, "the ingestor of %s does not answer; is it running? (parbus status)", directory);
    link_close(&socket);
    return err;
}
