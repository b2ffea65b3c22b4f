/* CURVE on a socket, and which sockets of the process have it. Private to link. */
#pragma once
#include "link/link.h"

/* For the endpoint that the socket gets next. NULL: as it was. ERR_INVALID: a key or the domain is missing. */
enum err security_set(void *socket, const struct link_security *security, struct err_text *e);
void security_forget(const void *socket);
/* Whether it tells who its peers are. */
bool security_names_peers(const void *socket);
