#include "tests/sim/role_worker.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"

static enum err apply(void *ctx, uint64_t seq, const void *packed, size_t bytes, struct err_text *e)
{
    Parbus__Control *control = parbus__control__unpack(NULL, bytes, packed);
    if (!control)
        return err_set(e, ERR_CORRUPT, "control %lu cannot be read", seq);
    enum err code = catalog_apply(ctx, control, e);
    parbus__control__free_unpacked(control, NULL);
    return code;
}

enum err worker_catch_up(struct sim *s, struct actor *n, struct catalog *catalog, uint64_t needed, struct err_text *e)
{
    enum err code = sim_journal_controls(s, n, catalog_control_seq(catalog) + 1, apply, catalog, e);
    if (!code && catalog_control_seq(catalog) < needed)
        code = err_set(e, ERR_NOT_FOUND, "the journal has no control %lu", needed);
    return code;
}

enum err worker_say(struct sim *s, struct actor *n, uint32_t kind, const ProtobufCMessage *message)
{
    if (!actor_lives(s, n))
        return ERR_BUSY;
    return role_send(s, n, actor_of(s, &role_ingestor, NULL)->number, TO_COORDINATOR, kind, message);
}

struct worker_config worker_config_of(struct sim *s, struct actor *n, Parbus__Role role)
{
    n->mark = (struct work_mark){0};
    return (struct worker_config){.mark = &n->mark,
                                  .unfinished = n->died_at,
                                  .role = role,
                                  .instance = n->name,
                                  .endpoint = role == PARBUS__ROLE__ROLE_SCORER ? n->name : NULL,
                                  .pid = (uint32_t)n->number + 1,
                                  .incarnation = rng_next(&s->rng),
                                  .journal_id = s->journal.id,
                                  .heartbeat_us = s->settings.heartbeat_interval_ms * SIM_MS};
}
