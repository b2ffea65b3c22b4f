#include "store/bus.h"
#include "base/log.h"
#include "store/internal.h"
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct store *const *stores;
static struct sigaction before;
static void (*before_end)(void);

void store_before_end(void (*fn)(void)) { before_end = fn; }

/* By inode and device; where these differ between stat and the maps (btrfs, overlays), by inode and path. */
static bool is_map_of(const char *line, const struct stat *st, const char *path, uint64_t *from, uint64_t *to)
{
    uint64_t inode;
    unsigned major_number, minor_number;
    int at = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %x:%x %" SCNu64 " %n", from, to, &major_number, &minor_number,
               &inode, &at) < 5 ||
        inode != st->st_ino)
        return false;
    size_t length = strcspn(line + at, "\n");
    return makedev(major_number, minor_number) == st->st_dev ||
           (length == strlen(path) && memcmp(line + at, path, length) == 0);
}

void bus_locate(struct store *s)
{
    char file[STORE_PATH_BYTES + 16], path[PATH_MAX] = "", line[STORE_PATH_BYTES + 128];
    struct stat st;
    uint64_t from, to;
    s->map = NULL;
    s->map_size = 0;
    snprintf(file, sizeof file, "%s/data.mdb", s->path);
    if (stat(file, &st) < 0 || !realpath(file, path))
        return;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !s->map && fgets(line, sizeof line, maps))
        if (is_map_of(line, &st, path, &from, &to)) {
            s->map = (const char *)(uintptr_t)from;
            s->map_size = to - from;
        }
    if (maps)
        fclose(maps);
}

/* The signal comes from an access to a map, never from within what log_line calls: so that may be called here. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)context;
    const char *at = info->si_addr;
    for (const struct store *s = *stores; s; s = s->next)
        if (s->map && at >= s->map && at < s->map + s->map_size) {
            log_error("store.page_unreadable",
                      "path=%s why=\"a page of data.mdb cannot be read: the file is cut off, or the disk "
                      "fails. " HOW_IT_COMES_BACK "\"",
                      s->path);
            if (before_end)
                before_end();
            _exit(1);
        }
    sigaction(SIGBUS, &before, NULL); /* somebody else's: the instruction is tried again, and they hear of it */
    (void)number;
}

void bus_install(struct store *const *first)
{
    if (stores)
        return;
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    stores = first;
    sigaction(SIGBUS, &action, &before);
}
