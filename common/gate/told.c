#include "gate/internal.h"
#include <stdio.h>
#include <string.h>

/* One address fills no log: a line at once, then one each ten seconds at most. */
enum { QUIET_US = 10000000 };

static const struct {
    const char *word, *words;
    enum metric metric;
} reasons[GATE_REASONS] = {
    [GATE_UNKNOWN_KEY] = {"unknown_key", "the key is not known, or not any more", METRIC_connections_unknown_key},
    [GATE_GUEST] = {"guest", "let in", METRIC_connections_guests}, /* never refused */
    [GATE_TOO_MANY_GUESTS] = {"too_many_guests", "too many keys that nobody knows, which may have come to join",
                              METRIC_connections_guests_over_limit},
    [GATE_FOREIGN_USER] = {"foreign_user", "another user's process at a socket of the owner",
                           METRIC_connections_foreign_user},
    [GATE_MISSHAPEN] = {"misshapen", "not a request that the gate knows", METRIC_connections_misshapen},
};

static void note(const struct gate *g, const struct audit_event *event)
{
    if (g->o.audit)
        g->o.audit(g->o.audit_ctx, event);
}

void gate_cut(struct gate *g, const uint8_t key[static LINK_KEY_BYTES], const char *address, bool guest)
{
    char principal[GATE_PRINCIPAL_BYTES];
    if (g->o.metrics) {
        metric_add(g->o.metrics, connections_cut, !guest);
        metric_add(g->o.metrics, guests_cut, guest);
    }
    gate_principal_of_key(principal, key);
    note(g, &(struct audit_event){.kind = AUDIT_CUT,
                                  .reason = guest ? "guest" : "key_ended",
                                  .who = principal,
                                  .address = address,
                                  .detail = guest ? "nobody knows its key, and it has brought no invitation in time"
                                                  : "its key was revoked, or has expired"});
}

/* Of the same address and reason; else the one that was told of longest ago. */
static struct refused *place_for(struct gate *g, enum gate_reason reason, const char *address)
{
    struct refused *oldest = &g->refused[0];
    for (int i = 0; i < ADDRESSES_MAX; i++) {
        struct refused *r = &g->refused[i];
        if (r->count && r->reason == reason && strcmp(r->address, address) == 0)
            return r;
        if (r->told_us < oldest->told_us)
            oldest = r;
    }
    *oldest = (struct refused){.reason = reason};
    snprintf(oldest->address, sizeof oldest->address, "%s", address);
    return oldest;
}

void gate_refused(struct gate *g, enum gate_reason reason, const char *principal, const char *address,
                  struct moment now)
{
    note(g, &(struct audit_event){.kind = AUDIT_SHUT_OUT,
                                  .reason = reasons[reason].word,
                                  .who = principal,
                                  .address = address,
                                  .detail = reasons[reason].words});
    struct refused *r = place_for(g, reason, address);
    if (g->o.metrics)
        g->o.metrics->value[reasons[reason].metric]++;
    r->count++;
    if (!g->o.tell || (r->told && now.mono_us < r->told_us + QUIET_US))
        return;
    tell(&g->o, TELL_WARN, "gate.refused", "address=%s times=%llu why=\"%s\"", r->address,
         (unsigned long long)(r->count - r->told), reasons[reason].words);
    r->told = r->count;
    r->told_us = now.mono_us;
}
