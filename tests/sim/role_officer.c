/* Who changes who may do what: at first so that most can work, then at random, in the end so that everybody is in or
 * out. It looks at the journal and asks at the door, as the directory's owner or as an identity that may. */
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include "wire/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTROLS_MAX = 160 };

struct officer {
    int64_t ask_us;
    uint64_t request;
    uint32_t begun; /* processes that it looked after at first */
};

/* A change, and what it points to. */
struct wish {
    Parbus__AccessChange change;
    union {
        Parbus__IdentityAdded identity_added;
        Parbus__IdentityRemoved identity_removed;
        Parbus__KeyAdded key_added;
        Parbus__KeyRevoked key_revoked;
        Parbus__UserAdded user_added;
        Parbus__UserRemoved user_removed;
        Parbus__MemberAdded member_added;
        Parbus__MemberRemoved member_removed;
        Parbus__GrantMade grant_made;
        Parbus__GrantRevoked grant_revoked;
    } of;
    uint8_t key[32];
    char name[16];
};

/* NOLINTBEGIN(bugprone-macro-parentheses): init is a list in braces */
#define WISH(w, CASE, member, init)                                                                                    \
    ((w)->change.change_case = PARBUS__ACCESS_CHANGE__CHANGE_##CASE, (w)->change.member = &(w)->of.member,             \
     (w)->of.member = (__typeof__((w)->of.member))init)
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct model_rights *rights_now(const struct sim *s) { return &s->model.rights; }

static int64_t wall_ms(const struct sim *s) { return SIM_WALL_MS + s->now_us / SIM_MS + s->wall_skew_ms; }

/* ---- changes ---- */

static void name_it(struct wish *w, const char *name) { snprintf(w->name, sizeof w->name, "%s", name); }

static void add_identity(struct wish *w, const char *name)
{
    WISH(w, IDENTITY_ADDED, identity_added, PARBUS__IDENTITY_ADDED__INIT);
    name_it(w, name);
    w->of.identity_added.name = w->name;
}

static void remove_identity(struct wish *w, const char *name)
{
    WISH(w, IDENTITY_REMOVED, identity_removed, PARBUS__IDENTITY_REMOVED__INIT);
    name_it(w, name);
    w->of.identity_removed.name = w->name;
}

static void add_key(struct wish *w, const char *name, const struct actor *n, int64_t until_ms)
{
    WISH(w, KEY_ADDED, key_added, PARBUS__KEY_ADDED__INIT);
    name_it(w, name);
    rights_key(n, n->proof.made, w->key);
    w->of.key_added.name = w->name;
    w->of.key_added.has_public_key = 1;
    w->of.key_added.public_key = (ProtobufCBinaryData){sizeof w->key, w->key};
    w->of.key_added.has_until_ms = until_ms != 0;
    w->of.key_added.until_ms = until_ms;
}

static void revoke_key(struct wish *w, const uint8_t key[static 32])
{
    WISH(w, KEY_REVOKED, key_revoked, PARBUS__KEY_REVOKED__INIT);
    memcpy(w->key, key, sizeof w->key);
    w->of.key_revoked.has_public_key = 1;
    w->of.key_revoked.public_key = (ProtobufCBinaryData){sizeof w->key, w->key};
}

static void add_user(struct wish *w, const char *name, uint32_t uid)
{
    WISH(w, USER_ADDED, user_added, PARBUS__USER_ADDED__INIT);
    name_it(w, name);
    w->of.user_added.name = w->name;
    w->of.user_added.has_uid = 1;
    w->of.user_added.uid = uid;
}

static void remove_user(struct wish *w, uint32_t uid)
{
    WISH(w, USER_REMOVED, user_removed, PARBUS__USER_REMOVED__INIT);
    w->of.user_removed.has_uid = 1;
    w->of.user_removed.uid = uid;
}

static void member(struct wish *w, bool added, const char *name)
{
    name_it(w, name);
    if (added) {
        WISH(w, MEMBER_ADDED, member_added, PARBUS__MEMBER_ADDED__INIT);
        w->of.member_added.role = "team";
        w->of.member_added.name = w->name;
    } else {
        WISH(w, MEMBER_REMOVED, member_removed, PARBUS__MEMBER_REMOVED__INIT);
        w->of.member_removed.role = "team";
        w->of.member_removed.name = w->name;
    }
}

static char *one_of(struct sim *s, char *const *texts, uint32_t count)
{
    return rng_below(&s->rng, 2) ? NULL : texts[rng_below(&s->rng, count)];
}

/* Half of them for everything that the verb covers. */
static void narrow(struct sim *s, Parbus__GrantMade *g)
{
    static char *const index[] = {"alpha", "beta", "gamma"}, *const period[] = {"2025", "2026", "1999"};
    static char *const unit[] = {"U1", "U2", "U3", "U1.*", "U4"}, *const node[] = {"a", "alpha", "b", "s", "a1"};
    g->index = one_of(s, index, 3);
    g->period = one_of(s, period, 3);
    g->unit = one_of(s, unit, 5);
    g->node = one_of(s, node, 5);
    g->has_until_ms = rng_below(&s->rng, 3) == 0;
    g->until_ms = g->has_until_ms ? wall_ms(s) + rng_between(&s->rng, -10, 1500) : 0;
}

static Parbus__GrantMade *grant_of(struct wish *w, const char *name, Parbus__Verb verb)
{
    WISH(w, GRANT_MADE, grant_made, PARBUS__GRANT_MADE__INIT);
    name_it(w, name);
    w->of.grant_made.name = w->name;
    w->of.grant_made.has_verb = 1;
    w->of.grant_made.verb = verb;
    return &w->of.grant_made;
}

static void grant(struct sim *s, struct wish *w, const char *name)
{
    static const Parbus__Verb verbs[] = {PARBUS__VERB__VERB_SUBMIT, PARBUS__VERB__VERB_SUBMIT,
                                         PARBUS__VERB__VERB_APPRAISE, PARBUS__VERB__VERB_BALLOTS};
    Parbus__GrantMade *g = grant_of(w, name, verbs[rng_below(&s->rng, 4)]);
    if (rng_below(&s->rng, 5) == 0) {
        g->name = NULL;
        g->role = "team";
    }
    g->has_stage = g->verb == PARBUS__VERB__VERB_APPRAISE && rng_below(&s->rng, 3) == 0;
    g->stage = g->has_stage ? PARBUS__STAGE__STAGE_APPRAISED_1 : PARBUS__STAGE__STAGE_UNKNOWN;
    if (rng_below(&s->rng, 2))
        narrow(s, g);
}

/* ---- at random ---- */

static struct actor *somebody(struct sim *s)
{
    struct actor *n = NULL;
    for (uint32_t i = 1 + rng_below(&s->rng, 6); i > 0 || !n; i -= i > 0)
        n = actor_of(s, &role_feeder, n);
    return n;
}

static void bind(struct wish *w, const struct actor *n, const char *name, int64_t until_ms)
{
    if (n->proof.kind == PROOF_KEY)
        add_key(w, name, n, until_ms);
    else
        add_user(w, name, rights_uid(n));
}

/* Now and then to somebody else's identity: a key may be another feeder's from its beginning, a user become it. */
static void bind_any(struct sim *s, struct wish *w, const struct actor *n)
{
    int64_t until_ms = rng_below(&s->rng, 3) ? 0 : wall_ms(s) + rng_between(&s->rng, 0, 2000);
    bind(w, n, rng_below(&s->rng, 8) ? n->feeder : somebody(s)->feeder, until_ms);
}

static void end_one(struct sim *s, struct wish *w)
{
    const struct model_rights *r = rights_now(s);
    const struct rights_proof *p = r->proofs ? &r->proof[rng_below(&s->rng, (uint32_t)r->proofs)] : NULL;
    if (p && p->is_user)
        remove_user(w, p->uid);
    else if (p)
        revoke_key(w, p->key);
}

static void revoke_grant(struct sim *s, struct wish *w)
{
    const struct model_rights *r = rights_now(s);
    WISH(w, GRANT_REVOKED, grant_revoked, PARBUS__GRANT_REVOKED__INIT);
    w->of.grant_revoked.has_grant = 1;
    w->of.grant_revoked.grant =
        r->grants ? r->grant[rng_below(&s->rng, (uint32_t)r->grants)].since : rng_below(&s->rng, 9);
}

static void anything(struct sim *s, struct wish *w)
{
    struct actor *n = somebody(s);
    uint32_t what = rng_below(&s->rng, 16);
    if (what < 4)
        grant(s, w, n->feeder);
    else if (what < 6)
        revoke_grant(s, w);
    else if (what < 9)
        end_one(s, w);
    else if (what < 12)
        n->proof.made += rng_below(&s->rng, 2), bind_any(s, w, n);
    else if (what < 14)
        member(w, rng_below(&s->rng, 3), n->feeder);
    else if (what == 14 && rng_below(&s->rng, 2))
        remove_identity(w, n->feeder);
    else
        add_identity(w, rng_below(&s->rng, 4) ? n->feeder : actor_of(s, &role_stranger, NULL)->name);
}

/* ---- what is still missing for a process to be in, or out ---- */

static const struct rights_proof *proof_of(const struct sim *s, const struct actor *n)
{
    const struct model_rights *r = rights_now(s);
    uint8_t key[32];
    rights_key(n, n->proof.made, key);
    for (size_t i = r->proofs; i-- > 0;)
        if (n->proof.kind == PROOF_KEY ? !r->proof[i].is_user && !memcmp(r->proof[i].key, key, sizeof key)
                                       : r->proof[i].is_user && r->proof[i].uid == rights_uid(n))
            return &r->proof[i];
    return NULL;
}

/* Nobody needs it: its process has a newer one, or pushes under another name. */
static bool is_spare(const struct sim *s, const struct actor *n, const struct rights_proof *p)
{
    const struct actor *of = &s->actor[p->key[0]];
    return of == n || p->until_ms || strcmp(of->feeder, n->feeder) != 0 ||
           (p->key[1] | (uint32_t)p->key[2] << 8) != of->proof.made;
}

/* An identity has at most four that hold: one that has to go for another. */
static const struct rights_proof *old_key(const struct sim *s, const struct actor *n, uint32_t identity)
{
    const struct model_rights *r = rights_now(s);
    const struct rights_proof *old = NULL;
    int count = 0;
    for (size_t i = r->proofs; i-- > 0;) {
        const struct rights_proof *p = &r->proof[i];
        bool held = p->identity == identity && !p->is_user && !p->until;
        count += held;
        if (held && is_spare(s, n, p))
            old = p;
    }
    return count >= 4 ? old : NULL;
}

/* false: nothing is. */
static bool let_in(struct sim *s, struct actor *n, struct wish *w)
{
    uint32_t identity = model_rights_named(rights_now(s), n->feeder, UINT64_MAX - 1);
    const struct rights_proof *p = proof_of(s, n), *old = identity ? old_key(s, n, identity) : NULL;
    bool held = p && !p->until;
    if (!identity)
        return add_identity(w, n->feeder), true;
    if (held && p->identity == identity && !p->until_ms)
        return false;
    if (held && n->proof.kind == PROOF_USER)
        return remove_user(w, rights_uid(n)), true;
    if (n->proof.kind == PROOF_KEY && old)
        return revoke_key(w, old->key), true;
    n->proof.made += p && n->proof.kind == PROOF_KEY;
    return bind(w, n, n->feeder, 0), true;
}

/* None of its keys is to hold, old ones neither. */
static bool keep_out(struct sim *s, const struct actor *n, struct wish *w)
{
    const struct model_rights *r = rights_now(s);
    for (size_t i = 0; i < r->proofs; i++) {
        const struct rights_proof *p = &r->proof[i];
        if (p->until || (p->is_user ? p->uid != rights_uid(n) : p->key[0] != (uint8_t)n->number))
            continue;
        if (p->is_user)
            remove_user(w, p->uid);
        else
            revoke_key(w, p->key);
        return true;
    }
    return false;
}

/* NULL: everybody is where he is to be. */
static const struct actor *settle(struct sim *s, struct wish *w)
{
    for (struct actor *n = NULL; (n = actor_of(s, &role_feeder, n));)
        if (n->proof.kind != PROOF_OWNER && !n->gone && (n->proof.out ? keep_out(s, n, w) : let_in(s, n, w)))
            return n;
    return NULL;
}

bool officer_satisfied(struct sim *s)
{
    struct wish w;
    return !s->rights.used || !settle(s, &w);
}

/* Most of them are let in at once, with a grant of something. */
static void begin_with(struct sim *s, struct officer *o, struct wish *w)
{
    struct actor *n = NULL;
    for (uint32_t i = 0; i <= o->begun / 4; i++)
        n = actor_of(s, &role_feeder, n);
    if (!n || n->proof.kind == PROOF_OWNER)
        o->begun |= 3;
    else if (o->begun % 4 >= 2 || !let_in(s, n, w))
        grant_of(w, n->feeder, o->begun % 4 == 2 ? PARBUS__VERB__VERB_SUBMIT : PARBUS__VERB__VERB_APPRAISE);
    o->begun++;
}

static uint32_t feeders(struct sim *s)
{
    uint32_t count = 0;
    for (struct actor *n = NULL; (n = actor_of(s, &role_feeder, n));)
        count++;
    return count;
}

/* ---- its own right to do that ---- */

/* It gives itself an identity, and goes on as that. */
static void rise(struct sim *s, const struct actor *n, struct wish *w)
{
    const struct model_rights *r = rights_now(s);
    uint32_t identity = model_rights_named(r, n->name, UINT64_MAX - 1);
    if (!identity) {
        add_identity(w, n->name);
    } else if (!proof_of(s, n)) {
        add_user(w, n->name, rights_uid(n));
    } else {
        Parbus__GrantMade *g = grant_of(w, n->name, PARBUS__VERB__VERB_ACCESS);
        g->has_until_ms = 1;
        g->until_ms = wall_ms(s) + rng_between(&s->rng, 100, 3000);
    }
}

static bool may_change(struct sim *s, const struct actor *n)
{
    const struct model_rights *r = rights_now(s);
    uint32_t identity = model_rights_named(r, n->name, UINT64_MAX - 1);
    return model_rights_verb(r, identity, PARBUS__VERB__VERB_ACCESS, UINT64_MAX - 1, wall_ms(s));
}

/* Sometimes it believes to have a right that it has no more. */
static void take_role(struct sim *s, struct actor *n)
{
    enum proof_kind kind = !s->calm && (may_change(s, n) || rng_below(&s->rng, 20) == 0) ? PROOF_USER : PROOF_OWNER;
    if (kind == n->proof.kind)
        return;
    n->proof.kind = kind;
    n->proof.principal = PRINCIPAL_OWNER;
    rights_connect(s, n);
}

/* ---- the loop ---- */

static void start(struct sim *s, struct actor *n)
{
    struct officer *o = calloc(1, sizeof *o);
    ASSERT(o);
    o->ask_us = s->now_us + rng_between(&s->rng, 0, 20 * SIM_MS);
    o->begun = s->model.rights.identities ? UINT32_MAX / 2 : 0;
    n->process = o;
}

static void stop(struct sim *s, struct actor *n)
{
    (void)s;
    free(n->process);
    n->process = NULL;
}

static void ask(struct sim *s, struct actor *n, struct wish *w)
{
    struct officer *o = n->process;
    Parbus__ChangeAccess m = PARBUS__CHANGE_ACCESS__INIT;
    m.has_request = 1;
    m.request = ++o->request;
    m.change = &w->change;
    census_add(s, rights_asked, 1);
    trace_note(s, n->name, "wants change of rights %lu, request %lu", (uint64_t)w->change.change_case, m.request, 0, 0);
    role_send(s, n, actor_of(s, &role_ingestor, NULL)->number, TO_DOOR, PARBUS__TO_INGESTOR__BODY_CHANGE_ACCESS,
              &m.base);
}

static void choose(struct sim *s, struct actor *n, struct wish *w)
{
    struct officer *o = n->process;
    if (s->calm)
        settle(s, w);
    else if (s->journal.controls > CONTROLS_MAX)
        return;
    else if (o->begun < 4 * feeders(s))
        begin_with(s, o, w);
    else if (n->proof.kind == PROOF_OWNER && rng_below(&s->rng, 6) == 0)
        rise(s, n, w);
    else
        anything(s, w);
}

static void hear(struct sim *s, struct actor *n)
{
    struct wire_message opened;
    for (struct message *m; (m = actor_take(n));) {
        if (role_open(s, n, m, &wire_to_feeder, &opened) && opened.kind == PARBUS__TO_FEEDER__BODY_ACCESS_CHANGED)
            census_add(s, rights_not_changed, !((const Parbus__AccessChanged *)opened.message)->control_seq);
        network_release(&s->network, m);
    }
}

static int64_t turn(struct sim *s, struct actor *n)
{
    struct officer *o = n->process;
    struct wish w = {.change = PARBUS__ACCESS_CHANGE__INIT};
    hear(s, n);
    if (s->now_us < o->ask_us)
        return o->ask_us;
    take_role(s, n);
    if (actor_lives(s, n))
        choose(s, n, &w);
    if (w.change.change_case)
        ask(s, n, &w);
    bool hurry = o->begun < 4 * feeders(s) || s->calm;
    o->ask_us = s->now_us + rng_between(&s->rng, SIM_MS, (hurry ? 20 : 250) * SIM_MS);
    return o->ask_us;
}

const struct role role_officer = {"officer", start, stop, turn, false};
