/* feed_probe FEED SNAPSHOTS TOPIC[,TOPIC…] [COUNT]: so many subscribers on the public client library, each of which
 * follows all topics over one feed, asked over standard input:
 *
 *   state    one line of JSON: how many tables they hold, and what they have counted, together
 *   table I  table I (those of the first subscriber, then those of the second …) as `parbus rank --format csv` prints
 * it, then an empty line renew    the subscriber that is there the longest goes, and another one comes in its place
 *
 * The end of standard input ends it. */
#include "base/err.h"
#include "link/link.h"
#include "services/parbus/rank/sheet.h"
#include <parbus/feed.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COUNT_MAX = 128, TOPICS_MAX = 8, WAIT_MS = 5 };

struct probe {
    struct parbus_feed_options options;
    const char *name[TOPICS_MAX];
    long names;
    struct parbus_feed *feed[COUNT_MAX];
    struct parbus_topic *topic[COUNT_MAX * TOPICS_MAX]; /* of feed i: from i * names on */
    long count, oldest;
    struct parbus_feed_counts gone; /* counted by those that went */
};

static void add(struct parbus_feed_counts *sum, const struct parbus_topic *t)
{
    struct parbus_feed_counts c = parbus_topic_counts(t);
    sum->deltas += c.deltas;
    sum->snapshots += c.snapshots;
    sum->resumes += c.resumes;
    sum->resyncs += c.resyncs;
    sum->silences += c.silences;
}

static void say_state(struct probe *p)
{
    struct parbus_feed_counts sum = p->gone;
    uint64_t epoch = 0, seq = 0;
    int ready = 0;
    for (long i = 0; i < p->count * p->names; i++) {
        add(&sum, p->topic[i]);
        ready += parbus_topic_ready(p->topic[i]);
    }
    parbus_topic_position(p->topic[0], &epoch, &seq);
    printf("{\"ready\": %d, \"epoch\": %llu, \"seq\": %llu, \"deltas\": %llu, \"snapshots\": %llu, \"resumes\": %llu, "
           "\"resyncs\": %llu, \"silences\": %llu}\n",
           ready, (unsigned long long)epoch, (unsigned long long)seq, (unsigned long long)sum.deltas,
           (unsigned long long)sum.snapshots, (unsigned long long)sum.resumes, (unsigned long long)sum.resyncs,
           (unsigned long long)sum.silences);
}

static bool add_row(void *ctx, const struct parbus_row *row)
{
    sheet_add(ctx, row);
    return true;
}

static void say_table(const struct parbus_topic *topic)
{
    if (parbus_topic_ready(topic)) {
        const struct parbus_table_header *h = parbus_topic_header(topic);
        struct sheet s = {.decimals = h->decimals, .points_max = h->points_max, .component_count = h->component_count};
        s.component = calloc(h->component_count + 1, sizeof *s.component);
        ASSERT(s.component);
        for (size_t i = 0; i < h->component_count; i++)
            s.component[i] = h->component[i]->code;
        parbus_topic_each(topic, add_row, &s);
        sheet_print(&s, SHEET_CSV, 0, stdout);
        sheet_free(&s);
    }
    putchar('\n');
}

static void on_trouble(void *ctx, const char *text) { (void)ctx, fprintf(stderr, "feed_probe: %s\n", text); }

static void on_topic_trouble(void *ctx, const struct parbus_topic *topic, const char *text)
{
    (void)ctx, fprintf(stderr, "feed_probe: %s: %s\n", parbus_topic_name(topic), text);
}

static bool open_feed(struct probe *p, long i)
{
    struct parbus_err_text e;
    struct parbus_topic_events events = {.trouble = on_topic_trouble};
    enum parbus_err err = parbus_feed_open(&p->feed[i], &p->options, &e);
    for (long k = 0; !err && k < p->names; k++)
        err = parbus_feed_follow(p->feed[i], p->name[k], &events, &p->topic[i * p->names + k], &e);
    if (err)
        fprintf(stderr, "feed_probe: %s\n", e.text);
    return !err;
}

static bool renew(struct probe *p)
{
    long i = p->oldest++ % p->count;
    for (long k = 0; k < p->names; k++)
        add(&p->gone, p->topic[i * p->names + k]);
    parbus_feed_close(&p->feed[i]);
    return open_feed(p, i);
}

/* false: it is to end. */
static bool obey(struct probe *p)
{
    char line[80];
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&in, 1, p->count > 1 ? WAIT_MS : 0) <= 0)
        return true;
    if (!fgets(line, sizeof line, stdin))
        return false;
    if (strncmp(line, "renew", 5) == 0)
        return renew(p);
    if (strncmp(line, "table", 5) == 0)
        say_table(p->topic[strtol(line + 5, NULL, 10) % (p->count * p->names)]);
    else
        say_state(p);
    return fflush(stdout) == 0;
}

static bool poll_feed(struct probe *p, struct parbus_feed *feed)
{
    struct parbus_err_text e;
    enum parbus_err err = parbus_feed_poll(feed, p->count > 1 ? 0 : WAIT_MS, &e);
    if (err)
        fprintf(stderr, "feed_probe: %s\n", e.text);
    return !err;
}

int main(int argc, char **argv)
{
    static struct probe p;
    p.count = argc > 4 ? strtol(argv[4], NULL, 10) : 1;
    if (argc < 4 || p.count < 1 || p.count > COUNT_MAX) {
        fprintf(stderr, "usage: feed_probe FEED SNAPSHOTS TOPIC[,TOPIC…] [COUNT]\n");
        return 2;
    }
    setvbuf(stdin, NULL, _IONBF, 0); /* what fgets had read ahead, poll would not see */
    for (char *name; p.names < TOPICS_MAX && (name = strsep(&argv[3], ","));)
        p.name[p.names++] = name;
    p.options =
        (struct parbus_feed_options){.feed_endpoint = argv[1], .snapshot_endpoint = argv[2], .trouble = on_trouble};
    bool well = true;
    for (long i = 0; well && i < p.count; i++)
        well = open_feed(&p, i);
    while (well && obey(&p))
        for (long i = 0; well && i < p.count; i++)
            well = poll_feed(&p, p.feed[i]);
    for (long i = 0; i < p.count; i++)
        parbus_feed_close(&p.feed[i]);
    link_shutdown();
    return well ? 0 : 1;
}
