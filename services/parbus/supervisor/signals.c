#include "base/log.h"
#include "services/parbus/supervisor/internal.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum err signals_open(struct shell *s, struct err_text *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd >= 0 ? OK : err_set(e, ERR_IO, "signalfd: %s", strerror(errno));
}

void signals_read(void *shell, unsigned source, struct moment now)
{
    (void)source;
    struct shell *s = shell;
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        if (info.ssi_signo == SIGHUP) { /* asked to read its settings anew, or the terminal went */
            log_info("supervisor.goes_on", "signal=1 why=\"settings are read at the start: parbus down, parbus up\"");
            continue;
        }
        log_info("supervisor.told_to_stop", "signal=%u", info.ssi_signo);
        supervisor_stop(&s->core);
    }
    children_reap(s, now.mono_us);
}

void signals_close(struct shell *s)
{
    if (s->signal_fd >= 0)
        close(s->signal_fd);
}
