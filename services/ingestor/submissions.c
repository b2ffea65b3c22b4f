#include "services/ingestor/submissions.h"
#include "journal/record.h"
#include "services/ingestor/noted.h"
#include "services/ingestor/receipts.h"
#include "wire/digest.h"
#include <string.h>

enum { S_PER_MINUTE = 60, US_PER_MS = 1000 };

/* feeders_max counts those that the journal knows: names that only say hello keep nobody out. */
static bool has_place(const struct door *d, const struct feeder *f)
{
    return feeder_known(f) || d->feeders.journalled + d->feeders.entering < (uint32_t)d->settings->feeders_max;
}

bool submissions_full(const struct door *d) { return d->group->bytes >= (size_t)d->settings->group_bytes_max; }

/* One refusal is sent per gap; each submission that it concerns is counted (D6, law 6). */
static void refuse_run(struct door *d, struct feeder *f, Parbus__Reason reason, const char *detail,
                       int64_t retry_after_ms)
{
    if (f->gap_told)
        d->metrics->reason[reason & 255]++;
    else
        door_refuse(d, f->peer, f->mark.last_seq + 1, reason, detail, retry_after_ms);
    f->gap_told = true;
}

/* Rules D5-D7 for what is not simply the next one. */
static void out_of_turn(struct door *d, struct feeder *f, uint64_t seq, struct moment now)
{
    if (seq > f->mark.last_seq) {
        refuse_run(d, f, PARBUS__REASON__REFUSED_SEQUENCE_GAP, "", 0);
        return;
    }
    metric_add(d->metrics, submissions_repeated, 1);
    if (seq == f->receipted) /* a run of repeats is answered once, at its end */
        receipts_repeat(d, f, now);
}

/* NULL, and whoever sent it is answered: it is not the next one of a feeder that may submit. */
static struct feeder *whose_turn(struct door *d, uint64_t peer, uint64_t seq, uint32_t *number, struct moment now)
{
    struct feeder *f = feeders_of_peer(&d->feeders, peer, number);
    if (f)
        f->heard_us = now.mono_us;
    if (!f)
        door_refuse(d, peer, seq, PARBUS__REASON__REFUSED_NO_HELLO, "say hello first", 0);
    else if (seq != f->mark.last_seq + 1)
        out_of_turn(d, f, seq, now);
    else if (!has_place(d, f))
        door_refuse_too_many(d, peer);
    else {
        f->gap_told = false; /* D6: the expected one came */
        return f;
    }
    return NULL;
}

/* D5a: one submission may always be under way. */
static bool beyond_window(const struct door *d, const struct feeder *f, uint64_t seq, size_t bytes)
{
    return seq - f->receipted > (uint64_t)d->settings->feeder_window ||
           (f->unreceipted_bytes && f->unreceipted_bytes + bytes > (size_t)d->settings->feeder_window_bytes);
}

static int64_t later_us(int64_t a, int64_t b) { return a > b ? a : b; }

/* How long until it may send more (D5c). */
static int64_t rate_us(const struct door *d, const struct feeder *f, struct moment now)
{
    const struct settings *s = d->settings;
    int64_t own_us = later_us(rate_wait_us(&f->submissions, now.mono_us, s->feeder_submissions_per_s),
                              rate_wait_us(&f->bytes, now.mono_us, s->feeder_bytes_per_s));
    if (feeder_known(f))
        return own_us;
    return later_us(own_us,
                    S_PER_MINUTE * rate_wait_us(&d->newcomers, now.mono_us / S_PER_MINUTE, s->feeders_new_per_minute));
}

static void count_rates(struct door *d, struct feeder *f, size_t bytes, struct moment now)
{
    const struct settings *s = d->settings;
    rate_take(&f->submissions, now.mono_us, s->feeder_submissions_per_s, 1);
    rate_take(&f->bytes, now.mono_us, s->feeder_bytes_per_s, (int64_t)bytes);
    if (!feeder_known(f))
        rate_take(&d->newcomers, now.mono_us / S_PER_MINUTE, s->feeders_new_per_minute, 1);
}

static bool refuse_for_rate(struct door *d, struct feeder *f, struct moment now)
{
    int64_t us = rate_us(d, f, now);
    if (us)
        refuse_run(d, f, PARBUS__REASON__REFUSED_BUSY,
                   feeder_known(f) ? "more is sent than this feeder may send" : "too many new names at once",
                   us / US_PER_MS + 1);
    return us != 0;
}

/* true: not now, and its feeder is told why. */
static bool refuse_for_now(struct door *d, struct feeder *f, uint64_t seq, size_t bytes, struct moment now)
{
    if (d->trouble[0])
        refuse_run(d, f, PARBUS__REASON__REFUSED_STORAGE, d->trouble, RETRY_STORAGE_MS);
    else if (beyond_window(d, f, seq, bytes))
        refuse_run(d, f, PARBUS__REASON__REFUSED_WINDOW, "wait for receipts", RETRY_WINDOW_MS);
    else if (submissions_full(d))
        refuse_run(d, f, PARBUS__REASON__REFUSED_STORAGE, "the disk is behind", RETRY_WINDOW_MS);
    else
        return refuse_for_rate(d, f, now);
    return true;
}

static uint32_t resolve(struct door *d, struct feeder *f, const Parbus__Submission *s, struct record_entry *entry)
{
    const struct series *series = f->series;
    uint32_t partitions = d->group->partitions;
    if (!series || strcmp(series->period, s->period) != 0 || strcmp(series->definition->index, s->index) != 0)
        series = catalog_find_series(d->catalog, s->index, s->period, catalog_control_seq(d->catalog));
    if (!series)
        return catalog_partition_unknown(s->unit, partitions);
    f->series = series;
    entry->series = series->number;
    entry->unit = registry_resolve(series->definition->registry, s->unit);
    if (entry->unit == UNIT_NONE || entry->unit == UNIT_AMBIGUOUS)
        return catalog_partition_unknown(s->unit, partitions);
    return catalog_partition(series->definition->registry, entry->unit, partitions);
}

/* D17: whatever becomes of it. Who submits has not gone (D18). */
static void next_is(struct feeder *f, uint64_t seq, const uint8_t *body, size_t bytes)
{
    f->mark.last_seq = seq;
    f->mark.digest = wire_digest(f->mark.digest, body, bytes);
    f->mark.free = f->free = f->mark.removed = false;
}

/* Who it is from, what it is about, and where it goes. */
struct place {
    struct record_entry entry;
    uint32_t partition;
};

static struct place place_of(struct door *d, struct feeder *f, uint32_t number, const Parbus__Submission *s,
                             size_t bytes)
{
    struct place p = {
        .entry = {.body_bytes = (uint32_t)bytes, .feeder = number, .epoch = f->mark.epoch, .seq = s->seq}};
    p.partition = resolve(d, f, s, &p.entry);
    return p;
}

/* A6: as of the controls that come before it. */
static bool is_allowed(const struct door *d, struct feeder *f, const Parbus__Submission *s, const struct place *p,
                       struct moment now, struct err_text *why)
{
    const struct series *series = p->entry.series ? f->series : NULL;
    return rights_submission(d->catalog, &d->who, &f->rights, s, series, p->entry.unit, now, why);
}

static void take(struct door *d, struct feeder *f, const Parbus__Submission *s, const struct place *p,
                 const uint8_t *body, struct moment now)
{
    size_t bytes = p->entry.body_bytes;
    next_is(f, s->seq, body, bytes);
    f->unreceipted_bytes += bytes;
    door_enter_group(d, f, p->entry.feeder, now)->bytes += bytes;
    feeders_assert(f);
    group_add(d->group, p->partition, &p->entry, body, now.wall_ms, catalog_control_seq(d->catalog));
    d->group->submissions++;
    d->group->rows += s->n_indicator;
}

/* D9b: whether it is allowed may be judged otherwise after a crash, so what is not in the journal is not told. */
static void refuse_used_up(struct door *d, const struct feeder *f, uint32_t number, const struct bad_submission *bad)
{
    if (bad->reason != PARBUS__REASON__REFUSED_NOT_AUTHORISED) {
        door_refuse(d, f->peer, bad->seq, bad->reason, bad->detail, 0);
        return;
    }
    d->metrics->reason[bad->reason]++;
    noted_refusal(d, f->peer, bad->reason, bad->detail);
    group_add_refusal(d->group, number, f->mark.epoch, bad->seq, bad->detail);
}

static void use_up(struct door *d, struct feeder *f, uint32_t number, const struct bad_submission *bad,
                   struct moment now)
{
    next_is(f, bad->seq, bad->body, bad->bytes);
    f->mark.refused++;
    door_enter_group(d, f, number, now);
    feeders_assert(f);
    refuse_used_up(d, f, number, bad);
}

void submissions_take(struct door *d, uint64_t peer, const Parbus__Submission *s, const uint8_t *body, size_t bytes,
                      struct moment now)
{
    uint32_t number;
    metric_add(d->metrics, submissions_received, 1);
    struct feeder *f = whose_turn(d, peer, s->seq, &number, now);
    if (!f || refuse_for_now(d, f, s->seq, bytes, now))
        return;
    count_rates(d, f, bytes, now);
    struct err_text why = {"more than submission_bytes_max"};
    const struct place p = place_of(d, f, number, s, bytes);
    bool fits = bytes <= (size_t)d->settings->submission_bytes_max;
    if (fits && is_allowed(d, f, s, &p, now, &why)) {
        take(d, f, s, &p, body, now);
        return;
    }
    const struct bad_submission bad = {
        s->seq, body, bytes, fits ? PARBUS__REASON__REFUSED_NOT_AUTHORISED : PARBUS__REASON__REFUSED_TOO_LARGE,
        why.text};
    use_up(d, f, number, &bad, now);
}

void submissions_take_bad(struct door *d, uint64_t peer, const struct bad_submission *bad, struct moment now)
{
    uint32_t number;
    struct feeder *f = whose_turn(d, peer, bad->seq, &number, now);
    if (!f || refuse_for_now(d, f, bad->seq, 0, now))
        return;
    count_rates(d, f, bad->bytes, now);
    use_up(d, f, number, bad, now);
}
