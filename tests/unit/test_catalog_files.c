/* The catalog that ships: it loads, publishes, and its names and sample data fit together. */
#include "catalog/load.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CATALOG SOURCE_DIR "/catalog"

static void print_fault(void *ctx, const char *file, int line, const char *text)
{
    (void)ctx;
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
}

struct published {
    struct catalog *catalog;
    size_t records;
};

static void publish(void *ctx, Parbus__Control *control)
{
    struct published *p = ctx;
    struct err_text e;
    control->has_control_seq = true;
    control->control_seq = catalog_control_seq(p->catalog) + 1;
    cr_assert(catalog_apply(p->catalog, control, &e) == OK, "%s", e.text);
    p->records++;
}

static struct catalog_set *load(void)
{
    struct catalog_set *set = catalog_load(CATALOG, print_fault, NULL);
    cr_assert(set);
    return set;
}

static struct catalog *published(void)
{
    struct catalog_set *set = load();
    struct published p = {catalog_new(), 0};
    cr_assert(catalog_set_missing(set, p.catalog, publish, &p, NULL) == OK);
    catalog_set_destroy(&set);
    return p.catalog;
}

static const struct definition *definition(const struct catalog *c, const char *index, const char *period)
{
    const struct series *s = catalog_find_series(c, index, period, UINT64_MAX);
    cr_assert(s, "%s %s is not open", index, period);
    return s->definition;
}

Test(catalog_files, ship_without_a_fault)
{
    struct catalog_set *set = load();
    cr_expect_eq(set->registry_count, 4);
    cr_expect_eq(set->definition_count, 9);
    catalog_set_destroy(&set);
    cr_expect_eq(set, NULL);
}

Test(catalog_files, are_all_published_once)
{
    struct catalog_set *set = load();
    struct published p = {catalog_new(), 0};
    cr_assert(catalog_set_missing(set, p.catalog, publish, &p, NULL) == OK);
    cr_expect_eq(p.records, 4 + 9 + 15);
    cr_expect_eq(catalog_series_count(p.catalog), 15);
    cr_assert(catalog_set_missing(set, p.catalog, publish, &p, NULL) == OK);
    cr_expect_eq(p.records, 4 + 9 + 15, "nothing was missing the second time");
    catalog_set_destroy(&set);
    catalog_destroy(&p.catalog);
}

static const struct {
    const char *index, *period;
    uint32_t version;
    size_t leaves, units;
    const char *status;
    int64_t max;
} shape[] = {
    {"qd766", "2025", 1, 6, 34, "official", 100},
    {"qd766", "2025-10", 1, 6, 34, "official", 100},
    {"qd766-an-giang", "2025-10", 1, 6, 15, "official", 100},
    {"par-ministry", "2023", 1, 2, 17, "official", 100},
    {"pci", "2013", 1, 10, 63, "official", 100},
    {"pci", "2016", 1, 10, 63, "official", 100},
    {"papi", "2018", 1, 28, 63, "official", 80},
    {"papi", "2019", 2, 29, 63, "official", 80},
    {"papi", "2020", 2, 29, 63, "official", 80},
    {"papi", "2021", 3, 28, 63, "official", 80},
    {"papi", "2022", 3, 28, 63, "official", 80},
    {"dti", "2022", 1, 8, 63, "official", 1},
    {"par-province", "2024", 1, 88, 63, "illustrative", 100},
};

Test(catalog_files, have_the_shapes_of_the_indices)
{
    struct catalog *c = published();
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        const struct definition *d = definition(c, shape[i].index, shape[i].period);
        cr_expect_eq(d->version, shape[i].version, "%s %s", shape[i].index, shape[i].period);
        cr_expect_eq(d->leaf_count, shape[i].leaves, "%s %s", shape[i].index, shape[i].period);
        cr_expect_eq(d->cohort_count, shape[i].units, "%s %s", shape[i].index, shape[i].period);
        cr_expect_str_eq(d->status, shape[i].status, "%s", shape[i].index);
        cr_expect_eq(d->node[0].points_max, shape[i].max * MICRO, "%s", shape[i].index);
    }
    catalog_destroy(&c);
}

Test(catalog_files, par_province_has_8_areas_38_criteria_and_68_plus_32_points)
{
    struct catalog *c = published();
    const struct definition *d = definition(c, "par-province", "2024");
    size_t at_depth[4] = {0};
    int64_t survey = 0, appraised = 0;
    for (size_t i = 0; i < d->node_count; i++) {
        at_depth[d->node[i].depth]++;
        if (d->node[i].leaf >= 0)
            *(d->node[i].rule.kind == PARBUS__RULE_KIND__RULE_SURVEY ? &survey : &appraised) += d->node[i].points_max;
    }
    cr_expect_eq(at_depth[1], 8);
    cr_expect_eq(at_depth[2], 38);
    cr_expect_eq(at_depth[3], 88);
    cr_expect_eq(appraised, 68 * (int64_t)MICRO);
    cr_expect_eq(survey, 32 * (int64_t)MICRO);
    catalog_destroy(&c);
}

/* ---- names ---- */

/* The next field of a CSV line, unquoted in place; *rest moves on. */
static char *field(char **rest)
{
    char *start = *rest;
    if (*start == '"') {
        char *end = strstr(start + 1, "\"");
        *end = '\0';
        *rest = end + 1 + (end[1] == ',');
        return start + 1;
    }
    return strsep(rest, ",\n");
}

static bool next_line(FILE *in, char *line, size_t bytes)
{
    while (fgets(line, (int)bytes, in)) {
        line[strcspn(line, "\n")] = '\0';
        if (*line != '#')
            return true;
    }
    return false;
}

Test(catalog_files, every_spelling_of_the_sources_is_the_right_province)
{
    struct catalog *c = published();
    const struct registry *r = catalog_find_registry(c, "vn-provinces-2008", 1);
    FILE *in = fopen(CATALOG "/published/province-spellings.csv", "r");
    cr_assert(r && in);
    char line[1024];
    size_t count = 0;
    cr_assert(next_line(in, line, sizeof line));
    while (next_line(in, line, sizeof line)) {
        char *rest = line, *code = field(&rest), *spelling = field(&rest);
        uint32_t unit = registry_resolve(r, spelling);
        cr_assert(unit != UNIT_NONE && unit != UNIT_AMBIGUOUS, "'%s'", spelling);
        cr_expect_str_eq(registry_unit(r, unit)->code, code, "'%s'", spelling);
        count++;
    }
    cr_expect_eq(count, 323);
    fclose(in);
    catalog_destroy(&c);
}

static void expect_own_names(const struct registry *r)
{
    for (size_t i = 0; i < r->unit_count; i++) {
        const struct unit *u = &r->unit[i];
        cr_expect_eq(registry_resolve(r, u->code), u->id, "%s", u->code);
        cr_expect_eq(registry_resolve(r, u->name), u->id, "%s", u->name);
        for (size_t k = 0; k < u->alias_count; k++)
            cr_expect_eq(registry_resolve(r, u->alias[k]), u->id, "%s", u->alias[k]);
    }
}

Test(catalog_files, no_name_of_a_unit_fits_another_one)
{
    struct catalog *c = published();
    expect_own_names(catalog_find_registry(c, "vn-provinces-2008", 1));
    expect_own_names(catalog_find_registry(c, "vn-provinces-2025", 1));
    expect_own_names(catalog_find_registry(c, "vn-ministries-2023", 1));
    expect_own_names(catalog_find_registry(c, "vn-an-giang-departments", 1));
    catalog_destroy(&c);
}

static const struct {
    const char *registry, *text, *code;
} written[] = {
    {"vn-provinces-2025", "000.00.00.H37", "H37"},
    {"vn-provinces-2025", "h37", "H37"},
    {"vn-provinces-2025", "UBND tỉnh Lạng Sơn", "H37"},
    {"vn-provinces-2025", "ubnd  TINH lang-son", "H37"},
    {"vn-provinces-2025", "TP. HCM", "H29"},
    {"vn-provinces-2025", "UBND Thành phố Hồ Chí Minh", "H29"},
    {"vn-provinces-2025", "UBND thành phố Huế", "H57"},
    {"vn-provinces-2025", "Thừa Thiên Huế", "H57"},
    {"vn-provinces-2008", "Hòa Bình", "17"},
    {"vn-provinces-2008", "HOÀ BÌNH", "17"},
    {"vn-provinces-2008", "Bà Rịa – Vũng Tàu", "77"},
    {"vn-provinces-2008", "Ba Ria Vung Tau", "77"},
    {"vn-provinces-2008", "Ðà Nẵng", "48"},
    {"vn-provinces-2008", "TP Đà Nẵng", "48"},
    {"vn-provinces-2008", "tinh dak lak", "66"},
    {"vn-ministries-2023", "Y tế", "BYT"},
    {"vn-ministries-2023", "bo noi vu", "BNV"},
    {"vn-an-giang-departments", "Sở Y tế", "H01.10"},
};

Test(catalog_files, names_are_found_as_people_write_them)
{
    struct catalog *c = published();
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        const struct registry *r = catalog_find_registry(c, written[i].registry, 1);
        uint32_t unit = registry_resolve(r, written[i].text);
        cr_assert(unit != UNIT_NONE && unit != UNIT_AMBIGUOUS, "'%s'", written[i].text);
        cr_expect_str_eq(registry_unit(r, unit)->code, written[i].code, "'%s'", written[i].text);
    }
    catalog_destroy(&c);
}

Test(catalog_files, codes_that_changed_their_owner_are_not_taken)
{
    static const char *const reused[] = {"15", "24", "44", "52", "80", "82", "91", "01", "Hà Giang", "Kiên Giang"};
    struct catalog *c = published();
    const struct registry *r = catalog_find_registry(c, "vn-provinces-2025", 1);
    for (size_t i = 0; i < sizeof reused / sizeof *reused; i++)
        cr_expect_eq(registry_resolve(r, reused[i]), UNIT_NONE, "%s", reused[i]);
    catalog_destroy(&c);
}

/* ---- sample data ---- */

static const struct node *node_of(const struct definition *d, const char *code)
{
    for (size_t i = 0; i < d->node_count; i++)
        if (!strcmp(d->node[i].code, code))
            return &d->node[i];
    return NULL;
}

static bool has_stage(const struct definition *d, const char *word)
{
    for (int stage = 1; stage < 32; stage++)
        if (definition_has_stage(d, stage) && !strcmp(catalog_stage_word(stage), word))
            return true;
    return false;
}

static void expect_row(const struct catalog *c, const char *file, char *line)
{
    char *rest = line, *index = field(&rest), *period = field(&rest), *unit = field(&rest), *indicator = field(&rest),
         *value = field(&rest), *stage = field(&rest);
    const struct definition *d = definition(c, index, period);
    uint32_t id = registry_resolve(d->registry, unit);
    cr_assert(definition_in_cohort(d, id), "%s: unit '%s'", file, unit);
    const struct node *n = node_of(d, indicator);
    cr_assert(n && n->leaf >= 0, "%s: indicator %s", file, indicator);
    double v = atof(value);
    cr_assert(v >= n->rule.value_min && v <= n->rule.value_max, "%s: %s of %s is %s", file, indicator, unit, value);
    cr_assert(has_stage(d, stage), "%s: stage %s", file, stage);
}

static size_t expect_file(const struct catalog *c, const char *name)
{
    char path[1024], line[1024];
    snprintf(path, sizeof path, CATALOG "/data/%s", name);
    FILE *in = fopen(path, "r");
    cr_assert(in, "%s", path);
    cr_assert(fgets(line, sizeof line, in) && *line == '#', "%s names its source first", name);
    cr_assert(next_line(in, line, sizeof line));
    cr_expect(!strncmp(line, "index,period,unit,indicator,value,stage", 39), "%s: header", name);
    size_t rows = 0;
    for (; next_line(in, line, sizeof line); rows++)
        expect_row(c, name, line);
    fclose(in);
    return rows;
}

Test(catalog_files, every_row_of_the_sample_data_would_be_accepted)
{
    struct catalog *c = published();
    DIR *directory = opendir(CATALOG "/data");
    cr_assert(directory);
    size_t files = 0, rows = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (strstr(entry->d_name, ".csv")) {
            rows += expect_file(c, entry->d_name);
            files++;
        }
    closedir(directory);
    cr_expect_eq(files, 23);
    cr_expect_eq(expect_file(c, "par-province-2024-illustrative.csv"), 63 * 88);
    cr_expect_gt(rows, 20000);
    catalog_destroy(&c);
}
