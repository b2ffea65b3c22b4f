/* What must hold, checked while a run goes on and at its end. Each check names the law of the design that it stands
 * for. */
#pragma once
#include "inside.pb-c.h"
#include "journal/journal.h"
#include "services/publisher/core.h"
#include "state/state.h"
#include "tests/sim/model.h"
#include "tests/sim/sim_journal.h"

struct sim;
struct actor;
struct parbus_topic;

enum { CHECK_LANES_MAX = 1024, CHECK_PARTITIONS_MAX = 8, CHECK_ACTORS_MAX = 32, LANE_EARLIER = 8 };

/* The submissions of one (feeder process, epoch), by seq. */
struct lane {
    int node;
    uint64_t epoch;
    uint64_t journalled;
    struct lane_entry {
        uint64_t hash;                  /* of all but its seq, as this process sent it last … */
        uint64_t earlier[LANE_EARLIER]; /* … and before, when its outbox was another one */
        uint32_t earlier_count;
        uint64_t bytes;
        bool sent;
        /* Of the name, in the lane of the process that is called so: */
        uint64_t journal_hash, lost_hash[LANE_EARLIER]; /* there; not any more */
        uint32_t lost_count;
        bool journalled;
        bool not_allowed; /* its feeder was told so, by NOT_AUTHORISED */
        bool lost;        /* was in a journal that was taken back */
    } * entry;
    size_t capacity;
    const struct actor *submits; /* of the name, in this epoch, as far as the journal shows; NULL: nobody yet */
    uint64_t receipted;          /* as its feeder knows */
    uint64_t told;               /* the last receipt that the ingestor sent … */
    uint32_t told_in_life;
};

struct check {
    struct lane lane[CHECK_LANES_MAX];
    size_t lane_count;
    uint64_t newest_owner[CHECK_PARTITIONS_MAX];
    uint64_t unaccounted; /* submissions that the ingestor took and counted nowhere: they must be in its next group */
    struct promise {      /* of what a feeder was told is safe */
        uint64_t hash;
        int node;
    } * promised;
    size_t promised_count, promised_capacity;
    struct feed_position { /* what a topic looked like at a position of its feed */
        uint64_t epoch, seq, digest;
        uint32_t series;
    } * position;
    size_t position_count, position_capacity;
    int shown[SIM_SERIES + 1][SIM_UNITS + 1];         /* where in its history a published row stands; -1: before it */
    const struct actor *scorer[CHECK_PARTITIONS_MAX]; /* that the last record of a partition was for */
    struct lost_reject {                              /* of journals that were taken back */
        struct model_reject reject;
        int node;
    } * lost_reject;
    size_t lost_reject_count;
    struct ghost { /* a standing that came of an entry before it was set aside */
        uint32_t series, unit;
        struct model_row row;
    } * ghost;
    size_t ghost_count, ghost_capacity;
    struct model_aside *aside_lost; /* that the journal does not say any more */
    size_t aside_lost_count;
    uint64_t applied_most[CHECK_PARTITIONS_MAX]; /* that was ever committed */
    bool undone[CHECK_ACTORS_MAX];               /* feeders: see check_undone */
    bool forked[CHECK_ACTORS_MAX]; /* feeders: its outbox is, or was, another one's or an earlier one of its own */
};

/* ---- laws 1, 2, 3: the door and the journal (check_journal.c) ---- */

/* Of a submission, its seq and a hash of the rest. false: it is none. */
bool check_read_body(const uint8_t *at, const uint8_t *end, uint64_t *seq, uint64_t *hash);
/* A feeder sends a message; the same (epoch, seq) always says the same. */
void check_feeder_sends(struct sim *s, const struct actor *feeder, uint64_t epoch, const uint8_t *envelope,
                        size_t bytes);
/* What is in this envelope must be in the journal in the end, once. */
void check_promise(struct sim *s, const struct actor *feeder, const uint8_t *envelope, size_t bytes);
/* The outbox of a feeder is taken away, and with it what is in it alone. */
void check_promises_void(struct sim *s, const struct actor *feeder);
void check_group_taken(struct sim *s, const struct journal_group *g);
void check_group_written(struct sim *s, const struct journal_group *g);
/* The ingestor is about to tell a feeder something. */
void check_to_feeder(struct sim *s, const struct actor *feeder, uint32_t kind, const ProtobufCMessage *message);
void check_promises_kept(struct sim *s);
void check_receipted(struct sim *s, const struct actor *feeder, uint64_t epoch, uint64_t up_to_seq);
/* … and takes it for one of this submission: whatever else has its name, it is in the journal, word for word, or it was
 * refused, or the journal was taken back. */
void check_receipt_of(struct sim *s, const struct actor *feeder, uint64_t epoch, const uint8_t *envelope, size_t bytes);
/* The same for what it sent last. */
void check_receipt_of_sent(struct sim *s, const struct actor *feeder, uint64_t epoch, uint64_t seq);
/* … from a copy of before: what was told since is void. */
void check_refusals_void(struct sim *s, const struct sim_journal_position *to);
/* The journal is about to be taken back, and was. */
void check_journal_shrinks(struct sim *s, const struct sim_journal_position *to);
void check_journal_shrunk(struct sim *s);
/* Whether something of this feeder and epoch is lost with a receipt: nobody but the feeder knows of it. */
bool check_lane_lost(struct sim *s, const struct actor *feeder, uint64_t epoch);
/* A feeder was told which rows were rejected, and why. */
void check_verdict(struct sim *s, const struct actor *feeder, uint64_t epoch, const Parbus__Verdict *verdict);

/* ---- laws 2, 3, 6: what is set aside, and sent again (check_poison.c) ---- */

/* true: the journal has to be read again, for this control changes what went before; or one before it in the same
 * commit does (again), and then the model has none of them yet. */
bool check_control_written(struct sim *s, uint64_t seq, bool again);
void check_retry_written(struct sim *s, const struct journal_put *put);
/* The rows that the feeder was told of may be more than there are: they are of a journal or state of before. */
void check_undone(struct sim *s, uint32_t feeder);
/* How often the journal failed so far. */
uint64_t check_journal_faults(const struct sim *s);
/* The ingestor answers an operator; excused: the journal took nothing at that moment, or could not be read. */
void check_retried(struct sim *s, const Parbus__Retried *m, bool excused);

/* Law 8, who may what: rights.h. */

/* ---- laws 3, 4, 5, 6: workers and state (check_state.c) ---- */

void check_work_sent(struct sim *s, const struct actor *scorer, const Parbus__Work *work);
void check_owners_from_state(struct sim *s);
void check_owned(struct sim *s, const struct actor *scorer, uint32_t partition, uint64_t owner_epoch);
void check_committed(struct sim *s, const struct actor *scorer, const struct state_batch *b);
/* Law 6: every record that a worker took is counted, as one thing or another. */
void check_counted(struct sim *s, const struct actor *n, uint64_t before, uint64_t after);
/* All of state against the model. */
void check_state_complete(struct sim *s);

/* ---- law 5: publisher and feed (check_feed.c) ---- */

void check_publisher_started(struct sim *s);
void check_published(struct sim *s, const struct publisher *p, uint64_t epoch);
void check_subscriber(struct sim *s, const struct actor *n, const struct parbus_topic *t, uint32_t series);
/* Is it what the unit has after everything? */
bool check_shows_last(const struct sim *s, uint32_t series, const struct standing *have);
void check_feed_complete(struct sim *s);

/* ---- law 7: nothing changes unseen (check_flips.c) ---- */

/* As check_outstanding, as long as something is damaged: NULL when that alone holds anything up, and is told. */
const char *check_held_up(struct sim *s);
/* Of nothing it is said any more that it is damaged. */
void check_nothing_damaged(struct sim *s);

/* ---- the end (check_end.c) ---- */

/* NULL: nothing is outstanding any more; else what is, for a person. */
const char *check_outstanding(struct sim *s);
/* … but for what the feed shows of units whose partition is held up by damage. */
const char *check_feed_shows(struct sim *s);
/* Everything, after nothing is outstanding. */
void check_end(struct sim *s);
/* Law 2: the journal, replayed by a fresh validator and scorer, gives the same state (replay.c). */
void check_replay(struct sim *s);

void check_free(struct check *c);
