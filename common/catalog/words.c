#include "catalog/words.h"
#include "catalog/catalog.h"
#include <stdio.h>
#include <string.h>

#define WORDS(name, what, ...)                                                                                         \
    static const struct word name##_table[] = {__VA_ARGS__};                                                           \
    const struct words words_##name = {what, sizeof name##_table / sizeof *name##_table, name##_table}

WORDS(stage, "stage", {"self", PARBUS__STAGE__STAGE_SELF}, {"appraised_1", PARBUS__STAGE__STAGE_APPRAISED_1},
      {"appraised_2", PARBUS__STAGE__STAGE_APPRAISED_2}, {"survey", PARBUS__STAGE__STAGE_SURVEY},
      {"appraised", PARBUS__STAGE__STAGE_APPRAISED_1});
WORDS(rule, "rule", {"points", PARBUS__RULE_KIND__RULE_POINTS}, {"ratio", PARBUS__RULE_KIND__RULE_RATIO},
      {"linear", PARBUS__RULE_KIND__RULE_LINEAR}, {"steps", PARBUS__RULE_KIND__RULE_STEPS},
      {"checklist", PARBUS__RULE_KIND__RULE_CHECKLIST}, {"deduct", PARBUS__RULE_KIND__RULE_DEDUCT},
      {"survey", PARBUS__RULE_KIND__RULE_SURVEY});
WORDS(aggregation, "aggregation", {"sum", PARBUS__AGGREGATION__AGG_SUM},
      {"arithmetic", PARBUS__AGGREGATION__AGG_ARITHMETIC}, {"geometric", PARBUS__AGGREGATION__AGG_GEOMETRIC},
      {"harmonic", PARBUS__AGGREGATION__AGG_HARMONIC}, {"min", PARBUS__AGGREGATION__AGG_MIN});
WORDS(missing, "policy for missing values", {"incomplete", PARBUS__MISSING__MISSING_INCOMPLETE},
      {"zero", PARBUS__MISSING__MISSING_ZERO}, {"reweight", PARBUS__MISSING__MISSING_REWEIGHT});
WORDS(status, "status", {"official", 0}, {"illustrative", 1});
WORDS(period_kind, "period kind", {"year", 0}, {"quarter", 1}, {"month", 2});

int words_number(const struct words *w, const char *text)
{
    for (size_t i = 0; i < w->count; i++)
        if (!strcmp(w->word[i].text, text))
            return w->word[i].number;
    return -1;
}

const char *words_text(const struct words *w, int number)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->word[i].number == number)
            return w->word[i].text;
    return "?";
}

void words_list(const struct words *w, char *out, size_t bytes)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < w->count && n < bytes; i++)
        n += (size_t)snprintf(out + n, bytes - n, "%s%s", i ? ", " : "", w->word[i].text);
}

const char *catalog_stage_word(int stage) { return words_text(&words_stage, stage); }
const char *catalog_rule_word(int rule_kind) { return words_text(&words_rule, rule_kind); }

/* '#' stands for a digit; anything else for itself. */
static bool fits(const char *pattern, const char *text)
{
    for (; *pattern && *text; pattern++, text++)
        if (*pattern == '#' ? *text < '0' || *text > '9' : *pattern != *text)
            return false;
    return *pattern == *text;
}

static bool is_year(const char *p) { return fits("####", p) && strncmp(p, "1900", 4) >= 0; }
static bool is_quarter(const char *p) { return fits("####-Q#", p) && p[6] >= '1' && p[6] <= '4'; }
static bool is_month(const char *p)
{
    return fits("####-##", p) && strcmp(p + 5, "00") > 0 && strcmp(p + 5, "12") <= 0;
}

bool catalog_period_ok(const char *kinds, const char *period)
{
    return (strstr(kinds, "year") && is_year(period)) || (strstr(kinds, "quarter") && is_quarter(period)) ||
           (strstr(kinds, "month") && is_month(period));
}
