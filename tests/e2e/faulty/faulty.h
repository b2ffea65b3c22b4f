/* Workers with a fault that real ones do not have: built like the real ones, with one function wrapped by the linker. A
 * value tells what happens when it is looked at. */
#pragma once
#include <stdlib.h>
#include <unistd.h>

static inline void look_at(double value, double ends, double hangs)
{
    if (value == ends)
        abort();
    while (value == hangs)
        pause();
}
