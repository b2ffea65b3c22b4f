/* Long-form CSV: what is read, and what is told about lines that cannot be. */
#include "csv/longform_row.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "index,period,unit,indicator,value,stage,observed_at,evidence\n"

/* Everything the reader told, as text: "2 pci/2013/Hà Nội/entry=7.5" or "3! reason". */
struct told {
    char text[65536];
    size_t used;
    unsigned rows, faults, asked;
    struct longform_row last;
    char fault[512];
};

static void note(struct told *t, const char *text)
{
    t->used += (size_t)snprintf(t->text + t->used, sizeof t->text - t->used, "%s\n", text);
    cr_assert(lt(sz, t->used, sizeof t->text));
}

static bool on_row(void *ctx, const struct longform_row *row)
{
    struct told *t = ctx;
    char text[1024];
    snprintf(text, sizeof text, "%ld %s/%s/%s/%s=%.17g %s %lld %s%s", row->line, row->index, row->period, row->unit,
             row->indicator, row->value, longform_stage_name(row->stage),
             row->has_observed ? (long long)row->observed_ms : 0, row->uri, row->has_sha256 ? " sum" : "");
    note(t, text);
    t->rows++;
    t->last = *row;
    return true;
}

static void on_fault(void *ctx, long line, const char *text)
{
    struct told *t = ctx;
    char whole[640];
    snprintf(whole, sizeof whole, "%ld! %s", line, text);
    snprintf(t->fault, sizeof t->fault, "%ld: %s", line, text);
    note(t, whole);
    t->faults++;
}

static const char *index_default, *period_default;

static struct told *read_in_pieces(const char *data, size_t bytes, size_t first, size_t then)
{
    struct told *t = calloc(1, sizeof *t);
    struct longform_reader *r = longform_new(&(struct longform_options){
        .index = index_default, .period = period_default, .ctx = t, .row = on_row, .fault = on_fault});
    for (size_t at = 0, n = first; at < bytes; at += n, n = then) {
        n = n < bytes - at ? n : bytes - at;
        char *piece = malloc(n ? n : 1); /* of just this size, so that reading beyond it is seen */
        memcpy(piece, data + at, n);
        longform_feed(r, piece, n);
        free(piece);
    }
    longform_finish(r);
    longform_destroy(&r);
    return t;
}

static struct told *read_text(const char *text) { return read_in_pieces(text, strlen(text), strlen(text), 1); }

static void assert_fault(const char *line, const char *expected)
{
    char text[4096];
    snprintf(text, sizeof text, HEADER "%s\npci,2013,Hà Nội,entry,7.5,,,\n", line);
    struct told *t = read_text(text);
    cr_assert(eq(u32, t->faults, 1), "%s", t->text);
    cr_assert(strstr(t->fault, expected) != NULL, "%s", t->fault);
    cr_assert(strncmp(t->fault, "2: ", 3) == 0, "%s", t->fault);
    cr_assert(eq(u32, t->rows, 1), "the line after it is read: %s", t->text);
    free(t);
}

static void assert_reads(const char *text, const char *expected)
{
    struct told *t = read_text(text);
    cr_assert(eq(str, t->text, (char *)expected));
    free(t);
}

Test(csv, a_line_is_a_row)
{
    assert_reads(HEADER "pci,2013,Hà Nội,entry,7.5,self,2013-11-02,https://example.org/a.pdf\n",
                 "2 pci/2013/Hà Nội/entry=7.5 self 1383350400000 https://example.org/a.pdf\n");
}

Test(csv, columns_come_in_any_order_and_case)
{
    assert_reads("Value, UNIT ,indicator,period,index\n-0.5,01,1.1,2024,par\n", "2 par/2024/01/1.1=-0.5  0 \n");
}

Test(csv, defaults_fill_absent_columns_and_empty_fields)
{
    index_default = "par", period_default = "2024";
    assert_reads("unit,indicator,value\n01,1.1,2\n", "2 par/2024/01/1.1=2  0 \n");
    assert_reads("unit,indicator,value,index\n01,1.1,2,\n01,1.1,2,pci\n",
                 "2 par/2024/01/1.1=2  0 \n3 pci/2024/01/1.1=2  0 \n");
}

Test(csv, byte_order_mark_crlf_comments_blank_lines_and_a_missing_last_newline)
{
    assert_reads("\xef\xbb\xbf# from the ministry\r\nunit,indicator,value,index,period\r\n\r\n  \r\n"
                 "# half of it\r\n01,a,1,pci,2013\r\n02,a,2,pci,2013",
                 "6 pci/2013/01/a=1  0 \n7 pci/2013/02/a=2  0 \n");
}

Test(csv, quotes_hold_commas_and_quotes)
{
    assert_reads("unit,indicator,value,index,period\n\"Bà Rịa, Vũng Tàu\",\"a\"\"b\",\"1.5\",pci,2013\n",
                 "2 pci/2013/Bà Rịa, Vũng Tàu/a\"b=1.5  0 \n");
}

Test(csv, blanks_around_fields_do_not_matter)
{
    assert_reads("unit , indicator, value,index,period\n 01 ,\ta, 1.5 , \"pci\" ,2013 \n", "2 pci/2013/01/a=1.5  0 \n");
}

Test(csv, stages_have_names)
{
    static const struct {
        const char *name;
        Parbus__Stage stage;
    } stages[] = {{"self", PARBUS__STAGE__STAGE_SELF},
                  {"appraised", PARBUS__STAGE__STAGE_APPRAISED_1},
                  {"appraised_1", PARBUS__STAGE__STAGE_APPRAISED_1},
                  {"Appraised_2", PARBUS__STAGE__STAGE_APPRAISED_2},
                  {"survey", PARBUS__STAGE__STAGE_SURVEY},
                  {"final", PARBUS__STAGE__STAGE_UNKNOWN}};
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        cr_assert(eq(int, (int)longform_stage(stages[i].name), (int)stages[i].stage));
}

Test(csv, numbers_are_whole_fields_and_exact)
{
    static const char *const good[] = {
        "0", "-0", "+1", "1.", ".5", "88.37", "1e3", "1E-3", "0.1", "1e-400", "123456789012345678901234567890"};
    static const char *const bad[] = {"",     " ",     "abc", "1,5",   "0x10",     "inf",   "nan", "NaN",
                                      "-inf", "1e400", "1 2", "1.2.3", "--1",      "e5",    "-",   ".",
                                      "1e",   "1e+",   "٣",   "12%",   "infinity", "1_000", "+-1"};
    double value;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert(longform_number(good[i], &value), "%s", good[i]);
        cr_assert(value == strtod(good[i], NULL), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert(not(longform_number(bad[i], &value)), "%s", bad[i]);
    cr_assert(longform_number("88.37", &value) && value == 88.37);
}

Test(csv, numbers_do_not_follow_the_locale)
{
    double value;
    if (!setlocale(LC_ALL, "vi_VN.UTF-8") && !setlocale(LC_ALL, "de_DE.UTF-8"))
        cr_skip("no locale with a decimal comma here");
    cr_assert(longform_number("1.5", &value) && value == 1.5);
    cr_assert(not(longform_number("1,5", &value)));
}

Test(csv, each_kind_of_bad_line_is_told_and_the_next_one_read)
{
    assert_fault("pci,2013,Hà Nội,entry,abc,,,", "value \"abc\" is not a number");
    assert_fault("pci,2013,Hà Nội,entry,NaN,,,", "value \"NaN\" is not a number");
    assert_fault("pci,2013,Hà Nội,entry,\"7,5\",,,", "value \"7,5\" is not a number");
    assert_fault("pci,2013,Hà Nội,entry,7,5,,,", "9 fields, the header line has 8");
    assert_fault("pci,2013,Hà Nội,entry,7.5", "5 fields, the header line has 8");
    assert_fault("pci,2013,Hà Nội,entry,,,,", "value is missing");
    assert_fault("pci,2013,,entry,1,,,", "unit is missing");
    assert_fault("pci,2013,01,,1,,,", "indicator is missing");
    assert_fault(",2013,01,entry,1,,,", "index is missing");
    assert_fault("pci,,01,entry,1,,,", "period is missing");
    assert_fault("pci,2013,01,entry,1,final,,", "stage \"final\" is unknown");
    assert_fault("pci,2013,01,entry,1,,yesterday,", "observed_at \"yesterday\" is not a time");
    assert_fault("pci,2013,01,entry,1,,2013-02-30,", "observed_at \"2013-02-30\"");
    assert_fault("pci,2013,01,entry,1,,,a#sha256=12", "not 64 hexadecimal digits");
    assert_fault("pci,2013,01,entry,1,,,"
                 "#sha256=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                 "no address");
    assert_fault("pci,2013,\"Hà Nội,entry,1,,,", "a quote is not closed");
    assert_fault("pci,2013,Hà\"Nội,entry,1,,,", "in the middle of a field");
    assert_fault("pci,2013,H\xc3,entry,1,,,", "not UTF-8");
    assert_fault("pci,2013,01\r,entry,1,,,", "carriage return");
    assert_fault("pci,2013,01,entry,\x1b[31m1,,,", "value \"?[31m1\"");
    assert_fault("a23456789012345678901234567890123456789012345678901234567890123456,2013,01,entry,1,,,",
                 "index is longer than 64 bytes");
}

Test(csv, a_nul_byte_is_told)
{
    static const char text[] = HEADER "pci,2013,0\0001,entry,1,,,\npci,2013,01,entry,1,,,\n";
    struct told *t = read_in_pieces(text, sizeof text - 1, sizeof text, 1);
    cr_assert(eq(u32, t->faults, 1));
    cr_assert(strstr(t->fault, "NUL") != NULL);
    cr_assert(eq(u32, t->rows, 1));
    free(t);
}

Test(csv, evidence_is_an_address_with_or_without_a_sum)
{
    struct told *t = read_text(HEADER "pci,2013,01,entry,1,,,https://example.org/a#p=3#sha256="
                                      "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\n");
    cr_assert(eq(u32, t->rows, 1), "%s", t->text);
    cr_assert(t->last.has_sha256 && t->last.sha256[0] == 0 && t->last.sha256[10] == 0xaa && t->last.sha256[31] == 0xff);
    cr_assert(strstr(t->text, "https://example.org/a#p=3 sum") != NULL, "%s", t->text);
    free(t);
}

Test(csv, a_header_that_cannot_be_used_ends_the_file)
{
    assert_reads("unit,value\n01,1\n02,2\n", "1! nothing of this file can be read: there is no column \"index\" in the "
                                             "header line, and no option says it for all lines\n");
    index_default = "pci", period_default = "2013";
    assert_reads("unit,value\n01,1\n",
                 "1! nothing of this file can be read: there is no column \"indicator\" in the header line\n");
    assert_reads("unit,indicator,value,value\n01,a,1,1\n",
                 "1! nothing of this file can be read: column \"value\" is there twice\n");
    struct told *t = read_text("unit;indicator;value\n01;a;1\n");
    cr_assert(eq(u32, t->faults, 1));
    cr_assert(strstr(t->fault, "column \"unit;indicator;value\" is unknown") != NULL, "%s", t->fault);
    free(t);
    assert_reads("\xff\xfeu\nn\ni\n", "1! nothing of this file can be read: it is not UTF-8\n");
    assert_reads("\"unit\n01\n",
                 "1! nothing of this file can be read: a quote is not closed on its line, or stands in the "
                 "middle of a field (\"\" is a quote inside quotes)\n");
    assert_reads("# Ngu\xf4n\n", "2! there is no header line: index,period,unit,indicator,value,…\n");
    assert_reads("", "1! there is no header line: index,period,unit,indicator,value,…\n");
    assert_reads("# nothing\n", "2! there is no header line: index,period,unit,indicator,value,…\n");
}

Test(csv, a_huge_line_is_told_once_and_costs_no_memory)
{
    struct told *t = calloc(1, sizeof *t);
    struct longform_reader *r = longform_new(&(struct longform_options){.ctx = t, .row = on_row, .fault = on_fault});
    static char piece[65536];
    memset(piece, 'x', sizeof piece);
    longform_feed(r, HEADER "pci,2013,", strlen(HEADER) + 9);
    for (int i = 0; i < 1600; i++) /* 100 MB */
        longform_feed(r, piece, sizeof piece);
    longform_feed(r, "\npci,2013,01,entry,1,,,\n", 24);
    longform_finish(r);
    longform_destroy(&r);
    cr_assert(eq(str, t->text, "2! line is longer than 65536 bytes; skipped\n3 pci/2013/01/entry=1  0 \n"));
    free(t);
}

static bool on_row_the_third_time(void *ctx, const struct longform_row *row)
{
    struct told *t = ctx;
    return t->asked++ % 3 == 2 && on_row(ctx, row);
}

Test(csv, a_row_that_is_not_taken_is_offered_again_before_anything_else_is_read)
{
    static const char text[] = HEADER "pci,2013,01,entry,1,,,\npci,2013,02,entry,x,,,\npci,2013,03,land,2,,,";
    const size_t one = strlen(HEADER) + strlen("pci,2013,01,entry,1,,,\n"), all = sizeof text - 1;
    struct told *t = calloc(1, sizeof *t);
    struct longform_reader *r =
        longform_new(&(struct longform_options){.ctx = t, .row = on_row_the_third_time, .fault = on_fault});
    cr_assert(eq(sz, longform_feed(r, text, all), one), "up to the end of its line");
    cr_assert(longform_keeps(r));
    cr_assert(eq(sz, longform_feed(r, NULL, 0), 0));
    cr_assert(eq(u32, t->faults, 0), "nothing beyond it is read");
    cr_assert(eq(sz, longform_feed(r, text + one, all - one), all - one));
    cr_assert(not(longform_finish(r)), "the last line's row is not taken, either");
    cr_assert(not(longform_finish(r)));
    cr_assert(longform_finish(r));
    cr_assert(eq(str, t->text,
                 "2 pci/2013/01/entry=1  0 \n3! value \"x\" is not a number (such as 12, -0.5 or 1.2e3)\n"
                 "4 pci/2013/03/land=2  0 \n"));
    longform_destroy(&r);
    free(t);
}

Test(csv, the_longest_line_is_read)
{
    static char line[LONGFORM_LINE_BYTES_MAX + sizeof HEADER + 8];
    for (int extra = 0; extra < 2; extra++) {
        int used = snprintf(line, sizeof line, HEADER "pci,2013,01,entry,1,,,");
        size_t room = LONGFORM_LINE_BYTES_MAX - ((size_t)used - strlen(HEADER)) + (size_t)extra;
        memset(line + used, ' ', room);
        strcpy(line + used + room, "\n");
        struct told *t = read_text(line);
        cr_assert(eq(u32, t->rows, extra ? 0 : 1), "%s", t->text);
        cr_assert(eq(u32, t->faults, extra ? 1 : 0), "%s", t->text);
        free(t);
    }
}

Test(csv, the_pieces_it_comes_in_do_not_matter)
{
    static const char text[] = "\xef\xbb\xbf# note\r\n" HEADER
                               "pci,2013,\"Bà Rịa, \"\"VT\"\"\",entry,7.5,survey,2013-11-02T01:02:03+07:00,u\r\n"
                               "\r\npci,2013,H\xc3,entry,1,,,\r\npci,2013,\"open,entry,1,,,\r\n"
                               "pci,2013,01,entry,1\r\npci,2013,01,entry,2,,,";
    struct told *whole = read_in_pieces(text, sizeof text - 1, sizeof text, 1);
    cr_assert(eq(u32, whole->rows, 2), "%s", whole->text);
    cr_assert(eq(u32, whole->faults, 3), "%s", whole->text);
    for (size_t at = 0; at < sizeof text; at++)
        for (size_t then = 1; then < sizeof text; then = then * 5 + 1) {
            struct told *t = read_in_pieces(text, sizeof text - 1, at, then);
            cr_assert(eq(str, t->text, whole->text));
            free(t);
        }
    free(whole);
}
