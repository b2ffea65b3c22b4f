#include "services/parbus/stores/stores.h"

enum err stores_no_journal(const char *directory, struct err_text *e)
{
    enum err err = journal_expected(directory, e);
    if (err)
        return err;
    return err_set(e, ERR_NOT_FOUND, "there is no journal in %s: is --dir right, and has 'parbus up' ever run there?",
                   directory);
}

enum err stores_journal(struct journal **j, const char *directory, struct err_text *e)
{
    struct settings settings;
    *j = NULL;
    enum err err = settings_of(&settings, directory, e);
    if (err)
        return err;
    struct journal_options options = journal_options(&settings);
    err = journal_open(j, directory, &options, e);
    return err == ERR_NOT_FOUND ? stores_no_journal(directory, e) : err;
}

enum err stores_state(struct state **s, const char *directory, uint64_t journal_id, struct err_text *e)
{
    struct settings settings;
    *s = NULL;
    enum err err = settings_of(&settings, directory, e);
    if (err)
        return err;
    struct state_options options = state_options(&settings, journal_id);
    return state_open(s, directory, &options, e);
}
