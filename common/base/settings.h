/* Every limit and interval in one table (law 6). From it come the defaults, parsing, `--set name=value`, the file
 * `<dir>/parbus.conf` (name = value, # comments), `--help` and the table in README.md (a test compares). */
#pragma once
#include "base/err.h"
#include <stdint.h>
#include <stdio.h>

/* clang-format off */
/*  name                         default        least      most           what (unit is in the name) */
#define SETTINGS_TABLE(X)                                                                                              \
    X(partitions,                64,            1,         4096,          "partitions of a new journal; fixed when it is created") \
    X(group_bytes_max,           1 << 20,       4096,      1 << 20,       "a commit of the journal takes at most this much") \
    X(group_wait_us,             1000,          0,         1000000,       "… and is gathered at most this long while more waits at the door; else not at all") \
    X(submission_bytes_max,      1 << 20,       1024,      1 << 20,       "one submission") \
    X(feeders_max,               4096,          1,         1000000,       "feeders known to the journal") \
    X(feeder_window,             16384,         1,         1000000,       "submissions of a feeder without a receipt") \
    X(feeder_window_bytes,       16 << 20,      4096,      1 << 30,       "… and their bytes; one submission may always be under way") \
    X(feeder_lease_ms,           10000,         100,       3600000,       "a feeder without an outbox keeps its name so long after it was heard") \
    X(feeder_submissions_per_s,  0,             0,         1000000000,    "a feeder's submissions that are taken in a second; 1 s of them at once; 0: any") \
    X(feeder_bytes_per_s,        0,             0,         1ll << 40,     "… and their bytes; 0: any") \
    X(feeders_new_per_minute,    600,           1,         1000000,       "names that may be new to the journal in a minute; all of them at once") \
    X(connections_max,           4096,          1,         1000000,       "TCP connections to a process; more are closed at once") \
    X(connections_per_address_max, 512,         1,         1000000,       "… from one address") \
    X(handshake_ms_max,          10000,         100,       600000,        "a connection that has not said who it is after so long is closed") \
    X(subscriptions_per_client_max, 256,        1,         100000000,     "subscriptions of a connection to the feed that are to no topic, or to what it may not follow; who asks for more is cut off") \
    X(snapshots_per_client_max,  32,            1,         4096,          "snapshots under way to a connection; more are asked for again") \
    X(questions_per_s,           100,           1,         1000000,       "hellos, Status, Describe and Stats of a connection that are answered; 1 s of them at once") \
    X(questions_all_per_s,       400,           1,         1000000,       "… of all connections, but for the first question of each in a while") \
    X(partition_window_bytes,    2 << 20,       4096,      64 << 20,      "journalled bytes of a partition sent and not yet applied") \
    X(scorer_window_bytes,       16 << 20,      4096,      1 << 30,       "… of all partitions of one scorer") \
    X(heartbeat_interval_ms,     250,           10,        10000,         "a worker's heartbeat") \
    X(worker_lease_ms,           1500,          50,        60000,         "silence after which a worker counts as dead") \
    X(resend_after_ms,           1000,          10,        60000,         "no progress for so long: send again from applied + 1") \
    X(record_tries_max,          3,             1,         1000,          "workers that may end while at one submission before it is set aside") \
    X(release_timeout_ms,        2000,          10,        60000,         "draining a partition may take so long") \
    X(commit_interval_ms,        50,            0,         10000,         "least time between two commits of a scorer") \
    X(scorer_cached_units_max,   65536,         1,         100000000,     "units that a scorer keeps in memory between commits") \
    X(feed_merge_ms,             20,            0,         10000,         "a change waits at most this long to be told") \
    X(feed_ring_deltas,          1024,          1,         1000000,       "recent deltas kept per topic for resume") \
    X(feed_ring_bytes_max,       64 << 20,      4096,      1 << 30,       "… of all topics") \
    X(feed_heartbeat_ms,         1000,          10,        60000,         "heartbeat of each topic") \
    X(journal_map_bytes,         64ll << 30,    1 << 20,   16ll << 40,    "address space of the journal; a sparse file") \
    X(state_map_bytes,           64ll << 30,    1 << 20,   16ll << 40,    "address space of state; a sparse file") \
    X(network_fs_allowed,        0,             0,         1,             "1: run on NFS, 9p or FUSE at your own risk")

/* clang-format on */
struct settings {
#define X(name, fallback, least, most, text) int64_t name;
    SETTINGS_TABLE(X)
#undef X
};

void settings_defaults(struct settings *s);
/* "name=value"; value in decimal, with optional suffix k, M, G (1024). */
enum err settings_set(struct settings *s, const char *assignment, struct err_text *e);
/* A missing file is fine. Faults are "file:line: …". */
enum err settings_read(struct settings *s, const char *file, struct err_text *e);
/* The defaults, then what DIR/parbus.conf says. */
enum err settings_of(struct settings *s, const char *directory, struct err_text *e);
/* The table as text, one line each: name, default, range, what. */
void settings_print(FILE *out);
