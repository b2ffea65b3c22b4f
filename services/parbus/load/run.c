#include "base/clock.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/plural.h"
#include "client/errors.h"
#include "reactor/reactor.h"
#include "services/parbus/load/load.h"
#include "wire/reason.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum {
    FIRST_ANSWER_US = 5000000,
    QUIET_US = 500000, /* everything is scored and no delta comes for so long: the rest changed no score */
    BATCH = 256,       /* submissions between two looks at the feeders */
    IDLE_US = 1000,    /* rate and progress are looked at so often */
    SHOW_US = 100000,
};

STATE_MACHINE(load_machine, "load", LOAD_EDGES, "connecting", "sending", "awaiting");

struct load {
    const struct load_options *options;
    struct reactor *reactor;
    enum load_phase phase;
    int sent; /* of the last batch */
    struct load_result *result;
    struct load_values values;
    struct parbus_feeder *feeder[LOAD_FEEDERS_MAX];
    struct parbus_feeder_totals totals[LOAD_FEEDERS_MAX];
    struct parbus_feed *feed;
    struct parbus_topic *topic;
    bool described, terminal;
    uint64_t on_the_way;
    int64_t start_us, moved_us, delta_us, shown_us;
    uint64_t moved; /* sum of all that can move */
    char refusal[512];
};

static void enter(struct load *l, enum load_phase phase) { STATE_ENTER(&load_machine, l->phase, phase); }

/* ---- what is reported ---- */

static void on_description(void *ctx, const Parbus__Description *d)
{
    struct load *l = ctx;
    l->described = load_values_describe(&l->values, d);
    if (!l->described)
        snprintf(l->refusal, sizeof l->refusal, "index %s has no indicator that takes values", l->options->index);
}

static void on_refusal(void *ctx, uint64_t seq, Parbus__Reason reason, const char *detail)
{
    struct load *l = ctx;
    l->result->refused += seq != 0;
    snprintf(l->refusal, sizeof l->refusal, "%s: %s", reason_of(reason)->name,
             *detail ? detail : reason_of(reason)->text);
}

static void on_trouble(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "parbus load: %s\n", text);
}

static void on_row(struct load *l, const Parbus__Row *row, int64_t now_us)
{
    struct load_unit *unit = load_values_unit(&l->values, row->unit);
    if (!unit)
        return;
    const struct parbus_feeder_totals *t = &l->totals[unit->feeder];
    if (row->cause_feeder == t->number && row->cause_epoch == t->epoch)
        l->on_the_way -= load_queue_shown(&unit->queue, row->cause_seq, now_us, &l->result->latency);
}

static void on_delta(void *ctx, const struct parbus_topic *topic, const Parbus__Delta *delta)
{
    (void)topic;
    struct load *l = ctx;
    l->delta_us = clock_mono_us();
    l->result->deltas++;
    l->result->delta_rows += delta->n_row;
    for (size_t i = 0; i < delta->n_row; i++)
        on_row(l, delta->row[i], l->delta_us);
}

/* After a gap the table comes whole: what it shows, it shows now. */
static bool on_table_row(void *ctx, const struct parbus_row *row)
{
    struct load *l = ctx;
    Parbus__Row seen = PARBUS__ROW__INIT;
    seen.unit = row->unit;
    seen.cause_feeder = row->cause_feeder;
    seen.cause_epoch = row->cause_epoch;
    seen.cause_seq = row->cause_seq;
    on_row(l, &seen, l->delta_us);
    return true;
}

static void on_snapshot(void *ctx, const struct parbus_topic *topic)
{
    struct load *l = ctx;
    l->delta_us = clock_mono_us();
    parbus_topic_each(topic, on_table_row, l);
}

static void on_topic_trouble(void *ctx, const struct parbus_topic *topic, const char *text)
{
    (void)topic;
    on_trouble(ctx, text);
}

/* ---- opening ---- */

static enum err open_feeder(struct load *l, int i, struct err_text *e)
{
    char endpoint[LINK_ENDPOINT_BYTES], name[32];
    const struct load_options *wanted = l->options;
    snprintf(name, sizeof name, "load-%d", i + 1);
    enum err err = wanted->door ? OK : link_endpoint(endpoint, wanted->directory, "door", e);
    if (err)
        return err;
    struct parbus_feeder_options o = {
        .endpoint = wanted->door ? wanted->door : endpoint,
        .name = wanted->name ? wanted->name : name,
        .keys = wanted->keys,
        .events = {.ctx = l, .description = on_description, .refusal = on_refusal, .trouble = on_trouble}};
    return err_of(parbus_feeder_open(&l->feeder[i], &o, public_text(e)));
}

static enum err open_feed(struct load *l, struct err_text *e)
{
    char feed[LINK_ENDPOINT_BYTES], snapshot[LINK_ENDPOINT_BYTES], topic[160];
    enum err err = link_endpoint(feed, l->options->directory, "feed", e);
    if (!err)
        err = link_endpoint(snapshot, l->options->directory, "snapshot", e);
    if (err)
        return err;
    snprintf(topic, sizeof topic, "%s/%s", l->options->index, l->options->period);
    struct parbus_feed_options o = {
        .feed_endpoint = feed, .snapshot_endpoint = snapshot, .ctx = l, .trouble = on_trouble};
    struct parbus_topic_events events = {
        .ctx = l, .snapshot = on_snapshot, .delta = on_delta, .trouble = on_topic_trouble};
    enum parbus_err opened = parbus_feed_open(&l->feed, &o, public_text(e));
    if (!opened)
        opened = parbus_feed_follow(l->feed, topic, &events, &l->topic, public_text(e));
    return err_of(opened);
}

static bool ready(const struct load *l)
{
    for (int i = 0; i < l->options->feeders; i++)
        if (!l->totals[i].connected)
            return false;
    return l->described && parbus_topic_ready(l->topic);
}

static bool take_unit(void *ctx, const struct parbus_row *row)
{
    struct load *l = ctx;
    if (l->values.unit_count < (size_t)l->options->units)
        load_values_add_unit(&l->values, row, (uint32_t)(l->values.unit_count % (size_t)l->options->feeders));
    return l->values.unit_count < (size_t)l->options->units;
}

static enum err open_all(struct load *l, struct err_text *e)
{
    enum err err = OK;
    for (int i = 0; i < l->options->feeders && !err; i++)
        err = open_feeder(l, i, e);
    if (!err)
        err = open_feed(l, e);
    if (!err)
        parbus_feeder_describe(l->feeder[0], l->options->index, l->options->period);
    return err;
}

/* Until everybody has answered; then there are units to send for. */
static enum err connect_turn(struct load *l, int64_t now_us, struct err_text *e)
{
    if (l->refusal[0])
        return err_set(e, ERR_PEER, "%s", l->refusal);
    if (!ready(l) && now_us > l->start_us + FIRST_ANSWER_US)
        return err_set(e, ERR_TIMEOUT,
                       "the pipeline in %s does not answer: is it running? Start it with: parbus up --dir %s",
                       l->options->directory, l->options->directory);
    if (!ready(l))
        return OK;
    parbus_topic_each(l->topic, take_unit, l);
    if (l->values.unit_count == 0)
        return err_set(e, ERR_NOT_FOUND, "%s/%s has no units", l->options->index, l->options->period);
    load_values_start(&l->values, l->options);
    l->start_us = l->moved_us = now_us;
    enter(l, LOAD_SENDING);
    return OK;
}

/* ---- sending ---- */

static enum err send_one(struct load *l, int64_t now_us, struct err_text *e)
{
    struct load_unit *unit;
    uint64_t seq;
    Parbus__Submission *s = load_values_next(&l->values, &unit);
    enum err err = err_of(parbus_feeder_submit(l->feeder[unit->feeder], s, &seq, public_text(e)));
    if (err) {
        load_values_undo(&l->values);
        return err;
    }
    l->result->submissions++;
    if (l->on_the_way < LOAD_ON_THE_WAY_MAX) {
        load_queue_push(&unit->queue, seq, now_us);
        l->on_the_way++;
    } else {
        l->result->not_timed++;
    }
    return OK;
}

/* How many are due now. */
static uint64_t due(const struct load *l, int64_t now_us)
{
    const struct load_options *o = l->options;
    uint64_t sent = l->result->submissions, most = UINT64_MAX;
    if (o->submissions)
        most = (uint64_t)o->submissions;
    if (o->rate) {
        uint64_t by_now = (uint64_t)((double)(now_us - l->start_us) * 1e-6 * (double)o->rate) + 1;
        most = by_now < most ? by_now : most;
    }
    return most > sent ? most - sent : 0;
}

static bool sending(const struct load *l, int64_t now_us)
{
    const struct load_options *o = l->options;
    if (o->submissions)
        return l->result->submissions < (uint64_t)o->submissions;
    return now_us - l->start_us < (int64_t)o->duration_s * 1000000;
}

/* *sent: how many went; fewer than BATCH when the rate or a full window says so. */
static enum err send_batch(struct load *l, int *sent, struct err_text *e)
{
    int64_t now_us = clock_mono_us();
    uint64_t most = due(l, now_us);
    enum err err = OK;
    for (*sent = 0; *sent < BATCH && (uint64_t)*sent < most; ++*sent)
        if ((err = send_one(l, now_us, e)))
            break;
    return err == ERR_BUSY ? OK : err;
}

/* ---- watching ---- */

static void show_progress(struct load *l, int64_t now_us)
{
    const struct load_result *r = l->result;
    if (!l->terminal || now_us - l->shown_us < SHOW_US)
        return;
    l->shown_us = now_us;
    fprintf(stderr, "\r\033[K%" PRIu64 " sent, %" PRIu64 " with a receipt, %" PRIu64 " scored, %" PRIu64 " shown",
            r->submissions, r->receipts, r->scored, r->latency.count);
}

static double since(const struct load *l, int64_t now_us) { return (double)(now_us - l->start_us) * 1e-6; }

/* Totals of all feeders; the times of the last change are what the rates are made of. */
static void watch(struct load *l)
{
    struct load_result *r = l->result;
    uint64_t receipts = 0, scored = 0;
    int64_t now_us = clock_mono_us();
    r->rejected_rows = 0;
    for (int i = 0; i < l->options->feeders; i++) {
        receipts += l->totals[i].receipted;
        scored += l->totals[i].scored;
        r->rejected_rows += l->totals[i].rejected_rows;
    }
    if (receipts != r->receipts)
        r->seconds_to_receipt = since(l, now_us);
    if (scored != r->scored)
        r->seconds_to_score = since(l, now_us);
    if (r->latency.count != r->shown)
        r->seconds_to_show = since(l, l->delta_us);
    r->receipts = receipts;
    r->scored = scored;
    r->shown = r->latency.count;
    uint64_t moved = receipts + scored + r->shown + r->submissions;
    if (moved != l->moved)
        l->moved_us = now_us;
    l->moved = moved;
    show_progress(l, now_us);
}

static bool finished(const struct load *l, int64_t now_us)
{
    const struct load_result *r = l->result;
    bool scored = r->receipts == r->submissions && r->scored >= r->submissions;
    int64_t last_us = l->delta_us > l->moved_us ? l->delta_us : l->moved_us;
    return scored && (l->on_the_way == 0 || now_us - last_us > QUIET_US);
}

static enum err stuck(const struct load *l, struct err_text *e)
{
    const struct load_result *r = l->result;
    return err_set(
        e, ERR_TIMEOUT, "nothing moved for %d s: %" PRIu64 " of %" PRIu64 " %s with a receipt, %" PRIu64 " scored",
        LOAD_WAIT_S_MAX, r->receipts, r->submissions, plural(r->submissions, "submission", "submissions"), r->scored);
}

static enum err check_moving(struct load *l, int64_t now_us, struct err_text *e)
{
    watch(l);
    return now_us - l->moved_us > LOAD_WAIT_S_MAX * 1000000ll ? stuck(l, e) : OK;
}

static enum err send_turn(struct load *l, int64_t now_us, struct err_text *e)
{
    enum err err = send_batch(l, &l->sent, e);
    if (!err)
        err = check_moving(l, now_us, e);
    if (sending(l, clock_mono_us()))
        return err;
    l->result->seconds_to_send = since(l, clock_mono_us());
    enter(l, LOAD_AWAITING);
    return err;
}

static enum err await_turn(struct load *l, int64_t now_us, struct err_text *e)
{
    enum err err = check_moving(l, now_us, e);
    if (!err && finished(l, clock_mono_us()))
        reactor_end(l->reactor);
    return err;
}

/* ---- on the reactor ---- */

/* The descriptors only end the wait: all take their turn in each of ours. */
static void on_readable(void *load, unsigned source, struct moment now) { (void)load, (void)source, (void)now; }

static enum err step_all(struct load *l, struct err_text *e)
{
    enum err err = OK;
    for (int i = 0; i < l->options->feeders && !err; i++) {
        err = err_of(parbus_feeder_step(l->feeder[i], public_text(e)));
        l->totals[i] = parbus_feeder_totals(l->feeder[i]);
    }
    return err ? err : err_of(parbus_feed_step(l->feed, public_text(e)));
}

static int64_t next_us(struct load *l, int64_t now_us)
{
    int64_t next = earlier_us(now_us + IDLE_US, parbus_feed_deadline_us(l->feed));
    for (int i = 0; i < l->options->feeders; i++)
        next = earlier_us(next, parbus_feeder_deadline_us(l->feeder[i]));
    return l->phase == LOAD_SENDING && l->sent ? now_us : next;
}

static int64_t turn(void *load, struct moment now)
{
    static enum err (*const phases[])(struct load *, int64_t, struct err_text *) = {
        [LOAD_CONNECTING] = connect_turn, [LOAD_SENDING] = send_turn, [LOAD_AWAITING] = await_turn};
    struct load *l = load;
    struct err_text e;
    enum err err = step_all(l, &e);
    if (!err)
        err = phases[l->phase](l, now.mono_us, &e);
    if (err)
        reactor_fail(l->reactor, err, "%s", e.text);
    return next_us(l, now.mono_us);
}

static enum err run(struct load *l, struct err_text *e)
{
    struct reactor_source source[LOAD_FEEDERS_MAX + 1];
    unsigned count = 0;
    for (; count < (unsigned)l->options->feeders; count++)
        source[count] = (struct reactor_source){.name = "feeder",
                                                .kind = REACTOR_DESCRIPTOR,
                                                .fd = parbus_feeder_fd(l->feeder[count]),
                                                .ready = on_readable};
    source[count++] = (struct reactor_source){
        .name = "feed", .kind = REACTOR_DESCRIPTOR, .fd = parbus_feed_fd(l->feed), .ready = on_readable};
    const struct reactor_options options = {.hooks = {.ctx = l, .tick = turn}, .sources = source, .count = count};
    enum err err = reactor_open(&l->reactor, &options, e);
    if (!err)
        err = reactor_run(l->reactor, e);
    reactor_close(&l->reactor);
    return err;
}

enum err load_run(const struct load_options *o, struct load_result *r, struct err_text *e)
{
    struct load l = {.options = o, .result = r, .terminal = isatty(STDERR_FILENO), .start_us = clock_mono_us()};
    enum err err = open_all(&l, e);
    if (!err)
        err = run(&l, e);
    if (l.shown_us)
        fputs("\r\033[K", stderr);
    parbus_feed_close(&l.feed);
    for (int i = 0; i < LOAD_FEEDERS_MAX; i++)
        parbus_feeder_close(&l.feeder[i]);
    load_values_free(&l.values);
    return err;
}
