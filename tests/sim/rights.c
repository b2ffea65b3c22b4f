#include "tests/sim/rights.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_UID = 1000 };

void rights_key(const struct actor *n, uint32_t made, uint8_t key[static 32])
{
    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)(i * 37 + n->number * 11 + (int)made * 101);
    key[0] = (uint8_t)n->number;
    key[1] = (uint8_t)made;
    key[2] = (uint8_t)(made >> 8);
}

uint32_t rights_uid(const struct actor *n) { return FIRST_UID + (uint32_t)n->number; }

const char *rights_principal(const struct sim *s, uint32_t principal) { return s->rights.principal[principal]; }

uint32_t rights_number(struct sim *s, const char *principal)
{
    struct sim_rights *r = &s->rights;
    for (uint32_t i = 0; i < r->principals; i++)
        if (!strcmp(r->principal[i], principal))
            return i;
    ASSERT(r->principals < PRINCIPALS_MAX);
    snprintf(r->principal[r->principals], PRINCIPAL_TEXT_BYTES, "%s", principal);
    return r->principals++;
}

static uint32_t of_key(struct sim *s, const struct actor *n, uint32_t made)
{
    char text[PRINCIPAL_TEXT_BYTES] = "key:";
    uint8_t key[32];
    rights_key(n, made, key);
    for (size_t i = 0; i < sizeof key; i++)
        snprintf(text + 4 + 2 * i, 3, "%02x", key[i]);
    return rights_number(s, text);
}

static uint32_t of_user(struct sim *s, const struct actor *n)
{
    char text[PRINCIPAL_TEXT_BYTES];
    snprintf(text, sizeof text, "user:%u", rights_uid(n));
    return rights_number(s, text);
}

/* A new key is not taken along at once, unless a person has looked after it. */
void rights_connect(struct sim *s, struct actor *n)
{
    struct proof *p = &n->proof;
    n->connection++;
    if (p->kind == PROOF_OWNER)
        return;
    if (s->calm || rng_below(&s->rights.rng, 4))
        p->used = p->made;
    p->principal = p->kind == PROOF_KEY ? of_key(s, n, p->used) : of_user(s, n);
}

bool rights_out(const struct sim *s, const struct actor *n)
{
    return s->calm && n->proof.kind != PROOF_OWNER && n->proof.out;
}

static void draw_proofs(struct sim *s)
{
    struct rng *rng = &s->rights.rng;
    for (struct actor *n = NULL; (n = actor_of(s, &role_feeder, n));) {
        uint32_t kind = rng_below(rng, 5);
        n->proof.kind = kind == 0 ? PROOF_OWNER : kind < 3 ? PROOF_KEY : PROOF_USER;
        n->proof.out = rng_below(rng, 5) == 0;
    }
}

void rights_draw(struct sim *s)
{
    struct sim_rights *r = &s->rights;
    r->rng.state = s->options.seed * 0xd1342543de82ef95ull + 8;
    rights_number(s, "owner");
    r->used = rng_below(&r->rng, 3) != 0;
    r->gate = rng_below(&r->rng, 2);
    if (!r->used)
        return;
    draw_proofs(s);
    actor_add(s, &role_officer);
    struct actor *stranger = actor_add(s, &role_stranger);
    stranger->proof.kind = rng_below(&r->rng, 2) ? PROOF_KEY : PROOF_USER;
}

void rights_free(struct sim_rights *r)
{
    for (size_t i = 0; i < r->pending_count; i++)
        free(r->pending[i].body);
    free(r->pending);
    free(r->taken);
    free(r->refused);
}
