#include "base/err.h"
#include "base/metrics.h"
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <signal.h>
#include <string.h>

Test(err, each_code_has_a_sentence)
{
    for (int code = 0; code < ERR_COUNT; code++)
        cr_assert_gt(strlen(err_name((enum err)code)), 3);
    cr_assert_str_eq(err_name(ERR_TIMEOUT), "timed out");
    cr_assert_str_eq(err_name((enum err)999), "unknown error");
}

Test(err, callers_put_their_words_in_front)
{
    struct err_text e;
    enum err err = err_set(&e, ERR_VERSION, "version %d is newer than this program", 3);
    err = err_wrap(&e, err, "open %s", "journal");
    err = err_wrap(&e, err, "start");
    cr_assert_eq(err, ERR_VERSION);
    cr_assert_str_eq(e.text, "start: open journal: version 3 is newer than this program");
}

Test(err, success_is_not_wrapped)
{
    struct err_text e = {"untouched"};
    cr_assert_eq(err_wrap(&e, OK, "words"), OK);
    cr_assert_str_eq(e.text, "untouched");
}

Test(err, the_text_may_be_absent)
{
    cr_assert_eq(err_set(NULL, ERR_IO, "x"), ERR_IO);
    cr_assert_eq(err_wrap(NULL, ERR_IO, "x"), ERR_IO);
}

Test(err, long_texts_are_cut_off)
{
    struct err_text e;
    char words[2000];
    memset(words, 'w', sizeof words);
    words[sizeof words - 1] = 0;
    err_set(&e, ERR_IO, "%s", words);
    cr_assert_eq(strlen(e.text), sizeof e.text - 1);
    err_wrap(&e, ERR_IO, "%s", words);
    cr_assert_eq(strlen(e.text), sizeof e.text - 1);
}

Test(err, a_broken_invariant_ends_the_process, .signal = SIGABRT)
{
    cr_redirect_stderr();
    int limit = 3;
    ASSERT(limit > 5);
}

Test(metrics, names_and_texts_are_there_once)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        cr_assert_gt(strlen(metric_name((enum metric)i)), 3);
        cr_assert_gt(strlen(metric_text((enum metric)i)), 3);
        for (int k = 0; k < i; k++)
            cr_assert_str_neq(metric_name((enum metric)i), metric_name((enum metric)k));
    }
    cr_assert_str_eq(metric_name(METRIC_rows_rejected), "rows_rejected");
}

Test(metrics, are_counted_by_name)
{
    struct metrics m = {0};
    metric_add(&m, deltas_published, 2);
    metric_add(&m, deltas_published, 3);
    cr_assert_eq(m.value[METRIC_deltas_published], 5);
}
