/* large_feeder ENDPOINT COUNT MEMORY_BYTES: pushes COUNT submissions of nearly 1 MiB as fast as the client library lets
 * it, which may keep MEMORY_BYTES of them, and ends when all have a receipt. */
#include <parbus/feeder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVIDENCE = 335, URI_BYTES = 2048, NOTE_BYTES = 1024, POLL_MS = 100, QUIET_POLLS_MAX = 600 };

static bool refused;

static void on_refusal(void *ctx, uint64_t seq, Parbus__Reason reason, const char *detail)
{
    (void)ctx;
    fprintf(stderr, "large_feeder: seq %llu is refused with %d: %s\n", (unsigned long long)seq, (int)reason, detail);
    refused = true;
}

static void on_trouble(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "large_feeder: %s\n", text);
}

static char *text_of(size_t bytes)
{
    char *text = malloc(bytes + 1);
    if (!text)
        exit(2);
    memset(text, 'x', bytes);
    text[bytes] = 0;
    return text;
}

static void fill(Parbus__Submission *s)
{
    static Parbus__Evidence evidence[EVIDENCE], *each[EVIDENCE];
    static uint32_t indicator[] = {2};
    static double value[] = {1};
    parbus__submission__init(s);
    s->index = "qd766";
    s->period = "2025";
    s->unit = "H26";
    s->has_stage = 1;
    s->stage = PARBUS__STAGE__STAGE_APPRAISED_1;
    s->n_indicator = s->n_value = 1;
    s->indicator = indicator;
    s->value = value;
    s->n_evidence = EVIDENCE;
    s->evidence = each;
    for (size_t i = 0; i < EVIDENCE; i++) {
        parbus__evidence__init(&evidence[i]);
        evidence[i].has_row = 1;
        evidence[i].uri = i ? evidence[0].uri : text_of(URI_BYTES);
        evidence[i].note = i ? evidence[0].note : text_of(NOTE_BYTES);
        each[i] = &evidence[i];
    }
}

static enum parbus_err submit_all(struct parbus_feeder *f, uint64_t count, struct parbus_err_text *e)
{
    Parbus__Submission s;
    uint64_t made = 0;
    enum parbus_err err = PARBUS_OK;
    fill(&s);
    for (int quiet = 0; !err && parbus_feeder_totals(f).receipted < count && quiet < QUIET_POLLS_MAX; quiet++) {
        uint64_t before = parbus_feeder_totals(f).receipted;
        while (made < count && parbus_feeder_submit(f, &s, NULL, e) == PARBUS_OK)
            made++;
        err = parbus_feeder_poll(f, POLL_MS, e);
        if (parbus_feeder_totals(f).receipted > before)
            quiet = 0;
    }
    return err;
}

int main(int argc, char **argv)
{
    struct parbus_err_text e = {""};
    struct parbus_feeder *f = NULL;
    if (argc != 4)
        return 2;
    uint64_t count = strtoull(argv[2], NULL, 10);
    struct parbus_feeder_options options = {.endpoint = argv[1],
                                            .name = "large",
                                            .memory_bytes = strtoull(argv[3], NULL, 10),
                                            .events = {.refusal = on_refusal, .trouble = on_trouble}};
    enum parbus_err err = parbus_feeder_open(&f, &options, &e);
    if (!err)
        err = submit_all(f, count, &e);
    bool done = !err && parbus_feeder_totals(f).receipted == count && !refused;
    if (!done)
        fprintf(stderr, "large_feeder: %s\n", err ? e.text : "not everything has a receipt");
    parbus_feeder_close(&f);
    return done ? 0 : 1;
}
