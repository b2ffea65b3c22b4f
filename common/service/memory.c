#include "service/memory.h"
#include <malloc.h>

enum { LARGE_BYTES = 256 << 10, LOOK_US = 1000000 };

/* Once set, the threshold does not grow with what is freed, as it would by itself. */
void memory_start(void) { mallopt(M_MMAP_THRESHOLD, LARGE_BYTES); }

void memory_give_back(uint64_t floods, int64_t now_us)
{
    static uint64_t then;
    static int64_t looked_us;
    if (floods == then || now_us - looked_us < LOOK_US)
        return;
    then = floods;
    looked_us = now_us;
    malloc_trim(0);
}
