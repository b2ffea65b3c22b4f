/* libzmq's thread accepts connections, and so counts them (connections.h, descriptors.h, link.h), while ours cuts some
 * off and reads the counts. ThreadSanitizer looks on. Ends with 0, or says what was wrong. */
#include "base/clock.h"
#include "link/link.h"
#include "service/connections.h"
#include "service/descriptors.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 2000, MOST = 64, AT_ONCE = 80, HELD = 2 * AT_ONCE, DEADLINE_US = 60 * 1000 * 1000 };

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                                    \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static int listening;
static struct sockaddr_in where = {.sin_family = AF_INET};
static atomic_int last = -1; /* the descriptor that was accepted last */
static atomic_bool over;

/* In the place of libzmq's; each is closed when HELD later ones have come. */
static void *accept_all(void *ctx)
{
    int held[HELD];
    (void)ctx;
    for (int i = 0; i < HELD; i++)
        held[i] = -1;
    for (int i = 0; !atomic_load(&over); i = (i + 1) % HELD) {
        if (held[i] >= 0)
            close(held[i]);
        struct sockaddr_storage from;
        socklen_t bytes = sizeof from;
        held[i] = accept4(listening, (struct sockaddr *)&from, &bytes, SOCK_CLOEXEC);
        if (held[i] >= 0)
            atomic_store(&last, held[i]);
    }
    for (int i = 0; i < HELD; i++)
        if (held[i] >= 0)
            close(held[i]);
    return NULL;
}

static void listen_somewhere(void)
{
    socklen_t bytes = sizeof where;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(listening >= 0 && bind(listening, (const struct sockaddr *)&where, sizeof where) == 0);
    REQUIRE(listen(listening, CONNECTIONS) == 0 && getsockname(listening, (struct sockaddr *)&where, &bytes) == 0);
}

static void come(int *fd)
{
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(*fd >= 0 && connect(*fd, (const struct sockaddr *)&where, sizeof where) == 0);
}

/* As a shell does each turn. */
static void turn(int number)
{
    if (number % 100 == 0)
        connections_cut_off(atomic_load(&last));
    descriptors_refused_lately(clock_mono_us());
    REQUIRE(link_accepted_count() + connections_over_limit() <= (uint64_t)number + 1);
}

int main(void)
{
    pthread_t thread;
    int fd[AT_ONCE] = {0};
    connections_bound(MOST, MOST);
    listen_somewhere();
    REQUIRE(pthread_create(&thread, NULL, accept_all, NULL) == 0);
    for (int i = 0; i < CONNECTIONS; i++) {
        if (fd[i % AT_ONCE])
            close(fd[i % AT_ONCE]);
        come(&fd[i % AT_ONCE]);
        turn(i);
    }
    int64_t deadline_us = clock_mono_us() + DEADLINE_US;
    while (link_accepted_count() + connections_over_limit() < CONNECTIONS) {
        REQUIRE(clock_mono_us() < deadline_us);
        sched_yield();
    }
    REQUIRE(link_accepted_count() > 0 && connections_over_limit() > 0);
    atomic_store(&over, true);
    come(&fd[0]);
    pthread_join(thread, NULL);
    return 0;
}
