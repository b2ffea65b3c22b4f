#include "catalog/fold.h"
#include "catalog/model.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    SUGGESTIONS = 3,
    SCANNED_MAX = 1 << 17, /* names looked at: a feeder that sends unknown units must not stop a validator (law 6) */
};

/* The nearest so far, best first; of two as near, the smaller number. */
struct nearest {
    size_t count;
    unsigned distance[SUGGESTIONS];
    uint32_t number[SUGGESTIONS];
};

static bool nearer(unsigned distance, uint32_t number, const struct nearest *n, size_t i)
{
    return distance != n->distance[i] ? distance < n->distance[i] : number < n->number[i];
}

static void take_out(struct nearest *n, size_t i)
{
    n->count--;
    for (; i < n->count; i++)
        n->distance[i] = n->distance[i + 1], n->number[i] = n->number[i + 1];
}

/* A unit has several names: only its nearest one counts. */
static void offer(struct nearest *n, unsigned distance, uint32_t number)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->number[i] == number) {
            if (n->distance[i] <= distance)
                return;
            take_out(n, i);
        }
    size_t at = 0;
    while (at < n->count && !nearer(distance, number, n, at))
        at++;
    if (at == SUGGESTIONS)
        return;
    n->count += n->count < SUGGESTIONS;
    for (size_t i = n->count - 1; i > at; i--)
        n->distance[i] = n->distance[i - 1], n->number[i] = n->number[i - 1];
    n->distance[at] = distance;
    n->number[at] = number;
}

static unsigned farthest(const struct nearest *n, unsigned limit)
{
    return n->count == SUGGESTIONS && n->distance[SUGGESTIONS - 1] < limit ? n->distance[SUGGESTIONS - 1] : limit;
}

struct writer {
    char *out;
    size_t bytes, used;
};

/* Whole pieces only: a name cut in the middle of a letter would not be UTF-8. */
__attribute__((format(printf, 2, 3))) static void write_piece(struct writer *w, const char *format, ...)
{
    char piece[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    size_t separator = w->used ? 2 : 0;
    if (n < 0 || (size_t)n >= sizeof piece || w->used + separator + (size_t)n >= w->bytes)
        return;
    memcpy(w->out + w->used, ", ", separator);
    memcpy(w->out + w->used + separator, piece, (size_t)n + 1);
    w->used += separator + (size_t)n;
}

static struct writer writer_of(char *out, size_t bytes)
{
    ASSERT(bytes);
    out[0] = '\0';
    return (struct writer){out, bytes, 0};
}

/* ---- units ---- */

static void offer_slot(struct nearest *n, const struct lookup_slot *slot, unsigned distance)
{
    offer(n, distance, slot->unit);
    for (const struct lookup_fit *f = slot->more; f; f = f->next)
        offer(n, distance, f->unit);
}

/* Beyond a third of the text, what is near by number is not what was meant. */
static void scan_names(const struct registry_lookup *l, const char *text, size_t bytes, struct nearest *n)
{
    unsigned limit = 1 + (unsigned)bytes / 3;
    uint64_t signature = fold_signature(text, bytes);
    for (size_t i = 0; i < l->slot_count && i < SCANNED_MAX; i++) {
        const struct lookup_slot *slot = &l->slot[i];
        if (!slot->key || slot->level != LOOKUP_MARKS)
            continue;
        unsigned most = farthest(n, limit);
        size_t difference = slot->bytes > bytes ? slot->bytes - bytes : bytes - slot->bytes;
        if (difference > most || __builtin_popcountll(slot->signature ^ signature) > 2 * (int)most)
            continue;
        unsigned distance = fold_distance(text, bytes, slot->key, slot->bytes);
        if (distance <= limit)
            offer_slot(n, slot, distance);
    }
}

void registry_suggest(const struct registry *r, const char *text, char *out, size_t bytes)
{
    struct writer w = writer_of(out, bytes);
    struct nearest n = {0};
    char folded[FOLD_BYTES_MAX];
    const struct lookup_slot *fits = lookup_find(r->lookup, text);
    size_t folded_bytes = fold_text(text, FOLD_MARKS, folded);
    if (fits)
        offer_slot(&n, fits, 0);
    else if (folded_bytes)
        scan_names(r->lookup, folded, folded_bytes, &n);
    for (size_t i = 0; i < n.count; i++) {
        const struct unit *u = registry_unit(r, n.number[i]);
        write_piece(&w, "%s (%s)", u->name, u->code);
    }
}

/* ---- codes ---- */

static void offer_code(struct nearest *n, const char *wanted, const char *code, uint32_t number)
{
    char a[FOLD_BYTES_MAX], b[FOLD_BYTES_MAX];
    size_t a_bytes = fold_text(wanted, FOLD_MARKS, a), b_bytes = fold_text(code, FOLD_MARKS, b);
    offer(n, fold_distance(a, a_bytes, b, b_bytes), number);
}

struct index_search {
    const char *text;
    struct nearest nearest;
    struct writer writer;
    uint32_t number, wanted;
};

static void offer_index(void *ctx, const struct definition *d)
{
    struct index_search *s = ctx;
    offer_code(&s->nearest, s->text, d->index, s->number++);
}

static void write_index(void *ctx, const struct definition *d)
{
    struct index_search *s = ctx;
    if (s->number++ == s->wanted)
        write_piece(&s->writer, "%s", d->index);
}

void catalog_suggest_index(const struct catalog *c, const char *text, uint64_t as_of, char *out, size_t bytes)
{
    struct index_search s = {.text = text, .writer = writer_of(out, bytes)};
    catalog_each_index(c, as_of, offer_index, &s);
    for (size_t i = 0; i < s.nearest.count; i++) {
        s.number = 0;
        s.wanted = s.nearest.number[i];
        catalog_each_index(c, as_of, write_index, &s);
    }
}

void catalog_suggest_period(const struct catalog *c, const char *index, const char *text, uint64_t as_of, char *out,
                            size_t bytes)
{
    struct writer w = writer_of(out, bytes);
    struct nearest n = {0};
    for (uint32_t number = 1; number <= c->series_count; number++) {
        const struct series *s = catalog_series(c, number);
        if (s->opened <= as_of && !strcmp(s->definition->index, index))
            offer_code(&n, text, s->period, number);
    }
    for (size_t i = 0; i < n.count; i++)
        write_piece(&w, "%s", catalog_series(c, n.number[i])->period);
}
