#include "services/validator/rejects.h"
#include "base/err.h"
#include "wire/wire.h"
#include <stdio.h>
#include <string.h>

enum {
    ENVELOPE_BYTES = 256,         /* the other fields of Verdicts, and the lengths of its columns */
    REJECT_BYTES = 5 + 5 + 2 + 4, /* entry, row, reason, and an empty sentence's tag and length */
};

void rejects_assert(const struct rejects *r)
{
    size_t bytes = r->count * sizeof(uint32_t);
    ASSERT(r->entry.size == bytes && r->row.size == bytes && r->reason.size == bytes);
    ASSERT(r->detail_at.size == r->count * sizeof(size_t) && r->details.size >= r->count);
    ASSERT(r->entry_first <= r->count && r->entry_details_bytes <= r->details.size);
}

void rejects_free(struct rejects *r)
{
    buffer_free(&r->entry);
    buffer_free(&r->row);
    buffer_free(&r->reason);
    buffer_free(&r->detail_at);
    buffer_free(&r->details);
    buffer_free(&r->detail);
}

static void drop_to(struct rejects *r, size_t count, size_t details_bytes)
{
    r->count = count;
    r->entry.size = r->row.size = r->reason.size = count * sizeof(uint32_t);
    r->detail_at.size = count * sizeof(size_t);
    r->details.size = details_bytes;
}

void rejects_begin(struct rejects *r, size_t record_bytes, uint32_t entries)
{
    drop_to(r, 0, 0);
    r->entry_first = r->entry_details_bytes = 0;
    /* Room for rejecting every entry as a whole is set aside, and never given to single rows. */
    size_t fixed = ENVELOPE_BYTES + record_bytes + (size_t)entries * REJECT_BYTES;
    size_t room = fixed < WIRE_MESSAGE_BYTES_MAX ? WIRE_MESSAGE_BYTES_MAX - fixed : 0;
    r->details_room = room / 2;
    r->room = room - r->details_room;
}

void rejects_entry(struct rejects *r, uint32_t entry)
{
    rejects_assert(r);
    r->entry_now = entry;
    r->entry_first = r->count;
    r->entry_room = r->room;
    r->entry_details_room = r->details_room;
    r->entry_details_bytes = r->details.size;
}

static void append(struct rejects *r, uint32_t row, Parbus__Reason reason, const char *detail)
{
    uint32_t number = (uint32_t)reason;
    size_t bytes = strlen(detail), at = r->details.size;
    if (bytes + 1 > r->details_room)
        detail = "", bytes = 0; /* its end is counted with REJECT_BYTES */
    else
        r->details_room -= bytes + 1;
    buffer_append(&r->entry, &r->entry_now, sizeof r->entry_now);
    buffer_append(&r->row, &row, sizeof row);
    buffer_append(&r->reason, &number, sizeof number);
    buffer_append(&r->detail_at, &at, sizeof at);
    buffer_append(&r->details, detail, bytes + 1);
    r->count++;
}

static void reject_whole(struct rejects *r, uint32_t row, Parbus__Reason reason, const char *detail)
{
    char text[512];
    snprintf(text, sizeof text, "too many faulty rows to name (more than %zu), the last seen is row %u: %.300s",
             rejects_of_entry(r), row, detail);
    r->room = r->entry_room;
    r->details_room = r->entry_details_room;
    drop_to(r, r->entry_first, r->entry_details_bytes);
    append(r, WIRE_ROW_WHOLE, reason, wire_utf8_ok(text, strlen(text)) ? text : "too many faulty rows to name");
}

bool rejects_add(struct rejects *r, uint32_t row, Parbus__Reason reason, const char *detail)
{
    /* A sentence that is not text would make the whole message unreadable. */
    if (!wire_utf8_ok(detail, strlen(detail)))
        detail = "";
    if (row == WIRE_ROW_WHOLE) {
        append(r, row, reason, detail);
        return true;
    }
    if (r->room < REJECT_BYTES || rejects_of_entry(r) >= REJECTED_ROWS_MAX) {
        reject_whole(r, row, reason, detail);
        return false;
    }
    r->room -= REJECT_BYTES;
    append(r, row, reason, detail);
    return true;
}

void rejects_put(struct rejects *r, Parbus__Verdicts *verdicts)
{
    rejects_assert(r);
    buffer_clear(&r->detail);
    const size_t *at = (const size_t *)(const void *)r->detail_at.data;
    for (size_t i = 0; i < r->count; i++) {
        char *text = (char *)r->details.data + at[i];
        buffer_append(&r->detail, &text, sizeof text);
    }
    verdicts->n_reject_entry = verdicts->n_reject_row = verdicts->n_reject_reason = verdicts->n_reject_detail =
        r->count;
    verdicts->reject_entry = (uint32_t *)(void *)r->entry.data;
    verdicts->reject_row = (uint32_t *)(void *)r->row.data;
    verdicts->reject_reason = (uint32_t *)(void *)r->reason.data;
    verdicts->reject_detail = (char **)(void *)r->detail.data;
}
