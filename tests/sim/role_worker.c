#include "tests/sim/role_worker.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"

enum err worker_say(struct sim *s, struct actor *n, uint32_t kind, const ProtobufCMessage *message)
{
    if (!actor_lives(s, n))
        return ERR_BUSY;
    census_add(s, controls_asked, kind == PARBUS__TO_COORDINATOR__BODY_CONTROLS_WANTED);
    if (kind == PARBUS__TO_COORDINATOR__BODY_CONTROLS_WANTED && s->options.mutation == MUTATION_CONTROL_MISSED)
        return OK;
    return role_send(s, n, actor_of(s, &role_ingestor, NULL)->number, TO_COORDINATOR, kind, message);
}

void worker_tell(void *ctx, enum tell_level level, const char *id, const char *text)
{
    (void)text;
    struct worker_process *p = ctx;
    p->actor->troubles += level >= TELL_WARN;
    trace_note(p->sim, p->actor->name, id, 0, 0, 0, 0);
}

struct worker_config worker_config_of(struct sim *s, struct actor *n, Parbus__Role role, struct catalog *catalog)
{
    n->bookmark = (struct bookmark){0};
    return (struct worker_config){.bookmark = &n->bookmark,
                                  .unfinished = n->died_at,
                                  .role = role,
                                  .instance = n->name,
                                  .endpoint = role == PARBUS__ROLE__ROLE_SCORER ? n->name : NULL,
                                  .pid = (uint32_t)n->number + 1,
                                  .incarnation = rng_next(&s->rng),
                                  .catalog = catalog,
                                  .heartbeat_us = s->settings.heartbeat_interval_ms * SIM_MS};
}
