#include "services/ingestor/room.h"
#include "base/err.h"
#include "services/ingestor/receipts.h"
#include <stdio.h>
#include <string.h>

enum { ROOM_INTERVAL_US = 100000 };

static void begin_trouble(struct ingestor *i, const char *why, struct moment now)
{
    struct door *d = &i->door;
    bool began = !d->trouble[0];
    snprintf(d->trouble, sizeof d->trouble, "%s", why);
    wire_utf8_mend(d->trouble);
    if (!began)
        return;
    tell(&i->io, TELL_ERROR, "journal.trouble", "why=\"%s\"", d->trouble);
    receipts_delayed(d, d->trouble, now);
}

static void end_trouble(struct ingestor *i)
{
    struct door *d = &i->door;
    if (!d->trouble[0])
        return;
    tell(&i->io, TELL_INFO, "journal.writable", "after=\"%s\"", d->trouble);
    d->trouble[0] = 0;
}

/* What the journal says of itself comes first: it is what is in the way. */
static void judge(struct ingestor *i, const char *no_room, struct moment now)
{
    const char *journal = append_trouble(&i->append, now);
    if (journal)
        begin_trouble(i, journal, now);
    else if (i->coordinator.ahead[0])
        begin_trouble(i, i->coordinator.ahead, now);
    else if (no_room)
        begin_trouble(i, no_room, now);
    else if (!i->no_room)
        end_trouble(i);
}

void room_judge(struct ingestor *i, struct moment now) { judge(i, NULL, now); }

/* Refusing before a commit fails leaves the journal whole and the disk a last bit of room. */
int64_t room_look(struct ingestor *i, struct moment now)
{
    struct err_text e = {""};
    if (!i->io.room || now.mono_us < i->room_due_us) {
        judge(i, NULL, now);
        return i->io.room ? i->room_due_us : INT64_MAX;
    }
    i->room_due_us = now.mono_us + ROOM_INTERVAL_US;
    enum err err = i->io.room(i->io.ctx, &e);
    i->no_room = err != OK;
    if (err == ERR_LOST)
        append_fence(&i->append, e.text);
    judge(i, i->no_room ? e.text : NULL, now);
    return i->room_due_us;
}
