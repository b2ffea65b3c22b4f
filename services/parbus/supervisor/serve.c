#include "auth/who.h"
#include "base/log.h"
#include "services/parbus/supervisor/internal.h"
#include <stdio.h>
#include <unistd.h>

typedef void answer_fn(struct shell *s, const Parbus__ToSupervisor *question, Parbus__FromSupervisor *answer);

static void add_options(const struct supervisor_options *o, Parbus__Processes *all)
{
    static char text[SUPERVISOR_PASSED_MAX][SUPERVISOR_OPTION_BYTES], *pointer[SUPERVISOR_PASSED_MAX];
    for (size_t i = 0; i < o->passed_count; i++) {
        const char *value = o->passed[i].value;
        snprintf(text[i], sizeof text[i], "%s%s%s", o->passed[i].option, value ? " " : "", value ? value : "");
        pointer[i] = text[i];
    }
    all->n_option = o->passed_count;
    all->option = pointer;
}

const Parbus__Processes *serve_processes(const struct shell *s, int64_t now_us)
{
    static Parbus__Processes all;
    static Parbus__ProcessStatus status[SUPERVISOR_PROCESSES_MAX], *pointer[SUPERVISOR_PROCESSES_MAX];
    all = (Parbus__Processes)PARBUS__PROCESSES__INIT;
    for (size_t i = 0; i < s->core.count; i++) {
        const struct process *p = &s->core.process[i];
        pointer[i] = &status[i];
        status[i] = (Parbus__ProcessStatus)PARBUS__PROCESS_STATUS__INIT;
        status[i].service = (char *)p->program->service;
        status[i].instance = (char *)p->instance;
        status[i].state = (char *)state_name(&process_machine, p->state);
        status[i].has_pid = status[i].has_restarts = status[i].has_alive_ms = status[i].has_ended = true;
        status[i].pid = (uint32_t)p->pid;
        status[i].restarts = p->restarts;
        status[i].ended = ends_lately(&s->core.ends, p->instance, now_us);
        status[i].alive_ms = p->pid > 0 ? (uint64_t)(now_us - p->started_us) / 1000 : 0;
    }
    all.n_process = s->core.count;
    all.process = pointer;
    add_options(s->options, &all);
    all.has_supervisor_pid = all.has_ready = all.has_stopping = true;
    all.supervisor_pid = (uint32_t)getpid();
    all.ready = probe_ready(s);
    all.stopping = s->core.stopping;
    return &all;
}

static void refuse(Parbus__FromSupervisor *answer, const char *why)
{
    static Parbus__SupervisorRefused refused;
    refused = (Parbus__SupervisorRefused)PARBUS__SUPERVISOR_REFUSED__INIT;
    refused.why = (char *)why;
    answer->body_case = PARBUS__FROM_SUPERVISOR__BODY_REFUSED;
    answer->refused = &refused;
}

static void answer_stop(struct shell *s, const Parbus__ToSupervisor *question, Parbus__FromSupervisor *answer)
{
    (void)question, (void)answer;
    log_info("supervisor.told_to_stop", "by=operator");
    supervisor_stop(&s->core);
}

static void answer_scale(struct shell *s, const Parbus__ToSupervisor *question, Parbus__FromSupervisor *answer)
{
    const Parbus__Scale *scale = question->scale;
    const struct program *program = scale->service ? program_find(scale->service) : NULL;
    if (!program || !program->scalable) {
        refuse(answer, "only scorer and validator can be scaled");
    } else if (scale->count > SUPERVISOR_WORKERS_MAX) {
        refuse(answer, "at most 64 processes of one service");
    } else if (s->core.stopping) {
        refuse(answer, "everything is being stopped");
    } else {
        log_info("supervisor.scaled", "of=%s count=%u", program->service, scale->count);
        supervisor_scale(&s->core, program, scale->count);
        s->all_served = false;
    }
}

static void answer_try_again(struct shell *s, const Parbus__ToSupervisor *question, Parbus__FromSupervisor *answer)
{
    (void)question, (void)answer;
    unsigned count = supervisor_try_again(&s->core);
    if (count)
        log_info("supervisor.tries_again", "held=%u by=operator", count);
}

static void answer_show(struct shell *s, const Parbus__ToSupervisor *question, Parbus__FromSupervisor *answer)
{
    (void)s, (void)question, (void)answer;
}

/* ---- what each question wants (U5) ---- */

#define QUESTIONS(X)                                                                                                   \
    X(SHOW, OPERATE, answer_show)                                                                                      \
    X(STOP, OPERATE, answer_stop)                                                                                      \
    X(SCALE, OPERATE, answer_scale)                                                                                    \
    X(TRY_AGAIN, OPERATE, answer_try_again)

struct row {
    Parbus__Verb verb;
    answer_fn *answer; /* NULL: there is no such question */
};

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"

static struct row row_of(Parbus__ToSupervisor__BodyCase kind)
{
    switch (kind) {
#define X(KIND, VERB, ANSWER)                                                                                          \
    case PARBUS__TO_SUPERVISOR__BODY_##KIND:                                                                           \
        return (struct row){PARBUS__VERB__VERB_##VERB, ANSWER};
        QUESTIONS(X)
#undef X
    case PARBUS__TO_SUPERVISOR__BODY__NOT_SET:
    case _PARBUS__TO_SUPERVISOR__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return (struct row){PARBUS__VERB__VERB_NONE, NULL};
}

#pragma GCC diagnostic pop

/* The supervisor starts before there is a journal, and knows nobody of its table of rights: what is not the owner's is
 * nobody's. */
static bool may(const char *principal, Parbus__Verb verb)
{
    struct access *nobody = access_new();
    const struct who who = who_of(nobody, principal, 0);
    const struct access_question q = {.verb = verb};
    bool allowed = who_may(nobody, &who, &q, 0).allowed;
    access_destroy(&nobody);
    return allowed;
}

void serve_answer(struct shell *s, const char *principal, const Parbus__ToSupervisor *question,
                  Parbus__FromSupervisor *answer)
{
    const struct row row = row_of(question ? question->body_case : PARBUS__TO_SUPERVISOR__BODY__NOT_SET);
    if (!row.answer) {
        refuse(answer, "the question cannot be read");
    } else if (!may(principal, row.verb)) {
        log_warn("supervisor.not_authorised", "principal=%s", principal);
        refuse(answer, "this wants the right: operate. Only the directory's owner has it here");
    } else {
        row.answer(s, question, answer);
    }
}

void serve_question(void *shell, unsigned source, struct link_message *m, struct moment now)
{
    struct shell *s = shell;
    Parbus__FromSupervisor answer = PARBUS__FROM_SUPERVISOR__INIT;
    arena_reset(&s->arena);
    Parbus__ToSupervisor *question = parbus__to_supervisor__unpack(&s->arena.allocator, link_bytes(m), link_data(m));
    serve_answer(s, m->peer.principal, question, &answer);
    if (!answer.body_case) {
        answer.body_case = PARBUS__FROM_SUPERVISOR__BODY_PROCESSES;
        answer.processes = (Parbus__Processes *)serve_processes(s, now.mono_us);
    }
    buffer_clear(&s->out);
    uint8_t *packed = buffer_grow(&s->out, parbus__from_supervisor__get_packed_size(&answer));
    reactor_send_bytes(s->reactor, source, m->peer.id, packed, parbus__from_supervisor__pack(&answer, packed));
}
