/* How often each kind of thing happened, over all runs: what never happens is not tested. */
#pragma once
#include "base/metrics.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CENSUS_TABLE(X)                                                                                                \
    X(deaths, "processes that died between two turns")                                                                 \
    X(deaths_in_call, "… within a turn")                                                                               \
    X(hangs, "processes that hung between two turns")                                                                  \
    X(hangs_in_call, "… within a turn, before a call")                                                                 \
    X(hangs_before_own, "… before taking a partition")                                                                 \
    X(hangs_in_transaction, "… with a transaction of state pending")                                                   \
    X(hangs_after_commit, "… after a commit of state, before knowing")                                                 \
    X(hangs_in_append, "… before or after a commit of the journal")                                                    \
    X(hangs_over_lease, "hangs longer than a worker's lease")                                                          \
    X(waits_for_state, "scorers that waited for another one's transaction")                                            \
    X(cuts, "links cut")                                                                                               \
    X(power_cuts, "power cuts of the host")                                                                            \
    X(power_cuts_of_all, "… that took feeders and subscribers with it")                                                \
    X(state_undone, "… that took back state's last transaction")                                                       \
    X(joins, "workers that joined")                                                                                    \
    X(leaves, "workers that left")                                                                                     \
    X(clock_jumps, "jumps of the wall clock")                                                                          \
    X(controls, "control records published late")                                                                      \
    X(messages_lost, "messages lost")                                                                                  \
    X(messages_repeated, "messages repeated")                                                                          \
    X(messages_late, "messages overtaken")                                                                             \
    X(queues_full, "sends that found a full queue")                                                                    \
    X(journal_full, "commits of the journal with a full disk")                                                         \
    X(journal_io, "… with an I/O error")                                                                               \
    X(journal_lies, "… that failed and are there all the same")                                                        \
    X(journal_late, "… that took longer than 5 ms")                                                                    \
    X(journal_bursts, "… that were answered in a burst")                                                               \
    X(journal_behind, "… of what had been gathered while another one was under way")                                   \
    X(journal_undone, "commits that nobody knew of and that a power cut took")                                         \
    X(journal_kept, "ingestors that died with a group under way that is there")                                        \
    X(journal_dropped, "… that is not")                                                                                \
    X(appended_again, "groups appended again")                                                                         \
    X(found_there, "… that were there")                                                                                \
    X(fenced, "ingestors told that somebody else is the writer")                                                       \
    X(fenced_kept, "… whose group is there all the same")                                                              \
    X(journal_read_io, "reads of the journal with an I/O error")                                                       \
    X(flips_journal, "bits of the journal's records that flipped")                                                     \
    X(flips_journal_read, "… records met so by a reader")                                                              \
    X(flips_journal_kept, "… partitions that stood still for it until somebody came")                                  \
    X(flips_mended_running, "… that were right again while everybody ran")                                             \
    X(flips_state, "bits of state's rows that flipped")                                                                \
    X(flips_state_read, "… rows met so by a reader")                                                                   \
    X(flips_state_kept, "… partitions that stood still for it until somebody came")                                    \
    X(state_full, "commits of state with a full disk")                                                                 \
    X(state_io, "… with an I/O error")                                                                                 \
    X(state_lies, "… that failed and are there all the same")                                                          \
    X(state_late, "… that took longer than 5 ms")                                                                      \
    X(state_kept, "scorers that died with a commit under way that is there")                                           \
    X(state_dropped, "… that is not")                                                                                  \
    X(own_errors, "partitions that could not be taken for an I/O error")                                               \
    X(state_read_io, "reads of state with an I/O error")                                                               \
    X(copies, "copies made of journal and state")                                                                      \
    X(restores, "journals taken back from a copy")                                                                     \
    X(restores_losing, "… that lost submissions with a receipt")                                                       \
    X(restores_with_state, "… with the state of the same copy")                                                        \
    X(restores_of_state, "states alone taken back from a copy")                                                        \
    X(restores_of_other, "of these, of the journal before it was taken back")                                          \
    X(ahead, "ingestors that refused a state ahead of the journal")                                                    \
    X(other_past, "… of a journal that had become long enough")                                                        \
    X(epochs_ahead, "partitions refused for an owner epoch ahead of the journal")                                      \
    X(state_deleted, "states deleted by the operator")                                                                 \
    X(scorer_window, "records sent that filled a scorer's window")                                                     \
    X(partition_window, "records sent that filled a partition's window")                                               \
    X(feeder_window, "submissions sent that left no place for another such in their feeder's window of bytes")         \
    X(new_epochs, "feeders that took a greater epoch (D3)")                                                            \
    X(outboxes_put_back, "outboxes put back to what they were once")                                                   \
    X(outboxes_shared, "… given to another process of the same name")                                                  \
    X(in_use, "hellos refused with IN_USE")                                                                            \
    X(taken_over, "names taken over, for a person said so")                                                            \
    X(memory_lost, "feeders without an outbox that started again")                                                     \
    X(behind_clock, "… with an epoch behind the one before")                                                           \
    X(stale_epochs, "hellos refused with STALE_EPOCH")                                                                 \
    X(hellos_ahead, "… with EPOCH_AHEAD")                                                                              \
    X(sequence_gaps, "submissions refused with SEQUENCE_GAP")                                                          \
    X(no_hellos, "messages refused with NO_HELLO")                                                                     \
    X(storage_refusals, "submissions refused with STORAGE")                                                            \
    X(repeats, "submissions repeated at the door")                                                                     \
    X(workers_lost, "workers whose lease ran out")                                                                     \
    X(resends, "records sent again")                                                                                   \
    X(gaps, "records a scorer dropped for a gap")                                                                      \
    X(controls_asked, "questions of workers for controls that they missed")                                            \
    X(duplicates, "records a scorer had applied already")                                                              \
    X(not_owned, "messages of an owner that is none any more")                                                         \
    X(ownership_lost, "partitions found in another scorer's hands")                                                    \
    X(publisher_starts, "publishers started again")                                                                    \
    X(reloads, "partitions that the publisher read from state")                                                        \
    X(subscriber_lags, "subscribers that fell behind or went away")                                                    \
    X(resumes, "resumes served")                                                                                       \
    X(resyncs, "subscribers told to start again")                                                                      \
    X(snapshots, "snapshots served")                                                                                   \
    X(poison_deaths, "workers that a submission ended")                                                                \
    X(poison_hangs, "… that it made hang until somebody ended them")                                                   \
    X(poison_survived, "… that looked at it and lived")                                                                \
    X(bookmarks_lost, "bookmarks that a power cut took")                                                               \
    X(set_aside, "entries set aside")                                                                                  \
    X(set_aside_again, "… after they had been sent again")                                                             \
    X(retries, "wishes of an operator to send something again")                                                        \
    X(retries_refused, "… that were refused")                                                                          \
    X(readmitted, "entries sent again")                                                                                \
    X(rights_asked, "changes of rights that somebody wanted")                                                          \
    X(rights_changed, "… and was told to be in the journal")                                                           \
    X(rights_not_changed, "… that were not made")                                                                      \
    X(rights_restored, "… taken back with the journal")                                                                \
    X(rights_ended_open, "… that ended who somebody is while he was connected")                                        \
    X(rights_as_identity, "… that an identity made")                                                                   \
    X(rights_ahead, "answers that went by a change still on its way into the journal")                                 \
    X(rights_granted, "submissions that a grant let into the journal")                                                 \
    X(rights_refused, "… refused, for none covers them")                                                               \
    X(rights_refused_told, "… of which their feeder was told")                                                         \
    X(rights_late, "… that a grant covers whose time was over")                                                        \
    X(rights_cut_short, "submissions on a connection that had been somebody's and was nobody's any more")              \
    X(rights_hellos_refused, "hellos of nobody, or under another's name")                                              \
    X(rights_claims, "hellos of a stranger under a feeder's name")                                                     \
    X(rights_verbs_refused, "other wishes without the right to them")                                                  \
    X(rights_turned_away, "messages that the gate kept from the core")                                                 \
    X(rights_guests, "messages that cost a connection, for nobody ever had its key")                                   \
    X(rights_shut_out, "feeders that ended because they are nobody")                                                   \
    X(rights_out, "… and were so in the end")                                                                          \
    X(rights_replayed, "submissions that a replay judged again")

enum census_kind {
#define X(name, text) CENSUS_##name,
    CENSUS_TABLE(X)
#undef X
        CENSUS_COUNT
};

struct census {
    uint64_t count[CENSUS_COUNT];
};

#define census_add(s, name, n) ((s)->census.count[CENSUS_##name] += (uint64_t)(n))

/* What a core counted in its life. */
void census_metrics(struct census *c, const struct metrics *m);
void census_sum(struct census *to, const struct census *from);
void census_print(FILE *out, const struct census *c);
/* The first kind that never happened; NULL: none. */
const char *census_missing(const struct census *c);
