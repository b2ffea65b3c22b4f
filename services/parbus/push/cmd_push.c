#include "link/link.h"
#include "services/parbus/push/arguments.h"

static int push(const struct push_options *o)
{
    struct push_report report;
    struct parbus_feeder_totals totals = {0};
    struct err_text e;
    push_report_start(&report, o);
    enum err err = push_run(o, &report, &totals, &e);
    if (o->json || !err || report.rows_read)
        push_report_result(&report, &totals, err ? e.text : NULL);
    if (err)
        push_report_words(&report, "%s", e.text);
    bool fine = !err && !report.rows_bad && !report.failures && !report.rows_rejected;
    push_report_free(&report);
    link_shutdown();
    return fine ? 0 : 1;
}

static int run(int argc, char **argv, const char *directory)
{
    struct push_arguments a;
    int status = push_arguments_take(&a, &command_push, argc, argv, directory);
    if (status)
        return status;
    if (a.watch)
        return command_usage_error(&command_push, "--watch is for a service: parbus feeder run --watch DIR");
    if (a.options.file_count == 0)
        return command_usage_error(&command_push, "name a file, or - for standard input");
    status = push_arguments_context(&a, &command_push);
    if (!status && a.options.door && a.options.strict)
        status = command_usage_error(&command_push,
                                     "--strict reads the journal of DIR, and does not go with a door elsewhere");
    if (!status)
        status = push(&a.options);
    named_context_forget(&a.named);
    return status;
}

const struct command command_push = {
    "push",
    "FILE.csv… [--as FEEDER] [--index I] [--period P] [--stage S] [--wait] [--strict] [--batch N] [--timeout S] "
    "[--format table|json] [--context NAME] [--door ENDPOINT] [--take-over]",
    "send values from CSV files; - is standard input",
    "One value a line; the first line names the columns, in any order:\n"
    "    index,period,unit,indicator,value,stage,observed_at,evidence\n"
    "stage (self, appraised_1 or appraised, appraised_2, survey; default: the index's first), observed_at (2025-10-15 "
    "or\n"
    "2025-10-15T01:46:24Z; default: now) and evidence (an address, if wanted followed by #sha256= and 64 hex digits) "
    "may be\n"
    "absent or empty. UTF-8; lines that begin with # are skipped; a quoted field ends on its line. A line that cannot "
    "be\n"
    "read is told as file:line: reason, and everything else is sent.\n\n"
    "What was taken is kept in DIR/outbox/FEEDER until it has its receipt: if the pipeline or this program stops, the "
    "next\n"
    "push of the same feeder sends it. Exit status 0: everything was sent and has its receipt (with --wait: was "
    "accepted).\n\n"
    "  --as FEEDER   who says so (default: cli-USER)\n"
    "  --index I, --period P, --stage S   for lines that do not say\n"
    "  --wait        until everything is scored; then tell what was rejected, and why, as file:line: REASON: detail\n"
    "  --strict      check everything first, and send nothing when any line is bad or would be rejected\n"
    "  --batch N     at most N rows in a submission (default: all rows of one unit together, 16384 at most)\n"
    "  --timeout S   give up when nothing moves for S seconds (default 60)\n"
    "  --format F    table or json\n"
    "  --door ENDPOINT\n"
    "                send to the pipeline behind this address, e.g. tcp://host:5700; DIR has only the outbox then\n"
    "  --context NAME\n"
    "                who you are, your key and the address, from NAME.context or a file (default: $PARBUS_CONTEXT,\n"
    "                else what parbus join made, unless a pipeline lives in DIR)\n"
    "  --take-over   this outbox has the feeder's name from now on, whoever has it: for when that one is lost, or "
    "never "
    "comes\n"
    "                back; what it holds waits until it takes over itself\n"
    "  example: parbus push values.csv --index pci --period 2013 --wait\n",
    run,
};
