/* Ways to break a law of the design on purpose, in the simulator's own stores and glue, to prove that it would be seen.
 */
#pragma once
#include <stdbool.h>

#define MUTATION_TABLE(X)                                                                                              \
    X(NONE, "none", 0, "nothing is broken")                                                                            \
    X(EARLY_RECEIPT, "early-receipt", 1, "receipts are given when a group is handed over, not when it is there")       \
    X(RECEIPT_ORDER, "receipt-order", 1, "a receipt goes out after the next one")                                      \
    X(FENCED_GOES_ON, "fenced-goes-on", 4, "an ingestor goes on though somebody else is the writer")                   \
    X(EARLY_PROGRESS, "early-progress", 3, "a scorer says Progress of what it has applied, not of what state has")     \
    X(CLOCK_IN_STATE, "clock-in-state", 2, "the time of the commit gets into state")                                   \
    X(GAP_APPLIED, "gap-applied", 3, "records are applied in whatever order and number they come")                     \
    X(REPEAT_JOURNALLED, "repeat-journalled", 3, "a submission that is sent again is written again")                   \
    X(TWO_WRITERS, "two-writers", 4, "a scorer that lost a partition may still write")                                 \
    X(CURSOR_APART, "cursor-apart", 3, "effects and cursor are two transactions")                                      \
    X(ROUNDED_TWICE, "rounded-twice", 5, "values are kept with two decimals only")                                     \
    X(ARRIVAL_ORDER, "arrival-order", 5, "the value that came last wins, not the one observed last")                   \
    X(SILENT_DROP, "silent-drop", 6, "a scorer drops a record and counts nothing")                                     \
    X(NO_WINDOW, "no-window", 6, "the ingestor sends without regard to the windows")                                   \
    X(NO_SCORER_WINDOW, "no-scorer-window", 6, "… to that over all partitions of a scorer")                            \
    X(NO_FEEDER_WINDOW, "no-feeder-window", 6, "feeders are told of no window of bytes")                               \
    X(EPOCH_AHEAD, "epoch-ahead", 6, "the door takes epochs that lie days ahead of the clock")                         \
    X(UNSYNCED_JOURNAL, "unsynced-journal", 1, "a power cut takes back the last commit of the journal")                \
    X(AHEAD_ACCEPTED, "ahead-accepted", 2, "a state ahead of the journal is built upon")                               \
    X(OTHER_PAST, "other-past", 2, "… when the journal has become long enough")                                        \
    X(APPENDED_TWICE, "appended-twice", 3, "a group that is appended again is written again though it is there")       \
    X(FEED_GAP, "feed-gap", 3, "a subscriber applies deltas whatever they follow on")                                  \
    X(EPOCH_REUSED, "epoch-reused", 3, "a feeder without memory begins with line and epoch of the life before")        \
    X(NO_DIGEST, "no-digest", 1, "feeders believe receipts whatever their digest")                                     \
    X(SECOND_LINE, "second-line", 4, "the door lets a second line in beside the one that has the name")                \
    X(NOT_FENCED, "not-fenced", 4, "an entry is set aside while its partition has the owner that it had")              \
    X(NOT_JOURNALLED, "not-journalled", 2, "workers are told what is set aside, and the journal is not")               \
    X(RETRY_COUNTED, "retry-counted", 3, "what is sent again counts as one submission more")                           \
    X(REJECT_LEFT, "reject-left", 2, "what is sent again stays among the rejects")                                     \
    X(CONTROL_MISSED, "control-missed", 3, "a worker that missed a control does not ask for it")                       \
    X(CONTROL_SKIPPED, "control-skipped", 2, "a validator that missed a control goes on without it")                   \
    X(SUSPECT_FORGOTTEN, "suspect-forgotten", 6, "only the last entry that ended a worker is suspected")               \
    X(FLIP_UNSEEN, "flip-unseen", 7, "whoever reads journal or state does not look at checksums")                      \
    X(REVOKED_GOES_ON, "revoked-goes-on", 8, "a key that is revoked goes on on its open connection")                   \
    X(NEWEST_RIGHTS, "newest-rights", 8, "a replay judges by the newest rights, not by those before the record")       \
    X(RIGHTS_NOT_KEPT, "rights-not-kept", 8, "a grant is in force, and the journal does not get it")                   \
    X(EARLY_CHANGE, "early-change", 8, "who changes rights is answered before the journal has it")                     \
    X(EARLY_REFUSAL, "early-refusal", 8, "NOT_AUTHORISED is told before the journal has the seq as used up")           \
    X(ANSWER_ASTRAY, "answer-astray", 8, "what is for one identity is told to another")

enum mutation {
#define X(code, name, law, text) MUTATION_##code,
    MUTATION_TABLE(X)
#undef X
        MUTATION_COUNT
};

struct mutation_row {
    const char *name;
    int law; /* README.md#laws */
    const char *text;
};
extern const struct mutation_row mutation_table[MUTATION_COUNT];

/* false: no such name. */
bool mutation_of(const char *name, enum mutation *out);

struct buffer;
/* Whether the control, packed, sets something aside; it then says that of an entry that there never is. */
bool mutation_forgets(struct buffer *control);
/* The control, packed, if it grants something: it then grants it until 1970. */
void mutation_ends_grant(struct buffer *control);
