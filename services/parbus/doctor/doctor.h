/* `parbus doctor`: is this host, directory and context as it should be? collect.c looks, checks.c judges (pure), so
 * that each judgement is a line of a test. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum doctor_verdict { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

enum { DOCTOR_KEYS_MAX = 64, DOCTOR_TEXT_BYTES = 512 };

/* What is so. A text that is "" is not known, or is not there. */
struct doctor_facts {
    char directory[PATH_MAX];
    bool there; /* the directory is */
    unsigned mode, uid, own_uid;
    char open_path[PATH_MAX]; /* the first in it that others may read or write */
    unsigned open_mode;
    uint64_t open_count;

    uint64_t descriptors, connections_max; /* limit; setting */
    uint64_t core_bytes;                   /* limit */
    char core_pattern[128];
    bool swap;

    char fs_unsupported[32]; /* its name */
    bool fs_allowed;         /* the setting */
    uint64_t free_bytes, free_files, all_bytes, all_files;

    bool asked, answered; /* a door was asked what time it is */
    char door[320], door_why[DOCTOR_TEXT_BYTES];
    int64_t clock_ahead_ms, door_us; /* ours, against the door's; how long the answer took */
    bool clock_synchronised;

    char context[PATH_MAX], context_why[DOCTOR_TEXT_BYTES]; /* the context that was named; why it cannot be used */
    char contexts_open[PATH_MAX];                           /* the first context file that others may read */

    int64_t now_ms;
    struct doctor_key {
        char name[65];
        bool token;
        int64_t until_ms;
    } key[DOCTOR_KEYS_MAX]; /* that end, and hold now or did lately */
    size_t keys;

    uint64_t somaxconn, file_max; /* of the kernel; 0: not known */
};

struct doctor_finding {
    const char *check;
    enum doctor_verdict verdict;
    char what[PATH_MAX + DOCTOR_TEXT_BYTES], advice[PATH_MAX + DOCTOR_TEXT_BYTES]; /* advice: "" when it is OK */
};

/* How many checks there are, and one of them. */
extern const size_t doctor_checks;
void doctor_check(size_t check, const struct doctor_facts *f, struct doctor_finding *out);

/* Whatever cannot be found out is left as not known. context: NULL: none is named. */
void doctor_collect(struct doctor_facts *f, const char *directory, const char *context);
