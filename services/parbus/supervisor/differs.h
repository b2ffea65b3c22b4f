/* What `parbus up` asks for while something runs already, and is not so. */
#pragma once
#include "services/parbus/supervisor/shell.h"
#include <stdbool.h>

struct supervisor_asked {
    int scorers, validators; /* -1: not asked for */
    const struct supervisor_passed *passed;
    size_t passed_count;
};

/* Whether anything that was asked for is not so; text: each such thing, and how to have it. */
bool supervisor_differs(const Parbus__Processes *runs, const struct supervisor_asked *asked, char *text, size_t bytes);
