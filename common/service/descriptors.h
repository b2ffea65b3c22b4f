/* What happens when a service runs out of descriptors. libzmq 4.3.4 ends the process when a connection on a local
 * socket finds none, so whoever can open enough connections over TCP could end it. The program's accept4, defined here,
 * goes before the C library's: some descriptors are kept for local sockets and files, and a connection from elsewhere
 * that would take them is closed at once. A limit is needed in addition (ulimit -n): connections are memory. */
#pragma once
#include <stdint.h>

/* Connections that were closed at once, of the whole process. */
uint64_t descriptors_refused(void);
/* … and in the last ten to twenty seconds: asked once per turn, with the same clock. One thread. */
uint64_t descriptors_refused_lately(int64_t now_us);
