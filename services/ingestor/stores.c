#include "services/ingestor/stores.h"
#include "base/log.h"

enum { RESERVE_GROUPS = 4 };

/* An ingestor that is started again in the night goes on with what the journal has; `parbus up`, which a person starts,
 * refuses. */
static void warn_of_partitions(const struct stores *s)
{
    struct settings fallback;
    uint32_t partitions = journal_partitions(s->journal);
    settings_defaults(&fallback);
    if (s->service->settings.partitions != partitions && s->service->settings.partitions != fallback.partitions)
        log_warn("journal.partitions_fixed",
                 "partitions=%u wanted=%lld why=\"they were fixed when the journal was made\"", partitions,
                 (long long)s->service->settings.partitions);
}

enum err stores_open(struct stores *s, const struct service *service, struct err_text *e)
{
    struct journal_options options = journal_options(&service->settings);
    options.writer = true;
    options.partitions = (uint32_t)service->settings.partitions;
    *s = (struct stores){.service = service};
    enum err err = journal_open(&s->journal, service->directory, &options, e);
    if (err)
        return err;
    warn_of_partitions(s);
    return committer_start(&s->committer, s->journal, e);
}

void stores_close(struct stores *s)
{
    committer_stop(&s->committer);
    state_close(&s->state);
    journal_close(&s->journal);
}

/* ---- the journal ---- */

enum err stores_append(void *ctx, const struct journal_group *group, uint64_t ticket)
{
    return committer_append(((struct stores *)ctx)->committer, group, ticket);
}

enum err stores_read(void *ctx, uint32_t partition, uint64_t from_pseq, size_t bytes_max, journal_record_fn *fn,
                     void *fn_ctx, struct err_text *e)
{
    return journal_read(((struct stores *)ctx)->journal, partition, from_pseq, bytes_max, fn, fn_ctx, e);
}

enum err stores_controls(void *ctx, uint64_t from, journal_control_fn *fn, void *fn_ctx, struct err_text *e)
{
    return journal_controls(((struct stores *)ctx)->journal, from, fn, fn_ctx, e);
}

enum err stores_room(void *ctx, struct err_text *e)
{
    struct stores *s = ctx;
    struct err_text why;
    if (committer_chain_trouble(s->committer, &why))
        log_error("journal.chain_stands_still", "why=\"%s\"", why.text);
    return journal_room(s->journal, RESERVE_GROUPS * (size_t)s->service->settings.group_bytes_max, e);
}

/* ---- state ---- */

/* It may not be there yet: ERR_NOT_FOUND. */
static enum err need_state(struct stores *s, struct err_text *e)
{
    struct state_options options = state_options(&s->service->settings, journal_id(s->journal));
    return s->state ? OK : state_open(&s->state, s->service->directory, &options, e);
}

/* What else is wrong with state, scorers will tell, and meanwhile receipts go on. */
enum err stores_belong_together(struct stores *s, struct err_text *e)
{
    struct err_text why;
    return need_state(s, &why) == ERR_INVALID ? err_set(e, ERR_CORRUPT, "%s", why.text) : OK;
}

struct ingestor_followed stores_followed(struct stores *s, uint32_t partition)
{
    struct state_cursor cursor = {0};
    if (need_state(s, NULL) == OK)
        state_cursor_get(s->state, partition, &cursor, NULL);
    return (struct ingestor_followed){cursor.applied, cursor.mark};
}

struct rejects_of_feeder {
    uint32_t feeder;
    uint64_t epoch;
    bool (*add)(void *ctx, uint64_t seq, uint32_t row, uint32_t reason, const char *detail);
    void *ctx;
};

static bool of_feeder(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                      const struct reject_header *header, const char *detail)
{
    const struct rejects_of_feeder *f = ctx;
    return feeder == f->feeder && epoch == f->epoch &&
           f->add(f->ctx, seq, row, header ? header->reason : PARBUS__REASON__REASON_NONE, detail);
}

void stores_rejects(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                    bool (*add)(void *add_ctx, uint64_t seq, uint32_t row, uint32_t reason, const char *detail),
                    void *add_ctx)
{
    struct stores *s = ctx;
    struct err_text e;
    struct rejects_of_feeder filter = {feeder, epoch, add, add_ctx};
    enum err err = need_state(s, &e);
    if (!err)
        err = state_rejects_each(s->state, feeder, epoch, seq, row, of_feeder, &filter, &e);
    if (err && err != ERR_NOT_FOUND)
        log_warn("state.read_failed", "why=\"%s\"", e.text);
}
