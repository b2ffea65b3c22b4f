/* The last events of a run, put into words only when somebody reads them. */
#pragma once
#include <stdint.h>

struct sim;

enum { TRACE_EVENTS = 48, TRACE_NUMBERS = 4 };

struct trace {
    struct trace_event {
        int64_t at_us;
        uint64_t step;
        const char *who, *format; /* both live as long as the run; format takes at most four %lu */
        uint64_t number[TRACE_NUMBERS];
    } event[TRACE_EVENTS];
    uint64_t count;
};

void trace_note(struct sim *s, const char *who, const char *format, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
void trace_print(const struct trace *t);
