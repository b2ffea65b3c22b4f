/* A feeder and a dashboard in one epoll loop: reads lines "UNIT INDICATOR VALUE", pushes each, prints receipts and what
 * becomes of the ranking; ends when its input has ended and all of it is scored.
 *
 *     cc epoll.c $(pkg-config --cflags --libs parbus-client) -o pusher
 *     echo H05 2 10.25 | ./pusher RUN NAME qd766 2025        (RUN: ipc:///srv/parbus/run) */
#include <parbus/feed.h>
#include <parbus/feeder.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { ENDPOINT_BYTES = 256, INPUT_BYTES = 4096 };

struct pusher {
    struct parbus_feed *feed;
    struct parbus_feeder *feeder;
    char *index, *period;
    char input[INPUT_BYTES + 1];
    size_t size;
    bool ended, full; /* the input; the window */
};

static void on_receipt(void *ctx, uint64_t up_to_seq)
{
    (void)ctx;
    printf("receipt up to %llu\n", (unsigned long long)up_to_seq);
}

static void on_refusal(void *ctx, uint64_t seq, Parbus__Reason reason, const char *detail)
{
    (void)ctx;
    printf("%llu is refused, %s: %s\n", (unsigned long long)seq, parbus_reason_name(reason), detail);
}

static void on_delta(void *ctx, const struct parbus_topic *topic, const Parbus__Delta *delta)
{
    (void)ctx;
    for (size_t i = 0; i < delta->n_row; i++) {
        struct parbus_row row;
        if (parbus_topic_row(topic, delta->row[i]->unit, &row))
            printf("%s %.3f\n", row.code, (double)row.score / 1e6);
    }
}

static enum parbus_err open_both(struct pusher *p, char **argv, struct parbus_err_text *e)
{
    char door[ENDPOINT_BYTES], feed[ENDPOINT_BYTES], snapshot[ENDPOINT_BYTES], topic[160];
    snprintf(door, sizeof door, "%s/door", argv[1]);
    snprintf(feed, sizeof feed, "%s/feed", argv[1]);
    snprintf(snapshot, sizeof snapshot, "%s/snapshot", argv[1]);
    snprintf(topic, sizeof topic, "%s/%s", p->index, p->period);
    struct parbus_feeder_options to_door = {
        .endpoint = door, .name = argv[2], .events = {.receipt = on_receipt, .refusal = on_refusal}};
    struct parbus_feed_options to_feed = {.feed_endpoint = feed, .snapshot_endpoint = snapshot};
    struct parbus_topic_events events = {.delta = on_delta};
    struct parbus_topic *followed;
    enum parbus_err err = parbus_feeder_open(&p->feeder, &to_door, e);
    if (!err)
        err = parbus_feed_open(&p->feed, &to_feed, e);
    return err ? err : parbus_feed_follow(p->feed, topic, &events, &followed, e);
}

static enum parbus_err push(struct pusher *p, const char *line, struct parbus_err_text *e)
{
    char unit[64];
    uint32_t indicator;
    double value;
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    if (sscanf(line, "%63s %u %lf", unit, &indicator, &value) != 3)
        return snprintf(e->text, sizeof e->text, "not \"UNIT INDICATOR VALUE\": %.80s", line), PARBUS_ERR_INVALID;
    s.index = p->index;
    s.period = p->period;
    s.unit = unit;
    s.has_stage = true;
    s.stage = PARBUS__STAGE__STAGE_APPRAISED_1;
    s.n_indicator = s.n_value = 1;
    s.indicator = &indicator;
    s.value = &value;
    return parbus_feeder_submit(p->feeder, &s, NULL, e);
}

static void read_input(struct pusher *p)
{
    ssize_t n = read(STDIN_FILENO, p->input + p->size, INPUT_BYTES - p->size);
    p->ended = n == 0;
    p->size += n > 0 ? (size_t)n : 0;
}

/* Stops at a line for which there is no room yet. */
static enum parbus_err push_lines(struct pusher *p, struct parbus_err_text *e)
{
    enum parbus_err err = PARBUS_OK;
    char *at = p->input, *end;
    p->input[p->size] = 0;
    for (; !err && (end = strchr(at, '\n')); at = err ? at : end + 1) {
        *end = 0;
        err = push(p, at, e);
        *end = '\n';
    }
    p->size -= (size_t)(at - p->input);
    memmove(p->input, at, p->size);
    p->full = err == PARBUS_ERR_BUSY;
    return p->full ? PARBUS_OK : err;
}

static bool is_done(const struct pusher *p)
{
    struct parbus_feeder_totals t = parbus_feeder_totals(p->feeder);
    return p->ended && t.scored == t.last_seq;
}

/* Whichever is due first; -1: neither. */
static int timeout_ms(struct pusher *p)
{
    int a = parbus_feed_timeout_ms(p->feed), b = parbus_feeder_timeout_ms(p->feeder);
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void watch(int epoll, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0)
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static enum parbus_err turn(struct pusher *p, bool readable, struct parbus_err_text *e)
{
    if (readable && !p->ended && !p->full)
        read_input(p);
    enum parbus_err err = parbus_feeder_step(p->feeder, e); /* first: it may make room for what comes now */
    if (!err)
        err = push_lines(p, e);
    if (!err)
        err = parbus_feed_step(p->feed, e);
    fflush(stdout);
    return err;
}

static enum parbus_err loop(struct pusher *p, int epoll, struct parbus_err_text *e)
{
    enum parbus_err err = PARBUS_OK;
    watch(epoll, parbus_feed_fd(p->feed), EPOLLIN);
    watch(epoll, parbus_feeder_fd(p->feeder), EPOLLIN);
    while (!err && !is_done(p)) {
        struct epoll_event event;
        watch(epoll, STDIN_FILENO, p->full ? 0 : EPOLLIN);
        if (p->ended)
            epoll_ctl(epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        int count = epoll_wait(epoll, &event, 1, timeout_ms(p));
        err = turn(p, count == 1 && event.data.fd == STDIN_FILENO, e);
    }
    return err;
}

int main(int argc, char **argv)
{
    static struct pusher p;
    struct parbus_err_text e = {""};
    if (argc != 5)
        return 2;
    p.index = argv[3];
    p.period = argv[4];
    enum parbus_err err = open_both(&p, argv, &e);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!err)
        err = loop(&p, epoll, &e);
    if (err)
        fprintf(stderr, "pusher: %s\n", e.text);
    else
        printf("%llu rows accepted\n", (unsigned long long)parbus_feeder_totals(p.feeder).accepted_rows);
    parbus_feed_close(&p.feed);
    parbus_feeder_close(&p.feeder);
    close(epoll);
    return err ? 1 : 0;
}
