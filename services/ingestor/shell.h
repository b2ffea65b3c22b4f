/* The ingestor's sockets, journal and loop around its core. */
#pragma once
#include "base/err.h"
#include "service/service.h"

enum { INGESTOR_DOORS_MAX = 8 };

struct ingestor_arguments {
    const char *catalog;                  /* directory to publish from; NULL: what the journal holds */
    const char *door[INGESTOR_DOORS_MAX]; /* further endpoints of the door; NULL: none */
};

/* Runs until a stop signal; OK then. */
enum err ingestor_run(struct service *service, const struct ingestor_arguments *arguments, struct err_text *e);
