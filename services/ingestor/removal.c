#include "services/ingestor/removal.h"
#include "wire/wire.h"
#include <stdio.h>

static void answer(struct door *d, uint64_t peer, uint64_t request, char *why)
{
    Parbus__FeederRemoved m = PARBUS__FEEDER_REMOVED__INIT;
    m.has_request = 1;
    m.request = request;
    m.why = why;
    wire_utf8_mend(why);
    door_send(d, peer, PARBUS__TO_FEEDER__BODY_FEEDER_REMOVED, &m.base);
}

/* Who has said Bye is not there any more, however lately that was. */
static bool is_at_work(const struct door *d, const struct feeder *f, struct moment now)
{
    return f->peer && !f->free && f->heard_us && now.mono_us - f->heard_us < d->settings->feeder_lease_ms * 1000;
}

/* Its name says whom to stop; what it has under way would enter the journal again. */
static void say_at_work(const struct feeder *f, struct moment now, char *why, size_t bytes)
{
    snprintf(why, bytes, "%s is at work: it was heard %lld s ago. Stop it first", f->mark.name,
             (long long)(now.mono_us - f->heard_us) / 1000000);
}

void removal_take(struct door *d, uint64_t peer, const Parbus__RemoveFeeder *ask, struct moment now)
{
    char why[256] = "";
    uint32_t number = feeders_named(&d->feeders, ask->feeder);
    struct feeder *f = feeders_at(&d->feeders, number);
    if (!f || !feeder_kept(f)) {
        snprintf(why, sizeof why, "the journal has no feeder \"%.80s\" (parbus feeders list)", ask->feeder);
    } else if (!f->removed && is_at_work(d, f, now)) {
        say_at_work(f, now, why, sizeof why);
    } else if (!f->removed) {
        f->mark.removed = f->mark.free = true;
        door_enter_group(d, f, number, now);
        return;
    }
    answer(d, peer, ask->request, why);
}
