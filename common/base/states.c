#include "base/states.h"
#include "base/err.h"
#include <stdio.h>

const char *state_name(const struct state_machine *m, unsigned state)
{
    return state < m->state_count ? m->state[state] : "?";
}

void state_failed(const struct state_machine *m, unsigned from, unsigned to, const char *file, int line)
{
    char what[160];
    snprintf(what, sizeof what, "%s: %s after %s is no edge", m->name, state_name(m, to), state_name(m, from));
    assert_failed(what, file, line);
}
