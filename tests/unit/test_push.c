/* `parbus push` between the CSV reader and the feeder, and what `parbus load` measures with. */
#include "services/parbus/load/load.h"
#include "services/parbus/push/push.h"
#include "wire/wire.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- ledger ---- */

static void assert_origin(const struct push_ledger *l, uint64_t seq, uint32_t row, int file, long line, uint32_t rows)
{
    struct push_origin at;
    cr_assert(push_ledger_find(l, seq, row, &at));
    cr_assert(eq(int, at.file, file));
    cr_assert(eq(long, at.line, line));
    cr_assert(eq(u32, at.rows, rows));
}

Test(push, a_row_of_a_submission_leads_back_to_its_line)
{
    struct push_ledger l = {0};
    struct push_origin at;
    push_ledger_add(&l, 7, 0, (uint32_t[]){2, 3, 4, 10, 11, 20}, 6);
    push_ledger_add(&l, 9, 1, (uint32_t[]){5}, 1);
    static const long lines[] = {2, 3, 4, 10, 11, 20};
    for (uint32_t row = 0; row < 6; row++)
        assert_origin(&l, 7, row, 0, lines[row], 6);
    assert_origin(&l, 7, WIRE_ROW_WHOLE, 0, 2, 6);
    assert_origin(&l, 9, 0, 1, 5, 1);
    cr_assert(not(push_ledger_find(&l, 7, 6, &at)));
    cr_assert(not(push_ledger_find(&l, 8, 0, &at)));
    cr_assert(not(push_ledger_find(&l, 10, 0, &at)));
    push_ledger_free(&l);
}

Test(push, a_new_epoch_moves_what_is_left_in_the_ledger)
{
    struct push_ledger l = {0};
    struct push_origin at;
    uint64_t first, last;
    for (uint32_t seq = 5; seq <= 9; seq++)
        push_ledger_add(&l, seq, 0, &seq, 1);
    push_ledger_renumber(&l, 8);
    assert_origin(&l, 1, 0, 0, 8, 1);
    assert_origin(&l, 2, 0, 0, 9, 1);
    cr_assert(not(push_ledger_find(&l, 5, 0, &at)));
    cr_assert(push_ledger_span(&l, &first, &last));
    cr_assert(eq(u64, first, 1));
    cr_assert(eq(u64, last, 2));
    push_ledger_free(&l);
}

/* ---- groups ---- */

struct flushed {
    char text[4096];
    size_t rows;
};

/* Everything that must go, goes. */
static void send_due(struct push_groups *g, struct flushed *f)
{
    for (struct push_group *due; (due = push_groups_due(g)); push_groups_sent(g)) {
        const uint32_t *line = (const uint32_t *)(const void *)due->line.data;
        size_t used = strlen(f->text);
        snprintf(f->text + used, sizeof f->text - used, "%s/%s:%zu@%u%s%s ", due->unit, longform_stage_name(due->stage),
                 due->rows, line[0], due->timed ? due->same_time ? " same" : " own" : "",
                 due->evidence_count ? " evidence" : "");
        f->rows += due->rows;
    }
}

static void flush(struct push_groups *g, struct flushed *f)
{
    push_groups_flush(g);
    send_due(g, f);
}

static bool try_add(struct push_groups *g, long line, const char *unit, Parbus__Stage stage, int64_t observed_ms,
                    const char *uri)
{
    struct longform_row row = {.line = line,
                               .index = "pci",
                               .period = "2013",
                               .unit = unit,
                               .indicator = "entry",
                               .uri = uri,
                               .value = 1,
                               .has_observed = observed_ms != 0,
                               .observed_ms = observed_ms};
    return push_groups_add(g, &row, 2, stage);
}

static void add(struct push_groups *g, struct flushed *f, long line, const char *unit, Parbus__Stage stage,
                int64_t observed_ms, const char *uri)
{
    while (!try_add(g, line, unit, stage, observed_ms, uri)) {
        cr_assert(push_groups_due(g) != NULL);
        send_due(g, f);
    }
    send_due(g, f);
}

static const Parbus__Stage SELF = PARBUS__STAGE__STAGE_SELF, SURVEY = PARBUS__STAGE__STAGE_SURVEY;

Test(push, rows_of_one_unit_are_one_submission_wherever_they_stand)
{
    struct flushed f = {0};
    struct push_groups g = {.batch = PUSH_ROWS_MAX};
    add(&g, &f, 2, "01", SELF, 0, "");
    add(&g, &f, 3, "02", SELF, 0, "");
    add(&g, &f, 4, "01", SELF, 0, "");
    add(&g, &f, 5, "01", SURVEY, 0, "https://example.org");
    flush(&g, &f);
    cr_assert(eq(str, f.text, (char *)"01/self:2@2 02/self:1@3 01/survey:1@5 evidence "));
    push_groups_free(&g);
}

Test(push, nothing_is_added_while_something_must_go)
{
    struct flushed f = {0};
    struct push_groups g = {.batch = 2};
    cr_assert(try_add(&g, 2, "01", SELF, 0, "") && try_add(&g, 3, "02", SELF, 0, ""));
    cr_assert(push_groups_due(&g) == NULL);
    cr_assert(try_add(&g, 4, "01", SELF, 0, ""));
    cr_assert(not(try_add(&g, 5, "02", SELF, 0, "")), "a full one waits");
    cr_assert(eq(str, push_groups_due(&g)->unit, (char *)"01"));
    push_groups_sent(&g);
    cr_assert(try_add(&g, 5, "02", SELF, 0, ""));
    push_groups_flush(&g);
    cr_assert(not(try_add(&g, 6, "03", SELF, 0, "")));
    send_due(&g, &f);
    cr_assert(eq(str, f.text, (char *)"02/self:2@3 "));
    cr_assert(eq(sz, g.rows, 0));
    push_groups_free(&g);
}

Test(push, a_batch_is_never_exceeded)
{
    struct flushed f = {0};
    struct push_groups g = {.batch = 2};
    for (long line = 2; line <= 6; line++)
        add(&g, &f, line, "01", SELF, 0, "");
    flush(&g, &f);
    cr_assert(eq(str, f.text, (char *)"01/self:2@2 01/self:2@4 01/self:1@6 "));
    push_groups_free(&g);
}

Test(push, rows_with_and_without_a_time_are_kept_apart)
{
    struct flushed f = {0};
    struct push_groups g = {.batch = PUSH_ROWS_MAX};
    add(&g, &f, 2, "01", SELF, 1000, "");
    add(&g, &f, 3, "01", SELF, 0, "");
    add(&g, &f, 4, "01", SELF, 1000, "");
    add(&g, &f, 5, "02", SELF, 1000, "");
    add(&g, &f, 6, "02", SELF, 2000, "");
    flush(&g, &f);
    cr_assert(eq(str, f.text, (char *)"01/self:2@2 same 01/self:1@3 02/self:2@5 own "));
    push_groups_free(&g);
}

Test(push, gathering_is_bounded)
{
    struct flushed f = {0};
    struct push_groups g = {.batch = PUSH_ROWS_MAX};
    for (long line = 0; line < 10 * PUSH_GROUPS_MAX; line++) {
        char unit[16];
        snprintf(unit, sizeof unit, "%ld", line);
        add(&g, &f, line, unit, SELF, 0, "");
        cr_assert(le(sz, g.count, PUSH_GROUPS_MAX));
    }
    flush(&g, &f);
    cr_assert(eq(sz, f.rows, 10 * PUSH_GROUPS_MAX));
    push_groups_free(&g);
}

Test(push, evidence_counts_towards_the_size_of_a_submission)
{
    static char uri[2001];
    memset(uri, 'x', sizeof uri - 1);
    struct flushed f = {0};
    struct push_groups g = {.batch = PUSH_ROWS_MAX};
    for (long line = 2; line < 302; line++)
        add(&g, &f, line, "01", SELF, 0, uri);
    cr_assert(ge(sz, f.rows, 200), "a part went out already");
    flush(&g, &f);
    cr_assert(eq(sz, f.rows, 300));
    push_groups_free(&g);
}

/* ---- names ---- */

static struct push_series *describe(struct push_names *n, const char *period)
{
    static Parbus__Indicator indicator[3];
    static const char *const codes[] = {"total", "entry", "land"};
    Parbus__Indicator *list[3];
    for (unsigned i = 0; i < 3; i++) {
        parbus__indicator__init(&indicator[i]);
        indicator[i].id = i + 1, indicator[i].code = (char *)codes[i], indicator[i].leaf = i > 0;
        list[i] = &indicator[i];
    }
    Parbus__Description d = PARBUS__DESCRIPTION__INIT;
    d.index = "pci";
    d.n_indicator = 3, d.indicator = list;
    d.n_period = 1, d.period = (char *[]){"2013"};
    d.n_stage = 2, d.stage = (Parbus__Stage[]){PARBUS__STAGE__STAGE_APPRAISED_1, SURVEY};
    push_names_expect(n, "pci", period);
    d.index = "papi"; /* a late answer to another question */
    push_names_described(n, &d);
    cr_assert(n->asked != NULL);
    d.index = "pci";
    push_names_described(n, &d);
    cr_assert(n->asked == NULL);
    return push_names_find(n, "pci", period);
}

static void assert_unresolved(const struct push_series *s, const struct longform_row *row, const char *expected)
{
    struct err_text e = {0};
    uint32_t indicator;
    Parbus__Stage stage;
    cr_assert(push_names_resolve(s, row, &indicator, &stage, &e) != OK);
    cr_assert(eq(str, e.text, (char *)expected));
}

Test(push, names_become_numbers_or_the_nearest_names_are_told)
{
    struct push_names n = {0};
    const struct push_series *s = describe(&n, "2013");
    uint32_t indicator;
    Parbus__Stage stage;
    struct longform_row row = {.index = "pci", .period = "2013", .indicator = "land"};
    cr_assert(eq(int, push_names_resolve(s, &row, &indicator, &stage, NULL), OK));
    cr_assert(eq(u32, indicator, 3));
    cr_assert(eq(int, (int)stage, (int)PARBUS__STAGE__STAGE_APPRAISED_1), "the index's first");
    row.indicator = "entri";
    assert_unresolved(s, &row, "indicator \"entri\" is unknown in index pci; nearest: entry, land");
    row.indicator = "total";
    assert_unresolved(s, &row, "indicator total of index pci is a sum of others; values go to its parts");
    row.indicator = "land", row.stage = SELF;
    assert_unresolved(s, &row, "index pci has no stage self; it has: appraised_1, survey");
    push_names_free(&n);
}

Test(push, a_period_that_is_not_open_and_an_unknown_index_are_told)
{
    struct push_names n = {0};
    struct longform_row row = {.index = "pci", .period = "2019", .indicator = "land"};
    assert_unresolved(describe(&n, "2019"), &row, "period \"2019\" of index pci is not open; open: 2013");
    push_names_expect(&n, "pcy", "2013");
    push_names_refused(&n, "unknown index \"pcy\"; nearest: pci");
    assert_unresolved(push_names_find(&n, "pcy", "2013"), &row, "unknown index \"pcy\"; nearest: pci");
    push_names_free(&n);
}

/* ---- load ---- */

Test(load, percentiles_are_right_to_within_the_width_of_a_bucket)
{
    static struct load_latency l;
    cr_assert(eq(u64, load_latency_at(&l, 0.5), 0));
    for (uint64_t us = 1; us <= 100000; us++)
        load_latency_add(&l, us);
    static const double shares[] = {0.001, 0.5, 0.9, 0.99, 0.999};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        double exact = shares[i] * 100000, told = (double)load_latency_at(&l, shares[i]);
        cr_assert(told >= exact && told <= exact * 1.017 + 1, "%g: %g", shares[i], told);
    }
    cr_assert(eq(u64, load_latency_at(&l, 1), 100000));
    load_latency_add(&l, UINT64_MAX);
    cr_assert(eq(u64, load_latency_at(&l, 1), UINT64_MAX));
}

Test(load, a_delta_shows_everything_up_to_its_cause)
{
    static struct load_latency l;
    struct load_queue q = {0};
    for (uint64_t seq = 1; seq <= 300; seq++) {
        load_queue_push(&q, seq, (int64_t)seq);
        if (seq % 70 == 0)
            cr_assert(eq(sz, load_queue_shown(&q, seq - 3, 1000, &l), seq == 70 ? 67 : 70));
    }
    cr_assert(eq(sz, load_queue_shown(&q, 277, 1000, &l), 0));
    cr_assert(eq(sz, load_queue_shown(&q, 300, 1000, &l), 23));
    cr_assert(eq(u64, l.count, 300));
    cr_assert(eq(u64, l.max_us, 999));
    load_queue_free(&q);
}

Test(load, values_are_in_range_and_units_take_turns)
{
    struct load_values v = {0};
    Parbus__Indicator a = PARBUS__INDICATOR__INIT, b = PARBUS__INDICATOR__INIT, root = PARBUS__INDICATOR__INIT;
    a.id = 2, a.leaf = 1, a.value_min = -1, a.value_max = 1;
    b.id = 3, b.leaf = 1, b.value_min = 0, b.value_max = INFINITY;
    root.id = 1, root.value_max = 9;
    Parbus__Description d = PARBUS__DESCRIPTION__INIT;
    d.n_indicator = 3, d.indicator = (Parbus__Indicator *[]){&root, &a, &b};
    cr_assert(load_values_describe(&v, &d));
    for (uint32_t unit = 1; unit <= 3; unit++)
        load_values_add_unit(&v, &(struct parbus_row){.unit = unit, .code = "x"}, 0);
    load_values_start(&v, &(struct load_options){.index = "i", .period = "p", .observations = 5});
    for (uint32_t i = 0; i < 300; i++) {
        struct load_unit *unit;
        Parbus__Submission *s = load_values_next(&v, &unit);
        cr_assert(eq(u32, unit->number, i % 3 + 1));
        cr_assert(eq(sz, s->n_indicator, 5));
        for (int k = 0; k < 5; k++) {
            cr_assert(s->indicator[k] == 2 || s->indicator[k] == 3);
            cr_assert(s->indicator[k] == 2 ? fabs(s->value[k]) <= 1 : s->value[k] >= 0 && s->value[k] <= 100);
        }
    }
    cr_assert(load_values_unit(&v, 2) != NULL);
    cr_assert(load_values_unit(&v, 9) == NULL);
    load_values_free(&v);
}
