/* Entries that take no effect, as the catalog holds them (rules I17 to I19). */
#include "small_catalog.h"
#include <criterion/criterion.h>
#include <string.h>

static struct catalog *c;
static struct err_text e;

static void setup(void) { c = catalog_new(); }
static void teardown(void) { catalog_destroy(&c); }
TestSuite(set_aside, .init = setup, .fini = teardown);

Test(set_aside, what_is_set_aside_is_found_and_nothing_else)
{
    cr_assert_null(catalog_set_aside(c, 0, 0));
    for (uint32_t p = 5; p > 0; p--)
        for (uint64_t pseq = 2; pseq <= 40; pseq += 2)
            cr_assert_eq(set_aside_in(c, p, pseq * 11 % 42, &e), OK, "%s", e.text);
    for (uint32_t p = 0; p <= 6; p++)
        for (uint64_t pseq = 0; pseq <= 43; pseq++)
            cr_assert_eq(catalog_set_aside(c, p, pseq) != NULL,
                         p >= 1 && p <= 5 && pseq % 2 == 0 && pseq >= 2 && pseq <= 40, "%u/%llu", p,
                         (unsigned long long)pseq);
    const struct set_aside *s = catalog_set_aside(c, 3, 14);
    cr_assert(s->partition == 3 && s->pseq == 14 && s->tries == 3 && !s->readmitted);
    cr_assert_str_eq(s->instance, "scorer-2");
    cr_assert_eq(catalog_control_seq(c), 100);
}

Test(set_aside, nothing_is_set_aside_or_sent_again_twice)
{
    cr_assert_eq(readmit_in(c, 1, 8, &e), ERR_INVALID);
    cr_assert(strstr(e.text, "not set aside"), "%s", e.text);
    cr_assert_eq(set_aside_in(c, 1, 8, &e), OK);
    cr_assert_eq(set_aside_in(c, 1, 8, &e), ERR_INVALID);
    cr_assert(strstr(e.text, "set aside already"), "%s", e.text);
    cr_assert_eq(readmit_in(c, 2, 8, &e), ERR_INVALID);
    cr_assert_eq(readmit_in(c, 1, 8, &e), OK);
    cr_assert_eq(readmit_in(c, 1, 8, &e), ERR_INVALID);
    cr_assert(strstr(e.text, "sent again already"), "%s", e.text);
    cr_assert_eq(set_aside_in(c, 1, 8, &e), ERR_INVALID, "it stays set aside at its old place");
    cr_assert_eq(set_aside_in(c, 1, 0, &e), ERR_INVALID);
    cr_assert_eq(catalog_control_seq(c), 2, "what is refused is no control");
}

Test(set_aside, what_was_sent_again_stays_without_effect_at_its_old_place)
{
    set_aside_in(c, 1, 8, &e);
    set_aside_in(c, 1, 9, &e);
    readmit_in(c, 1, 8, &e);
    cr_assert_eq(catalog_set_aside(c, 1, 8)->readmitted, 3);
    cr_assert_eq(catalog_set_aside(c, 1, 9)->readmitted, 0);
    cr_assert_eq(catalog_readmitted_between(c, 1, 2, 9), 1);
    cr_assert_eq(catalog_readmitted_between(c, 1, 2, 3), 1);
    cr_assert_eq(catalog_readmitted_between(c, 1, 3, 9), 0);
    cr_assert_eq(catalog_readmitted_between(c, 1, 0, 2), 0);
    cr_assert_eq(catalog_readmitted_between(c, 2, 0, 9), 0);
}

Test(set_aside, the_first_one_since_a_control)
{
    set_aside_in(c, 1, 9, &e);
    set_aside_in(c, 1, 8, &e);
    set_aside_in(c, 2, 7, &e);
    cr_assert_eq(catalog_set_aside_after(c, 1, 0), 8);
    cr_assert_eq(catalog_set_aside_after(c, 1, 1), 8);
    cr_assert_eq(catalog_set_aside_after(c, 1, 2), 0);
    cr_assert_eq(catalog_set_aside_after(c, 2, 2), 7);
    cr_assert_eq(catalog_set_aside_after(c, 0, 0), 0);
}

Test(set_aside, those_that_were_not_sent_again_are_counted)
{
    const struct set_aside *newest;
    cr_assert_eq(catalog_set_aside_waiting(c, &newest), 0);
    cr_assert_null(newest);
    set_aside_in(c, 2, 9, &e);
    set_aside_in(c, 3, 4, &e);
    set_aside_in(c, 1, 8, &e);
    cr_assert_eq(catalog_set_aside_waiting(c, &newest), 3);
    cr_assert(newest->partition == 1 && newest->pseq == 8, "the one decided last");
    readmit_in(c, 1, 8, &e);
    cr_assert_eq(catalog_set_aside_waiting(c, &newest), 2);
    cr_assert(newest->partition == 3 && newest->pseq == 4);
    readmit_in(c, 2, 9, &e);
    readmit_in(c, 3, 4, &e);
    cr_assert_eq(catalog_set_aside_waiting(c, &newest), 0);
    cr_assert_null(newest);
}
