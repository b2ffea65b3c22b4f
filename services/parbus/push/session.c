#include "base/clock.h"
#include "base/plural.h"
#include "client/errors.h"
#include "link/link.h"
#include "services/parbus/push/push.h"
#include "wire/reason.h"
#include "wire/wire.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the feeder reports ---- */

static void on_refusal(void *ctx, uint64_t seq, Parbus__Reason reason, const char *detail)
{
    struct push_session *s = ctx;
    struct push_origin at;
    if (seq == 0 && reason == PARBUS__REASON__REFUSED_INDEX_UNKNOWN) {
        push_names_refused(s->names, detail);
    } else if (seq && push_ledger_find(&s->ledger, seq, WIRE_ROW_WHOLE, &at)) {
        push_report_reject(s->report, &at, reason, detail);
        s->report->failures++;
    } else {
        push_report_words(s->report, "a submission of an earlier run was refused: %s: %s", reason_of(reason)->name,
                          *detail ? detail : reason_of(reason)->text);
        s->report->failures++;
    }
}

static void on_renumbered(void *ctx, uint64_t epoch, uint64_t first)
{
    struct push_session *s = ctx;
    (void)epoch;
    push_ledger_renumber(&s->ledger, first);
    s->progress = 0;
}

static bool told_already(const struct push_session *s, const Parbus__Reject *reject)
{
    return s->reject_told &&
           (reject->seq < s->reject_seq || (reject->seq == s->reject_seq && reject->row <= s->reject_row));
}

static void tell_reject(struct push_session *s, const Parbus__Reject *reject)
{
    struct push_origin at;
    if (told_already(s, reject) || !push_ledger_find(&s->ledger, reject->seq, reject->row, &at))
        return;
    if (reject->row != WIRE_ROW_WHOLE)
        at.rows = 1;
    push_report_reject(s->report, &at, reject->reason, reject->detail);
    s->reject_told = true;
    s->reject_seq = reject->seq;
    s->reject_row = reject->row;
}

/* D11 */
static void on_verdict(void *ctx, const Parbus__Verdict *verdict)
{
    struct push_session *s = ctx;
    for (size_t i = 0; i < verdict->n_reject; i++)
        tell_reject(s, verdict->reject[i]);
    s->answers++;
    if (verdict->more)
        parbus_feeder_status(s->feeder, verdict->next_seq, s->status_to, verdict->next_row);
    else
        s->verdict_complete = true;
}

static void on_description(void *ctx, const Parbus__Description *d)
{
    struct push_session *s = ctx;
    push_names_described(s->names, d);
}

static void on_trouble(void *ctx, const char *text)
{
    struct push_session *s = ctx;
    push_report_words(s->report, "%s", text);
}

/* ---- waiting ---- */

enum err push_session_step(struct push_session *s, int64_t now_us, struct err_text *e)
{
    enum err err = err_of(parbus_feeder_step(s->feeder, public_text(e)));
    struct parbus_feeder_totals t = parbus_feeder_totals(s->feeder);
    uint64_t progress = t.receipted + t.scored + t.connected + s->answers;
    if (progress != s->progress)
        s->progress_us = now_us;
    s->progress = progress;
    push_report_progress(s->report, &t);
    return err;
}

void push_session_wait(struct push_session *s, int64_t now_us)
{
    s->progress_us = now_us;
    s->patience_us = (int64_t)s->options->timeout_s * 1000000;
}

int64_t push_session_deadline_us(const struct push_session *s) { return s->progress_us + s->patience_us; }

enum err push_session_stuck(const struct push_session *s, int64_t now_us, const char *what, struct err_text *e)
{
    if (now_us < push_session_deadline_us(s))
        return OK;
    return err_set(e, ERR_TIMEOUT, "%s moved for %" PRId64 " s", what, s->patience_us / 1000000);
}

bool push_session_connected(const struct push_session *s) { return parbus_feeder_totals(s->feeder).connected; }

bool push_session_has_receipts(const struct push_session *s)
{
    struct parbus_feeder_totals t = parbus_feeder_totals(s->feeder);
    return t.receipted == t.last_seq;
}

bool push_session_is_scored(const struct push_session *s)
{
    struct parbus_feeder_totals t = parbus_feeder_totals(s->feeder);
    return t.receipted == t.last_seq && t.scored >= t.last_seq;
}

/* ---- opening ---- */

static enum err open_feeder(struct push_session *s, struct err_text *e)
{
    char own[LINK_ENDPOINT_BYTES];
    enum err err = link_endpoint(own, s->options->directory, "door", e);
    if (err && !s->options->door)
        return err;
    struct parbus_feeder_options options = {.endpoint = s->options->door ? s->options->door : own,
                                            .name = s->options->feeder,
                                            .outbox = s->outbox,
                                            .keys = s->options->keys,
                                            .take_over = s->options->take_over,
                                            .events = {.ctx = s,
                                                       .refusal = on_refusal,
                                                       .verdict = on_verdict,
                                                       .description = on_description,
                                                       .renumbered = on_renumbered,
                                                       .trouble = on_trouble}};
    return err_of(parbus_feeder_open(&s->feeder, &options, public_text(e)));
}

static uint64_t without_receipt(const struct push_session *s)
{
    struct parbus_feeder_totals t = parbus_feeder_totals(s->feeder);
    return t.last_seq - t.receipted;
}

enum err push_session_open(struct push_session *s, struct err_text *e)
{
    enum err err = push_place_make(&s->place, s->options, s->outbox, e);
    if (!err)
        err = open_feeder(s, e);
    if (err == ERR_BUSY)
        return err_wrap(e, err, "another push of feeder %s is running (--as gives this one a name of its own)",
                        s->options->feeder);
    if (!err)
        s->waiting = without_receipt(s);
    push_session_wait(s, clock_mono_us());
    s->patience_us = PUSH_FIRST_ANSWER_US;
    return err;
}

/* Whoever has the name may be at its end soon. */
static enum err name_in_use(const struct push_session *s, struct err_text *e)
{
    return err_set(
        e, ERR_TIMEOUT,
        "feeder %s is in use by another outbox, or another process, and was for %ld s. Nothing was taken from "
        "the files. Push there, or under a name of your own (--as); when the other one is lost for good, "
        "--take-over gives the name to this one",
        s->options->feeder, s->options->timeout_s);
}

/* Whoever turns somebody away over a network does not say so. */
static const char *key_words(const struct push_options *o)
{
    bool local = strncmp(o->door, "ipc://", 6) == 0;
    return o->keys ? ", or it does not know this key (any more)" : local ? "" : ", or it wants a key (--context)";
}

enum err push_session_answers(struct push_session *s, int64_t now_us, struct err_text *e)
{
    char kept[96] = "";
    bool in_use = parbus_feeder_totals(s->feeder).in_use;
    if (in_use && s->patience_us == PUSH_FIRST_ANSWER_US)
        push_session_wait(s, now_us);
    if (now_us < push_session_deadline_us(s))
        return OK;
    if (in_use)
        return name_in_use(s, e);
    if (s->waiting)
        snprintf(kept, sizeof kept, "; of an earlier run %" PRIu64 " %s in the outbox", s->waiting,
                 plural(s->waiting, "submission still waits", "submissions still wait"));
    if (s->options->door)
        return err_set(e, ERR_TIMEOUT, "no pipeline answers at %s%s\nNothing was taken from the files%s",
                       s->options->door, key_words(s->options), kept);
    return err_set(e, ERR_TIMEOUT,
                   "the pipeline in %s does not answer: is it running? Start it with: parbus up --dir %s\n"
                   "Nothing was taken from the files%s",
                   s->options->directory, s->options->directory, kept);
}

/* What the ingestor has by now is not waiting: the outbox forgets lazily. */
void push_session_welcomed(struct push_session *s)
{
    uint64_t waiting = without_receipt(s);
    if (waiting)
        push_report_words(s->report, "of an earlier run %" PRIu64 " %s first, for want of a receipt", waiting,
                          plural(waiting, "submission goes", "submissions go"));
}

void push_session_close(struct push_session *s)
{
    if (s->feeder && parbus_feeder_totals(s->feeder).last_seq == 0)
        push_place_undo(&s->place);
    parbus_feeder_close(&s->feeder);
    push_ledger_free(&s->ledger);
}

/* ---- work ---- */

void push_session_describe(struct push_session *s, const char *index, const char *period)
{
    push_names_expect(s->names, index, period);
    parbus_feeder_describe(s->feeder, index, period);
}

static Parbus__Evidence *evidence_of(const struct push_group *g)
{
    const struct push_evidence *from = (const struct push_evidence *)(const void *)g->evidence.data;
    Parbus__Evidence *all = calloc(g->evidence_count + 1, sizeof *all);
    ASSERT(all);
    for (size_t i = 0; i < g->evidence_count; i++) {
        parbus__evidence__init(&all[i]);
        all[i].has_row = 1;
        all[i].row = from[i].row;
        all[i].uri = from[i].uri;
        all[i].has_sha256 = from[i].has_sha256;
        all[i].sha256 =
            (ProtobufCBinaryData){from[i].has_sha256 ? sizeof from[i].sha256 : 0, (uint8_t *)from[i].sha256};
    }
    return all;
}

static void fill(Parbus__Submission *m, struct push_group *g)
{
    *m = (Parbus__Submission)PARBUS__SUBMISSION__INIT;
    m->index = g->index;
    m->period = g->period;
    m->unit = g->unit;
    m->has_stage = 1;
    m->stage = g->stage;
    m->n_indicator = m->n_value = g->rows;
    m->indicator = (uint32_t *)(void *)g->indicator.data;
    m->value = (double *)(void *)g->value.data;
    m->has_observed_ms = g->timed && g->same_time;
    if (m->has_observed_ms)
        memcpy(&m->observed_ms, g->observed_ms.data, sizeof m->observed_ms);
    m->n_row_observed_ms = g->timed && !g->same_time ? g->rows : 0;
    m->row_observed_ms = (int64_t *)(void *)g->observed_ms.data;
}

static enum err submit(struct push_session *s, Parbus__Submission *m, int file, const uint32_t *line,
                       struct err_text *e)
{
    uint64_t seq;
    enum err err = err_of(parbus_feeder_submit(s->feeder, m, &seq, public_text(e)));
    if (err == ERR_TOO_LARGE || err == ERR_INVALID) {
        push_report_fault(s->report, file, line[0], e->text);
        return OK;
    }
    if (err)
        return err;
    push_ledger_add(&s->ledger, seq, file, line, m->n_indicator);
    s->report->submissions++;
    s->report->rows_sent += m->n_indicator;
    return OK;
}

enum err push_session_submit(struct push_session *s, struct push_group *g, int file, struct err_text *e)
{
    Parbus__Submission m;
    fill(&m, g);
    Parbus__Evidence *evidence = evidence_of(g);
    Parbus__Evidence **list = calloc(g->evidence_count + 1, sizeof *list);
    ASSERT(list);
    for (size_t i = 0; i < g->evidence_count; i++)
        list[i] = &evidence[i];
    m.n_evidence = g->evidence_count;
    m.evidence = list;
    enum err err = submit(s, &m, file, (const uint32_t *)(const void *)g->line.data, e);
    free(list);
    free(evidence);
    return err;
}

void push_session_ask_verdict(struct push_session *s)
{
    uint64_t first, last;
    s->reject_told = false;
    s->verdict_complete = !push_ledger_span(&s->ledger, &first, &last);
    if (s->verdict_complete)
        return;
    s->status_to = last;
    parbus_feeder_status(s->feeder, first, last, 0);
}

enum err push_session_settles(const struct push_session *s, int64_t now_us, const char *missing, struct err_text *e)
{
    uint64_t missed = without_receipt(s);
    enum err err = push_session_stuck(s, now_us, "nothing", e);
    if (err && missed)
        return err_set(e, err, "%" PRIu64 " %s no receipt and nothing moved for %ld s", missed,
                       plural(missed, "submission has", "submissions have"), s->options->timeout_s);
    return err_wrap(e, err, "wait for %s", missing);
}
