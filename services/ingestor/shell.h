/* The ingestor's sources around its core. */
#pragma once
#include "base/err.h"
#include "service/service.h"

enum { INGESTOR_DOORS_MAX = 8 };

struct ingestor_arguments {
    const char *catalog;                      /* directory to publish from; NULL: what the journal holds */
    const char *door[INGESTOR_DOORS_MAX + 1]; /* further endpoints of the door; ends with NULL */
    const char *insecure;                     /* not NULL: without keys, on addresses of this host */
};

/* Runs until a stop signal; OK then. ERR_LOST: somebody else is the journal's writer. */
enum err ingestor_run(struct service *service, const struct ingestor_arguments *arguments, struct err_text *e);
