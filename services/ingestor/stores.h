/* The ingestor's stores, behind its core's io table: the journal, which this process alone writes and which is written
 * in a thread of its own, and state, which belongs to the scorers. */
#pragma once
#include "journal/committer.h"
#include "service/service.h"
#include "services/ingestor/core.h"
#include "state/state.h"

struct stores {
    const struct service *service;
    struct journal *journal;
    struct committer *committer;
    struct state *state; /* opened when first asked for: scorers make it */
};

/* As journal_open for a writer, and committer_start. */
enum err stores_open(struct stores *s, const struct service *service, struct err_text *e);
/* Waits for the group under way. */
void stores_close(struct stores *s);

/* ERR_CORRUPT: state follows another journal than the one that is there. */
enum err stores_belong_together(struct stores *s, struct err_text *e);
/* How far state has followed; 0 when it cannot be read: scorers will tell. */
struct ingestor_followed stores_followed(struct stores *s, uint32_t partition);

/* Members of struct ingestor_io; ctx begins with a struct stores. */
enum err stores_append(void *ctx, const struct journal_group *group, uint64_t ticket);
enum err stores_read(void *ctx, uint32_t partition, uint64_t from_pseq, size_t bytes_max, journal_record_fn *fn,
                     void *fn_ctx, struct err_text *e);
enum err stores_controls(void *ctx, uint64_t from, journal_control_fn *fn, void *fn_ctx, struct err_text *e);
enum err stores_room(void *ctx, struct err_text *e);
void stores_rejects(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                    bool (*add)(void *add_ctx, uint64_t seq, uint32_t row, uint32_t reason, const char *detail),
                    void *add_ctx);
