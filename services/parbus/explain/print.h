/* An explanation for people and for programs, on standard output. */
#pragma once
#include "services/parbus/explain/explain.h"

void explain_print_table(const struct explanation *x);
void explain_print_json(const struct explanation *x);
