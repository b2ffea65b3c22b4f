#include "base/clock.h"
#include "service/bookmark_file.h"
#include "service/shell.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUT, IN };

static struct service service = {.instance = "scorer-7"};
static struct shell {
    struct worker_shell common;
    int heard, ticks;
    uint64_t term;
    enum err over;
} shell;
static struct metrics metrics;
static struct err_text e;

static const struct reactor_source sources[] = {
    [OUT] = {.name = "work", .type = ZMQ_PUSH, .mode = LINK_CONNECT, .options.hwm = 10},
    [IN] = {.name = "work", .type = ZMQ_PULL, .mode = LINK_BIND, .options.hwm = 10, .channel = &wire_to_worker},
};

static void message(void *ctx, unsigned source, struct peer peer, const struct wire_message *m, struct moment now)
{
    struct shell *s = ctx;
    (void)peer, (void)now;
    cr_assert_eq(source, IN);
    cr_assert_eq(m->kind, PARBUS__TO_WORKER__BODY_WELCOME);
    s->term = ((const Parbus__WorkerWelcome *)m->message)->term;
    s->heard++;
}

static int64_t tick(void *ctx, struct moment now)
{
    struct shell *s = ctx;
    struct err_text why = {"it must"};
    (void)now;
    s->ticks++;
    worker_shell_tick(&s->common, &metrics, s->over, &why);
    return INT64_MAX;
}

static void setup(void)
{
    char path[sizeof service.directory + 8];
    struct reactor_hooks hooks = {.message = message, .tick = tick};
    settings_defaults(&service.settings);
    strcpy(service.directory, "/tmp/parbus-shell-XXXXXX");
    cr_assert(mkdtemp(service.directory));
    snprintf(path, sizeof path, "%s/run", service.directory);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(worker_shell_open(&shell, &service, sources, 2, &hooks, &e), OK, "%s", e.text);
}

static void teardown(void)
{
    char path[sizeof service.directory + 32];
    worker_shell_close(&shell);
    for (const char *const *name = (const char *const[]){"run/scorer-7.bookmark", "run/work", "run", "", NULL}; *name;
         name++) {
        snprintf(path, sizeof path, "%s/%s", service.directory, *name);
        remove(path);
    }
}

TestSuite(worker_shell, .init = setup, .fini = teardown, .timeout = 60);

Test(worker_shell, what_its_core_sends_is_packed_and_arrives)
{
    Parbus__WorkerWelcome welcome = PARBUS__WORKER_WELCOME__INIT;
    welcome.has_term = 1;
    welcome.term = 12;
    wire_send_fn *send = worker_shell_send;
    cr_assert_eq(send(&shell, OUT, 1, PARBUS__TO_WORKER__BODY_WELCOME, &welcome.base), OK);
    while (!shell.heard)
        cr_assert(reactor_step(shell.common.reactor, INT64_MAX));
    cr_assert_eq(shell.term, 12);
}

Test(worker_shell, it_ends_when_its_core_is_over_and_says_why)
{
    shell.over = ERR_INVALID;
    cr_assert_eq(reactor_run(shell.common.reactor, &e), ERR_INVALID);
    cr_assert_str_eq(e.text, "it must");
}

Test(worker_shell, who_has_left_ends_well)
{
    shell.over = ERR_STOPPED;
    cr_assert_eq(reactor_run(shell.common.reactor, &e), OK);
    cr_assert_eq(shell.ticks, 1);
}

Test(worker_shell, a_worker_says_who_it_is_and_what_the_one_before_it_ended_at)
{
    struct worker_config first = {0}, second = {0};
    cr_assert_eq(worker_shell_identify(&shell.common, &first, &e), OK, "%s", e.text);
    cr_assert_eq(worker_shell_bookmark(&shell.common, &first, &e), OK, "%s", e.text);
    cr_assert_str_eq(first.instance, "scorer-7");
    cr_assert_eq(first.pid, (uint32_t)getpid());
    cr_assert_eq(first.heartbeat_us, 250000);
    cr_assert_eq(first.unfinished.pseq, 0);
    bookmark_set(first.bookmark, 3, 41);
    bookmark_close(&shell.common.bookmark);
    cr_assert_eq(worker_shell_identify(&shell.common, &second, &e), OK, "%s", e.text);
    cr_assert_eq(worker_shell_bookmark(&shell.common, &second, &e), OK, "%s", e.text);
    cr_assert_neq(second.incarnation, first.incarnation);
    cr_assert_eq(second.unfinished.partition, 3);
    cr_assert_eq(second.unfinished.pseq, 41);
}
