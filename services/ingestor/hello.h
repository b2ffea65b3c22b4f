/* Who a feeder is: names, lines, epochs, connections (rules D1 to D4, D14, D16, D18). */
#pragma once
#include "base/moment.h"
#include "services/ingestor/door.h"

/* Welcomes, or refuses and leaves all as it was (D2). What a feeder has in a group stays there when a new epoch begins:
 * nobody gets receipts for it any more (D8c). */
void hello_take(struct door *d, struct peer peer, const Parbus__Hello *hello, struct moment now);
/* The name is free as soon as the journal says so; then the feeder gets a receipt that says it, too. */
void hello_bye(struct door *d, uint64_t peer, struct moment now);
