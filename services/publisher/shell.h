/* The publisher's sources, a table for the reactor, and the state that it reads, around its core. */
#pragma once
#include "base/err.h"
#include "service/service.h"

enum { PUBLISHER_ENDPOINTS_MAX = 8 };

struct publisher_arguments { /* further endpoints, the first NULL ends the list */
    const char *feed[PUBLISHER_ENDPOINTS_MAX + 1];
    const char *snapshots[PUBLISHER_ENDPOINTS_MAX + 1];
    const char *insecure; /* not NULL: without keys, on addresses of this host */
};

/* Runs until a stop signal; OK then. */
enum err publisher_run(struct service *service, const struct publisher_arguments *arguments, struct err_text *e);
