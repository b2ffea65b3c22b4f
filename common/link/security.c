#include "link/security.h"
#include <errno.h>
#include <string.h>

/* The sockets whose messages have a User-Id that the ZAP handler set. On any other socket a message's User-Id is what
 * the peer wrote there itself. */
enum { SERVERS_MAX = 16 };
static const void *server[SERVERS_MAX];
static int servers;

/* Without it, a server whose ZAP handler is not there lets everybody in. libzmq 4.3.4 has the option, its header only
 * names it for those who ask for drafts. */
enum { ENFORCE_DOMAIN = 93 };

static int set_bytes(void *socket, int option, const void *value, size_t bytes)
{
    return zmq_setsockopt(socket, option, value, bytes);
}

/* An endpoint has what the socket has when it is bound. */
static int set_server(void *socket, const struct link_security *s)
{
    int curve = s->mechanism == LINK_CURVE_SERVER, yes = 1;
    int failed = set_bytes(socket, ZMQ_CURVE_SERVER, &curve, sizeof curve);
    if (curve)
        failed |= set_bytes(socket, ZMQ_CURVE_SECRETKEY, s->secret_key, LINK_KEY_BYTES);
    failed |= set_bytes(socket, ZMQ_ZAP_DOMAIN, s->zap_domain, strlen(s->zap_domain));
    return failed | set_bytes(socket, ENFORCE_DOMAIN, &yes, sizeof yes);
}

static int set_client(void *socket, const struct link_security *s)
{
    int failed = set_bytes(socket, ZMQ_CURVE_SERVERKEY, s->server_key, LINK_KEY_BYTES);
    failed |= set_bytes(socket, ZMQ_CURVE_PUBLICKEY, s->public_key, LINK_KEY_BYTES);
    return failed | set_bytes(socket, ZMQ_CURVE_SECRETKEY, s->secret_key, LINK_KEY_BYTES);
}

static bool complete(const struct link_security *s)
{
    bool domain = s->zap_domain && *s->zap_domain;
    return s->mechanism == LINK_CURVE_CLIENT   ? s->secret_key && s->public_key && s->server_key
           : s->mechanism == LINK_CURVE_SERVER ? s->secret_key && domain
                                               : domain;
}

static void note_server(const void *socket)
{
    if (security_names_peers(socket))
        return;
    ASSERT(servers < SERVERS_MAX);
    server[servers++] = socket;
}

enum err security_set(void *socket, const struct link_security *s, struct err_text *e)
{
    if (!s || (s->mechanism == LINK_UNSECURED && !s->zap_domain))
        return OK;
    if (!complete(s))
        return err_set(e, ERR_INVALID, "a key or the domain is missing");
    if ((s->mechanism == LINK_CURVE_CLIENT ? set_client : set_server)(socket, s) != 0)
        return err_set(e, ERR_IO, "%s", zmq_strerror(errno));
    if (s->mechanism != LINK_CURVE_CLIENT)
        note_server(socket);
    return OK;
}

void security_forget(const void *socket)
{
    for (int i = 0; i < servers; i++)
        if (server[i] == socket)
            server[i--] = server[--servers];
}

bool security_names_peers(const void *socket)
{
    for (int i = 0; i < servers; i++)
        if (server[i] == socket)
            return true;
    return false;
}
