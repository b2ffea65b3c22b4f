/* The journal for a service that only reads it. */
#pragma once
#include "journal/journal.h"
#include "service/service.h"

/* Waits until the ingestor has made one. ERR_STOPPED: a stop signal came before. */
enum err service_journal(const struct service *s, struct journal **j, struct err_text *e);
