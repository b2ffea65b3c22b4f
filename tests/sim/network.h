/* Links between processes: messages as bytes, in virtual time. A message to a process that is not there is lost, or
 * waits for the next one of that name, as with sockets that reconnect. */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct sim;
struct actor;

enum channel {
    TO_DOOR,
    TO_FEEDER,
    TO_COORDINATOR,
    TO_WORKER,
    TO_SCORER,
    TO_PUBLISHER,
    FEED_EVENT,
    TO_SNAPSHOTS,
    FROM_SNAPSHOTS,
    CHANNEL_COUNT
};

struct message {
    struct message *next; /* in an inbox, or free */
    uint8_t *data;
    size_t bytes, capacity;
    int64_t at_us;
    uint64_t order;      /* of sending; decides between equal times */
    int from, to;        /* nodes */
    uint32_t connection; /* of the sender … */
    uint32_t principal;  /* … and who is behind it */
    uint32_t topic;      /* FEED_EVENT: series */
    enum channel channel;
};

enum { LINKS_MAX = 22 };

struct network {
    struct message **heap;
    size_t count, capacity;
    struct message *vacant;
    uint64_t sent;
    size_t on_way[LINKS_MAX];              /* to a node, its inbox included */
    int64_t last_us[LINKS_MAX][LINKS_MAX]; /* without reordering none overtakes */
    int64_t cut_until_us[LINKS_MAX][LINKS_MAX];
};

/* ERR_BUSY: the queue is full. Whatever else happens to the message, the sender does not learn it. */
enum err network_send(struct sim *s, const struct actor *from, int to, enum channel channel, uint32_t topic,
                      const void *data, size_t bytes);
/* INT64_MAX: nothing is under way. */
int64_t network_next_us(const struct network *n);
/* Takes the next message off the network; it goes to its receiver's inbox, or is lost. */
void network_deliver(struct sim *s);
/* Done with it. */
void network_release(struct network *n, struct message *m);
/* The host's processes are gone: nothing is under way to them or between them; what they sent away may still come. */
void network_forget_host(struct sim *s);
/* A connection keeps its order in one thing: what its feeder sent in one epoch does not come after the hello of the
 * next (D3h). */
void network_close_epoch(struct network *n, const struct actor *feeder);
void network_free(struct network *n);
const char *channel_name(enum channel channel);
