#include "service/descriptors.h"
#include "base/lately.h"
#include "link/link.h"
#include "service/connections.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KEPT_MAX = 64 };

static atomic_uint_least64_t refused; /* written by libzmq's thread */

uint64_t descriptors_refused(void) { return atomic_load(&refused); }

uint64_t descriptors_refused_lately(int64_t now_us)
{
    static struct lately lately;
    return lately_of(&lately, descriptors_refused(), now_us);
}

static bool is_local(int fd)
{
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t bytes = sizeof own;
    return getsockname(fd, (struct sockaddr *)&own, &bytes) == 0 && own.ss_family == AF_UNIX;
}

/* The kernel gives the least number that is free. */
static bool is_kept(int fd)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    rlim_t kept = limit.rlim_cur / 4 < KEPT_MAX ? limit.rlim_cur / 4 : KEPT_MAX;
    return (rlim_t)fd >= limit.rlim_cur - kept;
}

/* Visible, or libzmq does not find it and takes the C library's. ECONNABORTED is what it takes from both kinds of
 * socket. */
__attribute__((visibility("default"))) int accept4(int fd, struct sockaddr *restrict peer, socklen_t *restrict bytes,
                                                   int flags)
{
    int accepted = (int)syscall(SYS_accept4, fd, peer, bytes, flags);
    if (accepted < 0 && errno != EMFILE)
        return accepted;
    bool kept = accepted < 0 || (!is_local(accepted) && is_kept(accepted)); /* descriptors run out */
    if (!kept && connections_let_in(accepted)) {
        link_accepted(accepted);
        return accepted;
    }
    if (accepted >= 0)
        close(accepted);
    atomic_fetch_add(&refused, kept);
    errno = ECONNABORTED;
    return -1;
}
