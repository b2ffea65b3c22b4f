#include "auth/access.h"
#include "base/bytes.h"
#include "gate/internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum gate_reason gate_judge_key(const struct gate *g, const uint8_t key[static LINK_KEY_BYTES], int64_t wall_ms)
{
    const struct access *access = g->access ? g->access(g->access_ctx) : NULL;
    if (access && access_of_key(access, key, wall_ms) != ACCESS_NOBODY)
        return GATE_IN;
    bool trial = g->trying && memcmp(key, g->trial, sizeof g->trial) == 0;
    if (access && !trial && g->strangers && g->strangers(access, wall_ms))
        return GATE_IN;
    bool guest = access && !trial && g->invites && access_invites(access, wall_ms) && !access_had_key(access, key);
    return guest ? GATE_GUEST : GATE_UNKNOWN_KEY;
}

/* ---- guests ---- */

static bool has_room(const struct rate *r, int64_t now_minutes_us, int64_t most)
{
    return !rate_wait_us(r, now_minutes_us, most);
}

enum gate_reason gate_take_guest(struct gate *g, const char *address, struct moment now)
{
    struct rate *of = &g->guests_of[hash_bytes(address, strlen(address)) % GUEST_ADDRESSES];
    int64_t now_minutes_us = now.mono_us / 60;
    if (!has_room(&g->guests, now_minutes_us, GUESTS_PER_MINUTE) || !has_room(of, now_minutes_us, GUESTS_OF_PER_MINUTE))
        return GATE_TOO_MANY_GUESTS;
    rate_take(&g->guests, now_minutes_us, GUESTS_PER_MINUTE, 1);
    rate_take(of, now_minutes_us, GUESTS_OF_PER_MINUTE, 1);
    if (g->o.metrics)
        metric_add(g->o.metrics, connections_guests, 1);
    return GATE_IN;
}

/* ---- principals ---- */

void gate_principal_of_key(char out[static GATE_PRINCIPAL_BYTES], const uint8_t key[static LINK_KEY_BYTES])
{
    int used = snprintf(out, GATE_PRINCIPAL_BYTES, "key:");
    for (int i = 0; i < LINK_KEY_BYTES; i++)
        used += snprintf(out + used, (size_t)(GATE_PRINCIPAL_BYTES - used), "%02x", key[i]);
}

bool gate_key_of_principal(const char *principal, uint8_t key[static LINK_KEY_BYTES])
{
    if (strncmp(principal, "key:", 4) != 0 || strlen(principal) != 4 + 2 * LINK_KEY_BYTES)
        return false;
    const char *digits = principal + 4;
    if (strspn(digits, "0123456789abcdef") != 2 * LINK_KEY_BYTES)
        return false;
    for (int i = 0; i < LINK_KEY_BYTES; i++) {
        const char pair[3] = {digits[2 * i], digits[2 * i + 1]};
        key[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}
