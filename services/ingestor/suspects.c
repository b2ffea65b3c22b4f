#include "services/ingestor/suspects.h"
#include "base/bytes.h"
#include <stdio.h>
#include <string.h>

static bool condemned(const struct coordinator *c, const struct suspect *s)
{
    return s->tries >= (uint32_t)c->settings->record_tries_max;
}

static void drop(struct coordinator *c, const struct suspect *s)
{
    c->suspect[s - c->suspect] = c->suspect[--c->suspect_count];
}

void suspects_forget_applied(struct coordinator *c)
{
    for (size_t i = c->suspect_count; i-- > 0;)
        if (c->suspect[i].pseq <= c->partition[c->suspect[i].partition].applied)
            drop(c, &c->suspect[i]);
}

bool suspects_hold(const struct coordinator *c, uint32_t partition)
{
    for (size_t i = 0; i < c->suspect_count; i++)
        if (c->suspect[i].partition == partition && condemned(c, &c->suspect[i]))
            return true;
    return false;
}

static bool can_be_set_aside(const struct coordinator *c, const struct suspect *s)
{
    return condemned(c, s) && !s->control_seq && c->partition[s->partition].state == OWNERSHIP_OWNED;
}

struct suspect *suspects_condemned(struct coordinator *c)
{
    suspects_forget_applied(c);
    for (size_t i = 0; i < c->suspect_count; i++)
        if (can_be_set_aside(c, &c->suspect[i]))
            return &c->suspect[i];
    return NULL;
}

void suspects_set_aside(struct coordinator *c)
{
    for (size_t i = c->suspect_count; i-- > 0;) {
        const struct suspect *s = &c->suspect[i];
        if (!s->control_seq || s->control_seq > c->controls)
            continue;
        metric_add(c->metrics, records_set_aside, 1);
        tell(c->io, TELL_ERROR, "record.set_aside", "partition=%u pseq=%llu tries=%u instance=%s", s->partition,
             (unsigned long long)s->pseq, s->tries, s->instance);
        drop(c, s);
    }
}

/* What could not be set aside, or need not be, is nobody to suspect. */
static bool worth_noting(const struct coordinator *c, uint32_t partition, uint64_t pseq)
{
    return partition < c->partitions && pseq > c->partition[partition].applied &&
           pseq <= c->partition[partition].last && !catalog_set_aside(c->door->catalog, partition, pseq);
}

/* The table is full: the least suspected gives way. NULL: all are condemned. */
static struct suspect *vacate(struct coordinator *c)
{
    struct suspect *least = &c->suspect[0];
    for (size_t i = 1; i < c->suspect_count; i++)
        if (c->suspect[i].tries < least->tries)
            least = &c->suspect[i];
    return condemned(c, least) ? NULL : least;
}

static struct suspect *find_or_add(struct coordinator *c, uint32_t partition, uint64_t pseq)
{
    for (size_t i = 0; i < c->suspect_count; i++)
        if (c->suspect[i].partition == partition && c->suspect[i].pseq == pseq)
            return &c->suspect[i];
    struct suspect *s = c->suspect_count < SUSPECTS_MAX ? &c->suspect[c->suspect_count++] : vacate(c);
    if (s)
        *s = (struct suspect){.partition = partition, .pseq = pseq};
    return s;
}

static bool has_reported(const struct suspect *s, uint64_t reporter)
{
    for (uint32_t i = 0; i < s->tries && i < REPORTERS_MAX; i++)
        if (s->reporter[i] == reporter)
            return true;
    return false;
}

bool suspects_report(struct coordinator *c, const Parbus__WorkerHello *hello)
{
    const Parbus__Unfinished *at = hello->unfinished;
    if (!at || !worth_noting(c, at->partition, at->pseq))
        return false;
    bool held = suspects_hold(c, at->partition);
    struct suspect *s = find_or_add(c, at->partition, at->pseq);
    uint64_t reporter = hello->incarnation ^ hash_bytes(hello->instance, strlen(hello->instance));
    if (!s || has_reported(s, reporter))
        return false;
    s->reporter[s->tries++ % REPORTERS_MAX] = reporter;
    snprintf(s->instance, sizeof s->instance, "%s", hello->instance);
    tell(c->io, TELL_WARN, "record.suspected", "partition=%u pseq=%llu tries=%u most=%lld instance=%s", s->partition,
         (unsigned long long)s->pseq, s->tries, (long long)c->settings->record_tries_max, s->instance);
    return !held && condemned(c, s);
}
