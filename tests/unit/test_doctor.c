/* services/parbus/doctor/checks.c: facts in, findings out. */
#include "services/parbus/doctor/doctor.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct doctor_facts f;
static struct doctor_finding found;

/* A host, directory and context with which nothing is wrong. */
static void start(void)
{
    f = (struct doctor_facts){.directory = "/srv/parbus",
                              .there = true,
                              .mode = 0700,
                              .uid = 7,
                              .own_uid = 7,
                              .descriptors = 65536,
                              .connections_max = 4096,
                              .free_bytes = UINT64_C(60) << 30,
                              .all_bytes = UINT64_C(100) << 30,
                              .free_files = 900,
                              .all_files = 1000,
                              .asked = true,
                              .answered = true,
                              .door = "tcp://192.0.2.1:5700",
                              .clock_synchronised = true,
                              .now_ms = 1760000000000,
                              .somaxconn = 4096,
                              .file_max = 1000000};
}
TestSuite(doctor, .init = start);

static enum doctor_verdict judged(const char *check)
{
    for (size_t i = 0; i < doctor_checks; i++) {
        doctor_check(i, &f, &found);
        if (!strcmp(found.check, check))
            return found.verdict;
    }
    cr_assert_fail("there is no check %s", check);
    return DOCTOR_OK;
}

/* Only this one has something to say, and says what to do. */
static void assert_only(const char *check, enum doctor_verdict verdict, const char *what, const char *advice)
{
    for (size_t i = 0; i < doctor_checks; i++) {
        doctor_check(i, &f, &found);
        bool here = !strcmp(found.check, check);
        cr_assert(here || found.verdict == DOCTOR_OK, "%s: %s", found.check, found.what);
    }
    cr_assert_eq(judged(check), verdict, "%s: %s", check, found.what);
    cr_assert(strstr(found.what, what), "%s", found.what);
    cr_assert(strstr(found.advice, advice), "%s", found.advice);
}

Test(doctor, where_all_is_well_nothing_is_advised)
{
    for (size_t i = 0; i < doctor_checks; i++) {
        doctor_check(i, &f, &found);
        cr_assert_eq(found.verdict, DOCTOR_OK, "%s: %s", found.check, found.what);
        cr_assert_str_eq(found.advice, "");
        cr_assert_str_neq(found.what, "");
    }
}

Test(doctor, a_directory_of_another_user)
{
    f.uid = 8;
    assert_only("owner", DOCTOR_WARN, "is of user 8, and this is user 7", "as its owner");
}

Test(doctor, a_directory_that_is_not_there)
{
    f.there = false;
    assert_only("owner", DOCTOR_WARN, "there is no directory /srv/parbus", "--dir");
}

Test(doctor, a_directory_that_others_may_enter)
{
    f.mode = 0750;
    assert_only("modes", DOCTOR_FAIL, "mode 0750", "chmod 0700 /srv/parbus");
}

Test(doctor, a_file_that_others_may_read)
{
    f.open_count = 3;
    f.open_mode = 0644;
    strcpy(f.open_path, "/srv/parbus/log/x");
    assert_only("modes", DOCTOR_FAIL, "3 files in it are open to others, the first: /srv/parbus/log/x (mode 0644)",
                "chmod -R go=");
}

Test(doctor, a_file_system_over_a_network)
{
    strcpy(f.fs_unsupported, "NFS");
    assert_only("file system", DOCTOR_FAIL, "is on NFS", "local disk");
    f.fs_allowed = true;
    cr_assert_eq(judged("file system"), DOCTOR_WARN);
}

Test(doctor, room_at_its_edges)
{
    static const struct {
        uint64_t free_mib, all_mib;
        enum doctor_verdict verdict;
    } rows[] = {{256, 2560, DOCTOR_OK},      {256, 2570, DOCTOR_WARN},   {255, 1000, DOCTOR_FAIL},
                {9999, 100000, DOCTOR_WARN}, {10000, 100000, DOCTOR_OK}, {0, 0, DOCTOR_OK}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        f.free_bytes = rows[i].free_mib << 20;
        f.all_bytes = rows[i].all_mib << 20;
        cr_assert_eq(judged("room"), rows[i].verdict, "row %zu: %s", i, found.what);
        cr_assert_eq(found.advice[0] != 0, rows[i].verdict != DOCTOR_OK);
    }
    start();
    f.free_files = 9;
    assert_only("room", DOCTOR_WARN, "9 of 1000 files", "make room");
}

Test(doctor, fewer_descriptors_than_connections)
{
    f.descriptors = 4096 + 127;
    assert_only("descriptors", DOCTOR_WARN, "4223 descriptors", "ulimit -n 4224");
    f.descriptors++;
    cr_assert_eq(judged("descriptors"), DOCTOR_OK);
}

Test(doctor, core_dumps_and_swap)
{
    f.core_bytes = UINT64_MAX;
    strcpy(f.core_pattern, "core");
    assert_only("core dumps", DOCTOR_WARN, "to \"core\"", "ulimit -c 0");
    start();
    f.swap = true;
    assert_only("swap", DOCTOR_WARN, "keys too", "encrypted");
}

Test(doctor, a_kernel_with_narrow_limits)
{
    f.somaxconn = 128;
    assert_only("kernel", DOCTOR_WARN, "somaxconn is 128", "sysctl");
    start();
    f.file_max = 1000;
    assert_only("kernel", DOCTOR_WARN, "file-max is 1000", "sysctl");
}

Test(doctor, a_door_that_does_not_answer)
{
    f.answered = false;
    strcpy(f.door_why, "NOT_AUTHORISED: nobody here has this key");
    assert_only("door", DOCTOR_FAIL, "tcp://192.0.2.1:5700 does not answer: NOT_AUTHORISED", "parbus keys list");
    f.asked = false;
    cr_assert_eq(judged("door"), DOCTOR_OK);
}

Test(doctor, a_clock_at_its_edges)
{
    static const struct {
        int64_t ahead_ms, door_us;
        enum doctor_verdict verdict;
    } rows[] = {{1000, 0, DOCTOR_OK},      {-1000, 0, DOCTOR_OK},     {1001, 0, DOCTOR_WARN},  {1001, 1000, DOCTOR_OK},
                {-300000, 0, DOCTOR_WARN}, {-300001, 0, DOCTOR_FAIL}, {300001, 0, DOCTOR_FAIL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        f.clock_ahead_ms = rows[i].ahead_ms;
        f.door_us = rows[i].door_us;
        cr_assert_eq(judged("clock"), rows[i].verdict, "row %zu: %s", i, found.what);
    }
    start();
    f.clock_ahead_ms = -400000;
    assert_only("clock", DOCTOR_FAIL, "400000 ms behind the door's", "timedatectl");
    start();
    f.clock_synchronised = false;
    assert_only("clock", DOCTOR_WARN, "not synchronised", "timedatectl");
}

Test(doctor, contexts)
{
    strcpy(f.context, "/home/x/h05.context");
    strcpy(f.context_why, "others may read it");
    assert_only("context", DOCTOR_FAIL, "/home/x/h05.context cannot be used: others may read it", "mode 0600");
    start();
    strcpy(f.contexts_open, "/home/x/h06.context");
    assert_only("context", DOCTOR_FAIL, "others may read /home/x/h06.context", "parbus keys rotate");
}

Test(doctor, keys_that_end_within_30_days)
{
    const int64_t day_ms = 86400000;
    f.keys = 3;
    f.key[0] = (struct doctor_key){"h05", false, f.now_ms + 31 * day_ms};
    f.key[1] = (struct doctor_key){"h06", true, f.now_ms + 29 * day_ms};
    f.key[2] = (struct doctor_key){"h07", false, f.now_ms + 30 * day_ms};
    assert_only("keys", DOCTOR_WARN,
                "2 of the keys and tokens end within 30 days, or have; the first: the token of h06", "another one");
    f.key[1].token = false;
    f.key[1].until_ms = f.now_ms - day_ms;
    assert_only("keys", DOCTOR_WARN, "the key of h06", "parbus keys rotate");
}
