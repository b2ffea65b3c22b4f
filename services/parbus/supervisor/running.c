#include "services/parbus/supervisor/running.h"
#include "service/service.h"
#include "services/parbus/supervisor/supervisor.h"
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

bool running_find(const char *directory, char name[static 256], pid_t *pid)
{
    char path[PATH_MAX];
    bool found = false;
    snprintf(path, sizeof path, "%s/run", directory);
    DIR *run = opendir(path);
    for (struct dirent *entry; run && !found && (entry = readdir(run));) {
        char *end = strrchr(entry->d_name, '.'), *dash = strrchr(entry->d_name, '-');
        if (!end || !dash || strcmp(end, ".lock") != 0)
            continue;
        snprintf(name, 256, "%.*s", (int)(end - entry->d_name), entry->d_name);
        *dash = 0;
        found = program_find(entry->d_name) && service_locked(directory, name, pid);
    }
    if (run)
        closedir(run);
    return found;
}
