#include "services/ingestor/append.h"
#include "base/err.h"
#include <stdio.h>
#include <string.h>

/* SILENT_US: a disk that takes so long keeps feeders from their receipts longer than they wait before they ask (D1). */
enum { AGAIN_US = 250000, SILENT_US = 1000000 };

STATE_MACHINE(append_machine, "append", APPEND_EDGES, "free", "under way", "refused", "lost");

void append_init(struct append *a, const struct ingestor_io *io, struct metrics *metrics, uint32_t partitions,
                 uint64_t last_commit)
{
    *a = (struct append){.io = io, .metrics = metrics, .commit = last_commit};
    group_init(&a->group[0], partitions);
    group_init(&a->group[1], partitions);
    a->gathered = &a->group[0];
    a->sent = &a->group[1];
}

void append_free(struct append *a)
{
    group_free(&a->group[0]);
    group_free(&a->group[1]);
}

struct journal_mark *append_close(struct append *a, uint64_t (*last_pseq)(const void *ctx, uint32_t p), const void *ctx)
{
    ASSERT(a->state == APPEND_FREE && group_empty(a->sent));
    struct group *closed = a->gathered;
    a->gathered = a->sent;
    a->sent = closed;
    return group_close(closed, a->commit + 1, last_pseq, ctx);
}

void append_send(struct append *a, struct moment now)
{
    STATE_ENTER(&append_machine, a->state, APPEND_UNDER_WAY);
    a->sent_us = now.mono_us;
    enum err err = a->io->append(a->io->ctx, &a->sent->closed, ++a->ticket);
    ASSERT(err == OK); /* one at a time */
}

bool append_again_due(const struct append *a, struct moment now)
{
    return a->state == APPEND_REFUSED && now.mono_us >= a->again_us;
}

static void keep_why(struct append *a, const char *why)
{
    snprintf(a->why, sizeof a->why, "%s", why);
    wire_utf8_mend(a->why);
}

static void refused(struct append *a, enum err result, const char *why, struct moment now)
{
    bool lost = result == ERR_LOST || result == ERR_INVALID;
    bool same = strncmp(a->why, why, sizeof a->why - 1) == 0;
    STATE_ENTER(&append_machine, a->state, lost ? APPEND_LOST : APPEND_REFUSED);
    a->again_us = now.mono_us + AGAIN_US;
    metric_add(a->metrics, journal_commit_failures, 1);
    keep_why(a, why);
    if (!same)
        tell(a->io, TELL_ERROR, lost ? "journal.lost" : "journal.commit_failed", "commit=%llu why=\"%s\"",
             (unsigned long long)a->sent->closed.commit, a->why);
}

void append_fence(struct append *a, const char *why)
{
    if (a->state == APPEND_LOST)
        return;
    STATE_ENTER(&append_machine, a->state, APPEND_LOST);
    keep_why(a, why);
    tell(a->io, TELL_ERROR, "journal.lost", "why=\"%s\"", a->why);
}

bool append_answered(struct append *a, uint64_t ticket, enum err result, const char *why, struct moment now)
{
    if (a->state != APPEND_UNDER_WAY || ticket != a->ticket)
        return false;
    if (result) {
        refused(a, result, why, now);
        return true;
    }
    STATE_ENTER(&append_machine, a->state, APPEND_FREE);
    a->commit += a->sent->closed.put_count > 0;
    a->why[0] = 0;
    metric_add(a->metrics, journal_commits, 1);
    return true;
}

const char *append_trouble(const struct append *a, struct moment now)
{
    if (a->why[0]) /* also while it is tried again */
        return a->why;
    if (a->state == APPEND_UNDER_WAY && now.mono_us - a->sent_us >= SILENT_US)
        return "the journal's disk has been silent for more than a second";
    return NULL;
}

int64_t append_deadline(const struct append *a, struct moment now)
{
    int64_t silent_us = a->sent_us + SILENT_US;
    if (a->state == APPEND_REFUSED)
        return a->again_us;
    return a->state == APPEND_UNDER_WAY && silent_us > now.mono_us ? silent_us : INT64_MAX;
}
