#include "services/publisher/snapshot.h"
#include "services/publisher/image.h"
#include "services/publisher/pack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

STATE_MACHINE(snapshot_machine, "snapshot", SNAPSHOT_EDGES, "sending", "stalled");

/* A table that moves all the time is not packed anew for each of many clients: from a young image the ring leads on
 * (F4). */
static bool reusable(const struct topic *t, int64_t now_us)
{
    if (!t->image)
        return false;
    int64_t old_us = SNAPSHOT_REUSE_US_PER_ROW * (int64_t)t->table->count;
    return t->image->seq == t->seq || (now_us - t->image->made_us < old_us && ring_after(&t->ring, t->image->seq));
}

static struct snapshot_image *image_of(struct snapshots *s, struct topic *t, int64_t now_us)
{
    if (!reusable(t, now_us)) {
        snapshot_image_release(&t->image);
        t->image = image_new(t, s->epoch, s->heartbeat_ms, now_us);
    }
    t->image->references++;
    return t->image;
}

static struct snapshot_job *job_slot(struct snapshots *s, const struct topic *t, uint64_t peer)
{
    size_t of_peer = 0;
    for (size_t i = 0; i < s->count; i++) {
        of_peer += s->job[i].peer == peer;
        if (s->job[i].topic == t && s->job[i].peer == peer) {
            snapshot_image_release(&s->job[i].image);
            return &s->job[i];
        }
    }
    if (s->count == SNAPSHOT_JOBS_MAX || of_peer >= s->per_client_max)
        return NULL;
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 16;
        s->job = reallocarray(s->job, s->capacity, sizeof *s->job);
        ASSERT(s->job);
    }
    return &s->job[s->count++];
}

void snapshots_begin(struct snapshots *s, struct topic *t, struct peer peer, uint64_t request, int64_t now_us)
{
    struct snapshot_job *job = job_slot(s, t, peer.id);
    if (!job) {
        metric_add(s->metrics, snapshots_abandoned, 1);
        return;
    }
    *job = (struct snapshot_job){
        .peer = peer.id,
        .topic = t,
        .image = image_of(s, t, now_us),
        .request = request,
        .give_up_us = now_us + SNAPSHOT_STALLED_US,
    };
    snprintf(job->principal, sizeof job->principal, "%s", peer.principal);
}

static enum err send_part(struct snapshots *s, const struct snapshot_job *job)
{
    const struct snapshot_image *image = job->image;
    const struct image_part *part = &image->part[job->next];
    buffer_clear(&s->scratch);
    pack_answer(&s->scratch, part->kind, job->request, image->bytes.data + part->from, part->size);
    return s->io->answer(s->io->ctx, job->peer, s->scratch.data, s->scratch.size);
}

static void enter(struct snapshot_job *job, enum snapshot_state state)
{
    if (job->state != state)
        STATE_ENTER(&snapshot_machine, job->state, state);
}

/* false: the job is over, one way or the other. */
static bool job_run(struct snapshots *s, struct snapshot_job *job, int64_t now_us)
{
    for (; job->next < job->image->count; job->next++) {
        enum err err = send_part(s, job);
        if (err == ERR_BUSY && now_us < job->give_up_us) {
            enter(job, SNAPSHOT_STALLED);
            return true;
        }
        if (err) {
            metric_add(s->metrics, snapshots_abandoned, 1);
            return false;
        }
        enter(job, SNAPSHOT_SENDING);
        job->give_up_us = now_us + SNAPSHOT_STALLED_US;
    }
    metric_add(s->metrics, snapshots_served, 1);
    return false;
}

static void drop(struct snapshots *s, size_t i)
{
    snapshot_image_release(&s->job[i].image);
    s->job[i] = s->job[--s->count];
}

void snapshots_judge(struct snapshots *s, bool (*lets)(void *ctx, const char *principal, const char *topic), void *ctx)
{
    for (size_t i = s->count; i-- > 0;)
        if (!lets(ctx, s->job[i].principal, s->job[i].topic->name)) {
            metric_add(s->metrics, snapshots_abandoned, 1);
            drop(s, i);
        }
}

int64_t snapshots_tick(struct snapshots *s, int64_t now_us)
{
    for (size_t i = s->count; i-- > 0;)
        if (!job_run(s, &s->job[i], now_us))
            drop(s, i);
    return s->count ? now_us + SNAPSHOT_RETRY_US : INT64_MAX;
}

void snapshots_free(struct snapshots *s)
{
    for (size_t i = 0; i < s->count; i++)
        snapshot_image_release(&s->job[i].image);
    free(s->job);
    buffer_free(&s->scratch);
    *s = (struct snapshots){0};
}
