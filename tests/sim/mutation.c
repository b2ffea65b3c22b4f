#include "tests/sim/mutation.h"
#include "base/buffer.h"
#include "journal.pb-c.h"
#include <string.h>

const struct mutation_row mutation_table[MUTATION_COUNT] = {
#define X(code, name, law, text) [MUTATION_##code] = {name, law, text},
    MUTATION_TABLE(X)
#undef X
};

bool mutation_of(const char *name, enum mutation *out)
{
    for (int i = 0; i < MUTATION_COUNT; i++)
        if (!strcmp(mutation_table[i].name, name)) {
            *out = (enum mutation)i;
            return true;
        }
    return false;
}

static void pack_again(struct buffer *control, const Parbus__Control *c)
{
    buffer_clear(control);
    protobuf_c_message_pack(&c->base, buffer_grow(control, protobuf_c_message_get_packed_size(&c->base)));
}

void mutation_ends_grant(struct buffer *control)
{
    Parbus__Control *c = parbus__control__unpack(NULL, control->size, control->data);
    if (c && c->body_case == PARBUS__CONTROL__BODY_ACCESS &&
        c->access->change_case == PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE) {
        c->access->grant_made->has_until_ms = 1;
        c->access->grant_made->until_ms = 1;
        pack_again(control, c);
    }
    parbus__control__free_unpacked(c, NULL);
}

bool mutation_forgets(struct buffer *control)
{
    Parbus__Control *c = parbus__control__unpack(NULL, control->size, control->data);
    bool forgets = c && c->body_case == PARBUS__CONTROL__BODY_SET_ASIDE;
    if (forgets) {
        c->set_aside->pseq += UINT32_MAX;
        pack_again(control, c);
    }
    parbus__control__free_unpacked(c, NULL);
    return forgets;
}
