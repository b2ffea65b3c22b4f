#include "poison_world.h"

uint32_t of;

void poison_world_start(void)
{
    ingestor_world_start();
    one_of_each();
    hello(1);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        submit(seq);
        tick(2);
    }
    size_t count;
    of = last_work(&count)->partition;
}

uint64_t counted(enum metric m) { return ingestor_metrics(t.core)->value[m]; }

void back(uint64_t peer, Parbus__Role role, const char *instance, uint64_t incarnation, uint32_t partition,
          uint64_t pseq)
{
    Parbus__Unfinished unfinished = PARBUS__UNFINISHED__INIT;
    unfinished.has_partition = unfinished.has_pseq = 1;
    unfinished.partition = partition;
    unfinished.pseq = pseq;
    Parbus__WorkerHello m = PARBUS__WORKER_HELLO__INIT;
    m.has_protocol_version = m.has_role = m.has_incarnation = 1;
    m.protocol_version = 1;
    m.role = role;
    m.instance = (char *)instance;
    m.endpoint = role == PARBUS__ROLE__ROLE_SCORER ? "ipc://somewhere" : NULL;
    m.incarnation = incarnation;
    m.unfinished = &unfinished;
    m.has_control_seq = 1;
    m.control_seq = t.control_count;
    FROM_WORKER(peer, HELLO, m);
}

void scorer_back(uint64_t incarnation, uint64_t pseq)
{
    back(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", incarnation, of, pseq);
}

void validator_back(uint64_t incarnation, uint64_t pseq)
{
    back(VALIDATOR_A, PARBUS__ROLE__ROLE_VALIDATOR, "validator-1", incarnation, of, pseq);
}

void answer_and_take(uint64_t applied)
{
    for (int i = 0; i < 4; i++) {
        tick(1);
        answer_questions(applied);
    }
    tick(1);
}

const Parbus__SetAside *set_aside(size_t control)
{
    static Parbus__Control *kept;
    if (kept)
        parbus__control__free_unpacked(kept, NULL);
    kept = parbus__control__unpack(NULL, t.control[control].size, t.control[control].data);
    cr_assert(kept && kept->body_case == PARBUS__CONTROL__BODY_SET_ASIDE);
    return kept->set_aside;
}

const Parbus__Work *work_of(uint32_t partition, uint64_t first_pseq)
{
    const Parbus__Work *last = NULL;
    for (size_t i = 0; i < t.worker_count; i++)
        if (t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_WORK &&
            ((const Parbus__Work *)t.to_worker[i].message)->partition == partition &&
            (!first_pseq || ((const Parbus__Work *)t.to_worker[i].message)->first_pseq == first_pseq))
            last = (const Parbus__Work *)t.to_worker[i].message;
    return last;
}

void kill_scorer_at(uint64_t pseq, uint64_t times)
{
    static uint64_t incarnation = 100;
    for (uint64_t i = 0; i < times; i++) {
        scorer_back(++incarnation, pseq);
        answer_and_take(0);
    }
}
