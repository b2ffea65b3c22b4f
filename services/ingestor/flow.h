/* What of a partition's journal is on its way to its scorer (rules I7, I8, I12). */
#pragma once
#include "services/ingestor/coordinator.h"

/* At the start: so much is in the journal, and of it applied. */
void flow_restore(struct coordinator *c, uint32_t partition, uint64_t applied, uint64_t last);
/* The journal has so many more. */
void flow_lengthen(struct coordinator *c, uint32_t partition, uint64_t entries, int64_t now_us);
/* Its new owner has applied so much, which is at most `last`; the rest is to be sent. */
void flow_resume(struct coordinator *c, uint32_t partition, uint64_t applied);
/* Sends what the windows allow, reading the journal from sent + 1. */
void flow_pump(struct coordinator *c, uint32_t partition, int64_t now_us);
/* The scorer has committed up to `applied`. */
void flow_applied(struct coordinator *c, uint32_t partition, uint64_t applied, int64_t now_us);
/* Submissions in the journal and not yet applied. Reads the journal when there are any. */
uint64_t flow_lag(const struct coordinator *c, uint32_t partition);
/* Forgets what is in flight: it is to be sent again, to whoever comes next. */
void flow_recall(struct coordinator *c, uint32_t partition);
/* The next flow_pump sends again from applied + 1. */
void flow_send_from(struct coordinator *c, uint32_t partition, uint64_t applied, int64_t now_us);
/* Progress has stopped for too long: the next flow_pump sends again. */
void flow_resend_overdue(struct coordinator *c, uint32_t partition, int64_t now_us);
/* Looks which partitions of the agenda stand still, and logs it of each that begins or ends to. */
void flow_watch_standstill(struct coordinator *c, int64_t now_us);
/* For so long it has stood still though it has a scorer; 0: it does not. */
int64_t flow_standstill_us(const struct coordinator *c, uint32_t partition, int64_t now_us);
