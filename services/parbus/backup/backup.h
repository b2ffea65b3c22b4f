/* A backup: a directory that `parbus backup` makes and `parbus restore` takes.
 *
 *     MANIFEST           what it is a copy of, for people and for restore
 *     SHA256SUMS         of all other files; `sha256sum -c` takes it
 *     journal/data.mdb   the journal at one instant
 *     state/data.mdb     state at an earlier one; may be left out, the journal gives it again
 *     parbus.conf        when there was one
 *
 * Feeders' outboxes are not in it: they hold what has no receipt, and live where the feeders do. */
#pragma once
#include "base/err.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum { BACKUP_FORMAT = 1, BACKUP_SUM_BYTES = 65, BACKUP_TIME_BYTES = 32, BACKUP_PATH_BYTES = PATH_MAX + 96 };
enum backup_file { BACKUP_MANIFEST, BACKUP_JOURNAL, BACKUP_STATE, BACKUP_CONF, BACKUP_FILES };
/* Their names in the directory. No other name is ever read or written. */
extern const char *const backup_names[BACKUP_FILES];
void backup_path(char path[static BACKUP_PATH_BYTES], const char *directory, enum backup_file file);

struct backup_sum {
    bool there;
    uint64_t bytes;
    char hex[BACKUP_SUM_BYTES]; /* SHA-256 */
};

struct backup_facts {
    uint64_t journal_id, partitions, controls, feeders;
    uint64_t entries; /* sum over the partitions of the last pseq */
    uint64_t submissions;
    uint64_t applied; /* sum of state's cursors */
    uint64_t state;   /* 0: left out */
    char made[BACKUP_TIME_BYTES];
};

/* ---- meter.c: how far, on a terminal; and whether to go on ---- */

struct meter {
    const char *command, *what; /* "backup", "copying the journal" */
    uint64_t done, all;
    int64_t shown_us;
    bool shown;
};
void meter_start(struct meter *m, const char *what, uint64_t all);
void meter_add(struct meter *m, uint64_t done);
void meter_end(struct meter *m);
/* SIGINT and SIGTERM do not end the process any more: the next backup_go_on says ERR_STOPPED, so that half a copy can
 * be taken away. */
void backup_catch_signals(void);
enum err backup_go_on(struct err_text *e);

/* ---- files.c: all files are made new, mode 0600, and synced ---- */

struct backup_out {
    int fd;
    const char *path;
    struct backup_sum *sum;
    struct meter *meter;
    void *sha;
    bool (*enough)(void *ctx, struct err_text *e); /* whether others still have room on the disk; NULL: not asked */
    void *ctx;
};
enum err backup_create(struct backup_out *out, const char *path, struct backup_sum *sum, struct meter *meter,
                       struct err_text *e);
enum err backup_write(void *ctx, const void *data, size_t bytes, struct err_text *e);
/* Syncs and closes, also after an error in writing, which is passed in and returned. */
enum err backup_finish(struct backup_out *out, enum err err, struct err_text *e);
/* The sum of a plain file; with `to` it is copied there as well. Symbolic links are refused. */
enum err backup_read(const char *from, const char *to, struct backup_sum *sum, struct meter *meter, struct err_text *e);
void backup_remove(const char *directory);

/* ---- manifest.c ---- */

enum err backup_manifest_write(const char *directory, const char *source, const struct backup_facts *facts,
                               struct backup_sum sums[static BACKUP_FILES], struct err_text *e);
enum err backup_sums_write(const char *directory, const struct backup_sum sums[static BACKUP_FILES],
                           struct err_text *e);
/* ERR_INVALID: not a backup; ERR_VERSION; ERR_CORRUPT. */
enum err backup_manifest_read(const char *directory, struct backup_facts *facts,
                              struct backup_sum sums[static BACKUP_FILES], struct err_text *e);
enum err backup_sums_read(const char *directory, struct backup_sum sums[static BACKUP_FILES], struct err_text *e);

/* ---- check.c ---- */

/* Reads all of the copies, as parbus verify: records in order without a hole, every checksum, the chain of commits,
 * controls, feeders; state of this journal and not ahead of it. What is found goes into facts; `made` is not touched.
 */
enum err backup_check_content(const char *directory, bool with_state, struct backup_facts *facts, struct meter *meter,
                              struct err_text *e);
/* Whether every file has the size and the sum that the manifest and SHA256SUMS say. */
enum err backup_check_files(const char *directory, struct backup_facts *said,
                            struct backup_sum sums[static BACKUP_FILES], struct meter *meter, struct err_text *e);
/* Both, and whether the manifest says what the content is. Nothing is written anywhere. */
enum err backup_check(const char *directory, struct backup_facts *facts, struct backup_sum sums[static BACKUP_FILES],
                      struct meter *meter, struct err_text *e);
