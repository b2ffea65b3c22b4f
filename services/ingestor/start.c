#include "services/ingestor/start.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "base/log.h"
#include "catalog/load.h"
#include <poll.h>

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
    return ingestor_restore_partition(core, p, journal_end(s->journal, p), stores_applied(s, p), e);
}

enum err start_restore(struct stores *s, struct ingestor *core, struct err_text *e)
{
    enum err err = journal_controls(s->journal, 1, restore_control, core, e);
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

/* Until all that was published is in the journal; nobody waits for us yet. */
static enum err await(struct stores *s, struct ingestor *core, struct err_text *e)
{
    struct pollfd answered = {.fd = committer_fd(s->committer), .events = POLLIN};
    while (!ingestor_idle(core)) {
        ingestor_drained(core);
        ingestor_tick(core, clock_moment());
        if (ingestor_trouble(core)[0])
            return err_set(e, ERR_IO, "%s", ingestor_trouble(core));
        poll(&answered, 1, 100);
        start_take_answer(s, core);
    }
    return OK;
}

static void log_fault(void *ctx, const char *file, int line, const char *text)
{
    (void)ctx;
    log_error("catalog.fault", "at=%s:%d what=\"%s\"", file, line, text);
}

struct publishing {
    struct stores *stores;
    struct ingestor *core;
    enum err err;
    struct err_text *e;
};

/* A catalog may be larger than a group. */
static void publish(void *ctx, Parbus__Control *control)
{
    struct publishing *p = ctx;
    if (p->err)
        return;
    p->err = ingestor_publish(p->core, control, clock_moment(), p->e);
    if (p->err != ERR_BUSY)
        return;
    p->err = await(p->stores, p->core, p->e);
    if (!p->err)
        p->err = ingestor_publish(p->core, control, clock_moment(), p->e);
}

enum err start_publish(struct stores *s, struct ingestor *core, const char *directory, struct err_text *e)
{
    struct catalog_set *set = catalog_load(directory, log_fault, NULL);
    if (!set)
        return err_set(e, ERR_INVALID, "catalog %s has faults (see the lines above)", directory);
    struct publishing p = {s, core, OK, e};
    enum err err = catalog_set_missing(set, ingestor_catalog(core), publish, &p, e);
    catalog_set_destroy(&set);
    if (!err)
        err = p.err;
    if (!err)
        err = await(s, core, e);
    return err_wrap(e, err, "publish catalog %s", directory);
}
