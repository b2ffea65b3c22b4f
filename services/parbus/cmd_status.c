#include "base/clock.h"
#include "link/link.h"
#include "services/parbus/command.h"
#include "services/parbus/control.h"
#include "services/parbus/stats.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct status {
    Parbus__FromSupervisor *answer;
    struct stats *stats; /* NULL: the ingestor does not answer */
    struct err_text why;
};

static const Parbus__Processes *processes_of(const struct status *s) { return s->answer->processes; }
static const Parbus__StatsReply *reply_of(const struct status *s) { return s->stats ? stats_reply(s->stats) : NULL; }

static const Parbus__WorkerStats *worker_of(const struct status *s, const char *instance)
{
    const Parbus__StatsReply *reply = reply_of(s);
    for (size_t i = 0; reply && i < reply->n_worker; i++)
        if (strcmp(reply->worker[i]->instance, instance) == 0)
            return reply->worker[i];
    return NULL;
}

static json_t *json_process(const struct status *s, const Parbus__ProcessStatus *p)
{
    const Parbus__WorkerStats *w = worker_of(s, p->instance);
    json_t *o = json_pack("{s:s, s:s, s:I, s:s, s:I, s:I}", "service", p->service, "instance", p->instance, "pid",
                          (json_int_t)p->pid, "state", p->state, "restarts", (json_int_t)p->restarts, "alive_ms",
                          (json_int_t)p->alive_ms);
    if (w)
        json_object_update_new(o, json_pack("{s:I, s:I}", "partitions", (json_int_t)w->partitions, "heartbeat_age_ms",
                                            (json_int_t)w->heartbeat_age_ms));
    return o;
}

static json_t *json_partition(const Parbus__PartitionStats *p)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "partition", (json_int_t)p->partition, "state",
                     p->state, "scorer", p->scorer, "validator", p->validator, "owner_epoch",
                     (json_int_t)p->owner_epoch, "last_pseq", (json_int_t)p->last_pseq, "sent_pseq",
                     (json_int_t)p->sent_pseq, "applied_pseq", (json_int_t)p->applied_pseq);
}

/* One figure per name: the sum over the processes that report it. */
static json_t *json_counters(const Parbus__StatsReply *reply)
{
    json_t *all = json_object();
    for (size_t i = 0; i < reply->n_counter; i++) {
        const Parbus__Counter *c = reply->counter[i];
        json_int_t before = json_integer_value(json_object_get(all, c->name));
        json_object_set_new(all, c->name, json_integer(before + (json_int_t)c->value));
    }
    return all;
}

static json_t *json_counters_by_instance(const Parbus__StatsReply *reply)
{
    json_t *all = json_object();
    for (size_t i = 0; i < reply->n_counter; i++) {
        const Parbus__Counter *c = reply->counter[i];
        if (!json_object_get(all, c->instance))
            json_object_set_new(all, c->instance, json_object());
        json_object_set_new(json_object_get(all, c->instance), c->name, json_integer((json_int_t)c->value));
    }
    return all;
}

static void add_reply(json_t *o, const Parbus__StatsReply *reply)
{
    json_t *partitions = json_array();
    for (size_t i = 0; i < reply->n_partition; i++)
        json_array_append_new(partitions, json_partition(reply->partition[i]));
    json_object_update_new(o, json_pack("{s:I, s:b, s:s, s:o, s:o, s:o}", "lag", (json_int_t)reply->lag, "accepting",
                                        (int)reply->accepting, "trouble", reply->trouble ? reply->trouble : "",
                                        "partitions", partitions, "counters", json_counters(reply),
                                        "counters_by_instance", json_counters_by_instance(reply)));
}

static void print_json(const struct status *s, const char *directory)
{
    const Parbus__Processes *all = processes_of(s);
    json_t *list = json_array();
    for (size_t i = 0; i < all->n_process; i++)
        json_array_append_new(list, json_process(s, all->process[i]));
    json_t *o = json_pack("{s:s, s:I, s:b, s:o}", "directory", directory, "supervisor_pid",
                          (json_int_t)all->supervisor_pid, "ready", (int)all->ready, "processes", list);
    if (reply_of(s))
        add_reply(o, reply_of(s));
    json_dumpf(o, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(o);
}

static void print_partitions(const Parbus__StatsReply *reply)
{
    size_t owned = 0;
    for (size_t i = 0; i < reply->n_partition; i++)
        owned += strcmp(reply->partition[i]->state, "owned") == 0;
    printf("\n%zu partitions, %zu of them with a scorer\n", reply->n_partition, owned);
    printf("%" PRIu64 " entries of the journal are not in the ranking yet\n", reply->lag);
    if (!reply->accepting)
        printf("nothing is accepted at the door: %s\n", reply->trouble);
}

static void print_counters(const Parbus__StatsReply *reply)
{
    json_t *all = json_counters(reply), *value;
    const char *name;
    if (json_object_size(all))
        printf("\n%-32s %14s\n", "COUNTER", "SINCE START");
    json_object_foreach(all, name, value) if (json_integer_value(value))
        printf("%-32s %14" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
    json_decref(all);
}

static void print_table(const struct status *s, const char *directory)
{
    printf("%s, supervisor pid %u: %s\n\n", directory, processes_of(s)->supervisor_pid,
           processes_of(s)->ready ? "everything runs" : "not everything runs");
    control_print(stdout, processes_of(s));
    if (reply_of(s)) {
        print_partitions(reply_of(s));
        print_counters(reply_of(s));
    }
}

static int print_status(const struct status *s, const char *directory, bool json)
{
    (json ? (void (*)(const struct status *, const char *))print_json : print_table)(s, directory);
    return s->stats ? 0 : command_failed(&command_status, "%s", s->why.text);
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
    struct status s = {0};
    bool json = false;
    int found, status;
    while ((found = command_option(&command_status, argc, argv, options)) != -1) {
        if (found == '?')
            return 2;
        json = true;
    }
    if (optind < argc)
        return command_usage_error(&command_status, "unexpected argument %s", argv[optind]);
    if (control_show(directory, &s.answer, &s.why) != OK) {
        status = command_failed(&command_status, "%s", s.why.text);
    } else {
        stats_ask(directory, &s.stats, &s.why);
        status = print_status(&s, directory, json);
        parbus__from_supervisor__free_unpacked(s.answer, NULL);
        stats_free(&s.stats);
    }
    link_shutdown();
    return status;
}

const struct command command_status = {
    "status",
    "[--json]",
    "what runs, how far it is, and what was counted",
    "  --json     for programs: processes, partitions, lag, counters\n"
    "Exit status 1 when nothing runs, or the ingestor does not answer.\n",
    run,
};
