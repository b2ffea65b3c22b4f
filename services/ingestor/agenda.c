#include "services/ingestor/agenda.h"
#include "services/ingestor/invariants.h"

void agenda_add(struct coordinator *c, uint32_t p, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    if (agenda_has(part))
        return;
    c->agenda[c->agenda_count++] = p;
    part->agenda_place = c->agenda_count;
    standstill_forgive(&part->standstill, now_us);
}

static void take_off(struct coordinator *c, uint32_t p)
{
    struct partition *part = &c->partition[p];
    uint32_t last = c->agenda[--c->agenda_count];
    c->agenda[part->agenda_place - 1] = last;
    c->partition[last].agenda_place = part->agenda_place;
    part->agenda_place = 0;
}

/* Without a scorer nothing is due but the end of a rest: the next scorer brings all of them here. */
static bool may_be_due(const struct partition *part)
{
    if (part->state == OWNERSHIP_UNOWNED)
        return part->rest_until_us != 0 && part->rest_until_us != INT64_MAX;
    return part->state != OWNERSHIP_OWNED || part->missed || part->applied < part->last;
}

void agenda_tidy(struct coordinator *c)
{
    for (uint32_t i = c->agenda_count; i-- > 0;) {
        uint32_t p = c->agenda[i];
        if (may_be_due(&c->partition[p]))
            continue;
        coordinator_assert_partition(c, p);
        take_off(c, p);
    }
}
