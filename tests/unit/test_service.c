#include "service/service.h"
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], inside[96];
static struct service service;

static void setup(void)
{
    strcpy(directory, "/tmp/parbus-service-XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(inside, sizeof inside, "%s/a/b", directory);
    service = (struct service){.stop_fd = -1, .lock_fd = -1};
}

static void teardown(void)
{
    static const char *const leftovers[] = {
        "a/b/run/scorer-1.lock", "a/b/run/scorer-2.lock", "a/b/run", "a/b/parbus.conf", "a/b", "a", ""};
    char path[128];
    service_stop(&service);
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, leftovers[i]);
        remove(path);
    }
}

TestSuite(service, .init = setup, .fini = teardown, .timeout = 60);

static int start(struct service *s, char **argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    return service_start(s, argc, argv, "parbus-scorer", "scores", "scorer-1");
}
#define START(s, ...) start(s, (char *[]){"parbus-scorer", __VA_ARGS__, NULL})

static void write_conf(const char *text)
{
    char path[128], absolute[4096];
    cr_assert_eq(service_directory(inside, absolute, NULL), OK);
    snprintf(path, sizeof path, "%s/parbus.conf", inside);
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

Test(service, makes_its_directory_for_the_owner_alone)
{
    char run[128];
    struct stat st;
    cr_assert_eq(START(&service, "--dir", inside), -1);
    snprintf(run, sizeof run, "%s/run", inside);
    cr_assert_eq(stat(run, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
    cr_assert_str_eq(service.directory, inside);
    cr_assert_str_eq(service.instance, "scorer-1");
}

Test(service, closes_a_run_directory_that_was_open_to_others)
{
    char run[128], absolute[4096];
    struct stat st;
    cr_assert_eq(service_directory(inside, absolute, NULL), OK);
    snprintf(run, sizeof run, "%s/run", inside);
    cr_assert_eq(chmod(run, 0755), 0);
    cr_assert_eq(service_directory(inside, absolute, NULL), OK);
    cr_assert_eq(stat(run, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
}

Test(service, runs_once_per_instance, .init = setup)
{
    struct service second;
    cr_redirect_stderr();
    cr_assert_eq(START(&service, "--dir", inside), -1);
    cr_assert_eq(START(&second, "--dir", inside), 1);
    cr_assert_eq(START(&second, "--dir", inside, "--instance", "scorer-2"), -1);
    service_stop(&second);
    service_stop(&service);
    cr_assert_eq(START(&service, "--dir", inside), -1);
}

Test(service, a_lock_names_its_holder)
{
    char absolute[4096];
    int mine, theirs;
    pid_t holder = 0;
    struct err_text e;
    cr_assert_eq(service_directory(inside, absolute, &e), OK);
    cr_assert_eq(service_lock(absolute, "scorer-1", &mine, NULL, &e), OK);
    cr_assert_eq(service_lock(absolute, "scorer-1", &theirs, &holder, &e), ERR_BUSY);
    cr_assert_eq(holder, getpid());
    cr_assert_eq(theirs, -1);
    cr_assert(strstr(e.text, "scorer-1 already runs in "), "%s", e.text);
    holder = 0;
    cr_assert(service_locked(absolute, "scorer-1", &holder));
    cr_assert_eq(holder, getpid());
    close(mine);
    cr_assert_not(service_locked(absolute, "scorer-1", &holder));
    cr_assert_not(service_locked(absolute, "scorer-2", &holder));
}

Test(service, the_command_line_goes_before_the_file)
{
    write_conf("resend_after_ms = 77\ncommit_interval_ms = 5\n");
    cr_assert_eq(START(&service, "--dir", inside, "--set", "resend_after_ms=99"), -1);
    cr_assert_eq(service.settings.resend_after_ms, 99);
    cr_assert_eq(service.settings.commit_interval_ms, 5);
    cr_assert_eq(service.settings.partitions, 64);
}

Test(service, a_bad_setting_stops_the_start)
{
    cr_redirect_stderr();
    cr_assert_eq(START(&service, "--dir", inside, "--set", "no_such_thing=1"), 1);
    write_conf("partitions = many\n");
    cr_assert_eq(START(&service, "--dir", inside), 1);
    write_conf("worker_lease_ms = 400\n");
    cr_assert_eq(START(&service, "--dir", inside), 1, "shorter than two heartbeats");
}

Test(service, wrong_usage_is_status_2)
{
    cr_redirect_stderr();
    cr_assert_eq(start(&service, (char *[]){"parbus-scorer", NULL}), 2);
    cr_assert_eq(START(&service, "--dir", inside, "--bogus"), 2);
    cr_assert_eq(START(&service, "--dir", inside, "surplus"), 2);
    cr_assert_eq(START(&service, "--dir", inside, "--instance", "../x"), 2);
    cr_assert_eq(START(&service, "--dir", inside, "--instance", ""), 2);
}

Test(service, help_and_version_are_status_0)
{
    cr_redirect_stdout();
    cr_assert_eq(START(&service, "--help"), 0);
    cr_assert_eq(START(&service, "--version"), 0);
    char text[16384];
    fflush(stdout);
    FILE *out = cr_get_redirected_stdout();
    size_t n = fread(text, 1, sizeof text - 1, out);
    text[n] = 0;
    cr_assert(strstr(text, "parbus-scorer: scores") && strstr(text, "worker_lease_ms") && strstr(text, PARBUS_VERSION));
}

Test(service, options_of_its_own_are_collected)
{
    const char *catalog[1] = {NULL}, *door[3] = {NULL};
    const struct service_option own[] = {
        {"catalog", "DIR", "definitions", catalog, 1}, {"door", "ENDPOINT", "", door, 3}, {0}};
    char *argv[] = {"i", "--door", "tcp://a:1", "--catalog", "c", "--dir", inside, "--door=tcp://b:2", NULL};
    cr_assert_eq(service_start_with(&service, 8, argv, "parbus-ingestor", "", "ingestor-1", own), -1);
    cr_assert_str_eq(catalog[0], "c");
    cr_assert_str_eq(door[0], "tcp://a:1");
    cr_assert_str_eq(door[1], "tcp://b:2");
    cr_assert_null(door[2]);
    struct service second;
    cr_redirect_stderr();
    cr_assert_eq(service_start_with(&second, 8, argv, "parbus-ingestor", "", "scorer-2", own), 2, "given twice");
}

Test(service, a_stop_signal_is_read_not_died_of)
{
    cr_assert_eq(START(&service, "--dir", inside), -1);
    struct pollfd p = {.fd = service.stop_fd, .events = POLLIN};
    cr_assert_eq(poll(&p, 1, 0), 0);
    raise(SIGTERM);
    cr_assert_eq(poll(&p, 1, 10000), 1);
}
