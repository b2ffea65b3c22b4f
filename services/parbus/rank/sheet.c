#include "services/parbus/rank/sheet.h"
#include "base/plural.h"
#include "scoring/scoring.h"
#include "services/parbus/print/print.h"
#include <stdlib.h>
#include <string.h>

enum { RANK_WIDTH = 5, SCORE_WIDTH = 8, COLUMN_GAP = 2 };

bool sheet_format_of(const char *word, enum sheet_format *format)
{
    static const char *const words[] = {[SHEET_TABLE] = "table", [SHEET_CSV] = "csv", [SHEET_JSON] = "json"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(word, words[i])) {
            *format = (enum sheet_format)i;
            return true;
        }
    return false;
}

void sheet_add(struct sheet *s, const struct parbus_row *row)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 64;
        s->row = reallocarray(s->row, s->capacity, sizeof *s->row);
        ASSERT(s->row);
    }
    s->row[s->count++] = *row;
}

void sheet_free(struct sheet *s)
{
    free(s->row);
    free(s->component);
    *s = (struct sheet){0};
}

struct summary {
    size_t ranked, above; /* at 80 % of the maximum or more */
    int64_t mean, highest, lowest;
};

static int64_t rounded(__int128 dividend, int64_t divisor)
{
    __int128 half = divisor / 2;
    return (int64_t)((dividend < 0 ? dividend - half : dividend + half) / divisor);
}

static struct summary summary_of(const struct sheet *s)
{
    struct summary m = {0};
    __int128 sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct parbus_row *r = &s->row[i];
        if (!r->complete)
            continue;
        m.highest = !m.ranked || r->score > m.highest ? r->score : m.highest;
        m.lowest = !m.ranked || r->score < m.lowest ? r->score : m.lowest;
        m.above += (__int128)r->score * 10 >= (__int128)s->points_max * 8;
        m.ranked++;
        sum += r->score;
    }
    m.mean = m.ranked ? rounded(sum, (int64_t)m.ranked) : 0;
    return m;
}

/* ---- CSV ---- */

static void csv_points(const struct sheet *s, const struct parbus_row *r, int64_t points, FILE *out)
{
    char text[POINTS_TEXT_BYTES] = "";
    if (r->present)
        points_format(points, s->decimals, text);
    fputs(text, out);
}

static void csv_row(const struct sheet *s, const struct parbus_row *r, FILE *out)
{
    if (r->rank)
        fprintf(out, "%u", r->rank);
    fputc(',', out);
    print_csv(out, r->code);
    fputc(',', out);
    print_csv(out, r->name);
    fputc(',', out);
    csv_points(s, r, r->score, out);
    fprintf(out, ",%d", r->complete);
    for (size_t i = 0; i < s->component_count; i++) {
        fputc(',', out);
        csv_points(s, r, r->component[i], out);
    }
    fputc('\n', out);
}

static void csv_print(const struct sheet *s, size_t top, FILE *out)
{
    fputs("rank,unit,name,score,complete", out);
    for (size_t i = 0; i < s->component_count; i++) {
        fputc(',', out);
        print_csv(out, s->component[i]);
    }
    fputc('\n', out);
    for (size_t i = 0; i < top; i++)
        csv_row(s, &s->row[i], out);
}

/* ---- JSON; points are exact decimals ---- */

static void json_field(const char *before, const char *name, const char *text, FILE *out)
{
    fprintf(out, "%s", before);
    print_json(out, name);
    fputs(": ", out);
    print_json(out, text);
}

static void json_points(const struct sheet *s, bool present, int64_t points, FILE *out)
{
    char text[POINTS_TEXT_BYTES] = "null";
    if (present)
        points_format(points, s->decimals, text);
    fputs(text, out);
}

static void json_row(const struct sheet *s, const struct parbus_row *r, FILE *out)
{
    char rank[16] = "null";
    if (r->rank)
        snprintf(rank, sizeof rank, "%u", r->rank);
    fprintf(out, "    {\"rank\": %s", rank);
    json_field(", ", "unit", r->code, out);
    json_field(", ", "name", r->name, out);
    fputs(", \"score\": ", out);
    json_points(s, r->present, r->score, out);
    fprintf(out, ", \"complete\": %s, \"components\": {", r->complete ? "true" : "false");
    for (size_t i = 0; i < s->component_count; i++) {
        fputs(i ? ", " : "", out);
        print_json(out, s->component[i]);
        fputs(": ", out);
        json_points(s, r->present, r->component[i], out);
    }
    fputs("}}", out);
}

static void json_print(const struct sheet *s, size_t top, FILE *out)
{
    struct summary m = summary_of(s);
    json_field("{\n  ", "index", s->index, out);
    json_field(",\n  ", "period", s->period, out);
    json_field(",\n  ", "title_vi", s->title_vi, out);
    json_field(",\n  ", "title_en", s->title_en, out);
    json_field(",\n  ", "status", s->status, out);
    fprintf(out, ",\n  \"definition_version\": %u,\n  \"decimals\": %u,\n  \"points_max\": ", s->definition_version,
            s->decimals);
    json_points(s, true, s->points_max, out);
    fprintf(out, ",\n  \"units\": %zu,\n  \"ranked\": %zu,\n  \"mean\": ", s->count, m.ranked);
    json_points(s, m.ranked > 0, m.mean, out);
    fputs(",\n  \"rows\": [\n", out);
    for (size_t i = 0; i < top; i++) {
        json_row(s, &s->row[i], out);
        fputs(i + 1 < top ? ",\n" : "\n", out);
    }
    fputs("  ]\n}\n", out);
}

/* ---- table ---- */

static int wider(int width, const char *text)
{
    int own = print_width(text);
    return own > width ? own : width;
}

static void table_title(const struct sheet *s, FILE *out)
{
    fprintf(out, "%s %s  %s\n", s->index, s->period, s->title_vi);
    if (*s->title_en && strcmp(s->title_en, s->title_vi) != 0)
        fprintf(out, "%s\n", s->title_en);
    if (strcmp(s->status, "official") != 0) /* F8 */
        fprintf(out, "[%s] these are not official figures\n", s->status);
    fputc('\n', out);
}

static void table_points(const struct sheet *s, const struct parbus_row *r, int64_t points, int width, FILE *out)
{
    char text[POINTS_TEXT_BYTES] = "-";
    if (r->present)
        points_format(points, s->decimals, text);
    print_padded(out, "", COLUMN_GAP);
    print_padded(out, text, -width);
}

static void table_row(const struct sheet *s, const struct parbus_row *r, int code_width, int name_width, FILE *out)
{
    char rank[16] = "-";
    if (r->rank)
        snprintf(rank, sizeof rank, "%u", r->rank);
    print_padded(out, rank, -RANK_WIDTH);
    print_padded(out, "", COLUMN_GAP);
    print_padded(out, r->code, code_width + COLUMN_GAP);
    print_padded(out, r->name, name_width);
    table_points(s, r, r->score, SCORE_WIDTH, out);
    for (size_t i = 0; i < s->component_count; i++)
        table_points(s, r, r->component[i], wider(SCORE_WIDTH, s->component[i]), out);
    fputc('\n', out);
}

static void table_head(const struct sheet *s, int code_width, int name_width, FILE *out)
{
    print_padded(out, "Rank", -RANK_WIDTH);
    print_padded(out, "", COLUMN_GAP);
    print_padded(out, "Unit", code_width + COLUMN_GAP);
    print_padded(out, "Name", name_width + COLUMN_GAP);
    print_padded(out, "Score", -SCORE_WIDTH);
    for (size_t i = 0; i < s->component_count; i++) {
        print_padded(out, "", COLUMN_GAP);
        print_padded(out, s->component[i], -wider(SCORE_WIDTH, s->component[i]));
    }
    fputc('\n', out);
}

static void table_end(const struct sheet *s, size_t top, FILE *out)
{
    struct summary m = summary_of(s);
    char mean[POINTS_TEXT_BYTES], highest[POINTS_TEXT_BYTES], lowest[POINTS_TEXT_BYTES];
    points_format(m.mean, s->decimals, mean);
    points_format(m.highest, s->decimals, highest);
    points_format(m.lowest, s->decimals, lowest);
    fprintf(out, "\n%zu %s, %zu ranked", s->count, plural(s->count, "unit", "units"), m.ranked);
    if (top < s->count)
        fprintf(out, ", the first %zu shown", top);
    if (m.ranked)
        fprintf(out, "; mean %s, highest %s, lowest %s; %zu at 80 %% of the maximum or more", mean, highest, lowest,
                m.above);
    fputc('\n', out);
}

static void table_print(const struct sheet *s, size_t top, FILE *out)
{
    int code_width = 4, name_width = 4;
    for (size_t i = 0; i < top; i++) {
        code_width = wider(code_width, s->row[i].code);
        name_width = wider(name_width, s->row[i].name);
    }
    table_title(s, out);
    table_head(s, code_width, name_width, out);
    for (size_t i = 0; i < top; i++)
        table_row(s, &s->row[i], code_width, name_width, out);
    table_end(s, top, out);
}

void sheet_print(const struct sheet *s, enum sheet_format format, size_t top, FILE *out)
{
    static void (*const printers[])(const struct sheet *s, size_t top, FILE *out) = {
        [SHEET_TABLE] = table_print, [SHEET_CSV] = csv_print, [SHEET_JSON] = json_print};
    printers[format](s, top && top < s->count ? top : s->count, out);
}
