/* A dashboard in a poll loop of its own: follows topics over one feed, prints each change, ends when its input does.
 *
 *     cc poll.c $(pkg-config --cflags --libs parbus-client) -o dashboard
 *     ./dashboard ipc:///srv/parbus/run/feed ipc:///srv/parbus/run/snapshot qd766/2025 par-province/2024 */
#include <parbus/feed.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static void on_snapshot(void *ctx, const struct parbus_topic *topic)
{
    (void)ctx;
    printf("%s: %s, %s\n", parbus_topic_name(topic), parbus_topic_header(topic)->title_en,
           parbus_topic_header(topic)->status);
}

static void on_delta(void *ctx, const struct parbus_topic *topic, const Parbus__Delta *delta)
{
    (void)ctx;
    for (size_t i = 0; i < delta->n_row; i++) {
        struct parbus_row row;
        if (parbus_topic_row(topic, delta->row[i]->unit, &row))
            printf("%s: %s %.3f rank %u\n", parbus_topic_name(topic), row.code, (double)row.score / 1e6, row.rank);
    }
}

static void on_unknown(void *ctx, const struct parbus_topic *topic)
{
    (void)ctx;
    printf("%s: not known here\n", parbus_topic_name(topic));
}

static enum parbus_err loop(struct parbus_feed *feed, struct parbus_err_text *e)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = parbus_feed_fd(feed), .events = POLLIN}};
    enum parbus_err err = PARBUS_OK;
    while (!err && !fds[0].revents) {
        poll(fds, 2, parbus_feed_timeout_ms(feed));
        err = parbus_feed_step(feed, e);
        fflush(stdout);
    }
    return err;
}

int main(int argc, char **argv)
{
    struct parbus_err_text e = {""};
    struct parbus_feed *feed = NULL;
    struct parbus_topic *topic;
    struct parbus_topic_events events = {.snapshot = on_snapshot, .delta = on_delta, .unknown = on_unknown};
    if (argc < 4)
        return 2;
    struct parbus_feed_options options = {.feed_endpoint = argv[1], .snapshot_endpoint = argv[2]};
    enum parbus_err err = parbus_feed_open(&feed, &options, &e);
    for (int i = 3; !err && i < argc; i++)
        err = parbus_feed_follow(feed, argv[i], &events, &topic, &e);
    if (!err)
        err = loop(feed, &e);
    if (err)
        fprintf(stderr, "dashboard: %s\n", e.text);
    parbus_feed_close(&feed);
    return err ? 1 : 0;
}
