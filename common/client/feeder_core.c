#include "base/deadline.h"
#include "base/plural.h"
#include "client/feeder_state.h"
#include "wire/wire.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING_BYTES = 8 << 20, RING_BYTES_MIN = 2 << 20, RING_ENTRIES = 16384 };

static size_t ring_bytes(const struct feeder_core_options *o)
{
    size_t bytes = o->ring_bytes ? o->ring_bytes : RING_BYTES;
    return bytes < RING_BYTES_MIN ? RING_BYTES_MIN : bytes;
}

struct feeder_core *feeder_core_new(const struct feeder_core_options *o)
{
    struct feeder_core *c = calloc(1, sizeof *c);
    ASSERT(c);
    ASSERT(o->io.send && o->epoch && o->line);
    c->io = o->io;
    c->events = o->events;
    c->stored = o->stored;
    snprintf(c->name, sizeof c->name, "%s", o->name);
    feeder_ring_init(&c->ring, ring_bytes(o), o->ring_entries ? o->ring_entries : RING_ENTRIES);
    c->epoch = o->epoch;
    c->epoch_step = o->epoch_step ? o->epoch_step : 1;
    c->last = c->released = o->next_seq ? o->next_seq - 1 : 0;
    c->next_send = o->first_seq ? o->first_seq : c->last + 1;
    c->receipted = c->settled = c->next_send - 1;
    feeder_ring_restart(&c->ring, c->next_send, o->digest);
    c->receipted_digest = o->digest;
    c->line = o->line;
    c->without_outbox = o->without_outbox;
    c->take_over = o->take_over;
    c->rows_max = WIRE_ROWS_MAX;
    c->submission_bytes_max = 1 << 20;
    c->window = c->ring.mask + 1;
    c->hello_due_us = INT64_MIN;
    return c;
}

void feeder_core_destroy(struct feeder_core **c)
{
    if (!*c)
        return;
    feeder_ring_free(&(*c)->ring);
    buffer_free(&(*c)->out);
    for (int i = 0; i < ASK_COUNT; i++)
        buffer_free(&(*c)->question[i].packed);
    free(*c);
    *c = NULL;
}

/* ---- submissions ---- */

enum err feeder_core_number(struct feeder_core *c, Parbus__Submission *s, struct feeder_pack_plan *plan,
                            struct err_text *e)
{
    enum err err = feeder_pack_check(s, c->rows_max, e);
    if (err)
        return err;
    s->has_seq = 1;
    s->seq = c->last + 1;
    feeder_pack_plan(plan, s);
    if (plan->body > c->submission_bytes_max)
        return err_set(e, ERR_TOO_LARGE, "submission of %zu bytes, at most %" PRIu64 " are taken", plan->body,
                       c->submission_bytes_max);
    return OK;
}

/* Refused ones are kept while there is room (see struct feeder_ring_entry). */
static void drop_refused(struct feeder_core *c)
{
    uint64_t digest;
    bool known = feeder_core_digest(c, c->settled, &digest);
    ASSERT(known);
    feeder_ring_drop(&c->ring, c->settled, digest);
    if (c->next_send < c->ring.first)
        c->next_send = c->ring.first;
}

static uint8_t *reserve(struct feeder_core *c, size_t bytes)
{
    uint8_t *room = feeder_ring_reserve(&c->ring, bytes);
    if (room || c->settled < c->ring.first)
        return room;
    drop_refused(c);
    return feeder_ring_reserve(&c->ring, bytes);
}

enum err feeder_core_submit(struct feeder_core *c, Parbus__Submission *s, struct err_text *e)
{
    struct feeder_pack_plan plan;
    enum err err = feeder_core_number(c, s, &plan, e);
    if (err)
        return err;
    uint8_t *room = reserve(c, plan.envelope);
    if (!room)
        return err_set(e, ERR_BUSY, "%" PRIu64 " %s for a receipt", c->last - c->settled,
                       plural(c->last - c->settled, "submission waits", "submissions wait"));
    feeder_pack_write(&plan, s, room);
    feeder_ring_push(&c->ring, room, plan.envelope);
    c->released = ++c->last;
    c->leaving = c->gone = false;
    return OK;
}

void feeder_core_take(struct feeder_core *c, const void *envelope, size_t bytes)
{
    c->last++;
    c->leaving = c->gone = false;
    if (c->ring.end == c->last)
        feeder_core_put(c, envelope, bytes);
}

void feeder_core_release(struct feeder_core *c, uint64_t up_to_seq)
{
    ASSERT(up_to_seq <= c->last);
    c->released = up_to_seq;
}

uint64_t feeder_core_wants(struct feeder_core *c)
{
    bool entries = c->ring.end - c->ring.first <= c->ring.mask;
    bool there = c->ring.end <= c->released && c->ring.end != c->hole;
    return there && entries ? c->ring.end : 0;
}

void feeder_core_lost(struct feeder_core *c, const char *why)
{
    c->hole = c->ring.end;
    snprintf(c->hole_why.text, sizeof c->hole_why.text, "%s", why);
}

bool feeder_core_put(struct feeder_core *c, const void *envelope, size_t bytes)
{
    uint8_t *room = reserve(c, bytes);
    if (!room)
        return false;
    memcpy(room, envelope, bytes);
    feeder_ring_push(&c->ring, room, bytes);
    return true;
}

/* ---- questions ---- */

static void ask(struct feeder_core *c, enum feeder_question which, uint32_t kind, const ProtobufCMessage *message)
{
    buffer_clear(&c->question[which].packed);
    wire_pack(&c->question[which].packed, kind, message);
    c->question[which].open = true;
    c->question[which].due_us = INT64_MIN;
}

void feeder_core_status(struct feeder_core *c, uint64_t from_seq, uint64_t to_seq, uint32_t from_row)
{
    Parbus__Status status = PARBUS__STATUS__INIT;
    status.has_from_seq = status.has_to_seq = status.has_from_row = 1;
    status.from_seq = from_seq;
    status.to_seq = to_seq;
    status.from_row = from_row;
    ask(c, ASK_STATUS, PARBUS__TO_INGESTOR__BODY_STATUS, &status.base);
}

void feeder_core_describe(struct feeder_core *c, const char *index, const char *period)
{
    Parbus__Describe describe = PARBUS__DESCRIBE__INIT;
    describe.index = (char *)index;
    describe.period = (char *)period;
    ask(c, ASK_DESCRIBE, PARBUS__TO_INGESTOR__BODY_DESCRIBE, &describe.base);
}

void feeder_core_stats(struct feeder_core *c)
{
    Parbus__Stats stats = PARBUS__STATS__INIT;
    ask(c, ASK_STATS, PARBUS__TO_INGESTOR__BODY_STATS, &stats.base);
}

/* ---- sending ---- */

static bool send_bytes(struct feeder_core *c, const void *data, size_t bytes)
{
    if (c->io.send(c->io.ctx, data, bytes) == OK)
        return true;
    c->send_full = true;
    return false;
}

/* A refused submission waits as well: its receipt opens the window (D9). */
static bool waiting(const struct feeder_core *c)
{
    return c->next_send - 1 > c->receipted || (!c->leaving && c->scored < c->receipted);
}

static void send_hello(struct feeder_core *c, int64_t now_us)
{
    Parbus__Hello hello = PARBUS__HELLO__INIT;
    hello.has_protocol_version = hello.has_epoch = hello.has_request = hello.has_line = 1;
    hello.line = c->line;
    hello.has_without_outbox = hello.without_outbox = c->without_outbox;
    hello.has_take_over = hello.take_over = c->take_over;
    hello.protocol_version = WIRE_PROTOCOL_VERSION;
    hello.feeder = c->name;
    hello.epoch = c->epoch;
    /* unlike that of any hello before, an earlier process's too */
    hello.request = now_us > (int64_t)c->request ? (uint64_t)now_us : c->request + 1;
    buffer_clear(&c->out);
    wire_pack(&c->out, PARBUS__TO_INGESTOR__BODY_HELLO, &hello.base);
    if (!send_bytes(c, c->out.data, c->out.size))
        return;
    c->request = hello.request;
    c->hello_first = c->ring.first;
    c->hello_due_us = now_us + FEEDER_SILENCE_US;
    c->quiet_since_us = now_us;
}

/* D1 */
static void say_hello(struct feeder_core *c, int64_t now_us)
{
    if (c->state == FEEDER_WELCOMED && !waiting(c))
        c->quiet_since_us = now_us;
    bool due =
        c->state == FEEDER_WELCOMED ? now_us - c->quiet_since_us >= FEEDER_SILENCE_US : now_us >= c->hello_due_us;
    if (due)
        send_hello(c, now_us);
}

static void ask_questions(struct feeder_core *c, int64_t now_us)
{
    for (int i = 0; i < ASK_COUNT; i++) {
        bool may = c->state == FEEDER_WELCOMED || i != ASK_STATUS;
        if (!c->question[i].open || !may || now_us < c->question[i].due_us)
            continue;
        if (send_bytes(c, c->question[i].packed.data, c->question[i].packed.size))
            c->question[i].due_us = now_us + FEEDER_SILENCE_US;
    }
}

/* D5a, D9a */
static uint64_t send_limit(const struct feeder_core *c)
{
    uint64_t limit = c->receipted + c->window;
    if (c->burst && limit > c->settled + c->burst)
        limit = c->settled + c->burst;
    if (limit > c->released)
        limit = c->released;
    return limit < c->ring.end ? limit : c->ring.end - 1;
}

/* D5a: one may always be under way. What was refused counts until a receipt passes it. */
static bool fits_window(const struct feeder_core *c)
{
    return !c->window_bytes || c->next_send == c->ring.first ||
           feeder_ring_bytes(&c->ring, c->next_send) <= c->window_bytes;
}

static void send_submissions(struct feeder_core *c, int64_t now_us)
{
    if (c->state != FEEDER_WELCOMED || now_us < c->hold_until_us)
        return;
    for (uint64_t limit = send_limit(c); c->next_send <= limit && fits_window(c); c->next_send++) {
        const struct feeder_ring_entry *entry = feeder_ring_at(&c->ring, c->next_send);
        if (!send_bytes(c, c->ring.data + entry->offset, entry->bytes))
            return;
    }
}

/* D18 */
bool feeder_core_may_go(const struct feeder_core *c)
{
    return c->leaving && !c->gone && c->state == FEEDER_WELCOMED && c->receipted == c->last;
}

static void say_bye(struct feeder_core *c, int64_t now_us)
{
    const Parbus__Bye bye = PARBUS__BYE__INIT;
    if (!feeder_core_may_go(c) || now_us < c->bye_due_us)
        return;
    buffer_clear(&c->out);
    wire_pack(&c->out, PARBUS__TO_INGESTOR__BODY_BYE, &bye.base);
    if (send_bytes(c, c->out.data, c->out.size))
        c->bye_due_us = now_us + FEEDER_SILENCE_US;
}

void feeder_core_bye(struct feeder_core *c)
{
    c->events = (struct parbus_feeder_events){0};
    c->leaving = true;
    c->bye_due_us = INT64_MIN;
}

bool feeder_core_is_gone(const struct feeder_core *c) { return c->gone; }

static int64_t deadline_us(const struct feeder_core *c, int64_t now_us)
{
    if (c->send_full)
        return now_us + FEEDER_RETRY_US;
    int64_t at = INT64_MAX;
    if (c->state == FEEDER_GREETING)
        at = c->hello_due_us;
    else if (waiting(c))
        at = c->quiet_since_us + FEEDER_SILENCE_US;
    if (c->state == FEEDER_WELCOMED && now_us < c->hold_until_us && c->next_send <= send_limit(c))
        at = earlier_us(at, c->hold_until_us);
    if (feeder_core_may_go(c))
        at = earlier_us(at, c->bye_due_us);
    for (int i = 0; i < ASK_COUNT; i++)
        if (c->question[i].open && (c->state == FEEDER_WELCOMED || i != ASK_STATUS))
            at = earlier_us(at, c->question[i].due_us);
    return at;
}

int64_t feeder_core_tick(struct feeder_core *c, struct moment now)
{
    if (c->state == FEEDER_FAILED)
        return INT64_MAX;
    c->send_full = false;
    feeder_leave_hole(c);
    say_hello(c, now.mono_us);
    ask_questions(c, now.mono_us);
    send_submissions(c, now.mono_us);
    say_bye(c, now.mono_us);
    feeder_assert(c);
    return deadline_us(c, now.mono_us);
}

enum err feeder_core_failure(const struct feeder_core *c, struct err_text *e)
{
    if (c->failure && e)
        *e = c->failure_text;
    return c->failure;
}

struct parbus_feeder_totals feeder_core_totals(const struct feeder_core *c)
{
    return (struct parbus_feeder_totals){
        .connected = c->state == FEEDER_WELCOMED,
        .in_use = c->in_use,
        .number = c->number,
        .epoch = c->epoch,
        .last_seq = c->last,
        .receipted = c->settled,
        .kept = c->stored ? c->released : c->settled,
        .scored = c->scored,
        .accepted_rows = c->accepted_rows,
        .rejected_rows = c->rejected_rows,
    };
}
