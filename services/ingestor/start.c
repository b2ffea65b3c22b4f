#include "services/ingestor/start.h"
#include "base/clock.h"
#include "base/log.h"
#include "catalog/load.h"
#include "reactor/reactor.h"

static enum err restore_control(void *ctx, uint64_t seq, const void *packed, size_t bytes, struct err_text *e)
{
    return ingestor_restore_control(ctx, seq, packed, bytes, e);
}

static bool restore_feeder(void *ctx, uint32_t number, const struct journal_feeder *feeder)
{
    ingestor_restore_feeder(ctx, number, feeder);
    return true;
}

static enum err restore_partition(struct stores *s, struct ingestor *core, uint32_t p, struct err_text *e)
{
    return ingestor_restore_partition(core, p, journal_end(s->journal, p), stores_followed(s, p), e);
}

enum err start_restore(struct stores *s, struct ingestor *core, struct err_text *e)
{
    enum err err = stores_belong_together(s, e);
    if (!err)
        err = journal_controls(s->journal, 1, restore_control, core, e);
    if (!err)
        err = journal_feeders(s->journal, restore_feeder, core, e);
    for (uint32_t p = 0; !err && p < journal_partitions(s->journal); p++)
        err = restore_partition(s, core, p, e);
    return err_wrap(e, err, "restore from the journal");
}

/* ---- the catalog ---- */

void start_take_answer(struct stores *s, struct ingestor *core)
{
    uint64_t ticket;
    enum err result;
    struct err_text why;
    if (committer_take(s->committer, &ticket, &result, &why))
        ingestor_appended(core, ticket, result, why.text, clock_moment());
}

/* After a stop signal a slow disk has so long for what is published. */
enum { STOP_US = 3000000 };

struct publishing {
    struct stores *stores;
    struct ingestor *core;
    struct reactor *reactor; /* while the journal is waited for */
    enum err err;
    struct err_text *e;
};

static void journal_answered(void *ctx, unsigned source, struct moment now)
{
    struct publishing *p = ctx;
    (void)source, (void)now;
    start_take_answer(p->stores, p->core);
}

static int64_t tick(void *ctx, struct moment now)
{
    struct publishing *p = ctx;
    ingestor_drained(p->core);
    int64_t due_us = ingestor_tick(p->core, now);
    if (ingestor_fenced(p->core))
        reactor_fail(p->reactor, ERR_LOST, "%s", ingestor_fenced(p->core));
    else if (ingestor_trouble(p->core)[0])
        reactor_fail(p->reactor, ERR_IO, "%s", ingestor_trouble(p->core));
    else if (ingestor_idle(p->core))
        reactor_end(p->reactor);
    return due_us;
}

static int64_t stop(void *ctx, struct moment now)
{
    (void)ctx;
    return now.mono_us + STOP_US;
}

/* Until all that was published is in the journal: the door is not open yet, so the journal is the only source. */
static enum err await(struct publishing *p, struct err_text *e)
{
    const struct reactor_source journal = {.name = "journal",
                                           .kind = REACTOR_DESCRIPTOR,
                                           .fd = committer_fd(p->stores->committer),
                                           .ready = journal_answered};
    const struct reactor_options options = {.hooks = {.ctx = p, .tick = tick, .stop = stop},
                                            .sources = &journal,
                                            .count = 1,
                                            .stop_fd = p->stores->service->stop_fd};
    enum err err = reactor_open(&p->reactor, &options, e);
    if (!err)
        err = reactor_run(p->reactor, e);
    reactor_close(&p->reactor);
    if (!err && !ingestor_idle(p->core))
        err = err_set(e, ERR_TIMEOUT, "stopped before the journal had it");
    return err;
}

static void log_fault(void *ctx, const char *file, int line, const char *text)
{
    (void)ctx;
    log_error("catalog.fault", "at=%s:%d what=\"%s\"", file, line, text);
}

/* A catalog may be larger than a group. */
static void publish(void *ctx, Parbus__Control *control)
{
    struct publishing *p = ctx;
    if (p->err)
        return;
    p->err = ingestor_publish(p->core, control, clock_moment(), p->e);
    if (p->err != ERR_BUSY)
        return;
    p->err = await(p, p->e);
    if (!p->err)
        p->err = ingestor_publish(p->core, control, clock_moment(), p->e);
}

enum err start_publish(struct stores *s, struct ingestor *core, const char *directory, struct err_text *e)
{
    struct catalog_set *set = catalog_load(directory, log_fault, NULL);
    if (!set)
        return err_set(e, ERR_INVALID, "catalog %s has faults (see the lines above)", directory);
    struct publishing p = {.stores = s, .core = core, .e = e};
    enum err err = catalog_set_missing(set, ingestor_catalog(core), publish, &p, e);
    catalog_set_destroy(&set);
    if (!err)
        err = p.err;
    if (!err)
        err = await(&p, e);
    return err_wrap(e, err, "publish catalog %s", directory);
}
