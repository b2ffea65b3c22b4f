/* Bytes on their way to a peer of a ROUTER, counted from the send until libzmq lets go of them: then the kernel has
 * them, or the connection is gone. Private to link. */
#pragma once
#include "link/link.h"

struct waiting;

/* Never NULL. */
struct waiting *waiting_of(const void *socket, uint64_t peer);
size_t waiting_bytes(const struct waiting *w);
/* A message with a copy of these bytes. They are counted until it is closed, by us or by libzmq. */
void waiting_message(struct waiting *w, zmq_msg_t *out, const void *data, size_t bytes);
/* When no socket is left. */
void waiting_free(void);
