#include "services/ingestor/damage.h"
#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_US = 1000000 };

bool damage_holds(const struct coordinator *c, uint32_t p, int64_t now_us)
{
    const struct partition *part = &c->partition[p];
    return part->damage && now_us < part->damage_until_us;
}

static void found(struct coordinator *c, uint32_t p, const char *text, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    bool news = !part->damage || strcmp(part->damage, text) != 0;
    part->damage_next = part->sent + 1;
    part->damage_until_us = now_us + LOOK_AGAIN_US;
    if (!news)
        return;
    free(part->damage);
    part->damage = strdup(text);
    ASSERT(part->damage);
    tell(c->io, TELL_ERROR, "partition.damaged", "partition=%u next=%llu why=\"%s\"", p,
         (unsigned long long)part->sent + 1, text);
}

static void gone(struct coordinator *c, uint32_t p, const char *id)
{
    struct partition *part = &c->partition[p];
    if (!part->damage)
        return;
    tell(c->io, TELL_INFO, id, "partition=%u sent=%llu", p, (unsigned long long)part->sent);
    free(part->damage);
    part->damage = NULL;
}

void damage_look(struct coordinator *c, uint32_t p)
{
    if (c->partition[p].applied >= c->partition[p].damage_next)
        gone(c, p, "partition.past_damage");
}

void damage_note(struct coordinator *c, uint32_t p, enum err err, const struct err_text *e, int64_t now_us)
{
    if (!err)
        gone(c, p, "partition.readable_again");
    if (err != ERR_CORRUPT)
        return;
    struct err_text mended = *e; /* it goes into a message, and a path may be of any bytes */
    wire_utf8_mend(mended.text);
    found(c, p, mended.text, now_us);
}
