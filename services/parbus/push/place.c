#include "services/parbus/push/push.h"
#include "store/guard.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum err make(struct push_place *p, const char *path, struct err_text *e)
{
    bool there = access(path, F_OK) == 0;
    enum err err = guard_make_directory(path, e);
    if (!err && !there)
        snprintf(p->made[p->made_count++], sizeof p->made[0], "%s", path);
    return err;
}

/* Nothing is left behind in somebody's home. */
static enum err look_for_pipeline(const struct push_options *o, struct err_text *e)
{
    char run[PUSH_PATH_BYTES];
    if (access(o->directory, F_OK) != 0)
        return err_set(e, ERR_NOT_FOUND, "there is no directory %s: is it the right --dir?", o->directory);
    snprintf(run, sizeof run, "%s/run", o->directory);
    if (access(run, F_OK) != 0)
        return err_set(e, ERR_NOT_FOUND, "there is no pipeline in %s: start one with parbus up --dir %s", o->directory,
                       o->directory);
    return OK;
}

enum err push_place_make(struct push_place *p, const struct push_options *o, char outbox[static PUSH_PATH_BYTES],
                         struct err_text *e)
{
    char parent[PUSH_PATH_BYTES];
    *p = (struct push_place){0};
    int n = snprintf(parent, sizeof parent, "%s/outbox", o->directory);
    int m = snprintf(outbox, PUSH_PATH_BYTES, "%s/outbox/%s", o->directory, o->feeder);
    if (n >= PUSH_PATH_BYTES || m >= PUSH_PATH_BYTES)
        return err_set(e, ERR_TOO_LARGE, "the path of the directory is too long");
    enum err err = o->door ? make(p, o->directory, e) : look_for_pipeline(o, e);
    if (!err)
        err = make(p, parent, e);
    if (!err)
        err = make(p, outbox, e);
    p->outbox_made = !err && p->made_count && strcmp(p->made[p->made_count - 1], outbox) == 0;
    return err;
}

static void remove_files(const char *directory)
{
    DIR *d = opendir(directory);
    for (const struct dirent *entry; d && (entry = readdir(d));)
        unlinkat(dirfd(d), entry->d_name, 0); /* not directories */
    if (d)
        closedir(d);
}

void push_place_undo(struct push_place *p)
{
    char data[PUSH_PATH_BYTES + 8];
    if (p->outbox_made) {
        const char *outbox = p->made[p->made_count - 1];
        snprintf(data, sizeof data, "%s/data", outbox);
        remove_files(data);
        rmdir(data);
        remove_files(outbox);
    }
    while (p->made_count)
        rmdir(p->made[--p->made_count]); /* what is not empty stays */
}
