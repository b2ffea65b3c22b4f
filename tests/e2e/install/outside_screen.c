/* The client library beside curses, which calls its own things OK and ERR: draws a table on a screen of a terminal that
 * cannot do anything, and prints the first line that was drawn. */
#include <curses.h>
#include <parbus/feed.h>
#include <parbus/feeder.h>
#include <stdlib.h>

enum { LINE_BYTES = 200, NAME_COLUMN = 10 };

static bool draw_row(void *ctx, const struct parbus_row *row)
{
    int *line = ctx;
    return mvprintw(*line, 0, "%u %s", (unsigned)row->rank, row->code) != ERR && ++*line < LINES;
}

static void draw(const struct parbus_topic *topic)
{
    int line = 0;
    erase();
    parbus_topic_each(topic, draw_row, &line);
    refresh();
}

static void print_first_line(void)
{
    char text[LINE_BYTES];
    if (mvinnstr(0, 0, text, NAME_COLUMN) == ERR)
        exit(1);
    endwin();
    printf("%s\n", text);
}

int main(int argc, char **argv)
{
    struct parbus_err_text e = {""};
    struct parbus_feed *feed = NULL;
    if (argc != 3)
        return 2;
    struct parbus_topic *topic = NULL;
    struct parbus_feed_options options = {.feed_endpoint = argv[1], .snapshot_endpoint = argv[2]};
    enum parbus_err err = parbus_feed_open(&feed, &options, &e);
    if (err == PARBUS_OK)
        err = parbus_feed_follow(feed, "qd766/2025", NULL, &topic, &e);
    for (int i = 0; err == PARBUS_OK && i < 200 && !parbus_topic_ready(topic); i++)
        err = parbus_feed_poll(feed, 100, &e);
    if (err == PARBUS_OK && parbus_topic_ready(topic) && newterm("dumb", fopen("/dev/null", "w"), stdin)) {
        draw(topic);
        print_first_line();
    }
    if (err != PARBUS_OK)
        fprintf(stderr, "outside_screen: %s\n", e.text);
    parbus_feed_close(&feed);
    return err == PARBUS_OK ? 0 : 1;
}
