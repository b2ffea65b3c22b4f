/* Entries at which workers ended (I17). Those with record_tries_max tries are condemned: nothing of their partition is
 * sent until each of them is set aside or was passed after all. */
#pragma once
#include "services/ingestor/coordinator.h"

/* A new process said which entry the one before it was at. true: that entry's partition is to be held from now on,
 * under a new owner epoch, so that nothing that is under way of it takes effect. */
bool suspects_report(struct coordinator *c, const Parbus__WorkerHello *hello);
/* Drops those that were passed. */
void suspects_forget_applied(struct coordinator *c);
/* Whether the partition has a condemned one. */
bool suspects_hold(const struct coordinator *c, uint32_t partition);
/* A condemned one that can be set aside now, and is not on its way to be: its partition's owner has said that it is
 * still before it. NULL: none. */
struct suspect *suspects_condemned(struct coordinator *c);
/* Those whose SetAside is in the journal by now are suspects no more. */
void suspects_set_aside(struct coordinator *c);
