#include "base/log.h"
#include "services/ingestor/door.h"

enum { ROOM_INTERVAL_US = 100000 };

/* Refusing before a commit fails leaves the journal whole and the disk a last bit of room. After trouble it is tried
 * again without waiting for a submission, at most once in the time that feeders were told to wait, so that health turns
 * green by itself. */
void door_look_for_room(struct door *d, struct ingestor_now now)
{
    struct err_text e;
    if (!d->io->room || now.mono_us < d->room_due_us || numbers_count(&d->changed))
        return;
    d->room_due_us = now.mono_us + ROOM_INTERVAL_US;
    bool troubled = d->trouble[0], probe = troubled && now.mono_us >= d->trouble_until_us;
    if (d->io->room(d->io->ctx, probe, &e)) {
        if (!troubled || probe)
            log_error("journal.no_room", "why=\"%s\"", e.text);
        door_not_committed(d, e.text, now);
    } else if (probe) {
        log_info("journal.writable", "after=\"%s\"", d->trouble);
        door_committed(d);
    }
}
