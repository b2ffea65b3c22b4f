#include "services/publisher/store.h"
#include "base/clock.h"
#include "base/log.h"
#include <limits.h>
#include <stdio.h>

enum { UNREAD_TOLD_US = 1000000 };

/* Each partition is tried again and again, mostly in vain for the same reason. */
static void tell_unread(struct publisher_store *s, const struct err_text *e)
{
    int64_t now_us = clock_mono_us();
    if (s->told_us && now_us - s->told_us < UNREAD_TOLD_US)
        return;
    s->told_us = now_us;
    log_warn("publisher.state_unread", "why=\"%s\"", e->text);
}

static bool is_replaced(const struct publisher_store *s, const struct stat *now)
{
    return now->st_ino != s->file.st_ino || now->st_dev != s->file.st_dev;
}

static bool open_state(struct publisher_store *s, uint64_t journal_id, const struct stat *file)
{
    struct state_options options = state_options(s->settings, journal_id);
    struct err_text e;
    enum err err = state_open(&s->state, s->directory, &options, &e);
    if (err && err != ERR_NOT_FOUND)
        tell_unread(s, &e);
    s->file = *file;
    return err == OK;
}

/* State may be deleted and filled again by replay while we run; an open environment would show the old one for ever. */
static bool is_ready(struct publisher_store *s, struct publisher *core, uint64_t journal_id)
{
    char path[PATH_MAX + sizeof "/state/data.mdb"];
    struct stat file;
    snprintf(path, sizeof path, "%s/state/data.mdb", s->directory);
    bool there = stat(path, &file) == 0;
    if (s->state && (!there || is_replaced(s, &file))) {
        state_close(&s->state);
        publisher_state_anew(core);
    }
    return s->state || (there && open_state(s, journal_id, &file));
}

static enum err load_partition(struct publisher_store *s, struct publisher *core, uint32_t partition,
                               struct err_text *e)
{
    struct state_cursor cursor, later;
    enum err err = state_cursor_get(s->state, partition, &cursor, e);
    if (err || cursor.applied <= publisher_position(core, partition))
        return err == ERR_NOT_FOUND ? OK : err;
    /* The rows are read a moment later than the cursor: they count as being as old as it. */
    struct publisher_loading loading = {core, cursor.applied};
    err = state_scores_each(s->state, partition, 0, &later, publisher_load_score, &loading, e);
    if (!err)
        publisher_loaded(core, partition, cursor.applied);
    return err;
}

void publisher_store_reload(struct publisher_store *s, struct publisher *core, uint64_t journal_id, uint32_t partition)
{
    struct err_text e;
    if (!is_ready(s, core, journal_id))
        return;
    enum err err = err_wrap(&e, load_partition(s, core, partition, &e), "partition %u", partition);
    if (err)
        tell_unread(s, &e);
    publisher_damaged(core, partition, err == ERR_CORRUPT ? e.text : NULL);
}

void publisher_store_close(struct publisher_store *s) { state_close(&s->state); }
