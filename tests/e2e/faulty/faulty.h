/* Workers with a fault that real ones do not have: built like the real ones, with one function wrapped by the linker. A
 * value tells what happens when it is looked at. */
#pragma once
#include <signal.h>
#include <unistd.h>

static inline void look_at(double value, double ends, double hangs)
{
    if (value == ends)
        raise(SIGKILL); /* a fault like any other, but one that no sanitizer reports */
    while (value == hangs)
        pause();
}
