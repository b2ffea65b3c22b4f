/* Somebody who says that he is another one, and asks for what is not his. */
#include "tests/sim/draft.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include "wire/wire.h"
#include <stdlib.h>

struct stranger {
    int64_t act_us;
    uint64_t seq;
};

static void start(struct sim *s, struct actor *n)
{
    struct stranger *p = calloc(1, sizeof *p);
    ASSERT(p);
    p->act_us = s->now_us + rng_between(&s->rng, 0, 200 * SIM_MS);
    n->process = p;
}

static void stop(struct sim *s, struct actor *n)
{
    (void)s;
    free(n->process);
    n->process = NULL;
}

static void say(struct sim *s, struct actor *n, uint32_t kind, const ProtobufCMessage *m)
{
    if (actor_lives(s, n))
        role_send(s, n, actor_of(s, &role_ingestor, NULL)->number, TO_DOOR, kind, m);
}

static void say_hello(struct sim *s, struct actor *n)
{
    Parbus__Hello m = PARBUS__HELLO__INIT;
    struct actor *as = NULL;
    for (uint32_t i = rng_below(&s->rng, 4); i > 0; i--)
        as = actor_of(s, &role_feeder, as);
    m.has_protocol_version = m.has_epoch = m.has_line = m.has_take_over = 1;
    m.protocol_version = WIRE_PROTOCOL_VERSION;
    m.feeder = as ? as->feeder : "";
    m.epoch = 1 + rng_below(&s->rng, 3);
    m.line = 1;
    m.take_over = rng_below(&s->rng, 2);
    census_add(s, rights_claims, as != NULL);
    say(s, n, PARBUS__TO_INGESTOR__BODY_HELLO, &m.base);
}

static void submit(struct sim *s, struct actor *n)
{
    struct stranger *p = n->process;
    struct draft draft;
    draft_make(&draft, &s->rng, n->name, s->step, SIM_WALL_MS + s->now_us / SIM_MS, false);
    draft.submission.has_seq = 1;
    draft.submission.seq = ++p->seq % 6;
    if (draft.submission.seq)
        say(s, n, PARBUS__TO_INGESTOR__BODY_SUBMISSION, &draft.submission.base);
}

static void ask(struct sim *s, struct actor *n)
{
    Parbus__Status status = PARBUS__STATUS__INIT;
    Parbus__Stats stats = PARBUS__STATS__INIT;
    Parbus__Bye bye = PARBUS__BYE__INIT;
    status.has_from_seq = status.has_to_seq = 1;
    status.from_seq = 1;
    status.to_seq = 10;
    uint32_t what = rng_below(&s->rng, 3);
    if (what == 0)
        say(s, n, PARBUS__TO_INGESTOR__BODY_STATUS, &status.base);
    else if (what == 1)
        say(s, n, PARBUS__TO_INGESTOR__BODY_STATS, &stats.base);
    else
        say(s, n, PARBUS__TO_INGESTOR__BODY_BYE, &bye.base);
}

/* May he change who may do what, he may do anything. */
static void grab(struct sim *s, struct actor *n)
{
    Parbus__GrantMade grant = PARBUS__GRANT_MADE__INIT;
    Parbus__AccessChange change = PARBUS__ACCESS_CHANGE__INIT;
    Parbus__ChangeAccess m = PARBUS__CHANGE_ACCESS__INIT;
    grant.name = n->name;
    grant.has_verb = 1;
    grant.verb = PARBUS__VERB__VERB_SUBMIT;
    change.change_case = PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE;
    change.grant_made = &grant;
    m.has_request = 1;
    m.change = &change;
    say(s, n, PARBUS__TO_INGESTOR__BODY_CHANGE_ACCESS, &m.base);
}

static int64_t turn(struct sim *s, struct actor *n)
{
    static void (*const acts[])(struct sim *, struct actor *) = {say_hello, submit, submit, ask, grab};
    struct stranger *p = n->process;
    struct wire_message opened;
    for (struct message *m; (m = actor_take(n));) {
        role_open(s, n, m, &wire_to_feeder, &opened);
        network_release(&s->network, m);
    }
    if (s->calm || s->now_us < p->act_us)
        return s->calm ? INT64_MAX : p->act_us;
    acts[rng_below(&s->rng, sizeof acts / sizeof *acts)](s, n);
    p->act_us = s->now_us + rng_between(&s->rng, SIM_MS, 150 * SIM_MS);
    return p->act_us;
}

const struct role role_stranger = {"stranger", start, stop, turn, false};
