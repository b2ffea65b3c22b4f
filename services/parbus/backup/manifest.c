#include "services/parbus/backup/backup.h"
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 64 << 10, SUM_DIGITS = BACKUP_SUM_BYTES - 1 };
static const char head[] = "parbus backup, format ";
static const char sums_name[] = "SHA256SUMS";

static const struct {
    const char *name;
    size_t offset;
    int base;
} numbers[] = {
    {"journal", offsetof(struct backup_facts, journal_id), 16},
    {"partitions", offsetof(struct backup_facts, partitions), 10},
    {"controls", offsetof(struct backup_facts, controls), 10},
    {"feeders", offsetof(struct backup_facts, feeders), 10},
    {"entries", offsetof(struct backup_facts, entries), 10},
    {"submissions", offsetof(struct backup_facts, submissions), 10},
    {"state", offsetof(struct backup_facts, state), 10},
    {"applied", offsetof(struct backup_facts, applied), 10},
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static uint64_t *number_in(struct backup_facts *f, int i)
{
    return (uint64_t *)(void *)((char *)f + numbers[i].offset);
}

/* ---- writing ---- */

static enum err write_text(const char *path, char *text, size_t bytes, struct backup_sum *sum, struct err_text *e)
{
    struct backup_out out;
    enum err err = backup_create(&out, path, sum, NULL, e);
    if (!err)
        err = backup_write(&out, text, bytes, e);
    err = backup_finish(&out, err, e);
    free(text);
    return err;
}

enum err backup_manifest_write(const char *directory, const char *source, const struct backup_facts *facts,
                               struct backup_sum sums[static BACKUP_FILES], struct err_text *e)
{
    char path[BACKUP_PATH_BYTES], *text = NULL;
    size_t bytes;
    struct backup_facts f = *facts;
    FILE *out = open_memstream(&text, &bytes);
    ASSERT(out);
    fprintf(out, "%s%d\nmade: %s\nprogram: parbus %s\nfrom: %s\n", head, BACKUP_FORMAT, f.made, PARBUS_VERSION, source);
    for (int i = 0; i < NUMBERS; i++)
        fprintf(out, numbers[i].base == 16 ? "%s: %016" PRIx64 "\n" : "%s: %" PRIu64 "\n", numbers[i].name,
                *number_in(&f, i));
    for (int i = 0; i < BACKUP_FILES; i++)
        if (sums[i].there && i != BACKUP_MANIFEST)
            fprintf(out, "file: %s %" PRIu64 "\n", backup_names[i], sums[i].bytes);
    fclose(out);
    backup_path(path, directory, BACKUP_MANIFEST);
    return write_text(path, text, bytes, &sums[BACKUP_MANIFEST], e);
}

enum err backup_sums_write(const char *directory, const struct backup_sum sums[static BACKUP_FILES], struct err_text *e)
{
    char path[BACKUP_PATH_BYTES], *text = NULL;
    size_t bytes;
    struct backup_sum own;
    FILE *out = open_memstream(&text, &bytes);
    ASSERT(out);
    for (int i = 0; i < BACKUP_FILES; i++)
        if (sums[i].there)
            fprintf(out, "%s  %s\n", sums[i].hex, backup_names[i]);
    fclose(out);
    snprintf(path, sizeof path, "%s/%s", directory, sums_name);
    return write_text(path, text, bytes, &own, e);
}

/* ---- reading ---- */

static enum err read_text(const char *path, char text[static TEXT_BYTES_MAX], struct err_text *e)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return errno == ENOENT ? err_set(e, ERR_INVALID, "this is not a backup: %s is missing", path)
                               : err_set(e, ERR_IO, "open %s: %s", path, strerror(errno));
    size_t n = fread(text, 1, TEXT_BYTES_MAX - 1, in);
    bool failed = ferror(in), whole = feof(in);
    fclose(in);
    text[n] = 0;
    if (failed)
        return err_set(e, ERR_IO, "read %s: %s", path, strerror(errno));
    if (!whole || strlen(text) != n || n == 0 || text[n - 1] != '\n')
        return err_set(e, ERR_CORRUPT, "%s is damaged: it does not end like a text", path);
    return OK;
}

static int file_called(const char *name)
{
    for (int i = 0; i < BACKUP_FILES; i++)
        if (strcmp(backup_names[i], name) == 0)
            return i;
    return -1;
}

static bool take_sum(char *line, struct backup_sum sums[static BACKUP_FILES])
{
    size_t digits = strspn(line, "0123456789abcdef");
    if (digits != SUM_DIGITS || strncmp(line + digits, "  ", 2) != 0)
        return false;
    int file = file_called(line + digits + 2);
    if (file < 0 || sums[file].there)
        return false;
    sums[file].there = true;
    memcpy(sums[file].hex, line, SUM_DIGITS);
    return true;
}

enum err backup_sums_read(const char *directory, struct backup_sum sums[static BACKUP_FILES], struct err_text *e)
{
    static char text[TEXT_BYTES_MAX];
    char path[BACKUP_PATH_BYTES], *at = text;
    memset(sums, 0, BACKUP_FILES * sizeof *sums);
    snprintf(path, sizeof path, "%s/%s", directory, sums_name);
    enum err err = read_text(path, text, e);
    if (err)
        return err;
    for (char *line; at && *at && (line = strsep(&at, "\n"));)
        if (!take_sum(line, sums))
            return err_set(e, ERR_CORRUPT, "%s is damaged: a line is not the sum of a backup's file", path);
    if (!sums[BACKUP_MANIFEST].there || !sums[BACKUP_JOURNAL].there)
        return err_set(e, ERR_CORRUPT, "%s is damaged: it does not name the manifest and the journal", path);
    return OK;
}

static bool take_file(const char *value, struct backup_sum sums[static BACKUP_FILES])
{
    char name[64], *end;
    int at = 0;
    if (sscanf(value, "%63s %n", name, &at) != 1 || !at || file_called(name) < 0)
        return false;
    errno = 0;
    uint64_t bytes = strtoull(value + at, &end, 10);
    sums[file_called(name)] = (struct backup_sum){.there = true, .bytes = bytes};
    return end > value + at && !errno;
}

/* Whoever reads a line that it does not know goes on: a later program may say more. */
static bool take_line(char *line, struct backup_facts *f, struct backup_sum sums[static BACKUP_FILES])
{
    char *value = strstr(line, ": ");
    if (!value)
        return false;
    *value = 0;
    value += 2;
    if (strcmp(line, "file") == 0)
        return take_file(value, sums);
    if (strcmp(line, "made") == 0)
        snprintf(f->made, sizeof f->made, "%s", value);
    for (int i = 0; i < NUMBERS; i++)
        if (strcmp(line, numbers[i].name) == 0)
            *number_in(f, i) = strtoull(value, NULL, numbers[i].base);
    return true;
}

enum err backup_manifest_read(const char *directory, struct backup_facts *facts,
                              struct backup_sum sums[static BACKUP_FILES], struct err_text *e)
{
    static char text[TEXT_BYTES_MAX];
    char path[BACKUP_PATH_BYTES], *at = text;
    *facts = (struct backup_facts){0};
    memset(sums, 0, BACKUP_FILES * sizeof *sums);
    backup_path(path, directory, BACKUP_MANIFEST);
    enum err err = read_text(path, text, e);
    if (err)
        return err;
    char *line = strsep(&at, "\n");
    if (strncmp(line, head, sizeof head - 1) != 0)
        return err_set(e, ERR_INVALID, "this is not a backup: %s does not begin with \"%s\"", path, head);
    if (strtol(line + sizeof head - 1, NULL, 10) != BACKUP_FORMAT)
        return err_set(e, ERR_VERSION, "%s: format %.20s is not known to this program", path, line + sizeof head - 1);
    while (at && *at && (line = strsep(&at, "\n")))
        if (!take_line(line, facts, sums))
            return err_set(e, ERR_CORRUPT, "%s is damaged: \"%.60s\"", path, line);
    return OK;
}
