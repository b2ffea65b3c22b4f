/* Until the socket has something to read or the time is over, rounded up to milliseconds. For tests of sockets without
 * a reactor. */
#pragma once
#include <stdint.h>
#include <zmq.h>

static inline void wait_readable(void *socket, int64_t most_us)
{
    zmq_poll(&(zmq_pollitem_t){.socket = socket, .events = ZMQ_POLLIN}, 1, (long)((most_us + 999) / 1000));
}
