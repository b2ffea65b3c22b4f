#include "base/bytes.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include <inttypes.h>
#include <parbus/feed.h>
#include <stdlib.h>
#include <string.h>

/* What a subscriber sees of a unit; causes may differ (rule F10). */
struct seen {
    uint32_t unit, rank, share;
    uint32_t present, complete;
    int64_t score, component[SIM_TOPS];
};
_Static_assert(sizeof(struct seen) % 8 == 0, "no padding, it is hashed");

static uint64_t digest_of(const struct seen *seen, uint32_t count) { return hash_bytes(seen, count * sizeof *seen); }

static uint32_t units_of(uint32_t series) { return sim_index_table[sim_series_table[series].index].units; }

static void rank_all(struct seen *seen, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        seen[i].rank = seen[i].complete;
        for (uint32_t k = 0; k < count && seen[i].complete; k++)
            seen[i].rank += seen[k].complete && seen[k].score > seen[i].score;
    }
}

/* ---- the publisher ---- */

static bool shows(const struct sim_index *index, const struct standing *have, const struct model_row *want)
{
    if (!want || !want->present)
        return !have->present && !have->complete;
    if (!have->present || have->complete != want->complete || have->score != want->points[0] ||
        have->appraised_share != want->share)
        return false;
    for (int i = 0; i < SIM_TOPS; i++)
        if (have->component[i] != want->points[index->top[i]])
            return false;
    return true;
}

static bool is_ghost(const struct sim *s, uint32_t series, const struct standing *have)
{
    const struct sim_index *index = &sim_index_table[sim_series_table[series].index];
    for (size_t i = 0; i < s->check.ghost_count; i++) {
        const struct ghost *g = &s->check.ghost[i];
        if (g->series == series && g->unit == have->unit && shows(index, have, &g->row))
            return true;
    }
    return false;
}

/* A row shows what the unit had at some position of the journal, and never one before what it has shown already. */
static void check_shown(struct sim *s, uint32_t series, const struct standing *have)
{
    const struct sim_index *index = &sim_index_table[sim_series_table[series].index];
    const struct model_unit *u = &s->model.unit[series][have->unit];
    int *at = &s->check.shown[series][have->unit];
    if (s->operator.ahead)
        return;
    if (is_ghost(s, series, have)) /* perhaps it is right again by now, perhaps it has still to give way */
        return;
    for (int i = *at; i < (int)u->count; i++)
        if (shows(index, have, i < 0 ? NULL : &u->history[i])) {
            *at = i;
            return;
        }
    sim_fail(s,
             "law 5: the publisher shows %" PRId64
             " micro-points for unit %u of %s, which is not its standing then or later",
             have->score, have->unit, sim_topic(series));
}

static void add_position(struct check *c, struct feed_position position)
{
    if (c->position_count == c->position_capacity) {
        c->position_capacity = c->position_capacity ? 2 * c->position_capacity : 64;
        c->position = realloc(c->position, c->position_capacity * sizeof *c->position);
        ASSERT(c->position);
    }
    c->position[c->position_count++] = position;
}

static const struct feed_position *find_position(const struct check *c, uint32_t series, uint64_t epoch, uint64_t seq)
{
    for (size_t i = c->position_count; i-- > 0;)
        if (c->position[i].series == series && c->position[i].epoch == epoch && c->position[i].seq == seq)
            return &c->position[i];
    return NULL;
}

void check_publisher_started(struct sim *s) { memset(s->check.shown, 0xff, sizeof s->check.shown); }

static void check_topic(struct sim *s, const struct standings *t, uint32_t series, uint64_t epoch, uint64_t seq)
{
    struct seen seen[SIM_UNITS] = {0};
    uint32_t count = (uint32_t)t->count;
    if (count != units_of(series)) {
        sim_fail(s, "law 2: %s has %u units", sim_topic(series), count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct standing *row = &t->row[i];
        check_shown(s, series, row);
        seen[i] = (struct seen){row->unit,
                                0,
                                row->appraised_share,
                                row->present,
                                row->complete,
                                row->score,
                                {row->component[0], row->component[1]}};
    }
    rank_all(seen, count);
    for (uint32_t i = 0; i < count; i++)
        if (standings_rank(t, i) != seen[i].rank)
            sim_fail(s, "law 5: the publisher ranks unit %u of %s %u, not %u", seen[i].unit, sim_topic(series),
                     standings_rank(t, i), seen[i].rank);
    add_position(&s->check, (struct feed_position){epoch, seq, digest_of(seen, count), series});
}

void check_published(struct sim *s, const struct publisher *p, uint64_t epoch)
{
    for (uint32_t series = 1; series <= publisher_topics(p); series++) {
        uint64_t seq;
        const struct standings *t = publisher_table(p, series, &seq);
        if (!find_position(&s->check, series, epoch, seq))
            check_topic(s, t, series, epoch, seq);
    }
}

/* ---- subscribers ---- */

void check_subscriber(struct sim *s, const struct actor *n, const struct parbus_topic *t, uint32_t series)
{
    uint64_t epoch, seq;
    struct seen seen[SIM_UNITS] = {0};
    parbus_topic_position(t, &epoch, &seq);
    const struct feed_position *position = find_position(&s->check, series, epoch, seq);
    for (uint32_t i = 0; i < units_of(series); i++) {
        struct parbus_row row;
        if (!parbus_topic_row(t, i + 1, &row)) {
            sim_fail(s, "law 5: %s has no row of unit %u of %s", n->name, i + 1, sim_topic(series));
            return;
        }
        seen[i] = (struct seen){row.unit,
                                row.rank,
                                row.appraised_share,
                                row.present,
                                row.complete,
                                row.score,
                                {row.component[0], row.component[1]}};
    }
    if (!position || position->digest != digest_of(seen, units_of(series)))
        sim_fail(s, "law 5: %s holds another table of %s at seq %" PRIu64 " than the publisher had there", n->name,
                 sim_topic(series), seq);
}

/* ---- at the end ---- */

bool check_shows_last(const struct sim *s, uint32_t series, const struct standing *have)
{
    const struct sim_index *index = &sim_index_table[sim_series_table[series].index];
    return shows(index, have, model_row_at(&s->model, series, have->unit, UINT64_MAX));
}

static void check_series_complete(struct sim *s, const struct standings *t, uint32_t series)
{
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t unit = t->row[i].unit;
        if (!check_shows_last(s, series, &t->row[i]))
            sim_fail(s, "law 5: the publisher's row of unit %u of %s is not the last one", unit, sim_topic(series));
        if (standings_rank(t, i) != model_rank(&s->model, series, unit))
            sim_fail(s, "law 5: unit %u of %s is ranked %u, not %u", unit, sim_topic(series), standings_rank(t, i),
                     model_rank(&s->model, series, unit));
    }
}

void check_feed_complete(struct sim *s)
{
    const struct publisher *p = publisher_of(s, NULL);
    for (uint32_t series = 1; series <= publisher_topics(p); series++) {
        uint64_t seq;
        check_series_complete(s, publisher_table(p, series, &seq), series);
    }
}
