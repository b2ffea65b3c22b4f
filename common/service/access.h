/* Who may do what in a pipeline's directory. It is its owner's alone: mode 0700, and whoever else wants something there
 * is told whose it is. */
#pragma once
#include "base/err.h"

/* ERR_IO: this user may not work in `directory`, or in one above it; the text says whose it is and what its mode is.
 * OK also when it is not there, or is no directory: that is for those to say who need it. `absolute` path. */
enum err service_may_work_in(const char *directory, struct err_text *e);

/* Makes an existing directory 0700 when it holds nothing but what is ours. ERR_INVALID: others may write into it, and
 * it is somebody else's, or holds other things that may have to stay open to them. ERR_IO. */
enum err service_close_to_others(const char *directory, struct err_text *e);
