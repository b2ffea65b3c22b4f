/* Who may do what, as a person asks it, changes it and reads it: what the files of `parbus access` share. Changes go to
 * the ingestor that runs; everything else is read from the journal, whether or not anything runs. */
#pragma once
#include "auth/access.h"
#include "catalog/catalog.h"

/* ---- changes: change.c ---- */

/* Has it journalled, and says under which control. ERR_INVALID: it cannot be made, or its asker may not; ERR_TIMEOUT:
 * nobody answers, so it is not known whether it was made. Blocks; link_shutdown stays the caller's. */
enum err access_ask(const char *directory, Parbus__AccessChange *change, uint64_t *control_seq, struct err_text *e);

/* ---- words: words.c ---- */

enum { ACCESS_SENTENCE_BYTES = 1024 };
/* "may submit qd766/2025:H05, stage self, until 2026-01-01T00:00:00Z"; always terminated. */
void access_grant_words(const struct access_grant *g, char *out, size_t bytes);
/* What was changed, whole: "ha-noi may submit qd766 (grant 12)". */
void access_change_words(const Parbus__AccessChange *c, char *out, size_t bytes);
/* STAGE_UNKNOWN: no such word. */
Parbus__Stage access_stage_read(const char *word);

/* ---- rows for people and programs: table.c ---- */

/* Columns of a table, CSV or JSON; "" is an empty cell. */
struct access_table {
    const char *const *head; /* names of columns, for programs */
    size_t columns;
    const int *width;   /* of all but the last, for people */
    const char *format; /* "table", "csv", "json" */
    bool begun;         /* private */
};
bool access_format_ok(const char *format);
void access_table_begin(struct access_table *t);
void access_table_row(struct access_table *t, const char *const *cell);
void access_table_end(struct access_table *t);

/* ---- what is read ---- */

/* The catalog as of the end of the journal of this directory; yours to destroy. */
enum err access_read(struct catalog **c, const char *directory, struct err_text *e);

/* All that holds: identities and what proves them, roles, grants. name: NULL, or of that identity or role alone. */
void access_list(const struct access *a, const char *name, struct access_table *t);
extern const struct access_table access_list_table;

/* Who came, who was refused, and who changed what, when and from where: the services' log/access.log and the changes
 * among the journal's controls, in the order of time. What there is is shown, also when the journal cannot be read. */
struct access_log_wanted {
    const char *name; /* done by, or to, this identity, feeder or role; NULL: all */
    int64_t since_ms;
};
enum err access_log(const char *directory, const struct access_log_wanted *wanted, struct access_table *t,
                    struct err_text *e);
/* about.c: whether it is a change of this identity or role. a: after it. */
bool access_change_is_about(const struct access *a, const Parbus__AccessChange *c, const char *name);
extern const struct access_table access_log_table;

/* Whether somebody may, and by which grant: a sentence. ERR_INVALID: something in the question is not known. */
struct access_check {
    const char *name;
    Parbus__Verb verb;
    const Parbus__GrantMade *scope; /* index, period, unit, node */
    Parbus__Stage stage;
};
enum err access_check(const struct catalog *c, const struct access_check *q, int64_t wall_ms, bool *allowed,
                      char *sentence, size_t bytes, struct err_text *e);
