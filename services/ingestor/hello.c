/* Who the feeders are: names, epochs, connections (rules D1-D4, D14). */
#include "base/bytes.h"
#include "base/err.h"
#include "services/ingestor/door.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* D3: an epoch made of a clock has so many low bits of its own; one day ahead is what S7 allows a time of observation.
 */
enum { FIRST_EPOCH = 1, EPOCH_BITS = 20, EPOCH_AHEAD_MS_MAX = 86400000, RETRY_EPOCH_MS = 10000 };

static uint64_t name_key(const char *name) { return hash_bytes(name, strlen(name)); }

static struct feeder *feeder_slot(struct door *d, uint32_t number)
{
    if (number >= d->feeder_capacity) {
        uint32_t capacity = d->feeder_capacity ? d->feeder_capacity : 16;
        while (capacity <= number)
            capacity *= 2;
        d->feeder = realloc(d->feeder, capacity * sizeof *d->feeder);
        ASSERT(d->feeder);
        memset(d->feeder + d->feeder_capacity, 0, (capacity - d->feeder_capacity) * sizeof *d->feeder);
        d->feeder_capacity = capacity;
    }
    if (number >= d->feeder_count)
        d->feeder_count = number + 1;
    return &d->feeder[number];
}

void door_restore_feeder(struct door *d, uint32_t number, const struct journal_feeder *mark)
{
    struct feeder *f = feeder_slot(d, number);
    *f = (struct feeder){
        .mark = *mark, .receipted = mark->last_seq, .receipted_refused = mark->refused, .journalled = true};
    d->journalled++;
    map_put(&d->by_name, name_key(mark->name), number);
}

struct feeder *door_feeder(struct door *d, uint32_t number)
{
    return number && number < d->feeder_count && d->feeder[number].mark.name[0] ? &d->feeder[number] : NULL;
}

struct feeder *door_feeder_of(struct door *d, uint64_t peer, uint32_t *number)
{
    return map_get(&d->by_peer, peer, number) ? &d->feeder[*number] : NULL;
}

void door_forget_peer(struct door *d, uint64_t peer)
{
    uint32_t number;
    if (!map_get(&d->by_peer, peer, &number))
        return;
    if (d->feeder[number].peer == peer)
        d->feeder[number].peer = 0;
    map_remove(&d->by_peer, peer);
}

/* ---- newcomers ---- */

/* Makes place among the newcomers: the oldest one that has still submitted nothing is forgotten, and its number goes to
 * the next. 0: there is place. No group is under way: its feeders would have a mark soon. */
static uint32_t evict_newcomer(struct door *d)
{
    if (d->newcomer_count < NEWCOMERS_MAX)
        return 0;
    uint32_t number = d->newcomer[d->newcomer_first];
    d->newcomer_first = (d->newcomer_first + 1) % NEWCOMERS_MAX;
    d->newcomer_count--;
    struct feeder *f = &d->feeder[number];
    if (f->journalled)
        return 0;
    door_forget_peer(d, f->peer);
    map_remove(&d->by_name, name_key(f->mark.name));
    return number;
}

/* The newcomer that this connection has been so far: it has no other, so names that one connection makes up push nobody
 * else out. 0: none. */
static uint32_t leave_newcomer(struct door *d, uint64_t peer)
{
    uint32_t number;
    if (!map_get(&d->by_peer, peer, &number) || d->feeder[number].journalled)
        return 0;
    map_remove(&d->by_name, name_key(d->feeder[number].mark.name));
    return number;
}

static uint32_t newcomer_place(struct door *d, uint64_t peer)
{
    uint32_t number = leave_newcomer(d, peer);
    if (number)
        return number;
    uint32_t evicted = evict_newcomer(d);
    number = evicted ? evicted : d->feeder_count;
    d->newcomer[(d->newcomer_first + d->newcomer_count++) % NEWCOMERS_MAX] = number;
    return number;
}

static uint32_t add_newcomer(struct door *d, uint64_t peer, const char *name)
{
    uint32_t number = newcomer_place(d, peer);
    struct feeder *f = feeder_slot(d, number);
    *f = (struct feeder){.mark.epoch = FIRST_EPOCH, .untold = f->untold};
    snprintf(f->mark.name, sizeof f->mark.name, "%s", name);
    map_put(&d->by_name, name_key(name), number);
    return number;
}

/* ---- hello ---- */

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

/* D3: who counts on from the known epoch never gets there, nor who has a clock: it would shut everybody out who does.
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
    uint32_t number;
    if (map_get(&d->by_name, name_key(name), &number)) {
        if (strcmp(d->feeder[number].mark.name, name) == 0)
            return number;
        door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_NAME, "another feeder's name has the same hash", 0);
        return 0;
    }
    if (d->journalled + d->entering >= d->settings->feeders_max)
        door_refuse_too_many(d, peer);
    else if (!refuse_epoch(d, peer, epoch, FIRST_EPOCH, wall_ms))
        return add_newcomer(d, peer, name);
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
    welcome.scored = f->sum.scored + f->receipted_refused;
    welcome.accepted_rows = f->sum.accepted_rows;
    welcome.rejected_rows = f->sum.rejected_rows;
    welcome.feeder_number = number;
    door_send(d, f->peer, PARBUS__TO_FEEDER__BODY_WELCOME, &welcome.base);
}

static void start_epoch(struct feeder *f, uint64_t epoch)
{
    f->mark.epoch = epoch;
    f->mark.last_seq = f->mark.refused = f->receipted = f->receipted_refused = 0;
    f->sum = (struct tally_sum){0};
}

void door_hello(struct door *d, uint64_t peer, const Parbus__Hello *hello, struct ingestor_now now)
{
    if (hello->protocol_version != WIRE_PROTOCOL_VERSION) {
        door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_PROTOCOL_VERSION, "this ingestor speaks version 1", 0);
        return;
    }
    if (!wire_name_ok(hello->feeder)) {
        door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_NAME, "1 to 64 of A-Z a-z 0-9 . _ -", 0);
        return;
    }
    uint32_t number = feeder_by_name(d, peer, hello->feeder, hello->epoch, now.wall_ms);
    if (!number)
        return;
    struct feeder *f = &d->feeder[number];
    if (refuse_epoch(d, peer, hello->epoch, f->mark.epoch, now.wall_ms))
        return;
    if (hello->epoch > f->mark.epoch)
        start_epoch(f, hello->epoch);
    if (f->peer != peer)
        door_forget_peer(d, f->peer);
    door_forget_peer(d, peer);
    f->peer = peer;
    f->gap_told = false;
    map_put(&d->by_peer, peer, number);
    send_welcome(d, f, number, hello->request);
    door_totals_changed(d, number);
}
