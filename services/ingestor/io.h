/* What the ingestor's core can do to the world, and who speaks to it. */
#pragma once
#include "audit/audit.h"
#include "base/tell.h"
#include "journal/group.h"
#include "wire/wire.h"

/* Where a message came from, and an answer goes: workers and operators' tools, or feeders and operators. */
enum ingestor_source { INGESTOR_WORK, INGESTOR_DOOR, INGESTOR_SOURCES };

struct ingestor_io {
    void *ctx;
    /* May not block. ERR_BUSY: the queue is full; ERR_NOT_FOUND: the connection is gone. */
    enum err (*send)(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m);
    tell_fn *tell;
    /* The journal, a conversation. Returns at once; what became of it comes by ingestor_appended, once, after this
     * call. The group and all that it points to stay as they are until then. ERR_BUSY: one is under way already. */
    enum err (*append)(void *ctx, const struct journal_group *group, uint64_t ticket);
    /* As journal_read and journal_controls, of what is in the journal now, confirmed to us or not yet. An error of fn
     * ends it, and is returned. */
    enum err (*read)(void *ctx, uint32_t partition, uint64_t from_pseq, size_t bytes_max, journal_record_fn *fn,
                     void *fn_ctx, struct err_text *e);
    enum err (*controls)(void *ctx, uint64_t from, journal_control_fn *fn, void *fn_ctx, struct err_text *e);
    /* Answers Status out of state: calls `add` for each reject of (feeder, epoch) from (seq, row) on, until it says
     * false. Reason 0: it is there, but damaged; detail says how. */
    void (*rejects)(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                    bool (*add)(void *add_ctx, uint64_t seq, uint32_t row, uint32_t reason, const char *detail),
                    void *add_ctx);
    /* ERR_FULL: there is hardly room for another group. ERR_LOST: somebody else is the writer now. NULL: only append
     * tells. */
    enum err (*room)(void *ctx, struct err_text *e);
    /* Ends the connection of this peer of the door, whose message is being looked at; a word and a sentence for the
     * access log. NULL: connections last. */
    void (*cut)(void *ctx, uint64_t peer, const char *reason, const char *why);
    /* What the access log is to know of the message that is being looked at. NULL: nobody keeps one. */
    audit_fn *audit;
    /* BLAKE2b-256. NULL: nobody joins. */
    void (*hash)(void *ctx, uint8_t hash[static 32], const void *data, size_t bytes);
};
