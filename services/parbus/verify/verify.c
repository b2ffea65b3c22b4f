#include "services/parbus/verify/verify.h"
#include "journal/record.h"
#include "services/parbus/stores/stores.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 16 << 20 };

struct feeder_count {
    struct journal_feeder mark;
    bool marked;          /* else its number was given to somebody who had submitted nothing yet */
    bool since;           /* … and has a mark by now */
    uint64_t submissions; /* in the records, of the mark's epoch; not marked: of any */
};

struct verification {
    const struct verify_options *options;
    struct verify_facts *facts;
    struct journal *journal;
    struct state *state;
    uint64_t *last; /* by partition, as the next one */
    struct state_cursor *cursor;
    struct feeder_count *feeder;
    uint32_t feeder_count;
};

static enum err on_row(void *ctx, size_t bytes, struct err_text *e)
{
    struct verification *v = ctx;
    v->facts->state_bytes += bytes;
    return v->options->progress ? v->options->progress(v->options->ctx, "state", bytes, e) : OK;
}

static enum err on_record(void *ctx, size_t bytes, struct err_text *e)
{
    struct verification *v = ctx;
    v->facts->journal_bytes += bytes;
    return v->options->progress ? v->options->progress(v->options->ctx, "journal", bytes, e) : OK;
}

static void on_fault(void *ctx, const char *sentence)
{
    const struct verification *v = ctx;
    if (v->options->fault)
        v->options->fault(v->options->ctx, sentence);
}

/* ---- state, before the journal: that goes on meanwhile, so state cannot seem to be ahead ---- */

static enum err read_cursors(struct verification *v, struct err_text *e)
{
    enum err err = OK;
    for (uint32_t p = 0; p < journal_partitions(v->journal) && !err; p++)
        err = state_cursor_get(v->state, p, &v->cursor[p], e);
    return err;
}

static enum err open_state(struct verification *v, struct err_text *e)
{
    const struct verify_options *o = v->options;
    struct state_options still = {.still = true, .journal_id = journal_id(v->journal)};
    enum err err = o->still ? state_open(&v->state, o->directory, &still, e)
                            : stores_state(&v->state, o->directory, journal_id(v->journal), e);
    v->facts->state = !err;
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err verify_state(struct verification *v, struct err_text *e)
{
    enum err err = open_state(v, e);
    if (err || !v->state)
        return err;
    err = state_verify(v->state, on_row, on_fault, v, e);
    return err ? err : read_cursors(v, e);
}

struct entry_marked {
    uint64_t pseq, mark;
};

static bool take_mark(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct entry_marked *x = ctx;
    x->mark = record_mark_at(record, bytes, first_pseq, x->pseq);
    return false;
}

/* Damage is told of the record itself. */
static bool follows(const struct verification *v, uint32_t p)
{
    struct entry_marked here = {.pseq = v->cursor[p].applied};
    if (v->cursor[p].mark)
        journal_read(v->journal, p, here.pseq, 1, take_mark, &here, NULL);
    return !here.mark || here.mark == v->cursor[p].mark;
}

static enum err check_applied(const struct verification *v, struct err_text *e)
{
    for (uint32_t p = 0; p < journal_partitions(v->journal); p++) {
        if (v->cursor[p].applied > v->last[p])
            return err_set(e, ERR_CORRUPT, "partition %u: state is at pseq %" PRIu64 ", the journal ends at %" PRIu64,
                           p, v->cursor[p].applied, v->last[p]);
        if (!follows(v, p))
            return err_set(e, ERR_CORRUPT,
                           "partition %u: state has applied another entry at pseq %" PRIu64
                           " than this journal has there: one of the two is of an older copy",
                           p, v->cursor[p].applied);
    }
    return OK;
}

/* ---- controls and marks ---- */

static enum err on_control(void *ctx, uint64_t seq, const void *packed, size_t bytes, struct err_text *e)
{
    struct verification *v = ctx;
    (void)packed, (void)bytes, (void)e;
    v->facts->controls = seq;
    return OK;
}

static bool on_feeder(void *ctx, uint32_t number, const struct journal_feeder *mark)
{
    struct verification *v = ctx;
    v->feeder = realloc(v->feeder, (number + 1) * sizeof *v->feeder);
    ASSERT(v->feeder);
    while (v->feeder_count < number)
        v->feeder[++v->feeder_count] = (struct feeder_count){.submissions = 0};
    v->feeder[number] = (struct feeder_count){.mark = *mark, .marked = true};
    v->facts->feeders++;
    return true;
}

/* Who said hello before this one and submitted later. */
static bool on_feeder_since(void *ctx, uint32_t number, const struct journal_feeder *mark)
{
    struct verification *v = ctx;
    (void)mark;
    if (number <= v->feeder_count)
        v->feeder[number].since = !v->feeder[number].marked;
    return true;
}

/* ---- marks against records ---- */

static void count_entry(struct verification *v, const struct record_entry *entry)
{
    v->facts->submissions++;
    if (entry->feeder == 0 || entry->feeder > v->feeder_count)
        return; /* it came after the marks were read */
    struct feeder_count *f = &v->feeder[entry->feeder];
    if (f->marked && (entry->epoch != f->mark.epoch || entry->seq > f->mark.last_seq))
        return;
    f->submissions++;
}

struct run {
    struct verification *v;
    uint64_t next, last;
};

static bool count_record(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct run *run = ctx;
    struct record_reader reader;
    struct record_entry entry;
    const uint8_t *body;
    if (record_open(&reader, record, bytes, NULL))
        return false;
    while (reader.header.kind == RECORD_DATA && record_next(&reader, &entry, &body))
        count_entry(run->v, &entry);
    run->next = first_pseq + reader.header.count;
    return run->next <= run->last;
}

static enum err count_partition(struct verification *v, uint32_t p, struct err_text *e)
{
    struct run run = {v, 1, v->last[p]};
    enum err err = OK;
    while (!err && run.next <= run.last) {
        uint64_t from = run.next;
        err = journal_read(v->journal, p, from, READ_BYTES, count_record, &run, e);
        if (!err && run.next == from)
            err = err_set(e, ERR_CORRUPT, "partition %u: no record holds pseq %" PRIu64, p, from);
    }
    return err;
}

/* Every seq up to the mark is in a record, or was refused for good; none is there twice. */
static enum err check_mark(const struct feeder_count *f, uint32_t number, struct err_text *e)
{
    if (f->since || f->submissions + f->mark.refused == f->mark.last_seq)
        return OK;
    if (!f->marked)
        return err_set(e, ERR_CORRUPT, "%" PRIu64 " submissions are of feeder number %u, and there is no mark of it",
                       f->submissions, number);
    return err_set(e, ERR_CORRUPT,
                   "feeder %s: receipted up to %" PRIu64 ", %" PRIu64 " of these refused, and %" PRIu64
                   " are in the records",
                   f->mark.name, f->mark.last_seq, f->mark.refused, f->submissions);
}

static enum err check_marks(struct verification *v, struct err_text *e)
{
    enum err err = OK;
    for (uint32_t p = 0; p < journal_partitions(v->journal) && !err; p++)
        err = count_partition(v, p, e);
    if (!err)
        err = journal_feeders(v->journal, on_feeder_since, v, e);
    for (uint32_t n = 1; n <= v->feeder_count && !err; n++)
        err = check_mark(&v->feeder[n], n, e);
    return err;
}

/* ---- all of it ---- */

static enum err verify_journal(struct verification *v, struct err_text *e)
{
    enum err err = journal_controls(v->journal, 1, on_control, v, e);
    if (!err)
        err = journal_feeders(v->journal, on_feeder, v, e);
    if (!err)
        err = journal_verify(v->journal, on_record, on_fault, v, v->last, &v->facts->unchained, e);
    if (!err)
        err = check_applied(v, e);
    if (!err)
        err = check_marks(v, e);
    for (uint32_t p = 0; p < journal_partitions(v->journal); p++)
        v->facts->entries += v->last[p];
    return err;
}

static enum err open_journal(struct verification *v, struct err_text *e)
{
    const struct verify_options *o = v->options;
    struct journal_options still = {.still = true};
    enum err err =
        o->still ? journal_open(&v->journal, o->directory, &still, e) : stores_journal(&v->journal, o->directory, e);
    if (err)
        return err;
    v->facts->journal_id = journal_id(v->journal);
    v->last = calloc(journal_partitions(v->journal), sizeof *v->last);
    v->cursor = calloc(journal_partitions(v->journal), sizeof *v->cursor);
    ASSERT(v->last && v->cursor);
    return OK;
}

/* What is wrong with one of them says nothing about the other. */
static enum err verify_both(struct verification *v, struct err_text *e)
{
    struct err_text why = {""};
    enum err state = verify_state(v, &why);
    if (state == ERR_STOPPED)
        return err_set(e, state, "%s", why.text);
    enum err err = verify_journal(v, e);
    if (!state || err == ERR_STOPPED)
        return err;
    if (!err)
        return err_set(e, state, "%s", why.text);
    on_fault(v, why.text);
    return err;
}

enum err verify_run(const struct verify_options *o, struct verify_facts *facts, struct err_text *e)
{
    struct verification v = {.options = o, .facts = facts};
    *facts = (struct verify_facts){0};
    enum err err = open_journal(&v, e);
    if (!err)
        err = verify_both(&v, e);
    state_close(&v.state);
    journal_close(&v.journal);
    free(v.last);
    free(v.cursor);
    free(v.feeder);
    return err;
}
