/* What the door has to say to the access log (audit/audit.h): whoever listens adds who it was and from where. Private
 * to the core. */
#pragma once
#include "services/ingestor/door.h"

void noted_refusal(const struct door *d, uint64_t peer, Parbus__Reason reason, const char *detail);
/* A hello that is taken: before anything of it is. newcomer: nobody had this name. */
void noted_hello(const struct door *d, uint64_t peer, const struct feeder *f, const Parbus__Hello *hello,
                 bool newcomer);
/* A change of rights that is made: who asked for it, and its control. */
void noted_change(const struct door *d, const char *by, uint64_t control_seq);
