#include "services/parbus/supervisor/differs.h"
#include "base/plural.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct list {
    char *text;
    size_t bytes, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct list *l, const char *format, ...)
{
    va_list args;
    if (l->used && l->used < l->bytes)
        l->used += (size_t)snprintf(l->text + l->used, l->bytes - l->used, "; ");
    if (l->used >= l->bytes)
        return;
    va_start(args, format);
    l->used += (size_t)vsnprintf(l->text + l->used, l->bytes - l->used, format, args);
    va_end(args);
}

static void compare_count(struct list *l, const Parbus__Processes *runs, const char *service, int asked)
{
    int count = 0;
    for (size_t i = 0; i < runs->n_process; i++)
        count += runs->process[i]->service && strcmp(runs->process[i]->service, service) == 0;
    if (asked >= 0 && count != asked)
        add(l, "%d %s%s %s, not %d: parbus scale %s=%d", count, service, plural((uint64_t)count, "", "s"),
            plural((uint64_t)count, "runs", "run"), asked, service, asked);
}

static bool has_option(const Parbus__Processes *runs, const char *option)
{
    for (size_t i = 0; i < runs->n_option; i++)
        if (strcmp(runs->option[i], option) == 0)
            return true;
    return false;
}

static void compare_option(struct list *l, const Parbus__Processes *runs, const struct supervisor_passed *asked)
{
    char option[SUPERVISOR_OPTION_BYTES];
    snprintf(option, sizeof option, "%s%s%s", asked->option, asked->value ? " " : "", asked->value ? asked->value : "");
    if (!has_option(runs, option))
        add(l, "%s is not in force: parbus down, then parbus up with all options", option);
}

bool supervisor_differs(const Parbus__Processes *runs, const struct supervisor_asked *asked, char *text, size_t bytes)
{
    struct list l = {text, bytes, 0};
    text[0] = 0;
    compare_count(&l, runs, "scorer", asked->scorers);
    compare_count(&l, runs, "validator", asked->validators);
    for (size_t i = 0; i < asked->passed_count; i++)
        compare_option(&l, runs, &asked->passed[i]);
    return l.used > 0;
}
