#include "services/publisher/followers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_US = 1000000, FIRST_CAPACITY = 64 };

struct follower {
    struct link_place place; /* since 0: nobody */
    char principal[80];
    uint64_t fingerprint;
};

static uint64_t fingerprint(const struct access *a, const char *principal, int64_t wall_ms)
{
    const struct who who = who_of(a, principal, wall_ms);
    return who_fingerprint(a, &who, PARBUS__VERB__VERB_FEED, wall_ms) ^ who.identity;
}

static struct follower *at(struct followers *f, int fd)
{
    size_t wanted = (size_t)fd + 1;
    if (wanted > f->capacity) {
        size_t capacity = 2 * wanted < FIRST_CAPACITY ? FIRST_CAPACITY : 2 * wanted;
        f->of = reallocarray(f->of, capacity, sizeof *f->of);
        ASSERT(f->of);
        memset(f->of + f->capacity, 0, (capacity - f->capacity) * sizeof *f->of);
        f->capacity = capacity;
    }
    return &f->of[fd];
}

void followers_note(struct followers *f, struct link_message *m, const struct access *a, int64_t wall_ms)
{
    const struct link_place place = link_place(m);
    struct follower *one = place.fd >= 0 ? at(f, place.fd) : NULL;
    if (!one || one->place.since == place.since)
        return;
    one->place = place;
    snprintf(one->principal, sizeof one->principal, "%s", m->peer.principal);
    one->fingerprint = fingerprint(a, one->principal, wall_ms);
    if (f->look_us == INT64_MAX) /* nobody was there to look at */
        f->look_us = 0;
}

unsigned followers_look(struct followers *f, const struct access *a, struct moment now, int64_t *due_us)
{
    unsigned cut = 0;
    *due_us = f->look_us;
    if (access_changed(a) == f->changed && now.mono_us < f->look_us)
        return 0;
    f->changed = access_changed(a);
    f->look_us = *due_us = INT64_MAX;
    for (size_t fd = 0; fd < f->capacity; fd++) {
        struct follower *one = &f->of[fd];
        if (!one->place.since)
            continue;
        bool open = link_place_open(one->place);
        if (!open || fingerprint(a, one->principal, now.wall_ms) != one->fingerprint) {
            cut += open && link_place_cut(one->place);
            one->place.since = 0;
            continue;
        }
        f->look_us = *due_us = now.mono_us + LOOK_US;
    }
    return cut;
}

void followers_free(struct followers *f)
{
    free(f->of);
    *f = (struct followers){0};
}
