/* The loader: each fault is found, with file and line, and reading goes on after it. */
#include "base/clock.h"
#include "catalog_world.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct world b;

static void setup(void) { world_open(&b); }
static void teardown(void) { world_close(&b); }
TestSuite(catalog_load, .init = setup, .fini = teardown);

Test(catalog_load, takes_a_sound_catalog)
{
    struct catalog_set *set = catalog_load(b.directory, world_fault, &b);
    world_print(&b);
    cr_assert(set != NULL);
    const Parbus__Definition *d = set->definition[0];
    cr_expect_eq(d->n_cohort, 2);
    cr_expect_eq(d->cohort[1], 3);
    cr_expect_eq(d->node[3]->weight, 400000);
    cr_expect_eq(d->node[4]->weight, 300000);
    cr_expect_eq(d->node[4]->rule->value_max, 4, "a checklist goes from 0 to its items");
    cr_expect_eq(d->node[1]->rule->value_max, 40, "points go from 0 to the maximum");
    cr_expect_eq(d->node[5]->rule->step_points[1], 60 * (int64_t)MICRO);
    cr_expect_eq(d->node[5]->parent, 2);
    cr_expect_str_eq(set->period[0][1], "2025");
    catalog_set_destroy(&set);
}

/* One change, one fault. */
static const struct {
    const char *from, *to;
    int line;
    const char *text;
} index_fault[] = {
    {"decimals: 2\n", "decimals: 2\ndecimal: 2\n", 12, "unknown key 'decimal'"},
    {"decimals: 2\n", "", 1, "key 'decimals' is missing"},
    {"decimals: 2\n", "decimals: 2\ndecimals: 3\n", 12, "'decimals' stands here twice"},
    {"decimals: 2", "decimals: two", 11, "'two' is not a whole number"},
    {"decimals: 2", "decimals: 7", 11, "decimals must be 0 to 6"},
    {"version: 1", "version: 0", 2, "version must be"},
    {"index: one", "index: o/ne", 1, "A-Z a-z 0-9"},
    {"en: One", "fr: Un", 3, "key 'en' is missing"},
    {"status: official", "status: oficial", 4, "unknown status 'oficial'; known are official, illustrative"},
    {"registry: units", "registry: unit", 6, "unknown registry unit version 1"},
    {"registry_version: 1", "registry_version: 2", 6, "unknown registry units version 2"},
    {"cohort: [a, c]", "cohort: [a, d]", 8, "no unit with the code 'd'"},
    {"cohort: [a, c]", "cohort: [a, a]", 8, "twice"},
    {"period_kind: year", "period_kind: decade", 9, "unknown period kind 'decade'"},
    {"periods: [2024, 2025]", "periods: [2024,\n  2025-13]", 11, "'2025-13' is not a period"},
    {"periods: [2024, 2025]", "periods: [2024, 2024]", 10, "period 2024 is bound to version 1 already"},
    {"missing: incomplete", "missing: maybe", 12, "unknown policy for missing values 'maybe'"},
    {"stages: [self, survey]", "stages: [self, final]", 13, "unknown stage 'final'"},
    {"stages: [self, survey]", "stages: [survey, self]", 13, "order self, appraised_1"},
    {"stages: [self, survey]", "stages: []", 13, "at least one stage"},
    {"  max: 100", "  max: 98", 18, "maxima of the children add up to 100, not to 98"},
    {"max: 40, rule", "max: 0, rule", 20, "max must be more than 0"},
    {"max: 40, rule", "max: 40.0000001, rule", 20, "not a decimal number with at most six places"},
    {"max: 40, rule: points", "max: 40, rule: poinst", 20, "unknown rule 'poinst'"},
    {"max: 40, rule: points", "max: 40", 20, "an indicator needs a rule"},
    {"max: 40, rule: points", "max: 40, rule: {kind: points, range: [5, 1]}", 20, "the smaller one first"},
    {"max: 40, rule: points", "max: 40, rule: {kind: points, target: 5}", 20, "unknown key 'target'"},
    {"max: 40, rule: points", "max: 40, rule: ratio", 20, "rule ratio needs more"},
    {"max: 40, rule: points", "max: 40, weight: 0.1, rule: points", 20, "weight has no meaning here"},
    {"max: 40, rule: points", "max: 40, scale: 2, rule: points", 20, "scale has no meaning here"},
    {"max: 40, rule: points", "max: 40, rule: {kind: deduct, range: [0, 9], per_unit: 0}", 20, "per_unit must be"},
    {"max: 40, rule: points", "max: 40, rule: {kind: linear, range: [0, 9], from: 3, to: 3}", 20, "two different"},
    {"max: 40, rule: points", "max: 40, rule: {kind: survey}", 20, "range must be"},
    {"      code: B\n", "      code: A\n", 22, "code A is used twice"},
    {"    - id: 3\n", "    - id: 2\n", 21, "id 2 is used twice"},
    {"    - id: 3\n", "    - id: 0\n", 21, "id must be a number from 1"},
    {"    - id: 3\n", "    - id: 3\n      rule: points\n", 22, "a node with children has no rule"},
    {"aggregation: arithmetic", "aggregation: average", 25, "unknown aggregation 'average'"},
    {"weight: 0.4", "weight: 0.5", 25, "weights of the children add up to 1.1, not to 1"},
    {"weight: 0.4", "weight: 0", 27, "weight must be more than 0"},
    {"target: 90", "target: 0", 28, "target must be more than 0"},
    {"floor: 50", "floor: 95", 28, "floor must be 0 to the target"},
    {"items: 4", "items: 0", 29, "items must be"},
    {"          max: 60", "          max: 70", 24, "give a mean of 63, not of 60"},
    {"[[1, 20], [5, 60]]", "[[5, 20], [1, 60]]", 35, "steps are not ascending: 1 after 5"},
    {"[[1, 20], [5, 60]]", "[[1, 20], [5, 61]]", 35, "not within 0 and max"},
    {"[[1, 20], [5, 60]]", "[[1, 20, 3]]", 35, "a step is a list of two numbers"},
    {"range: [0, 10]", "range: [0]", 35, "range is a list of two numbers"},
    {"range: [0, 10]", "range: [0, .inf]", 35, "'.inf' is not a number"},
    {"source: made up", "source: made\xff up", 5, "not UTF-8"},
    {"source: made up", "source: [made up", 6, "not YAML"},
    {"decimals: 2", "decimals:\n  - 2", 12, "is not a whole number"},
    {"tree:\n", "tree: []\nother:\n", 14, "a mapping (key: value) is wanted"},
};

Test(catalog_load, reports_each_fault_of_a_definition_with_its_line)
{
    for (size_t i = 0; i < sizeof index_fault / sizeof *index_fault; i++) {
        teardown();
        setup();
        world_rewrite(&b, "one.yaml", world_index, index_fault[i].from, index_fault[i].to);
        cr_expect(!world_loads(&b), "'%s' went through", index_fault[i].to);
        bool found = world_has_fault(&b, "one.yaml", index_fault[i].line, index_fault[i].text);
        cr_expect(found, "'%s': want %d: %s", index_fault[i].to, index_fault[i].line, index_fault[i].text);
        if (!found)
            world_print(&b);
    }
}

static const struct {
    const char *from, *to;
    int line;
    const char *text;
} registry_fault[] = {
    {"registry: units", "registry: ''", 1, "text is wanted"},
    {"version: 1\n", "", 1, "key 'version' is missing"},
    {"id: 2", "id: 1", 7, "id 1 follows id 1"},
    {"id: 3", "id: 1", 8, "id 1 follows id 2"},
    {"code: b", "code: a", 7, "code a is used twice"},
    {"code: b", "code: b b", 7, "A-Z a-z 0-9"},
    {"name: Binh", "nam: Binh", 7, "unknown key 'nam'"},
    {"aliases: [Ann, Anh]", "aliases: [Ann, Ann]", 6, "alias 'Ann' stands here twice"},
    {"aliases: [Ann, Anh]", "aliases: [An]", 6, "alias 'An' stands here twice"},
    {"aliases: [Ann, Anh]", "aliases: Ann", 6, "a list is wanted"},
    {"  - {id: 3, code: c, name: Cuong}\n", "  - c\n", 8, "a mapping (key: value) is wanted"},
    {"  - {id: 3, code: c, name: Cuong}\n", "---\nregistry: two\n", 9, "a second document"},
};

Test(catalog_load, reports_each_fault_of_a_registry_with_its_line)
{
    for (size_t i = 0; i < sizeof registry_fault / sizeof *registry_fault; i++) {
        teardown();
        setup();
        world_rewrite(&b, "registries/units.yaml", world_registry, registry_fault[i].from, registry_fault[i].to);
        cr_expect(!world_loads(&b), "'%s' went through", registry_fault[i].to);
        bool found = world_has_fault(&b, "registries/units.yaml", registry_fault[i].line, registry_fault[i].text);
        cr_expect(found, "'%s': want %d: %s", registry_fault[i].to, registry_fault[i].line, registry_fault[i].text);
        if (!found)
            world_print(&b);
    }
}

Test(catalog_load, one_fault_is_reported_once)
{
    world_rewrite(&b, "one.yaml", world_index, "max: 40, rule", "max: forty, rule");
    world_loads(&b);
    cr_expect_eq(b.faults, 1, "not also that 0 is too small, or that the sum is wrong");
}

Test(catalog_load, the_same_version_twice_is_a_fault)
{
    world_rewrite(&b, "two.yaml", world_index, "periods: [2024, 2025]", "periods: [2026]");
    world_write(&b, "registries/zunits.yaml", world_registry, strlen(world_registry));
    world_loads(&b);
    cr_expect(world_has_fault(&b, "two.yaml", 2, "index one version 1 stands in"));
    cr_expect(world_has_fault(&b, "registries/zunits.yaml", 2, "registry units version 1 stands in"));
    cr_expect_eq(b.faults, 2);
}

Test(catalog_load, a_period_belongs_to_one_version)
{
    char *second = world_replaced(world_index, "version: 1", "version: 2");
    world_rewrite(&b, "two.yaml", second, "periods: [2024, 2025]", "periods: [2026, 2025]");
    free(second);
    world_loads(&b);
    cr_expect(world_has_fault(&b, "two.yaml", 10, "period 2025 is bound to version 1 already"));
    cr_expect_eq(b.faults, 1);
}

Test(catalog_load, a_number_is_given_once_over_all_versions)
{
    char *second = world_replaced(world_index, "version: 1", "version: 2");
    char *moved = world_replaced(second, "periods: [2024, 2025]", "periods: []");
    world_rewrite(&b, "two.yaml", moved, "code: B3", "code: C3");
    char *units = world_replaced(world_registry, "version: 1", "version: 2");
    world_rewrite(&b, "registries/units2.yaml", units, "code: b", "code: d");
    free(second), free(moved), free(units);
    world_loads(&b);
    cr_expect(world_has_fault(&b, "two.yaml", 30, "id 6 is B3 in version 1"));
    cr_expect(world_has_fault(&b, "registries/units2.yaml", 7, "unit 2 is b in version 1"));
}

static void append(char **text, const char *more)
{
    char *longer;
    cr_assert_gt(asprintf(&longer, "%s%s", *text, more), 0);
    free(*text);
    *text = longer;
}

/* A chain of `depth` nodes below the root. */
static char *deep_tree(int depth)
{
    char *text = strndup(world_index, (size_t)(strstr(world_index, "tree:") - world_index)), line[256];
    append(&text, "tree: {id: 1, code: n1, title: {vi: A, en: A}, max: 1");
    for (int i = 2; i <= depth; i++) {
        snprintf(line, sizeof line, ", children: [\n{id: %d, code: n%d, title: {vi: A, en: A}, max: 1", i, i);
        append(&text, line);
    }
    append(&text, ", rule: points}");
    for (int i = 2; i <= depth; i++)
        append(&text, "]}");
    return text;
}

Test(catalog_load, a_tree_has_at_most_sixteen_levels)
{
    char *text = deep_tree(CATALOG_DEPTH_MAX);
    world_write(&b, "one.yaml", text, strlen(text));
    free(text);
    cr_expect(world_loads(&b));
    text = deep_tree(CATALOG_DEPTH_MAX + 1);
    world_write(&b, "one.yaml", text, strlen(text));
    free(text);
    world_loads(&b);
    world_print(&b);
    cr_expect(world_has_fault(&b, "one.yaml", 14 + CATALOG_DEPTH_MAX, "deeper than 16 levels"));
}

Test(catalog_load, a_definition_has_limits_on_leaves_and_nodes)
{
    char path[128];
    snprintf(path, sizeof path, "%s/one.yaml", b.directory);
    FILE *out = fopen(path, "w");
    cr_assert(out != NULL);
    fwrite(world_index, 1, (size_t)(strstr(world_index, "tree:") - world_index), out);
    fprintf(out, "tree:\n  id: 1\n  code: n1\n  title: {vi: A, en: A}\n  max: 5000\n  children:\n");
    for (int i = 2; i <= 5001; i++)
        fprintf(out, "    - {id: %d, code: n%d, title: {vi: A, en: A}, max: 1, rule: points}\n", i, i);
    fclose(out);
    world_loads(&b);
    cr_expect(world_has_fault(&b, "one.yaml", 20 + CATALOG_NODES_MAX - 1, "more than 4096 nodes"));
    cr_expect(world_has_fault(&b, "one.yaml", 15, "4095 leaves; a definition has at most 2048"));
}

/* 1500 nodes: with titles of 2 x 300 bytes they fit a Description, with 2 x 400 they do not. */
static bool loads_with_titles_of(int bytes)
{
    char path[128], title[1001];
    memset(title, 'x', sizeof title);
    title[bytes] = '\0';
    snprintf(path, sizeof path, "%s/one.yaml", b.directory);
    FILE *out = fopen(path, "w");
    cr_assert(out != NULL);
    fwrite(world_index, 1, (size_t)(strstr(world_index, "tree:") - world_index), out);
    fprintf(out, "tree:\n  id: 1\n  code: n1\n  title: {vi: A, en: A}\n  max: 1500\n  children:\n");
    for (int i = 2; i <= 1501; i++)
        fprintf(out, "    - {id: %d, code: n%d, title: {vi: %s, en: %s}, max: 1, rule: points}\n", i, i, title, title);
    fclose(out);
    return world_loads(&b);
}

Test(catalog_load, a_tree_fits_the_message_that_describes_it)
{
    cr_expect(loads_with_titles_of(300));
    cr_expect_not(loads_with_titles_of(400));
    world_print(&b);
    cr_expect(world_has_fault(&b, "one.yaml", 14, "the codes and titles of the tree take"));
}

/* Files that cost little to write and that libyaml, or we, would take minutes for: each is refused where it begins. */
static const struct {
    const char *head, *piece, *tail; /* head, then the piece a hundred thousand times, then the tail */
    int line;
    const char *text;
} costly[] = {
    {"x: ", "[", "", 1, "nested too deeply"},
    {"x: ", "[\n", "", 64, "nested too deeply"},
    {"", "{a: ", "", 1, "nested too deeply"},
    {"", "- ", "", 1, "nested too deeply"},
    {"", "? ", "", 1, "nested too deeply"},
    {"x:\n", " - &a%d 1\n", "", 2, "anchors (&) and aliases (*) are not taken here"},
    {"x: 1\ny: [", "*a, ", "]\n", 2, "anchors (&) and aliases (*) are not taken here"},
    {"", "%%TAG !a%d! x\n", "---\na: 1\n", 1, "directives (%) are not taken here"},
    {"", "k%d: 1\n", "", 1, "more than 64 keys in one mapping"},
    {"periods: [", "%d, ", "]\n", 1, "more than 4096 periods"},
};

static void write_costly(size_t i)
{
    char path[128];
    snprintf(path, sizeof path, "%s/one.yaml", b.directory);
    FILE *out = fopen(path, "w");
    cr_assert(out != NULL);
    fputs(costly[i].head, out);
    for (int k = 0; k < 100000; k++)
        fprintf(out, costly[i].piece, k); // NOLINT(clang-diagnostic-format-nonliteral)
    fputs(costly[i].tail, out);
    fclose(out);
}

Test(catalog_load, what_would_take_endless_time_is_refused_where_it_begins)
{
    for (size_t i = 0; i < sizeof costly / sizeof *costly; i++) {
        teardown();
        setup();
        write_costly(i);
        int64_t from_us = clock_mono_us();
        cr_expect(!world_loads(&b));
        cr_expect_lt(clock_mono_us() - from_us, 20000000, "%s: a minute and more if it is not refused",
                     costly[i].piece);
        cr_expect(world_has_fault(&b, "one.yaml", costly[i].line, costly[i].text), "%s", costly[i].piece);
    }
}

Test(catalog_load, a_unit_has_a_limit_on_its_aliases)
{
    char *text = strdup("aliases: [Ann"), name[16];
    for (int i = 0; i < 256; i++) {
        snprintf(name, sizeof name, ", N%d", i);
        append(&text, name);
    }
    world_rewrite(&b, "registries/units.yaml", world_registry, "aliases: [Ann, Anh", text);
    free(text);
    cr_expect(!world_loads(&b));
    cr_expect(world_has_fault(&b, "registries/units.yaml", 6, "a unit has at most 256 aliases"));
}

static void count_fault(void *ctx, const char *file, int line, const char *text)
{
    (void)file, (void)line;
    ++*(size_t *)ctx;
    cr_expect_eq(*(size_t *)ctx == 1000, !strcmp(text, "more is wrong from here on, which is not told"));
}

Test(catalog_load, a_thousand_faults_of_a_file_are_told)
{
    size_t faults = 0;
    char path[128];
    snprintf(path, sizeof path, "%s/registries/units.yaml", b.directory);
    FILE *out = fopen(path, "a");
    cr_assert(out != NULL);
    for (int i = 0; i < 2000; i++)
        fprintf(out, "  - wrong\n");
    fclose(out);
    cr_expect(catalog_load(b.directory, count_fault, &faults) == NULL);
    cr_expect_eq(faults, 1000);
}

Test(catalog_load, a_directory_without_a_catalog_is_a_fault)
{
    teardown();
    b = (struct world){.directory = "/tmp/parbus-catalog-XXXXXX"};
    cr_assert(mkdtemp(b.directory) != NULL);
    cr_expect(!world_loads(&b));
    world_print(&b);
    cr_expect(world_has_fault(&b, "registries", 0, "No such file or directory"));
}

static const struct {
    const char *file;
    int line;
    const char *text;
} example_fault[] = {
    {"registries/wards.yaml", 9, "code w2 is used twice"},
    {"broken.yaml", 7, "unknown registry ward version 1"},
    {"broken.yaml", 9, "'2025-Q5' is not a period"},
    {"broken.yaml", 11, "unknown policy for missing values"},
    {"broken.yaml", 17, "maxima of the children add up to 98, not to 100"},
    {"broken.yaml", 20, "unknown key 'titel'"},
    {"broken.yaml", 24, "unknown rule 'guess'"},
};

Test(catalog_load, one_run_shows_all_faults)
{
    struct catalog_set *set = catalog_load(SOURCE_DIR "/tests/data/catalog-faulty", world_fault, &b);
    cr_expect(set == NULL);
    for (size_t i = 0; i < sizeof example_fault / sizeof *example_fault; i++) {
        bool found = false;
        for (size_t k = 0; k < b.faults; k++)
            found =
                found || (strstr(b.fault[k].file, example_fault[i].file) && b.fault[k].line == example_fault[i].line &&
                          strstr(b.fault[k].text, example_fault[i].text));
        cr_expect(found, "%s:%d: %s", example_fault[i].file, example_fault[i].line, example_fault[i].text);
    }
    world_print(&b);
}
