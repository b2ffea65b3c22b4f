/* A feeder that says what it was promised: "start N" (the outbox has numbered so many), then "receipt N" for each
 * receipt, at the end of its input, when all is scored, "end EPOCH LAST ACCEPTED REJECTED" (rows).
 *
 * Input: index,period,unit,indicator's number,value,stage's number; one submission a line. */
#include <fcntl.h>
#include <parbus/feeder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_BYTES = 4096, COLUMNS = 6, WAIT_MS = 5 };

struct input {
    char data[2 * INPUT_BYTES + 1];
    size_t size;
    bool ended;
};

static void on_receipt(void *ctx, uint64_t up_to_seq)
{
    (void)ctx;
    printf("receipt %llu\n", (unsigned long long)up_to_seq);
}

static void on_refusal(void *ctx, uint64_t seq, Parbus__Reason reason, const char *detail)
{
    (void)ctx;
    printf("refusal %llu %d %s\n", (unsigned long long)seq, (int)reason, detail);
}

static void on_renumbered(void *ctx, uint64_t epoch, uint64_t first_seq)
{
    (void)ctx;
    printf("renumbered %llu %llu\n", (unsigned long long)epoch, (unsigned long long)first_seq);
}

static enum parbus_err submit(struct parbus_feeder *feeder, char *line, struct parbus_err_text *e)
{
    char *column[COLUMNS] = {NULL};
    for (int i = 0; i < COLUMNS; i++)
        if (!(column[i] = strsep(&line, ",")))
            return snprintf(e->text, sizeof e->text, "a line has %d columns", i), PARBUS_ERR_INVALID;
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    uint32_t indicator = (uint32_t)strtoul(column[3], NULL, 10);
    double value = strtod(column[4], NULL);
    uint64_t seq;
    s.index = column[0];
    s.period = column[1];
    s.unit = column[2];
    s.has_stage = 1;
    s.stage = (Parbus__Stage)strtoul(column[5], NULL, 10);
    s.n_indicator = s.n_value = 1;
    s.indicator = &indicator;
    s.value = &value;
    enum parbus_err err;
    while ((err = parbus_feeder_submit(feeder, &s, &seq, e)) == PARBUS_ERR_BUSY &&
           !(err = parbus_feeder_poll(feeder, WAIT_MS, e)))
        ;
    return err;
}

static enum parbus_err take_lines(struct parbus_feeder *feeder, struct input *in, struct parbus_err_text *e)
{
    enum parbus_err err = PARBUS_OK;
    char *at = in->data, *end;
    in->data[in->size] = 0;
    for (; !err && (end = strchr(at, '\n')); at = end + 1) {
        *end = 0;
        err = submit(feeder, at, e);
    }
    in->size -= (size_t)(at - in->data);
    memmove(in->data, at, in->size);
    return err;
}

static void take_input(struct input *in)
{
    ssize_t n = read(STDIN_FILENO, in->data + in->size, INPUT_BYTES);
    if (n > 0)
        in->size += (size_t)n;
    in->ended = n == 0;
}

static bool finished(const struct parbus_feeder *feeder, const struct input *in)
{
    struct parbus_feeder_totals t = parbus_feeder_totals(feeder);
    return in->ended && t.scored == t.last_seq;
}

static enum parbus_err run(struct parbus_feeder *feeder, struct parbus_err_text *e)
{
    struct input in = {.size = 0};
    enum parbus_err err = PARBUS_OK;
    printf("start %llu\n", (unsigned long long)parbus_feeder_totals(feeder).last_seq);
    while (!err && !finished(feeder, &in)) {
        if (!in.ended)
            take_input(&in);
        err = take_lines(feeder, &in, e);
        if (!err)
            err = parbus_feeder_poll(feeder, WAIT_MS, e);
    }
    struct parbus_feeder_totals t = parbus_feeder_totals(feeder);
    if (!err)
        printf("end %llu %llu %llu %llu\n", (unsigned long long)t.epoch, (unsigned long long)t.last_seq,
               (unsigned long long)t.accepted_rows, (unsigned long long)t.rejected_rows);
    return err;
}

int main(int argc, char **argv)
{
    struct parbus_err_text e = {""};
    struct parbus_feeder *feeder = NULL;
    if (argc != 4)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    struct parbus_feeder_options options = {
        .endpoint = argv[1],
        .name = argv[2],
        .outbox = argv[3],
        .events = {.receipt = on_receipt, .refusal = on_refusal, .renumbered = on_renumbered}};
    enum parbus_err err = parbus_feeder_open(&feeder, &options, &e);
    if (!err)
        err = run(feeder, &e);
    parbus_feeder_close(&feeder);
    if (err)
        fprintf(stderr, "feeder: %s\n", e.text);
    return err ? 1 : 0;
}
