#include "base/log.h"
#include "services/parbus/supervisor/internal.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_BYTES_MAX = 64 << 20, TAIL_BYTES = 2000, TRIM_US = 10000000 };

enum err logs_open(const struct shell *s, struct err_text *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/log", s->options->directory);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set(e, ERR_IO, "create directory %s: %s", path, strerror(errno));
    return OK;
}

void logs_path(const struct shell *s, const char *instance, char path[static PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/log/%s.log", s->options->directory, instance);
}

/* The writer has the file open to append, so it goes on at the new end after the cut. */
static void trim(const char *path)
{
    char old[PATH_MAX + 4];
    struct stat st;
    if (stat(path, &st) != 0 || st.st_size <= LOG_BYTES_MAX)
        return;
    snprintf(old, sizeof old, "%s.1", path);
    int in = open(path, O_RDWR | O_CLOEXEC), out = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    while (in >= 0 && out >= 0 && copy_file_range(in, NULL, out, NULL, LOG_BYTES_MAX, 0) > 0)
        continue;
    if (in < 0 || ftruncate(in, 0) != 0)
        log_warn("supervisor.log_not_cut", "file=\"%s\" why=\"%s\"", path, strerror(errno));
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
}

int64_t logs_trim(void *shell, struct moment now)
{
    const struct shell *s = shell;
    char path[PATH_MAX];
    logs_path(s, "supervisor", path);
    trim(path);
    for (size_t i = 0; i < s->core.count; i++) {
        logs_path(s, s->core.process[i].instance, path);
        trim(path);
    }
    return now.mono_us + TRIM_US;
}

void logs_show(const struct shell *s, const char *instance)
{
    char path[PATH_MAX], text[TAIL_BYTES + 1];
    logs_path(s, instance, path);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (fseek(f, -TAIL_BYTES, SEEK_END) == 0 && fgets(text, sizeof text, f) == NULL) /* the line that was cut */
        rewind(f);
    fprintf(stderr, "the end of %s:\n", path);
    /* A line without a time, as of a sanitizer or the dynamic linker, belongs to what stands before it. */
    long from = ftell(f);
    while (fgets(text, sizeof text, f))
        if (isdigit((unsigned char)text[0]) && strncmp(text, s->began, strlen(s->began) - 1) < 0)
            from = ftell(f);
    fseek(f, from, SEEK_SET);
    while (fgets(text, sizeof text, f))
        fprintf(stderr, "    %s", text);
    fclose(f);
}
