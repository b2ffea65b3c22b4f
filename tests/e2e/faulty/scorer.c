#include "faulty.h"
#include "services/scorer/units.h"

bool __real_unit_apply(struct cached_unit *u, int stage, uint32_t leaf, const struct unit_row *row);
bool __wrap_unit_apply(struct cached_unit *u, int stage, uint32_t leaf, const struct unit_row *row);

bool __wrap_unit_apply(struct cached_unit *u, int stage, uint32_t leaf, const struct unit_row *row)
{
    look_at(row->value, 0.25, 0.125);
    return __real_unit_apply(u, stage, leaf, row);
}
