#include "base/clock.h"
#include "base/settings.h"
#include "context/context.h"
#include "services/parbus/access/access.h"
#include "services/parbus/ask/ask.h"
#include "services/parbus/doctor/doctor.h"
#include "services/parbus/keys/keys.h"
#include "store/guard.h"
#include "wire/reason.h"
#include "wire/wire.h"
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

enum { OF_OTHERS = 077, PERMISSIONS = 07777, TREE_DEPTH = 16, PATIENCE_US = 5000000, LATELY_DAYS = 7 };

/* ---- files ---- */

static struct doctor_facts *walked; /* nftw has no argument of ours */

static int look_at(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    bool open = kind != FTW_SL && st->st_mode & OF_OTHERS;
    if (at->level == 0 || !open)
        return 0;
    if (!walked->open_count++) {
        snprintf(walked->open_path, sizeof walked->open_path, "%s", path);
        walked->open_mode = st->st_mode & PERMISSIONS;
    }
    return 0;
}

static void look_at_directory(struct doctor_facts *f)
{
    struct stat st;
    f->own_uid = geteuid();
    f->there = stat(f->directory, &st) == 0;
    if (!f->there)
        return;
    f->uid = st.st_uid;
    f->mode = st.st_mode & PERMISSIONS;
    walked = f;
    nftw(f->directory, look_at, TREE_DEPTH, FTW_PHYS | FTW_MOUNT);
}

static void look_at_disk(struct doctor_facts *f)
{
    struct statfs kind;
    struct statvfs room;
    const char *unsupported =
        statfs(f->directory, &kind) == 0 ? guard_fs_unsupported((unsigned long)kind.f_type) : NULL;
    if (unsupported)
        snprintf(f->fs_unsupported, sizeof f->fs_unsupported, "%s", unsupported);
    if (statvfs(f->directory, &room) != 0)
        return;
    f->free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
    f->all_bytes = (uint64_t)room.f_blocks * room.f_frsize;
    f->free_files = room.f_favail;
    f->all_files = room.f_files;
}

/* ---- the host ---- */

static void read_line(const char *path, char *out, size_t bytes)
{
    FILE *file = fopen(path, "re");
    out[0] = 0;
    if (!file)
        return;
    if (fgets(out, (int)bytes, file))
        out[strcspn(out, "\n")] = 0;
    fclose(file);
}

static uint64_t read_number(const char *path)
{
    char text[64];
    read_line(path, text, sizeof text);
    return strtoull(text, NULL, 10);
}

static bool has_swap(void)
{
    char line[256];
    FILE *file = fopen("/proc/swaps", "re");
    bool second = file && fgets(line, sizeof line, file) && fgets(line, sizeof line, file);
    if (file)
        fclose(file);
    return second;
}

static void look_at_host(struct doctor_facts *f)
{
    struct rlimit limit;
    struct timex clock = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        f->descriptors = limit.rlim_cur;
    if (getrlimit(RLIMIT_CORE, &limit) == 0)
        f->core_bytes = limit.rlim_cur;
    read_line("/proc/sys/kernel/core_pattern", f->core_pattern, sizeof f->core_pattern);
    f->swap = has_swap();
    f->somaxconn = read_number("/proc/sys/net/core/somaxconn");
    f->file_max = read_number("/proc/sys/fs/file-max");
    f->clock_synchronised = adjtimex(&clock) >= 0 && !(clock.status & STA_UNSYNC);
}

/* ---- contexts, keys ---- */

/* Of this user, in the directory of contexts. */
static void look_at_contexts(struct doctor_facts *f)
{
    char path[PATH_MAX];
    struct stat st;
    if (context_path(path, "x", false, NULL) != OK)
        return;
    *strrchr(path, '/') = 0;
    DIR *d = opendir(path);
    for (const struct dirent *entry; d && !f->contexts_open[0] && (entry = readdir(d));)
        if (strstr(entry->d_name, ".context") && fstatat(dirfd(d), entry->d_name, &st, 0) == 0 &&
            (st.st_mode & OF_OTHERS || st.st_uid != geteuid()))
            snprintf(f->contexts_open, sizeof f->contexts_open, "%s/%s", path, entry->d_name);
    if (d)
        closedir(d);
}

static void note_key(struct doctor_facts *f, const char *name, bool token, const struct access_span *span,
                     int64_t until_ms)
{
    bool ends = until_ms && !span->until && until_ms > f->now_ms - LATELY_DAYS * INT64_C(86400000);
    if (!ends || f->keys == DOCTOR_KEYS_MAX)
        return;
    struct doctor_key *k = &f->key[f->keys++];
    *k = (struct doctor_key){.token = token, .until_ms = until_ms};
    snprintf(k->name, sizeof k->name, "%s", name);
}

static void look_at_keys(struct doctor_facts *f)
{
    struct catalog *c;
    const struct access_key *key;
    const struct access_token *token;
    if (access_read(&c, f->directory, NULL) == OK) {
        const struct access *a = catalog_access(c);
        for (size_t i = 0, count = access_keys(a, &key); i < count; i++)
            note_key(f, access_identity(a, key[i].identity)->name, false, &key[i].span, key[i].until_ms);
        for (size_t i = 0, count = access_tokens(a, &token); i < count; i++)
            if (token[i].kind != PARBUS__TOKEN_KIND__TOKEN_INVITATION)
                note_key(f, access_identity(a, token[i].identity)->name, true, &token[i].span, token[i].until_ms);
    }
    catalog_destroy(&c);
}

/* ---- the door's clock ---- */

struct question {
    struct doctor_facts *facts;
    struct arena arena;
    int64_t asked_us;
};

static void put_question(void *question, struct buffer *out)
{
    const Parbus__Describe m = PARBUS__DESCRIBE__INIT;
    ((struct question *)question)->asked_us = clock_mono_us();
    wire_pack(out, PARBUS__TO_INGESTOR__BODY_DESCRIBE, &m.base);
}

static enum ask_verdict take_answer(void *question, const void *data, size_t bytes)
{
    struct question *q = question;
    struct wire_message m;
    arena_reset(&q->arena);
    if (wire_open(&wire_to_feeder, data, bytes, &q->arena, &m, NULL))
        return ASK_OTHER;
    if (m.kind == PARBUS__TO_FEEDER__BODY_REFUSAL) {
        const Parbus__Refusal *r = (const Parbus__Refusal *)m.message;
        snprintf(q->facts->door_why, sizeof q->facts->door_why, "%s: %.400s", reason_of(r->reason)->name,
                 r->detail ? r->detail : "");
        return ASK_DONE;
    }
    if (m.kind != PARBUS__TO_FEEDER__BODY_DESCRIPTION)
        return ASK_OTHER;
    q->facts->answered = true;
    q->facts->door_us = clock_mono_us() - q->asked_us;
    q->facts->clock_ahead_ms = clock_wall_ms() - ((const Parbus__Description *)m.message)->clock_ms;
    return ASK_DONE;
}

static void ask_door(struct doctor_facts *f, const char *endpoint, const struct link_security *security)
{
    struct question q = {.facts = f};
    const struct ask ask = {.directory = f->directory,
                            .to = "door",
                            .endpoint = endpoint,
                            .security = security,
                            .patience_us = PATIENCE_US,
                            .ctx = &q,
                            .question = put_question,
                            .answer = take_answer};
    struct err_text e = {""};
    f->asked = true;
    snprintf(f->door, sizeof f->door, "%s", endpoint ? endpoint : "the door of the directory");
    arena_init(&q.arena, WIRE_ARENA_BYTES);
    if (ask_run(&ask, &e) && e.text[0])
        snprintf(f->door_why, sizeof f->door_why, "%s", e.text);
    arena_free(&q.arena);
}

static void look_at_context(struct doctor_facts *f, const char *named)
{
    struct context c;
    struct err_text e = {""};
    snprintf(f->context, sizeof f->context, "%s", named);
    enum err err = named_context_path(f->context, named, false, &e);
    if (!err)
        err = context_read(&c, f->context, &e);
    if (err) {
        snprintf(f->context_why, sizeof f->context_why, "%s", e.text);
        return;
    }
    const struct link_security security = {.mechanism = LINK_CURVE_CLIENT,
                                           .secret_key = c.secret_key,
                                           .public_key = c.public_key,
                                           .server_key = c.server_key};
    if (c.has_server && c.door[0])
        ask_door(f, c.door, &security);
    context_forget(&c);
}

static void look_at_door(struct doctor_facts *f)
{
    char socket[PATH_MAX + 16];
    snprintf(socket, sizeof socket, "%s/run/door", f->directory);
    if (access(socket, F_OK) == 0)
        ask_door(f, NULL, NULL);
}

void doctor_collect(struct doctor_facts *f, const char *directory, const char *context)
{
    struct settings settings;
    *f = (struct doctor_facts){.now_ms = clock_wall_ms()};
    snprintf(f->directory, sizeof f->directory, "%s", directory);
    settings_defaults(&settings);
    (void)settings_of(&settings, directory, NULL);
    f->connections_max = (uint64_t)settings.connections_max;
    f->fs_allowed = settings.network_fs_allowed;
    look_at_directory(f);
    look_at_disk(f);
    look_at_host(f);
    look_at_contexts(f);
    look_at_keys(f);
    if (context)
        look_at_context(f, context);
    else
        look_at_door(f);
}
