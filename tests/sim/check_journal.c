#include "base/bytes.h"
#include "tests/sim/sim.h"
#include <inttypes.h>
#include <stdlib.h>

enum { SEQ_TAG = 0x08, SUBMISSION_TAG = 0x12, DAY_MS = 86400000 };

/* ---- reading a submission's bytes: its seq comes first, the rest is what it says ---- */

static bool varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

bool check_read_body(const uint8_t *at, const uint8_t *end, uint64_t *seq, uint64_t *hash)
{
    if (at >= end || *at++ != SEQ_TAG || !varint(&at, end, seq))
        return false;
    *hash = hash_bytes(at, (size_t)(end - at));
    return true;
}

/* Its bytes; 0: not a submission. */
static uint64_t read_envelope(const uint8_t *at, size_t bytes, uint64_t *seq, uint64_t *hash)
{
    const uint8_t *end = at + bytes;
    uint64_t length;
    if (at >= end || *at++ != SUBMISSION_TAG || !varint(&at, end, &length))
        return 0;
    return check_read_body(at, end, seq, hash) ? length : 0;
}

/* ---- lanes ---- */

static struct lane *lane_of(struct sim *s, int node, uint64_t epoch)
{
    struct check *c = &s->check;
    for (size_t i = c->lane_count; i-- > 0;)
        if (c->lane[i].node == node && c->lane[i].epoch == epoch)
            return &c->lane[i];
    ASSERT(c->lane_count < CHECK_LANES_MAX);
    c->lane[c->lane_count] = (struct lane){.node = node, .epoch = epoch};
    return &c->lane[c->lane_count++];
}

static struct lane_entry *lane_entry(struct lane *l, uint64_t seq)
{
    if (seq >= l->capacity) {
        size_t more = (size_t)seq + 64;
        l->entry = realloc(l->entry, more * sizeof *l->entry);
        ASSERT(l->entry);
        memset(l->entry + l->capacity, 0, (more - l->capacity) * sizeof *l->entry);
        l->capacity = more;
    }
    return &l->entry[seq];
}

void check_free(struct check *c)
{
    for (size_t i = 0; i < c->lane_count; i++)
        free(c->lane[i].entry);
    free(c->promised);
    free(c->lost_reject);
    free(c->position);
    free(c->ghost);
    free(c->aside_lost);
}

/* The process that is called as this one pushes: in its lanes is what the journal has of the name. */
static int namesake(struct sim *s, const struct actor *feeder) { return actor_by_name(s, feeder->feeder)->number; }

/* ---- feeders ---- */

/* Law 6, rule D5. What is too large is refused, and waits for nothing. */
static void check_feeder_window(struct sim *s, const struct actor *feeder, struct lane *l, uint64_t seq)
{
    uint64_t bytes = 0, count = 0, window = (uint64_t)s->settings.feeder_window_bytes;
    for (uint64_t i = l->receipted + 1; i <= seq; i++)
        if (l->entry[i].sent && l->entry[i].bytes <= (uint64_t)s->settings.submission_bytes_max) {
            bytes += l->entry[i].bytes;
            count++;
        }
    if (count > 1 && bytes > window)
        sim_fail(s, "law 6: %s has %" PRIu64 " bytes of submissions without a receipt, the window is %" PRIu64,
                 feeder->name, bytes, window);
    census_add(s, feeder_window, bytes + l->entry[seq].bytes > window);
}

void check_feeder_sends(struct sim *s, const struct actor *feeder, uint64_t epoch, const uint8_t *envelope,
                        size_t bytes)
{
    uint64_t seq, hash, length = read_envelope(envelope, bytes, &seq, &hash);
    if (!length)
        return;
    struct lane *lane = lane_of(s, feeder->number, epoch);
    struct lane_entry *entry = lane_entry(lane, seq);
    if (entry->sent && entry->hash != hash && !s->check.forked[feeder->number])
        sim_fail(s, "law 3: %s sends another submission with epoch %" PRIu64 " seq %" PRIu64 " than before",
                 feeder->name, epoch, seq);
    if (entry->sent && entry->hash != hash)
        entry->earlier[entry->earlier_count++ % LANE_EARLIER] = entry->hash;
    entry->sent = true;
    entry->hash = hash;
    entry->bytes = length;
    check_feeder_window(s, feeder, lane, seq);
}

void check_promise(struct sim *s, const struct actor *feeder, const uint8_t *envelope, size_t bytes)
{
    struct check *c = &s->check;
    uint64_t seq, hash;
    if (!read_envelope(envelope, bytes, &seq, &hash))
        return;
    if (c->promised_count == c->promised_capacity) {
        c->promised_capacity = c->promised_capacity ? 2 * c->promised_capacity : 64;
        c->promised = realloc(c->promised, c->promised_capacity * sizeof *c->promised);
        ASSERT(c->promised);
    }
    c->promised[c->promised_count++] = (struct promise){hash, feeder->number};
}

void check_receipted(struct sim *s, const struct actor *feeder, uint64_t epoch, uint64_t up_to_seq)
{
    struct lane *lane = lane_of(s, feeder->number, epoch);
    if (up_to_seq > lane->receipted)
        lane->receipted = up_to_seq;
}

bool check_lane_lost(struct sim *s, const struct actor *feeder, uint64_t epoch)
{
    uint64_t receipted = lane_of(s, feeder->number, epoch)->receipted;
    const struct lane *lane = lane_of(s, namesake(s, feeder), epoch);
    for (uint64_t seq = 1; seq < lane->capacity && seq <= receipted; seq++)
        if (lane->entry[seq].lost && !lane->entry[seq].journalled)
            return true;
    return false;
}

static void told(struct sim *s, const struct actor *feeder, uint64_t epoch, uint64_t seq, uint64_t hash, uint64_t bytes)
{
    const struct lane_entry *entry = lane_entry(lane_of(s, namesake(s, feeder), epoch), seq);
    bool there = (entry->journalled && entry->journal_hash == hash) || check_rights_refused(s, hash);
    if (!there && !entry->lost && bytes <= (uint64_t)s->settings.submission_bytes_max)
        sim_fail(s, "law 1: %s has a receipt for epoch %" PRIu64 " seq %" PRIu64 ", and the journal has %s",
                 feeder->name, epoch, seq, entry->journalled ? "another submission there" : "none");
}

void check_receipt_of(struct sim *s, const struct actor *feeder, uint64_t epoch, const uint8_t *envelope, size_t bytes)
{
    uint64_t seq, hash, length = read_envelope(envelope, bytes, &seq, &hash);
    if (length)
        told(s, feeder, epoch, seq, hash, length);
}

void check_receipt_of_sent(struct sim *s, const struct actor *feeder, uint64_t epoch, uint64_t seq)
{
    struct lane_entry entry = *lane_entry(lane_of(s, feeder->number, epoch), seq);
    if (entry.sent)
        told(s, feeder, epoch, seq, entry.hash, entry.bytes);
}

static bool was_lost(const struct lane_entry *entry, uint64_t hash)
{
    for (uint32_t i = 0; i < entry->lost_count && i < LANE_EARLIER; i++)
        if (entry->lost_hash[i] == hash)
            return true;
    return false;
}

/* As this process knows; 0: nothing. */
static uint64_t receipted_of(const struct check *c, int node, uint64_t epoch)
{
    for (size_t l = 0; l < c->lane_count; l++)
        if (c->lane[l].node == node && c->lane[l].epoch == epoch)
            return c->lane[l].receipted;
    return 0;
}

void check_promises_void(struct sim *s, const struct actor *feeder)
{
    struct check *c = &s->check;
    size_t count = 0;
    for (size_t i = 0; i < c->promised_count; i++)
        if (c->promised[i].node != feeder->number)
            c->promised[count++] = c->promised[i];
    c->promised_count = count;
}

/* Once; or never, when its feeder had the receipt and the journal was taken back from a copy of before; or more than
 * once, when others have its name: what was under way when one of them took it goes out again (D17). */
void check_promises_kept(struct sim *s)
{
    struct check *c = &s->check;
    for (size_t i = 0; i < c->promised_count; i++) {
        const struct promise *p = &c->promised[i];
        const struct actor *feeder = &s->actor[p->node];
        bool several = c->forked[p->node] || actor_has_twin(s, feeder);
        int found = 0, lost = 0;
        for (size_t l = 0; l < c->lane_count; l++)
            for (size_t seq = 0; seq < c->lane[l].capacity; seq++) {
                const struct lane_entry *entry = &c->lane[l].entry[seq];
                found += entry->journalled && entry->journal_hash == p->hash;
                lost += was_lost(entry, p->hash) && seq <= receipted_of(c, p->node, c->lane[l].epoch);
            }
        bool kept_out = rights_out(s, feeder) || check_rights_refused(s, p->hash);
        if (found != 1 && (found ? !several : !lost && !kept_out))
            sim_fail(s, "law 1: a submission that its feeder had on disk is in the journal %d times", found);
    }
}

/* ---- groups ---- */

static uint32_t entries_of(const struct journal_put *put)
{
    uint32_t count;
    const uint8_t *record = put->record;
    memcpy(&count, record + 4, sizeof count);
    return record[1] == 1 ? count : 0;
}

void check_group_taken(struct sim *s, const struct journal_group *g)
{
    uint64_t entries = 0;
    for (size_t i = 0; i < g->put_count; i++)
        entries += entries_of(&g->put[i]);
    if (entries != s->check.unaccounted)
        sim_fail(s, "law 6: the ingestor took %" PRIu64 " submissions without counting a reason, and appends %" PRIu64,
                 s->check.unaccounted, entries);
    s->check.unaccounted = 0;
}

static bool sent_entry(const struct lane_entry *entry, uint64_t hash)
{
    if (!entry->sent)
        return false;
    for (uint32_t i = 0; i < entry->earlier_count && i < LANE_EARLIER; i++)
        if (entry->earlier[i] == hash)
            return true;
    return entry->hash == hash;
}

/* Which of the processes that have this name did; NULL: none. */
static const struct actor *who_sent(struct sim *s, const struct actor *named, uint64_t epoch, uint64_t seq,
                                    uint64_t hash)
{
    for (struct actor *n = NULL; (n = actor_of(s, &role_feeder, n));)
        if (!strcmp(n->feeder, named->name) && sent_entry(lane_entry(lane_of(s, n->number, epoch), seq), hash))
            return n;
    return NULL;
}

/* D16: two processes never number in one epoch, unless they have one outbox. */
static void check_alone(struct sim *s, struct lane *lane, const struct actor *n)
{
    if (lane->submits && lane->submits != n && !s->check.forked[n->number])
        sim_fail(s, "law 4: %s and %s both number in epoch %" PRIu64 " of %s", lane->submits->name, n->name,
                 lane->epoch, n->feeder);
    lane->submits = n;
}

/* Law 8: who was told that it is not allowed has nothing in the journal of that seq. */
static void check_allowed(struct sim *s, const struct lane_entry *entry, const struct rights_entry *e)
{
    if (entry->not_allowed)
        sim_fail(s, "law 8: epoch %" PRIu64 " seq %" PRIu64 " of %s is in the journal, and was refused for good",
                 e->epoch, e->seq, e->feeder);
    check_rights_entry(s, e);
}

static void entry_written(struct sim *s, uint32_t feeder, struct rights_entry *e)
{
    uint64_t said, epoch = e->epoch, seq = e->seq;
    const struct actor *n = feeder < SIM_FEEDERS_MAX ? actor_by_name(s, s->journal.feeder[feeder].name) : NULL;
    if (!n || !check_read_body(e->body, e->body + e->bytes, &said, &e->hash) || said != seq) {
        sim_fail(s, "law 1: the journal holds a submission that cannot be read");
        return;
    }
    const struct actor *sender = who_sent(s, n, epoch, seq, e->hash);
    struct lane *lane = lane_of(s, n->number, epoch);
    struct lane_entry *entry = lane_entry(lane, seq);
    if (entry->journalled)
        sim_fail(s, "law 3: epoch %" PRIu64 " seq %" PRIu64 " of %s is in the journal twice", epoch, seq, n->name);
    if (sender)
        check_alone(s, lane, sender);
    else
        sim_fail(s, "law 1: epoch %" PRIu64 " seq %" PRIu64 " of %s is not what was sent", epoch, seq, n->name);
    entry->journalled = true;
    entry->journal_hash = e->hash;
    lane->journalled++;
    e->feeder = n->name;
    check_allowed(s, entry, e);
}

static void record_written(struct sim *s, const struct journal_put *put)
{
    const uint8_t *at = (const uint8_t *)put->record + 48;
    struct rights_entry e = {0};
    memcpy(&e.received_ms, (const uint8_t *)put->record + 8, 8);
    memcpy(&e.control_seq, (const uint8_t *)put->record + 16, 8);
    for (uint32_t i = entries_of(put); i > 0; i--) {
        uint32_t bytes, feeder;
        memcpy(&bytes, at, 4);
        memcpy(&feeder, at + 4, 4);
        memcpy(&e.epoch, at + 8, 8);
        memcpy(&e.seq, at + 16, 8);
        e.body = at + 32;
        e.bytes = bytes;
        entry_written(s, feeder, &e);
        at += 32 + (bytes + 7u) / 8 * 8;
    }
    if (((const uint8_t *)put->record)[1] == 3)
        check_retry_written(s, put);
    if (!model_append(&s->model, put->partition, put->first_pseq, put->record, put->bytes))
        sim_fail(s, "law 2: partition %u has a record at %" PRIu64 " that the model cannot read", put->partition,
                 put->first_pseq);
}

static void keep_rejects(struct sim *s)
{
    struct check *c = &s->check;
    const struct model *m = &s->model;
    c->lost_reject = realloc(c->lost_reject, (c->lost_reject_count + m->reject_count + 1) * sizeof *c->lost_reject);
    ASSERT(c->lost_reject);
    for (size_t i = 0; i < m->reject_count; i++) {
        const struct actor *n = actor_by_name(s, s->journal.feeder[m->reject[i].feeder].name);
        c->lost_reject[c->lost_reject_count++] = (struct lost_reject){m->reject[i], n->number};
    }
}

static void read_controls(struct sim *s)
{
    for (uint64_t seq = 1; seq <= s->journal.controls; seq++) {
        const struct buffer *packed = &s->journal.control[seq];
        Parbus__Control *c = parbus__control__unpack(NULL, packed->size, packed->data);
        if (!c || !model_control(&s->model, c))
            sim_fail(s, "law 2: control %" PRIu64 " makes no sense", seq);
        parbus__control__free_unpacked(c, NULL);
    }
}

/* All that there is is looked at as if it had just been written. */
static void read_again(struct sim *s)
{
    struct check *c = &s->check;
    for (size_t l = 0; l < c->lane_count; l++) {
        c->lane[l].journalled = 0;
        c->lane[l].submits = NULL;
        for (size_t seq = 0; seq < c->lane[l].capacity; seq++)
            c->lane[l].entry[seq].journalled = false;
    }
    model_free(&s->model);
    read_controls(s);
    for (uint32_t p = 0; p < s->partitions; p++)
        for (size_t i = 0; i < s->journal.partition[p].count; i++) {
            const struct sim_record *r = &s->journal.partition[p].record[i];
            struct journal_put put = {p, r->first_pseq, r->data, r->bytes};
            record_written(s, &put);
        }
}

/* Law 6, rule D3f: no name is taken away for the time to come. The clock may have gone back a little since. */
static void check_epoch(struct sim *s, const struct journal_feeder *mark)
{
    int64_t wall_ms = SIM_WALL_MS + s->now_us / SIM_MS + s->wall_skew_ms;
    if ((int64_t)(mark->epoch >> 20) > wall_ms + DAY_MS + DAY_MS / 4)
        sim_fail(s, "law 6: epoch %" PRIu64 " of %s lies more than a day ahead of the clock", mark->epoch, mark->name);
}

void check_group_written(struct sim *s, const struct journal_group *g)
{
    bool past = false;
    for (size_t i = 0; i < g->control_count; i++)
        past = check_control_written(s, g->control[i].seq, past);
    if (past) {
        keep_rejects(s);
        read_again(s);
    }
    for (size_t i = 0; !past && i < g->put_count; i++)
        record_written(s, &g->put[i]);
    check_rights_written(s);
    for (size_t i = 0; i < g->mark_count && !s->failed; i++) {
        const struct journal_feeder *mark = &g->mark[i].value;
        const struct actor *n = actor_by_name(s, mark->name);
        uint64_t journalled = n ? lane_of(s, n->number, mark->epoch)->journalled : 0;
        check_epoch(s, mark);
        if (journalled + mark->refused != mark->last_seq)
            sim_fail(s, "law 1: %s has seqs up to %" PRIu64 ", %" PRIu64 " in the journal and %" PRIu64 " refused",
                     mark->name, mark->last_seq, journalled, mark->refused);
    }
}

/* ---- a journal that is taken back ---- */

static void record_lost(struct sim *s, const struct sim_record *r)
{
    struct sim_entry again;
    if (r->data[1] == 3 && sim_record_entry(r, r->first_pseq, &again))
        check_undone(s, again.feeder);
    const uint8_t *at = r->data + 48;
    const struct journal_put put = {.record = r->data};
    for (uint32_t i = entries_of(&put); i > 0; i--) {
        uint32_t bytes, feeder;
        uint64_t epoch, seq;
        memcpy(&bytes, at, 4);
        memcpy(&feeder, at + 4, 4);
        memcpy(&epoch, at + 8, 8);
        memcpy(&seq, at + 16, 8);
        const struct actor *n = actor_by_name(s, s->journal.feeder[feeder].name);
        struct lane *lane = lane_of(s, n->number, epoch);
        struct lane_entry *entry = lane_entry(lane, seq);
        entry->lost = true;
        entry->lost_hash[entry->lost_count++ % LANE_EARLIER] = entry->journal_hash;
        census_add(s, restores_losing, seq <= lane->receipted);
        at += 32 + (bytes + 7u) / 8 * 8;
    }
}

/* Those of the journal as it is; what is lost of them is known when it is read again. */
static void keep_asides(struct sim *s)
{
    struct check *c = &s->check;
    const struct model *m = &s->model;
    c->aside_lost = realloc(c->aside_lost, (c->aside_lost_count + m->aside_count + 1) * sizeof *c->aside_lost);
    ASSERT(c->aside_lost);
    for (size_t i = 0; i < m->aside_count; i++)
        c->aside_lost[c->aside_lost_count++] = m->aside[i];
}

static void forget_asides_kept(struct sim *s)
{
    struct check *c = &s->check;
    size_t count = 0;
    for (size_t i = 0; i < c->aside_lost_count; i++)
        if (!model_aside(&s->model, c->aside_lost[i].partition, c->aside_lost[i].pseq))
            c->aside_lost[count++] = c->aside_lost[i];
    c->aside_lost_count = count;
}

void check_journal_shrinks(struct sim *s, const struct sim_journal_position *to)
{
    for (uint32_t p = 0; p < s->partitions; p++)
        for (size_t i = to->count[p]; i < s->journal.partition[p].count; i++)
            record_lost(s, &s->journal.partition[p].record[i]);
    keep_rejects(s);
    keep_asides(s);
}

void check_journal_shrunk(struct sim *s)
{
    read_again(s);
    forget_asides_kept(s);
}

/* ---- answers ---- */

static const struct journal_feeder *mark_in(const struct journal_feeder *mark, const char *name)
{
    for (int i = 1; i < SIM_FEEDERS_MAX; i++)
        if (!strcmp(mark[i].name, name))
            return &mark[i];
    return NULL;
}

static void check_receipt(struct sim *s, const struct actor *feeder, uint64_t epoch, uint64_t up_to_seq)
{
    const struct journal_feeder *mark = mark_in(s->journal.sure, feeder->feeder);
    if (up_to_seq && !(mark && mark->epoch == epoch && mark->last_seq >= up_to_seq))
        sim_fail(s, "law 1: %s gets a receipt up to %" PRIu64 " of epoch %" PRIu64 ", which is not known to be on disk",
                 feeder->name, up_to_seq, epoch);
    if (s->journal.append.fenced)
        sim_fail(s, "law 4: %s gets a receipt of an ingestor that is not the writer any more", feeder->name);
}

/* D8a: each says more than the one before, or the same again; as long as the ingestor lives. */
static void check_receipt_order(struct sim *s, const struct actor *feeder, uint64_t epoch, uint64_t up_to_seq)
{
    struct lane *lane = lane_of(s, feeder->number, epoch);
    uint32_t life = actor_of(s, &role_ingestor, NULL)->life;
    if (lane->told_in_life == life && up_to_seq < lane->told)
        sim_fail(s, "law 1: %s gets a receipt up to %" PRIu64 " after one up to %" PRIu64, feeder->name, up_to_seq,
                 lane->told);
    lane->told_in_life = life;
    lane->told = up_to_seq;
}

/* Law 8: for good, whatever becomes of the process that says it. */
static void check_refusal(struct sim *s, const struct actor *feeder, const Parbus__Refusal *r)
{
    if (r->reason != PARBUS__REASON__REFUSED_NOT_AUTHORISED || !r->seq)
        return;
    struct lane_entry *entry = lane_entry(lane_of(s, namesake(s, feeder), r->epoch), r->seq);
    const struct journal_feeder *mark = mark_in(s->journal.sure, feeder->feeder);
    census_add(s, rights_refused_told, 1);
    entry->not_allowed = true;
    if (!mark || mark->epoch < r->epoch || (mark->epoch == r->epoch && mark->last_seq < r->seq))
        sim_fail(s, "law 8: %s is refused epoch %" PRIu64 " seq %" PRIu64 " for good, which is not known to be on disk",
                 feeder->name, r->epoch, r->seq);
    if (entry->journalled)
        sim_fail(s, "law 8: %s is refused epoch %" PRIu64 " seq %" PRIu64 " for good, which is in the journal",
                 feeder->name, r->epoch, r->seq);
}

/* How far an epoch of this name got; of one that is over, all of it counts. */
static uint64_t used_up(const struct journal_feeder *mark, uint64_t epoch)
{
    if (!mark || mark->epoch < epoch)
        return 0;
    return mark->epoch == epoch ? mark->last_seq : UINT64_MAX;
}

void check_refusals_void(struct sim *s, const struct sim_journal_position *to)
{
    for (size_t l = 0; l < s->check.lane_count; l++) {
        struct lane *lane = &s->check.lane[l];
        const char *name = s->actor[lane->node].name;
        uint64_t kept = used_up(mark_in(to->feeder, name), lane->epoch);
        uint64_t had = used_up(mark_in(s->journal.feeder, name), lane->epoch);
        for (size_t seq = 1; seq < lane->capacity; seq++) {
            struct lane_entry *entry = &lane->entry[seq];
            entry->not_allowed &= seq <= kept;
            entry->lost |= seq > kept && seq <= had && !entry->journalled;
        }
    }
}

/* Law 8: whoever is told that a change was made finds it there after any crash. */
static void check_changed(struct sim *s, const struct actor *to, const Parbus__AccessChanged *m)
{
    census_add(s, rights_changed, m->control_seq != 0);
    if (m->control_seq > s->journal.sure_controls)
        sim_fail(s, "law 8: %s is told of control %" PRIu64 ", which is not known to be on disk", to->name,
                 m->control_seq);
}

void check_to_feeder(struct sim *s, const struct actor *feeder, uint32_t kind, const ProtobufCMessage *message)
{
    if (kind == PARBUS__TO_FEEDER__BODY_REFUSAL)
        check_refusal(s, feeder, (const Parbus__Refusal *)message);
    if (kind == PARBUS__TO_FEEDER__BODY_ACCESS_CHANGED)
        check_changed(s, feeder, (const Parbus__AccessChanged *)message);
    if (kind != PARBUS__TO_FEEDER__BODY_RECEIPT)
        return;
    const Parbus__Receipt *receipt = (const Parbus__Receipt *)message;
    check_receipt(s, feeder, receipt->epoch, receipt->up_to_seq);
    check_receipt_order(s, feeder, receipt->epoch, receipt->up_to_seq);
}

static bool same_reject(const struct model_reject *r, uint64_t epoch, const Parbus__Reject *reject)
{
    return r->epoch == epoch && r->seq == reject->seq && r->row == reject->row && r->reason == reject->reason;
}

/* By the journal as it is, or as it was before it was taken back. */
static bool was_rejected(struct sim *s, const struct actor *feeder, uint64_t epoch, const Parbus__Reject *reject)
{
    for (size_t i = 0; i < s->model.reject_count; i++)
        if (same_reject(&s->model.reject[i], epoch, reject) &&
            !strcmp(s->journal.feeder[s->model.reject[i].feeder].name, feeder->feeder))
            return true;
    for (size_t i = 0; i < s->check.lost_reject_count; i++)
        if (same_reject(&s->check.lost_reject[i].reject, epoch, reject) &&
            s->check.lost_reject[i].node == namesake(s, feeder))
            return true;
    return false;
}

void check_verdict(struct sim *s, const struct actor *feeder, uint64_t epoch, const Parbus__Verdict *verdict)
{
    for (size_t i = 0; i < verdict->n_reject; i++)
        if (!was_rejected(s, feeder, epoch, verdict->reject[i]))
            sim_fail(s, "law 2: %s is told that row %u of seq %" PRIu64 " is rejected with %u", feeder->name,
                     verdict->reject[i]->row, verdict->reject[i]->seq, verdict->reject[i]->reason);
}
