#include "services/parbus/status/health.h"
#include "services/parbus/status/status.h"

static json_t *known(int64_t n) { return n < 0 ? json_null() : json_integer(n); }
static json_t *known_as(bool has, uint64_t n) { return has ? json_integer((json_int_t)n) : json_null(); }

static json_t *json_row(const struct status_row *row)
{
    json_t *o = json_pack("{s:s, s:s, s:I, s:s, s:o, s:o, s:I}", "service", row->service, "instance", row->instance,
                          "pid", (json_int_t)row->pid, "state", row->state, "restarts", known(row->restarts),
                          "alive_ms", known(row->alive_ms), "ended_last_minute", (json_int_t)row->ended);
    if (row->worker_state || row->lag >= 0)
        json_object_update_new(o, json_pack("{s:o, s:o, s:o, s:o, s:s}", "partitions", known(row->partitions),
                                            "heartbeat_age_ms", known(row->heartbeat_age_ms), "lag", known(row->lag),
                                            "rate_per_s", known(row->rate_per_s), "owned", row->owned));
    if (row->worker_state)
        json_object_set_new(o, "worker_state", json_string(row->worker_state));
    return o;
}

static json_t *json_partition(const Parbus__PartitionStats *p)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:s?}", "partition",
                     (json_int_t)p->partition, "state", p->state, "scorer", p->scorer, "validator", p->validator,
                     "owner_epoch", (json_int_t)p->owner_epoch, "last_pseq", (json_int_t)p->last_pseq, "sent_pseq",
                     (json_int_t)p->sent_pseq, "applied_pseq", (json_int_t)p->applied_pseq, "lag", (json_int_t)p->lag,
                     "flight_bytes", (json_int_t)p->flight_bytes, "paused_ms", known_as(p->has_paused_ms, p->paused_ms),
                     "standstill_ms", known_as(p->has_standstill_ms, p->standstill_ms), "damage",
                     p->damage && *p->damage ? p->damage : NULL);
}

json_t *status_counters(const Parbus__StatsReply *reply)
{
    json_t *all = json_object();
    for (size_t i = 0; i < reply->n_counter; i++) {
        const Parbus__Counter *c = reply->counter[i];
        json_int_t before = json_integer_value(json_object_get(all, c->name));
        json_object_set_new(all, c->name, json_integer(before + (json_int_t)c->value));
    }
    return all;
}

static json_t *counters_by_instance(const Parbus__StatsReply *reply)
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

static json_t *json_set_aside(const Parbus__SetAsideStats *s)
{
    json_t *newest =
        s ? json_pack("{s:I, s:I, s:s, s:s, s:I}", "partition", (json_int_t)s->partition, "pseq", (json_int_t)s->pseq,
                      "feeder", s->feeder, "instance", s->instance, "tries", (json_int_t)s->tries)
          : json_null();
    return json_pack("{s:I, s:o}", "count", s ? (json_int_t)s->count : 0, "newest", newest);
}

static void ignore(void *ctx, const char *sentence) { (void)ctx, (void)sentence; }

static void add_reply(json_t *o, const Parbus__StatsReply *reply)
{
    json_t *partitions = json_array();
    for (size_t i = 0; i < reply->n_partition; i++)
        json_array_append_new(partitions, json_partition(reply->partition[i]));
    json_object_update_new(
        o, json_pack("{s:I, s:b, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "lag", (json_int_t)reply->lag,
                     "healthy", health_check(reply, ignore, NULL) == 0, "accepting", (int)reply->accepting, "trouble",
                     reply->trouble ? reply->trouble : "", "partitions", partitions, "counters", status_counters(reply),
                     "counters_by_instance", counters_by_instance(reply), "window_ms",
                     known_as(reply->has_window_ms, reply->window_ms), "received_per_s",
                     known_as(reply->has_received_per_s, reply->received_per_s), "applied_per_s",
                     known_as(reply->has_applied_per_s, reply->applied_per_s), "lag_growth",
                     reply->has_lag_growth ? json_integer(reply->lag_growth) : json_null(), "counters_left_out",
                     (json_int_t)reply->counters_left_out, "set_aside", json_set_aside(reply->set_aside)));
}

void status_print_json(const struct status *s, FILE *out)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < s->count; i++)
        json_array_append_new(rows, json_row(&s->row[i]));
    json_t *o = json_pack("{s:s, s:o, s:o, s:O, s:O, s:o}", "directory", s->directory, "supervisor_pid",
                          known_as(s->processes, s->processes ? s->processes->supervisor_pid : 0), "ready",
                          s->processes ? json_boolean(s->processes->ready) : json_null(), "wrong", s->wrong, "warnings",
                          s->warnings, "processes", rows);
    if (s->reply)
        add_reply(o, s->reply);
    json_dumpf(o, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(o);
}
