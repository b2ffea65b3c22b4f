#include "services/parbus/status/stats.h"
#include "base/arena.h"
#include "services/parbus/ask/ask.h"
#include "wire/wire.h"
#include <stdlib.h>

enum { PATIENCE_US = 5000000, ASK_AGAIN_US = 250000 };

struct stats {
    struct arena arena;
    const Parbus__StatsReply *reply;
};

static void put_question(void *stats, struct buffer *out)
{
    (void)stats;
    Parbus__Stats question = PARBUS__STATS__INIT;
    wire_pack(out, PARBUS__TO_INGESTOR__BODY_STATS, &question.base);
}

static enum ask_verdict take(void *stats, const void *data, size_t bytes)
{
    struct stats *s = stats;
    struct wire_message opened;
    arena_reset(&s->arena);
    if (wire_open(&wire_to_feeder, data, bytes, &s->arena, &opened, NULL) != OK ||
        opened.kind != PARBUS__TO_FEEDER__BODY_STATS)
        return ASK_OTHER;
    s->reply = (const Parbus__StatsReply *)opened.message;
    return ASK_DONE;
}

/* Asks more than once: the ingestor that got the first question may have ended, and another one may be starting. */
enum err stats_ask(const char *directory, struct stats **out, struct err_text *e)
{
    struct stats *s = *out = calloc(1, sizeof *s);
    ASSERT(s);
    arena_init(&s->arena, WIRE_ARENA_BYTES);
    const struct ask ask = {.directory = directory,
                            .to = "door",
                            .again_us = ASK_AGAIN_US,
                            .patience_us = PATIENCE_US,
                            .ctx = s,
                            .question = put_question,
                            .answer = take};
    enum err err = ask_run(&ask, e);
    if (err == ERR_TIMEOUT)
        err_set(e, err,
                "the ingestor does not answer; does it run in %s? Its log (log/ingestor-1.log, or that of its "
                "container) says more",
                directory);
    if (err)
        stats_free(out);
    return err;
}

const Parbus__StatsReply *stats_reply(const struct stats *s) { return s->reply; }

void stats_free(struct stats **s)
{
    if (*s) {
        arena_free(&(*s)->arena);
        free(*s);
    }
    *s = NULL;
}
