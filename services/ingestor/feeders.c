#include "services/ingestor/feeders.h"
#include "base/bytes.h"
#include "base/err.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void feeders_assert(const struct feeder *f)
{
    ASSERT(f->receipted <= f->mark.last_seq);
    ASSERT(f->mark.refused <= f->mark.last_seq && f->receipted_refused <= f->receipted);
    ASSERT(f->receipted_refused <= f->mark.refused);
    ASSERT(f->receipted < f->mark.last_seq || f->unreceipted_bytes == 0);
}

void feeders_enter(struct feeders *all, struct feeder *f)
{
    ASSERT(all->entering >= f->entering && all->journalled + all->entering < all->count);
    all->journalled += !f->journalled;
    all->entering -= f->entering;
    f->journalled = true;
    f->entering = f->removed = false;
}

void feeders_leave(struct feeders *all, struct feeder *f)
{
    ASSERT(f->journalled && all->journalled);
    all->journalled--;
    f->journalled = false;
    f->removed = true;
}

static uint64_t name_key(const char *name) { return hash_bytes(name, strlen(name)); }

void feeders_init(struct feeders *f) { *f = (struct feeders){.count = 1}; }

void feeders_free(struct feeders *f)
{
    free(f->feeder);
    map_free(&f->by_name);
    map_free(&f->by_peer);
}

static struct feeder *slot(struct feeders *f, uint32_t number)
{
    if (number >= f->capacity) {
        uint32_t capacity = f->capacity ? f->capacity : 16;
        while (capacity <= number)
            capacity *= 2;
        f->feeder = realloc(f->feeder, capacity * sizeof *f->feeder);
        ASSERT(f->feeder);
        memset(f->feeder + f->capacity, 0, (capacity - f->capacity) * sizeof *f->feeder);
        f->capacity = capacity;
    }
    if (number >= f->count)
        f->count = number + 1;
    return &f->feeder[number];
}

void feeders_restore(struct feeders *f, uint32_t number, const struct journal_feeder *mark)
{
    *slot(f, number) = (struct feeder){.mark = *mark,
                                       .receipted = mark->last_seq,
                                       .receipted_refused = mark->refused,
                                       .receipted_digest = mark->digest,
                                       .free = mark->free,
                                       .journalled = !mark->removed,
                                       .removed = mark->removed};
    f->journalled += !mark->removed;
    map_put(&f->by_name, name_key(mark->name), number);
}

struct feeder *feeders_at(const struct feeders *f, uint32_t number)
{
    return number && number < f->count && f->feeder[number].mark.name[0] ? &f->feeder[number] : NULL;
}

struct feeder *feeders_of_peer(const struct feeders *f, uint64_t peer, uint32_t *number)
{
    return map_get(&f->by_peer, peer, number) ? &f->feeder[*number] : NULL;
}

uint32_t feeders_named(const struct feeders *f, const char *name)
{
    uint32_t number;
    if (!map_get(&f->by_name, name_key(name), &number))
        return 0;
    return strcmp(f->feeder[number].mark.name, name) == 0 ? number : UINT32_MAX;
}

void feeders_forget_peer(struct feeders *f, uint64_t peer)
{
    uint32_t number;
    if (!map_get(&f->by_peer, peer, &number))
        return;
    if (f->feeder[number].peer == peer)
        f->feeder[number].peer = 0;
    map_remove(&f->by_peer, peer);
}

void feeders_connect(struct feeders *f, uint32_t number, struct peer peer)
{
    struct feeder *feeder = &f->feeder[number];
    if (feeder->peer != peer.id)
        feeders_forget_peer(f, feeder->peer);
    feeders_forget_peer(f, peer.id);
    feeder->peer = peer.id;
    snprintf(feeder->principal, sizeof feeder->principal, "%s", peer.principal);
    map_put(&f->by_peer, peer.id, number);
}

/* ---- newcomers ---- */

/* Makes place among the newcomers: the oldest one that has still submitted nothing is forgotten, and its number goes to
 * the next. 0: there is place. */
static uint32_t evict_newcomer(struct feeders *f)
{
    if (f->newcomer_count < NEWCOMERS_MAX)
        return 0;
    uint32_t number = f->newcomer[f->newcomer_first];
    f->newcomer_first = (f->newcomer_first + 1) % NEWCOMERS_MAX;
    f->newcomer_count--;
    struct feeder *oldest = &f->feeder[number];
    if (feeder_kept(oldest))
        return 0;
    feeders_forget_peer(f, oldest->peer);
    map_remove(&f->by_name, name_key(oldest->mark.name));
    return number;
}

/* The newcomer that this connection has been so far: it has no other, so names that one connection makes up push nobody
 * else out. 0: none. */
static uint32_t leave_newcomer(struct feeders *f, uint64_t peer)
{
    uint32_t number;
    if (!map_get(&f->by_peer, peer, &number) || feeder_kept(&f->feeder[number]))
        return 0;
    map_remove(&f->by_name, name_key(f->feeder[number].mark.name));
    return number;
}

static uint32_t newcomer_place(struct feeders *f, uint64_t peer)
{
    uint32_t number = leave_newcomer(f, peer);
    if (number)
        return number;
    uint32_t evicted = evict_newcomer(f);
    number = evicted ? evicted : f->count;
    f->newcomer[(f->newcomer_first + f->newcomer_count++) % NEWCOMERS_MAX] = number;
    return number;
}

uint32_t feeders_add_newcomer(struct feeders *f, uint64_t peer, const char *name, uint64_t epoch)
{
    uint32_t number = newcomer_place(f, peer);
    struct feeder *added = slot(f, number);
    *added = (struct feeder){.mark.epoch = epoch, .untold = added->untold};
    snprintf(added->mark.name, sizeof added->mark.name, "%s", name);
    map_put(&f->by_name, name_key(name), number);
    return number;
}
