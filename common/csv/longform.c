#include "csv/longform.h"
#include "base/plural.h"
#include "csv/longform_row.h"
#include "wire/wire.h"
#include <csv.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 64 };

struct longform_reader {
    struct longform_options options;
    long number; /* of the line that is being read */
    size_t used;
    bool skipping;         /* the line is too long */
    bool header, unusable; /* the columns are known; or never will be */
    bool kept;             /* the row was not taken yet */
    struct longform_row row;
    size_t columns;
    enum longform_column column[FIELDS_MAX]; /* of each field; COLUMN_COUNT: without a name, ignored */

    struct csv_parser parser;
    size_t fields, text_used;
    char *field[FIELDS_MAX];
    char line[LONGFORM_LINE_BYTES_MAX + 1];
    char text[LONGFORM_LINE_BYTES_MAX + FIELDS_MAX + 1]; /* the fields, unquoted, each with its NUL */
};

static void parser_start(struct longform_reader *r)
{
    int failed = csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI);
    ASSERT(!failed);
}

struct longform_reader *longform_new(const struct longform_options *o)
{
    struct longform_reader *r = calloc(1, sizeof *r);
    ASSERT(r);
    r->options = *o;
    r->number = 1;
    parser_start(r);
    return r;
}

void longform_destroy(struct longform_reader **r)
{
    if (*r)
        csv_free(&(*r)->parser);
    free(*r);
    *r = NULL;
}

static void fault(struct longform_reader *r, const char *text) { r->options.fault(r->options.ctx, r->number, text); }

/* ---- one line into fields ---- */

static void on_field(void *data, size_t bytes, void *ctx)
{
    struct longform_reader *r = ctx;
    if (r->fields < FIELDS_MAX) {
        char *text = r->text + r->text_used;
        memcpy(text, data ? data : "", bytes);
        text[bytes] = 0;
        r->field[r->fields] = text;
        r->text_used += bytes + 1;
    }
    r->fields++;
}

static void on_row(int terminator, void *ctx) { (void)terminator, (void)ctx; }

static bool split(struct longform_reader *r)
{
    r->fields = r->text_used = 0;
    bool fine = csv_parse(&r->parser, r->line, r->used, on_field, on_row, r) == r->used;
    if (fine && csv_fini(&r->parser, on_field, on_row, r) == 0)
        return true;
    csv_free(&r->parser);
    parser_start(r);
    return false;
}

/* ---- the header ---- */

static enum longform_column column_of(const char *name)
{
    int c = 0;
    while (c < COLUMN_COUNT && strcasecmp(longform_column_name[c], name) != 0)
        c++;
    return (enum longform_column)c;
}

static bool has_column(const struct longform_reader *r, enum longform_column column)
{
    for (size_t i = 0; i < r->columns; i++)
        if (r->column[i] == column)
            return true;
    return false;
}

static enum err add_column(struct longform_reader *r, const char *name, struct err_text *e)
{
    char shown[LONGFORM_SHOWN_BYTES];
    enum longform_column column = column_of(name);
    if (column == COLUMN_COUNT && *name)
        return err_set(e, ERR_INVALID,
                       "column \"%s\" is unknown; there are index, period, unit, indicator, value, stage, observed_at, "
                       "evidence, separated by commas",
                       longform_shown(name, shown));
    if (column < COLUMN_COUNT && has_column(r, column))
        return err_set(e, ERR_INVALID, "column \"%s\" is there twice", name);
    r->column[r->columns++] = column;
    return OK;
}

static enum err need_columns(const struct longform_reader *r, struct err_text *e)
{
    const bool needed[COLUMN_COUNT] = {[COLUMN_INDEX] = !r->options.index,
                                       [COLUMN_PERIOD] = !r->options.period,
                                       [COLUMN_UNIT] = true,
                                       [COLUMN_INDICATOR] = true,
                                       [COLUMN_VALUE] = true};
    for (int c = 0; c < COLUMN_COUNT; c++)
        if (needed[c] && !has_column(r, (enum longform_column)c))
            return err_set(e, ERR_INVALID, "there is no column \"%s\" in the header line%s", longform_column_name[c],
                           c <= COLUMN_PERIOD ? ", and no option says it for all lines" : "");
    return OK;
}

/* Without a header nothing in the file means anything. */
static void give_up(struct longform_reader *r, const char *text)
{
    struct err_text e;
    err_set(&e, ERR_INVALID, "nothing of this file can be read: %s", text);
    r->unusable = true;
    fault(r, e.text);
}

static void read_header(struct longform_reader *r)
{
    struct err_text e;
    enum err err = r->fields > FIELDS_MAX ? err_set(&e, ERR_TOO_LARGE, "more than %d columns", FIELDS_MAX) : OK;
    for (size_t i = 0; i < r->fields && !err; i++)
        err = add_column(r, r->field[i], &e);
    if (!err)
        err = need_columns(r, &e);
    r->header = !err;
    if (err)
        give_up(r, e.text);
}

/* ---- the other lines ---- */

/* Whether the row was taken. */
static bool offer(struct longform_reader *r)
{
    r->kept = !r->options.row(r->options.ctx, &r->row);
    return !r->kept;
}

static void read_row(struct longform_reader *r)
{
    struct err_text e;
    char *field[COLUMN_COUNT + 1] = {0};
    enum err err = OK;
    r->row = (struct longform_row){.line = r->number};
    if (r->fields != r->columns)
        err = err_set(&e, ERR_INVALID, "%zu %s, the header line has %zu", r->fields,
                      plural(r->fields, "field", "fields"), r->columns);
    for (size_t i = 0; i < r->columns && !err; i++)
        field[r->column[i]] = r->field[i];
    if (!err)
        err = longform_row_make(&r->options, field, &r->row, &e);
    if (err)
        fault(r, e.text);
    else
        offer(r);
}

static bool is_blank(const struct longform_reader *r)
{
    size_t blanks = strspn(r->line, " \t");
    return blanks == r->used || r->line[blanks] == '#';
}

static void strip(struct longform_reader *r)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (r->used && r->line[r->used - 1] == '\r')
        r->used--;
    if (r->number == 1 && r->used >= 3 && memcmp(r->line, byte_order_mark, 3) == 0)
        memmove(r->line, r->line + 3, r->used -= 3);
    r->line[r->used] = 0;
}

/* NULL: the line is in r->field. */
static const char *unreadable(struct longform_reader *r)
{
    if (!wire_utf8_ok(r->line, r->used))
        return memchr(r->line, 0, r->used) ? "there is a NUL byte in it" : "it is not UTF-8";
    if (memchr(r->line, '\r', r->used))
        return "there is a carriage return inside it; lines end in LF or CR LF";
    if (!split(r))
        return "a quote is not closed on its line, or stands in the middle of a field (\"\" is a quote inside quotes)";
    return NULL;
}

static void read_line(struct longform_reader *r)
{
    strip(r);
    if (is_blank(r))
        return;
    const char *why = unreadable(r);
    if (why)
        (r->header ? fault : give_up)(r, why);
    else
        (r->header ? read_row : read_header)(r);
}

static void end_line(struct longform_reader *r)
{
    if (!r->skipping && !r->unusable)
        read_line(r);
    r->skipping = false;
    r->used = 0;
    r->number++;
}

static void add(struct longform_reader *r, const char *data, size_t bytes)
{
    if (r->skipping || r->unusable)
        return;
    if (bytes > LONGFORM_LINE_BYTES_MAX - r->used) {
        struct err_text e;
        err_set(&e, ERR_TOO_LARGE, "line is longer than %d bytes; skipped", LONGFORM_LINE_BYTES_MAX);
        fault(r, e.text);
        r->skipping = true;
        return;
    }
    memcpy(r->line + r->used, data, bytes);
    r->used += bytes;
}

size_t longform_feed(struct longform_reader *r, const char *data, size_t bytes)
{
    if (r->kept)
        offer(r);
    if (!bytes) /* there may be no data then, and NULL has nothing behind it */
        return 0;
    const char *from = data, *end = data + bytes;
    while (!r->kept && data < end) {
        const char *line_end = memchr(data, '\n', (size_t)(end - data));
        add(r, data, (size_t)((line_end ? line_end : end) - data));
        if (!line_end)
            return bytes;
        end_line(r);
        data = line_end + 1;
    }
    return (size_t)(data - from);
}

bool longform_keeps(const struct longform_reader *r) { return r->kept; }

bool longform_finish(struct longform_reader *r)
{
    if (r->kept && !offer(r))
        return false;
    if (r->used || r->skipping)
        end_line(r);
    if (r->kept)
        return false;
    if (!r->header && !r->unusable)
        fault(r, "there is no header line: index,period,unit,indicator,value,…");
    r->unusable = true;
    return true;
}
