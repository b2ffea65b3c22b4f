#include "service/bookmark_file.h"
#include "service/shell.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct service service = {.instance = "scorer-7"};
static struct worker_shell shell;
static void *out, *in;
static struct err_text e;

static void setup(void)
{
    char path[sizeof service.directory + 8], endpoint[LINK_ENDPOINT_BYTES];
    settings_defaults(&service.settings);
    strcpy(service.directory, "/tmp/parbus-shell-XXXXXX");
    cr_assert(mkdtemp(service.directory));
    snprintf(path, sizeof path, "%s/run", service.directory);
    cr_assert_eq(mkdir(path, 0700), 0);
    worker_shell_open(&shell, &service);
    cr_assert_eq(link_endpoint(endpoint, service.directory, "work", &e), OK, "%s", e.text);
    cr_assert_eq(link_open(&in, ZMQ_PULL, LINK_BIND, endpoint, &(struct link_options){.hwm = 10}, &e), OK, "%s",
                 e.text);
    cr_assert_eq(link_open(&out, ZMQ_PUSH, LINK_CONNECT, endpoint, &(struct link_options){.hwm = 10}, &e), OK, "%s",
                 e.text);
}

static void teardown(void)
{
    char path[sizeof service.directory + 32];
    link_close(&out);
    link_close(&in);
    worker_shell_close(&shell);
    for (const char *const *name = (const char *const[]){"run/scorer-7.bookmark", "run/work", "run", "", NULL}; *name;
         name++) {
        snprintf(path, sizeof path, "%s/%s", service.directory, *name);
        remove(path);
    }
}

TestSuite(worker_shell, .init = setup, .fini = teardown, .timeout = 60);

static enum err receive(struct wire_message *m)
{
    enum err err = ERR_BUSY;
    for (int i = 0; i < 100 && err == ERR_BUSY; i++) {
        link_poll(&in, 1, -1, 100000);
        err = worker_shell_receive(&shell, in, ZMQ_PULL, &wire_to_worker, m, &e);
    }
    return err;
}

Test(worker_shell, what_is_sent_arrives_opened)
{
    Parbus__WorkerWelcome welcome = PARBUS__WORKER_WELCOME__INIT;
    struct wire_message m;
    welcome.has_term = 1;
    welcome.term = 12;
    cr_assert_eq(worker_shell_receive(&shell, in, ZMQ_PULL, &wire_to_worker, &m, &e), ERR_BUSY, "nothing there");
    cr_assert_eq(worker_shell_send(&shell, out, PARBUS__TO_WORKER__BODY_WELCOME, &welcome.base), OK);
    cr_assert_eq(worker_shell_send(&shell, out, PARBUS__TO_WORKER__BODY_WELCOME, &welcome.base), OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(receive(&m), OK, "%s", e.text);
        cr_assert_eq(m.kind, PARBUS__TO_WORKER__BODY_WELCOME);
        cr_assert_eq(((const Parbus__WorkerWelcome *)m.message)->term, 12);
    }
}

Test(worker_shell, what_cannot_be_opened_is_an_error_with_a_sentence)
{
    struct wire_message m;
    cr_assert_eq(link_send(out, "rubbish", 7), OK);
    cr_assert_eq(receive(&m), ERR_INVALID);
    cr_assert(e.text[0]);
}

Test(worker_shell, a_worker_says_who_it_is_and_what_the_one_before_it_ended_at)
{
    struct worker_config first = {0}, second = {0};
    cr_assert_eq(worker_shell_identify(&shell, &first, &e), OK, "%s", e.text);
    cr_assert_eq(worker_shell_bookmark(&shell, &first, &e), OK, "%s", e.text);
    cr_assert_str_eq(first.instance, "scorer-7");
    cr_assert_eq(first.pid, (uint32_t)getpid());
    cr_assert_eq(first.heartbeat_us, 250000);
    cr_assert_eq(first.unfinished.pseq, 0);
    bookmark_set(first.bookmark, 3, 41);
    bookmark_close(&shell.bookmark);
    cr_assert_eq(worker_shell_identify(&shell, &second, &e), OK, "%s", e.text);
    cr_assert_eq(worker_shell_bookmark(&shell, &second, &e), OK, "%s", e.text);
    cr_assert_neq(second.incarnation, first.incarnation);
    cr_assert_eq(second.unfinished.partition, 3);
    cr_assert_eq(second.unfinished.pseq, 41);
}
