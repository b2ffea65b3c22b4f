#include "base/random.h"
#include "services/parbus/ask/ask.h"
#include "services/parbus/feeders/feeders.h"
#include "wire/reason.h"
#include "wire/wire.h"

enum { PATIENCE_US = 10000000, AGAIN_US = 50000 };

struct asking {
    Parbus__RemoveFeeder question;
    struct arena arena;
    struct err_text *e;
    enum err err;
};

static void put_question(void *asking, struct buffer *out)
{
    wire_pack(out, PARBUS__TO_INGESTOR__BODY_REMOVE_FEEDER, &((struct asking *)asking)->question.base);
}

static void take_refusal(struct asking *a, const Parbus__Refusal *m)
{
    a->err = err_set(a->e, ERR_INVALID, "%s", m->detail[0] ? m->detail : reason_of(m->reason)->text);
}

static enum ask_verdict take_answer(void *asking, const void *data, size_t bytes)
{
    struct asking *a = asking;
    struct wire_message m;
    arena_reset(&a->arena);
    if (wire_open(&wire_to_feeder, data, bytes, &a->arena, &m, NULL))
        return ASK_OTHER;
    const Parbus__FeederRemoved *removed = (const Parbus__FeederRemoved *)m.message;
    const Parbus__Refusal *refusal = (const Parbus__Refusal *)m.message;
    if (m.kind == PARBUS__TO_FEEDER__BODY_REFUSAL && refusal->reason == PARBUS__REASON__REFUSED_NOT_AUTHORISED)
        take_refusal(a, refusal);
    else if (m.kind != PARBUS__TO_FEEDER__BODY_FEEDER_REMOVED || removed->request != a->question.request)
        return ASK_OTHER;
    else if (removed->why[0])
        a->err = err_set(a->e, ERR_INVALID, "%s", removed->why);
    return ASK_DONE;
}

enum err feeders_remove(const char *directory, const char *name, struct err_text *e)
{
    struct asking a = {.question = PARBUS__REMOVE_FEEDER__INIT, .e = e};
    const struct ask ask = {.directory = directory,
                            .to = "door",
                            .again_us = AGAIN_US,
                            .patience_us = PATIENCE_US,
                            .ctx = &a,
                            .question = put_question,
                            .answer = take_answer};
    a.question.has_request = 1;
    a.question.feeder = (char *)name;
    arena_init(&a.arena, WIRE_ARENA_BYTES);
    enum err err = random_number(&a.question.request, e);
    if (!err)
        err = ask_run(&ask, e);
    arena_free(&a.arena);
    if (err == ERR_TIMEOUT)
        err_set(e, err, "the ingestor of %s does not answer; is it running? (parbus status)", directory);
    return err ? err : a.err;
}
