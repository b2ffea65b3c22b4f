#include "base/date.h"
#include "services/parbus/doctor/doctor.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { OF_OTHERS = 077, OWN_DESCRIPTORS = 128, SOMAXCONN_LEAST = 1024 };
static const uint64_t MIB = 1 << 20;
static const uint64_t FREE_FAIL_MIB = 256, FREE_WARN_SHARE = 10;
static const int64_t CLOCK_WARN_MS = 1000, CLOCK_FAIL_MS = 300000, KEY_NEAR_MS = INT64_C(30) * 86400000;

static void say(struct doctor_finding *out, enum doctor_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct doctor_finding *out, enum doctor_verdict verdict, const char *format, ...)
{
    va_list args;
    out->verdict = verdict;
    va_start(args, format);
    vsnprintf(out->what, sizeof out->what, format, args);
    va_end(args);
}

static void advise(struct doctor_finding *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void advise(struct doctor_finding *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out->advice, sizeof out->advice, format, args);
    va_end(args);
}

/* ---- the directory ---- */

static void owner(const struct doctor_facts *f, struct doctor_finding *out)
{
    if (!f->there) {
        say(out, DOCTOR_WARN, "there is no directory %s", f->directory);
        advise(out, "parbus up makes it; is it the right --dir?");
    } else if (f->uid != f->own_uid) {
        say(out, DOCTOR_WARN, "%s is of user %u, and this is user %u", f->directory, f->uid, f->own_uid);
        advise(out, "run parbus as its owner: as another user it makes files that the owner cannot read");
    } else {
        say(out, DOCTOR_OK, "%s is this user's", f->directory);
    }
}

static void modes(const struct doctor_facts *f, struct doctor_finding *out)
{
    if (f->there && f->mode & OF_OTHERS) {
        say(out, DOCTOR_FAIL, "others may enter %s (mode %04o)", f->directory, f->mode);
        advise(out, "chmod 0700 %s: who can enter is taken for its owner", f->directory);
    } else if (f->open_count) {
        say(out, DOCTOR_FAIL, "%" PRIu64 " files in it are open to others, the first: %s (mode %04o)", f->open_count,
            f->open_path, f->open_mode);
        advise(out, "chmod -R go= %s", f->directory);
    } else {
        say(out, DOCTOR_OK, "nothing in the directory is open to other users");
    }
}

static void file_system(const struct doctor_facts *f, struct doctor_finding *out)
{
    if (f->fs_unsupported[0]) {
        say(out, f->fs_allowed ? DOCTOR_WARN : DOCTOR_FAIL, "%s is on %s, where LMDB may lose or damage data",
            f->directory, f->fs_unsupported);
        advise(out, "move it to a local disk");
    } else {
        say(out, DOCTOR_OK, "a local file system");
    }
}

static void room(const struct doctor_facts *f, struct doctor_finding *out)
{
    uint64_t free_mib = f->free_bytes / MIB, all_mib = f->all_bytes / MIB;
    bool few_files = f->all_files && f->free_files < f->all_files / 100;
    say(out, DOCTOR_OK, "%" PRIu64 " of %" PRIu64 " MiB are free", free_mib, all_mib);
    if (f->all_bytes && free_mib < FREE_FAIL_MIB)
        out->verdict = DOCTOR_FAIL;
    else if (free_mib < all_mib / FREE_WARN_SHARE)
        out->verdict = DOCTOR_WARN;
    if (few_files)
        say(out, DOCTOR_WARN, "%" PRIu64 " of %" PRIu64 " files (inodes) are free", f->free_files, f->all_files);
    if (out->verdict)
        advise(out, "make room: the journal only grows, and a full disk shuts the door until there is some");
}

/* ---- limits ---- */

static void descriptors(const struct doctor_facts *f, struct doctor_finding *out)
{
    uint64_t wanted = f->connections_max + OWN_DESCRIPTORS;
    if (f->descriptors < wanted) {
        say(out, DOCTOR_WARN,
            "a process may have %" PRIu64 " descriptors, fewer than connections_max (%" PRIu64 ") takes",
            f->descriptors, f->connections_max);
        advise(out, "ulimit -n %" PRIu64 " (LimitNOFILE= of a unit), or a smaller connections_max", wanted);
    } else {
        say(out, DOCTOR_OK, "%" PRIu64 " descriptors for %" PRIu64 " connections", f->descriptors, f->connections_max);
    }
}

/* A process with a key in it writes none in any case; others have submissions in them. */
static void core_dumps(const struct doctor_facts *f, struct doctor_finding *out)
{
    if (f->core_bytes) {
        say(out, DOCTOR_WARN, "core dumps are written (limit %s; to \"%s\"): they have submissions in them",
            f->core_bytes == UINT64_MAX ? "none" : "above 0", f->core_pattern);
        advise(out, "ulimit -c 0 (LimitCORE=0 of a unit)");
    } else {
        say(out, DOCTOR_OK, "no core dumps");
    }
}

static void swap(const struct doctor_facts *f, struct doctor_finding *out)
{
    if (f->swap) {
        say(out, DOCTOR_WARN, "there is swap: what a process has in its memory, keys too, may come to that disk");
        advise(out, "swapoff, or swap on an encrypted device");
    } else {
        say(out, DOCTOR_OK, "no swap");
    }
}

static void kernel(const struct doctor_facts *f, struct doctor_finding *out)
{
    if (f->somaxconn && f->somaxconn < SOMAXCONN_LEAST) {
        say(out, DOCTOR_WARN, "net.core.somaxconn is %" PRIu64, f->somaxconn);
        advise(out, "sysctl -w net.core.somaxconn=4096: feeders that come at the same time are turned away");
    } else if (f->file_max && f->file_max < f->connections_max + OWN_DESCRIPTORS) {
        say(out, DOCTOR_WARN, "fs.file-max is %" PRIu64 ", fewer than connections_max (%" PRIu64 ") takes", f->file_max,
            f->connections_max);
        advise(out, "sysctl -w fs.file-max=%" PRIu64, 16 * (f->connections_max + OWN_DESCRIPTORS));
    } else {
        say(out, DOCTOR_OK, "the kernel's limits are wide enough");
    }
}

/* ---- the door, keys ---- */

static void door(const struct doctor_facts *f, struct doctor_finding *out)
{
    if (!f->asked) {
        say(out, DOCTOR_OK, "no pipeline runs here, and no context is named: no door was asked");
    } else if (!f->answered) {
        say(out, DOCTOR_FAIL, "%s does not answer%s%s", f->door, f->door_why[0] ? ": " : "", f->door_why);
        advise(out, "is it running, is the way there open, is the key known there (parbus keys list)?");
    } else {
        say(out, DOCTOR_OK, "%s answers", f->door);
    }
}

static void clocks(const struct doctor_facts *f, struct doctor_finding *out)
{
    int64_t off_ms = f->clock_ahead_ms < 0 ? -f->clock_ahead_ms : f->clock_ahead_ms;
    if (f->answered && off_ms > CLOCK_WARN_MS + f->door_us / 1000) {
        say(out, off_ms > CLOCK_FAIL_MS ? DOCTOR_FAIL : DOCTOR_WARN, "the clock here is %" PRId64 " ms %s the door's",
            off_ms, f->clock_ahead_ms < 0 ? "behind" : "ahead of");
        advise(out, "timedatectl set-ntp true: of two values the one observed later counts");
    } else if (!f->clock_synchronised) {
        say(out, DOCTOR_WARN, "the kernel says that its clock is not synchronised");
        advise(out, "timedatectl set-ntp true, or another service that keeps it");
    } else {
        say(out, DOCTOR_OK, "the clock is right%s", f->answered ? ", as the door's is" : ", the kernel says");
    }
}

static void context(const struct doctor_facts *f, struct doctor_finding *out)
{
    if (f->context_why[0]) {
        say(out, DOCTOR_FAIL, "the context %s cannot be used: %s", f->context, f->context_why);
        advise(out, "parbus join LINE makes one; its file is to be this user's, with mode 0600");
    } else if (f->contexts_open[0]) {
        say(out, DOCTOR_FAIL, "others may read %s: whoever has is who it says", f->contexts_open);
        advise(out, "parbus keys rotate, and chmod 0600 %s", f->contexts_open);
    } else {
        say(out, DOCTOR_OK,
            f->context[0] ? "the context can be used, and is this user's alone"
                          : "no context is named; those that are there are this user's alone");
    }
}

static void keys(const struct doctor_facts *f, struct doctor_finding *out)
{
    const struct doctor_key *first = NULL;
    char until[DATE_TEXT_BYTES];
    size_t near = 0;
    for (size_t i = 0; i < f->keys; i++) {
        if (f->key[i].until_ms > f->now_ms + KEY_NEAR_MS)
            continue;
        near++;
        if (!first || f->key[i].until_ms < first->until_ms)
            first = &f->key[i];
    }
    say(out, DOCTOR_OK, "no key and no token ends within 30 days");
    if (!first)
        return;
    date_format_ms(first->until_ms, until);
    say(out, DOCTOR_WARN, "%zu of the keys and tokens end within 30 days, or have; the first: the %s of %s, %s", near,
        first->token ? "token" : "key", first->name, until);
    advise(out, first->token ? "make another one (parbus keys), and give it to them" : "parbus keys rotate, there");
}

/* ---- the table ---- */

static const struct {
    const char *name;
    void (*check)(const struct doctor_facts *f, struct doctor_finding *out);
} checks[] = {
    {"owner", owner},
    {"modes", modes},
    {"file system", file_system},
    {"room", room},
    {"descriptors", descriptors},
    {"core dumps", core_dumps},
    {"swap", swap},
    {"kernel", kernel},
    {"context", context},
    {"door", door},
    {"clock", clocks},
    {"keys", keys},
};
const size_t doctor_checks = sizeof checks / sizeof *checks;

void doctor_check(size_t check, const struct doctor_facts *f, struct doctor_finding *out)
{
    *out = (struct doctor_finding){.check = checks[check].name};
    checks[check].check(f, out);
}
