#include "services/ingestor/hello.h"
#include "services/ingestor/noted.h"
#include "services/ingestor/receipts.h"
#include <stdio.h>

/* D3f: an epoch made of a clock has so many low bits of its own; one day ahead is what S7 allows a time of observation.
 */
enum { FIRST_EPOCH = 1, EPOCH_BITS = 20, EPOCH_AHEAD_MS_MAX = 86400000, RETRY_EPOCH_MS = 10000 };

static void refuse_stale(struct door *d, uint64_t peer, uint64_t known)
{
    char detail[64];
    snprintf(detail, sizeof detail, "epoch %llu is known", (unsigned long long)known);
    door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_STALE_EPOCH, detail, 0);
}

static void refuse_ahead(struct door *d, uint64_t peer, uint64_t epoch, int64_t wall_ms)
{
    char detail[160];
    snprintf(detail, sizeof detail, "epoch %llu is of %llu ms after 1970, the clock here says %lld ms",
             (unsigned long long)epoch, (unsigned long long)(epoch >> EPOCH_BITS), (long long)wall_ms);
    door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_EPOCH_AHEAD, detail, RETRY_EPOCH_MS);
}

/* D3f: who counts on from the known epoch never gets there, nor who has a clock: it would shut everybody out who does.
 */
static bool is_ahead(uint64_t epoch, uint64_t known, int64_t wall_ms)
{
    return (int64_t)(epoch >> EPOCH_BITS) > wall_ms + EPOCH_AHEAD_MS_MAX && epoch - known > 1 << EPOCH_BITS;
}

static bool refuse_epoch(struct door *d, uint64_t peer, uint64_t epoch, uint64_t least, uint64_t known, int64_t wall_ms)
{
    if (epoch < least)
        refuse_stale(d, peer, known);
    else if (is_ahead(epoch, known, wall_ms))
        refuse_ahead(d, peer, epoch, wall_ms);
    else
        return false;
    return true;
}

/* Finds the feeder or makes it. 0 with a refusal sent: it cannot be had. */
static uint32_t feeder_by_name(struct door *d, uint64_t peer, const Parbus__Hello *hello, int64_t wall_ms)
{
    uint32_t number = feeders_named(&d->feeders, hello->feeder);
    if (number == UINT32_MAX) {
        door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_NAME, "another feeder's name has the same hash", 0);
        return 0;
    }
    if (number)
        return number;
    if (d->feeders.journalled + d->feeders.entering >= d->settings->feeders_max)
        door_refuse_too_many(d, peer);
    else if (!refuse_epoch(d, peer, hello->epoch, FIRST_EPOCH, FIRST_EPOCH, wall_ms))
        return feeders_add_newcomer(&d->feeders, peer, hello->feeder, FIRST_EPOCH);
    return 0;
}

/* ---- lines (D16) ---- */

/* Whether the connection of a feeder is still there. Its last receipt again does no harm. */
static bool is_there(struct door *d, struct feeder *f, struct moment now)
{
    receipts_repeat(d, f, now);
    return f->peer != 0;
}

static bool heard_lately(const struct door *d, const struct feeder *f, struct moment now)
{
    return f->heard_us && now.mono_us - f->heard_us < d->settings->feeder_lease_ms * 1000;
}

/* An outbox holds its name until it says Bye, for what it holds may still come. */
static bool for_good(const struct feeder *f) { return feeder_known(f) && !f->mark.without_outbox; }

static bool is_held(struct door *d, struct feeder *f, uint64_t peer, struct moment now)
{
    if (f->free)
        return false;
    return for_good(f) || (f->peer != peer && heard_lately(d, f, now) && is_there(d, f, now));
}

static void refuse_in_use(struct door *d, uint64_t peer, const struct feeder *f, struct moment now)
{
    char detail[160], since[64] = "not heard since this ingestor started";
    if (f->heard_us)
        snprintf(since, sizeof since, "heard %lld s ago", (long long)(now.mono_us - f->heard_us) / 1000000);
    snprintf(detail, sizeof detail, "%s has it, %s",
             f->mark.without_outbox ? "a process without an outbox" : "another outbox", since);
    door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_IN_USE, detail, RETRY_IN_USE_MS);
}

/* The least epoch that this line may take: of a name that the journal knows, another line begins a new one. */
static uint64_t least_epoch(const struct feeder *f, bool own)
{
    if (own)
        return f->mark.epoch;
    return feeder_kept(f) ? f->mark.epoch + 1 : FIRST_EPOCH;
}

static void send_welcome(struct door *d, const struct feeder *f, uint32_t number, uint64_t request, int64_t wall_ms)
{
    Parbus__Welcome welcome = PARBUS__WELCOME__INIT;
    welcome.has_next_seq = welcome.has_window = welcome.has_submission_bytes_max = welcome.has_rows_max = 1;
    welcome.has_scored = welcome.has_feeder_number = welcome.has_request = 1;
    welcome.request = request;
    welcome.next_seq = f->receipted + 1;
    welcome.has_digest = welcome.has_clock_ms = 1;
    welcome.clock_ms = wall_ms;
    welcome.digest = f->receipted_digest;
    welcome.window = (uint32_t)d->settings->feeder_window;
    welcome.submission_bytes_max = (uint64_t)d->settings->submission_bytes_max;
    welcome.rows_max = WIRE_ROWS_MAX;
    welcome.has_window_bytes = 1;
    welcome.window_bytes = (uint64_t)d->settings->feeder_window_bytes;
    welcome.has_accepted_rows = welcome.has_rejected_rows = 1;
    welcome.scored = feeder_scored(f);
    welcome.accepted_rows = f->sum.accepted_rows;
    welcome.rejected_rows = f->sum.rejected_rows;
    welcome.feeder_number = number;
    door_send(d, f->peer, PARBUS__TO_FEEDER__BODY_WELCOME, &welcome.base);
}

/* What it has in flight is of the epoch that is over, and what it has in the group that is gathered, too. */
static void start_epoch(struct door *d, struct feeder *f, uint64_t epoch)
{
    f->mark.epoch = epoch;
    f->mark.last_seq = f->mark.refused = f->receipted = f->receipted_refused = 0;
    f->mark.digest = f->receipted_digest = 0;
    f->sum = (struct tally_sum){0};
    f->unreceipted_bytes = 0;
    if (f->in_group)
        group_feeder(d->group, f->in_group)->bytes = 0;
}

static bool readable(struct door *d, uint64_t peer, const Parbus__Hello *hello)
{
    if (hello->protocol_version != WIRE_PROTOCOL_VERSION)
        door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_PROTOCOL_VERSION, "this ingestor speaks version 1", 0);
    else if (!wire_name_ok(hello->feeder))
        door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_NAME,
                    "1 to 64 of A-Z a-z 0-9 . _ -, and no dot at its beginning", 0);
    else if (!hello->line)
        door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_MALFORMED, "hello.line: absent, or 0", 0);
    else
        return true;
    return false;
}

/* true: the hello is refused, and nothing has changed (D2). */
static bool refuse(struct door *d, uint64_t peer, struct feeder *f, const Parbus__Hello *hello, struct moment now)
{
    bool own = f->mark.line == hello->line;
    if (!own && !hello->take_over && is_held(d, f, peer, now)) {
        refuse_in_use(d, peer, f, now);
        return true;
    }
    return refuse_epoch(d, peer, hello->epoch, least_epoch(f, own), f->mark.epoch, now.wall_ms);
}

static void become(struct door *d, struct feeder *f, const Parbus__Hello *hello)
{
    if (hello->epoch != f->mark.epoch || hello->line != f->mark.line)
        start_epoch(d, f, hello->epoch);
    f->mark.line = hello->line;
    f->mark.without_outbox = hello->without_outbox;
    f->mark.free = f->free = false;
}

/* A7: a feeder's name is its identity. false: it says another one. */
static bool name_is_own(struct door *d, uint64_t peer, Parbus__Hello *hello)
{
    char detail[192];
    if (d->who.identity && (!hello->feeder || !hello->feeder[0]))
        hello->feeder = (char *)d->who.name;
    if (who_speaks_for(&d->who, hello->feeder))
        return true;
    snprintf(detail, sizeof detail, "you are %.64s here, and cannot be %.64s", d->who.name, hello->feeder);
    door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_NOT_AUTHORISED, detail, 0);
    return false;
}

void hello_take(struct door *d, struct peer from, const Parbus__Hello *said, struct moment now)
{
    uint64_t peer = from.id;
    Parbus__Hello own = *said;
    const Parbus__Hello *hello = &own;
    if (!name_is_own(d, peer, &own) || !readable(d, peer, hello))
        return;
    bool newcomer = !feeders_named(&d->feeders, hello->feeder);
    uint32_t number = feeder_by_name(d, peer, hello, now.wall_ms);
    if (!number)
        return;
    struct feeder *f = feeders_at(&d->feeders, number);
    if (refuse(d, peer, f, hello, now))
        return;
    noted_hello(d, peer, f, hello, newcomer);
    become(d, f, hello);
    feeders_connect(&d->feeders, number, from);
    f->heard_us = now.mono_us;
    f->gap_told = false;
    send_welcome(d, f, number, hello->request, now.wall_ms);
    receipts_totals_changed(d, number);
}

/* ---- the end ---- */

void hello_bye(struct door *d, uint64_t peer, struct moment now)
{
    uint32_t number;
    struct feeder *f = feeders_of_peer(&d->feeders, peer, &number);
    if (!f) {
        door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_NO_HELLO, "say hello first", 0);
        return;
    }
    f->heard_us = now.mono_us;
    f->mark.free = true;
    if (feeder_known(f) && !f->free) {
        door_enter_group(d, f, number, now);
        return;
    }
    f->free = true;
    receipts_repeat(d, f, now);
}
