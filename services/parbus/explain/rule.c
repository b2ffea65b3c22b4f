#include "base/plural.h"
#include "scoring/scoring.h"
#include "services/parbus/explain/explain.h"
#include <stdarg.h>
#include <stdio.h>

struct words {
    char *text;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->text + w->used, RULE_TEXT_BYTES - w->used, format, args);
    va_end(args);
    w->used += n > 0 ? (size_t)n : 0;
    if (w->used >= RULE_TEXT_BYTES)
        w->used = RULE_TEXT_BYTES - 1;
}

/* The value as text, in one of two places: two of them fit into one call. */
static const char *number(double value)
{
    static char text[2][VALUE_TEXT_BYTES];
    static int at;
    at = !at;
    value_format(value, text[at]);
    return text[at];
}

static void points(struct words *w, const struct rule *r, unsigned decimals)
{
    (void)r, (void)decimals;
    say(w, "value = points");
}

static void ratio(struct words *w, const struct rule *r, unsigned decimals)
{
    (void)decimals;
    say(w, "ratio to target %s", number(r->target));
    if (r->floor > 0)
        say(w, ", nothing below %s", number(r->floor));
}

static void linear(struct words *w, const struct rule *r, unsigned decimals)
{
    (void)decimals;
    say(w, "linear from %s (no points) to %s (all points)", number(r->from), number(r->to));
}

static void steps(struct words *w, const struct rule *r, unsigned decimals)
{
    char text[POINTS_TEXT_BYTES];
    say(w, "steps:");
    for (size_t i = 0; i < r->step_count; i++) {
        points_format(r->step_points[i], decimals, text);
        say(w, "%s from %s %s", i ? "," : "", number(r->step_at[i]), text);
    }
}

static void checklist(struct words *w, const struct rule *r, unsigned decimals)
{
    (void)decimals;
    say(w, "share of %u %s done", r->items, plural(r->items, "item", "items"));
}

static void deduct(struct words *w, const struct rule *r, unsigned decimals)
{
    (void)decimals;
    say(w, "maximum less %s points for each unit of value", number(r->per_unit));
}

static void survey(struct words *w, const struct rule *r, unsigned decimals)
{
    (void)decimals;
    bool own = r->from != r->to;
    say(w, "mean of answers between %s (no points) and ", number(own ? r->from : r->value_min));
    say(w, "%s (all points)", number(own ? r->to : r->value_max));
}

void explain_rule(const struct node *leaf, unsigned decimals, char text[static RULE_TEXT_BYTES])
{
    static void (*const rules[])(struct words *, const struct rule *, unsigned) = {
        [PARBUS__RULE_KIND__RULE_POINTS] = points,       [PARBUS__RULE_KIND__RULE_RATIO] = ratio,
        [PARBUS__RULE_KIND__RULE_LINEAR] = linear,       [PARBUS__RULE_KIND__RULE_STEPS] = steps,
        [PARBUS__RULE_KIND__RULE_CHECKLIST] = checklist, [PARBUS__RULE_KIND__RULE_DEDUCT] = deduct,
        [PARBUS__RULE_KIND__RULE_SURVEY] = survey,
    };
    struct words w = {text, 0};
    *text = 0;
    if ((size_t)leaf->rule.kind < sizeof rules / sizeof *rules && rules[leaf->rule.kind])
        rules[leaf->rule.kind](&w, &leaf->rule, decimals);
}
