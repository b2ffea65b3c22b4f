#include "base/settings.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct settings settings;
static struct err_text why;
static char directory[] = "/tmp/parbus-settings-XXXXXX", file[64];

static void setup(void)
{
    settings_defaults(&settings);
    cr_assert_not_null(mkdtemp(directory));
    snprintf(file, sizeof file, "%s/parbus.conf", directory);
}
static void teardown(void)
{
    unlink(file);
    rmdir(directory);
}
TestSuite(settings, .init = setup, .fini = teardown);

static void refused(const char *assignment, const char *says)
{
    struct settings before = settings;
    cr_assert_neq(settings_set(&settings, assignment, &why), OK, "%s", assignment);
    cr_assert_str_eq(why.text, says);
    cr_assert_eq(memcmp(&before, &settings, sizeof before), 0);
}

static enum err read_text(const char *text)
{
    FILE *out = fopen(file, "w");
    fputs(text, out);
    fclose(out);
    return settings_read(&settings, file, &why);
}

Test(settings, defaults_are_within_their_ranges)
{
#define X(name, fallback, least, most, text)                                                                           \
    cr_assert_eq(settings.name, fallback);                                                                             \
    cr_assert((int64_t)(least) <= (int64_t)(fallback) && (int64_t)(fallback) <= (int64_t)(most), #name);
    SETTINGS_TABLE(X)
#undef X
}

Test(settings, each_can_be_set_to_both_ends_and_not_beyond)
{
    char assignment[128];
#define X(name, fallback, least, most, text)                                                                           \
    for (int64_t at = -1; at <= 1; at++) {                                                                             \
        snprintf(assignment, sizeof assignment, #name "=%" PRId64, (int64_t)(least) + (at < 0 ? -1 : 0));              \
        cr_assert_eq(settings_set(&settings, assignment, &why) == OK, at >= 0, "%s", assignment);                      \
        snprintf(assignment, sizeof assignment, #name "=%" PRId64, (int64_t)(most) + (at < 0 ? 1 : 0));                \
        cr_assert_eq(settings_set(&settings, assignment, &why) == OK, at >= 0, "%s", assignment);                      \
    }                                                                                                                  \
    cr_assert_eq(settings.name, most);
    SETTINGS_TABLE(X)
#undef X
}

Test(settings, suffixes_are_binary)
{
    cr_assert_eq(settings_set(&settings, "group_bytes_max=64k", &why), OK, "%s", why.text);
    cr_assert_eq(settings.group_bytes_max, 64 << 10);
    cr_assert_eq(settings_set(&settings, "journal_map_bytes = 2G ", &why), OK, "%s", why.text);
    cr_assert_eq(settings.journal_map_bytes, 2ll << 30);
    cr_assert_eq(settings_set(&settings, " scorer_window_bytes=3M", &why), OK, "%s", why.text);
    cr_assert_eq(settings.scorer_window_bytes, 3 << 20);
}

Test(settings, faults_say_what_is_expected)
{
    refused("partitions", "\"partitions\": expected name=value");
    refused("partition=3", "no setting is called \"partition\"; --help lists them");
    refused("partitionss=3", "no setting is called \"partitionss\"; --help lists them");
    refused("partitions=0", "partitions: 0 is outside 1 .. 4096");
    refused("partitions=-3", "partitions: -3 is outside 1 .. 4096");
    refused("partitions=", "partitions: \"\" is not a whole number (with k, M or G at most)");
    refused("partitions=k", "partitions: \"k\" is not a whole number (with k, M or G at most)");
    refused("partitions=-", "partitions: \"-\" is not a whole number (with k, M or G at most)");
    refused("partitions=1.5", "partitions: \"1.5\" is not a whole number (with k, M or G at most)");
    refused("partitions=8 9", "partitions: \"8 9\" is not a whole number (with k, M or G at most)");
    refused("partitions=8kk", "partitions: \"8kk\" is not a whole number (with k, M or G at most)");
    refused("journal_map_bytes=9223372036854775808",
            "journal_map_bytes: \"9223372036854775808\" is not a whole number (with k, M or G at most)");
    refused("journal_map_bytes=9223372036854775807G",
            "journal_map_bytes: \"9223372036854775807G\" is not a whole number (with k, M or G at most)");
}

Test(settings, a_missing_file_is_fine) { cr_assert_eq(settings_read(&settings, file, &why), OK); }

Test(settings, a_file_has_comments_and_blank_lines)
{
    cr_assert_eq(read_text("# limits of this host\n\n  feeder_window = 100  # fewer\nfeed_merge_ms=5"), OK, "%s",
                 why.text);
    cr_assert_eq(settings.feeder_window, 100);
    cr_assert_eq(settings.feed_merge_ms, 5);
}

Test(settings, a_fault_in_a_file_has_its_line)
{
    char expected[128];
    cr_assert_eq(read_text("feeder_window=1\n\nfeeder_window=0\n"), ERR_INVALID);
    snprintf(expected, sizeof expected, "%s:3: feeder_window: 0 is outside 1 .. 1000000", file);
    cr_assert_str_eq(why.text, expected);
}

Test(settings, an_endless_line_is_a_fault)
{
    char text[2000];
    memset(text, ' ', sizeof text);
    text[sizeof text - 1] = 0;
    cr_assert_eq(read_text(text), ERR_INVALID);
    cr_assert(strstr(why.text, ":1: longer than 510 bytes"), "%s", why.text);
}

Test(settings, a_file_that_cannot_be_read_is_an_error)
{
    cr_assert_eq(settings_read(&settings, directory, &why), ERR_IO, "%s", why.text);
}

Test(settings, help_has_one_line_for_each)
{
    char *text;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    settings_print(out);
    fclose(out);
    size_t lines = 0;
    for (char *p = text; *p; p++)
        lines += *p == '\n';
    cr_assert_eq(lines, sizeof settings / sizeof(int64_t));
#define X(name, fallback, least, most, what) cr_assert(strstr(text, "  " #name " ") && strstr(text, what));
    SETTINGS_TABLE(X)
#undef X
    free(text);
}

Test(settings, the_readme_has_the_same_table)
{
    char row[256];
    char *readme = NULL;
    size_t size = 0;
    FILE *in = fopen(SOURCE_DIR "/README.md", "r");
    cr_assert(in && getdelim(&readme, &size, 0, in) > 0);
    fclose(in);
#define X(name, fallback, least, most, what)                                                                           \
    snprintf(row, sizeof row, "| `%s` | %lld | %lld .. %lld | %s |\n", #name, (long long)(fallback),                   \
             (long long)(least), (long long)(most), what);                                                             \
    cr_assert(strstr(readme, row), "README.md lacks: %s", row);
    SETTINGS_TABLE(X)
#undef X
    free(readme);
}
