#include "base/date.h"
#include <criterion/criterion.h>
#include <inttypes.h>

static void reads(const char *text, int64_t expected)
{
    int64_t got;
    cr_assert(date_parse_ms(text, &got), "%s", text);
    cr_expect_eq(got, expected, "%s: %" PRId64, text, got);
}

Test(date, reads_rfc_3339)
{
    reads("1970-01-01", 0);
    reads("1970-01-01T00:00:00Z", 0);
    reads("2025-10-15T01:46:24Z", 1760492784000);
    reads("2025-10-15t01:46:24z", 1760492784000);
    reads("2025-10-15 01:46:24Z", 1760492784000);
    reads("2025-10-15T08:46:24.120+07:00", 1760492784120);
    reads("2025-10-14T20:16:24.12-05:30", 1760492784120);
    reads("2025-10-15T01:46:24.1239Z", 1760492784123);
    reads("2024-02-29", 1709164800000);
    reads("2200-12-31T23:59:59Z", 7289654399000);
}

Test(date, refuses_anything_else)
{
    static const char *const wrong[] = {"",
                                        "2025",
                                        "2025-10",
                                        "15/10/2025",
                                        "2025-02-29",
                                        "2025-13-01",
                                        "2025-00-10",
                                        "2025-10-00",
                                        "2025-10-32",
                                        "1969-12-31",
                                        "2201-01-01",
                                        "2025-10-15T",
                                        "2025-10-15T01:46",
                                        "2025-10-15T24:00:00Z",
                                        "2025-10-15T01:60:00Z",
                                        "2025-10-15T01:46:60Z",
                                        "2025-10-15T01:46:24",
                                        "2025-10-15T01:46:24.Z",
                                        "2025-10-15T01:46:24+7",
                                        "2025-10-15T01:46:24+15:00",
                                        "2025-10-15T01:46:24+07:60",
                                        "2025-10-15T01:46:24Zx",
                                        " 2025-10-15",
                                        "2025-10-15 ",
                                        "٢٠٢٥-10-15"};
    int64_t got;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_not(date_parse_ms(wrong[i], &got), "\"%s\" gave %" PRId64, wrong[i], got);
}

static void writes(int64_t ms, const char *expected)
{
    char text[DATE_TEXT_BYTES];
    date_format_ms(ms, text);
    cr_expect_str_eq(text, expected);
}

Test(date, writes_rfc_3339)
{
    writes(0, "1970-01-01T00:00:00Z");
    writes(1760492784000, "2025-10-15T01:46:24Z");
    writes(1760492784007, "2025-10-15T01:46:24.007Z");
    writes(-1, "1969-12-31T23:59:59.999Z");
    writes(-1000, "1969-12-31T23:59:59Z");
    /* Whatever a peer sends. */
    writes(INT64_MAX, "292278994-08-17T07:12:55.807Z");
    writes(INT64_MIN, "-292275055-05-16T16:47:04.192Z");
}

Test(date, what_it_writes_it_reads)
{
    for (int64_t ms = 0; ms < 7289654399000; ms += 86400000ll * 37 + 3723004) {
        char text[DATE_TEXT_BYTES];
        date_format_ms(ms, text);
        reads(text, ms);
    }
}
