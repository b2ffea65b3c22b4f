/* The ingestor: takes submissions at the door, makes them durable, and coordinates the workers behind it. Pure: no
 * sockets, no LMDB, no clock; the shell and the simulator drive it in the same way:
 *
 *     deadline = ingestor_tick → wait → ingestor_receive …, ingestor_drained, ingestor_appended → ingestor_tick → …
 *
 * Rooms: feeders.c, hello.c, submissions.c, receipts.c (the door), group.c (what the next commit will hold), append.c
 * (the conversation with the journal), coordinator.c (the workers' side), roster.c (who they are), ownership.c (which
 * partition is whose), reports.c (what scorers say of theirs), flow.c (what is on its way to them), controls.c (control
 * records made here), rights.c (who may do what), changes.c (and who changes it), questions.c (what is answered at
 * once). Rules D*, I* are those of proto/PROTOCOL.md. */
#pragma once
#include "base/metrics.h"
#include "base/moment.h"
#include "base/settings.h"
#include "catalog/catalog.h"
#include "services/ingestor/io.h"
#include "wire/peer.h"

struct ingestor;

/* All is copied. journal_id and term name this incarnation (rule I4); last_commit is the journal's. */
struct ingestor *ingestor_new(const char *instance, const struct settings *settings, const struct ingestor_io *io,
                              uint32_t partitions, uint64_t journal_id, uint64_t term, uint64_t last_commit);
/* No group may be under way. */
void ingestor_destroy(struct ingestor **i);

/* Before the first message: what the journal holds, and how far state has followed (0: not known; scorers will tell),
 * with the mark of the entry there (0: not known). ERR_CORRUPT: state holds what the journal does not (I5d). */
struct ingestor_followed {
    uint64_t applied, mark;
};
enum err ingestor_restore_partition(struct ingestor *i, uint32_t partition, uint64_t last_pseq,
                                    struct ingestor_followed followed, struct err_text *e);
void ingestor_restore_feeder(struct ingestor *i, uint32_t number, const struct journal_feeder *feeder);
enum err ingestor_restore_control(struct ingestor *i, uint64_t seq, const void *packed, size_t bytes,
                                  struct err_text *e);

/* With all controls, also those that are not in the journal yet. */
const struct catalog *ingestor_catalog(const struct ingestor *i);
/* Numbers the control and puts it into the group that is gathered, with its entry in every partition: what comes later
 * is after it. It is in the journal when that group is. ERR_BUSY: the group is full, or the journal in trouble: later.
 */
enum err ingestor_publish(struct ingestor *i, Parbus__Control *control, struct moment now, struct err_text *e);

/* One message, or what could not be read as one: its sender is told. */
void ingestor_receive(struct ingestor *i, enum ingestor_source source, struct peer peer, const struct wire_message *m,
                      struct moment now);
/* What waited at the door is taken: nothing more to gather for the next commit. */
void ingestor_drained(struct ingestor *i);
/* Whether the door is to be read now: not while the group has its size, but for refusing while nothing is taken. */
bool ingestor_takes(const struct ingestor *i);
/* The journal's answer to io.append. OK: it is there, and synced. ERR_LOST, ERR_INVALID: somebody else is the writer
 * now (ingestor_fenced). Any other: it may be there; the same group is appended again until it is. An answer to another
 * ticket than the one under way is none. */
void ingestor_appended(struct ingestor *i, uint64_t ticket, enum err result, const char *why, struct moment now);
/* Does what time makes due; returns when there may be more, as mono_us. */
int64_t ingestor_tick(struct ingestor *i, struct moment now);

/* Why this process must end: somebody else is the journal's writer now (D8d). No submission is taken and no receipt
 * given any more. NULL: it need not. */
const char *ingestor_fenced(const struct ingestor *i);
/* Nothing is gathered and nothing under way: the process may stop and leaves nobody without a receipt. */
bool ingestor_idle(const struct ingestor *i);
/* Why nothing is accepted; "": it is. */
const char *ingestor_trouble(const struct ingestor *i);

struct metrics *ingestor_metrics(struct ingestor *i);
/* Submissions receipted and not yet applied. */
uint64_t ingestor_lag(const struct ingestor *i);
/* Pseq up to which a partition's records are on their way or applied. */
uint64_t ingestor_sent(const struct ingestor *i, uint32_t partition);
