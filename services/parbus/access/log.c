#include "base/date.h"
#include "services/parbus/access/access.h"
#include "services/parbus/stores/stores.h"
#include <inttypes.h>
#include <stdio.h>

static const char *const head[] = {"at", "number", "by", "from", "what"};
static const int widths[] = {24, 7, 16, 24};
const struct access_table access_log_table = {.head = head, .columns = 5, .width = widths, .format = "table"};

enum err access_read(struct catalog **c, const char *directory, struct err_text *e)
{
    struct journal *j;
    *c = catalog_new();
    ASSERT(*c);
    enum err err = stores_journal(&j, directory, e);
    if (!err)
        err = journal_controls(j, 1, catalog_apply_packed, *c, e);
    journal_close(&j);
    return err;
}

static const char *or_else(const char *text, const char *otherwise) { return text && *text ? text : otherwise; }

static void print_change(struct access_table *t, const Parbus__Control *control)
{
    const Parbus__AccessChange *c = control->access;
    char at[DATE_TEXT_BYTES], number[24], words[ACCESS_SENTENCE_BYTES];
    date_format_ms(control->received_ms, at);
    snprintf(number, sizeof number, "%" PRIu64, control->control_seq);
    access_change_words(c, words, sizeof words);
    access_table_row(t, (const char *const[]){at, number, or_else(c->by, "the owner"), or_else(c->from, ""), words});
}

static enum err take_control(void *table, uint64_t seq, const void *packed, size_t bytes, struct err_text *e)
{
    Parbus__Control *control = parbus__control__unpack(NULL, bytes, packed);
    if (!control)
        return err_set(e, ERR_CORRUPT, "control record %" PRIu64 " cannot be read", seq);
    if (control->body_case == PARBUS__CONTROL__BODY_ACCESS)
        print_change(table, control);
    parbus__control__free_unpacked(control, NULL);
    return OK;
}

enum err access_log(const char *directory, struct access_table *t, struct err_text *e)
{
    struct journal *j;
    enum err err = stores_journal(&j, directory, e);
    if (err)
        return err;
    access_table_begin(t);
    err = journal_controls(j, 1, take_control, t, e);
    access_table_end(t);
    journal_close(&j);
    return err;
}
