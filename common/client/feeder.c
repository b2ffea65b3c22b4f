#include "base/plural.h"
#include "base/random.h"
#include "client/errors.h"
#include "client/feeder_core.h"
#include "client/feeder_pack.h"
#include "client/keys.h"
#include "client/loop.h"
#include "client/outbox.h"
#include "reactor/reactor.h"
#include "wire/reason.h"
#include "wire/wire.h"
#include <inttypes.h>
#include <parbus/feeder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whoever turns a key away does not say so, and libzmq does not come again by itself: what is silent for so long gets a
 * new connection, later each time. */
enum { SILENT_US = 4000000, SILENT_US_MAX = 32000000 };
enum { SOCKET_MESSAGES_MAX = 16384, STORE_RETRY_US = 1000000, EPOCH_STEP = 1 << 20, BYE_MS = 300, LOST_BYTES = 5000 };

struct parbus_feeder {
    struct reactor *reactor;
    struct feeder_core *core;
    struct outbox *outbox;
    struct parbus_feeder_events events;
    struct client_keys keys;
    char *endpoint;
    unsigned source;     /* the only one: the door */
    int64_t heard_us;    /* … or connected anew */
    int64_t patience_us; /* a connection with keys may be silent for so long */
    bool silence_told;
    int64_t sync_retry_us; /* the disk was full */
    uint64_t synced;       /* in the outbox up to here */
    char *lost;            /* a sentence about what the outbox lost, to be told; NULL: nothing */
};

static enum err to_ingestor(void *ctx, const void *data, size_t bytes)
{
    struct parbus_feeder *f = ctx;
    return reactor_send_bytes(f->reactor, f->source, 0, data, bytes);
}

static enum err renumber_outbox(void *ctx, uint64_t epoch, uint64_t first, struct err_text *e)
{
    struct parbus_feeder *f = ctx;
    return outbox_renumber(f->outbox, epoch, first, e);
}

static void settle_outbox(void *ctx, uint64_t up_to_seq, uint64_t digest)
{
    struct parbus_feeder *f = ctx;
    outbox_settled(f->outbox, up_to_seq, digest);
}

static enum err digest_outbox(void *ctx, uint64_t seq, uint64_t *digest)
{
    struct parbus_feeder *f = ctx;
    return outbox_digest(f->outbox, seq, digest);
}

static struct feeder_core *new_core(struct parbus_feeder *f, const struct parbus_feeder_options *o,
                                    const struct outbox_start *start)
{
    return feeder_core_new(&(struct feeder_core_options){
        .name = o->name,
        .epoch = start->epoch,
        .epoch_step = f->outbox ? 1 : EPOCH_STEP,
        .next_seq = start->next_seq,
        .first_seq = start->first_seq,
        .digest = start->digest,
        .line = start->line,
        .without_outbox = !f->outbox,
        .take_over = o->take_over,
        .ring_bytes = o->memory_bytes,
        .stored = f->outbox,
        .io = {.ctx = f,
               .send = to_ingestor,
               .renumber = f->outbox ? renumber_outbox : NULL,
               .settled = f->outbox ? settle_outbox : NULL,
               .digest = f->outbox ? digest_outbox : NULL},
        .events = o->events,
    });
}

/* Without memory of its own, each process is a new life: its epoch grows with the clock (D3e). The clock may go back;
 * the low bits keep one life's epochs apart from those of any other. */
static enum err draw_life(struct outbox_start *start, struct err_text *e)
{
    uint64_t number;
    enum err err = random_number(&number, e);
    if (!err)
        err = random_number(&start->line, e);
    start->epoch = (uint64_t)clock_wall_ms() * EPOCH_STEP + number % EPOCH_STEP;
    start->line |= start->line == 0;
    return err;
}

/* ---- submissions ---- */

static enum err sync_outbox(struct parbus_feeder *f, struct err_text *e)
{
    uint64_t stored;
    if (!f->outbox)
        return OK;
    enum err err = outbox_sync(f->outbox, &stored, e);
    feeder_core_release(f->core, stored); /* what went in before the disk was full may go */
    if (stored != f->synced)
        reactor_due(f->reactor); /* it may be sent */
    f->synced = stored;
    return err;
}

static enum err to_outbox(struct parbus_feeder *f, const struct feeder_pack_plan *plan, const Parbus__Submission *s,
                          struct err_text *e)
{
    uint8_t *room;
    enum err err = outbox_add(f->outbox, plan->envelope, &room, e);
    if (err == ERR_FULL && sync_outbox(f, NULL) == OK)
        err = outbox_add(f->outbox, plan->envelope, &room, e);
    if (err)
        return err == ERR_FULL ? ERR_BUSY : err;
    feeder_pack_write(plan, s, room);
    feeder_core_take(f->core, room, plan->envelope);
    return OK;
}

static enum err submit(struct parbus_feeder *f, Parbus__Submission *s, struct err_text *e)
{
    enum err err = feeder_core_failure(f->core, e);
    if (!err && !f->outbox) {
        err = feeder_core_submit(f->core, s, e);
    } else if (!err) {
        struct feeder_pack_plan plan;
        err = feeder_core_number(f->core, s, &plan, e);
        if (!err)
            err = to_outbox(f, &plan, s, e);
    }
    return err;
}

enum parbus_err parbus_feeder_submit(struct parbus_feeder *f, Parbus__Submission *s, uint64_t *seq,
                                     struct parbus_err_text *e)
{
    struct err_text why;
    why.text[0] = '\0'; /* not all 512 bytes: this is the hot path */
    enum err err = submit(f, s, &why);
    if (err) /* what makes room comes by itself: a receipt, or the next try of a full disk */
        return public_result(err, &why, e);
    if (seq)
        *seq = s->seq;
    reactor_due(f->reactor);
    return PARBUS_OK;
}

enum parbus_err parbus_feeder_sync(struct parbus_feeder *f, struct parbus_err_text *e)
{
    struct err_text why = {""};
    enum err err = sync_outbox(f, &why);
    return public_result(err, &why, e);
}

/* A full disk is waited out: what is in memory stays there. Anything else ends the feeder. */
static enum err sync_or_wait(struct parbus_feeder *f, int64_t now_us, struct err_text *e)
{
    struct err_text text;
    if (!f->outbox || now_us < f->sync_retry_us)
        return OK;
    enum err err = sync_outbox(f, &text);
    if (err == ERR_FULL) {
        f->sync_retry_us = now_us + STORE_RETRY_US;
        if (f->events.trouble)
            f->events.trouble(f->events.ctx, text.text);
        return OK;
    }
    return err ? err_set(e, err, "%s", text.text) : OK;
}

static enum err refill(struct parbus_feeder *f, struct err_text *e)
{
    enum err err = OK;
    for (uint64_t seq; f->outbox && !err && (seq = feeder_core_wants(f->core));) {
        const void *envelope;
        size_t bytes;
        err = outbox_get(f->outbox, seq, &envelope, &bytes, e);
        if (err == ERR_CORRUPT)
            return feeder_core_lost(f->core, e ? e->text : ""), OK;
        if (!err && !feeder_core_put(f->core, envelope, bytes))
            break;
    }
    return err;
}

/* ---- the loop ---- */

static void on_message(void *ctx, unsigned source, struct peer peer, const struct wire_message *m, struct moment now)
{
    struct parbus_feeder *f = ctx;
    (void)source, (void)peer;
    f->heard_us = now.mono_us;
    f->patience_us = SILENT_US;
    f->silence_told = false;
    feeder_core_receive(f->core, m, now);
}

/* ---- connections ---- */

static enum err connect_door(struct parbus_feeder *f, unsigned *source, struct err_text *e)
{
    return reactor_add(f->reactor,
                       &(struct reactor_source){.name = "door",
                                                .kind = REACTOR_SOCKET,
                                                .type = ZMQ_DEALER,
                                                .mode = LINK_CONNECT,
                                                .endpoint = f->endpoint,
                                                .options = {.hwm = SOCKET_MESSAGES_MAX, .security = &f->keys.security},
                                                .channel = &wire_to_feeder},
                       source, e);
}

static void tell_silence(struct parbus_feeder *f)
{
    struct err_text text;
    if (f->silence_told || !f->events.trouble)
        return;
    err_set(&text, OK,
            "nobody answers at %.200s: it cannot be reached, or does not know this key (any more). Trying again, until "
            "it does",
            f->endpoint);
    f->events.trouble(f->events.ctx, text.text);
    f->silence_told = true;
}

static void connect_again(struct parbus_feeder *f, int64_t now_us)
{
    unsigned fresh;
    f->heard_us = now_us;
    f->patience_us = earlier_us(2 * f->patience_us, SILENT_US_MAX);
    tell_silence(f);
    if (connect_door(f, &fresh, NULL) != OK)
        return;
    reactor_remove(f->reactor, f->source);
    f->source = fresh;
}

/* Whoever waits for something says hello each second (D1): silence is not rest. Returns when to look again. */
static int64_t look_at_connection(struct parbus_feeder *f, int64_t now_us)
{
    struct parbus_feeder_totals t = feeder_core_totals(f->core);
    bool at_rest = t.connected && t.receipted == t.last_seq;
    if (!f->keys.security.mechanism || at_rest || !f->heard_us)
        f->heard_us = now_us;
    if (!f->keys.security.mechanism || at_rest)
        return INT64_MAX;
    if (now_us - f->heard_us >= f->patience_us)
        connect_again(f, now_us);
    return f->heard_us + f->patience_us;
}

/* Before anything is synced: until then the outbox says it at each start. */
static void tell_lost(struct parbus_feeder *f)
{
    if (f->lost && f->events.trouble)
        f->events.trouble(f->events.ctx, f->lost);
    free(f->lost);
    f->lost = NULL;
}

static enum err prepare(struct parbus_feeder *f, struct moment now, struct err_text *e)
{
    tell_lost(f);
    enum err err = sync_or_wait(f, now.mono_us, e);
    return err ? err : refill(f, e);
}

static int64_t on_tick(void *ctx, struct moment now)
{
    struct parbus_feeder *f = ctx;
    struct err_text e;
    int64_t due_us = INT64_MAX;
    enum err err = prepare(f, now, &e);
    if (!err) {
        due_us = feeder_core_tick(f->core, now);
        err = feeder_core_failure(f->core, &e);
    }
    if (err)
        reactor_fail(f->reactor, err, "%s", e.text);
    due_us = earlier_us(due_us, look_at_connection(f, now.mono_us));
    return f->sync_retry_us > now.mono_us ? earlier_us(due_us, f->sync_retry_us) : due_us;
}

static enum parbus_err turn(struct parbus_feeder *f, int64_t until_us, struct parbus_err_text *e)
{
    reactor_step(f->reactor, until_us);
    return public_err(reactor_result(f->reactor, text_of(e)));
}

enum parbus_err parbus_feeder_step(struct parbus_feeder *f, struct parbus_err_text *e) { return turn(f, 0, e); }

enum parbus_err parbus_feeder_poll(struct parbus_feeder *f, int timeout_ms, struct parbus_err_text *e)
{
    return turn(f, deadline_after_ms(timeout_ms), e);
}

int parbus_feeder_fd(const struct parbus_feeder *f) { return reactor_descriptor(f->reactor); }
int64_t parbus_feeder_deadline_us(struct parbus_feeder *f) { return reactor_deadline(f->reactor); }
int parbus_feeder_timeout_ms(struct parbus_feeder *f) { return ms_until(parbus_feeder_deadline_us(f)); }

/* ---- from open to close ---- */

static enum err open_reactor(struct parbus_feeder *f, const char *endpoint, struct err_text *e)
{
    struct reactor_options options = {.hooks = {.ctx = f, .message = on_message, .tick = on_tick}};
    f->endpoint = strdup(endpoint);
    ASSERT(f->endpoint);
    f->patience_us = SILENT_US;
    enum err err = reactor_open(&f->reactor, &options, e);
    return err ? err : connect_door(f, &f->source, e);
}

/* To be freed. */
static char *words_of_lost(const struct outbox_start *start, const char *outbox)
{
    char *text = malloc(LOST_BYTES);
    ASSERT(text);
    snprintf(text, LOST_BYTES,
             "%" PRIu64 " %s without a receipt, from %" PRIu64
             " on, %s lost: the queue in %s was cut off. What is left "
             "of the first of them is in the file \"damaged\" there; all before goes out. Push their rows again",
             start->lost, plural(start->lost, "submission", "submissions"), start->lost_first,
             plural(start->lost, "is", "are"), outbox);
    return text;
}

static enum err open_feeder(struct parbus_feeder **out, const struct parbus_feeder_options *o, struct err_text *e)
{
    if (!o->name || !wire_name_ok(o->name))
        return err_set(e, ERR_INVALID,
                       "\"%s\" cannot name a feeder: 1 to %d of A-Z a-z 0-9 . _ -, and no dot at its beginning",
                       o->name ? o->name : "", WIRE_NAME_BYTES_MAX);
    struct parbus_feeder *f = calloc(1, sizeof *f);
    ASSERT(f);
    f->events = o->events;
    client_keys_take(&f->keys, o->keys);
    struct outbox_start start = {.first_seq = 1, .next_seq = 1};
    enum err err = o->outbox ? outbox_open(&f->outbox, o->outbox, o->name, &start, e) : draw_life(&start, e);
    f->synced = start.next_seq - 1;
    if (!err && start.lost)
        f->lost = words_of_lost(&start, o->outbox);
    if (!err)
        err = open_reactor(f, o->endpoint, e);
    if (!err)
        f->core = new_core(f, o, &start);
    *out = f;
    if (err)
        parbus_feeder_close(out);
    return err;
}

enum parbus_err parbus_feeder_open(struct parbus_feeder **f, const struct parbus_feeder_options *o,
                                   struct parbus_err_text *e)
{
    struct err_text why = {""};
    *f = NULL;
    enum err err = open_feeder(f, o, &why);
    return public_result(err, &why, e);
}

/* Whoever has nothing more to say gives the name back (D18). The answer comes after a commit of the journal. */
static void say_bye(struct parbus_feeder *f)
{
    int64_t until_us = deadline_after_ms(BYE_MS);
    feeder_core_bye(f->core);
    f->events = (struct parbus_feeder_events){0};
    reactor_due(f->reactor);
    while (feeder_core_may_go(f->core) && clock_mono_us() < until_us && reactor_step(f->reactor, until_us))
        continue;
}

void parbus_feeder_close(struct parbus_feeder **out)
{
    struct parbus_feeder *f = *out;
    if (!f)
        return;
    if (f->core && reactor_result(f->reactor, NULL) == OK)
        say_bye(f);
    if (f->core)
        feeder_core_destroy(&f->core);
    reactor_close(&f->reactor);
    outbox_close(&f->outbox);
    free(f->endpoint);
    client_keys_forget(&f->keys);
    free(f->lost);
    free(f);
    *out = NULL;
}

/* ---- questions, and what it holds ---- */

void parbus_feeder_status(struct parbus_feeder *f, uint64_t from_seq, uint64_t to_seq, uint32_t from_row)
{
    feeder_core_status(f->core, from_seq, to_seq, from_row);
    reactor_due(f->reactor);
}

void parbus_feeder_describe(struct parbus_feeder *f, const char *index, const char *period)
{
    feeder_core_describe(f->core, index, period);
    reactor_due(f->reactor);
}

void parbus_feeder_stats(struct parbus_feeder *f)
{
    feeder_core_stats(f->core);
    reactor_due(f->reactor);
}

struct parbus_feeder_totals parbus_feeder_totals(const struct parbus_feeder *f) { return feeder_core_totals(f->core); }

const char *parbus_reason_name(Parbus__Reason reason) { return reason_of(reason)->name; }
const char *parbus_reason_text(Parbus__Reason reason) { return reason_of(reason)->text; }
