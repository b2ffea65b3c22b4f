/* The catalog as the journal builds it: order, visibility, names, partitions. */
#include "catalog/catalog.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* ---- a small catalog, one control record at a time ---- */

static enum err apply(struct catalog *c, Parbus__Control *control, struct err_text *e)
{
    control->has_control_seq = true;
    control->control_seq = catalog_control_seq(c) + 1;
    return catalog_apply(c, control, e);
}

static Parbus__Unit unit_of(uint32_t id, char *code, char *name, char **alias, size_t alias_count)
{
    Parbus__Unit u = PARBUS__UNIT__INIT;
    u.has_id = true, u.id = id, u.code = code, u.name = name, u.alias = alias, u.n_alias = alias_count;
    return u;
}

static enum err apply_registry(struct catalog *c, uint32_t version, Parbus__Unit **unit, size_t count,
                               struct err_text *e)
{
    Parbus__Registry r = PARBUS__REGISTRY__INIT;
    r.code = "places", r.title = "Places", r.source = "made up";
    r.has_version = true, r.version = version, r.unit = unit, r.n_unit = count;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_REGISTRY;
    control.registry = &r;
    return apply(c, &control, e);
}

static enum err publish_places(struct catalog *c, uint32_t version, struct err_text *e)
{
    char *hanoi[] = {"Hanoi", "Thủ đô"}, *hanam[] = {"Tỉnh Hà Nam", "Thủ phủ"}, *third[] = {"01", "thủ phủ"};
    Parbus__Unit u[] = {unit_of(1, "01", "Hà Nội", hanoi, 2), unit_of(2, "35", "Hà Nam", hanam, 2),
                        unit_of(7, "77", "Thứ Ba", third, 2), unit_of(9, "dn", "Đà Nẵng", NULL, 0)};
    Parbus__Unit *pointer[] = {&u[0], &u[1], &u[2], &u[3]};
    return apply_registry(c, version, pointer, 4, e);
}

struct tree {
    Parbus__Rule rule;
    Parbus__Node node[3], *pointer[3];
    Parbus__Stage stage[2];
    Parbus__Definition definition;
};

static void tree_fill(struct tree *t, char *index, uint32_t version)
{
    *t = (struct tree){.rule = PARBUS__RULE__INIT, .definition = PARBUS__DEFINITION__INIT};
    t->rule.has_kind = t->rule.has_value_max = t->rule.has_value_min = true;
    t->rule.kind = PARBUS__RULE_KIND__RULE_POINTS, t->rule.value_max = 50;
    static char *const codes[] = {"root", "A", "B"};
    for (int i = 0; i < 3; i++) {
        Parbus__Node *n = &t->node[i];
        *n = (Parbus__Node)PARBUS__NODE__INIT;
        n->has_id = n->has_parent = n->has_points_max = true;
        n->id = (uint32_t)(10 * i + 10), n->parent = i ? 0 : -1, n->code = n->title_vi = n->title_en = codes[i];
        n->points_max = (i ? 50 : 100) * (int64_t)MICRO;
        n->rule = i ? &t->rule : NULL;
        t->pointer[i] = n;
    }
    t->stage[0] = PARBUS__STAGE__STAGE_SELF, t->stage[1] = PARBUS__STAGE__STAGE_SURVEY;
    Parbus__Definition *d = &t->definition;
    d->index = index, d->title_vi = "Chỉ số", d->title_en = "Index", d->status = "official", d->source = "made up";
    d->registry = "places", d->period_kind = "year,month";
    d->has_version = d->has_registry_version = true, d->version = version, d->registry_version = 1;
    d->n_stage = 2, d->stage = t->stage, d->n_node = 3, d->node = t->pointer;
}

static enum err apply_definition(struct catalog *c, struct tree *t, struct err_text *e)
{
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_DEFINITION;
    control.definition = &t->definition;
    return apply(c, &control, e);
}

static enum err publish_index(struct catalog *c, char *index, uint32_t version, struct err_text *e)
{
    struct tree t;
    tree_fill(&t, index, version);
    return apply_definition(c, &t, e);
}

static enum err open_period(struct catalog *c, char *index, char *period, uint32_t version, uint32_t series,
                            struct err_text *e)
{
    Parbus__PeriodOpened p = PARBUS__PERIOD_OPENED__INIT;
    p.has_series = p.has_version = true;
    p.series = series, p.index = index, p.period = period, p.version = version;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_PERIOD_OPENED;
    control.period_opened = &p;
    return apply(c, &control, e);
}

/* Records 1 to 7: registry, one v1, 2024, one v2, 2025, two v1, 2025-10. */
static struct catalog *small(void)
{
    struct err_text e;
    struct catalog *c = catalog_new();
    cr_assert_eq(publish_places(c, 1, &e), OK, "%s", e.text);
    cr_assert_eq(publish_index(c, "one", 1, &e), OK, "%s", e.text);
    cr_assert_eq(open_period(c, "one", "2024", 1, 1, &e), OK, "%s", e.text);
    cr_assert_eq(publish_index(c, "one", 2, &e), OK, "%s", e.text);
    cr_assert_eq(open_period(c, "one", "2025", 2, 2, &e), OK, "%s", e.text);
    cr_assert_eq(publish_index(c, "two", 1, &e), OK, "%s", e.text);
    cr_assert_eq(open_period(c, "two", "2025-10", 1, 3, &e), OK, "%s", e.text);
    return c;
}

/* ---- what is in force when ---- */

Test(catalog, shows_what_was_published_by_then)
{
    struct catalog *c = small();
    cr_expect(catalog_find_definition(c, "one", 1) == NULL);
    cr_expect_eq(catalog_find_definition(c, "one", 2)->version, 1);
    cr_expect_eq(catalog_find_definition(c, "one", 3)->version, 1);
    cr_expect_eq(catalog_find_definition(c, "one", 4)->version, 2);
    cr_expect(catalog_find_series(c, "one", "2025", 4) == NULL);
    cr_expect_eq(catalog_find_series(c, "one", "2025", 5)->number, 2);
    cr_expect_eq(catalog_find_series(c, "one", "2025", UINT64_MAX)->definition->version, 2);
    cr_expect_eq(catalog_find_series(c, "one", "2024", UINT64_MAX)->definition->version, 1);
    cr_expect(catalog_find_series(c, "one", "2025-10", UINT64_MAX) == NULL);
    cr_expect(catalog_find_series(c, "nine", "2025", UINT64_MAX) == NULL);
    catalog_destroy(&c);
    cr_expect(c == NULL);
}

Test(catalog, an_empty_one_knows_nothing)
{
    struct catalog *c = catalog_new();
    char text[64];
    cr_expect(catalog_find_series(c, "one", "2025", UINT64_MAX) == NULL);
    cr_expect(catalog_find_definition(c, "one", UINT64_MAX) == NULL);
    cr_expect(catalog_series(c, 0) == NULL && catalog_series(c, 1) == NULL);
    catalog_suggest_index(c, "one", UINT64_MAX, text, sizeof text);
    cr_expect_str_eq(text, "");
    catalog_destroy(&c);
}

Test(catalog, series_are_numbered_from_1)
{
    struct catalog *c = small();
    cr_expect_eq(catalog_series_count(c), 3);
    cr_expect(catalog_series(c, 0) == NULL);
    cr_expect_str_eq(catalog_series(c, 3)->period, "2025-10");
    cr_expect(catalog_series(c, 4) == NULL);
    catalog_destroy(&c);
}

Test(catalog, finds_each_of_many_series)
{
    struct catalog *c = small();
    struct err_text e;
    char period[16];
    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(period, sizeof period, "%u", 3000 + i);
        cr_assert_eq(open_period(c, "two", period, 1, 4 + i, &e), OK, "%s", e.text);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(period, sizeof period, "%u", 3000 + i);
        cr_assert_eq(catalog_find_series(c, "two", period, UINT64_MAX)->number, 4 + i);
    }
    catalog_destroy(&c);
}

static void list_index(void *ctx, const struct definition *d)
{
    char *out = ctx;
    sprintf(out + strlen(out), "%s-%u ", d->index, d->version);
}

Test(catalog, lists_each_index_once)
{
    struct catalog *c = small();
    char list[64] = "";
    catalog_each_index(c, 2, list_index, list);
    cr_expect_str_eq(list, "one-1 ");
    list[0] = '\0';
    catalog_each_index(c, UINT64_MAX, list_index, list);
    cr_expect_str_eq(list, "one-2 two-1 ");
    catalog_destroy(&c);
}

Test(catalog, links_the_tree)
{
    struct catalog *c = small();
    const struct definition *d = catalog_find_definition(c, "one", UINT64_MAX);
    cr_expect_eq(d->leaf_count, 2);
    cr_expect_eq(d->top_count, 2);
    cr_expect_eq(d->node[d->leaf[1]].leaf, 1);
    cr_expect_eq(d->node[0].leaf, -1);
    cr_expect_eq(d->node[0].child_count, 2);
    cr_expect_eq(d->node[2].depth, 1);
    cr_expect_eq(d->node[2].scale, MICRO);
    cr_expect_eq(definition_node(d, 30), &d->node[2]);
    cr_expect(definition_node(d, 31) == NULL && definition_node(d, 0) == NULL && definition_node(d, 11) == NULL);
    cr_expect(definition_has_stage(d, PARBUS__STAGE__STAGE_SELF));
    cr_expect(!definition_has_stage(d, PARBUS__STAGE__STAGE_APPRAISED_1));
    cr_expect_eq(d->cohort_count, 4, "no cohort: the whole registry");
    cr_expect(definition_in_cohort(d, 7) && !definition_in_cohort(d, 3) && !definition_in_cohort(d, UNIT_NONE));
    catalog_destroy(&c);
}

Test(catalog, a_cohort_can_be_part_of_the_registry)
{
    struct catalog *c = small();
    struct err_text e;
    uint32_t cohort[] = {2, 9};
    struct tree t;
    tree_fill(&t, "part", 1);
    t.definition.cohort = cohort, t.definition.n_cohort = 2;
    cr_assert_eq(apply_definition(c, &t, &e), OK, "%s", e.text);
    const struct definition *d = catalog_find_definition(c, "part", UINT64_MAX);
    cr_expect(definition_in_cohort(d, 9) && definition_in_cohort(d, 2) && !definition_in_cohort(d, 1));
    tree_fill(&t, "more", 1);
    cohort[1] = 3;
    t.definition.cohort = cohort, t.definition.n_cohort = 2;
    cr_expect_eq(apply_definition(c, &t, &e), ERR_INVALID);
    catalog_destroy(&c);
}

/* ---- what a checked catalog never holds ---- */

static void expect_invalid(struct catalog *c, enum err err, const struct err_text *e, const char *reason)
{
    cr_expect_eq(err, ERR_INVALID, "%s", reason);
    cr_expect(strstr(e->text, reason) != NULL, "want %s, have %s", reason, e->text);
    cr_expect_eq(catalog_control_seq(c), 7);
    cr_expect_eq(catalog_series_count(c), 3);
}

Test(catalog, refuses_what_does_not_follow)
{
    struct catalog *c = small();
    struct err_text e;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.control_seq = 9;
    expect_invalid(c, catalog_apply(c, &control, &e), &e, "control record 9 follows 7");
    expect_invalid(c, apply(c, &control, &e), &e, "of a kind that this program does not know");
    expect_invalid(c, publish_places(c, 1, &e), &e, "registry places version 1 is published already");
    expect_invalid(c, publish_index(c, "one", 2, &e), &e, "index one: version 2 comes after version 2");
    expect_invalid(c, open_period(c, "one", "2026", 3, 4, &e), &e, "index one has no version 3");
    expect_invalid(c, open_period(c, "one", "2025", 2, 4, &e), &e, "period 2025 is open already");
    expect_invalid(c, open_period(c, "one", "2026", 2, 5, &e), &e, "series number 5, the next one is 4");
    expect_invalid(c, open_period(c, "one", "2026-Q1", 2, 4, &e), &e, "'2026-Q1' is not a period (year,month)");
    catalog_destroy(&c);
}

Test(catalog, refuses_damaged_definitions)
{
    struct catalog *c = small();
    struct err_text e;
    struct tree t;
    tree_fill(&t, "bad", 1);
    t.definition.registry_version = 2;
    expect_invalid(c, apply_definition(c, &t, &e), &e, "registry places version 2 is unknown");
    tree_fill(&t, "bad", 1);
    t.node[1].parent = 2;
    expect_invalid(c, apply_definition(c, &t, &e), &e, "each parent before its children");
    tree_fill(&t, "bad", 1);
    t.node[2].points_max = INT64_MAX;
    expect_invalid(c, apply_definition(c, &t, &e), &e, "max must be");
    tree_fill(&t, "bad", 1);
    t.node[2].rule = NULL;
    expect_invalid(c, apply_definition(c, &t, &e), &e, "an indicator needs a rule");
    tree_fill(&t, "bad", 1);
    t.node[0].aggregation = (Parbus__Aggregation)77;
    expect_invalid(c, apply_definition(c, &t, &e), &e, "unknown aggregation");
    tree_fill(&t, "bad", 1);
    t.rule.kind = (Parbus__RuleKind)77;
    expect_invalid(c, apply_definition(c, &t, &e), &e, "an indicator needs a rule");
    tree_fill(&t, "bad", 1);
    t.rule.value_max = 1 / 0.0;
    expect_invalid(c, apply_definition(c, &t, &e), &e, "range must be");
    tree_fill(&t, NULL, 1);
    expect_invalid(c, apply_definition(c, &t, &e), &e, "the index's code");
    tree_fill(&t, "bad", 1);
    t.definition.n_node = 0;
    expect_invalid(c, apply_definition(c, &t, &e), &e, "1 to 4096 nodes");
    catalog_destroy(&c);
}

/* ---- names ---- */

static uint32_t resolve(const char *text)
{
    struct catalog *c = small();
    uint32_t unit = registry_resolve(catalog_find_registry(c, "places", 1), text);
    catalog_destroy(&c);
    return unit;
}

Test(resolve, takes_codes_names_and_aliases)
{
    cr_expect_eq(resolve("35"), 2);
    cr_expect_eq(resolve("Hà Nam"), 2);
    cr_expect_eq(resolve("Tỉnh Hà Nam"), 2);
    cr_expect_eq(resolve("01"), 1, "a code wins over another unit's alias");
}

Test(resolve, passes_over_case_blanks_punctuation_marks_and_form)
{
    cr_expect_eq(resolve("HÀ NAM"), 2);
    cr_expect_eq(resolve("  hà__nam. "), 2);
    cr_expect_eq(resolve("ha nam"), 2);
    cr_expect_eq(resolve("Ha\u0300 Nam"), 2, "decomposed");
    cr_expect_eq(resolve("Hà\u00a0Nam"), 2, "no-break space");
    cr_expect_eq(resolve("Da Nang"), 9);
    cr_expect_eq(resolve("ÐÀ NẴNG"), 9, "eth, as old keyboards have it");
    cr_expect_eq(resolve("DN"), 9);
}

Test(resolve, a_better_match_wins_before_it_is_ambiguous)
{
    cr_expect_eq(resolve("Thủ phủ"), 2, "exactly so written");
    cr_expect_eq(resolve("thủ phủ"), 7, "exactly so written");
    cr_expect_eq(resolve("THỦ PHỦ"), UNIT_AMBIGUOUS);
    cr_expect_eq(resolve("thu phu"), UNIT_AMBIGUOUS);
    cr_expect_eq(resolve("thu do"), 1);
}

Test(resolve, does_not_guess)
{
    char longer[600];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    cr_expect_eq(resolve("Hà Na"), UNIT_NONE);
    cr_expect_eq(resolve(""), UNIT_NONE);
    cr_expect_eq(resolve(" - "), UNIT_NONE);
    cr_expect_eq(resolve("\xff\xfe"), UNIT_NONE);
    cr_expect_eq(resolve("H\xc3"), UNIT_NONE);
    cr_expect_eq(resolve(longer), UNIT_NONE);
}

/* ---- suggestions ---- */

static void expect_units(const char *text, size_t bytes, const char *want)
{
    struct catalog *c = small();
    char out[128];
    registry_suggest(catalog_find_registry(c, "places", 1), text, out, bytes);
    cr_expect_str_eq(out, want, "'%s' -> '%s'", text, out);
    catalog_destroy(&c);
}

Test(suggest, names_the_nearest_units)
{
    expect_units("Hà Nội.", 128, "Hà Nội (01)");
    expect_units("Hà Nộ", 128, "Hà Nội (01), Hà Nam (35)");
    expect_units("ha nai", 128, "Hà Nội (01), Hà Nam (35), Đà Nẵng (dn)");
    expect_units("Dà Nãng!", 128, "Đà Nẵng (dn)");
    expect_units("thu phu", 128, "Hà Nam (35), Thứ Ba (77)");
    expect_units("Thành phố nào đó", 128, "");
    expect_units("\xff", 128, "");
}

Test(suggest, leaves_out_what_does_not_fit_whole)
{
    expect_units("ha nai", 29, "Hà Nội (01), Hà Nam (35)");
    expect_units("ha nai", 15, "Hà Nội (01)");
    expect_units("ha nai", 14, "Hà Nam (35)");
    expect_units("ha nai", 1, "");
}

Test(suggest, names_codes_and_periods)
{
    struct catalog *c = small();
    char out[64];
    catalog_suggest_index(c, "twos", UINT64_MAX, out, sizeof out);
    cr_expect_str_eq(out, "two, one");
    catalog_suggest_index(c, "twos", 3, out, sizeof out);
    cr_expect_str_eq(out, "one", "two is not published yet");
    catalog_suggest_period(c, "one", "2026", UINT64_MAX, out, sizeof out);
    cr_expect_str_eq(out, "2024, 2025");
    catalog_suggest_period(c, "one", "2026", 4, out, sizeof out);
    cr_expect_str_eq(out, "2024");
    catalog_destroy(&c);
}

/* ---- partitions ---- */

Test(partition, is_the_same_for_ever)
{
    struct catalog *c = small();
    const struct registry *r = catalog_find_registry(c, "places", 1);
    cr_expect_eq(catalog_partition(r, 1, 64), 40);
    cr_expect_eq(catalog_partition(r, 2, 64), 21);
    cr_expect_eq(catalog_partition(r, 9, 64), 44);
    cr_expect_eq(catalog_partition(r, 9, 4096), 428);
    cr_expect_eq(catalog_partition_unknown("Hà Nộ", 64), 41);
    cr_expect_eq(catalog_partition(r, 1, 1), 0);
    catalog_destroy(&c);
}

Test(partition, does_not_depend_on_the_registrys_version)
{
    struct catalog *c = small();
    struct err_text e;
    cr_assert_eq(publish_places(c, 2, &e), OK, "%s", e.text);
    for (uint32_t partitions = 1; partitions <= 4096; partitions *= 4)
        cr_expect_eq(catalog_partition(catalog_find_registry(c, "places", 1), 7, partitions),
                     catalog_partition(catalog_find_registry(c, "places", 2), 7, partitions));
    catalog_destroy(&c);
}

/* ---- words ---- */

Test(words, stages_and_periods)
{
    cr_expect_str_eq(catalog_stage_word(PARBUS__STAGE__STAGE_APPRAISED_1), "appraised_1");
    cr_expect_str_eq(catalog_stage_word(99), "?");
    cr_expect_str_eq(catalog_rule_word(PARBUS__RULE_KIND__RULE_DEDUCT), "deduct");
    cr_expect(catalog_period_ok("year", "2025") && !catalog_period_ok("year", "2025-10"));
    cr_expect(catalog_period_ok("year,month", "2025-10") && catalog_period_ok("quarter", "2025-Q4"));
    cr_expect(!catalog_period_ok("quarter", "2025-Q5") && !catalog_period_ok("month", "2025-13"));
    cr_expect(!catalog_period_ok("month", "2025-00") && !catalog_period_ok("year", "25") && !catalog_period_ok("", ""));
}
