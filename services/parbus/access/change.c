#include "base/random.h"
#include "services/parbus/access/access.h"
#include "services/parbus/ask/ask.h"
#include "wire/reason.h"
#include "wire/wire.h"
#include <stdio.h>

enum { PATIENCE_US = 10000000 };

struct asking {
    Parbus__ChangeAccess question;
    struct arena arena;
    uint64_t control_seq;
    struct err_text *e;
    enum err err;
};

static void put_question(void *asking, struct buffer *out)
{
    wire_pack(out, PARBUS__TO_INGESTOR__BODY_CHANGE_ACCESS, &((struct asking *)asking)->question.base);
}

static void take_refusal(struct asking *a, const Parbus__Refusal *m)
{
    a->err = err_set(a->e, ERR_INVALID, "%s", m->detail[0] ? m->detail : reason_of(m->reason)->text);
}

static bool take_changed(struct asking *a, const Parbus__AccessChanged *m)
{
    if (m->request != a->question.request)
        return false;
    a->control_seq = m->control_seq;
    if (!m->control_seq)
        a->err = err_set(a->e, ERR_INVALID, "%s", m->why);
    return true;
}

static enum ask_verdict take_answer(void *asking, const void *data, size_t bytes)
{
    struct asking *a = asking;
    struct wire_message m;
    arena_reset(&a->arena);
    if (wire_open(&wire_to_feeder, data, bytes, &a->arena, &m, NULL))
        return ASK_OTHER;
    if (m.kind == PARBUS__TO_FEEDER__BODY_REFUSAL)
        take_refusal(a, (const Parbus__Refusal *)m.message);
    else if (m.kind != PARBUS__TO_FEEDER__BODY_ACCESS_CHANGED ||
             !take_changed(a, (const Parbus__AccessChanged *)m.message))
        return ASK_OTHER;
    return ASK_DONE;
}

/* Asked once: a change that is asked for again is another one (A4b). */
enum err access_ask(const char *directory, Parbus__AccessChange *change, uint64_t *control_seq, struct err_text *e)
{
    struct asking a = {.question = PARBUS__CHANGE_ACCESS__INIT, .e = e};
    const struct ask ask = {.directory = directory,
                            .to = "door",
                            .patience_us = PATIENCE_US,
                            .ctx = &a,
                            .question = put_question,
                            .answer = take_answer};
    a.question.has_request = 1;
    a.question.change = change;
    arena_init(&a.arena, WIRE_ARENA_BYTES);
    enum err err = random_number(&a.question.request, e);
    if (!err)
        err = ask_run(&ask, e);
    arena_free(&a.arena);
    *control_seq = a.control_seq;
    if (err == ERR_TIMEOUT)
        err_set(e, err,
                "the ingestor of %s does not answer; is it running? (parbus status) Whether the change was made is "
                "not known: parbus access log",
                directory);
    return err ? err : a.err;
}
