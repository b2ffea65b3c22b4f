#include "services/parbus/rank/series_source.h"
#include "services/parbus/stores/stores.h"

enum { SUGGESTION_BYTES = 512 };

static bool say_unknown(const struct command *c, const char *what, const char *text, const char *nearest,
                        const char *hint)
{
    if (*nearest)
        command_failed(c, "there is no %s '%s'; the nearest: %s", what, text, nearest);
    else
        command_failed(c, "there is no %s '%s'; %s", what, text, hint);
    return false;
}

static bool find(struct series_source *s, const struct command *c, const char *index, const char *period)
{
    char nearest[SUGGESTION_BYTES] = "";
    s->series = catalog_find_series(s->catalog, index, period, UINT64_MAX);
    if (s->series)
        return true;
    if (!catalog_find_definition(s->catalog, index, UINT64_MAX)) {
        catalog_suggest_index(s->catalog, index, UINT64_MAX, nearest, sizeof nearest);
        return say_unknown(c, "index", index, nearest, "nothing has been published here yet");
    }
    catalog_suggest_period(s->catalog, index, period, UINT64_MAX, nearest, sizeof nearest);
    return say_unknown(c, "open period", period, nearest, "no period of this index is open");
}

bool series_source_open(struct series_source *s, const struct command *c, const char *directory, const char *index,
                        const char *period)
{
    struct err_text e;
    *s = (struct series_source){0};
    if (stores_journal(&s->journal, directory, &e)) {
        command_failed(c, "%s", e.text);
        return false;
    }
    s->catalog = catalog_new();
    bool found = false;
    if (read_catalog(s->journal, s->catalog, &e))
        command_failed(c, "%s", e.text);
    else
        found = find(s, c, index, period);
    if (!found)
        series_source_close(s);
    return found;
}

void series_source_close(struct series_source *s)
{
    catalog_destroy(&s->catalog);
    journal_close(&s->journal);
    s->series = NULL;
}
