#include "services/ingestor/rights.h"
#include "services/ingestor/controls.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- who ---- */

static const char *behind(const char *principal, const char *kind)
{
    size_t bytes = strlen(kind);
    return strncmp(principal, kind, bytes) == 0 ? principal + bytes : NULL;
}

static int nibble(char letter)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = letter ? strchr(digits, letter) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool read_key(const char *hex, uint8_t key[static ACCESS_KEY_BYTES])
{
    for (int i = 0; i < ACCESS_KEY_BYTES; i++) {
        int high = nibble(hex[2 * i]), low = high < 0 ? -1 : nibble(hex[2 * i + 1]);
        if (low < 0)
            return false;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return !hex[2 * ACCESS_KEY_BYTES];
}

static uint32_t of_key(const struct access *a, const char *hex, int64_t wall_ms)
{
    uint8_t key[ACCESS_KEY_BYTES];
    return read_key(hex, key) ? access_of_key(a, key, wall_ms) : ACCESS_NOBODY;
}

static uint32_t of_user(const struct access *a, const char *uid)
{
    char *end;
    unsigned long number = strtoul(uid, &end, 10);
    return *uid && !*end && number < UINT32_MAX ? access_of_user(a, (uint32_t)number) : ACCESS_NOBODY;
}

static uint32_t identity_of(const struct access *a, const char *principal, int64_t wall_ms)
{
    const char *rest;
    if ((rest = behind(principal, "key:")))
        return of_key(a, rest, wall_ms);
    if ((rest = behind(principal, "user:")))
        return of_user(a, rest);
    return ACCESS_NOBODY;
}

struct who rights_who(const struct access *a, const char *principal, struct moment now)
{
    struct who who = {.owner = !strcmp(principal, "owner"), .insecure = !strcmp(principal, "insecure"), .name = ""};
    who.identity = identity_of(a, principal, now.wall_ms);
    if (who.identity)
        who.name = access_identity(a, who.identity)->name;
    return who;
}

bool rights_may(const struct door *d, const struct who *who, const struct access_question *q, struct moment now)
{
    if (who->owner || (who->insecure && q->verb != PARBUS__VERB__VERB_ACCESS))
        return true;
    return access_allows(catalog_access(d->catalog), who->identity, q, catalog_control_seq(d->catalog), now.wall_ms)
        .allowed;
}

/* ---- changes (A4) ---- */

static void answer(struct ingestor *i, const struct group_changer *to, uint64_t control_seq, char *why)
{
    Parbus__AccessChanged m = PARBUS__ACCESS_CHANGED__INIT;
    m.has_request = m.has_control_seq = 1;
    m.request = to->request;
    m.control_seq = control_seq;
    m.why = why;
    door_send(&i->door, to->peer, PARBUS__TO_FEEDER__BODY_ACCESS_CHANGED, &m.base);
}

/* The change as it is journalled: who made it is not the asker's to say, nor which number a grant has. */
static enum err publish(struct ingestor *i, const struct who *who, const char *principal,
                        const Parbus__AccessChange *asked, struct moment now, struct err_text *e)
{
    Parbus__AccessChange change = *asked;
    Parbus__GrantMade grant;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    char by[ACCESS_NAME_BYTES]; /* the table of rights, where it stands, is about to change */
    snprintf(by, sizeof by, "%s", who->name);
    change.by = by;
    change.from = (char *)principal;
    if (change.change_case == PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE) {
        grant = *change.grant_made;
        grant.has_grant = 1;
        grant.grant = catalog_control_seq(i->catalog) + 1;
        change.grant_made = &grant;
    }
    control.body_case = PARBUS__CONTROL__BODY_ACCESS;
    control.access = &change;
    return controls_publish(i, &control, now, e);
}

static void not_done(struct ingestor *i, const struct group_changer *to, const char *principal, struct err_text *e)
{
    wire_utf8_mend(e->text);
    metric_add(&i->metrics, access_refused, 1);
    tell(&i->io, TELL_WARN, "access.not_changed", "principal=%s why=\"%s\"", principal, e->text);
    answer(i, to, 0, e->text);
}

static bool may_change(struct ingestor *i, const struct who *who, struct peer peer, struct moment now)
{
    const struct access_question q = {.verb = PARBUS__VERB__VERB_ACCESS};
    if (rights_may(&i->door, who, &q, now))
        return true;
    tell(&i->io, TELL_WARN, "access.not_authorised", "principal=%s verb=access", peer.principal);
    door_refuse(&i->door, peer.id, 0, PARBUS__REASON__REFUSED_NOT_AUTHORISED,
                "to change who may do what wants the right: access", 0);
    return false;
}

void rights_change(struct ingestor *i, struct peer peer, const Parbus__ChangeAccess *ask, struct moment now)
{
    struct err_text e = {""};
    struct group *g = i->append.gathered;
    struct group_changer changer = {peer.id, ask->request, 0};
    const struct who who = rights_who(catalog_access(i->catalog), peer.principal, now);
    if (!may_change(i, &who, peer, now))
        return;
    enum err err = g->changer_count < GROUP_ASKERS_MAX
                       ? publish(i, &who, peer.principal, ask->change, now, &e)
                       : err_set(&e, ERR_BUSY, "%d others change something at this moment", GROUP_ASKERS_MAX);
    if (err) {
        not_done(i, &changer, peer.principal, &e);
        return;
    }
    changer.control_seq = catalog_control_seq(i->catalog);
    g->changer[g->changer_count++] = changer;
}

void rights_appended(struct ingestor *i, const struct group *g)
{
    for (size_t n = 0; n < g->changer_count; n++) {
        metric_add(&i->metrics, access_changed, 1);
        tell(&i->io, TELL_INFO, "access.changed", "control=%llu", (unsigned long long)g->changer[n].control_seq);
        answer(i, &g->changer[n], g->changer[n].control_seq, NULL);
    }
}
