#include "auth/access.h"
#include "gate/internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum gate_reason gate_judge_key(const struct gate *g, const uint8_t key[static LINK_KEY_BYTES], int64_t wall_ms)
{
    const struct access *access = g->access ? g->access(g->access_ctx) : NULL;
    bool known = access && access_of_key(access, key, wall_ms) != ACCESS_NOBODY;
    bool trial = g->trying && memcmp(key, g->trial, sizeof g->trial) == 0;
    return known || (access && !trial && g->strangers && g->strangers(access, wall_ms)) ? GATE_IN : GATE_UNKNOWN_KEY;
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
