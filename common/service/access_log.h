/* DIR/log/access.log: who came in, who was refused, what was cut off (audit/audit.h), a line of JSON each. Several
 * processes write it, each line with one write. When it has ACCESS_LOG_BYTES_MAX it becomes access.log.1, and the one
 * before that is gone. It holds names, public keys and addresses; never a secret. One thread. */
#pragma once
#include "audit/audit.h"
#include "base/err.h"

struct access_log;

enum { ACCESS_LOG_BYTES_MAX = 16 << 20 };

/* ERR_IO: no such file can be had. bytes_max: 0: ACCESS_LOG_BYTES_MAX. service: the writer's name, copied. */
enum err access_log_open(struct access_log **l, const char *directory, const char *service, uint64_t bytes_max,
                         struct err_text *e);
/* With what is still to be said. */
void access_log_close(struct access_log **l);

/* What cannot be written is told the log now and then, and is lost: no message waits for it. */
void access_log_note(struct access_log *l, const struct audit_event *event, uint64_t times, struct moment now);
/* Returns when to call again at the latest. */
int64_t access_log_tick(struct access_log *l, struct moment now);
/* An audit_fn: notes it once, as of now. */
void access_log_hears(void *access_log, const struct audit_event *event);
/* Connections that accept4 closed at once: `count` so far. */
void access_log_over_limit(struct access_log *l, uint64_t count, struct moment now);
