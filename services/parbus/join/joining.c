#include "services/parbus/join/joining.h"
#include "base/random.h"
#include "services/parbus/ask/ask.h"
#include "wire/reason.h"
#include "wire/wire.h"
#include <stdio.h>

enum { AGAIN_US = 1000000, INVITATION_TOKEN = WIRE_INVITATION_BYTES };

struct asking {
    struct joining *j;
    uint64_t request;
    struct arena arena;
    struct err_text *e;
    enum err err;
};

static void put_join(const struct asking *a, struct buffer *out)
{
    Parbus__Join m = PARBUS__JOIN__INIT;
    m.has_request = m.has_token = 1;
    m.request = a->request;
    m.token = (ProtobufCBinaryData){INVITATION_TOKEN, (uint8_t *)a->j->token};
    wire_pack(out, PARBUS__TO_INGESTOR__BODY_JOIN, &m.base);
}

static void put_rotate(const struct asking *a, struct buffer *out)
{
    Parbus__Rotate m = PARBUS__ROTATE__INIT;
    m.has_request = m.has_public_key = m.has_overlap_ms = 1;
    m.request = a->request;
    m.public_key = (ProtobufCBinaryData){CONTEXT_KEY_BYTES, (uint8_t *)a->j->public_key};
    m.overlap_ms = a->j->overlap_ms;
    wire_pack(out, PARBUS__TO_INGESTOR__BODY_ROTATE, &m.base);
}

static void put_question(void *asking, struct buffer *out)
{
    const struct asking *a = asking;
    (a->j->token ? put_join : put_rotate)(a, out);
}

/* BUSY is asked again. */
static enum ask_verdict take_refusal(struct asking *a, const Parbus__Refusal *m)
{
    if (m->reason == PARBUS__REASON__REFUSED_BUSY)
        return ASK_OTHER;
    a->err = err_set(a->e, ERR_INVALID, "%s", m->detail && m->detail[0] ? m->detail : reason_of(m->reason)->text);
    return ASK_DONE;
}

static enum ask_verdict take_joined(struct asking *a, const Parbus__Joined *m)
{
    if (m->request != a->request)
        return ASK_OTHER;
    bool fits = snprintf(a->j->name, sizeof a->j->name, "%s", m->name ? m->name : "") < (int)sizeof a->j->name;
    a->j->old_until_ms = m->old_until_ms;
    if (!a->j->name[0] || !fits)
        a->err = err_set(a->e, ERR_INVALID, "%s", m->why && m->why[0] ? m->why : "it was refused without a reason");
    return ASK_DONE;
}

static enum ask_verdict take_answer(void *asking, const void *data, size_t bytes)
{
    struct asking *a = asking;
    struct wire_message m;
    arena_reset(&a->arena);
    if (wire_open(&wire_to_feeder, data, bytes, &a->arena, &m, NULL))
        return ASK_OTHER;
    if (m.kind == PARBUS__TO_FEEDER__BODY_REFUSAL)
        return take_refusal(a, (const Parbus__Refusal *)m.message);
    return m.kind == PARBUS__TO_FEEDER__BODY_JOINED ? take_joined(a, (const Parbus__Joined *)m.message) : ASK_OTHER;
}

enum err joining_ask(struct joining *j, int64_t patience_us, struct err_text *e)
{
    struct asking a = {.j = j, .e = e};
    const struct link_security security = {.mechanism = LINK_CURVE_CLIENT,
                                           .secret_key = j->with->secret_key,
                                           .public_key = j->with->public_key,
                                           .server_key = j->with->server_key};
    const struct ask ask = {.to = "door",
                            .endpoint = j->with->door,
                            .security = &security,
                            .again_us = AGAIN_US,
                            .patience_us = patience_us,
                            .ctx = &a,
                            .question = put_question,
                            .answer = take_answer};
    arena_init(&a.arena, WIRE_ARENA_BYTES);
    enum err err = random_number(&a.request, e);
    if (!err)
        err = ask_run(&ask, e);
    arena_free(&a.arena);
    if (err == ERR_TIMEOUT)
        err_set(e, err, "nobody answers at %s", j->with->door);
    return err ? err : a.err;
}
