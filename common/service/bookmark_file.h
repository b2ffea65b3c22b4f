/* A bookmark (worker/bookmark.h) in a file that outlives the process. */
#pragma once
#include "base/err.h"
#include "worker/bookmark.h"

/* Maps the file `<directory>/run/<instance>.bookmark`, made when it is missing. *before is what it said, then it says
 * none. A file of another size says none. ERR_IO. The file stays: it belongs to the instance, not to the process. A
 * page of a store that cannot be read (store.h) ends the process and blames no entry. One bookmark per process. */
enum err bookmark_open(struct bookmark **bookmark, struct bookmark *before, const char *directory, const char *instance,
                       struct err_text *e);
void bookmark_close(struct bookmark **bookmark);
