#include "client/keys.h"
#include <string.h>

void client_keys_take(struct client_keys *k, const struct parbus_keys *keys)
{
    if (!keys)
        return;
    k->keys = *keys;
    k->security = (struct link_security){.mechanism = LINK_CURVE_CLIENT,
                                         .secret_key = k->keys.secret_key,
                                         .public_key = k->keys.public_key,
                                         .server_key = k->keys.server_key};
}

void client_keys_forget(struct client_keys *k) { explicit_bzero(k, sizeof *k); }
