#include "service/connections.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { LOOK_US = 50000, PENALTIES_US_MAX = 10000000, PENALTY_US = 1000000 / PENALTIES_PER_S };

static void make_room(struct connections *c, int fd)
{
    unsigned capacity = c->capacity ? c->capacity : 256;
    while ((unsigned)fd >= capacity)
        capacity *= 2;
    if (capacity == c->capacity)
        return;
    c->by_descriptor = reallocarray(c->by_descriptor, capacity, sizeof *c->by_descriptor);
    ASSERT(c->by_descriptor);
    memset(c->by_descriptor + c->capacity, 0, (capacity - c->capacity) * sizeof *c->by_descriptor);
    c->capacity = capacity;
}

static bool has_room(const struct connections *c, uint64_t address)
{
    int64_t all = 0, same = 0;
    for (unsigned i = 0; i < c->capacity; i++) {
        const struct connection *one = &c->by_descriptor[i];
        all += one->address && !one->local;
        same += one->address == address;
    }
    return all < c->most && same < c->most_per_address;
}

static void look(struct connections *c, connection_open_fn *is_open, int64_t now_us)
{
    if (now_us - c->looked_us < LOOK_US)
        return;
    c->looked_us = now_us;
    for (unsigned i = 0; i < c->capacity; i++)
        if (c->by_descriptor[i].address && !is_open((int)i, &c->by_descriptor[i]))
            c->by_descriptor[i].address = 0;
}

static struct penalty *penalty_of(struct connections *c, uint64_t address)
{
    return &c->penalty[hash_bytes(&address, sizeof address) % PENALTIES_MAX];
}

void connections_punish(struct connections *c, int fd, int64_t now_us)
{
    if (fd < 0 || (unsigned)fd >= c->capacity || !c->by_descriptor[fd].address)
        return;
    uint64_t address = c->by_descriptor[fd].address;
    struct penalty *p = penalty_of(c, address);
    if (p->address != address || p->until_us < now_us)
        *p = (struct penalty){.address = address, .until_us = now_us};
    p->until_us += PENALTY_US;
    if (p->until_us > now_us + PENALTIES_US_MAX)
        p->until_us = now_us + PENALTIES_US_MAX;
}

static bool is_punished(struct connections *c, uint64_t address, int64_t now_us)
{
    struct penalty *p = penalty_of(c, address);
    if (p->address != address || now_us >= p->until_us)
        return false;
    if (now_us < p->next_us)
        return true;
    p->next_us = now_us + PENALTY_US;
    return false;
}

bool connections_admit(struct connections *c, int fd, struct connection from, connection_open_fn *is_open,
                       int64_t now_us)
{
    make_room(c, fd);
    c->by_descriptor[fd].address = 0; /* whoever had this descriptor is gone */
    if (is_punished(c, from.address, now_us))
        return false;
    if (from.local) {
        c->by_descriptor[fd] = from;
        return true;
    }
    if (!has_room(c, from.address))
        look(c, is_open, now_us);
    if (!has_room(c, from.address))
        return false;
    c->by_descriptor[fd] = from;
    return true;
}

void connections_free(struct connections *c)
{
    free(c->by_descriptor);
    *c = (struct connections){0};
}

/* ---- of this process ---- */

static struct connections own = {.most = INT64_MAX, .most_per_address = INT64_MAX};
static pthread_mutex_t own_mutex = PTHREAD_MUTEX_INITIALIZER; /* libzmq accepts, and ours cuts off */
static atomic_uint_least64_t over;

void connections_bound(int64_t most, int64_t most_per_address)
{
    own.most = most;
    own.most_per_address = most_per_address;
}

uint64_t connections_over_limit(void) { return atomic_load(&over); }

static struct connection of_process(int fd)
{
    struct ucred peer;
    socklen_t bytes = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0)
        return (struct connection){0};
    return (struct connection){.address = (uint64_t)peer.pid, .local = true};
}

static uint64_t address_of(const void *address, size_t bytes) { return hash_bytes(address, bytes) | 1ull << 63; }

/* address 0: not known, or gone. */
static struct connection at(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } peer = {.room.ss_family = AF_UNSPEC};
    socklen_t bytes = sizeof peer;
    if (getpeername(fd, &peer.any, &bytes) != 0)
        return (struct connection){0};
    if (peer.any.sa_family == AF_UNIX)
        return of_process(fd);
    if (peer.any.sa_family == AF_INET)
        return (struct connection){address_of(&peer.v4.sin_addr, sizeof peer.v4.sin_addr), peer.v4.sin_port, false};
    if (peer.any.sa_family == AF_INET6)
        return (struct connection){address_of(&peer.v6.sin6_addr, sizeof peer.v6.sin6_addr), peer.v6.sin6_port, false};
    return (struct connection){0};
}

static bool is_open(int fd, const struct connection *c)
{
    struct connection now = at(fd);
    return now.address == c->address && now.port == c->port;
}

bool connections_let_in(int fd)
{
    struct connection from = at(fd);
    pthread_mutex_lock(&own_mutex);
    bool in = !from.address || connections_admit(&own, fd, from, is_open, clock_mono_us());
    pthread_mutex_unlock(&own_mutex);
    atomic_fetch_add(&over, !in);
    return in;
}

void connections_cut_off(int fd)
{
    pthread_mutex_lock(&own_mutex);
    connections_punish(&own, fd, clock_mono_us());
    pthread_mutex_unlock(&own_mutex);
}
