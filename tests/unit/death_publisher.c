#include "base/err.h"
#include "death.h"
#include "services/publisher/internal.h"

static struct publisher publisher;
static struct partition follows[2];
static struct ring_topic topic;

static void reload(void *ctx, struct publisher *p, uint64_t journal_id, uint32_t partition)
{
    (void)ctx, (void)p, (void)journal_id, (void)partition;
}

/* Partition 1 misses something: it is at 5, has seen 9, and 8 is wanted; the ring holds two deltas of one topic. */
static struct partition *following(void)
{
    static struct metrics metrics;
    ring_clear(&publisher.ring);
    publisher = (struct publisher){.partition = follows, .partitions = 2, .behind = 1};
    publisher.o.metrics = &metrics, publisher.o.io.reload = reload;
    publisher.ring = (struct ring){.bytes_max = 100, .deltas_max = 4};
    topic = (struct ring_topic){0};
    ring_add(&publisher.ring, &topic, 0, 1, 10);
    ring_add(&publisher.ring, &topic, 1, 2, 10);
    follows[0] = (struct partition){0};
    follows[1] = (struct partition){.state = FOLLOW_BEHIND, .position = 5, .seen = 9, .wanted = 8, .from_state = 4};
    return &follows[1];
}

static void behind_uncounted(void)
{
    following();
    publisher.behind = 0;
}
static void counted_but_not_behind(void)
{
    following();
    publisher.behind = 2;
    follows[1].state = FOLLOW_CURRENT;
    follows[1].wanted = 0;
}
static void read_further_than_it_is(void) { following()->from_state = 9; }
static void ring_counts_too_little(void)
{
    following();
    publisher.ring.bytes = 15;
}
static void ring_counts_too_much(void)
{
    following();
    publisher.ring.bytes = 25;
}
static void ring_counts_one_more(void)
{
    following();
    topic.count++;
}
static void delta_after_a_hole(void)
{
    following();
    ring_add(&publisher.ring, &topic, 2, 3, 10);
    topic.last->seq = 4;
}

static void sound(void) { following(); }
static void go_on(void)
{
    partitions_reload(&publisher, 0);
    partition_missed(&publisher, 1, 8);
    partition_read(&publisher, 1, 8);
    ring_add(&publisher.ring, &topic, topic.last->seq == 4 ? 3 : topic.last->seq, topic.last->seq + 1, 1);
    ring_clear(&publisher.ring);
}

const struct deaths publisher_deaths = {
    sound,
    go_on,
    {
        {"behind_uncounted", behind_uncounted},
        {"counted_but_not_behind", counted_but_not_behind},
        {"read_further_than_it_is", read_further_than_it_is},
        {"ring_counts_too_little", ring_counts_too_little},
        {"ring_counts_too_much", ring_counts_too_much},
        {"ring_counts_one_more", ring_counts_one_more},
        {"delta_after_a_hole", delta_after_a_hole},
    },
};
