#include "services/parbus/supervisor/ask.h"
#include "service/service.h"
#include "services/parbus/ask/ask.h"
#include "services/parbus/ask/await.h"
#include <string.h>

enum { PATIENCE_US = 5000000, ASK_AGAIN_MS = 50 };

struct exchange {
    const char *directory;
    const Parbus__ToSupervisor *question;
    Parbus__FromSupervisor *answer;
};

static bool runs(const char *directory) { return service_locked(directory, "supervisor", NULL); }
static bool lives(void *exchange) { return runs(((const struct exchange *)exchange)->directory); }

static void put_question(void *exchange, struct buffer *out)
{
    const struct exchange *x = exchange;
    parbus__to_supervisor__pack(x->question, buffer_grow(out, parbus__to_supervisor__get_packed_size(x->question)));
}

static enum ask_verdict take_answer(void *exchange, const void *data, size_t bytes)
{
    struct exchange *x = exchange;
    x->answer = parbus__from_supervisor__unpack(NULL, bytes, data);
    return ASK_DONE;
}

/* On failure there may be an answer all the same: it is the caller's to give back. */
static enum err run_exchange(struct exchange *x, struct err_text *e)
{
    const struct ask ask = {.directory = x->directory,
                            .to = "supervisor",
                            .patience_us = PATIENCE_US,
                            .ctx = x,
                            .question = put_question,
                            .answer = take_answer,
                            .lives = lives};
    enum err err = ask_run(&ask, e);
    if (err == ERR_NOT_FOUND)
        return err_set(e, err, "the supervisor of %s ended before it answered", x->directory);
    if (err == ERR_TIMEOUT || (!err && !(x->answer && x->answer->body_case)))
        return err_set(e, ERR_TIMEOUT, "the supervisor of %s does not answer", x->directory);
    return err;
}

static void give_back(Parbus__FromSupervisor **answer)
{
    if (*answer)
        parbus__from_supervisor__free_unpacked(*answer, NULL);
    *answer = NULL;
}

enum err supervisor_ask(const char *directory, const Parbus__ToSupervisor *question, Parbus__FromSupervisor **answer,
                        struct err_text *e)
{
    struct exchange x = {directory, question, NULL};
    *answer = NULL;
    if (!runs(directory))
        return err_set(e, ERR_NOT_FOUND, "nothing runs in %s (start it with: parbus up --dir %s)", directory,
                       directory);
    enum err err = run_exchange(&x, e);
    *answer = x.answer;
    ASSERT(err || *answer);
    if (!err && (*answer)->body_case == PARBUS__FROM_SUPERVISOR__BODY_REFUSED) {
        const char *why = (*answer)->refused->why;
        err = err_set(e, ERR_INVALID, "%s", why ? why : "refused without a reason");
    }
    if (err)
        give_back(answer);
    return err;
}

enum err supervisor_show(const char *directory, Parbus__FromSupervisor **answer, struct err_text *e)
{
    Parbus__ShowProcesses show = PARBUS__SHOW_PROCESSES__INIT;
    Parbus__ToSupervisor question = PARBUS__TO_SUPERVISOR__INIT;
    question.body_case = PARBUS__TO_SUPERVISOR__BODY_SHOW;
    question.show = &show;
    return supervisor_ask(directory, &question, answer, e);
}

/* "scorer-1 waiting, scorer-2 starting" */
static void list_not_running(const Parbus__Processes *processes, char *out, size_t bytes)
{
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < processes->n_process && used < bytes; i++) {
        const Parbus__ProcessStatus *p = processes->process[i];
        if (strcmp(p->state, "running") != 0)
            used += (size_t)snprintf(out + used, bytes - used, "%s%s %s", used ? ", " : "", p->instance, p->state);
    }
}

struct readiness {
    const char *directory;
    enum err err;
    struct err_text *e;
    char late[200];
};

/* Whether there is nothing to wait for any more: everything runs, or nobody says whether it does. */
static bool is_ready(void *readiness)
{
    struct readiness *r = readiness;
    Parbus__FromSupervisor *answer;
    r->err = supervisor_show(r->directory, &answer, r->e);
    if (r->err)
        return true;
    ASSERT(answer);
    bool ready = answer->processes->ready;
    list_not_running(answer->processes, r->late, sizeof r->late);
    give_back(&answer);
    return ready;
}

enum err supervisor_wait_ready(const char *directory, int timeout_ms, struct err_text *e)
{
    struct readiness r = {.directory = directory, .e = e};
    if (await(is_ready, &r, ASK_AGAIN_MS, timeout_ms))
        return r.err;
    return err_set(e, ERR_TIMEOUT, "not everything runs after %d s (%s); see the files in %s/log", timeout_ms / 1000,
                   r.late, directory);
}

static void print_age(FILE *out, uint64_t ms)
{
    uint64_t s = ms / 1000;
    if (s < 60)
        fprintf(out, "%llu s", (unsigned long long)s);
    else if (s < 3600)
        fprintf(out, "%llu min", (unsigned long long)(s / 60));
    else
        fprintf(out, "%llu h %llu min", (unsigned long long)(s / 3600), (unsigned long long)(s / 60 % 60));
}

void processes_print(FILE *out, const Parbus__Processes *processes)
{
    fprintf(out, "%-14s %8s  %-9s %8s  %s\n", "PROCESS", "PID", "STATE", "RESTARTS", "ALIVE");
    for (size_t i = 0; i < processes->n_process; i++) {
        const Parbus__ProcessStatus *p = processes->process[i];
        fprintf(out, "%-14s %8u  %-9s %8u  ", p->instance, p->pid, p->state, p->restarts);
        print_age(out, p->alive_ms);
        fputc('\n', out);
    }
}
