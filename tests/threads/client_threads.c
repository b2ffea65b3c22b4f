/* Feeds and feeders, each in a thread of its own, against a door and a publisher that are not there: what they share in
 * the process (ZeroMQ's context, the list of open stores) is shared without a race. ThreadSanitizer ends it otherwise.
 */
#include <parbus/feed.h>
#include <parbus/feeder.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 6, ROUNDS = 8, TURNS = 20 };

static char directory[] = "/tmp/parbus-threads-XXXXXX";

static void must(enum parbus_err err, const struct parbus_err_text *e)
{
    if (err != PARBUS_OK) {
        fprintf(stderr, "client_threads: %s: %s\n", parbus_err_name(err), e->text);
        exit(1);
    }
}

static void push_some(int number)
{
    char endpoint[80], name[16], outbox[80];
    struct parbus_err_text e = {""};
    struct parbus_feeder *feeder;
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    uint32_t indicator = 2;
    double value = 1;
    snprintf(endpoint, sizeof endpoint, "ipc://%s/door", directory);
    snprintf(name, sizeof name, "thread-%d", number);
    snprintf(outbox, sizeof outbox, "%s/outbox-%d", directory, number);
    struct parbus_feeder_options options = {.endpoint = endpoint, .name = name, .outbox = outbox};
    must(parbus_feeder_open(&feeder, &options, &e), &e);
    s.index = "qd766", s.period = "2025", s.unit = "H05";
    s.indicator = &indicator, s.value = &value, s.n_indicator = s.n_value = 1;
    for (int i = 0; i < TURNS; i++) {
        must(parbus_feeder_submit(feeder, &s, NULL, &e), &e);
        must(parbus_feeder_poll(feeder, 1, &e), &e);
    }
    parbus_feeder_close(&feeder);
}

static void follow_some(int number)
{
    char events[80], snapshots[80], topic[32];
    struct parbus_err_text e = {""};
    struct parbus_feed *feed;
    struct parbus_topic *t;
    snprintf(events, sizeof events, "ipc://%s/feed", directory);
    snprintf(snapshots, sizeof snapshots, "ipc://%s/snapshot", directory);
    snprintf(topic, sizeof topic, "qd766/%d", number);
    struct parbus_feed_options options = {.feed_endpoint = events, .snapshot_endpoint = snapshots};
    must(parbus_feed_open(&feed, &options, &e), &e);
    must(parbus_feed_follow(feed, topic, NULL, &t, &e), &e);
    for (int i = 0; i < TURNS; i++)
        must(parbus_feed_poll(feed, 1, &e), &e);
    parbus_feed_close(&feed);
}

static void *work(void *ctx)
{
    int number = (int)(size_t)ctx;
    for (int i = 0; i < ROUNDS; i++)
        (number % 2 ? push_some : follow_some)(number);
    return NULL;
}

int main(void)
{
    pthread_t thread[THREADS];
    char command[100];
    if (!mkdtemp(directory))
        return 1;
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, work, (void *)i) != 0)
            return 1;
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    parbus_shutdown();
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command) == 0 ? 0 : 1;
}
