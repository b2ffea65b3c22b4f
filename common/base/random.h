/* Numbers that no other process has drawn. Cores never call this: their shells pass them in. */
#pragma once
#include "base/err.h"
#include <stdint.h>

/* Any number but 0. ERR_IO. */
enum err random_number(uint64_t *number, struct err_text *e);
