/* Bringing a journal up to the catalog: what is new, and what must not change. */
#include "catalog_world.h"
#include <criterion/criterion.h>
#include <string.h>

static struct world b;
static struct catalog *c; /* what was published so far */
static struct err_text e;

static void apply(void *ctx, Parbus__Control *control)
{
    (void)ctx;
    control->has_control_seq = true;
    control->control_seq = catalog_control_seq(c) + 1;
    cr_assert_eq(catalog_apply(c, control, &e), OK, "%s", e.text);
}

static enum err publish(void)
{
    struct catalog_set *set = catalog_load(b.directory, world_fault, &b);
    world_print(&b);
    cr_assert(set != NULL);
    enum err err = catalog_set_missing(set, c, apply, NULL, &e);
    catalog_set_destroy(&set);
    return err;
}

static void start(void)
{
    world_open(&b);
    c = catalog_new();
    cr_assert_eq(publish(), OK);
    cr_expect_eq(catalog_control_seq(c), 4, "registry, definition, two periods");
}

static void end(void)
{
    catalog_destroy(&c);
    world_close(&b);
}

TestSuite(catalog_missing, .init = start, .fini = end);

Test(catalog_missing, what_is_new_is_published_and_numbers_go_on)
{
    world_rewrite(&b, "one.yaml", world_index, "periods: [2024, 2025]", "periods: [2023, 2024, 2025]");
    cr_assert_eq(publish(), OK, "%s", e.text);
    cr_expect_eq(catalog_control_seq(c), 5);
    cr_expect_eq(catalog_find_series(c, "one", "2023", 5)->number, 3);
    cr_expect_eq(catalog_find_series(c, "one", "2024", 5)->number, 1);
}

static void expect_refused(const char *file, const char *text, const char *from, const char *to, const char *reason)
{
    world_rewrite(&b, file, text, from, to);
    cr_expect_eq(publish(), ERR_INVALID);
    cr_expect(strstr(e.text, reason) != NULL, "have: %s", e.text);
    cr_expect_eq(catalog_control_seq(c), 4, "nothing was published");
    world_rewrite(&b, file, text, from, from);
}

Test(catalog_missing, what_is_published_does_not_change)
{
    expect_refused("one.yaml", world_index, "weight: 0.4", "weight: 0.400000\n           ,scale: 1",
                   "index one version 1 has changed; raise its version");
    expect_refused("registries/units.yaml", world_registry, "name: Binh", "name: Bình",
                   "registry units version 1 has changed; raise its version");
}

Test(catalog_missing, an_open_period_does_not_move_to_another_version)
{
    expect_refused("one.yaml", world_index, "version: 1", "version: 2", "period 2024 is open under version 1");
}
