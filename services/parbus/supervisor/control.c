#include "services/parbus/supervisor/control.h"
#include "base/clock.h"
#include "link/link.h"
#include "service/service.h"
#include <poll.h>
#include <string.h>

enum { ANSWER_MS_MAX = 5000, ASK_AGAIN_MS = 50, LOOK_MS = 50 };

static enum err send_question(void *socket, const Parbus__ToSupervisor *question)
{
    uint8_t packed[256];
    ASSERT(parbus__to_supervisor__get_packed_size(question) <= sizeof packed);
    return link_send(socket, packed, parbus__to_supervisor__pack(question, packed));
}

/* ERR_NOT_FOUND: it died meanwhile. */
static enum err await_message(const char *directory, void *socket, struct link_message *message)
{
    int64_t deadline = clock_mono_us() + ANSWER_MS_MAX * 1000ll;
    enum err err = ERR_BUSY;
    while (err == ERR_BUSY && clock_mono_us() < deadline) {
        bool runs = service_locked(directory, "supervisor", NULL);
        link_poll(&socket, 1, -1, runs ? LOOK_MS * 1000 : 0);
        err = link_receive(socket, ZMQ_DEALER, message);
        if (err == ERR_BUSY && !runs)
            err = ERR_NOT_FOUND;
    }
    return err == ERR_BUSY ? ERR_TIMEOUT : err;
}

static enum err await_answer(const char *directory, void *socket, Parbus__FromSupervisor **answer)
{
    struct link_message message;
    link_message_init(&message);
    enum err err = await_message(directory, socket, &message);
    *answer = err ? NULL : parbus__from_supervisor__unpack(NULL, link_bytes(&message), link_data(&message));
    link_message_close(&message);
    return err || ((*answer) && (*answer)->body_case) ? err : ERR_PEER;
}

static enum err exchange(const char *directory, const Parbus__ToSupervisor *question, Parbus__FromSupervisor **answer,
                         struct err_text *e)
{
    char endpoint[LINK_ENDPOINT_BYTES];
    void *socket = NULL;
    enum err err = link_endpoint(endpoint, directory, "supervisor", e);
    if (!err)
        err = link_open(&socket, ZMQ_DEALER, LINK_CONNECT, endpoint, &(struct link_options){.hwm = 16}, e);
    if (err)
        return err;
    err = send_question(socket, question) == OK ? await_answer(directory, socket, answer) : ERR_TIMEOUT;
    if (err == ERR_NOT_FOUND)
        err_set(e, err, "the supervisor of %s ended before it answered", directory);
    else if (err)
        err = err_set(e, ERR_TIMEOUT, "the supervisor of %s does not answer", directory);
    link_close(&socket);
    return err;
}

static void give_back(Parbus__FromSupervisor **answer)
{
    if (*answer)
        parbus__from_supervisor__free_unpacked(*answer, NULL);
    *answer = NULL;
}

enum err control_ask(const char *directory, const Parbus__ToSupervisor *question, Parbus__FromSupervisor **answer,
                     struct err_text *e)
{
    *answer = NULL;
    if (!service_locked(directory, "supervisor", NULL))
        return err_set(e, ERR_NOT_FOUND, "nothing runs in %s (start it with: parbus up --dir %s)", directory,
                       directory);
    enum err err = exchange(directory, question, answer, e);
    if (!err && (*answer)->body_case == PARBUS__FROM_SUPERVISOR__BODY_REFUSED) {
        const char *why = (*answer)->refused->why;
        err = err_set(e, ERR_INVALID, "%s", why ? why : "refused without a reason");
    }
    if (err)
        give_back(answer);
    return err;
}

enum err control_show(const char *directory, Parbus__FromSupervisor **answer, struct err_text *e)
{
    Parbus__ShowProcesses show = PARBUS__SHOW_PROCESSES__INIT;
    Parbus__ToSupervisor question = PARBUS__TO_SUPERVISOR__INIT;
    question.body_case = PARBUS__TO_SUPERVISOR__BODY_SHOW;
    question.show = &show;
    return control_ask(directory, &question, answer, e);
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

enum err control_wait_ready(const char *directory, int timeout_ms, struct err_text *e)
{
    int64_t deadline = clock_mono_us() + timeout_ms * 1000ll;
    for (;;) {
        Parbus__FromSupervisor *answer;
        enum err err = control_show(directory, &answer, e);
        if (err)
            return err;
        char late[200];
        bool ready = answer->processes->ready;
        list_not_running(answer->processes, late, sizeof late);
        give_back(&answer);
        if (ready)
            return OK;
        if (clock_mono_us() >= deadline)
            return err_set(e, ERR_TIMEOUT, "not everything runs after %d s (%s); see the files in %s/log",
                           timeout_ms / 1000, late, directory);
        poll(NULL, 0, ASK_AGAIN_MS);
    }
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

void control_print(FILE *out, const Parbus__Processes *processes)
{
    fprintf(out, "%-14s %8s  %-9s %8s  %s\n", "PROCESS", "PID", "STATE", "RESTARTS", "ALIVE");
    for (size_t i = 0; i < processes->n_process; i++) {
        const Parbus__ProcessStatus *p = processes->process[i];
        fprintf(out, "%-14s %8u  %-9s %8u  ", p->instance, p->pid, p->state, p->restarts);
        print_age(out, p->alive_ms);
        fputc('\n', out);
    }
}
