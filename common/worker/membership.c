#include "worker/membership.h"
#include "base/err.h"

STATE_MACHINE(membership_machine, "membership", MEMBERSHIP_EDGES, "stranger", "member");

enum { HELLO_AGAIN_US = 1000000, HELLO_LEAST_US = 100000 };

void membership_init(struct membership *m, int64_t now_us, int64_t heartbeat_us)
{
    ASSERT(heartbeat_us > 0);
    *m = (struct membership){.heartbeat_us = heartbeat_us, .next_hello_us = now_us, .next_heartbeat_us = now_us};
}

enum membership_action membership_tick(struct membership *m, int64_t now_us)
{
    if (m->state == MEMBERSHIP_STRANGER && now_us >= m->next_hello_us) {
        m->next_hello_us = now_us + HELLO_AGAIN_US;
        return MEMBERSHIP_HELLO;
    }
    if (m->state == MEMBERSHIP_MEMBER && now_us >= m->next_heartbeat_us) {
        m->next_heartbeat_us = now_us + m->heartbeat_us;
        return MEMBERSHIP_HEARTBEAT;
    }
    return MEMBERSHIP_NOTHING;
}

int64_t membership_deadline_us(const struct membership *m)
{
    return m->state == MEMBERSHIP_MEMBER ? m->next_heartbeat_us : m->next_hello_us;
}

bool membership_welcome(struct membership *m, uint64_t term, int64_t now_us)
{
    bool changed = term != m->term;
    m->term = term;
    if (m->state == MEMBERSHIP_STRANGER) {
        m->next_heartbeat_us = now_us;
        STATE_ENTER(&membership_machine, m->state, MEMBERSHIP_MEMBER);
    }
    return changed;
}

void membership_hurry(struct membership *m, int64_t now_us) { m->next_heartbeat_us = now_us; }

void membership_unknown(struct membership *m, int64_t now_us)
{
    /* next_hello_us is always one HELLO_AGAIN_US after the last hello, which may be long ago. */
    int64_t earliest_us = m->next_hello_us - HELLO_AGAIN_US + HELLO_LEAST_US;
    if (m->state == MEMBERSHIP_STRANGER)
        return;
    m->next_hello_us = earliest_us > now_us ? earliest_us : now_us;
    STATE_ENTER(&membership_machine, m->state, MEMBERSHIP_STRANGER);
}
