/* From the files to the last receipt: the phases of a push, on the reactor. The feeder is one source of it, what is
 * read another while there is nothing to read. */
#include "base/clock.h"
#include "base/deadline.h"
#include "client/errors.h"
#include "reactor/reactor.h"
#include "services/parbus/push/push.h"
#include <stdlib.h>

enum {
    TURN_US = 2000,      /* of reading; then the feeder has its turn, and what was submitted goes out */
    IDLE_US = 100000,    /* nothing to read for so long, as from `tail -f`: what there is goes out */
    TERMINAL_US = 50000, /* somebody looks */
};

STATE_MACHINE(push_machine, "push", PUSH_EDGES, "connecting", "checking", "sending", "receipts", "scores", "verdict",
              "done");

struct push {
    const struct push_options *options;
    struct push_report *report;
    struct push_names names;
    struct push_check check;
    struct push_groups groups;
    struct push_session session;
    struct push_input input;
    struct longform_reader *reader; /* of the file that is being read; NULL: none is */
    bool all_read;
    enum push_phase phase;
    struct reactor *reactor;
    bool listening; /* for the input, as a source of its own */
    bool stalled;   /* nothing can be read on before the pipeline has answered */
    int64_t quiet_us;
};

/* ---- rows ---- */

/* false: when the pipeline has said what this index is, or the groups have gone that are in the way. */
static bool on_row(void *ctx, const struct longform_row *row)
{
    struct push *p = ctx;
    struct err_text e;
    uint32_t indicator;
    Parbus__Stage stage;
    const struct push_series *series = push_names_find(&p->names, row->index, row->period);
    if (!series) {
        push_session_describe(&p->session, row->index, row->period);
        return false;
    }
    enum err err = push_names_resolve(series, row, &indicator, &stage, &e);
    if (!err && p->phase == PUSH_CHECKING)
        err = push_check_row(&p->check, row, indicator, stage, &e);
    if (err)
        push_report_fault(p->report, p->input.file, row->line, e.text);
    else if (p->phase == PUSH_SENDING && !push_groups_add(&p->groups, row, indicator, stage))
        return false;
    p->report->rows_read++;
    return true;
}

static void on_fault(void *ctx, long line, const char *text)
{
    struct push *p = ctx;
    p->report->rows_read++;
    push_report_fault(p->report, p->input.file, line, text);
}

static struct longform_reader *new_reader(struct push *p)
{
    return longform_new(&(struct longform_options){.index = p->options->index,
                                                   .period = p->options->period,
                                                   .stage = p->options->stage,
                                                   .ctx = p,
                                                   .row = on_row,
                                                   .fault = on_fault});
}

/* ---- reading: each step OK: go on; ERR_BUSY: something must happen first ---- */

/* Line numbers are those of one file: the next one begins when nothing of this one is left. */
static void next_file(struct push *p)
{
    longform_destroy(&p->reader);
    p->all_read = !push_input_next(&p->input);
    if (!p->all_read)
        p->reader = new_reader(p);
}

static enum err end_file(struct push *p)
{
    if (!p->input.failed && !longform_finish(p->reader))
        return OK;
    push_groups_flush(&p->groups);
    if (!push_groups_due(&p->groups))
        next_file(p);
    return OK;
}

static enum err read_on(struct push *p)
{
    struct push_input *in = &p->input;
    if (!p->reader)
        next_file(p);
    else if (in->at < in->size || longform_keeps(p->reader))
        in->at += longform_feed(p->reader, in->data + in->at, in->size - in->at);
    else if (in->ended)
        return end_file(p);
    else
        return p->listening ? ERR_BUSY : push_input_fill(in);
    return OK;
}

static enum err send_group(struct push *p, struct push_group *g, struct err_text *e)
{
    enum err err = push_session_submit(&p->session, g, p->input.file, e);
    if (!err)
        push_groups_sent(&p->groups);
    return err;
}

static bool must_settle(const struct push *p)
{
    return p->all_read || push_ledger_bytes(&p->session.ledger) > PUSH_LEDGER_BYTES_MAX;
}

static enum err read_step(struct push *p, struct err_text *e)
{
    struct push_group *due = push_groups_due(&p->groups);
    if (due)
        return send_group(p, due, e);
    return p->names.asked ? ERR_BUSY : read_on(p);
}

/* ---- waiting ---- */

static void enter(struct push *p, enum push_phase phase, int64_t now_us)
{
    STATE_ENTER(&push_machine, p->phase, phase);
    p->stalled = false;
    push_session_wait(&p->session, now_us);
    if (phase == PUSH_DONE)
        reactor_end(p->reactor);
}

static void on_input(void *push, unsigned source, struct moment now)
{
    struct push *p = push;
    (void)now;
    reactor_remove(p->reactor, source);
    p->listening = false;
}

/* What no descriptor tells of, as a file on a disk, can always be read. */
static void listen_to_input(struct push *p, int64_t now_us)
{
    unsigned source;
    const struct reactor_source row = {
        .name = "input", .kind = REACTOR_DESCRIPTOR, .fd = push_input_fd(&p->input), .ready = on_input};
    if (p->listening)
        return;
    p->listening = reactor_add(p->reactor, &row, &source, NULL) == OK;
    p->input.waits = p->listening;
    p->quiet_us = now_us;
}

static void wait_for_input(struct push *p, int64_t now_us)
{
    listen_to_input(p, now_us);
    if (p->listening && now_us - p->quiet_us >= IDLE_US)
        push_groups_flush(&p->groups);
}

/* The pipeline has to answer before anything can be read on. */
static enum err wait_for_answer(struct push *p, int64_t now_us, struct err_text *e)
{
    if (!p->stalled)
        push_session_wait(&p->session, now_us);
    p->stalled = true;
    return push_session_stuck(&p->session, now_us, p->names.asked ? "nothing" : "the outbox is full and nothing", e);
}

static enum err wait_reading(struct push *p, int64_t now_us, struct err_text *e)
{
    if (p->names.asked || push_groups_due(&p->groups))
        return wait_for_answer(p, now_us, e);
    wait_for_input(p, now_us);
    return OK;
}

/* ---- phases ---- */

static enum err start_reading(struct push *p, enum push_phase phase, int64_t now_us)
{
    enter(p, phase, now_us);
    p->report->rows_read = p->report->bytes_read = 0;
    p->all_read = false;
    push_input_rewind(&p->input);
    return OK;
}

static enum err connecting(struct push *p, int64_t now_us, struct err_text *e)
{
    if (!push_session_connected(&p->session))
        return push_session_answers(&p->session, now_us, e);
    push_session_welcomed(&p->session);
    push_input_open(&p->input);
    if (!p->options->strict)
        return start_reading(p, PUSH_SENDING, now_us);
    enum err err = push_check_open(&p->check, p->options->directory, e);
    return err ? err : start_reading(p, PUSH_CHECKING, now_us);
}

static enum err read_turn(struct push *p, int64_t now_us, struct err_text *e)
{
    enum err err = OK;
    for (int64_t end_us = now_us + TURN_US; !err && !must_settle(p) && now_us < end_us; now_us = clock_mono_us()) {
        err = read_step(p, e);
        p->stalled = p->stalled && err;
    }
    return err == ERR_BUSY ? wait_reading(p, now_us, e) : err;
}

static enum err checking(struct push *p, int64_t now_us, struct err_text *e)
{
    enum err err = read_turn(p, now_us, e);
    if (err || !p->all_read)
        return err;
    push_check_close(&p->check);
    if (!p->report->rows_bad && !p->report->failures)
        return start_reading(p, PUSH_SENDING, now_us);
    push_report_words(p->report, "nothing was sent: --strict, and not everything is right");
    enter(p, PUSH_DONE, now_us);
    return OK;
}

static enum err sending(struct push *p, int64_t now_us, struct err_text *e)
{
    enum err err = read_turn(p, now_us, e);
    if (!err && must_settle(p))
        enter(p, PUSH_RECEIPTS, now_us);
    return err;
}

static void settled(struct push *p, int64_t now_us)
{
    push_ledger_clear(&p->session.ledger);
    enter(p, p->all_read ? PUSH_DONE : PUSH_SENDING, now_us);
}

static enum err receipts(struct push *p, int64_t now_us, struct err_text *e)
{
    if (!push_session_has_receipts(&p->session))
        return push_session_settles(&p->session, now_us, "receipts", e);
    if (p->options->wait)
        enter(p, PUSH_SCORES, now_us);
    else
        settled(p, now_us);
    return OK;
}

static enum err scores(struct push *p, int64_t now_us, struct err_text *e)
{
    if (!push_session_is_scored(&p->session))
        return push_session_settles(&p->session, now_us, "scores", e);
    push_session_ask_verdict(&p->session);
    enter(p, PUSH_VERDICT, now_us);
    return OK;
}

static enum err verdict(struct push *p, int64_t now_us, struct err_text *e)
{
    if (!p->session.verdict_complete)
        return push_session_settles(&p->session, now_us, "the verdict", e);
    settled(p, now_us);
    return OK;
}

/* ---- on the reactor ---- */

static bool can_go_on(const struct push *p)
{
    bool reading = p->phase == PUSH_CHECKING || p->phase == PUSH_SENDING;
    return reading && !p->stalled && !p->listening;
}

static int64_t next_us(struct push *p, int64_t before_us, enum push_phase before)
{
    int64_t own_us = push_session_deadline_us(&p->session);
    if (can_go_on(p) || p->phase != before)
        return before_us;
    if (p->listening && !p->stalled)
        own_us = p->groups.rows ? p->quiet_us + IDLE_US : INT64_MAX;
    int64_t next = earlier_us(parbus_feeder_deadline_us(p->session.feeder), own_us);
    return p->report->terminal ? earlier_us(next, clock_mono_us() + TERMINAL_US) : next;
}

/* The descriptors only end the wait. */
static void on_readable(void *push, unsigned source, struct moment now) { (void)push, (void)source, (void)now; }

static int64_t turn(void *push, struct moment now)
{
    static enum err (*const phases[])(struct push *, int64_t, struct err_text *) = {
        [PUSH_CONNECTING] = connecting, [PUSH_CHECKING] = checking, [PUSH_SENDING] = sending,
        [PUSH_RECEIPTS] = receipts,     [PUSH_SCORES] = scores,     [PUSH_VERDICT] = verdict};
    struct push *p = push;
    struct err_text e;
    enum push_phase before = p->phase;
    enum err err = push_session_step(&p->session, now.mono_us, &e);
    if (!err)
        err = phases[p->phase](p, clock_mono_us(), &e);
    if (err)
        reactor_fail(p->reactor, err, "%s", e.text);
    return next_us(p, now.mono_us, before);
}

static enum err run(struct push *p, struct err_text *e)
{
    const struct reactor_source feeder = {
        .name = "feeder", .kind = REACTOR_DESCRIPTOR, .fd = parbus_feeder_fd(p->session.feeder), .ready = on_readable};
    const struct reactor_options options = {.hooks = {.ctx = p, .tick = turn}, .sources = &feeder, .count = 1};
    enum err err = reactor_open(&p->reactor, &options, e);
    if (!err)
        err = reactor_run(p->reactor, e);
    reactor_close(&p->reactor);
    return err;
}

enum err push_run(const struct push_options *o, struct push_report *report, struct parbus_feeder_totals *totals,
                  struct err_text *e)
{
    struct push *p = calloc(1, sizeof *p);
    ASSERT(p);
    *p = (struct push){.options = o,
                       .report = report,
                       .groups.batch = (size_t)o->batch,
                       .session = {.options = o, .report = report, .names = &p->names},
                       .input = {.options = o, .report = report}};
    enum err err = push_session_open(&p->session, e);
    if (!err)
        err = run(p, e);
    if (p->session.feeder)
        push_session_tell_left(&p->session);
    if (p->session.feeder)
        *totals = parbus_feeder_totals(p->session.feeder);
    longform_destroy(&p->reader);
    push_input_close(&p->input);
    push_check_close(&p->check);
    push_session_close(&p->session);
    push_groups_free(&p->groups);
    push_names_free(&p->names);
    free(p);
    return err;
}
