#include "services/parbus/access/access.h"
#include "services/parbus/print/print.h"
#include <string.h>

bool access_format_ok(const char *format)
{
    return !strcmp(format, "table") || !strcmp(format, "text") || !strcmp(format, "csv") || !strcmp(format, "json");
}

static void table_row(const struct access_table *t, const char *const *cell)
{
    for (size_t i = 0; i + 1 < t->columns; i++) {
        print_padded(stdout, cell[i], t->width[i]);
        printf("  ");
    }
    print_plain(stdout, cell[t->columns - 1]);
    putchar('\n');
}

static void csv_row(const struct access_table *t, const char *const *cell)
{
    for (size_t i = 0; i < t->columns; i++) {
        print_csv(stdout, cell[i]);
        putchar(i + 1 < t->columns ? ',' : '\n');
    }
}

static void json_row(struct access_table *t, const char *const *cell)
{
    printf("%s\n{", t->begun ? "," : "");
    t->begun = true;
    for (size_t i = 0; i < t->columns; i++) {
        printf("%s\"%s\": ", i ? ", " : "", t->head[i]);
        print_json(stdout, cell[i]);
    }
    putchar('}');
}

void access_table_begin(struct access_table *t)
{
    if (*t->format == 'j')
        putchar('[');
    else if (*t->format == 'c')
        csv_row(t, t->head);
    else
        table_row(t, t->head);
}

void access_table_row(struct access_table *t, const char *const *cell)
{
    if (*t->format == 'j')
        json_row(t, cell);
    else if (*t->format == 'c')
        csv_row(t, cell);
    else
        table_row(t, cell);
}

void access_table_end(struct access_table *t)
{
    if (*t->format == 'j')
        printf("\n]\n");
}
