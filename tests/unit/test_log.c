#include "base/log.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static int said[2];

static void catch_lines(void)
{
    cr_assert_eq(pipe(said), 0);
    dup2(said[1], STDERR_FILENO);
    log_context_set("service=test");
}
TestSuite(log, .init = catch_lines, .timeout = 60);

/* What stands after "TIME LEVEL ID service=test ". */
static const char *fields(void)
{
    static char line[4096];
    ssize_t n = read(said[0], line, sizeof line - 1);
    cr_assert_gt(n, 0);
    line[n] = 0;
    char *at = strstr(line, "service=test ");
    cr_assert(at, "%s", line);
    return at + strlen("service=test ");
}

Test(log, a_value_stays_within_its_quotes_and_its_line)
{
    log_info("test.id", "why=\"%s\" n=%d", "say \"no\"\nerror faked.id x=\"\\\x1b[2J\x7f", 7);
    cr_assert_str_eq(fields(), "why=\"say \\\"no\\\"\\nerror faked.id x=\\\"\\\\\\x1b[2J\\x7f\" n=7\n");
}

Test(log, text_of_other_languages_is_left_alone)
{
    log_info("test.id", "unit=\"%s\"", "Hà Nội");
    cr_assert_str_eq(fields(), "unit=\"Hà Nội\"\n");
}

Test(log, numbers_are_those_of_printf)
{
    log_info("test.id", "%d %u %ld %lu %lld %llu %zu %016llx %5d|%-5d| %.3f %c %%", -1, 2u, -3l, 4ul, -5ll, 6ull,
             (size_t)7, 0x1234ull, 42, 42, 1.5, 'x');
    cr_assert_str_eq(fields(), "-1 2 -3 4 -5 6 7 0000000000001234    42|42   | 1.500 x %\n");
    log_info("test.id", "%" PRIu64 " %" PRId64, UINT64_MAX, INT64_MIN);
    cr_assert_str_eq(fields(), "18446744073709551615 -9223372036854775808\n");
}

Test(log, a_precision_bounds_a_text)
{
    log_info("test.id", "%.*s %.*s", 2, "abcdef", 9, "xy");
    cr_assert_str_eq(fields(), "ab xy\n");
}

Test(log, a_long_line_is_cut_off_and_ends)
{
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    log_info("test.id", "%s", text);
    const char *got = fields();
    cr_assert_eq(strlen(got), strcspn(got, "\n") + 1, "one line");
    cr_assert_lt(strlen(got), 1024);
}

Test(log, what_a_core_tells_is_a_line_with_its_level_and_fields)
{
    struct {
        void *ctx;
        tell_fn *tell;
    } io = {NULL, log_told};
    tell(&io, TELL_DEBUG, "test.id", "below=%d", 1);
    tell(&io, TELL_WARN, "test.id", "why=\"%s\" n=%d", "say \"no\" to 100%s", 7);
    cr_assert_str_eq(fields(), "why=\"say \\\"no\\\" to 100%s\" n=7\n");
}
