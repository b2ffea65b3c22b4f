/* A dashboard in libuv's loop: follows a topic, prints each change, ends with SIGTERM.
 *
 *     cc libuv.c $(pkg-config --cflags --libs parbus-client libuv) -o dashboard
 *     ./dashboard ipc:///srv/parbus/run/feed ipc:///srv/parbus/run/snapshot qd766/2025 */
#include <parbus/feed.h>
#include <signal.h>
#include <stdio.h>
#include <uv.h>

struct dashboard {
    struct parbus_feed *feed;
    struct parbus_err_text e;
    enum parbus_err err;
    uv_loop_t loop;
    uv_poll_t readable;
    uv_timer_t timer;
    uv_prepare_t before_waiting;
    uv_signal_t signal;
};

static void on_snapshot(void *ctx, const struct parbus_topic *topic)
{
    (void)ctx;
    printf("%s: %s\n", parbus_topic_name(topic), parbus_topic_header(topic)->title_en);
}

static void on_delta(void *ctx, const struct parbus_topic *topic, const Parbus__Delta *delta)
{
    (void)ctx;
    for (size_t i = 0; i < delta->n_row; i++) {
        struct parbus_row row;
        if (parbus_topic_row(topic, delta->row[i]->unit, &row))
            printf("%s: %s %.3f\n", parbus_topic_name(topic), row.code, (double)row.score / 1e6);
    }
}

static void step(struct dashboard *d)
{
    d->err = parbus_feed_step(d->feed, &d->e);
    fflush(stdout);
    if (d->err)
        uv_stop(&d->loop);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)status, (void)events;
    step(handle->data);
}

static void on_timer(uv_timer_t *handle) { step(handle->data); }

/* Asked for anew each time: whatever was called meanwhile may have changed it. */
static void before_waiting(uv_prepare_t *handle)
{
    struct dashboard *d = handle->data;
    int ms = parbus_feed_timeout_ms(d->feed);
    uv_update_time(&d->loop);
    if (ms < 0)
        uv_timer_stop(&d->timer);
    else
        uv_timer_start(&d->timer, on_timer, (uint64_t)ms, 0);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

static void run(struct dashboard *d)
{
    uv_loop_init(&d->loop);
    uv_poll_init(&d->loop, &d->readable, parbus_feed_fd(d->feed));
    uv_timer_init(&d->loop, &d->timer);
    uv_prepare_init(&d->loop, &d->before_waiting);
    uv_signal_init(&d->loop, &d->signal);
    d->readable.data = d->timer.data = d->before_waiting.data = d;
    uv_poll_start(&d->readable, UV_READABLE, on_readable);
    uv_prepare_start(&d->before_waiting, before_waiting);
    uv_signal_start(&d->signal, on_signal, SIGTERM);
    uv_run(&d->loop, UV_RUN_DEFAULT);
}

static void close_one(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    uv_close(handle, NULL);
}

int main(int argc, char **argv)
{
    static struct dashboard d;
    struct parbus_topic *topic;
    struct parbus_topic_events events = {.snapshot = on_snapshot, .delta = on_delta};
    if (argc != 4)
        return 2;
    struct parbus_feed_options options = {.feed_endpoint = argv[1], .snapshot_endpoint = argv[2]};
    d.err = parbus_feed_open(&d.feed, &options, &d.e);
    if (!d.err)
        d.err = parbus_feed_follow(d.feed, argv[3], &events, &topic, &d.e);
    if (!d.err) {
        run(&d);
        uv_walk(&d.loop, close_one, NULL);
        uv_run(&d.loop, UV_RUN_DEFAULT);
        uv_loop_close(&d.loop);
    }
    if (d.err)
        fprintf(stderr, "dashboard: %s\n", d.e.text);
    parbus_feed_close(&d.feed);
    return d.err ? 1 : 0;
}
