#include "audit/audit.h"
#include <stdio.h>
#include <string.h>

enum { MINUTE_US = 60000000 };

void audit_init(struct audit *a, audit_write_fn *write, void *ctx)
{
    memset(a, 0, sizeof *a);
    a->write = write;
    a->ctx = ctx;
    a->due_us = INT64_MAX;
}

static const char *or_nothing(const char *text) { return text ? text : ""; }

/* Cut off as the places cut it. */
static bool alike(const char *kept, size_t room, const char *text)
{
    return strncmp(kept, or_nothing(text), room - 1) == 0;
}

static bool is_of(const struct audit_place *p, const struct audit_event *e)
{
    return p->kind == e->kind && alike(p->reason, sizeof p->reason, e->reason) &&
           alike(p->address, sizeof p->address, e->address) && alike(p->name, sizeof p->name, e->name);
}

static void copy(char *to, size_t room, const char *text) { snprintf(to, room, "%s", or_nothing(text)); }

static void take(struct audit_place *p, const struct audit_event *e)
{
    *p = (struct audit_place){.kind = e->kind};
    copy(p->reason, sizeof p->reason, e->reason);
    copy(p->name, sizeof p->name, e->name);
    copy(p->who, sizeof p->who, e->who);
    copy(p->address, sizeof p->address, e->address);
    copy(p->detail, sizeof p->detail, e->detail);
}

/* NULL: all are taken. */
static struct audit_place *place_of(struct audit *a, const struct audit_event *e)
{
    struct audit_place *vacant = NULL;
    for (int i = 0; i < AUDIT_PLACES; i++) {
        struct audit_place *p = &a->place[i];
        if (is_of(p, e))
            return p;
        if (!vacant && p->kind == AUDIT_NONE)
            vacant = p;
    }
    if (vacant)
        take(vacant, e);
    return vacant;
}

static struct audit_place *rest_of(struct audit *a, enum audit_kind kind)
{
    struct audit_place *p = &a->rest[kind];
    if (p->kind == AUDIT_NONE)
        take(p, &(struct audit_event){.kind = kind, .reason = "others", .detail = "of others, too many to name them"});
    return p;
}

static void write_line(struct audit *a, struct audit_place *p, int64_t mono_us)
{
    const struct audit_line line = {.event = {p->kind, p->reason, p->name, p->who, p->address, p->detail},
                                    .times = p->again,
                                    .since_ms = p->again > 1 ? p->since_ms : 0};
    p->again = 0;
    p->told_us = mono_us;
    if (mono_us + MINUTE_US < a->due_us)
        a->due_us = mono_us + MINUTE_US;
    a->write(a->ctx, &line);
}

void audit_note(struct audit *a, const struct audit_event *e, uint64_t times, struct moment now)
{
    struct audit_place *p = place_of(a, e);
    if (!p)
        p = rest_of(a, e->kind);
    if (!p->again)
        p->since_ms = now.wall_ms;
    p->again += times;
    if (!p->told_us)
        write_line(a, p, now.mono_us);
}

/* A place at which nothing came for a minute is free again. Returns when it is due next. */
static int64_t tick_place(struct audit *a, struct audit_place *p, int64_t mono_us)
{
    if (p->kind == AUDIT_NONE)
        return INT64_MAX;
    if (mono_us < p->told_us + MINUTE_US)
        return p->told_us + MINUTE_US;
    if (!p->again) {
        p->kind = AUDIT_NONE;
        return INT64_MAX;
    }
    write_line(a, p, mono_us);
    return p->told_us + MINUTE_US;
}

int64_t audit_tick(struct audit *a, struct moment now)
{
    int64_t next_us = INT64_MAX;
    if (now.mono_us < a->due_us)
        return a->due_us;
    for (int i = 0; i < AUDIT_PLACES + AUDIT_KINDS; i++) {
        struct audit_place *p = i < AUDIT_PLACES ? &a->place[i] : &a->rest[i - AUDIT_PLACES];
        int64_t due_us = tick_place(a, p, now.mono_us);
        next_us = due_us < next_us ? due_us : next_us;
    }
    a->due_us = next_us;
    return next_us;
}

void audit_end(struct audit *a)
{
    for (int i = 0; i < AUDIT_PLACES + AUDIT_KINDS; i++) {
        struct audit_place *p = i < AUDIT_PLACES ? &a->place[i] : &a->rest[i - AUDIT_PLACES];
        if (p->kind != AUDIT_NONE && p->again)
            write_line(a, p, p->told_us);
    }
}
