/* `parbus push`: CSV files in, submissions with receipts out. The parts, in the order in which a row meets them:
 *   cmd_push.c       options, files, passes
 *   names.c     index, period, indicator and stage of a row, as the ingestor describes them
 *   check.c     --strict: what the validator would say of a row
 *   groups.c    rows of one unit become one submission
 *   session.c   the feeder: submits, waits for receipts, scores and verdicts
 *   ledger.c    which rows of which file a submission was made of
 *   report.c    what is told: faults and progress on standard error, the result on standard output */
#pragma once
#include "base/buffer.h"
#include "base/map.h"
#include "catalog/catalog.h"
#include "csv/longform.h"
#include "journal/journal.h"
#include <jansson.h>
#include <parbus/feeder.h>

enum {
    PUSH_ROWS_MAX = 16384,          /* of one submission */
    PUSH_GROUP_BYTES_MAX = 1 << 19, /* rows and evidence of one submission; its limit is 1 MiB */
    PUSH_GROUPS_MAX = 256,          /* being gathered at the same time */
    PUSH_GATHERED_ROWS_MAX = 1 << 18,
    PUSH_LEDGER_BYTES_MAX = 64 << 20, /* then everything sent is waited for before reading goes on */
    PUSH_NAMES_MAX = 1024,            /* (index, period) pairs remembered */
    PUSH_FIRST_ANSWER_MS = 5000,
    PUSH_POLL_US = 2000,
};

struct push_options {
    const char *directory, *feeder, *index, *period;
    const char *door; /* NULL: that of the directory */
    Parbus__Stage stage;
    bool wait, strict, json;
    long batch, timeout_s;
    int file_count;
    char **file;
};

/* ---- names ---- */

struct push_series { /* what is known of one (index, period) */
    char index[65], period[65];
    bool known;
    char reason[512]; /* why not */
    size_t indicator_count;
    struct push_indicator {
        char *code;
        uint32_t id;
        bool leaf;
    } * indicator;   /* ascending code */
    uint32_t stages; /* bit (1 << stage) */
    Parbus__Stage first_stage;
};
struct push_names {
    struct push_series *series;
    size_t count;
    struct push_series *asked; /* waits for its Description */
};
void push_names_free(struct push_names *n);
/* NULL: not asked about yet. */
struct push_series *push_names_find(const struct push_names *n, const char *index, const char *period);
/* The one to be filled by the next answer; forgets all others when there are too many. */
struct push_series *push_names_expect(struct push_names *n, const char *index, const char *period);
void push_names_described(struct push_names *n, const Parbus__Description *d);
void push_names_refused(struct push_names *n, const char *detail);
/* Fills in indicator number and stage. ERR_NOT_FOUND, ERR_INVALID with a sentence and the nearest names. */
enum err push_names_resolve(const struct push_series *s, const struct longform_row *row, uint32_t *indicator,
                            Parbus__Stage *stage, struct err_text *e);

/* ---- check ---- */

struct push_check {
    struct journal *journal;
    struct catalog *catalog;
    uint32_t suggestions_left;
};
/* To be closed whatever it returns. */
enum err push_check_open(struct push_check *c, const char *directory, struct err_text *e);
void push_check_close(struct push_check *c);
/* ERR_INVALID: "REASON: detail". */
enum err push_check_row(struct push_check *c, const struct longform_row *row, uint32_t indicator, Parbus__Stage stage,
                        struct err_text *e);

/* ---- groups ---- */

struct push_group {
    char index[65], period[65], unit[257];
    Parbus__Stage stage;
    bool timed, same_time; /* rows have times; all the same so far */
    size_t rows, bytes, evidence_count;
    struct buffer indicator, value, observed_ms, line; /* columns: u32, double, i64, u32 */
    struct buffer evidence;                            /* struct push_evidence */
};
struct push_evidence {
    uint32_t row;
    bool has_sha256;
    uint8_t sha256[LONGFORM_SHA256_BYTES];
    char *uri;
};
/* The group is full, or another needs its place. The group's content is void afterwards. */
typedef enum err push_flush_fn(void *ctx, struct push_group *g, struct err_text *e);
struct push_groups {
    struct push_group *group[PUSH_GROUPS_MAX]; /* in the order of their first rows */
    size_t count, rows, batch;
    struct map by_key;
    push_flush_fn *flush;
    void *ctx;
};
void push_groups_free(struct push_groups *g);
enum err push_groups_add(struct push_groups *g, const struct longform_row *row, uint32_t indicator, Parbus__Stage stage,
                         struct err_text *e);
enum err push_groups_flush(struct push_groups *g, struct err_text *e);

/* ---- ledger ---- */

struct push_ledger {
    struct buffer entry, run;
};
struct push_origin {
    int file;
    long line;
    uint32_t rows; /* of the submission */
};
void push_ledger_free(struct push_ledger *l);
void push_ledger_clear(struct push_ledger *l);
void push_ledger_add(struct push_ledger *l, uint64_t seq, int file, const uint32_t *line, size_t rows);
/* row WIRE_ROW_WHOLE: its first line. false: not a submission of this run. */
bool push_ledger_find(const struct push_ledger *l, uint64_t seq, uint32_t row, struct push_origin *origin);
/* A new epoch: what was `first` is 1; what was before it is forgotten. */
void push_ledger_renumber(struct push_ledger *l, uint64_t first);
bool push_ledger_span(const struct push_ledger *l, uint64_t *first_seq, uint64_t *last_seq);
static inline size_t push_ledger_bytes(const struct push_ledger *l) { return l->entry.size + l->run.size; }

/* ---- report ---- */

struct push_report {
    const struct push_options *options;
    bool terminal, line_open;
    int64_t shown_us;
    uint64_t bytes_total, bytes_read;
    uint64_t rows_read, rows_bad, rows_sent, rows_rejected, submissions, failures;
    json_t *faults, *rejects;
};
void push_report_start(struct push_report *r, const struct push_options *o);
void push_report_free(struct push_report *r);
void push_report_fault(struct push_report *r, int file, long line, const char *text);
void push_report_reject(struct push_report *r, const struct push_origin *at, Parbus__Reason reason, const char *detail);
void push_report_words(struct push_report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void push_report_progress(struct push_report *r, const struct parbus_feeder_totals *t);
void push_report_result(struct push_report *r, const struct parbus_feeder_totals *t, const char *trouble);

/* ---- session ---- */

struct push_session {
    const struct push_options *options;
    struct push_report *report;
    struct push_names *names;
    struct push_ledger ledger;
    struct parbus_feeder *feeder;
    char outbox[4096];
    int file; /* the one being read */
    int64_t polled_us, progress_us;
    uint64_t progress;
    uint64_t reject_seq, status_to; /* told last */
    uint32_t reject_row;
    bool verdict_complete, reject_told;
};
/* Connects, and waits for the first Welcome. */
enum err push_session_open(struct push_session *s, struct err_text *e);
void push_session_close(struct push_session *s);
/* Asks about (index, period) and waits for the answer. */
enum err push_session_describe(struct push_session *s, const char *index, const char *period, struct err_text *e);
/* Waits while the window is full. */
enum err push_session_submit(struct push_session *s, struct push_group *g, struct err_text *e);
/* Waits until everything has its receipt and, with --wait, is scored; tells the rejects. */
enum err push_session_finish(struct push_session *s, struct err_text *e);
