#include "services/scorer/internal.h"

static void add_score(struct scorer *s, const struct cached_unit *u)
{
    Parbus__UnitScore score = PARBUS__UNIT_SCORE__INIT;
    score.has_series = score.has_unit = score.has_complete = score.has_present = score.has_appraised_share = 1;
    score.has_cause_feeder = score.has_cause_epoch = score.has_cause_seq = 1;
    score.series = u->series;
    score.unit = u->unit;
    score.complete = u->score.complete;
    score.present = u->score.present;
    score.appraised_share = u->score.appraised_share;
    score.n_points = u->definition->node_count;
    score.points = u->points;
    score.cause_feeder = u->score.cause_feeder;
    score.cause_epoch = u->score.cause_epoch;
    score.cause_seq = u->score.cause_seq;
    buffer_append(&s->messages, &score, sizeof score);
}

/* A unit is told even when its score is what it was: an owner before us may have told the publisher of another one that
 * lies within these entries, and never committed it. */
static void score_touched(struct scorer *s, struct partition *p)
{
    size_t count = buffer_count(&p->touched, struct cached_unit *);
    buffer_clear(&s->messages);
    for (size_t i = 0; i < count; i++) {
        struct cached_unit *u = *(struct cached_unit **)buffer_at(&p->touched, i, sizeof u);
        buffer_clear(&s->scratch_points);
        unit_score(u, buffer_grow(&s->scratch_points, u->definition->node_count * sizeof(int64_t)));
        add_score(s, u);
        u->touched = false;
    }
    buffer_clear(&p->touched);
    p->touched_bytes = 0;
}

static void send_scores(struct scorer *s, struct partition *p)
{
    Parbus__Scores scores = PARBUS__SCORES__INIT;
    scores.has_partition = scores.has_prev_pseq = scores.has_pseq = scores.has_control_seq = 1;
    scores.partition = p->number;
    scores.prev_pseq = p->told;
    scores.pseq = p->applied;
    scores.control_seq = p->controls;
    scores.n_unit = buffer_count(&s->messages, Parbus__UnitScore);
    buffer_clear(&s->pointers);
    for (size_t i = 0; i < scores.n_unit; i++) {
        Parbus__UnitScore *unit = buffer_at(&s->messages, i, sizeof *unit);
        buffer_append(&s->pointers, &unit, sizeof unit);
    }
    scores.unit = (Parbus__UnitScore **)(void *)s->pointers.data;
    if (s->io.send(s->io.ctx, SCORER_PUBLISHER, WORKER_PEER, PARBUS__TO_PUBLISHER__BODY_SCORES, &scores.base))
        metric_add(&s->metrics, scores_dropped, 1);
    else
        metric_add(&s->metrics, scores_sent, scores.n_unit);
}

/* Positions are told even when no unit changed, and count as told even when the message was dropped: so a publisher is
 * behind `prev_pseq` exactly when it missed something (I15d), and never behind `Committed` only because a stretch of
 * the journal had no effect (I16). */
void partition_flush(struct scorer *s, struct partition *p)
{
    if (p->applied == p->told)
        return;
    score_touched(s, p);
    send_scores(s, p);
    p->told = p->applied;
    partition_assert(p);
}

void scorer_flush(struct scorer *s)
{
    for (size_t i = 0; i < s->owned_count; i++)
        partition_flush(s, s->partition[s->owned[i]]);
}
