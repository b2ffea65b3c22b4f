#include "services/scorer/internal.h"
#include "wire/wire.h"

void note_writing(struct scorer *s, const struct err_text *e)
{
    s->trouble = e ? *e : (struct err_text){""};
    wire_utf8_mend(s->trouble.text);
    s->worker.trouble = *s->trouble.text ? s->trouble.text : *s->damage.text ? s->damage.text : NULL;
}

void note_damage(struct scorer *s, uint32_t partition, const struct err_text *e)
{
    if (!e && (!*s->damage.text || s->damaged != partition))
        return;
    s->damaged = partition;
    s->damage = e ? *e : (struct err_text){""};
    wire_utf8_mend(s->damage.text);
    struct err_text trouble = s->trouble;
    note_writing(s, &trouble);
}
