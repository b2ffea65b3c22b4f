/* How many TCP connections a process has, from each address and in all, so that nobody takes the room of all others.
 * accept4 (descriptors.c) asks for each; libzmq does not say when one ends, so those that seem too many are looked at
 * again. An address whose connections are cut off for what they do gets new ones at PENALTIES_PER_S. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { PENALTIES_PER_S = 10, PENALTIES_MAX = 1024 };

struct connections {
    int64_t most, most_per_address;
    struct connection {
        uint64_t address, port; /* address 0: none; of a process on this host: its number, 0 */
        bool local;             /* not counted */
    } * by_descriptor;
    unsigned capacity;
    int64_t looked_us; /* who is still there */
    struct penalty {
        uint64_t address;
        int64_t until_us, next_us; /* it lasts; one is let in again */
    } penalty[PENALTIES_MAX];      /* by hash; those that share a place share it */
};

/* Whether this descriptor is still that connection. */
typedef bool connection_open_fn(int fd, const struct connection *c);

/* Pure but for `is_open`. false: it would be one too many, and is to be closed. O(descriptors). */
bool connections_admit(struct connections *c, int fd, struct connection from, connection_open_fn *is_open,
                       int64_t now_us);
/* This one was cut off: the next ones from its address come later. */
void connections_punish(struct connections *c, int fd, int64_t now_us);
void connections_free(struct connections *c);

/* ---- of this process ---- */

/* Before any socket listens. */
void connections_bound(int64_t most, int64_t most_per_address);
/* By whoever accepts. Any thread, as the next. */
bool connections_let_in(int fd);
void connections_cut_off(int fd);
/* Closed at once. */
uint64_t connections_over_limit(void);
