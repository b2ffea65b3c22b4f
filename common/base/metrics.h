/* Counters: one for each thing that happens and one for each reason (law 6). A process has one set; heartbeats carry it
 * to the coordinator, `parbus status` shows it. Names never change. Refusals and rejects by reason are counted as
 * "refused_<reason>" and "rejected_<reason>" beside this table (names from wire/reason.h). */
#pragma once
#include <stdint.h>

#define METRIC_TABLE(X)                                                                                                \
    X(submissions_received, "submissions that came through the door")                                                  \
    X(submissions_repeated, "… that had a receipt already")                                                            \
    X(submissions_journalled, "… written to the journal")                                                              \
    X(observations_journalled, "their rows")                                                                           \
    X(journal_commits, "transactions of the journal")                                                                  \
    X(journal_commit_failures, "… that failed")                                                                        \
    X(journal_read_failures, "reads of the journal that failed")                                                       \
    X(feeders_refused_lately, "names refused in the last ten seconds, for feeders_max is reached")                     \
    X(connections_over_limit,                                                                                          \
      "TCP connections closed at once because of connections_max or connections_per_address_max")                      \
    X(connections_unspoken, "connections that ended without having said who they are, or have not said it yet")        \
    X(questions_unanswered, "questions at the door that were not answered, for too many were asked")                   \
    X(rejects_damaged, "rejects that a feeder asked for and state has damaged")                                        \
    X(questioners_cut, "connections ended because they went on asking all the same")                                   \
    X(records_sent, "journal records sent to validators")                                                              \
    X(records_sent_again, "… more than once")                                                                          \
    X(sends_full, "sends that found a full queue")                                                                     \
    X(workers_joined, "workers that said hello")                                                                       \
    X(workers_lost, "workers whose lease ran out")                                                                     \
    X(records_set_aside, "submissions set aside because workers ended while at them")                                  \
    X(records_readmitted, "… sent again by an operator")                                                               \
    X(access_changed, "changes of who may do what")                                                                    \
    X(access_refused, "… that could not be made")                                                                      \
    X(partitions_moved, "partitions given to another scorer")                                                          \
    X(messages_misshapen, "messages with more or fewer frames than the protocol has, dropped")                         \
    X(connections_refused, "connections closed at once because descriptors run out")                                   \
    X(connections_refused_lately, "… of them in the last ten seconds")                                                 \
    X(connections_unknown_key, "connections refused: the key is not known, or not any more")                           \
    X(connections_foreign_user, "… another user's process at a socket of the owner")                                   \
    X(connections_misshapen, "… what was asked of the gate was not understood")                                        \
    X(connections_guests, "connections let in with a key that nobody knows, to show an invitation")                    \
    X(connections_guests_over_limit, "… refused: there were too many of them")                                         \
    X(guests_cut, "… ended because they showed none in time, or said something else")                                  \
    X(keys_joined, "keys that came over the network: by an invitation, or in the place of another")                    \
    X(joins_refused, "… that were refused: the invitation is not known, used or expired")                              \
    X(connections_cut, "connections ended because their key was revoked or expired")                                   \
    X(messages_early, "messages that came before the process had started to serve, dropped")                           \
    X(messages_malformed, "messages that could not be read")                                                           \
    X(records_validated, "records checked by validators")                                                              \
    X(rows_accepted, "rows accepted")                                                                                  \
    X(rows_rejected, "rows rejected")                                                                                  \
    X(records_applied, "records applied by scorers")                                                                   \
    X(records_duplicate, "records dropped because they were applied already")                                          \
    X(records_gap, "records dropped because one before them is missing")                                               \
    X(records_not_owned, "records dropped because the partition is somebody else's")                                   \
    X(records_refused, "records dropped because the journal cannot be read or state not written")                      \
    X(state_commits, "transactions of state")                                                                          \
    X(state_commit_failures, "… that failed")                                                                          \
    X(ownership_lost, "partitions found in another scorer's hands")                                                    \
    X(scores_sent, "unit scores sent to the publisher")                                                                \
    X(scores_dropped, "score messages that found a full queue; the publisher reads state instead")                     \
    X(partitions_reloaded, "partitions that the publisher read again from state")                                      \
    X(deltas_published, "feed deltas")                                                                                 \
    X(delta_rows_published, "their rows")                                                                              \
    X(snapshots_served, "feed snapshots")                                                                              \
    X(resumes_served, "feed resumes")                                                                                  \
    X(snapshots_abandoned, "feed snapshots given up: the client did not read, or too many were under way")             \
    X(resyncs_sent, "feed clients told to start again")                                                                \
    X(questions_not_authorised, "questions for snapshots and resumes whose asker may not follow the topic")            \
    X(subscriptions_not_authorised, "subscriptions to what the subscriber may not follow")                             \
    X(subscribers_judged_anew, "connections ended because what they may follow is not the same any more")              \
    X(subscribers_cut,                                                                                                 \
      "connections ended because of too many subscriptions to what is no topic, or what is no subscription")

enum metric {
#define X(name, text) METRIC_##name,
    METRIC_TABLE(X)
#undef X
        METRIC_COUNT
};

struct metrics {
    uint64_t value[METRIC_COUNT];
    uint64_t reason[256]; /* by Parbus__Reason */
};

#define metric_add(m, name, n) ((m)->value[METRIC_##name] += (uint64_t)(n))
const char *metric_name(enum metric m);
const char *metric_text(enum metric m);
