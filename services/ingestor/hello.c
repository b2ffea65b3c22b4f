#include "services/ingestor/hello.h"
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

/* true: the hello is refused, and nothing has changed (D2). */
static bool refuse_epoch(struct door *d, uint64_t peer, uint64_t epoch, uint64_t known, int64_t wall_ms)
{
    if (epoch < known)
        refuse_stale(d, peer, known);
    else if (is_ahead(epoch, known, wall_ms))
        refuse_ahead(d, peer, epoch, wall_ms);
    else
        return false;
    return true;
}

/* Finds the feeder or makes it. 0 with a refusal sent: it cannot be had. */
static uint32_t feeder_by_name(struct door *d, uint64_t peer, const char *name, uint64_t epoch, int64_t wall_ms)
{
    uint32_t number = feeders_named(&d->feeders, name);
    if (number == UINT32_MAX) {
        door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_NAME, "another feeder's name has the same hash", 0);
        return 0;
    }
    if (number)
        return number;
    if (d->feeders.journalled + d->feeders.entering >= d->settings->feeders_max)
        door_refuse_too_many(d, peer);
    else if (!refuse_epoch(d, peer, epoch, FIRST_EPOCH, wall_ms))
        return feeders_add_newcomer(&d->feeders, peer, name, FIRST_EPOCH);
    return 0;
}

static void send_welcome(struct door *d, const struct feeder *f, uint32_t number, uint64_t request)
{
    Parbus__Welcome welcome = PARBUS__WELCOME__INIT;
    welcome.has_next_seq = welcome.has_window = welcome.has_submission_bytes_max = welcome.has_rows_max = 1;
    welcome.has_scored = welcome.has_feeder_number = welcome.has_request = 1;
    welcome.request = request;
    welcome.next_seq = f->receipted + 1;
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
    f->sum = (struct tally_sum){0};
    f->unreceipted_bytes = 0;
    if (f->in_group)
        group_feeder(d->group, f->in_group)->bytes = 0;
}

void hello_take(struct door *d, uint64_t peer, const Parbus__Hello *hello, struct moment now)
{
    if (hello->protocol_version != WIRE_PROTOCOL_VERSION) {
        door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_PROTOCOL_VERSION, "this ingestor speaks version 1", 0);
        return;
    }
    if (!wire_name_ok(hello->feeder)) {
        door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_NAME, "1 to 64 of A-Z a-z 0-9 . _ -, and no dot at its beginning", 0);
        return;
    }
    uint32_t number = feeder_by_name(d, peer, hello->feeder, hello->epoch, now.wall_ms);
    if (!number)
        return;
    struct feeder *f = feeders_at(&d->feeders, number);
    if (refuse_epoch(d, peer, hello->epoch, f->mark.epoch, now.wall_ms))
        return;
    if (hello->epoch > f->mark.epoch)
        start_epoch(d, f, hello->epoch);
    feeders_connect(&d->feeders, number, peer);
    f->gap_told = false;
    send_welcome(d, f, number, hello->request);
    receipts_totals_changed(d, number);
}
