/* Where each partition ends, for the writer: a damaged record keeps its own partition from being read on, not from
 * being written, and no other. How far it reaches is known from its header, its key, its entries or the tail's count,
 * whichever is whole. */
#include "base/plural.h"
#include "journal/internal.h"
#include <inttypes.h>
#include <string.h>

/* What a record says of itself. */
struct piece {
    uint32_t partition;
    uint64_t first, commit;
    uint32_t count; /* 0: nobody can say */
};

struct ends {
    struct journal *j;
    uint64_t tail[STORE_TAIL_NUMBERS];
    bool open; /* the end of a partition is not known: what the others leave of the tail's count */
    uint32_t open_partition;
    bool several; /* of more than one, or of which is not known: then the count does not help */
    struct err_text fault;
};

static void note_fault(struct ends *x, const struct spot *spot)
{
    uint32_t count;
    if (!x->fault.text[0])
        spot_count(spot, &count, &x->fault);
}

/* A header that is whole is believed before the key: it has a checksum of its own. */
static struct piece piece_of(struct ends *x, const struct spot *spot)
{
    struct record_header h;
    if (record_header_read(&h, spot->data.mv_data, spot->data.mv_size, NULL) == OK) {
        if (h.partition != spot->partition || h.first_pseq != spot->first || h.commit != spot->commit)
            note_fault(x, spot);
        return (struct piece){h.partition, h.first_pseq, h.commit, h.count};
    }
    note_fault(x, spot);
    return (struct piece){spot->partition, spot->first, spot->commit,
                          record_count_entries(spot->data.mv_data, spot->data.mv_size)};
}

static void open_end(struct ends *x, uint32_t partition)
{
    x->several = x->several || x->open;
    x->open = true;
    x->open_partition = partition;
}

static void extend(struct ends *x, const struct piece *piece)
{
    if (piece->partition >= x->j->partitions) {
        x->several = true;
        return;
    }
    struct reach *reach = &x->j->reach[piece->partition];
    uint64_t last = piece->first + (piece->count ? piece->count : 1) - 1;
    if (last <= reach->last)
        return;
    if (x->open && x->open_partition == piece->partition)
        x->open = false; /* a later record says where that one ended */
    if (!piece->count)
        open_end(x, piece->partition);
    if (reach->commit == 0 && piece->commit >= tail_start(x->tail[TAIL_COMMIT])) {
        reach->commit = piece->commit;
        reach->first = piece->first;
    }
    reach->last = last;
}

static enum err cut_off(const struct ends *x, uint64_t entries, struct err_text *e)
{
    return err_set(e, ERR_CORRUPT,
                   "it has %" PRIu64 " %s up to commit %" PRIu64 ", and should have %" PRIu64
                   ", and where the others belong cannot be found out%s%s. 'parbus verify' says more; stop, and take "
                   "the journal back with 'parbus restore'",
                   entries, plural(entries, "entry", "entries"), x->tail[TAIL_COMMIT], x->tail[TAIL_ENTRIES],
                   x->fault.text[0] ? ": " : "", x->fault.text);
}

/* All partitions together: a record that vanished at the end of one leaves no hole. */
static enum err close_ends(struct ends *x, struct err_text *e)
{
    uint64_t entries = 0, should = x->tail[TAIL_ENTRIES];
    for (uint32_t p = 0; p < x->j->partitions; p++)
        entries += x->j->reach[p].last;
    if (entries == should)
        return OK;
    if (entries > should || !x->open || x->several)
        return cut_off(x, entries, e);
    x->j->reach[x->open_partition].last += should - entries;
    return OK;
}

static enum err from_index(struct ends *x, struct finder *f, struct err_text *e)
{
    enum err err = store_tail(f->txn, x->tail, e);
    for (uint32_t p = 0; p < x->j->partitions && !err; p++) {
        x->j->reach[p] = (struct reach){0};
        err = finder_indexed_last(f, p, &x->j->reach[p].last, e);
    }
    return err;
}

enum err ends_load(struct journal *j, struct finder *f, struct err_text *e)
{
    struct ends x = {.j = j};
    struct spot spot = {0};
    enum err err = from_index(&x, f, e);
    if (!err)
        err = finder_first(f, tail_start(f->last_commit), &spot, e);
    while (!err) {
        struct piece piece = piece_of(&x, &spot);
        extend(&x, &piece);
        err = finder_next(f, &spot, e);
    }
    if (err == ERR_NOT_FOUND)
        err = close_ends(&x, e);
    j->last_commit = f->last_commit;
    memcpy(j->pending, j->reach, j->partitions * sizeof *j->pending);
    return err;
}
