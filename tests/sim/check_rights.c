/* Law 8: what gets in, and what is told to whom, is as the rights in the journal say. */
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include "wire/wire.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grown(void *list, size_t count, size_t *capacity, size_t bytes)
{
    if (count < *capacity)
        return list;
    *capacity = *capacity ? 2 * *capacity : 64;
    list = realloc(list, *capacity * bytes);
    ASSERT(list);
    return list;
}

/* ---- judging again ---- */

static uint32_t who_was(const struct sim *s, const struct judgement *j)
{
    return model_rights_who(&s->model.rights, rights_principal(s, j->principal), j->control_seq, j->wall_ms);
}

static bool was_owner(const struct judgement *j) { return j->principal == PRINCIPAL_OWNER; }

static bool spoke(const struct sim *s, const struct judgement *j)
{
    return model_rights_speaks(&s->model.rights, rights_principal(s, j->principal), j->name, j->control_seq,
                               j->wall_ms);
}

static bool might(const struct sim *s, const struct judgement *j)
{
    return was_owner(j) || model_rights_verb(&s->model.rights, who_was(s, j), j->verb, j->control_seq, j->wall_ms);
}

static bool might_submit(const struct sim *s, const struct judgement *j)
{
    Parbus__Submission *submission = parbus__submission__unpack(NULL, j->bytes, j->body);
    ASSERT(submission);
    bool allowed = was_owner(j) || model_allows(&s->model, who_was(s, j), submission, j->control_seq, j->wall_ms);
    parbus__submission__free_unpacked(submission, NULL);
    return allowed;
}

static void judge_now(struct sim *s, const struct judgement *j)
{
    const char *why = NULL;
    if (j->what == JUDGED_SPEAKS && !spoke(s, j))
        why = "is answered as";
    else if (j->what == JUDGED_SILENCED && spoke(s, j))
        why = "is refused as";
    else if (j->what == JUDGED_UNKNOWN && (was_owner(j) || who_was(s, j)))
        why = "is taken for nobody, and is known, as";
    else if (j->what == JUDGED_REFUSED && might_submit(s, j))
        why = "is refused a submission that it is granted, as";
    else if (j->what == JUDGED_MAY && !might(s, j))
        why = "does what it is not granted, as";
    else if (j->what == JUDGED_MAY_NOT && might(s, j))
        why = "is refused what it is granted, as";
    if (why)
        sim_fail(s, "law 8: %.12s… %s \"%s\", as of control %" PRIu64, rights_principal(s, j->principal), why, j->name,
                 j->control_seq);
}

/* With the controls that it went by; they may still be under way, and then never come. */
static void judge(struct sim *s, const struct judgement *j)
{
    struct sim_rights *r = &s->rights;
    if (j->control_seq <= s->model.controls) {
        judge_now(s, j);
        return;
    }
    census_add(s, rights_ahead, 1);
    r->pending = grown(r->pending, r->pending_count, &r->pending_capacity, sizeof *r->pending);
    struct judgement *copy = &r->pending[r->pending_count++];
    *copy = *j;
    if (!j->body)
        return;
    copy->body = malloc(j->bytes + 1);
    ASSERT(copy->body);
    memcpy(copy->body, j->body, j->bytes);
}

void check_rights_written(struct sim *s)
{
    struct sim_rights *r = &s->rights;
    size_t kept = 0;
    for (size_t i = 0; i < r->pending_count; i++) {
        struct judgement *j = &r->pending[i];
        if (j->control_seq > s->model.controls) {
            r->pending[kept++] = *j;
            continue;
        }
        judge_now(s, j);
        free(j->body);
    }
    r->pending_count = kept;
}

void check_rights_forgotten(struct sim *s)
{
    for (size_t i = 0; i < s->rights.pending_count; i++)
        free(s->rights.pending[i].body);
    s->rights.pending_count = 0;
}

/* ---- what came in ---- */

static const char *welcomed(struct sim *s, const struct actor *n, uint32_t connection)
{
    const struct proof *p = &n->proof;
    bool now = p->welcomed_connection == connection && p->welcomed_life == actor_of(s, &role_ingestor, NULL)->life;
    return now ? p->welcomed : "";
}

static struct judgement judgement_of(const struct rights_heard *h, enum judged what, const char *name)
{
    struct judgement j = {
        .what = what, .principal = h->message->principal, .control_seq = h->control_seq, .wall_ms = h->wall_ms};
    snprintf(j.name, sizeof j.name, "%s", name);
    return j;
}

static uint64_t hash_of(const struct wire_message *m, uint64_t *seq)
{
    uint64_t hash = 0;
    if (!check_read_body(m->body, m->body + m->body_bytes, seq, &hash))
        return 0;
    return hash;
}

static void took(struct sim *s, const struct rights_heard *h)
{
    struct sim_rights *r = &s->rights;
    struct taken t = {.principal = h->message->principal, .epoch = h->from->proof.welcomed_epoch};
    t.hash = hash_of(h->opened, &t.seq);
    r->taken = grown(r->taken, r->taken_count, &r->taken_capacity, sizeof *r->taken);
    r->taken[r->taken_count++] = t;
}

static void refused_one(struct sim *s, const struct rights_heard *h)
{
    struct sim_rights *r = &s->rights;
    struct judgement j = judgement_of(h, JUDGED_REFUSED, welcomed(s, h->from, h->message->connection));
    j.body = (uint8_t *)h->opened->body;
    j.bytes = h->opened->body_bytes;
    judge(s, &j);
    j.wall_ms = 0;
    census_add(s, rights_late, j.control_seq <= s->model.controls && might_submit(s, &j));
    uint64_t seq;
    r->refused = grown(r->refused, r->refused_count, &r->refused_capacity, sizeof *r->refused);
    r->refused[r->refused_count++] = hash_of(h->opened, &seq);
    census_add(s, rights_refused, 1);
}

bool check_rights_refused(const struct sim *s, uint64_t hash)
{
    for (size_t i = s->rights.refused_count; i-- > 0;)
        if (s->rights.refused[i] == hash)
            return true;
    return false;
}

static const char *hello_name(const struct rights_heard *h)
{
    const char *name = ((const Parbus__Hello *)h->opened->message)->feeder;
    return name && name[0] ? name : h->from->name;
}

/* Nobody keeps out who may come in. */
static void silenced(struct sim *s, const struct rights_heard *h)
{
    uint32_t kind = h->opened->kind;
    struct judgement j = judgement_of(h, JUDGED_SILENCED, welcomed(s, h->from, h->message->connection));
    if (kind == PARBUS__TO_INGESTOR__BODY_HELLO) {
        snprintf(j.name, sizeof j.name, "%s", hello_name(h));
        census_add(s, rights_hellos_refused, 1);
    } else if (kind == PARBUS__TO_INGESTOR__BODY_STATS || kind == PARBUS__TO_INGESTOR__BODY_CHANGE_ACCESS) {
        j.what = JUDGED_MAY_NOT;
        j.verb = kind == PARBUS__TO_INGESTOR__BODY_STATS ? PARBUS__VERB__VERB_OPERATE : PARBUS__VERB__VERB_ACCESS;
        census_add(s, rights_verbs_refused, 1);
    } else if (!j.name[0]) {
        j.what = JUDGED_UNKNOWN;
    }
    census_add(s, rights_cut_short, j.name[0] && kind == PARBUS__TO_INGESTOR__BODY_SUBMISSION);
    judge(s, &j);
}

void check_rights_heard(struct sim *s, const struct rights_heard *h)
{
    if (h->taken)
        took(s, h);
    if (h->cut_off)
        judge(s, &(struct judgement){.what = JUDGED_UNKNOWN,
                                     .principal = h->message->principal,
                                     .control_seq = h->control_seq,
                                     .wall_ms = h->wall_ms});
    census_add(s, rights_guests, h->cut_off);
    if (h->not_allowed && h->of_no_seq)
        silenced(s, h);
    else if (h->not_allowed)
        refused_one(s, h);
}

bool check_rights_is_nobody(struct sim *s, const struct actor *from, const struct message *m)
{
    return welcomed(s, from, m->connection)[0] && m->principal != PRINCIPAL_OWNER &&
           !model_rights_who(&s->model.rights, rights_principal(s, m->principal), UINT64_MAX - 1, 0);
}

void check_rights_control(struct sim *s, const Parbus__Control *c)
{
    uint64_t seq = s->model.controls;
    if (c->body_case != PARBUS__CONTROL__BODY_ACCESS)
        return;
    census_add(s, rights_as_identity, c->access->by && c->access->by[0]);
    for (int i = 0; i < s->actor_count; i++) {
        const struct actor *n = &s->actor[i];
        const char *principal = rights_principal(s, n->proof.principal);
        bool open = n->alive && n->proof.kind != PROOF_OWNER && welcomed(s, n, n->connection)[0];
        census_add(s, rights_ended_open,
                   open && model_rights_who(&s->model.rights, principal, seq - 1, 0) &&
                       !model_rights_who(&s->model.rights, principal, seq, 0));
    }
}

/* ---- what goes out ---- */

void check_rights_welcomed(struct sim *s, const struct rights_heard *h)
{
    struct proof *p = &h->from->proof;
    snprintf(p->welcomed, sizeof p->welcomed, "%s", hello_name(h));
    p->welcomed_connection = h->message->connection;
    p->welcomed_life = actor_of(s, &role_ingestor, NULL)->life;
    p->welcomed_epoch = ((const Parbus__Hello *)h->opened->message)->epoch;
}

/* Totals are of the feeder that they are told to. */
static void check_totals(struct sim *s, const struct actor *to, const char *name, const Parbus__Scored *m)
{
    const struct journal_feeder *mark = NULL;
    for (int i = 1; i < SIM_FEEDERS_MAX; i++)
        if (!strcmp(s->journal.feeder[i].name, name))
            mark = &s->journal.feeder[i];
    if (!s->operator.restored && m->scored && !(mark && (mark->epoch != m->epoch || mark->last_seq >= m->scored)))
        sim_fail(s, "law 8: %s hears that %" PRIu64 " of epoch %" PRIu64 " are scored, which are not of %s", to->name,
                 m->scored, m->epoch, name);
}

static void check_number(struct sim *s, const struct actor *to, const char *name, uint32_t number)
{
    const char *have = number < SIM_FEEDERS_MAX ? s->journal.feeder[number].name : "";
    if (have[0] && strcmp(have, name) != 0)
        sim_fail(s, "law 8: %s is welcomed as %s, and says it is %s", to->name, have, name);
}

void check_rights_told(struct sim *s, struct actor *to, uint32_t kind, const void *message, uint64_t control_seq,
                       int64_t wall_ms)
{
    const char *name = welcomed(s, to, to->connection);
    struct judgement j = {
        .what = JUDGED_SPEAKS, .principal = to->proof.principal, .control_seq = control_seq, .wall_ms = wall_ms};
    if (kind == PARBUS__TO_FEEDER__BODY_REFUSAL || kind == PARBUS__TO_FEEDER__BODY_DESCRIPTION ||
        kind == PARBUS__TO_FEEDER__BODY_ACCESS_CHANGED)
        return;
    snprintf(j.name, sizeof j.name, "%s", name);
    if (kind == PARBUS__TO_FEEDER__BODY_STATS) {
        j.what = JUDGED_MAY;
        j.verb = PARBUS__VERB__VERB_OPERATE;
    }
    judge(s, &j);
    if (kind == PARBUS__TO_FEEDER__BODY_SCORED)
        check_totals(s, to, name, message);
    if (kind == PARBUS__TO_FEEDER__BODY_WELCOME)
        check_number(s, to, name, ((const Parbus__Welcome *)message)->feeder_number);
}

/* ---- what is in the journal ---- */

static const struct taken *taken_of(const struct sim *s, uint64_t hash, uint64_t epoch, uint64_t seq)
{
    for (size_t i = s->rights.taken_count; i-- > 0;) {
        const struct taken *t = &s->rights.taken[i];
        if (t->hash == hash && t->seq == seq && t->epoch == epoch)
            return t;
    }
    return NULL;
}

bool check_rights_of_owner(const struct sim *s, uint64_t hash, uint64_t epoch, uint64_t seq)
{
    const struct taken *t = taken_of(s, hash, epoch, seq);
    return t && t->principal == PRINCIPAL_OWNER;
}

static bool entry_allowed(const struct sim *s, const struct rights_entry *e, const char *principal)
{
    const struct model_rights *r = &s->model.rights;
    uint32_t who = model_rights_who(r, principal, e->control_seq, e->received_ms);
    Parbus__Submission *submission = parbus__submission__unpack(NULL, e->bytes, e->body);
    bool allowed = submission && model_rights_speaks(r, principal, e->feeder, e->control_seq, e->received_ms) &&
                   model_allows(&s->model, who, submission, e->control_seq, e->received_ms);
    parbus__submission__free_unpacked(submission, NULL);
    return allowed;
}

void check_rights_entry(struct sim *s, const struct rights_entry *e)
{
    const struct taken *t = taken_of(s, e->hash, e->epoch, e->seq);
    if (!t) {
        sim_fail(s, "law 8: seq %" PRIu64 " of %s is in the journal, and the door took it from nobody", e->seq,
                 e->feeder);
        return;
    }
    if (t->principal == PRINCIPAL_OWNER)
        return;
    census_add(s, rights_granted, 1);
    if (!entry_allowed(s, e, rights_principal(s, t->principal)))
        sim_fail(s,
                 "law 8: seq %" PRIu64 " of %s is in the journal, and %.12s… had no right to it as of control %" PRIu64,
                 e->seq, e->feeder, rights_principal(s, t->principal), e->control_seq);
}
