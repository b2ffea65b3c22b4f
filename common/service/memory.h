/* What a flood took is given back when it is over: the C library keeps what was freed for as long as it likes. */
#pragma once
#include <stdint.h>

/* Once per turn; floods: counts what was turned away. Looks once a second at most. One thread. */
void memory_give_back(uint64_t floods, int64_t now_us);
