/* Whether a commit that is there is the one that was to be written. */
#include "journal/internal.h"
#include <string.h>

static const struct journal_put *put_of(const struct journal_group *g, const struct spot *spot)
{
    for (size_t i = 0; i < g->put_count; i++)
        if (g->put[i].partition == spot->partition && g->put[i].first_pseq == spot->first)
            return &g->put[i];
    return NULL;
}

static bool same(const struct journal_put *put, const struct spot *spot)
{
    return put && put->bytes == spot->data.mv_size && record_is_of(spot->data.mv_data, put->record, put->bytes);
}

static enum err differs(const struct journal_group *g, struct err_text *e)
{
    return err_set(e, ERR_LOST, "commit %llu is there with other records: somebody else writes this journal",
                   (unsigned long long)g->commit);
}

static enum err compare(struct finder *f, const struct journal_group *g, struct err_text *e)
{
    struct spot spot = {0};
    size_t found = 0;
    enum err err = finder_first(f, g->commit, &spot, e);
    while (!err && spot.commit == g->commit) {
        if (!same(put_of(g, &spot), &spot))
            return differs(g, e);
        found++;
        err = finder_next(f, &spot, e);
    }
    if (err && err != ERR_NOT_FOUND)
        return err;
    return found == g->put_count ? OK : differs(g, e);
}

enum err journal_compare(struct journal *j, MDB_txn *txn, const struct journal_group *g, struct err_text *e)
{
    struct finder f;
    enum err err = finder_open(&f, j, txn, e);
    if (!err)
        err = compare(&f, g, e);
    finder_close(&f);
    return err;
}
