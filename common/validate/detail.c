#include "validate/detail.h"
#include "base/date.h"
#include "scoring/scoring.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SUGGESTION_BYTES = 320, SHOWN_BYTES = 256 };

__attribute__((format(printf, 2, 3))) static void say(struct detail *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(d->text, sizeof d->text, format, args);
    va_end(args);
    if (n < (int)sizeof d->text)
        return;
    /* Cut where a character begins: the text travels as UTF-8. */
    size_t end = sizeof d->text - 1;
    while (end > 0 && ((unsigned char)d->text[end] & 0xc0) == 0x80)
        end--;
    d->text[end] = 0;
}

static const char *or_empty(const char *text) { return text ? text : ""; }

static bool may_suggest(const struct validate_input *in)
{
    if (!*in->suggestions_left)
        return false;
    --*in->suggestions_left;
    return true;
}

void detail_index(struct detail *d, const struct validate_input *in)
{
    char nearest[SUGGESTION_BYTES] = "";
    const char *index = or_empty(in->submission->index);
    if (may_suggest(in))
        catalog_suggest_index(in->catalog, index, in->as_of, nearest, sizeof nearest);
    say(d, "unknown index \"%s\"%s%s", index, *nearest ? "; nearest: " : "", nearest);
}

void detail_period(struct detail *d, const struct validate_input *in)
{
    char nearest[SUGGESTION_BYTES] = "";
    const char *index = or_empty(in->submission->index), *period = or_empty(in->submission->period);
    if (may_suggest(in))
        catalog_suggest_period(in->catalog, index, period, in->as_of, nearest, sizeof nearest);
    say(d, "period \"%s\" of index %s is not open%s%s", period, index, *nearest ? "; nearest: " : "", nearest);
}

static void nearest_units(const struct validate_input *in, const struct registry *registry, char *out, size_t bytes)
{
    *out = 0;
    if (registry->unit_count <= VALIDATE_SUGGEST_UNITS_MAX && may_suggest(in))
        registry_suggest(registry, or_empty(in->submission->unit), out, bytes);
}

void detail_unit_unknown(struct detail *d, const struct validate_input *in, const struct registry *registry)
{
    char nearest[SUGGESTION_BYTES];
    nearest_units(in, registry, nearest, sizeof nearest);
    say(d, "unknown unit \"%s\"%s%s", or_empty(in->submission->unit), *nearest ? "; nearest: " : "", nearest);
}

void detail_unit_ambiguous(struct detail *d, const struct validate_input *in, const struct registry *registry)
{
    char fitting[SUGGESTION_BYTES];
    nearest_units(in, registry, fitting, sizeof fitting);
    say(d, "unit \"%s\" fits several units%s%s", or_empty(in->submission->unit), *fitting ? ": " : "", fitting);
}

void detail_cohort(struct detail *d, const struct validate_input *in, const struct definition *definition)
{
    const struct unit *unit = registry_unit(definition->registry, in->entry->unit);
    say(d, "unit %s (%s) is not ranked by index %s, version %u", unit ? unit->name : or_empty(in->submission->unit),
        unit ? unit->code : "?", definition->index, definition->version);
}

void detail_stage(struct detail *d, const struct validate_input *in, const struct definition *definition)
{
    char known[SHOWN_BYTES] = "";
    for (int stage = 1; stage < 32; stage++)
        if (definition_has_stage(definition, stage)) {
            size_t used = strlen(known);
            snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", catalog_stage_word(stage));
        }
    say(d, "index %s has no stage \"%s\"; it has %s", definition->index, catalog_stage_word(in->submission->stage),
        known);
}

void detail_indicator(struct detail *d, uint32_t indicator, const struct definition *definition)
{
    say(d, "index %s, version %u, has no indicator number %u", definition->index, definition->version, indicator);
}

void detail_not_leaf(struct detail *d, const struct node *node)
{
    say(d, "indicator %s (number %u) is made of others; send those", or_empty(node->code), node->id);
}

void detail_not_finite(struct detail *d, double value)
{
    say(d, "value is %s", isnan(value) ? "not a number" : "infinite");
}

void detail_range(struct detail *d, double value, const struct rule *rule)
{
    char text[VALUE_TEXT_BYTES], least[VALUE_TEXT_BYTES], most[VALUE_TEXT_BYTES];
    value_format(value, text);
    value_format(rule->value_min, least);
    value_format(rule->value_max, most);
    say(d, "value %s is outside %s..%s", text, least, most);
}

void detail_observed(struct detail *d, int64_t observed_ms, int64_t received_ms)
{
    char observed[DATE_TEXT_BYTES], received[DATE_TEXT_BYTES];
    date_format_ms(received_ms, received);
    if (observed_ms < 0) {
        say(d, "observed before 1970 (%lld ms)", (long long)observed_ms);
        return;
    }
    /* A time in microseconds instead of milliseconds has a year of five digits: show the number as well. */
    date_format_ms(observed_ms, observed);
    say(d, "observed at %s (%lld ms), more than a day after the receipt at %s", observed, (long long)observed_ms,
        received);
}
