#include "base/random.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum err random_number(uint64_t *number, struct err_text *e)
{
    do
        if (getrandom(number, sizeof *number, 0) != sizeof *number)
            return err_set(e, ERR_IO, "draw a random number: %s", strerror(errno));
    while (!*number);
    return OK;
}
