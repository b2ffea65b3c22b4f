#include "services/parbus/keys/expires.h"
#include <criterion/criterion.h>

enum { NOW = 1000 };

static int64_t end_of(const char *text)
{
    int64_t until = -1;
    return expires_read(text, NOW, &until) ? until : -1;
}

Test(expires, a_span_is_from_now_on)
{
    cr_assert_eq(end_of("1m"), NOW + 60000);
    cr_assert_eq(end_of("12h"), NOW + 12 * 3600000);
    cr_assert_eq(end_of("90d"), NOW + 90 * 86400000ll);
    cr_assert_eq(end_of("3650d"), NOW + 3650 * 86400000ll);
}

Test(expires, a_date_is_its_first_instant_and_must_be_to_come)
{
    cr_assert_eq(end_of("1970-01-02"), 86400000);
    cr_assert_eq(end_of("1970-01-01"), -1);
    cr_assert_eq(end_of("1970-01-01T00:00:01Z"), -1, "now is not to come");
    cr_assert_eq(end_of("1970-01-01T00:00:02Z"), 2000);
}

Test(expires, anything_else_is_no_end)
{
    static const char *const texts[] = {"",    "d",     "0d",  "-1d",   "+1d", " 1d",
                                        "1",   "1w",    "1d1", "3651d", "1 d", "99999999999999999999d",
                                        "01d", "never", "1.5d"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq(end_of(texts[i]), -1, "%s", texts[i]);
}
