#include "services/ingestor/past.h"
#include "journal/record.h"
#include "services/ingestor/internal.h"

struct entry_wanted {
    uint64_t pseq, mark;
};

static bool take_mark(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct entry_wanted *w = ctx;
    w->mark = record_mark_at(record, bytes, first_pseq, w->pseq);
    return false;
}

static bool is_another(const struct coordinator *c, uint32_t p, uint64_t applied, uint64_t mark)
{
    struct entry_wanted here = {.pseq = applied};
    if (!applied || !mark || c->io->read(c->io->ctx, p, applied, 1, take_mark, &here, NULL))
        return false;
    return here.mark && here.mark != mark;
}

enum err past_check(const struct coordinator *c, uint32_t p, uint64_t applied, uint64_t mark, struct err_text *e)
{
    if (applied > c->partition[p].known)
        return err_set(e, ERR_CORRUPT,
                       "the journal had no more than %llu of partition %u, state has applied %llu: " OLDER_JOURNAL,
                       (unsigned long long)c->partition[p].known, p, (unsigned long long)applied);
    if (is_another(c, p, applied, mark))
        return err_set(
            e, ERR_CORRUPT,
            "entry %llu of partition %u, which state has applied last, is another one in this journal: " OLDER_JOURNAL,
            (unsigned long long)applied, p);
    return OK;
}
