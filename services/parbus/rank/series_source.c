#include "services/parbus/rank/series_source.h"
#include "base/settings.h"

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

static bool open_journal(struct series_source *s, const struct command *c, const char *directory)
{
    struct settings settings;
    struct err_text e;
    if (settings_of(&settings, directory, &e)) {
        command_failed(c, "%s", e.text);
        return false;
    }
    s->network_fs_allowed = settings.network_fs_allowed;
    struct journal_options options = {.network_fs_allowed = s->network_fs_allowed};
    enum err err = journal_open(&s->journal, directory, &options, &e);
    if (err == ERR_NOT_FOUND)
        command_failed(c, "there is no journal in %s: is --dir right, and has 'parbus up' ever run there?", directory);
    else if (err)
        command_failed(c, "%s", e.text);
    return err == OK;
}

bool series_source_open(struct series_source *s, const struct command *c, const char *directory, const char *index,
                        const char *period)
{
    struct err_text e;
    *s = (struct series_source){0};
    if (!open_journal(s, c, directory))
        return false;
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
