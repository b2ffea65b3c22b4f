/* The caller's keys as link takes them. Private to the client. */
#pragma once
#include "link/link.h"
#include <parbus/keys.h>

struct client_keys {
    struct parbus_keys keys;
    struct link_security security;
};

/* A copy; NULL: none. Until it is forgotten it stays where it is. */
void client_keys_take(struct client_keys *k, const struct parbus_keys *keys);
void client_keys_forget(struct client_keys *k);
