#include "tests/sim/role_worker.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"

enum err worker_catch_up(struct sim *s, struct actor *n, struct catalog *catalog, uint64_t needed, struct err_text *e)
{
    enum err code = sim_journal_controls(s, n, catalog_control_seq(catalog) + 1, catalog_apply_packed, catalog, e);
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
    n->bookmark = (struct bookmark){0};
    return (struct worker_config){.bookmark = &n->bookmark,
                                  .unfinished = n->died_at,
                                  .role = role,
                                  .instance = n->name,
                                  .endpoint = role == PARBUS__ROLE__ROLE_SCORER ? n->name : NULL,
                                  .pid = (uint32_t)n->number + 1,
                                  .incarnation = rng_next(&s->rng),
                                  .journal_id = s->journal.id,
                                  .heartbeat_us = s->settings.heartbeat_interval_ms * SIM_MS};
}
