#include "services/parbus/supervisor/supervisor.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct supervisor supervisor;
static int64_t now;
static pid_t last_pid;
static bool cannot_start;
static char journal[4096]; /* what the supervisor did, in words */

static pid_t start(void *ctx, const struct process *p)
{
    (void)ctx;
    if (cannot_start)
        return -1;
    strcat(strcat(strcat(journal, "+"), p->instance), " ");
    return ++last_pid;
}

static void send_signal(void *ctx, const struct process *p, int signal)
{
    (void)ctx;
    strcat(strcat(strcat(journal, signal == SIGKILL ? "!" : "-"), p->instance), " ");
}

static int64_t tick(void) { return supervisor_tick(&supervisor, now); }

static const char *did(void)
{
    static char copy[sizeof journal];
    strcpy(copy, journal);
    journal[0] = 0;
    return copy;
}

static struct process *get(const char *instance)
{
    for (size_t i = 0; i < supervisor.count; i++)
        if (strcmp(supervisor.process[i].instance, instance) == 0)
            return &supervisor.process[i];
    return NULL;
}

static void see(const char *instance) { supervisor_seen(&supervisor, instance, get(instance)->pid); }
static void end(const char *instance) { cr_assert(supervisor_exited(&supervisor, get(instance)->pid, false, now)); }

static void setup(void)
{
    const struct supervisor_actions actions = {NULL, start, send_signal};
    now = 1000;
    supervisor_init(&supervisor, &actions, 1, 2);
}

static void setup_running(void)
{
    setup();
    tick(), see("ingestor-1"), tick();
    see("publisher-1"), see("validator-1"), see("scorer-1"), see("scorer-2");
    cr_assert(supervisor_ready(&supervisor));
    did();
}

TestSuite(supervisor, .init = setup, .timeout = 60);
TestSuite(supervisor_running, .init = setup_running, .timeout = 60);

Test(supervisor, the_rest_starts_when_the_ingestor_is_at_work)
{
    cr_assert_eq(tick(), INT64_MAX);
    cr_assert_str_eq(did(), "+ingestor-1 ");
    tick();
    cr_assert_str_eq(did(), "");
    see("ingestor-1");
    tick();
    cr_assert_str_eq(did(), "+scorer-2 +scorer-1 +validator-1 +publisher-1 ");
    cr_assert_not(supervisor_ready(&supervisor));
}

Test(supervisor, a_process_is_seen_by_name_and_pid)
{
    tick();
    supervisor_seen(&supervisor, "ingestor-1", 4711);
    supervisor_seen(&supervisor, "scorer-1", get("ingestor-1")->pid);
    cr_assert_eq(get("ingestor-1")->state, PROCESS_STARTING);
    see("ingestor-1");
    cr_assert_eq(get("ingestor-1")->state, PROCESS_RUNNING);
}

Test(supervisor, a_first_start_that_never_works_is_hopeless)
{
    for (int i = 0; i < SUPERVISOR_EARLY_DEATHS_MAX; i++) {
        cr_assert_null(supervisor_hopeless(&supervisor));
        tick();
        end("ingestor-1");
        now += SUPERVISOR_PAUSE_US_MAX;
    }
    cr_assert_str_eq(supervisor_hopeless(&supervisor)->instance, "ingestor-1");
}

Test(supervisor, a_program_that_cannot_be_started_is_tried_again_after_a_pause)
{
    cannot_start = true;
    cr_assert_eq(tick(), now + SUPERVISOR_PAUSE_US_MIN);
    now += SUPERVISOR_PAUSE_US_MIN;
    cannot_start = false;
    tick();
    cr_assert_str_eq(did(), "+ingestor-1 ");
}

Test(supervisor_running, who_dies_comes_back_after_a_pause_that_doubles)
{
    int64_t pause = SUPERVISOR_PAUSE_US_MIN;
    for (int i = 0; i < 10; i++) {
        end("scorer-1");
        cr_assert_eq(tick(), now + pause);
        cr_assert_str_eq(did(), "");
        now += pause;
        tick();
        cr_assert_str_eq(did(), "+scorer-1 ");
        pause = pause * 2 < SUPERVISOR_PAUSE_US_MAX ? pause * 2 : SUPERVISOR_PAUSE_US_MAX;
    }
    cr_assert_eq(get("scorer-1")->restarts, 10);
    cr_assert_null(supervisor_hopeless(&supervisor), "it worked once");
}

Test(supervisor_running, who_lived_long_comes_back_soon)
{
    for (int i = 0; i < 5; i++)
        end("scorer-1"), now += SUPERVISOR_PAUSE_US_MAX, tick();
    now += SUPERVISOR_PROVEN_US;
    end("scorer-1");
    cr_assert_eq(tick(), now + SUPERVISOR_PAUSE_US_MIN);
}

Test(supervisor_running, how_often_one_ended_lately_is_known)
{
    for (int i = 0; i < 3; i++)
        end("scorer-1"), now += SUPERVISOR_PAUSE_US_MAX, tick();
    end("validator-1");
    cr_assert_eq(ends_lately(&supervisor.ends, "scorer-1", now), 3);
    cr_assert_eq(ends_lately(&supervisor.ends, "validator-1", now), 1);
    supervisor_scale(&supervisor, program_find("scorer"), 1);
    tick(), end("scorer-2");
    cr_assert_eq(ends_lately(&supervisor.ends, "scorer-2", now), 0, "it was told to");
}

Test(supervisor_running, others_come_back_while_the_ingestor_is_away)
{
    end("ingestor-1"), end("validator-1");
    now += SUPERVISOR_PAUSE_US_MIN;
    tick();
    cr_assert_str_eq(did(), "+validator-1 +ingestor-1 ");
}

Test(supervisor_running, scaling_up_starts_what_is_missing)
{
    supervisor_scale(&supervisor, program_find("scorer"), 4);
    cr_assert_not(supervisor_ready(&supervisor));
    tick();
    cr_assert_str_eq(did(), "+scorer-4 +scorer-3 ");
}

Test(supervisor_running, scaling_down_stops_the_highest_numbers)
{
    supervisor_scale(&supervisor, program_find("scorer"), 1);
    tick();
    cr_assert_str_eq(did(), "-scorer-2 ");
    cr_assert_not(supervisor_ready(&supervisor));
    end("scorer-2");
    tick();
    cr_assert_null(get("scorer-2"));
    cr_assert(supervisor_ready(&supervisor));
    supervisor_scale(&supervisor, program_find("scorer"), 0);
    tick(), end("scorer-1"), tick();
    cr_assert(supervisor_ready(&supervisor));
}

Test(supervisor_running, who_does_not_stop_in_time_is_killed_once)
{
    supervisor_scale(&supervisor, program_find("scorer"), 1);
    cr_assert_eq(tick(), now + SUPERVISOR_STOP_GRACE_US);
    now += SUPERVISOR_STOP_GRACE_US;
    cr_assert_eq(tick(), INT64_MAX);
    tick();
    cr_assert_str_eq(did(), "-scorer-2 !scorer-2 ");
}

Test(supervisor_running, who_is_wanted_again_while_it_stops_comes_back_at_once)
{
    supervisor_scale(&supervisor, program_find("scorer"), 1);
    tick();
    supervisor_scale(&supervisor, program_find("scorer"), 2);
    tick();
    cr_assert_str_eq(did(), "-scorer-2 ");
    end("scorer-2");
    tick();
    cr_assert_str_eq(did(), "+scorer-2 ");
    cr_assert_eq(get("scorer-2")->restarts, 0);
}

Test(supervisor_running, stopping_goes_in_order_and_starts_nobody)
{
    supervisor_scale(&supervisor, program_find("scorer"), 3);
    tick(), did();
    end("validator-1");
    supervisor_stop(&supervisor);
    tick();
    cr_assert_str_eq(did(), "-scorer-3 -scorer-2 -scorer-1 ");
    end("scorer-1"), end("scorer-2"), tick();
    cr_assert_str_eq(did(), "");
    end("scorer-3");
    cr_assert_eq(tick(), now, "again at once: somebody is gone");
    tick();
    cr_assert_str_eq(did(), "-publisher-1 ");
    end("publisher-1"), tick(), tick();
    cr_assert_str_eq(did(), "-ingestor-1 ");
    cr_assert_not(supervisor_gone(&supervisor));
    end("ingestor-1"), tick();
    cr_assert(supervisor_gone(&supervisor));
    cr_assert_not(supervisor_ready(&supervisor));
}

Test(supervisor_running, a_stranger_that_ends_is_nobody)
{
    cr_assert_null(supervisor_exited(&supervisor, 99999, false, now));
}

Test(supervisor, the_table_holds_as_many_workers_as_it_says)
{
    supervisor_scale(&supervisor, program_find("scorer"), SUPERVISOR_WORKERS_MAX + 5);
    supervisor_scale(&supervisor, program_find("validator"), SUPERVISOR_WORKERS_MAX);
    cr_assert_eq(supervisor.count, SUPERVISOR_PROCESSES_MAX);
}

/* Everybody but `hung` is seen at work, twice a second. */
static void go_on_without(const char *hung, int64_t until)
{
    static const char *const all[] = {"ingestor-1", "publisher-1", "validator-1", "scorer-1", "scorer-2"};
    for (; now < until; now += 500000) {
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            if (strcmp(all[i], hung) != 0)
                see(all[i]);
        supervisor_looked(&supervisor, now);
        tick();
    }
}

Test(supervisor_running, a_worker_that_hangs_is_killed_once_and_started_again)
{
    go_on_without("nobody", now + 20000000);
    int64_t hung = now;
    go_on_without("scorer-2", hung + SUPERVISOR_HUNG_US);
    cr_assert_str_eq(did(), "");
    go_on_without("scorer-2", hung + 2 * SUPERVISOR_HUNG_US);
    cr_assert_str_eq(did(), "!scorer-2 ");
    end("scorer-2");
    go_on_without("scorer-2", now + 1000000);
    cr_assert_str_eq(did(), "+scorer-2 ");
}

Test(supervisor_running, an_ingestor_that_does_not_answer_is_killed)
{
    go_on_without("nobody", now + 2000000);
    for (int64_t end_us = now + SUPERVISOR_HUNG_INGESTOR_US; now < end_us; now += 500000)
        tick();
    cr_assert_str_eq(did(), "");
    now += 500000, tick();
    now += 500000, tick();
    cr_assert_str_eq(did(), "!ingestor-1 ");
}

Test(supervisor_running, a_supervisor_that_was_away_blames_nobody)
{
    go_on_without("nobody", now + 2000000);
    go_on_without("scorer-1", now + 1000000);
    now += 60000000;
    tick();
    go_on_without("scorer-1", now + 1000000);
    cr_assert_str_eq(did(), "");
}

Test(supervisor_running, who_ends_at_a_damaged_file_is_held_back_until_somebody_scales)
{
    cr_assert(supervisor_exited(&supervisor, get("scorer-1")->pid, true, now));
    now += 100 * SUPERVISOR_PAUSE_US_MAX;
    tick();
    cr_assert_str_eq(did(), "");
    cr_assert_str_eq(state_name(&process_machine, get("scorer-1")->state), "held");
    cr_assert_not(supervisor_ready(&supervisor));
    cr_assert_eq(supervisor_hopeless(&supervisor), get("scorer-1"));
    supervisor_scale(&supervisor, program_find("scorer"), 0);
    tick();
    end("scorer-2");
    tick();
    did();
    supervisor_scale(&supervisor, program_find("scorer"), 1);
    tick();
    cr_assert_str_eq(did(), "+scorer-1 ");
}

Test(supervisor_running, who_is_held_back_is_started_again_when_somebody_says_that_it_is_mended)
{
    cr_assert(supervisor_exited(&supervisor, get("scorer-1")->pid, true, now));
    tick();
    did();
    cr_assert_eq(supervisor_try_again(&supervisor), 1);
    tick();
    cr_assert_str_eq(did(), "+scorer-1 ");
    cr_assert_eq(supervisor_try_again(&supervisor), 0, "nobody is held back any more");
}

Test(supervisor_running, who_was_told_to_stop_is_not_held_back)
{
    supervisor_stop(&supervisor);
    tick();
    cr_assert(supervisor_exited(&supervisor, get("scorer-1")->pid, true, now));
    tick();
    cr_assert_null(get("scorer-1"));
}
