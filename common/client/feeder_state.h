/* What feeder_core.c (sending) and feeder_answers.c (receiving) share. Private to them and feeder_state.c. */
#pragma once
#include "base/buffer.h"
#include "base/states.h"
#include "client/feeder_core.h"
#include "client/feeder_ring.h"

enum {
    FEEDER_SILENCE_US = 1000000,  /* D1: nothing heard for so long while waiting: say hello again */
    FEEDER_RETRY_US = 10000,      /* the socket was full */
    FEEDER_HOLD_US_MAX = 4000000, /* D9a: longer than that is waited only when the ingestor wants it */
    FEEDER_HOLD_DOUBLINGS_MAX = 10,
    FEEDER_RESTARTS_MAX = 8, /* new epochs in a row that the ingestor did not accept */
    FEEDER_DOUBTS_MAX = 3,   /* Welcomes without `request` that must agree before an epoch is given up */
};

enum feeder_state { FEEDER_GREETING, FEEDER_WELCOMED, FEEDER_FAILED };

#define FEEDER_EDGES(X)                                                                                                \
    X(FEEDER_GREETING, FEEDER_WELCOMED, "Welcome: submissions go out")                                                 \
    X(FEEDER_WELCOMED, FEEDER_GREETING, "NO_HELLO, a new epoch, or the ingestor does not go on where we do")           \
    X(FEEDER_GREETING, FEEDER_FAILED, "refused for good, or the disk fails: a person must help")                       \
    X(FEEDER_WELCOMED, FEEDER_FAILED, "refused for good, or another process has this name")
extern const struct state_machine feeder_machine;

enum feeder_question { ASK_STATUS, ASK_DESCRIBE, ASK_STATS, ASK_COUNT };

struct feeder_core {
    struct feeder_core_io io;
    struct parbus_feeder_events events;
    char name[65];
    bool stored;

    struct feeder_ring ring;
    uint64_t epoch_step;
    uint64_t epoch, last, released; /* last: the newest submitted; released: on disk, may be sent */
    uint64_t next_send;             /* in order from here */
    uint64_t receipted;             /* everything up to here has its receipt */
    uint64_t settled;               /* … or was refused for good */
    uint64_t receipted_digest;      /* of the submissions up to `receipted` (D17) */
    uint64_t line;                  /* D16 */
    uint64_t scored, accepted_rows, rejected_rows;

    uint32_t number, window, rows_max;
    uint64_t submission_bytes_max, window_bytes; /* window_bytes 0: no such bound */
    enum feeder_state state;
    bool welcomed_once; /* in this epoch */
    bool without_outbox, take_over;
    bool in_use;   /* another line has the name, as far as is known */
    uint64_t hole; /* what the store cannot give any more: the ring ends before it; 0: nothing */
    struct err_text hole_why;
    bool leaving, gone; /* D18: to say Bye; it was answered */
    int64_t bye_due_us;
    uint64_t request;     /* of the newest Hello */
    uint64_t hello_first; /* the oldest without a receipt when it was sent */
    uint32_t restarts, doubts;
    int64_t hello_due_us, quiet_since_us, hold_until_us;
    uint32_t holds;         /* D9a: one after another, without a receipt between them */
    uint32_t burst;         /* D9a: so many may be under way; 0: what the window holds */
    Parbus__Reason trouble; /* told last; told again only after things went well */
    bool send_full;
    int64_t wall_ms; /* when the message that is being looked at came */
    bool clock_told; /* that one of the two clocks is wrong */

    struct {
        struct buffer packed;
        bool open;
        int64_t due_us;
    } question[ASK_COUNT];

    struct buffer out;
    enum err failure; /* OK exactly while it has not FAILED */
    struct err_text failure_text;
};

void feeder_enter(struct feeder_core *c, enum feeder_state state);
/* What always holds, whatever the ingestor says: receipted <= settled <= released <= last, and the ring holds what has
 * no receipt, with the next one to be sent in it or at its end. O(1). */
void feeder_assert(const struct feeder_core *c);
/* D17: what the ingestor has taken up to seq is what we submitted. */
bool feeder_is_ours(const struct feeder_core *c, uint64_t seq, uint64_t digest);
void feeder_note_trouble(struct feeder_core *c, Parbus__Reason reason, const char *text);
/* Everything up to seq, which has this digest, has its receipt. */
void feeder_settle(struct feeder_core *c, uint64_t up_to_seq, uint64_t digest);
/* Counts refused submissions after the last receipt as settled. */
void feeder_settle_refused(struct feeder_core *c);
/* What is lost in the store and has no receipt is left behind, once it is its turn (D19). */
void feeder_leave_hole(struct feeder_core *c);
/* Starts again at seq 1 with what has no receipt, in an epoch of at least `least`. */
void feeder_new_epoch(struct feeder_core *c, uint64_t least, const char *why);
