#include "services/ingestor/changes.h"
#include "services/ingestor/controls.h"
#include "services/ingestor/joins.h"
#include "services/ingestor/noted.h"
#include <stdio.h>

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
static enum err publish(struct ingestor *i, char *by, const char *principal, const Parbus__AccessChange *asked,
                        struct moment now, struct err_text *e)
{
    Parbus__AccessChange change = *asked;
    Parbus__GrantMade grant;
    Parbus__Control control = PARBUS__CONTROL__INIT;
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

void changes_take(struct ingestor *i, struct peer peer, const Parbus__ChangeAccess *ask, struct moment now)
{
    struct err_text e = {""};
    struct group *g = i->append.gathered;
    struct group_changer changer = {.peer = peer.id, .request = ask->request};
    char by[ACCESS_NAME_BYTES]; /* the table of rights, where it stands, is about to change */
    snprintf(by, sizeof by, "%s", i->door.who.name);
    enum err err = g->changer_count < GROUP_ASKERS_MAX
                       ? publish(i, by, peer.principal, ask->change, now, &e)
                       : err_set(&e, ERR_BUSY, "%d others change something at this moment", GROUP_ASKERS_MAX);
    if (err) {
        not_done(i, &changer, peer.principal, &e);
        return;
    }
    changer.control_seq = catalog_control_seq(i->catalog);
    g->changer[g->changer_count++] = changer;
    noted_change(&i->door, by, changer.control_seq);
}

void changes_appended(struct ingestor *i, const struct group *g)
{
    for (size_t n = 0; n < g->changer_count; n++) {
        const struct group_changer *c = &g->changer[n];
        metric_add(&i->metrics, access_changed, 1);
        tell(&i->io, TELL_INFO, "access.changed", "control=%llu", (unsigned long long)c->control_seq);
        if (c->name[0])
            joins_appended(i, c);
        else
            answer(i, c, c->control_seq, NULL);
    }
}
