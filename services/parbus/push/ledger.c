#include "services/parbus/push/push.h"
#include "wire/wire.h"
#include <stdlib.h>

struct entry {
    uint64_t seq;
    size_t run;
    uint32_t runs, rows;
    int file;
};
struct run { /* consecutive rows on consecutive lines */
    uint32_t line, rows;
};

static struct entry *entries(const struct push_ledger *l) { return (struct entry *)(void *)l->entry.data; }
static size_t entry_count(const struct push_ledger *l) { return l->entry.size / sizeof(struct entry); }
static const struct run *runs(const struct push_ledger *l) { return (const struct run *)(void *)l->run.data; }

void push_ledger_free(struct push_ledger *l)
{
    buffer_free(&l->entry);
    buffer_free(&l->run);
}

void push_ledger_clear(struct push_ledger *l)
{
    buffer_clear(&l->entry);
    buffer_clear(&l->run);
}

void push_ledger_add(struct push_ledger *l, uint64_t seq, int file, const uint32_t *line, size_t rows)
{
    struct entry entry = {.seq = seq, .run = l->run.size / sizeof(struct run), .rows = (uint32_t)rows, .file = file};
    for (size_t i = 0; i < rows; entry.runs++) {
        struct run run = {.line = line[i], .rows = 1};
        while (++i < rows && line[i] == run.line + run.rows)
            run.rows++;
        buffer_append(&l->run, &run, sizeof run);
    }
    buffer_append(&l->entry, &entry, sizeof entry);
}

/* Seqs ascend, but refused batches may leave holes. */
static const struct entry *find(const struct push_ledger *l, uint64_t seq)
{
    size_t low = 0, high = entry_count(l);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries(l)[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < entry_count(l) && entries(l)[low].seq == seq ? &entries(l)[low] : NULL;
}

bool push_ledger_find(const struct push_ledger *l, uint64_t seq, uint32_t row, struct push_origin *origin)
{
    const struct entry *entry = find(l, seq);
    if (!entry)
        return false;
    const struct run *run = runs(l) + entry->run, *end = run + entry->runs;
    *origin = (struct push_origin){.file = entry->file, .line = run->line, .rows = entry->rows};
    if (row == WIRE_ROW_WHOLE)
        return true;
    for (; run < end && row >= run->rows; run++)
        row -= run->rows;
    if (run < end)
        origin->line = (long)run->line + row;
    return run < end;
}

static int by_line(const void *left, const void *right)
{
    const struct push_lines *a = left, *b = right;
    return a->file != b->file ? (a->file > b->file) - (a->file < b->file)
                              : (a->first > b->first) - (a->first < b->first);
}

void push_ledger_lines(const struct push_ledger *l, uint64_t seq, struct buffer *lines)
{
    for (size_t i = 0; i < entry_count(l); i++) {
        const struct entry *entry = &entries(l)[i];
        for (uint32_t r = 0; entry->seq > seq && r < entry->runs; r++) {
            const struct run *run = runs(l) + entry->run + r;
            struct push_lines one = {entry->file, run->line, (long)run->line + run->rows - 1};
            buffer_append(lines, &one, sizeof one);
        }
    }
    if (lines->size)
        qsort(lines->data, lines->size / sizeof(struct push_lines), sizeof(struct push_lines), by_line);
}

void push_ledger_renumber(struct push_ledger *l, uint64_t first)
{
    size_t kept = 0;
    for (size_t i = 0; i < entry_count(l); i++) {
        struct entry entry = entries(l)[i];
        if (entry.seq < first)
            continue;
        entry.seq -= first - 1;
        entries(l)[kept++] = entry;
    }
    l->entry.size = kept * sizeof(struct entry);
}

bool push_ledger_span(const struct push_ledger *l, uint64_t *first_seq, uint64_t *last_seq)
{
    if (!entry_count(l))
        return false;
    *first_seq = entries(l)[0].seq;
    *last_seq = entries(l)[entry_count(l) - 1].seq;
    return true;
}
