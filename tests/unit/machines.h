/* Every state machine there is: for test_states.c and the program that breaks them (death.c). */
#pragma once
#include "base/states.h"

extern const struct state_machine *const machines[];
extern const size_t machine_count;
