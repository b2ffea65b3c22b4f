#include "catalog/follow.h"

void follow_init(struct follow *f, struct catalog *catalog)
{
    *f = (struct follow){.catalog = catalog, .last = catalog_control_seq(catalog), .ask_us = INT64_MIN};
}

void follow_free(struct follow *f) { buffer_free(&f->piece); }

bool follow_complete(const struct follow *f) { return catalog_control_seq(f->catalog) >= f->last; }

bool follow_knows(struct follow *f, uint64_t control_seq)
{
    if (control_seq > f->last)
        f->last = control_seq;
    return catalog_control_seq(f->catalog) >= control_seq;
}

static enum err apply(struct follow *f, const void *packed, size_t bytes, struct err_text *e)
{
    enum err err = catalog_apply_packed(f->catalog, catalog_control_seq(f->catalog) + 1, packed, bytes, e);
    buffer_clear(&f->piece);
    return err;
}

/* Of the control that is next. */
static enum err take_piece(struct follow *f, const Parbus__Controls *c, struct err_text *e)
{
    if (c->piece_offset != f->piece.size)
        return OK;
    if (c->piece_of > FOLLOW_CONTROL_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, "control %llu has %llu bytes, at most %d",
                       (unsigned long long)catalog_control_seq(f->catalog) + 1, (unsigned long long)c->piece_of,
                       FOLLOW_CONTROL_BYTES_MAX);
    buffer_append(&f->piece, c->piece.data, c->piece.len);
    return f->piece.size < c->piece_of ? OK : apply(f, f->piece.data, f->piece.size, e);
}

static enum err take(struct follow *f, const Parbus__Controls *c, struct err_text *e)
{
    enum err err = OK;
    for (size_t i = 0; i < c->n_packed && !err; i++)
        if (c->first + i == catalog_control_seq(f->catalog) + 1)
            err = apply(f, c->packed[i].data, c->packed[i].len, e);
    if (!err && c->piece.len && c->first + c->n_packed == catalog_control_seq(f->catalog) + 1)
        err = take_piece(f, c, e);
    return err;
}

enum err follow_take(struct follow *f, const Parbus__Controls *controls, int64_t now_us, struct err_text *e)
{
    uint64_t before = catalog_control_seq(f->catalog);
    size_t piece_before = f->piece.size;
    if (controls->last > f->last)
        f->last = controls->last;
    enum err err = take(f, controls, e);
    if (catalog_control_seq(f->catalog) != before || f->piece.size != piece_before)
        f->ask_us = now_us; /* an answer: what comes after it is asked for at once */
    return err;
}

bool follow_ask(struct follow *f, Parbus__ControlsWanted *ask, int64_t now_us)
{
    if (follow_complete(f) || now_us < f->ask_us)
        return false;
    f->ask_us = now_us + FOLLOW_ASK_AGAIN_US;
    parbus__controls_wanted__init(ask);
    ask->has_first = ask->has_piece_offset = 1;
    ask->first = catalog_control_seq(f->catalog) + 1;
    ask->piece_offset = f->piece.size;
    return true;
}

int64_t follow_deadline_us(const struct follow *f) { return follow_complete(f) ? INT64_MAX : f->ask_us; }
