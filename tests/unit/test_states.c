/* The state machines: each has exactly the edges that are written down here once more, and whatever is no edge,
 * or breaks what always holds, ends the process (death.c). */
#include "base/err.h"
#include "machines.h"
#include <criterion/criterion.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* State by state: what may follow. */
static const struct {
    const char *machine, *edges[STATES_MAX];
} diagrams[] = {
    {"feeder", {"greeting: welcomed failed", "welcomed: greeting failed", "failed:"}},
    {"feed table", {"nothing: resume snapshot", "resume: nothing snapshot", "snapshot: nothing"}},
    {"partition", {"unowned: assigning", "assigning: unowned owned", "owned: unowned releasing", "releasing: unowned"}},
    {"worker",
     {"vacant: joining", "joining: live leaving dead", "live: leaving dead", "leaving: left", "dead: joining",
      "left: joining"}},
    {"standstill", {"moves: stands", "stands: moves"}},
    {"partition that is followed", {"current: behind", "behind: current"}},
    {"snapshot", {"sending: stalled", "stalled: sending"}},
    {"topic", {"quiet: pending", "pending: quiet"}},
    {"membership", {"stranger: member", "member: stranger"}},
    {"duty", {"on: leaving over", "leaving: over", "over:"}},
    {"process",
     {"waiting: starting", "starting: waiting running stopping held", "running: waiting stopping held",
      "stopping: waiting", "held: waiting"}},
    {"append", {"free: under way lost", "under way: free refused lost", "refused: under way lost", "lost:"}},
    {"partition of a scorer", {"wanted: claiming", "claiming: wanted owned", "owned: releasing", "releasing:"}},
    {"errand", {"none: given", "given: done", "done: none"}},
    {"load", {"connecting: sending", "sending: awaiting", "awaiting:"}},
    {"push",
     {"connecting: checking sending", "checking: sending done", "sending: receipts", "receipts: sending scores done",
      "scores: verdict", "verdict: sending done", "done:"}},
};

static void write_row(const struct state_machine *m, unsigned from, char *row, size_t bytes)
{
    size_t n = (size_t)snprintf(row, bytes, "%s:", state_name(m, from));
    for (unsigned to = 0; to < STATES_MAX; to++)
        if (state_may(m, from, to))
            n += (size_t)snprintf(row + n, bytes - n, " %s", state_name(m, to));
}

static void expect_diagram(const struct state_machine *m, const char *const *edges)
{
    for (unsigned from = 0; from < m->state_count; from++) {
        char row[256];
        write_row(m, from, row, sizeof row);
        cr_expect_str_eq(row, edges[from] ? edges[from] : "", "%s", m->name);
    }
}

Test(states, every_machine_is_its_diagram)
{
    cr_assert_eq(machine_count, sizeof diagrams / sizeof *diagrams);
    for (size_t i = 0; i < machine_count; i++) {
        cr_assert_str_eq(machines[i]->name, diagrams[i].machine);
        expect_diagram(machines[i], diagrams[i].edges);
    }
}

static unsigned reached(const struct state_machine *m)
{
    unsigned states = 1, before;
    do {
        before = states;
        for (unsigned from = 0; from < m->state_count; from++)
            for (unsigned to = 0; states >> from & 1 && to < m->state_count; to++)
                states |= (unsigned)state_may(m, from, to) << to;
    } while (states != before);
    return states;
}

Test(states, every_state_is_reached_from_the_first_and_every_edge_has_a_reason)
{
    for (size_t i = 0; i < machine_count; i++) {
        const struct state_machine *m = machines[i];
        cr_expect_eq(reached(m), (1u << m->state_count) - 1, "%s", m->name);
        cr_expect_eq((size_t)__builtin_popcountll(m->edges), m->edge_count, "%s has an edge twice", m->name);
        for (size_t e = 0; e < m->edge_count; e++) {
            cr_expect_neq(m->edge[e].from, m->edge[e].to, "%s", m->name);
            cr_expect_gt(strlen(m->edge[e].why), 3, "%s", m->name);
        }
    }
}

/* ---- what ends a process ---- */

struct ending {
    int status;
    char said[4096];
};

static void run(struct ending *end, char *const argv[], int fd)
{
    int pipes[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    cr_assert_eq(pipe(pipes), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], fd);
    posix_spawn_file_actions_addclose(&actions, pipes[0]);
    cr_assert_eq(posix_spawn(&pid, DEATH, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    size_t n = 0;
    for (ssize_t got; (got = read(pipes[0], end->said + n, sizeof end->said - 1 - n)) > 0;)
        n += (size_t)got;
    end->said[n] = 0;
    close(pipes[0]);
    cr_assert_eq(waitpid(pid, &end->status, 0), pid);
}

static bool aborted(const struct ending *end) { return WIFSIGNALED(end->status) && WTERMSIG(end->status) == SIGABRT; }

static void expect_step(size_t machine, unsigned from, unsigned to)
{
    const struct state_machine *m = machines[machine];
    struct ending end;
    char text[3][24], what[200];
    snprintf(text[0], sizeof text[0], "%zu", machine);
    snprintf(text[1], sizeof text[1], "%u", from);
    snprintf(text[2], sizeof text[2], "%u", to);
    run(&end, (char *[]){"death", "step", text[0], text[1], text[2], NULL}, STDERR_FILENO);
    if (state_may(m, from, to)) {
        cr_expect(WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0, "%s: %s to %s: %s", m->name,
                  state_name(m, from), state_name(m, to), end.said);
        return;
    }
    snprintf(what, sizeof what, "%s: %s after %s is no edge", m->name, state_name(m, to), state_name(m, from));
    cr_expect(aborted(&end) && strstr(end.said, what), "%s: status %d, %s", what, end.status, end.said);
}

Test(states, a_step_that_is_no_edge_ends_the_process_and_names_both_states, .timeout = 100)
{
    for (size_t i = 0; i < machine_count; i++)
        for (unsigned from = 0; from < machines[i]->state_count; from++)
            for (unsigned to = 0; to < machines[i]->state_count; to++)
                expect_step(i, from, to);
}

Test(states, a_core_that_finds_itself_spoilt_ends_the_process, .timeout = 100)
{
    struct ending list, end;
    run(&end, (char *[]){"death", "sound", NULL}, STDERR_FILENO);
    cr_assert(WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0, "%s", end.said);
    run(&list, (char *[]){"death", NULL}, STDOUT_FILENO);
    cr_assert(WIFEXITED(list.status) && strlen(list.said));
    char *rest = list.said;
    for (char *name; (name = strtok_r(rest, "\n", &rest));) {
        run(&end, (char *[]){"death", name, NULL}, STDERR_FILENO);
        cr_expect(aborted(&end) && strncmp(end.said, "spoilt\n", 7) == 0 && strstr(end.said, "id=assert"),
                  "%s: status %d, %s", name, end.status, end.said);
    }
}
