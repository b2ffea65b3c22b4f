/* The conversation with the journal: one group is under way, the next one is gathered meanwhile. A group that was
 * handed over is never taken back: what failed is appended again, the same commit with the same content, until the
 * journal has it or says that somebody else writes it (D8b). */
#pragma once
#include "base/metrics.h"
#include "base/moment.h"
#include "base/states.h"
#include "services/ingestor/group.h"
#include "services/ingestor/io.h"

enum append_state { APPEND_FREE, APPEND_UNDER_WAY, APPEND_REFUSED, APPEND_LOST };

#define APPEND_EDGES(X)                                                                                                \
    X(APPEND_FREE, APPEND_UNDER_WAY, "a group is handed over")                                                         \
    X(APPEND_UNDER_WAY, APPEND_FREE, "the journal has it")                                                             \
    X(APPEND_UNDER_WAY, APPEND_REFUSED, "the journal does not have it, or nobody knows")                               \
    X(APPEND_REFUSED, APPEND_UNDER_WAY, "the same group is handed over again")                                         \
    X(APPEND_UNDER_WAY, APPEND_LOST, "somebody else writes the journal: for good")                                     \
    X(APPEND_FREE, APPEND_LOST, "… which was found out without an append")                                             \
    X(APPEND_REFUSED, APPEND_LOST, "… while one was to be repeated")
extern const struct state_machine append_machine;

struct append {
    const struct ingestor_io *io;
    struct metrics *metrics;
    enum append_state state;
    struct group group[2];
    struct group *gathered, *sent;
    uint64_t commit; /* the last one with records that the journal has confirmed */
    uint64_t ticket; /* of the last append */
    int64_t sent_us, again_us;
    char why[256]; /* REFUSED, LOST */
};

void append_init(struct append *a, const struct ingestor_io *io, struct metrics *metrics, uint32_t partitions,
                 uint64_t last_commit);
void append_free(struct append *a);

/* In FREE: closes the group that is gathered, which append_send hands over; another one is gathered from now on. The
 * caller fills in the marks before append_send. */
struct journal_mark *append_close(struct append *a, uint64_t (*last_pseq)(const void *ctx, uint32_t p),
                                  const void *ctx);
/* Hands the closed group over, for the first time or again. */
void append_send(struct append *a, struct moment now);
/* Whether it is time to hand it over again. */
bool append_again_due(const struct append *a, struct moment now);
/* false: that is no answer to the append under way. */
bool append_answered(struct append *a, uint64_t ticket, enum err result, const char *why, struct moment now);
/* Somebody else writes the journal, as was found out beside any append. */
void append_fence(struct append *a, const char *why);
/* Why receipts have to wait: the journal refused, is silent for too long, or is somebody else's. NULL: they do not. */
const char *append_trouble(const struct append *a, struct moment now);
/* When something is due, or it will have been silent for too long; INT64_MAX: never. */
int64_t append_deadline(const struct append *a, struct moment now);
