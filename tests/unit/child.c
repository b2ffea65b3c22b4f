#include "child.h"
#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t child_start(int (*work)(void))
{
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        _exit(work());
    }
    return pid;
}

int child_finish(pid_t pid)
{
    siginfo_t info;
    cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED), 0); /* it has its alarm */
    return info.si_code == CLD_EXITED ? info.si_status : 100 + info.si_status;
}
