/* DIR/log/access.log, and what stood there before it, read from the oldest line on. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct access_events {
    FILE *file[2];
    int at;
    json_t *line; /* the next one; NULL: there is none */
    int64_t at_ms;
    uint64_t unreadable; /* lines that are none: a full disk, a crash */
};
/* What is not there has no lines. */
void access_events_open(struct access_events *e, const char *directory);
void access_events_next(struct access_events *e);
void access_events_close(struct access_events *e);

/* "" when the line does not say. */
const char *access_event_text(const struct access_events *e, const char *name);
/* "refused: NOT_AUTHORISED, 17 times since …: this wants the right: operate"; always terminated. */
void access_event_words(const struct access_events *e, char *out, size_t bytes);
