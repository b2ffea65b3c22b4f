#include "services/ingestor/asking.h"
#include "base/bytes.h"
#include "base/err.h"
#include <stdlib.h>

/* Who asks so much more than is answered hears nothing else any more. */
enum { UNANSWERED_PER_S = 100, RETRY_MS_LEAST = 50, US_PER_MS = 1000 };

void asking_init(struct asking *a, const struct settings *settings, struct metrics *metrics)
{
    *a = (struct asking){.settings = settings, .metrics = metrics, .asker = calloc(ASKERS, sizeof(struct asker))};
    ASSERT(a->asker);
}

void asking_free(struct asking *a)
{
    free(a->asker);
    a->asker = NULL;
}

static bool idle(const struct asker *s, int64_t now_us)
{
    return rate_idle(&s->questions, now_us) && rate_idle(&s->unanswered, now_us);
}

static struct asker *asker_of(struct asking *a, uint64_t peer, int64_t now_us)
{
    uint64_t hash = hash_bytes(&peer, sizeof peer);
    struct asker *vacant = NULL;
    for (unsigned i = 0; i < ASKERS_LOOKED_AT; i++) {
        struct asker *s = &a->asker[(hash + i) % ASKERS];
        if (s->peer == peer)
            return s;
        if (!vacant && idle(s, now_us))
            vacant = s;
    }
    if (!vacant)
        return &a->asker[hash % ASKERS];
    *vacant = (struct asker){.peer = peer};
    return vacant;
}

static int64_t wait_us(const struct asking *a, const struct asker *s, int64_t now_us)
{
    int64_t own_us = rate_wait_us(&s->questions, now_us, a->settings->questions_per_s);
    int64_t all_us = rate_wait_us(&a->all, now_us, a->settings->questions_all_per_s);
    return own_us > all_us ? own_us : all_us;
}

static enum asked turn_away(struct asking *a, struct asker *s, int64_t now_us, int64_t us, int64_t *retry_ms)
{
    metric_add(a->metrics, questions_unanswered, 1);
    if (!s->cut && rate_wait_us(&s->unanswered, now_us, UNANSWERED_PER_S)) {
        metric_add(a->metrics, questioners_cut, 1);
        s->cut = true;
        return ASKED_CUT;
    }
    rate_take(&s->unanswered, now_us, UNANSWERED_PER_S, 1);
    if (s->cut || now_us < s->told_us)
        return ASKED_DROP;
    *retry_ms = us / US_PER_MS + RETRY_MS_LEAST;
    s->told_us = now_us + *retry_ms * US_PER_MS;
    return ASKED_REFUSE;
}

enum asked asking_take(struct asking *a, uint64_t peer, int64_t now_us, int64_t *retry_ms)
{
    struct asker *s = asker_of(a, peer, now_us);
    bool first = idle(s, now_us);
    int64_t us = first ? 0 : wait_us(a, s, now_us);
    if (us)
        return turn_away(a, s, now_us, us, retry_ms);
    rate_take(&s->questions, now_us, a->settings->questions_per_s, 1);
    if (!first)
        rate_take(&a->all, now_us, a->settings->questions_all_per_s, 1);
    return ASKED_ANSWER;
}
