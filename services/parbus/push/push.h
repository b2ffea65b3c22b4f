/* `parbus push`: CSV files in, submissions with receipts out. The parts, in the order in which a row meets them:
 *   arguments.c options
 *   cmd_push.c  what is said at the end
 *   run.c       the phases, on the reactor
 *   input.c     the files, and what comes through pipes
 *   names.c     index, period, indicator and stage of a row, as the ingestor describes them
 *   check.c     --strict: what the validator would say of a row
 *   groups.c    rows of one unit become one submission
 *   place.c     the outbox's directory
 *   session.c   the feeder: what it is asked, and what it says; what is waited for, and how long
 *   ledger.c    which rows of which file a submission was made of
 *   left.c      what is left when a push ends
 *   report.c    what is told: faults and progress on standard error, the result on standard output */
#pragma once
#include "base/buffer.h"
#include "base/map.h"
#include "base/states.h"
#include "catalog/catalog.h"
#include "csv/longform.h"
#include "journal/journal.h"
#include <jansson.h>
#include <parbus/feeder.h>
#include <stdio.h>

enum {
    PUSH_ROWS_MAX = 16384,          /* of one submission */
    PUSH_GROUP_BYTES_MAX = 1 << 19, /* rows and evidence of one submission; its limit is 1 MiB */
    PUSH_GROUPS_MAX = 256,          /* being gathered at the same time */
    PUSH_GATHERED_ROWS_MAX = 1 << 18,
    PUSH_LEDGER_BYTES_MAX = 64 << 20, /* then everything sent is waited for before reading goes on */
    PUSH_NAMES_MAX = 1024,            /* (index, period) pairs remembered */
    PUSH_FIRST_ANSWER_US = 5000000,
    PUSH_READ_BYTES = 65536,
    PUSH_PATH_BYTES = 4096,
};

struct push_options {
    const char *directory, *feeder, *index, *period;
    const char *door;               /* NULL: that of the directory */
    const struct parbus_keys *keys; /* NULL: none */
    Parbus__Stage stage;
    bool wait, strict, json, take_over;
    long batch, timeout_s;
    int file_count;
    char **file;
    const char *command; /* whose words these are; NULL: "push" */
    FILE *out;           /* for the result; NULL: standard output */
    int64_t progress_us; /* where nobody looks at a terminal, a line of progress each so long; 0: none */
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
struct push_groups {
    struct push_group *group[PUSH_GROUPS_MAX]; /* in the order of their first rows */
    size_t count, rows, batch;
    struct push_group *full; /* NULL: none is */
    bool flushing;           /* all of them must go, and `flushed` have */
    size_t flushed;
    struct map by_key;
};
void push_groups_free(struct push_groups *g);
/* false: not added; what push_groups_due gives must go first. */
bool push_groups_add(struct push_groups *g, const struct longform_row *row, uint32_t indicator, Parbus__Stage stage);
/* All must go. */
void push_groups_flush(struct push_groups *g);
/* The one that must go now, and is void once push_groups_sent says that it has; NULL: none must. */
struct push_group *push_groups_due(struct push_groups *g);
void push_groups_sent(struct push_groups *g);

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
/* Lines of a file, both included. */
struct push_lines {
    int file;
    long first, last;
};
/* Appends those of all submissions after seq, ascending. */
void push_ledger_lines(const struct push_ledger *l, uint64_t seq, struct buffer *lines);
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
    FILE *out;
    int64_t shown_us;
    uint64_t bytes_total, bytes_read;
    uint64_t rows_read, rows_bad, rows_sent, rows_rejected, submissions, failures;
    json_t *faults, *rejects;
};
void push_report_start(struct push_report *r, const struct push_options *o);
void push_report_free(struct push_report *r);
void push_report_fault(struct push_report *r, int file, long line, const char *text);
void push_report_reject(struct push_report *r, const struct push_origin *at, Parbus__Reason reason, const char *detail);
/* As people know it. */
const char *push_report_file(const struct push_report *r, int file);
void push_report_words(struct push_report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void push_report_progress(struct push_report *r, const struct parbus_feeder_totals *t);
void push_report_result(struct push_report *r, const struct parbus_feeder_totals *t, const char *trouble);

/* ---- input ---- */

struct push_input {
    const struct push_options *options;
    struct push_report *report;
    struct push_file *of; /* the files in order */
    int opened;
    int file;           /* the one being read */
    bool ended, failed; /* failed: told, and ended */
    bool waits;         /* asked before each read: there may be nothing yet */
    size_t at, size;    /* of data: used, there */
    char data[PUSH_READ_BYTES];
};
/* Opens them all; what cannot be is told. */
void push_input_open(struct push_input *in);
void push_input_close(struct push_input *in);
/* All are read from the beginning again: after push_input_next has said false, what came through a pipe too, if
 * --strict. */
void push_input_rewind(struct push_input *in);
/* The next file that can be read; false: there is none. */
bool push_input_next(struct push_input *in);
/* More of the file into data, or its end. ERR_BUSY: nothing is there yet; push_input_fd tells when. */
enum err push_input_fill(struct push_input *in);
int push_input_fd(const struct push_input *in);

/* ---- place.c: where the outbox is ---- */

struct push_place { /* directories that were not there, from the outermost */
    char made[3][PUSH_PATH_BYTES];
    int made_count;
    bool outbox_made;
};
/* The path of the outbox, and the directories that it needs. ERR_NOT_FOUND: no pipeline there, and no --door. */
enum err push_place_make(struct push_place *p, const struct push_options *o, char outbox[static PUSH_PATH_BYTES],
                         struct err_text *e);
/* Removes what push_place_make has made: for an outbox that nothing ever went into, while its lock is still held. */
void push_place_undo(struct push_place *p);

/* ---- session: nothing here waits ---- */

struct push_session {
    const struct push_options *options;
    struct push_report *report;
    struct push_names *names;
    struct push_ledger ledger;
    struct parbus_feeder *feeder;
    char outbox[PUSH_PATH_BYTES];
    struct push_place place;
    uint64_t waiting; /* of an earlier run, when it was opened */
    int64_t progress_us, patience_us;
    uint64_t progress, answers;     /* sum of all that can move; verdicts among it */
    uint64_t reject_seq, status_to; /* told last */
    uint32_t reject_row;
    bool verdict_complete, reject_told;
};
/* Opens the outbox and connects. */
enum err push_session_open(struct push_session *s, struct err_text *e);
void push_session_close(struct push_session *s);
/* The feeder's turn: what it has to say is told. An error ends the push. */
enum err push_session_step(struct push_session *s, int64_t now_us, struct err_text *e);

/* Something is waited for from now on, and for so long after anything has moved. */
void push_session_wait(struct push_session *s, int64_t now_us);
int64_t push_session_deadline_us(const struct push_session *s);
/* ERR_TIMEOUT: nothing has moved for too long. what: "nothing", in a sentence that goes on "moved for 60 s". */
enum err push_session_stuck(const struct push_session *s, int64_t now_us, const char *what, struct err_text *e);

bool push_session_connected(const struct push_session *s);
/* ERR_TIMEOUT: the first Welcome does not come. */
enum err push_session_answers(struct push_session *s, int64_t now_us, struct err_text *e);
/* It came: what is left of an earlier run is told. */
void push_session_welcomed(struct push_session *s);
/* Asks about (index, period): names->asked until the answer is there. */
void push_session_describe(struct push_session *s, const char *index, const char *period);
/* ERR_BUSY: no room. What the door would never take is told as a fault of its first line, and is OK. */
enum err push_session_submit(struct push_session *s, struct push_group *g, int file, struct err_text *e);

bool push_session_has_receipts(const struct push_session *s);
bool push_session_is_scored(const struct push_session *s);
/* The rejects of all in the ledger, told as they come; verdict_complete then. */
void push_session_ask_verdict(struct push_session *s);
/* ERR_TIMEOUT: neither these (receipts, scores, …) come nor anything else. */
enum err push_session_settles(const struct push_session *s, int64_t now_us, const char *missing, struct err_text *e);

/* It ends: how much of what has no receipt is on disk, and which rows are not. */
void push_session_tell_left(struct push_session *s);

/* ---- run ---- */

enum push_phase { PUSH_CONNECTING, PUSH_CHECKING, PUSH_SENDING, PUSH_RECEIPTS, PUSH_SCORES, PUSH_VERDICT, PUSH_DONE };
#define PUSH_EDGES(X)                                                                                                  \
    X(PUSH_CONNECTING, PUSH_CHECKING, "Welcome, and --strict: all files are looked at first")                          \
    X(PUSH_CONNECTING, PUSH_SENDING, "Welcome")                                                                        \
    X(PUSH_CHECKING, PUSH_SENDING, "everything is right; the files from the beginning")                                \
    X(PUSH_CHECKING, PUSH_DONE, "not everything is")                                                                   \
    X(PUSH_SENDING, PUSH_RECEIPTS, "all is submitted, or the ledger is full")                                          \
    X(PUSH_RECEIPTS, PUSH_SCORES, "all have their receipt, and --wait")                                                \
    X(PUSH_SCORES, PUSH_VERDICT, "all are scored; what was rejected?")                                                 \
    X(PUSH_RECEIPTS, PUSH_SENDING, "the ledger is empty again")                                                        \
    X(PUSH_VERDICT, PUSH_SENDING, "the ledger is empty again")                                                         \
    X(PUSH_RECEIPTS, PUSH_DONE, "all files are read")                                                                  \
    X(PUSH_VERDICT, PUSH_DONE, "all files are read")
extern const struct state_machine push_machine;

/* Until everything has its receipt and, with --wait, is scored. totals: the feeder's, also when it fails. */
enum err push_run(const struct push_options *o, struct push_report *report, struct parbus_feeder_totals *totals,
                  struct err_text *e);
