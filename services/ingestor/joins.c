#include "services/ingestor/joins.h"
#include "base/date.h"
#include "services/ingestor/controls.h"
#include "services/ingestor/noted.h"
#include <stdio.h>

/* ---- answers ---- */

static void answer(struct ingestor *i, const struct group_changer *to, const char *why)
{
    Parbus__Joined m = PARBUS__JOINED__INIT;
    m.has_request = 1;
    m.request = to->request;
    m.name = (char *)to->name;
    m.why = (char *)why;
    m.has_old_until_ms = to->old_until_ms != 0;
    m.old_until_ms = to->old_until_ms;
    door_send(&i->door, to->peer, PARBUS__TO_FEEDER__BODY_JOINED, &m.base);
}

static void refuse(struct ingestor *i, const struct group_changer *to, const char *principal, struct err_text *e)
{
    const struct group_changer nobody = {.peer = to->peer, .request = to->request};
    wire_utf8_mend(e->text);
    metric_add(&i->metrics, joins_refused, 1);
    tell(&i->io, TELL_WARN, "join.refused", "principal=%s why=\"%s\"", principal, e->text);
    noted_refusal(&i->door, to->peer, PARBUS__REASON__REFUSED_NOT_AUTHORISED, e->text);
    answer(i, &nobody, e->text);
}

void joins_appended(struct ingestor *i, const struct group_changer *c)
{
    metric_add(&i->metrics, keys_joined, 1);
    answer(i, c, NULL);
}

/* ---- a key into the journal ---- */

static enum err may_change(struct ingestor *i, struct moment now, struct err_text *e)
{
    if (i->append.gathered->changer_count == GROUP_ASKERS_MAX)
        return err_set(e, ERR_BUSY, "too many others change something at this moment; try again");
    /* In minutes: a bucket of one minute's worth. */
    if (rate_wait_us(&i->joins, now.mono_us / 60, JOINS_PER_MINUTE))
        return err_set(e, ERR_BUSY, "too many others join at this moment; try again in a minute");
    rate_take(&i->joins, now.mono_us / 60, JOINS_PER_MINUTE, 1);
    return OK;
}

static enum err publish(struct ingestor *i, const char *name, const char *principal, Parbus__KeyAdded *key,
                        struct moment now, struct err_text *e)
{
    Parbus__AccessChange change = PARBUS__ACCESS_CHANGE__INIT;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    enum err err = may_change(i, now, e);
    if (err)
        return err;
    key->name = change.by = (char *)name;
    change.from = (char *)principal;
    change.change_case = PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED;
    change.key_added = key;
    control.body_case = PARBUS__CONTROL__BODY_ACCESS;
    control.access = &change;
    return controls_publish(i, &control, now, e);
}

/* `to` waits for the journal, or hears at once why not. */
static void bring_in(struct ingestor *i, struct group_changer *to, const char *principal, Parbus__KeyAdded *key,
                     struct moment now)
{
    struct err_text e = {""};
    if (publish(i, to->name, principal, key, now, &e) != OK) {
        refuse(i, to, principal, &e);
        return;
    }
    struct group *g = i->append.gathered;
    to->control_seq = catalog_control_seq(i->catalog);
    g->changer[g->changer_count++] = *to;
    noted_change(&i->door, to->name, to->control_seq);
}

/* ---- whoever was invited ---- */

/* What a person is told who comes with it. */
static enum err judge(const struct access *a, const struct access_token *t, int64_t wall_ms, struct err_text *e)
{
    char until[DATE_TEXT_BYTES];
    if (!t || t->kind != PARBUS__TOKEN_KIND__TOKEN_INVITATION)
        return err_set(e, ERR_NOT_FOUND,
                       "this invitation is not known here: it was made by another server, or was "
                       "changed on its way");
    if (t->span.until)
        return err_set(e, ERR_INVALID, "this invitation for %s was used or withdrawn already: ask for a new one",
                       access_identity(a, t->identity)->name);
    if (!t->until_ms || wall_ms < t->until_ms)
        return OK;
    date_format_ms(t->until_ms, until);
    return err_set(e, ERR_INVALID, "this invitation for %s has expired (%s): ask for a new one",
                   access_identity(a, t->identity)->name, until);
}

static const struct access_token *find_invitation(const struct ingestor *i, const Parbus__Join *ask)
{
    uint8_t hash[ACCESS_HASH_BYTES];
    if (!i->io.hash)
        return NULL;
    i->io.hash(i->io.ctx, hash, ask->token.data, ask->token.len);
    return access_token_hashed(catalog_access(i->catalog), hash);
}

/* Whoever has a key that is known has joined: he may not have heard the answer. */
void joins_take(struct ingestor *i, struct peer peer, const Parbus__Join *ask, struct moment now)
{
    const struct access *a = catalog_access(i->catalog);
    struct group_changer to = {.peer = peer.id, .request = ask->request};
    struct err_text e = {""};
    uint8_t key[ACCESS_KEY_BYTES];
    char id[ACCESS_NAME_BYTES];
    Parbus__KeyAdded added = PARBUS__KEY_ADDED__INIT;
    snprintf(to.name, sizeof to.name, "%s", i->door.who.name);
    if (i->door.who.identity) {
        answer(i, &to, NULL);
        return;
    }
    const struct access_token *t = find_invitation(i, ask);
    if (!who_key(peer.principal, key) || judge(a, t, now.wall_ms, &e) != OK) {
        refuse(i, &to, peer.principal, &e);
        return;
    }
    snprintf(to.name, sizeof to.name, "%s", access_identity(a, t->identity)->name);
    snprintf(id, sizeof id, "%s", t->id); /* the table is about to change */
    added.has_public_key = 1;
    added.public_key = (ProtobufCBinaryData){sizeof key, key};
    added.invitation = id;
    bring_in(i, &to, peer.principal, &added, now);
}

/* ---- one key for another ---- */

static enum err check_rotation(const struct ingestor *i, const char *principal, uint8_t old[static ACCESS_KEY_BYTES],
                               const Parbus__Rotate *ask, struct err_text *e)
{
    if (!who_key(principal, old))
        return err_set(e, ERR_INVALID, "you did not come by a key: there is none to take another one for");
    if (access_had_key(catalog_access(i->catalog), ask->public_key.data))
        return err_set(e, ERR_INVALID, "this key is known already, or was revoked");
    return OK;
}

/* Whoever asks again did not hear the answer. */
static bool is_done(const struct ingestor *i, const Parbus__Rotate *ask, struct moment now)
{
    return access_of_key(catalog_access(i->catalog), ask->public_key.data, now.wall_ms) == i->door.who.identity;
}

void joins_rotate(struct ingestor *i, struct peer peer, const Parbus__Rotate *ask, struct moment now)
{
    struct group_changer to = {.peer = peer.id, .request = ask->request, .old_until_ms = now.wall_ms + ask->overlap_ms};
    struct err_text e;
    uint8_t old[ACCESS_KEY_BYTES];
    Parbus__KeyAdded added = PARBUS__KEY_ADDED__INIT;
    snprintf(to.name, sizeof to.name, "%s", i->door.who.name);
    if (i->door.who.identity && is_done(i, ask, now)) {
        answer(i, &to, NULL);
        return;
    }
    if (check_rotation(i, peer.principal, old, ask, &e) != OK) {
        refuse(i, &to, peer.principal, &e);
        return;
    }
    added.has_public_key = added.has_replaces = added.has_replaced_until_ms = 1;
    added.public_key = ask->public_key;
    added.replaces = (ProtobufCBinaryData){sizeof old, old};
    added.replaced_until_ms = to.old_until_ms;
    bring_in(i, &to, peer.principal, &added, now);
}
