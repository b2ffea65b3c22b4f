#include "scoring/scoring.h"
#include "services/parbus/print/print.h"
#include "services/parbus/rank/sheet.h"
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const int64_t points[] = {60 * MICRO, 30 * MICRO + 500000};

/* Two that share a rank, one incomplete, one without any value. */
static struct sheet sheet_new(const char *status)
{
    struct sheet s = {
        .index = "little",
        .period = "2025",
        .title_vi = "Chỉ số",
        .title_en = "Index",
        .status = status,
        .decimals = 2,
        .definition_version = 1,
        .points_max = 100 * MICRO,
        .component_count = 2,
        .component = calloc(2, sizeof *s.component),
    };
    s.component[0] = "A", s.component[1] = "B,C";
    const struct parbus_row row[] = {
        {.rank = 1, .code = "u1", .name = "Hà Nội", .present = true, .complete = true, .score = 90500000},
        {.rank = 1, .code = "u2", .name = "Vân \"Đồn\", xã", .present = true, .complete = true, .score = 90500000},
        {.code = "u3", .name = "Ba", .present = true, .score = 30500000},
        {.code = "u4", .name = "Bốn"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct parbus_row r = row[i];
        r.component = points;
        sheet_add(&s, &r);
    }
    return s;
}

/* Not inlined: gcc 12 at -O3 takes what open_memstream allocates for the variable that points to it. */
__attribute__((noinline)) static char *printed(const char *status, enum sheet_format format, size_t top)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    struct sheet s = sheet_new(status);
    sheet_print(&s, format, top, out);
    sheet_free(&s);
    fclose(out);
    return text;
}

static const char *cell(const char *text)
{
    static char written[128];
    FILE *out = fmemopen(written, sizeof written, "w");
    print_csv(out, text);
    fclose(out);
    return written;
}

Test(sheet, a_cell_of_a_csv_is_never_a_formula)
{
    cr_expect_str_eq(cell("=HYPERLINK(\"http://x\",A1)"), "\"'=HYPERLINK(\"\"http://x\"\",A1)\"");
    cr_expect_str_eq(cell("@SUM(A1)"), "'@SUM(A1)");
    cr_expect_str_eq(cell("+1+1"), "'+1+1");
    cr_expect_str_eq(cell("-2+3+cmd|' /C calc'!A0"), "'-2+3+cmd|' /C calc'!A0");
    cr_expect_str_eq(cell("\t=1"), "\"'\t=1\"");
    cr_expect_str_eq(cell("\r=1"), "\"'\r=1\"");
    cr_expect_str_eq(cell("\n=1"), "\"'\n=1\"");
    cr_expect_str_eq(cell("  =1"), "'  =1");
    cr_expect_str_eq(cell("＝1"), "'＝1");
}

Test(sheet, numbers_and_names_stay_as_they_are_in_a_csv)
{
    static const char *const plain[] = {"",     "-1.5", "+3",     "-1e-3", "-inf", "nan",
                                        "-nan", "0",    "Hà Nội", "a=b",   "x-y",  "'"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        cr_expect_str_eq(cell(plain[i]), plain[i]);
    cr_expect_str_eq(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
}

Test(sheet, csv_is_quoted_where_it_must_be_and_leaves_out_what_is_not_there)
{
    char *text = printed("official", SHEET_CSV, 0);
    cr_assert_str_eq(text, "rank,unit,name,score,complete,A,\"B,C\"\n"
                           "1,u1,Hà Nội,90.50,1,60.00,30.50\n"
                           "1,u2,\"Vân \"\"Đồn\"\", xã\",90.50,1,60.00,30.50\n"
                           ",u3,Ba,30.50,0,60.00,30.50\n"
                           ",u4,Bốn,,0,,\n");
    free(text);
}

Test(sheet, json_is_json_with_exact_decimals)
{
    char *text = printed("illustrative", SHEET_JSON, 0);
    cr_assert(strstr(text, "\"score\": 90.50"));
    json_error_t fault;
    json_t *o = json_loads(text, 0, &fault), *rows = json_object_get(o, "rows");
    cr_assert(o, "%s", fault.text);
    cr_assert_eq(json_array_size(rows), 4);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(rows, 1), "name")), "Vân \"Đồn\", xã");
    cr_assert(json_is_null(json_object_get(json_array_get(rows, 2), "rank")));
    cr_assert(json_is_null(json_object_get(json_array_get(rows, 3), "score")));
    cr_assert_str_eq(json_string_value(json_object_get(o, "status")), "illustrative");
    cr_assert_eq(json_integer_value(json_object_get(o, "ranked")), 2);
    json_decref(o);
    free(text);
}

Test(sheet, json_escapes_what_would_break_a_string)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    print_json(out, "a\"b\\c\nd\x01");
    fclose(out);
    cr_assert_str_eq(text, "\"a\\\"b\\\\c\\u000ad\\u0001\"");
    free(text);
}

Test(sheet, top_cuts_the_rows_and_says_so)
{
    char *text = printed("official", SHEET_CSV, 1);
    cr_assert_not(strstr(text, "u2"));
    free(text);
    text = printed("official", SHEET_TABLE, 1);
    cr_assert(strstr(text, "4 units, 2 ranked, the first 1 shown; mean 90.50"));
    free(text);
}

Test(sheet, what_is_not_official_says_so)
{
    char *text = printed("illustrative", SHEET_TABLE, 0);
    cr_assert(strstr(text, "[illustrative]"));
    free(text);
    text = printed("official", SHEET_TABLE, 0);
    cr_assert_not(strstr(text, "not official"));
    free(text);
}

/* Where the score of a line ends, in columns. */
static int score_end(const char *table, const char *code)
{
    char line[256];
    const char *at = strstr(table, code);
    while (at[-1] != '\n')
        at--;
    snprintf(line, sizeof line, "%.*s", (int)(strchr(at, '\n') - at), at);
    *strstr(line, "60.00") = '\0';
    return print_width(line);
}

Test(sheet, columns_line_up_whatever_the_letters)
{
    char *text = printed("official", SHEET_TABLE, 3);
    cr_assert_eq(score_end(text, "u1"), score_end(text, "u3"));
    cr_assert_eq(score_end(text, "u2"), score_end(text, "u3"));
    free(text);
    cr_assert_eq(print_width("Hà Nội"), 6);
    cr_assert_eq(print_width("Ha\xcc\x80"), 2); /* a combining grave */
    cr_assert_eq(print_width("\xff!"), 2);
}

Test(sheet, the_mean_is_rounded_once)
{
    struct sheet s = sheet_new("official");
    s.row[1].score = 90490000;
    s.decimals = 2;
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    sheet_print(&s, SHEET_TABLE, 0, out);
    fclose(out);
    cr_assert(strstr(text, "mean 90.50, highest 90.50, lowest 90.49; 2 at 80 %"), "%s", text);
    sheet_free(&s);
    free(text);
}
