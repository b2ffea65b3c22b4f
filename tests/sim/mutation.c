#include "tests/sim/mutation.h"
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
