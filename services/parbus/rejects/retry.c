#include "services/parbus/rejects/retry.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "inside.pb-c.h"
#include "services/parbus/ask/ask.h"
#include <stdio.h>

enum { PATIENCE_US = 10000000, ASK_AGAIN_US = 1000000 };

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

struct retrying {
    struct retry_entry *entry;
    size_t count, at;
    struct arena arena;
    retry_done_fn *done;
    void *ctx;
};

static void put_question(void *retrying, struct buffer *out)
{
    const struct retrying *r = retrying;
    Parbus__Retry retry = PARBUS__RETRY__INIT;
    retry.has_partition = retry.has_pseq = 1;
    retry.partition = r->entry[r->at].partition;
    retry.pseq = r->entry[r->at].pseq;
    wire_pack(out, PARBUS__TO_COORDINATOR__BODY_RETRY, &retry.base);
}

/* A late one is about another entry. */
static enum ask_verdict take_answer(void *retrying, const void *data, size_t bytes)
{
    struct retrying *r = retrying;
    struct retry_entry *entry = &r->entry[r->at];
    struct wire_message opened;
    arena_reset(&r->arena);
    if (wire_open(&wire_to_worker, data, bytes, &r->arena, &opened, NULL) ||
        opened.kind != PARBUS__TO_WORKER__BODY_RETRIED)
        return ASK_OTHER;
    const Parbus__Retried *m = (const Parbus__Retried *)opened.message;
    if (m->partition != entry->partition || m->pseq != entry->pseq)
        return ASK_OTHER;
    entry->again_pseq = m->again_pseq;
    snprintf(entry->why, sizeof entry->why, "%s", m->why ? m->why : "");
    r->done(r->ctx, entry);
    return ++r->at < r->count ? ASK_NEXT : ASK_DONE;
}

enum err retry_ask(const char *directory, struct buffer *entries, retry_done_fn *done, void *ctx, struct err_text *e)
{
    struct retrying r = {(struct retry_entry *)(void *)entries->data, count_of(entries), 0, {0}, done, ctx};
    const struct ask ask = {.directory = directory,
                            .to = "work",
                            .again_us = ASK_AGAIN_US,
                            .patience_us = PATIENCE_US,
                            .ctx = &r,
                            .question = put_question,
                            .answer = take_answer};
    if (!r.count)
        return OK;
    arena_init(&r.arena, WIRE_ARENA_BYTES);
    enum err err = ask_run(&ask, e);
    arena_free(&r.arena);
    if (err == ERR_TIMEOUT)
        err_set(e, err, "the ingestor of %s does not answer; is it running? (parbus status)", directory);
    return err;
}
