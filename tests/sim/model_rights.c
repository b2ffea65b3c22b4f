#include "tests/sim/model_rights.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool holds(uint64_t since, uint64_t until, uint64_t as_of)
{
    return since <= as_of && (until == 0 || until > as_of);
}

static bool in_time(int64_t until_ms, int64_t wall_ms) { return until_ms == 0 || wall_ms < until_ms; }

static void copy(char to[static RIGHTS_TEXT_BYTES], const char *text)
{
    snprintf(to, RIGHTS_TEXT_BYTES, "%s", text ? text : "");
}

static bool end(uint64_t *until, uint64_t seq)
{
    bool held = *until == 0;
    if (held)
        *until = seq;
    return held;
}

uint32_t model_rights_named(const struct model_rights *r, const char *name, uint64_t as_of)
{
    for (size_t i = 0; name && i < r->identities; i++)
        if (!strcmp(r->identity[i].name, name) && holds(r->identity[i].since, r->identity[i].until, as_of))
            return (uint32_t)i + 1;
    return 0;
}

/* ---- changes ---- */

static bool identity_added(struct model_rights *r, const Parbus__AccessChange *c, uint64_t seq)
{
    const char *name = c->identity_added->name;
    if (!name || model_rights_named(r, name, seq) || r->identities == RIGHTS_ITEMS_MAX)
        return false;
    struct rights_identity *i = &r->identity[r->identities++];
    i->since = seq;
    copy(i->name, name);
    return true;
}

static bool identity_removed(struct model_rights *r, const Parbus__AccessChange *c, uint64_t seq)
{
    uint32_t identity = model_rights_named(r, c->identity_removed->name, seq);
    if (!identity)
        return false;
    end(&r->identity[identity - 1].until, seq);
    for (size_t i = 0; i < r->proofs; i++)
        if (r->proof[i].identity == identity)
            end(&r->proof[i].until, seq);
    for (size_t i = 0; i < r->members; i++)
        if (r->member[i].identity == identity)
            end(&r->member[i].until, seq);
    for (size_t i = 0; i < r->grants; i++)
        if (r->grant[i].identity == identity)
            end(&r->grant[i].until, seq);
    return true;
}

static struct rights_proof *find_key(struct model_rights *r, const ProtobufCBinaryData *key)
{
    for (size_t i = 0; key->len == RIGHTS_KEY_BYTES && i < r->proofs; i++)
        if (!r->proof[i].is_user && !memcmp(r->proof[i].key, key->data, RIGHTS_KEY_BYTES))
            return &r->proof[i];
    return NULL;
}

static struct rights_proof *find_user(struct model_rights *r, uint32_t uid)
{
    for (size_t i = 0; i < r->proofs; i++)
        if (r->proof[i].is_user && r->proof[i].uid == uid && !r->proof[i].until)
            return &r->proof[i];
    return NULL;
}

static bool key_added(struct model_rights *r, const Parbus__AccessChange *c, uint64_t seq)
{
    const Parbus__KeyAdded *k = c->key_added;
    uint32_t identity = model_rights_named(r, k->name, seq);
    int same = 0;
    for (size_t i = 0; i < r->proofs; i++)
        same += r->proof[i].identity == identity && !r->proof[i].is_user && !r->proof[i].until;
    if (!identity || same >= 4 || k->public_key.len != RIGHTS_KEY_BYTES || find_key(r, &k->public_key) ||
        r->proofs == RIGHTS_ITEMS_MAX)
        return false;
    struct rights_proof *p = &r->proof[r->proofs++];
    *p = (struct rights_proof){.identity = identity, .since = seq, .until_ms = k->until_ms};
    memcpy(p->key, k->public_key.data, RIGHTS_KEY_BYTES);
    return true;
}

static bool user_added(struct model_rights *r, const Parbus__AccessChange *c, uint64_t seq)
{
    uint32_t identity = model_rights_named(r, c->user_added->name, seq);
    if (!identity || find_user(r, c->user_added->uid) || r->proofs == RIGHTS_ITEMS_MAX)
        return false;
    r->proof[r->proofs++] =
        (struct rights_proof){.is_user = true, .uid = c->user_added->uid, .identity = identity, .since = seq};
    return true;
}

static struct rights_member *find_member(struct model_rights *r, const char *name, const char *role)
{
    uint32_t identity = model_rights_named(r, name, UINT64_MAX);
    for (size_t i = 0; role && i < r->members; i++)
        if (r->member[i].identity == identity && !strcmp(r->member[i].role, role) && !r->member[i].until)
            return &r->member[i];
    return NULL;
}

static bool member_added(struct model_rights *r, const Parbus__AccessChange *c, uint64_t seq)
{
    const Parbus__MemberAdded *m = c->member_added;
    uint32_t identity = model_rights_named(r, m->name, seq);
    if (!identity || !m->role || find_member(r, m->name, m->role) || r->members == RIGHTS_ITEMS_MAX)
        return false;
    struct rights_member *added = &r->member[r->members++];
    *added = (struct rights_member){.identity = identity, .since = seq};
    copy(added->role, m->role);
    return true;
}

/* Its number is that of its control (A4). */
static bool grant_made(struct model_rights *r, const Parbus__AccessChange *c, uint64_t seq)
{
    const Parbus__GrantMade *m = c->grant_made;
    bool of_role = m->role && m->role[0];
    uint32_t identity = of_role ? 0 : model_rights_named(r, m->name, seq);
    if (m->grant != seq || (!of_role && !identity) || r->grants == RIGHTS_ITEMS_MAX)
        return false;
    struct rights_grant *g = &r->grant[r->grants++];
    *g = (struct rights_grant){
        .identity = identity, .verb = m->verb, .stage = m->stage, .since = seq, .until_ms = m->until_ms};
    copy(g->role, m->role);
    copy(g->index, m->index);
    copy(g->period, m->period);
    copy(g->unit, m->unit);
    copy(g->node, m->node);
    return true;
}

static bool grant_revoked(struct model_rights *r, const Parbus__AccessChange *c, uint64_t seq)
{
    for (size_t i = 0; i < r->grants; i++)
        if (r->grant[i].since == c->grant_revoked->grant)
            return end(&r->grant[i].until, seq);
    return false;
}

bool model_rights_change(struct model_rights *r, const Parbus__AccessChange *c, uint64_t seq)
{
    struct rights_proof *p;
    struct rights_member *m;
    switch (c->change_case) {
    case PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED:
        return identity_added(r, c, seq);
    case PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_REMOVED:
        return identity_removed(r, c, seq);
    case PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED:
        return key_added(r, c, seq);
    case PARBUS__ACCESS_CHANGE__CHANGE_KEY_REVOKED:
        p = find_key(r, &c->key_revoked->public_key);
        return p && end(&p->until, seq);
    case PARBUS__ACCESS_CHANGE__CHANGE_USER_ADDED:
        return user_added(r, c, seq);
    case PARBUS__ACCESS_CHANGE__CHANGE_USER_REMOVED:
        p = find_user(r, c->user_removed->uid);
        return p && end(&p->until, seq);
    case PARBUS__ACCESS_CHANGE__CHANGE_MEMBER_ADDED:
        return member_added(r, c, seq);
    case PARBUS__ACCESS_CHANGE__CHANGE_MEMBER_REMOVED:
        m = find_member(r, c->member_removed->name, c->member_removed->role);
        return m && end(&m->until, seq);
    case PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE:
        return grant_made(r, c, seq);
    case PARBUS__ACCESS_CHANGE__CHANGE_GRANT_REVOKED:
        return grant_revoked(r, c, seq);
    default:
        return false;
    }
}

/* ---- questions ---- */

static bool is_key(const struct rights_proof *p, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < RIGHTS_KEY_BYTES; i++)
        if (hex[2 * i] != digits[p->key[i] >> 4] || hex[2 * i + 1] != digits[p->key[i] & 15])
            return false;
    return hex[2 * RIGHTS_KEY_BYTES] == 0;
}

static bool is_proof(const struct rights_proof *p, const char *principal)
{
    if (p->is_user)
        return !strncmp(principal, "user:", 5) && strtoul(principal + 5, NULL, 10) == p->uid;
    return !strncmp(principal, "key:", 4) && is_key(p, principal + 4);
}

uint32_t model_rights_who(const struct model_rights *r, const char *principal, uint64_t as_of, int64_t wall_ms)
{
    for (size_t i = 0; i < r->proofs; i++) {
        const struct rights_proof *p = &r->proof[i];
        if (holds(p->since, p->until, as_of) && in_time(p->until_ms, wall_ms) && is_proof(p, principal))
            return p->identity;
    }
    return 0;
}

bool model_rights_speaks(const struct model_rights *r, const char *principal, const char *name, uint64_t as_of,
                         int64_t wall_ms)
{
    if (!strcmp(principal, "owner"))
        return true;
    uint32_t who = model_rights_who(r, principal, as_of, wall_ms);
    return who && !strcmp(r->identity[who - 1].name, name);
}

static bool has_role(const struct model_rights *r, uint32_t identity, const char *role, uint64_t as_of)
{
    for (size_t i = 0; i < r->members; i++)
        if (r->member[i].identity == identity && !strcmp(r->member[i].role, role) &&
            holds(r->member[i].since, r->member[i].until, as_of))
            return true;
    return false;
}

static bool is_granted(const struct model_rights *r, const struct rights_grant *g, uint32_t identity, Parbus__Verb verb,
                       uint64_t as_of, int64_t wall_ms)
{
    return g->verb == verb && holds(g->since, g->until, as_of) && in_time(g->until_ms, wall_ms) &&
           (g->identity ? g->identity == identity : has_role(r, identity, g->role, as_of));
}

bool model_rights_verb(const struct model_rights *r, uint32_t identity, Parbus__Verb verb, uint64_t as_of,
                       int64_t wall_ms)
{
    for (size_t i = 0; identity && i < r->grants; i++)
        if (is_granted(r, &r->grant[i], identity, verb, as_of, wall_ms))
            return true;
    return false;
}

static bool any_or(const char *pattern, const char *text) { return pattern[0] == 0 || strcmp(pattern, text) == 0; }

/* "U1.*" is U1, and what is called U1.something. */
static bool unit_fits(const char *pattern, const char *unit)
{
    size_t n = strlen(pattern);
    if (n > 2 && !strcmp(pattern + n - 2, ".*"))
        return !strncmp(pattern, unit, n - 2) && (unit[n - 2] == 0 || unit[n - 2] == '.');
    return any_or(pattern, unit);
}

static bool about(const struct rights_grant *g, const Parbus__Submission *s, const char *unit)
{
    return any_or(g->index, s->index) && any_or(g->period, s->period) && unit_fits(g->unit, unit) &&
           (g->stage == PARBUS__STAGE__STAGE_UNKNOWN || g->stage == s->stage);
}

static Parbus__Verb verb_for(Parbus__Stage stage)
{
    static const Parbus__Verb verbs[] = {[PARBUS__STAGE__STAGE_SELF] = PARBUS__VERB__VERB_SUBMIT,
                                         [PARBUS__STAGE__STAGE_APPRAISED_1] = PARBUS__VERB__VERB_APPRAISE,
                                         [PARBUS__STAGE__STAGE_APPRAISED_2] = PARBUS__VERB__VERB_APPRAISE,
                                         [PARBUS__STAGE__STAGE_SURVEY] = PARBUS__VERB__VERB_BALLOTS};
    return stage > 0 && (size_t)stage < sizeof verbs / sizeof *verbs ? verbs[stage] : PARBUS__VERB__VERB_NONE;
}

static bool at_or_under(const struct model_place *place, size_t row, const char *node)
{
    for (size_t i = 0; row < place->rows && i < 4 && place->row[row][i]; i++)
        if (!strcmp(place->row[row][i], node))
            return true;
    return false;
}

static bool row_allowed(const struct model_rights *r, uint32_t identity, const Parbus__Submission *s,
                        const struct model_place *place, size_t row, uint64_t as_of, int64_t wall_ms)
{
    for (size_t i = 0; i < r->grants; i++) {
        const struct rights_grant *g = &r->grant[i];
        if (is_granted(r, g, identity, verb_for(s->stage), as_of, wall_ms) && about(g, s, place->unit) &&
            (!g->node[0] || at_or_under(place, row, g->node)))
            return true;
    }
    return false;
}

bool model_rights_submission(const struct model_rights *r, uint32_t identity, const Parbus__Submission *s,
                             const struct model_place *place, uint64_t as_of, int64_t wall_ms)
{
    bool allowed = identity && row_allowed(r, identity, s, place, 0, as_of, wall_ms);
    for (size_t row = 1; allowed && row < place->rows; row++)
        allowed = row_allowed(r, identity, s, place, row, as_of, wall_ms);
    return allowed;
}
