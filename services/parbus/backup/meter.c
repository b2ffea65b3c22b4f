#include "base/clock.h"
#include "services/parbus/backup/backup.h"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { BAR_WIDTH = 30, SHOW_US = 100000 };

static volatile sig_atomic_t caught;

static void catch_one(int number) { caught = number; }

void backup_catch_signals(void)
{
    struct sigaction action = {.sa_handler = catch_one};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

enum err backup_go_on(struct err_text *e)
{
    return caught ? err_set(e, ERR_STOPPED, "stopped by a signal (%d)", (int)caught) : OK;
}

static void show(struct meter *m)
{
    double share = m->all ? (double)m->done / (double)m->all : 1;
    int full = (int)((share > 1 ? 1 : share) * BAR_WIDTH);
    fprintf(stderr, "\r%s: %s [%.*s%*s] %3d%% \033[K", m->command, m->what, full, "##############################",
            BAR_WIDTH - full, "", (int)((share > 1 ? 1 : share) * 100));
    m->shown = true;
}

void meter_start(struct meter *m, const char *what, uint64_t all)
{
    m->what = what;
    m->all = all;
    m->done = 0;
    meter_add(m, 0);
}

void meter_add(struct meter *m, uint64_t done)
{
    m->done += done;
    int64_t now_us = clock_mono_us();
    if (now_us - m->shown_us < SHOW_US || !isatty(STDERR_FILENO))
        return;
    m->shown_us = now_us;
    show(m);
}

void meter_end(struct meter *m)
{
    if (m->shown)
        fputs("\r\033[K", stderr);
    m->shown = false;
}
