#include "base/deadline.h"
#include "gate/internal.h"
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct connection *room_for(struct gate *g, int fd)
{
    size_t wanted = (size_t)fd + 1;
    if (wanted > g->connections) {
        size_t count = wanted < 64 ? 64 : 2 * wanted;
        g->connection = realloc(g->connection, count * sizeof *g->connection);
        ASSERT(g->connection);
        memset(g->connection + g->connections, 0, (count - g->connections) * sizeof *g->connection);
        g->connections = count;
    }
    return &g->connection[fd];
}

static bool other_end(int fd, struct sockaddr_storage *other, socklen_t *bytes)
{
    *bytes = sizeof *other;
    memset(other, 0, sizeof *other);
    return getpeername(fd, (struct sockaddr *)other, bytes) == 0;
}

static bool is_the_same(const struct connection *c, int fd)
{
    struct sockaddr_storage other;
    socklen_t bytes;
    return other_end(fd, &other, &bytes) && bytes == c->other_bytes && memcmp(&other, &c->other, bytes) == 0;
}

void connections_note(struct gate *g, int fd, const uint8_t key[static LINK_KEY_BYTES], int64_t guest_until_us)
{
    if (fd < 0)
        return;
    struct connection *c = room_for(g, fd);
    bool again = c->open && is_the_same(c, fd) && memcmp(c->key, key, sizeof c->key) == 0;
    memcpy(c->key, key, sizeof c->key);
    c->guest_until_us = again && c->guest_until_us ? earlier_us(c->guest_until_us, guest_until_us) : guest_until_us;
    c->open = other_end(fd, &c->other, &c->other_bytes);
}

/* By a descriptor of our own, while there is one: libzmq's thread may give the other one to somebody else at any
 * moment. */
static bool end(int fd, const struct connection *c)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0), theirs = own < 0 ? fd : own;
    bool ended = is_the_same(c, theirs) && shutdown(theirs, SHUT_RDWR) == 0;
    if (own >= 0)
        close(own);
    return ended;
}

static void cut(struct gate *g, int fd, const struct connection *c)
{
    char address[ADDRESS_BYTES] = "";
    if (!end(fd, c))
        return;
    getnameinfo((const struct sockaddr *)&c->other, c->other_bytes, address, sizeof address, NULL, 0, NI_NUMERICHOST);
    gate_cut(g, c->key, address, c->guest_until_us != 0);
}

/* A guest whose key is known by now is no guest any more. */
static bool may_stay(const struct gate *g, struct connection *c, struct moment now)
{
    enum gate_reason reason = gate_judge_key(g, c->key, now.wall_ms);
    if (reason == GATE_IN)
        c->guest_until_us = 0;
    return reason == GATE_IN || (reason == GATE_GUEST && now.mono_us < c->guest_until_us);
}

unsigned connections_look(struct gate *g, struct moment now)
{
    unsigned open = 0;
    for (size_t fd = 0; fd < g->connections; fd++) {
        struct connection *c = &g->connection[fd];
        if (!c->open)
            continue;
        bool holds = may_stay(g, c, now);
        if (!is_the_same(c, (int)fd))
            c->open = false;
        else if (!holds)
            cut(g, (int)fd, c);
        c->open = c->open && holds;
        open += c->open;
    }
    return open;
}
