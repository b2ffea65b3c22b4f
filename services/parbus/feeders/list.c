#include "services/parbus/feeders/feeders.h"
#include "services/parbus/stores/stores.h"
#include <inttypes.h>
#include <stdio.h>

static const char *const head[] = {"number", "epoch", "last_seq", "refused", "outbox", "name_is", "feeder"};
static const int widths[] = {7, 20, 10, 8, 7, 8};
const struct access_table feeders_list_table = {.head = head, .columns = 7, .width = widths, .format = "table"};

static bool row(void *table, uint32_t number, const struct journal_feeder *f)
{
    char text[4][24];
    snprintf(text[0], sizeof text[0], "%u", number);
    snprintf(text[1], sizeof text[1], "%" PRIu64, f->epoch);
    snprintf(text[2], sizeof text[2], "%" PRIu64, f->last_seq);
    snprintf(text[3], sizeof text[3], "%" PRIu64, f->refused);
    access_table_row(table, (const char *const[]){text[0], text[1], text[2], text[3], f->without_outbox ? "no" : "yes",
                                                  f->removed ? "removed"
                                                  : f->free  ? "free"
                                                             : "held",
                                                  f->name});
    return true;
}

enum err feeders_list(const char *directory, struct access_table *t, struct err_text *e)
{
    struct journal *j;
    enum err err = stores_journal(&j, directory, e);
    if (err)
        return err;
    access_table_begin(t);
    err = journal_feeders(j, row, t, e);
    access_table_end(t);
    journal_close(&j);
    return err;
}
