#include "tests/sim/sim.h"
#include <inttypes.h>
#include <stdio.h>

static void print(const struct trace_event *e)
{
    char text[256];
    snprintf(text, sizeof text, e->format, e->number[0], e->number[1], e->number[2], e->number[3]);
    fprintf(stderr, "%8" PRIu64 " %10.3f ms  %-12s %s\n", e->step, (double)e->at_us / SIM_MS, e->who, text);
}

void trace_note(struct sim *s, const char *who, const char *format, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    struct trace_event *e = &s->trace.event[s->trace.count++ % TRACE_EVENTS];
    *e =
        (struct trace_event){.at_us = s->now_us, .step = s->step, .who = who, .format = format, .number = {a, b, c, d}};
    if (s->options.verbose)
        print(e);
}

void trace_print(const struct trace *t)
{
    uint64_t first = t->count > TRACE_EVENTS ? t->count - TRACE_EVENTS : 0;
    for (uint64_t i = first; i < t->count; i++)
        print(&t->event[i % TRACE_EVENTS]);
}
