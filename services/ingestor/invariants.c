#include "services/ingestor/invariants.h"
#include "base/err.h"

static void assert_in_flight(const struct partition *part)
{
    ASSERT(part->flight_count <= FLIGHTS_MAX);
    ASSERT((part->flight_count == 0) == (part->flight_bytes == 0));
    if (part->flight_count == 0)
        return;
    uint32_t last = (part->flight_head + part->flight_count - 1) % FLIGHTS_MAX;
    ASSERT(part->flight[part->flight_head].last_pseq > part->applied);
    ASSERT(part->flight[last].last_pseq <= part->sent);
    ASSERT(part->state == OWNERSHIP_OWNED || part->state == OWNERSHIP_RELEASING);
    ASSERT(part->validator != WORKER_NONE);
    ASSERT(part->agenda_place);
}

void coordinator_assert_partition(const struct coordinator *c, uint32_t p)
{
    const struct partition *part = &c->partition[p];
    ASSERT(part->applied <= part->sent && part->sent <= part->last);
    ASSERT((part->scorer == WORKER_NONE) == (part->state == OWNERSHIP_UNOWNED));
    ASSERT(part->scorer < c->worker_count && part->validator < c->worker_count);
    ASSERT(part->state == OWNERSHIP_UNOWNED || part->owner_epoch >> 32 == c->term);
    assert_in_flight(part);
}

/* What is in flight belongs to partitions on the agenda: applied < sent <= last. */
static void assert_sums(const struct coordinator *c)
{
    size_t bytes[WORKERS_MAX] = {0};
    uint64_t behind = 0;
    for (uint32_t i = 0; i < c->agenda_count; i++) {
        const struct partition *part = &c->partition[c->agenda[i]];
        behind += part->last - part->applied;
        if (part->scorer != WORKER_NONE)
            bytes[part->scorer] += part->flight_bytes;
    }
    for (int w = 0; w < c->worker_count; w++)
        ASSERT(c->worker[w].flight_bytes == bytes[w]);
    ASSERT(c->agenda_count < c->partitions ? behind <= c->behind : behind == c->behind);
}

void coordinator_assert(const struct coordinator *c)
{
    ASSERT(c->worker_count <= WORKERS_MAX && c->suspect_count <= SUSPECTS_MAX && c->agenda_count <= c->partitions);
    for (uint32_t i = 0; i < c->agenda_count; i++) {
        const struct partition *part = &c->partition[c->agenda[i]];
        ASSERT(part->agenda_place == i + 1);
        coordinator_assert_partition(c, c->agenda[i]);
        ASSERT(part->scorer == WORKER_NONE || worker_alive(&c->worker[part->scorer]));
        ASSERT(part->validator == WORKER_NONE || worker_alive(&c->worker[part->validator]));
    }
    assert_sums(c);
}
