/* What goes into the access log, and how often: the first of what is alike at once, then one line a minute with how
 * many there were. A flood so makes few lines, and none of them hides who it was of. Pure: the time is given, a line
 * goes to a function (service/access_log.h has the file).
 *
 * Alike are those of one event, reason, address and name. At most AUDIT_PLACES of them are told apart in a minute; what
 * finds no place is counted with all others of its event. */
#pragma once
#include "base/moment.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum audit_kind {
    AUDIT_NONE,
    AUDIT_NAME,       /* a feeder's name that was not there before said hello */
    AUDIT_LINE,       /* another outbox, or process, has the name from now on (D16) */
    AUDIT_CONNECTION, /* the same one, over another connection (D14) */
    AUDIT_EPOCH,      /* numbers its submissions anew (D3) */
    AUDIT_REFUSED,    /* at the door; reason: of PROTOCOL.md */
    AUDIT_SHUT_OUT,   /* a connection, before its first message */
    AUDIT_CUT,        /* a connection that was in */
    AUDIT_CHANGE,     /* of rights: what it was, and whose, is in the journal */
    AUDIT_KINDS
};
/* "refused": as it stands in the log. */
const char *audit_kind_word(enum audit_kind kind);

/* Texts may be NULL: not known. Valid during the call. */
struct audit_event {
    enum audit_kind kind;
    const char *reason;  /* "NOT_AUTHORISED", "unknown_key": a word for programs */
    const char *name;    /* a feeder, an identity */
    const char *who;     /* the principal (T2) */
    const char *address; /* "192.0.2.7", "user:1000" */
    const char *detail;  /* a sentence for people */
};
/* Whoever has something to say: a core's io table, a gate. */
typedef void audit_fn(void *ctx, const struct audit_event *event);

/* A line of the log. */
struct audit_line {
    struct audit_event event;
    uint64_t times;
    int64_t since_ms; /* times > 1: of the first of them; else 0 */
};
typedef void audit_write_fn(void *ctx, const struct audit_line *line);

enum { AUDIT_PLACES = 256, AUDIT_NAME_BYTES = 72, AUDIT_ADDRESS_BYTES = 64, AUDIT_DETAIL_BYTES = 192 };

struct audit {
    audit_write_fn *write;
    void *ctx;
    int64_t due_us;
    struct audit_place {
        enum audit_kind kind; /* AUDIT_NONE: free */
        char reason[40], name[AUDIT_NAME_BYTES], who[80], address[AUDIT_ADDRESS_BYTES], detail[AUDIT_DETAIL_BYTES];
        uint64_t again; /* since the last line */
        int64_t since_ms, told_us;
    } place[AUDIT_PLACES], rest[AUDIT_KINDS];
};
void audit_init(struct audit *a, audit_write_fn *write, void *ctx);
/* times: how many at once. O(AUDIT_PLACES). */
void audit_note(struct audit *a, const struct audit_event *event, uint64_t times, struct moment now);
/* Writes what is due; returns when there may be more, as mono_us. */
int64_t audit_tick(struct audit *a, struct moment now);
/* What is still to be said: the process ends. */
void audit_end(struct audit *a);

/* One line of JSON with its newline into out; returns its bytes. Texts are cut off as the places cut them; what is no
 * UTF-8 becomes '?'. */
enum { AUDIT_LINE_BYTES = 4096 };
size_t audit_json(char out[static AUDIT_LINE_BYTES], const struct audit_line *line, const char *service,
                  int64_t wall_ms);
