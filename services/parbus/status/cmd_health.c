#include "base/plural.h"
#include "link/link.h"
#include "services/parbus/command.h"
#include "services/parbus/print/print.h"
#include "services/parbus/status/health.h"
#include "services/parbus/status/stats.h"
#include "services/parbus/supervisor/ask.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_live(const Parbus__WorkerStats *w) { return strcmp(w->state, "live") == 0; }

static void print_trouble(void *ctx, const char *sentence)
{
    (void)ctx;
    fprintf(stderr, "parbus health: ");
    print_plain(stderr, sentence);
    fputc('\n', stderr);
}

static int of_all(const Parbus__StatsReply *reply)
{
    printf("%-32s %s\n", "ingestor", reply->accepting ? "accepting" : "refusing");
    for (size_t i = 0; i < reply->n_worker; i++) {
        const Parbus__WorkerStats *w = reply->worker[i];
        printf("%-32s %s, heard %" PRIu64 " ms ago, %" PRIu32 " %s%s\n", w->instance, w->state, w->heartbeat_age_ms,
               w->partitions, plural(w->partitions, "partition", "partitions"), w->trouble[0] ? ", in trouble" : "");
    }
    size_t unowned = 0;
    for (size_t i = 0; i < reply->n_partition; i++)
        unowned += strcmp(reply->partition[i]->state, "owned") != 0;
    if (reply->set_aside)
        printf("%-32s %" PRIu64 " %s (POISON)\n", "set aside", reply->set_aside->count,
               plural(reply->set_aside->count, "submission", "submissions"));
    printf("%-32s %" PRIu64 " %s behind, %zu %s without a scorer\n", "ranking", reply->lag,
           plural(reply->lag, "entry", "entries"), unowned, plural(unowned, "partition", "partitions"));
    fflush(stdout);
    return health_check(reply, print_trouble, NULL) ? 1 : 0;
}

/* One whose name came back with a new process is listed once for each; the living one counts. */
static int of_worker(const Parbus__StatsReply *reply, const char *instance)
{
    const Parbus__WorkerStats *found = NULL;
    for (size_t i = 0; i < reply->n_worker && !(found && is_live(found)); i++)
        if (strcmp(reply->worker[i]->instance, instance) == 0)
            found = reply->worker[i];
    if (!found)
        return command_failed(&command_health,
                              "the ingestor knows no %s; about itself it answers without a name: parbus health",
                              instance);
    if (!is_live(found))
        return command_failed(&command_health, "%s is %s; heard %" PRIu64 " ms ago", instance, found->state,
                              found->heartbeat_age_ms);
    if (found->trouble[0])
        return command_failed(&command_health, "%s cannot do its work: %s", instance, found->trouble);
    printf("%s is live, heard %" PRIu64 " ms ago\n", instance, found->heartbeat_age_ms);
    return 0;
}

/* Why it does not answer, when a supervisor knows. */
static void say_held(const char *directory, struct err_text *e)
{
    Parbus__FromSupervisor *answer;
    if (supervisor_show(directory, &answer, NULL) != OK)
        return;
    for (size_t i = 0; i < answer->processes->n_process; i++) {
        const Parbus__ProcessStatus *p = answer->processes->process[i];
        if (strcmp(p->service, "ingestor") == 0 && strcmp(p->state, "held") == 0)
            err_set(e, ERR_CORRUPT, "%s is held back, for a file is damaged or gone: " HELD_ADVICE, p->instance,
                    p->instance);
    }
    parbus__from_supervisor__free_unpacked(answer, NULL);
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option none[] = {{0}};
    struct stats *stats;
    struct err_text e;
    if (command_option(&command_health, argc, argv, none) != -1)
        return 2;
    if (argc - optind > 1)
        return command_usage_error(&command_health, "unexpected argument %s", argv[optind + 1]);
    enum err err = stats_ask(directory, &stats, &e);
    if (err)
        say_held(directory, &e);
    int status = err             ? command_failed(&command_health, "%s", e.text)
                 : optind < argc ? of_worker(stats_reply(stats), argv[optind])
                                 : of_all(stats_reply(stats));
    stats_free(&stats);
    link_shutdown();
    return status;
}

const struct command command_health = {
    "health",
    "[INSTANCE]",
    "whether one process, or the door, is at work",
    "Asks the ingestor, so it needs no supervisor: for containers and monitors.\n\n"
    "Without INSTANCE: exit status 0 when the ingestor answers and takes submissions (there is room, commits work), "
    "every\n"
    "partition has a scorer, a validator is at work, scorers can write state, something is applied when something "
    "waits,\n"
    "and no partition stands still. What is wrong stands on standard error.\n"
    "With INSTANCE (a validator, scorer or publisher): 0 when its work loop has sent heartbeats lately, and can do its "
    "work.\n",
    run,
};
