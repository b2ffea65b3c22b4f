/* What the ingestor says, and what the feeder makes of it. */
#include "client/feeder_state.h"
#include "wire/reason.h"
#include "wire/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* D4c. 2^50 ms: no clock says that. */
static const int64_t CLOCK_AHEAD_MS_MAX = 300000, CLOCK_MS_END = INT64_C(1) << 50;

static void tell_trouble(struct feeder_core *c, const char *text)
{
    if (c->events.trouble)
        c->events.trouble(c->events.ctx, text);
}

void feeder_note_trouble(struct feeder_core *c, Parbus__Reason reason, const char *text)
{
    if (c->trouble != reason)
        tell_trouble(c, text);
    c->trouble = reason;
}

/* ---- receipts ---- */

void feeder_settle_refused(struct feeder_core *c)
{
    if (c->settled < c->receipted)
        c->settled = c->receipted;
    while (feeder_ring_holds(&c->ring, c->settled + 1) && feeder_ring_at(&c->ring, c->settled + 1)->refused)
        c->settled++;
}

/* D9a: it goes well again, as far as one can see. */
static void speed_up(struct feeder_core *c)
{
    c->holds = 0;
    c->burst *= 2;
    if (c->burst >= c->window)
        c->burst = 0;
}

void feeder_settle(struct feeder_core *c, uint64_t up_to_seq, uint64_t digest)
{
    if (up_to_seq <= c->receipted)
        return;
    c->receipted = up_to_seq;
    c->receipted_digest = digest;
    feeder_ring_drop(&c->ring, up_to_seq, digest);
    if (c->next_send <= up_to_seq)
        c->next_send = up_to_seq + 1;
    feeder_settle_refused(c);
    c->trouble = PARBUS__REASON__REASON_NONE;
    speed_up(c);
    if (c->io.settled)
        c->io.settled(c->io.ctx, up_to_seq, digest);
    if (c->events.receipt)
        c->events.receipt(c->events.ctx, up_to_seq);
}

static void part_ways(struct feeder_core *c)
{
    feeder_new_epoch(c, 1,
                     "somebody else has submitted in this feeder's numbering: its outbox was copied, or put back to "
                     "what it was before; what has no receipt of its own begins a new epoch");
}

/* A message about an epoch that is over. Peers that do not say are believed. */
static bool is_late(const struct feeder_core *c, bool has_epoch, uint64_t epoch)
{
    return has_epoch && epoch != c->epoch;
}

static void on_receipt(struct feeder_core *c, int64_t now_us, const void *message)
{
    const Parbus__Receipt *receipt = message;
    /* before the Welcome, a receipt may still be about the epoch before */
    if (c->state != FEEDER_WELCOMED || is_late(c, receipt->has_epoch, receipt->epoch))
        return;
    if (receipt->up_to_seq > c->released) {
        tell_trouble(c, "the ingestor sent a receipt for what was never submitted; it is ignored");
        return;
    }
    if (!feeder_is_ours(c, receipt->up_to_seq, receipt->digest)) {
        part_ways(c);
        return;
    }
    if (receipt->up_to_seq > c->receipted)
        c->quiet_since_us = now_us;
    c->gone |= receipt->bye && c->leaving;
    feeder_settle(c, receipt->up_to_seq, receipt->digest);
}

/* ---- hello and welcome ---- */

static void fail(struct feeder_core *c, enum err err, const char *text)
{
    if (c->state == FEEDER_FAILED)
        return;
    feeder_enter(c, FEEDER_FAILED);
    c->failure = err_set(&c->failure_text, err, "feeder %s: %s", c->name, text);
}

static void hello_again(struct feeder_core *c, int64_t due_us)
{
    if (c->state == FEEDER_WELCOMED)
        feeder_enter(c, FEEDER_GREETING);
    c->hello_due_us = due_us;
}

/* 0: there is none. */
static uint64_t next_epoch(const struct feeder_core *c, uint64_t least)
{
    uint64_t from = least > c->epoch ? least : c->epoch + 1;
    uint64_t next = from + ((c->epoch - from) & (c->epoch_step - 1));
    return least && from > c->epoch && next >= from ? next : 0;
}

/* D3a, D3c */
void feeder_new_epoch(struct feeder_core *c, uint64_t least, const char *why)
{
    uint64_t next = next_epoch(c, least);
    if (++c->restarts > FEEDER_RESTARTS_MAX || !next) {
        fail(c, ERR_PEER, "the ingestor accepts no epoch");
        return;
    }
    tell_trouble(c, why);
    uint64_t first = c->ring.first;
    c->epoch = next;
    struct err_text e;
    if (c->io.renumber && c->io.renumber(c->io.ctx, c->epoch, first, &e)) {
        fail(c, ERR_IO, e.text);
        return;
    }
    feeder_ring_renumber(&c->ring);
    c->last -= first - 1;
    c->released -= first - 1;
    c->next_send = 1;
    c->receipted = c->settled = c->scored = c->accepted_rows = c->rejected_rows = c->receipted_digest = 0;
    feeder_settle_refused(c);
    c->welcomed_once = false;
    c->doubts = 0;
    hello_again(c, INT64_MIN);
    if (c->events.renumbered)
        c->events.renumbered(c->events.ctx, c->epoch, first);
}

void feeder_leave_hole(struct feeder_core *c)
{
    uint64_t seq = c->hole;
    if (seq && seq <= c->receipted)
        c->hole = 0;
    if (!c->hole || c->state != FEEDER_WELCOMED || c->receipted + 1 < seq)
        return;
    c->hole = 0;
    feeder_ring_restart(&c->ring, seq + 1, 0);
    if (c->events.refusal)
        c->events.refusal(c->events.ctx, seq, PARBUS__REASON__REFUSED_MALFORMED, c->hole_why.text);
    feeder_new_epoch(c, 1, "what comes after it begins a new epoch");
}

/* The ingestor does not go on where we do. Without `request` a late Welcome looks the same: ask until it is sure. */
static void doubt(struct feeder_core *c, int64_t now_us, const Parbus__Welcome *welcome)
{
    if (!welcome->has_request && ++c->doubts < FEEDER_DOUBTS_MAX) {
        hello_again(c, now_us + FEEDER_RETRY_US);
        return;
    }
    feeder_new_epoch(
        c, 1,
        welcome->next_seq < c->ring.first
            ? "the ingestor has forgotten receipts that it gave (another journal?); a new epoch begins with "
              "what has no receipt"
            : "the ingestor has receipts for more than this feeder remembers; a new epoch begins");
}

static void take_limits(struct feeder_core *c, const Parbus__Welcome *welcome)
{
    if (welcome->has_window && welcome->window)
        c->window = welcome->window;
    c->window_bytes = welcome->window_bytes;
    if (welcome->has_rows_max && welcome->rows_max)
        c->rows_max = welcome->rows_max;
    if (welcome->has_submission_bytes_max && welcome->submission_bytes_max)
        c->submission_bytes_max = welcome->submission_bytes_max;
    c->number = welcome->feeder_number;
}

/* The greatest `scored` is the newest, then the greatest sum of rows (D10): rows may be added later (I19). */
static bool is_newer(const struct feeder_core *c, uint64_t scored, uint64_t rows)
{
    return scored > c->scored || (scored == c->scored && rows >= c->accepted_rows + c->rejected_rows);
}

/* Without the rows, the last Scored would have to come through (D10). */
static void take_scored(struct feeder_core *c, const Parbus__Welcome *welcome)
{
    bool has_rows = welcome->has_accepted_rows && welcome->has_rejected_rows;
    if (!is_newer(c, welcome->scored, has_rows ? welcome->accepted_rows + welcome->rejected_rows : UINT64_MAX))
        return;
    c->scored = welcome->scored;
    if (has_rows) {
        c->accepted_rows = welcome->accepted_rows;
        c->rejected_rows = welcome->rejected_rows;
    }
}

/* What kept it out is over. */
static void now_in(struct feeder_core *c, int64_t now_us)
{
    if (c->in_use) {
        c->hold_until_us = now_us;
        c->trouble = PARBUS__REASON__REASON_NONE;
    }
    c->take_over = c->in_use = false;
}

/* D4c: told once, and again when it was right in between. */
static void look_at_clock(struct feeder_core *c, int64_t theirs_ms)
{
    int64_t ahead_ms = theirs_ms > 0 && theirs_ms < CLOCK_MS_END ? c->wall_ms - theirs_ms : 0;
    bool wrong = ahead_ms > CLOCK_AHEAD_MS_MAX || ahead_ms < -CLOCK_AHEAD_MS_MAX;
    char text[160];
    if (wrong && !c->clock_told) {
        snprintf(text, sizeof text,
                 "the clock here is %lld s %s the ingestor's: one of them is wrong, and so are times of observation",
                 (long long)(ahead_ms < 0 ? -ahead_ms : ahead_ms) / 1000, ahead_ms < 0 ? "behind" : "ahead of");
        tell_trouble(c, text);
    }
    c->clock_told = wrong;
}

/* D4 */
static void on_welcome(struct feeder_core *c, int64_t now_us, const void *message)
{
    const Parbus__Welcome *welcome = message;
    if ((welcome->has_request && welcome->request != c->request) || welcome->next_seq == 0)
        return;
    uint64_t least = welcome->has_request ? c->hello_first : c->ring.first; /* receipts may have overtaken the answer */
    if (welcome->next_seq < least || welcome->next_seq > c->released + 1) {
        doubt(c, now_us, welcome);
        return;
    }
    if (!feeder_is_ours(c, welcome->next_seq - 1, welcome->digest)) {
        part_ways(c);
        return;
    }
    take_limits(c, welcome);
    look_at_clock(c, welcome->clock_ms);
    now_in(c, now_us);
    c->doubts = c->restarts = 0;
    take_scored(c, welcome);
    c->question[ASK_STATUS].due_us = INT64_MIN;
    if (c->state == FEEDER_GREETING)
        feeder_enter(c, FEEDER_WELCOMED);
    c->welcomed_once = true;
    c->quiet_since_us = now_us;
    c->next_send = welcome->next_seq > c->ring.first ? welcome->next_seq : c->ring.first;
    feeder_settle(c, welcome->next_seq - 1, welcome->digest);
}

/* ---- refusals ---- */

static void refusal_text(const Parbus__Refusal *r, struct err_text *text)
{
    const struct reason *reason = reason_of(r->reason);
    const char *detail = r->detail ? r->detail : "";
    snprintf(text->text, sizeof text->text, "%s: %s%s%s", reason->name, reason->text, *detail ? ": " : "", detail);
}

static void refuse_no_hello(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    (void)r;
    if (c->state == FEEDER_WELCOMED)
        hello_again(c, now_us);
}

static void refuse_for_good(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    (void)now_us;
    struct err_text text;
    refusal_text(r, &text);
    fail(c, r->reason == PARBUS__REASON__REFUSED_PROTOCOL_VERSION ? ERR_VERSION : ERR_INVALID, text.text);
}

/* "epoch 7 is known", "epoch 7 is of …" (D3b, D3g) */
static uint64_t epoch_named(const char *detail)
{
    const char *digits = detail ? strpbrk(detail, "0123456789") : NULL;
    return digits ? strtoull(digits, NULL, 10) : 0;
}

static void refuse_stale(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    (void)now_us;
    uint64_t known = epoch_named(r->detail);
    if (known && known < c->epoch)
        return; /* about an epoch that is over */
    if (c->welcomed_once && !c->in_use) {
        fail(c, ERR_LOST, "another process uses this feeder's name; each needs a name of its own");
        return;
    }
    feeder_new_epoch(c, known ? known + 1 : c->epoch + 1, "the ingestor knows this feeder's name from a later epoch");
}

/* D6 */
static void refuse_gap(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    if (r->seq < c->ring.first || r->seq > c->released + 1) {
        hello_again(c, now_us); /* its Welcome tells what is the matter */
        return;
    }
    if (r->seq < c->next_send)
        c->next_send = r->seq;
}

static int64_t later_us(int64_t a, int64_t b) { return a > b ? a : b; }

/* D9a: at least what the ingestor wants. What comes during a hold says no more than the one that began it. */
static int64_t hold_us(struct feeder_core *c, int64_t now_us, int64_t wanted_us)
{
    if (now_us < c->hold_until_us)
        return later_us(wanted_us, c->hold_until_us - now_us);
    int64_t longer_us = wanted_us << c->holds, most_us = later_us(wanted_us, FEEDER_HOLD_US_MAX);
    if (c->holds < FEEDER_HOLD_DOUBLINGS_MAX)
        c->holds++;
    return longer_us < most_us ? longer_us : most_us;
}

static void hold(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    struct err_text text;
    refusal_text(r, &text);
    c->hold_until_us = now_us + hold_us(c, now_us, (int64_t)r->retry_after_ms * 1000);
    c->burst = 1;
    c->quiet_since_us = c->hold_until_us;
    if (r->seq >= c->ring.first && r->seq < c->next_send)
        c->next_send = r->seq;
    if (c->state == FEEDER_GREETING)
        c->hello_due_us = c->hold_until_us;
    feeder_note_trouble(c, r->reason, text.text);
}

static void drop(struct feeder_core *c, const Parbus__Refusal *r)
{
    if (r->seq > c->released) {
        tell_trouble(c, "the ingestor refused what was never submitted; it is ignored");
        return;
    }
    if (r->seq && !feeder_ring_holds(&c->ring, r->seq))
        return;
    struct feeder_ring_entry *entry = r->seq ? feeder_ring_at(&c->ring, r->seq) : NULL;
    bool told = entry && entry->refused;
    if (entry)
        entry->refused = true;
    feeder_settle_refused(c);
    if (!told && c->events.refusal)
        c->events.refusal(c->events.ctx, r->seq, r->reason, r->detail ? r->detail : "");
}

/* D9 */
static void refuse_submission(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    if (r->retry_after_ms)
        hold(c, now_us, r);
    else
        drop(c, r);
}

/* D3g: a clock is wrong, here or there; nobody but a person can say which. */
static void refuse_ahead(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    uint64_t ahead = epoch_named(r->detail);
    if (!c->welcomed_once && (!ahead || ahead == c->epoch)) /* else about a hello that is over */
        refuse_submission(c, now_us, r);
}

/* D16: it may become free. Who is leaving has nothing left to say. */
static void refuse_in_use(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    c->in_use = true;
    c->gone = c->leaving;
    hello_again(c, now_us);
    hold(c, now_us, r);
}

static void refuse_too_many(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    if (r->retry_after_ms)
        hold(c, now_us, r);
    else
        refuse_for_good(c, now_us, r);
}

static void refuse_index(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    c->question[ASK_DESCRIBE].open &= r->seq != 0;
    refuse_submission(c, now_us, r);
}

/* D20a: the question's own time comes. */
static void refuse_busy(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    if (r->seq)
        refuse_submission(c, now_us, r);
}

static void refuse_not_authorised(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r)
{
    if (r->seq)
        refuse_submission(c, now_us, r);
    else
        refuse_for_good(c, now_us, r);
}

static const struct {
    Parbus__Reason reason;
    void (*handle)(struct feeder_core *c, int64_t now_us, const Parbus__Refusal *r);
} refusal_table[] = {
    {PARBUS__REASON__REFUSED_PROTOCOL_VERSION, refuse_for_good},
    {PARBUS__REASON__REFUSED_NO_HELLO, refuse_no_hello},
    {PARBUS__REASON__REFUSED_SEQUENCE_GAP, refuse_gap},
    {PARBUS__REASON__REFUSED_TOO_MANY_FEEDERS, refuse_too_many},
    {PARBUS__REASON__REFUSED_STALE_EPOCH, refuse_stale},
    {PARBUS__REASON__REFUSED_EPOCH_AHEAD, refuse_ahead},
    {PARBUS__REASON__REFUSED_NAME, refuse_for_good},
    {PARBUS__REASON__REFUSED_IN_USE, refuse_in_use},
    {PARBUS__REASON__REFUSED_INDEX_UNKNOWN, refuse_index},
    {PARBUS__REASON__REFUSED_BUSY, refuse_busy},
    {PARBUS__REASON__REFUSED_NOT_AUTHORISED, refuse_not_authorised},
};

static void on_refusal(struct feeder_core *c, int64_t now_us, const void *message)
{
    const Parbus__Refusal *refusal = message;
    if (is_late(c, refusal->has_epoch, refusal->epoch))
        return;
    c->quiet_since_us = now_us;
    for (size_t i = 0; i < sizeof refusal_table / sizeof *refusal_table; i++)
        if (refusal_table[i].reason == refusal->reason) {
            refusal_table[i].handle(c, now_us, refusal);
            return;
        }
    refuse_submission(c, now_us, refusal);
}

/* ---- scores, verdicts and answers ---- */

static void take_totals(struct feeder_core *c, int64_t now_us, uint64_t scored, uint64_t accepted, uint64_t rejected)
{
    if (!is_newer(c, scored, accepted + rejected))
        return; /* overtaken */
    if (scored > c->scored)
        c->quiet_since_us = now_us;
    c->scored = scored;
    c->accepted_rows = accepted;
    c->rejected_rows = rejected;
}

static void on_scored(struct feeder_core *c, int64_t now_us, const void *message)
{
    const Parbus__Scored *scored = message;
    if (c->state != FEEDER_WELCOMED || is_late(c, scored->has_epoch, scored->epoch))
        return;
    take_totals(c, now_us, scored->scored, scored->accepted_rows, scored->rejected_rows);
    if (c->events.scored)
        c->events.scored(c->events.ctx, c->scored, c->accepted_rows, c->rejected_rows);
}

static void on_verdict(struct feeder_core *c, int64_t now_us, const void *message)
{
    const Parbus__Verdict *verdict = message;
    if (!c->question[ASK_STATUS].open || is_late(c, verdict->has_epoch, verdict->epoch))
        return;
    c->question[ASK_STATUS].open = false;
    take_totals(c, now_us, verdict->scored, verdict->accepted_rows, verdict->rejected_rows);
    if (c->events.verdict)
        c->events.verdict(c->events.ctx, verdict);
}

static void on_description(struct feeder_core *c, int64_t now_us, const void *message)
{
    (void)now_us;
    c->question[ASK_DESCRIBE].open = false;
    if (c->events.description)
        c->events.description(c->events.ctx, message);
}

static void on_stats(struct feeder_core *c, int64_t now_us, const void *message)
{
    (void)now_us;
    c->question[ASK_STATS].open = false;
    if (c->events.stats)
        c->events.stats(c->events.ctx, message);
}

static void (*const answers[])(struct feeder_core *c, int64_t now_us, const void *message) = {
    [PARBUS__TO_FEEDER__BODY_WELCOME] = on_welcome, [PARBUS__TO_FEEDER__BODY_RECEIPT] = on_receipt,
    [PARBUS__TO_FEEDER__BODY_REFUSAL] = on_refusal, [PARBUS__TO_FEEDER__BODY_SCORED] = on_scored,
    [PARBUS__TO_FEEDER__BODY_VERDICT] = on_verdict, [PARBUS__TO_FEEDER__BODY_DESCRIPTION] = on_description,
    [PARBUS__TO_FEEDER__BODY_STATS] = on_stats,
};

void feeder_core_receive(struct feeder_core *c, const struct wire_message *m, struct moment now)
{
    if (c->state == FEEDER_FAILED)
        return;
    c->wall_ms = now.wall_ms;
    if (m->err)
        feeder_note_trouble(c, PARBUS__REASON__REFUSED_MALFORMED, m->why);
    else if (m->kind < sizeof answers / sizeof *answers && answers[m->kind])
        answers[m->kind](c, now.mono_us, m->message);
    feeder_assert(c);
}
