#include "tests/sim/sim_journal.h"
#include "journal/record.h"
#include "tests/sim/sim.h"
#include <stdlib.h>
#include <string.h>

static struct sim_record *add_record(struct sim_records *p)
{
    if (p->count == p->capacity) {
        p->capacity = p->capacity ? 2 * p->capacity : 16;
        p->record = realloc(p->record, p->capacity * sizeof *p->record);
        ASSERT(p->record);
    }
    return &p->record[p->count++];
}

static void put_record(struct sim_journal *j, const struct journal_put *put, uint64_t commit)
{
    struct sim_records *p = &j->partition[put->partition];
    struct sim_record *r = add_record(p);
    *r = (struct sim_record){.first_pseq = put->first_pseq, .bytes = put->bytes, .data = malloc(put->bytes)};
    ASSERT(r->data);
    memcpy(r->data, put->record, put->bytes);
    memcpy(&r->count, r->data + 4, sizeof r->count);
    record_seal(r->data, r->bytes, &(struct record_place){put->partition, put->first_pseq, commit});
    p->last += r->count;
}

static struct sim_journal_position position_of(const struct sim_journal *j)
{
    struct sim_journal_position at = {.controls = j->controls, .term = j->term, .commits = j->commits};
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++) {
        at.count[p] = j->partition[p].count;
        at.last[p] = j->partition[p].last;
    }
    memcpy(at.feeder, j->feeder, sizeof at.feeder);
    return at;
}

static void put_control(struct sim *s, const struct journal_control *c)
{
    struct sim_journal *j = &s->journal;
    ASSERT(j->controls + 1 < SIM_JOURNAL_CONTROLS_MAX);
    struct buffer *control = &j->control[++j->controls], *told = &j->told[j->controls];
    buffer_append(control, c->packed, c->bytes);
    if (s->options.mutation == MUTATION_RIGHTS_NOT_KEPT)
        mutation_ends_grant(control);
    if (s->options.mutation == MUTATION_NOT_JOURNALLED && mutation_forgets(control))
        buffer_append(told, c->packed, c->bytes);
}

void sim_journal_write(struct sim *s, const struct journal_group *g)
{
    struct sim_journal *j = &s->journal;
    j->before = position_of(j);
    for (size_t i = 0; i < g->put_count; i++)
        put_record(j, &g->put[i], g->commit);
    for (size_t i = 0; i < g->mark_count; i++) {
        ASSERT(g->mark[i].feeder < SIM_FEEDERS_MAX);
        j->feeder[g->mark[i].feeder] = g->mark[i].value;
    }
    for (size_t i = 0; i < g->control_count; i++)
        put_control(s, &g->control[i]);
    j->commits += g->put_count > 0;
    j->unsynced = true;
    check_group_written(s, g);
}

/* ---- what is taken back ---- */

void sim_journal_open(struct sim *s)
{
    struct sim_journal *j = &s->journal;
    j->term++;
    j->unsynced = j->fence = false;
    memcpy(j->sure, j->feeder, sizeof j->sure);
    j->sure_controls = j->controls;
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++)
        j->partition[p].sure = j->partition[p].last;
}

static void take_back(struct sim *s, const struct sim_journal_position *to)
{
    struct sim_journal *j = &s->journal;
    check_journal_shrinks(s, to);
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++) {
        struct sim_records *r = &j->partition[p];
        while (r->count > to->count[p])
            free(r->record[--r->count].data);
        r->last = r->sure = to->last[p];
    }
    for (; j->controls > to->controls; j->controls--) {
        buffer_clear(&j->control[j->controls]);
        buffer_clear(&j->told[j->controls]);
    }
    memcpy(j->feeder, to->feeder, sizeof j->feeder);
    memcpy(j->sure, to->feeder, sizeof j->sure);
    j->sure_controls = j->controls;
    j->commits = to->commits;
    j->unsynced = false;
    check_journal_shrunk(s);
}

void sim_journal_power_cut(struct sim *s)
{
    struct sim_journal *j = &s->journal;
    bool unsynced = j->unsynced && rng_below(&s->rng, 2);
    if (!unsynced && s->options.mutation != MUTATION_UNSYNCED_JOURNAL)
        return;
    census_add(s, journal_undone, unsynced);
    trace_note(s, "journal", "loses its last commit", 0, 0, 0, 0);
    struct sim_journal_position to = j->before;
    take_back(s, &to);
    j->before = position_of(j);
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++)
        if (j->copy.count[p] > j->before.count[p] || j->copy.controls > j->before.controls)
            j->copy = j->before; /* a copy of less than was there once */
}

void sim_journal_copy(struct sim_journal *j) { j->copy = position_of(j); }

/* Whether a change of rights is among the controls that the copy has not. */
static bool rights_in(const struct sim *s, uint64_t since)
{
    const struct model_rights *r = &s->model.rights;
    for (size_t i = 0; i < r->grants; i++)
        if (r->grant[i].since > since || r->grant[i].until > since)
            return true;
    for (size_t i = 0; i < r->proofs; i++)
        if (r->proof[i].since > since || r->proof[i].until > since)
            return true;
    return false;
}

void sim_journal_restore(struct sim *s)
{
    struct sim_journal *j = &s->journal;
    check_refusals_void(s, &j->copy);
    census_add(s, rights_restored, rights_in(s, j->copy.controls));
    take_back(s, &j->copy);
    j->term = j->copy.term;
    flips_forget(j);
    j->before = position_of(j);
}

enum err sim_journal_read(struct sim *s, struct actor *n, uint32_t partition, uint64_t from_pseq, size_t bytes_max,
                          journal_record_fn *fn, void *ctx, struct err_text *e)
{
    struct sim_journal *j = &s->journal;
    if (!actor_lives(s, n))
        return err_set(e, ERR_IO, "the process is dead");
    if (j->read_errors) {
        j->read_errors--;
        census_add(s, journal_read_io, 1);
        return err_set(e, ERR_IO, "the disk failed");
    }
    const struct sim_records *p = &j->partition[partition];
    size_t bytes = 0, i = p->count;
    while (i && p->record[i - 1].first_pseq + p->record[i - 1].count > from_pseq)
        i--;
    enum err err = OK;
    for (; i < p->count && (!bytes || bytes < bytes_max); i++) {
        const uint8_t *data;
        bytes += p->record[i].bytes;
        err = flips_read_record(s, partition, &p->record[i], &data, e);
        if (err || !fn(ctx, p->record[i].first_pseq, data, p->record[i].bytes))
            break;
    }
    return err;
}

enum err sim_journal_controls(struct sim *s, struct actor *n, uint64_t from, journal_control_fn *fn, void *ctx,
                              struct err_text *e)
{
    struct sim_journal *j = &s->journal;
    enum err err = OK;
    if (!actor_lives(s, n))
        return err_set(e, ERR_IO, "the process is dead");
    if (j->read_errors) {
        j->read_errors--;
        census_add(s, journal_read_io, 1);
        return err_set(e, ERR_IO, "the disk failed");
    }
    for (uint64_t seq = from; seq <= j->controls && !err; seq++) {
        const struct buffer *control = j->told[seq].size ? &j->told[seq] : &j->control[seq];
        err = fn(ctx, seq, control->data, control->size, e);
    }
    return err;
}

uint64_t sim_journal_bytes(const struct sim_journal *j, uint32_t partition, uint64_t from, uint64_t to)
{
    const struct sim_records *p = &j->partition[partition];
    uint64_t bytes = 0;
    for (size_t i = p->count; i-- > 0 && p->record[i].first_pseq > from;)
        if (p->record[i].first_pseq + p->record[i].count - 1 <= to)
            bytes += p->record[i].bytes;
    return bytes;
}

const struct sim_record *sim_journal_record(const struct sim_journal *j, uint32_t partition, uint64_t pseq)
{
    const struct sim_records *p = &j->partition[partition];
    for (size_t i = 0; i < p->count; i++)
        if (pseq >= p->record[i].first_pseq && pseq < p->record[i].first_pseq + p->record[i].count)
            return &p->record[i];
    return NULL;
}

bool sim_record_entry(const struct sim_record *r, uint64_t pseq, struct sim_entry *out)
{
    const uint8_t *at = r->data + RECORD_HEADER_BYTES;
    if (r->data[1] == 2 || pseq < r->first_pseq || pseq >= r->first_pseq + r->count)
        return false;
    for (uint64_t i = r->first_pseq;; i++) {
        memcpy(out, at, sizeof *out);
        at += sizeof *out + (out->bytes + 7u) / 8 * 8;
        if (i == pseq)
            return true;
    }
}

void sim_journal_free(struct sim_journal *j)
{
    sim_append_free(&j->append);
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++) {
        for (size_t i = 0; i < j->partition[p].count; i++)
            free(j->partition[p].record[i].data);
        free(j->partition[p].record);
    }
    for (size_t i = 0; i < SIM_JOURNAL_CONTROLS_MAX; i++) {
        buffer_free(&j->control[i]);
        buffer_free(&j->told[i]);
    }
}
