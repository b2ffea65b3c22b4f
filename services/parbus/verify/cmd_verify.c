#include "base/plural.h"
#include "services/parbus/backup/backup.h"
#include "services/parbus/command.h"
#include "services/parbus/verify/verify.h"
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct job {
    struct meter meter;
    const char *what;
    uint64_t bytes[2]; /* of the files: journal, state */
    uint64_t faults;
};

static uint64_t file_bytes(const char *directory, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s/data.mdb", directory, name);
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static enum err progress(void *ctx, const char *what, uint64_t bytes, struct err_text *e)
{
    struct job *j = ctx;
    if (j->what != what)
        meter_start(&j->meter, what, j->bytes[strcmp(what, "journal") != 0]);
    j->what = what;
    meter_add(&j->meter, bytes);
    return backup_go_on(e);
}

enum { FAULTS_NAMED_MAX = 100 };

static void fault(void *ctx, const char *sentence)
{
    struct job *j = ctx;
    meter_end(&j->meter);
    if (j->faults++ < FAULTS_NAMED_MAX)
        fprintf(stderr, "parbus verify: %s\n", sentence);
}

static void print_json(enum err err, const struct verify_facts *f, const char *why)
{
    json_t *o = json_pack(
        "{s:b, s:s?, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I}", "whole", !err, "fault", err ? why : NULL, "entries",
        (json_int_t)f->entries, "submissions", (json_int_t)f->submissions, "controls", (json_int_t)f->controls,
        "feeders", (json_int_t)f->feeders, "commits_not_chained", (json_int_t)f->unchained, "state", (int)f->state,
        "journal_bytes", (json_int_t)f->journal_bytes, "state_bytes", (json_int_t)f->state_bytes);
    json_dumpf(o, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(o);
}

static void print_chain(uint64_t unchained)
{
    if (unchained)
        printf("but for the last %" PRIu64 ": the ingestor goes on with it when it has time\n", unchained);
    else
        printf("from the first to the last\n");
}

static void print_text(const struct verify_facts *f)
{
    printf("journal  whole: %" PRIu64 " %s, %" PRIu64 " %s of %" PRIu64 " %s, %" PRIu64 " %s, the chain of commits ",
           f->entries, plural(f->entries, "entry", "entries"), f->submissions,
           plural(f->submissions, "submission", "submissions"), f->feeders, plural(f->feeders, "feeder", "feeders"),
           f->controls, plural(f->controls, "control", "controls"));
    print_chain(f->unchained);
    printf("state    %s\n", f->state ? "whole, and not ahead of the journal" : "none yet");
}

static bool is_backup(const char *directory)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s/MANIFEST", directory) < (int)sizeof path && access(path, F_OK) == 0;
}

static int verify(const char *directory, bool json)
{
    struct err_text e = {""};
    struct verify_facts facts;
    struct job job = {.meter = {.command = "verify"},
                      .bytes = {file_bytes(directory, "journal"), file_bytes(directory, "state")}};
    struct verify_options options = {
        .directory = directory, .still = is_backup(directory), .progress = progress, .fault = fault, .ctx = &job};
    backup_catch_signals();
    enum err err = verify_run(&options, &facts, &e);
    meter_end(&job.meter);
    if (job.faults > FAULTS_NAMED_MAX)
        fprintf(stderr, "parbus verify: and %" PRIu64 " more\n", job.faults - FAULTS_NAMED_MAX);
    if (json)
        print_json(err, &facts, e.text);
    else if (!err)
        print_text(&facts);
    return err ? command_failed(&command_verify, "%s", e.text) : 0;
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'}, {0}};
    bool json = false;
    for (int found; (found = command_option(&command_verify, argc, argv, options)) != -1;) {
        if (found == '?')
            return 2;
        if (strcmp(optarg, "json") != 0 && strcmp(optarg, "text") != 0)
            return command_usage_error(&command_verify, "--format is text or json, not %s", optarg);
        json = strcmp(optarg, "json") == 0;
    }
    if (optind < argc)
        return command_usage_error(&command_verify, "unexpected argument %s", argv[optind]);
    return verify(directory, json);
}

const struct command command_verify = {
    "verify",
    "[--format text|json]",
    "read all of journal and state: is every bit as it was written?",
    "  --format json  what was found as one object\n"
    "Checks every checksum, the chain of commits (each has the hash of the one before), that no entry is missing, the\n"
    "index, controls, receipts against records, each row of state and that none is missing, and that state is not "
    "ahead\n"
    "of the journal. The pipeline may be running; DIR may be a backup. Nothing is written.\n"
    "The chain is made behind the receipts: of the last commits that it does not have yet, a record that was altered "
    "on\n"
    "purpose, its checksums too, is not found; damage, a hole and a cut end are.\n"
    "Exit status 0: whole; 1: damaged: each damaged record of the journal and each fault of state (the first 100, "
    "then\n"
    "how many more) are on standard error. Then: a journal comes back with 'parbus restore'; state is moved "
    "aside\n"
    "while nothing runs, and computed again.\n"
    "Whether state is what the journal gives, 'parbus replay' says.\n",
    run,
};
