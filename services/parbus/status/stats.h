/* What the ingestor, as coordinator, tells operators (rule D13). */
#pragma once
#include "base/err.h"
#include "door.pb-c.h"

struct stats;
/* ERR_TIMEOUT: the ingestor does not answer. */
enum err stats_ask(const char *directory, struct stats **out, struct err_text *e);
const Parbus__StatsReply *stats_reply(const struct stats *s);
void stats_free(struct stats **s);
