#include "faulty.h"
#include "services/scorer/units.h"

bool __real_unit_apply(struct cached_unit *u, int stage, uint32_t leaf, const struct unit_row *row);
bool __wrap_unit_apply(struct cached_unit *u, int stage, uint32_t leaf, const struct unit_row *row);

bool __wrap_unit_apply(struct cached_unit *u, int stage, uint32_t leaf, const struct unit_row *row)
{
    look_at(row->value, 0.25, 0.125);
    return __real_unit_apply(u, stage, leaf, row);
}

bool __real_unit_score(struct cached_unit *u, int64_t *scratch);
bool __wrap_unit_score(struct cached_unit *u, int64_t *scratch);

/* Scores are made when all entries of a turn are applied: by then it is at none of them. */
bool __wrap_unit_score(struct cached_unit *u, int64_t *scratch)
{
    for (int stage = 1; stage < STAGES; stage++)
        for (size_t leaf = 0; u->cells[stage] && leaf < u->definition->leaf_count; leaf++)
            look_at(u->cells[stage][leaf].value, 0.375, -1);
    return __real_unit_score(u, scratch);
}
