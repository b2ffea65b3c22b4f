/* Changes, each on top of those before it. */
#include "auth/internal.h"
#include "base/bytes.h"
#include <stdio.h>

static bool name_ok(const char *name)
{
    size_t length = name ? strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") : 0;
    return length && length < ACCESS_NAME_BYTES && !name[length] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static const char *text_of(const char *text) { return text ? text : ""; }

static enum err check_name(const char *what, const char *name, struct err_text *e)
{
    return name_ok(name) ? OK
                         : err_set(e, ERR_INVALID, "\"%.80s\" cannot name %s: 1 to %d of A-Z a-z 0-9 . _ -",
                                   text_of(name), what, ACCESS_NAME_BYTES - 1);
}

static enum err find_identity(const struct access *a, const char *name, uint32_t *number, struct err_text *e)
{
    *number = access_named(a, text_of(name));
    return *number ? OK : err_set(e, ERR_NOT_FOUND, "there is no identity \"%.80s\"", text_of(name));
}

/* Room for one more; its place, counted from 1. */
static enum err check_room(const struct buffer *items, size_t item_bytes, struct err_text *e)
{
    return items->size / item_bytes < ACCESS_ITEMS_MAX ? OK : err_set(e, ERR_FULL, "the table of rights is full");
}

static uint32_t add(struct buffer *items, const void *item, size_t bytes)
{
    buffer_append(items, item, bytes);
    return (uint32_t)(items->size / bytes);
}

/* ---- identities ---- */

static enum err add_identity(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    const char *name = c->identity_added->name, *note = text_of(c->identity_added->note);
    struct access_identity i = {.span.since = seq};
    enum err err = check_name("an identity", name, e);
    if (!err && access_named(a, name))
        err = err_set(e, ERR_INVALID, "identity %s is there already", name);
    if (!err && (size_t)snprintf(i.note, sizeof i.note, "%s", note) >= sizeof i.note)
        err = err_set(e, ERR_INVALID, "the note has more than %zu bytes", sizeof i.note - 1);
    if (err || (err = check_room(&a->identity, sizeof i, e)) != OK)
        return err;
    memcpy(i.name, name, strlen(name));
    map_put(&a->by_name, access_hash(name), add(&a->identity, &i, sizeof i));
    return OK;
}

static void end(struct access_span *span, uint64_t seq)
{
    ASSERT(span); /* whoever calls has found it */
    if (!span->until)
        span->until = seq;
}

/* Everything of one identity in one kind of items. */
#define END_OF(items, type, number, seq)                                                                               \
    for (size_t at = 0; at < COUNT(items, type); at++)                                                                 \
        if (ITEMS(items, type)[at].identity == (number))                                                               \
    end(&ITEMS(items, type)[at].span, seq)

static enum err remove_identity(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    uint32_t number;
    enum err err = find_identity(a, c->identity_removed->name, &number, e);
    if (err)
        return err;
    end(&ITEMS(&a->identity, struct access_identity)[number - 1].span, seq);
    END_OF(&a->key, struct access_key, number, seq);
    END_OF(&a->user, struct access_user, number, seq);
    END_OF(&a->token, struct access_token, number, seq);
    END_OF(&a->member, struct access_member, number, seq);
    END_OF(&a->grant, struct access_grant, number, seq);
    return OK;
}

/* ---- what proves who somebody is ---- */

static enum err check_bytes(const char *what, const ProtobufCBinaryData *data, struct err_text *e)
{
    return data->len == 32 ? OK : err_set(e, ERR_INVALID, "%s has %zu bytes, not 32", what, data->len);
}

/* One that another has come for, or comes for now, ends by itself. */
static bool counts(const struct access_key *old, const Parbus__KeyAdded *k)
{
    bool goes = k->replaces.len == sizeof old->public_key &&
                memcmp(old->public_key, k->replaces.data, sizeof old->public_key) == 0;
    return !old->span.until && !old->replaced && !goes;
}

static enum err check_count(const struct access *a, const Parbus__KeyAdded *k, uint32_t identity, struct err_text *e)
{
    const struct access_key *key;
    int now = 0, ever = 0;
    for (size_t i = access_keys(a, &key); i-- > 0;) {
        now += key[i].identity == identity && counts(&key[i], k);
        ever += key[i].identity == identity;
    }
    if (now >= ACCESS_KEYS_MAX)
        return err_set(e, ERR_INVALID, "%s has %d keys; revoke one first", k->name, ACCESS_KEYS_MAX);
    return ever < ACCESS_KEYS_EVER_MAX
               ? OK
               : err_set(e, ERR_FULL, "%s has had %d keys; no more are taken", k->name, ACCESS_KEYS_EVER_MAX);
}

/* A2: a key that somebody had is not taken again: it may be in the hands of whoever it was taken from. */
static enum err check_key(const struct access *a, const Parbus__KeyAdded *k, uint32_t identity, struct err_text *e)
{
    enum err err = check_bytes("a public key", &k->public_key, e);
    if (err)
        return err;
    uint32_t place;
    if (map_get(&a->by_key, access_hash_bytes(k->public_key.data), &place))
        return err_set(e, ERR_INVALID, "this key is known already, or was revoked");
    err = check_count(a, k, identity, e);
    return err ? err : check_room(&a->key, sizeof(struct access_key), e);
}

static enum err find_invitation(const struct access *a, const Parbus__KeyAdded *k, uint32_t identity,
                                struct access_token **out, struct err_text *e)
{
    *out = k->invitation ? access_find_token(a, k->invitation) : NULL;
    bool fits = *out && !(*out)->span.until && (*out)->identity == identity &&
                (*out)->kind == PARBUS__TOKEN_KIND__TOKEN_INVITATION;
    return fits || !k->invitation ? OK : err_set(e, ERR_INVALID, "the invitation is used up, revoked or not known");
}

/* A9: the key that this one comes for. */
static enum err find_replaced(const struct access *a, const Parbus__KeyAdded *k, uint32_t identity,
                              struct access_key **out, struct err_text *e)
{
    *out = NULL;
    if (!k->has_replaces)
        return OK;
    enum err err = check_bytes("the key that it replaces", &k->replaces, e);
    *out = err ? NULL : access_find_key(a, k->replaces.data);
    if (!err && (!*out || (*out)->span.until || (*out)->identity != identity))
        err = err_set(e, ERR_INVALID, "%s does not have the key that this one is to replace", k->name);
    return err;
}

/* It may end sooner than it would have, and never later. */
static void replace_key(struct access_key *old, const Parbus__KeyAdded *k)
{
    if (!old)
        return;
    old->replaced = true;
    if (!old->until_ms || k->replaced_until_ms < old->until_ms)
        old->until_ms = k->replaced_until_ms;
}

static enum err add_key(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    const Parbus__KeyAdded *k = c->key_added;
    struct access_key key = {.span.since = seq, .until_ms = k->until_ms};
    struct access_token *invitation;
    struct access_key *replaced;
    enum err err = find_identity(a, k->name, &key.identity, e);
    if (!err)
        err = check_key(a, k, key.identity, e);
    if (!err)
        err = find_invitation(a, k, key.identity, &invitation, e);
    if (!err)
        err = find_replaced(a, k, key.identity, &replaced, e);
    if (err)
        return err;
    replace_key(replaced, k); /* before `add`, which may move it */
    memcpy(key.public_key, k->public_key.data, sizeof key.public_key);
    map_put(&a->by_key, access_hash_bytes(key.public_key), add(&a->key, &key, sizeof key));
    if (invitation)
        end(&invitation->span, seq);
    return OK;
}

static enum err revoke_key(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    enum err err = check_bytes("a public key", &c->key_revoked->public_key, e);
    struct access_key *k = err ? NULL : access_find_key(a, c->key_revoked->public_key.data);
    if (!err && (!k || k->span.until))
        err = err_set(e, ERR_NOT_FOUND, "nobody has this key");
    if (!err)
        end(&k->span, seq);
    return err;
}

static enum err add_user(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    struct access_user user = {.span.since = seq, .uid = c->user_added->uid};
    enum err err = find_identity(a, c->user_added->name, &user.identity, e);
    uint32_t whose = access_of_user(a, user.uid);
    if (!err && whose)
        err = err_set(e, ERR_INVALID, "user %u is %s already", user.uid, access_identity(a, whose)->name);
    if (err || (err = check_room(&a->user, sizeof user, e)) != OK)
        return err;
    map_put(&a->by_user, user.uid, add(&a->user, &user, sizeof user));
    return OK;
}

static enum err remove_user(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    struct access_user *u = access_find_user(a, c->user_removed->uid);
    if (!u || u->span.until)
        return err_set(e, ERR_NOT_FOUND, "user %u is nobody here", c->user_removed->uid);
    end(&u->span, seq);
    return OK;
}

static enum err check_token(const struct access *a, const Parbus__TokenAdded *t, struct err_text *e)
{
    uint32_t place;
    enum err err = check_name("a token", t->id, e);
    if (!err)
        err = check_bytes("the hash of a token", &t->hash, e);
    if (!err && (access_find_token(a, t->id) || map_get(&a->by_token, access_hash_bytes(t->hash.data), &place)))
        err = err_set(e, ERR_INVALID, "token %s is there already, or was", t->id);
    return err ? err : check_room(&a->token, sizeof(struct access_token), e);
}

static void note_invitation(struct access *a, int64_t until_ms)
{
    a->invited_without_end |= !until_ms;
    if (until_ms > a->invited_until_ms)
        a->invited_until_ms = until_ms;
}

static enum err add_token(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    const Parbus__TokenAdded *t = c->token_added;
    struct access_token token = {.span.since = seq, .kind = t->kind, .until_ms = t->until_ms};
    enum err err = find_identity(a, t->name, &token.identity, e);
    if (!err)
        err = check_token(a, t, e);
    if (err)
        return err;
    memcpy(token.id, t->id, strlen(t->id));
    memcpy(token.hash, t->hash.data, sizeof token.hash);
    map_put(&a->by_token, access_hash_bytes(token.hash), add(&a->token, &token, sizeof token));
    if (token.kind == PARBUS__TOKEN_KIND__TOKEN_INVITATION)
        note_invitation(a, token.until_ms);
    return OK;
}

static enum err revoke_token(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    struct access_token *t = access_find_token(a, text_of(c->token_revoked->id));
    if (!t || t->span.until)
        return err_set(e, ERR_NOT_FOUND, "there is no token \"%.80s\"", text_of(c->token_revoked->id));
    end(&t->span, seq);
    return OK;
}

/* ---- roles ---- */

static struct access_member *find_member(const struct access *a, uint32_t identity, const char *role)
{
    uint32_t place = 0;
    struct access_member *member = ITEMS(&a->member, struct access_member);
    if (!map_get(&a->memberships, identity, &place))
        return NULL;
    while (place && (member[place - 1].span.until || strcmp(member[place - 1].role, role) != 0))
        place = member[place - 1].before;
    return place ? &member[place - 1] : NULL;
}

static enum err add_member(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    const Parbus__MemberAdded *m = c->member_added;
    struct access_member member = {.span.since = seq};
    enum err err = check_name("a role", m->role, e);
    if (!err && !strcmp(m->role, ACCESS_ANYBODY))
        err = err_set(e, ERR_INVALID, "everybody has the role " ACCESS_ANYBODY);
    if (!err)
        err = find_identity(a, m->name, &member.identity, e);
    if (!err && find_member(a, member.identity, m->role))
        err = err_set(e, ERR_INVALID, "%s has the role %s already", m->name, m->role);
    if (err || (err = check_room(&a->member, sizeof member, e)) != OK)
        return err;
    memcpy(member.role, m->role, strlen(m->role));
    map_get(&a->memberships, member.identity, &member.before);
    map_put(&a->memberships, member.identity, add(&a->member, &member, sizeof member));
    return OK;
}

static enum err remove_member(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    const Parbus__MemberRemoved *m = c->member_removed;
    uint32_t identity;
    enum err err = find_identity(a, m->name, &identity, e);
    struct access_member *member = err ? NULL : find_member(a, identity, text_of(m->role));
    if (!err && !member)
        err = err_set(e, ERR_NOT_FOUND, "%s does not have the role \"%.80s\"", m->name, text_of(m->role));
    if (!err)
        end(&member->span, seq);
    return err;
}

/* ---- grants ---- */

static enum err copy_pattern(const char *what, char out[static ACCESS_NAME_BYTES], const char *text, struct err_text *e)
{
    return snprintf(out, ACCESS_NAME_BYTES, "%s", text_of(text)) < ACCESS_NAME_BYTES
               ? OK
               : err_set(e, ERR_INVALID, "the %s of a grant has at most %d bytes", what, ACCESS_NAME_BYTES - 1);
}

static enum err copy_patterns(struct access_grant *g, const Parbus__GrantMade *m, struct err_text *e)
{
    enum err err = copy_pattern("index", g->index, m->index, e);
    if (!err)
        err = copy_pattern("period", g->period, m->period, e);
    if (!err)
        err = copy_pattern("unit", g->unit, m->unit, e);
    return err ? err : copy_pattern("node", g->node, m->node, e);
}

/* Exactly one of them. */
static enum err find_owner(const struct access *a, const Parbus__GrantMade *m, struct access_grant *g,
                           struct err_text *e)
{
    const char *name = text_of(m->name), *role = text_of(m->role);
    if (!name[0] == !role[0])
        return err_set(e, ERR_INVALID, "a grant is for an identity or for a role");
    if (name[0])
        return find_identity(a, name, &g->identity, e);
    enum err err = check_name("a role", role, e);
    if (!err && !strcmp(role, ACCESS_ANYBODY) && m->verb != PARBUS__VERB__VERB_FEED)
        err = err_set(e, ERR_INVALID, "only feed can be granted to anybody, not %s", access_verb_word(m->verb));
    return err ? err : copy_pattern("role", g->role, role, e);
}

/* A stage that the verb does not cover would never be asked for. */
static enum err check_verb(const Parbus__GrantMade *m, struct err_text *e)
{
    if (access_verb_word(m->verb)[0] == '?')
        return err_set(e, ERR_INVALID, "a grant of nothing that is known (%d)", (int)m->verb);
    bool fits = !m->stage || access_verb_of_stage(m->stage) == m->verb;
    return fits ? OK : err_set(e, ERR_INVALID, "%s does not go with this stage", access_verb_word(m->verb));
}

static enum err make_grant(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    const Parbus__GrantMade *m = c->grant_made;
    struct access_grant g = {.span.since = seq, .verb = m->verb, .stage = m->stage, .until_ms = m->until_ms};
    enum err err = check_verb(m, e);
    if (!err)
        err = find_owner(a, m, &g, e);
    if (!err)
        err = copy_patterns(&g, m, e);
    if (err || (err = check_room(&a->grant, sizeof g, e)) != OK)
        return err;
    uint64_t owner = access_owner(g.identity, g.role);
    map_get(&a->granted, owner, &g.before);
    map_put(&a->granted, owner, add(&a->grant, &g, sizeof g));
    return OK;
}

static enum err revoke_grant(struct access *a, const Parbus__AccessChange *c, uint64_t seq, struct err_text *e)
{
    const uint64_t number = c->grant_revoked->grant;
    struct access_grant *g = ITEMS(&a->grant, struct access_grant);
    size_t count = COUNT(&a->grant, struct access_grant), at = 0;
    while (at < count && g[at].span.since != number)
        at++;
    if (at == count || g[at].span.until)
        return err_set(e, ERR_NOT_FOUND, "there is no grant %llu", (unsigned long long)number);
    end(&g[at].span, seq);
    return OK;
}

enum err access_apply(struct access *a, const Parbus__AccessChange *change, uint64_t control_seq, struct err_text *e)
{
    static enum err (*const apply[])(struct access *, const Parbus__AccessChange *, uint64_t, struct err_text *) = {
        [PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED] = add_identity,
        [PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_REMOVED] = remove_identity,
        [PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED] = add_key,
        [PARBUS__ACCESS_CHANGE__CHANGE_KEY_REVOKED] = revoke_key,
        [PARBUS__ACCESS_CHANGE__CHANGE_USER_ADDED] = add_user,
        [PARBUS__ACCESS_CHANGE__CHANGE_USER_REMOVED] = remove_user,
        [PARBUS__ACCESS_CHANGE__CHANGE_TOKEN_ADDED] = add_token,
        [PARBUS__ACCESS_CHANGE__CHANGE_TOKEN_REVOKED] = revoke_token,
        [PARBUS__ACCESS_CHANGE__CHANGE_MEMBER_ADDED] = add_member,
        [PARBUS__ACCESS_CHANGE__CHANGE_MEMBER_REMOVED] = remove_member,
        [PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE] = make_grant,
        [PARBUS__ACCESS_CHANGE__CHANGE_GRANT_REVOKED] = revoke_grant,
    };
    size_t kind = (size_t)change->change_case;
    if (kind >= sizeof apply / sizeof *apply || !apply[kind])
        return err_set(e, ERR_INVALID, "a change of rights of a kind that this program does not know");
    enum err err = apply[kind](a, change, control_seq, e);
    if (!err)
        a->changed = control_seq;
    return err;
}
