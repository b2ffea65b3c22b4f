#include "gate/internal.h"
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

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

void connections_note(struct gate *g, int fd, const uint8_t key[static LINK_KEY_BYTES])
{
    if (fd < 0)
        return;
    struct connection *c = room_for(g, fd);
    memcpy(c->key, key, sizeof c->key);
    c->open = other_end(fd, &c->other, &c->other_bytes);
}

static bool is_the_same(const struct connection *c, int fd)
{
    struct sockaddr_storage other;
    socklen_t bytes;
    return other_end(fd, &other, &bytes) && bytes == c->other_bytes && memcmp(&other, &c->other, bytes) == 0;
}

static void cut(struct gate *g, int fd, const struct connection *c)
{
    char address[ADDRESS_BYTES] = "";
    shutdown(fd, SHUT_RDWR);
    getnameinfo((const struct sockaddr *)&c->other, c->other_bytes, address, sizeof address, NULL, 0, NI_NUMERICHOST);
    gate_cut(g, c->key, address);
}

unsigned connections_look(struct gate *g, struct moment now)
{
    unsigned open = 0;
    for (size_t fd = 0; fd < g->connections; fd++) {
        struct connection *c = &g->connection[fd];
        if (!c->open)
            continue;
        bool holds = gate_judge_key(g, c->key, now.wall_ms) == GATE_IN;
        if (!is_the_same(c, (int)fd))
            c->open = false;
        else if (!holds)
            cut(g, (int)fd, c);
        c->open = c->open && holds;
        open += c->open;
    }
    return open;
}
