#include "client/outbox.h"
#include "base/plural.h"
#include "base/random.h"
#include "client/feeder_pack.h"
#include "client/outbox_end.h"
#include "client/outbox_file.h"
#include "store/guard.h"
#include "wire/digest.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PENDING_BYTES_MAX = 16 << 20, DELETE_LATER_MAX = 1024, COPY_BYTES = 1 << 20 };
/* When what is left goes to the other file: all is settled, or most, and it is worth it. */
enum { EMPTY_BYTES = 64 << 10, MOVE_BYTES = 8 << 20, LIVE_SHARE = 4 };

/* A place in the file: the next row at or after `at` has at least this seq. */
struct cursor {
    uint64_t at, seq;
};

struct outbox {
    char directory[4096];
    int lock_fd, end_fd;
    struct outbox_file file[2], *now;
    struct outbox_head head;
    uint64_t generation;     /* the greatest that was used */
    uint64_t noted, settled; /* has its receipt: as the file says; as we know */
    uint64_t settled_digest;
    uint64_t stored, next;        /* up to here: on disk; next: seq of the next one */
    uint64_t digest;              /* of all up to `stored` */
    struct buffer pending;        /* records of stored + 1 .. next - 1, to be sealed */
    struct buffer copy;           /* what is handed out, or goes to the other file */
    struct buffer envelope;       /* one that gets another number */
    struct cursor cursor, oldest; /* oldest: of what is not settled */
    struct outbox_known known;    /* from an earlier process */
    bool headless;                /* the head is `known`'s, and has to be written again */
};

/* ---- reading: forward only ---- */

static const struct cursor file_start = {OUTBOX_HEADS_BYTES, 0};

static bool is_row(const struct outbox_record *r) { return r->kind == OUTBOX_ROW || r->kind == OUTBOX_LOST; }

/* The first row of at least this seq; what stands between is passed over. false: there is none. */
static bool find_row(struct outbox *o, struct cursor *c, uint64_t seq, struct outbox_record *r)
{
    if (seq < c->seq)
        *c = file_start;
    while (outbox_file_next(o->now, &c->at, r)) {
        if (is_row(r))
            c->seq = r->seq;
        if (is_row(r) && r->seq >= seq)
            return true;
        c->at += outbox_record_bytes(r);
    }
    return false;
}

static enum err damaged(const struct outbox *o, uint64_t seq, const struct cursor *c, struct err_text *e)
{
    return err_set(e, ERR_CORRUPT, "submission %" PRIu64 " of %s is damaged (near byte %" PRIu64 ")", seq, o->now->path,
                   c->at);
}

/* NULL: it is damaged. */
static const uint8_t *row_of(struct outbox *o, struct cursor *c, uint64_t seq, struct outbox_record *r)
{
    if (!find_row(o, c, seq, r) || r->seq != seq || r->kind != OUTBOX_ROW)
        return NULL;
    const uint8_t *body = outbox_file_body(o->now, c->at, r);
    return body && feeder_pack_seq(body, r->bytes) == seq ? body : NULL;
}

enum err outbox_get(struct outbox *o, uint64_t seq, const void **envelope, size_t *bytes, struct err_text *e)
{
    struct outbox_record r;
    if (seq <= o->settled || seq > o->stored)
        return err_set(e, ERR_NOT_FOUND, "submission %" PRIu64 " is not in the outbox", seq);
    const uint8_t *body = row_of(o, &o->cursor, seq, &r);
    if (!body)
        return damaged(o, seq, &o->cursor, e);
    buffer_clear(&o->copy);
    buffer_append(&o->copy, body, r.bytes);
    *envelope = o->copy.data;
    *bytes = r.bytes;
    return OK;
}

enum err outbox_digest(struct outbox *o, uint64_t seq, uint64_t *digest)
{
    struct outbox_record r;
    struct cursor c = o->cursor;
    if (seq == o->stored) {
        *digest = o->digest;
        return OK;
    }
    if (!find_row(o, &c, seq, &r) || r.seq != seq)
        return ERR_CORRUPT;
    *digest = r.digest;
    return OK;
}

/* ---- writing ---- */

static uint64_t digest_after(uint64_t before, const uint8_t *envelope, size_t bytes)
{
    size_t body_bytes;
    if (!feeder_pack_seq(envelope, bytes))
        return before;
    const uint8_t *body = feeder_pack_body(envelope, bytes, &body_bytes);
    return wire_digest(before, body, body_bytes);
}

enum err outbox_add(struct outbox *o, size_t bytes, uint8_t **room, struct err_text *e)
{
    if (o->pending.size + bytes > PENDING_BYTES_MAX || o->now->end + o->pending.size > OUTBOX_BYTES_MAX)
        return err_set(e, ERR_FULL, "%" PRIu64 " %s in the outbox", o->next - 1 - o->settled,
                       plural(o->next - 1 - o->settled, "submission waits", "submissions wait"));
    *room = outbox_record_add(&o->pending, OUTBOX_ROW, o->next++, bytes);
    return OK;
}

static struct outbox_record *record_in(const struct buffer *b, size_t at)
{
    return (struct outbox_record *)(void *)(b->data + at);
}

static void seal_pending(struct outbox *o)
{
    uint64_t digest = o->digest;
    for (size_t at = 0; at < o->pending.size; at += outbox_record_bytes(record_in(&o->pending, at))) {
        struct outbox_record *r = record_in(&o->pending, at);
        digest = digest_after(digest, (const uint8_t *)(r + 1), r->bytes);
        outbox_record_seal(r, o->now->generation, digest);
    }
}

static void add_mark(struct buffer *b, uint64_t generation, uint64_t settled, uint64_t settled_digest,
                     const struct outbox_mark *mark)
{
    size_t at = b->size;
    memcpy(outbox_record_add(b, OUTBOX_MARK, settled, sizeof *mark), mark, sizeof *mark);
    outbox_record_seal(record_in(b, at), generation, settled_digest);
}

/* All before it is synced, so what is damaged there was whole once. It is not synced itself: lost, it does no harm. */
static void write_mark(struct outbox *o)
{
    size_t written;
    buffer_clear(&o->copy);
    add_mark(&o->copy, o->now->generation, o->settled, o->settled_digest, &(struct outbox_mark){o->stored, o->digest});
    if (outbox_file_write(o->now, o->now->end, o->copy.data, o->copy.size, &written, NULL))
        return;
    o->now->end += written;
    o->noted = o->settled;
}

/* How far it goes is known from now on. */
static void note_end(struct outbox *o)
{
    const struct outbox_known known = {.head = o->head,
                                       .which = o->now == &o->file[1],
                                       .generation = o->now->generation,
                                       .last = o->stored,
                                       .settled = o->settled,
                                       .settled_digest = o->settled_digest};
    outbox_end_write(o->end_fd, &known);
}

/* What is on the disk of it. Half a record at the end is none. */
static void take_stored(struct outbox *o, size_t written)
{
    size_t at = 0;
    for (size_t bytes; at < o->pending.size; at += bytes) {
        const struct outbox_record *r = record_in(&o->pending, at);
        bytes = outbox_record_bytes(r);
        if (at + bytes > written)
            break;
        o->stored = r->seq;
        o->digest = r->digest;
    }
    o->now->end += at;
    o->pending.size -= at;
    if (o->pending.size)
        memmove(o->pending.data, o->pending.data + at, o->pending.size);
}

static enum err write_pending(struct outbox *o, struct err_text *e)
{
    size_t written;
    struct err_text unwritten;
    seal_pending(o);
    enum err err = outbox_file_write(o->now, o->now->end, o->pending.data, o->pending.size, &written, &unwritten);
    enum err synced = written ? outbox_file_sync(o->now, e) : OK;
    if (synced)
        return synced;
    take_stored(o, written);
    return err ? err_set(e, err, "%s", unwritten.text) : OK;
}

/* ---- to the other file ---- */

static void add_heads(struct buffer *b, const struct outbox_head *head, uint64_t generation, uint64_t first,
                      uint64_t digest)
{
    for (int i = 0; i < 2; i++) {
        size_t at = b->size;
        memcpy(outbox_record_add(b, OUTBOX_HEAD, first, sizeof *head), head, sizeof *head);
        outbox_record_seal(record_in(b, at), generation, digest);
    }
}

/* What is being written to the other file. */
struct move {
    struct outbox *o;
    struct outbox_file *to;
    uint64_t shift, digest, end; /* seqs become smaller by `shift` */
    struct cursor cursor;
};

static enum err flush(struct move *m, struct err_text *e)
{
    size_t written;
    enum err err = outbox_file_write(m->to, m->end, m->o->copy.data, m->o->copy.size, &written, e);
    m->end += written;
    buffer_clear(&m->o->copy);
    return err;
}

static void add_row(struct move *m, uint64_t seq, const uint8_t *envelope, size_t bytes)
{
    struct buffer *from = &m->o->envelope, *to = &m->o->copy;
    size_t at = to->size;
    buffer_clear(from);
    buffer_append(from, envelope, bytes);
    size_t skip = m->shift ? feeder_pack_renumber(from->data, bytes, seq - m->shift) : 0;
    memcpy(outbox_record_add(to, OUTBOX_ROW, seq - m->shift, bytes - skip), from->data + skip, bytes - skip);
    m->digest = digest_after(m->digest, from->data + skip, bytes - skip);
    outbox_record_seal(record_in(to, at), m->to->generation, m->digest);
}

static void add_lost(struct move *m, uint64_t seq)
{
    size_t at = m->o->copy.size;
    outbox_record_add(&m->o->copy, OUTBOX_LOST, seq - m->shift, 0);
    outbox_record_seal(record_in(&m->o->copy, at), m->to->generation, m->digest);
}

/* Its bytes as they stand there, for a person. */
static void keep_damaged(struct outbox *o, uint64_t from, uint64_t to)
{
    char path[sizeof o->directory + 16];
    snprintf(path, sizeof path, "%s/damaged", o->directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    size_t bytes = to > from ? (size_t)(to - from) : 0;
    const uint8_t *data = outbox_file_peek(o->now, from, &bytes);
    if (fd >= 0 && bytes)
        (void)!write(fd, data, bytes);
    if (fd >= 0)
        close(fd);
}

static void keep_row_damaged(struct outbox *o, struct cursor c, uint64_t seq)
{
    struct outbox_record r;
    uint64_t from = c.at;
    if (find_row(o, &c, seq, &r) && r.seq == seq)
        keep_damaged(o, c.at, c.at + outbox_record_bytes(&r));
    else
        keep_damaged(o, from, c.at < o->now->end ? c.at : o->now->end);
}

static enum err move_row(struct move *m, uint64_t seq, bool wanted, struct err_text *e)
{
    struct outbox_record r;
    struct cursor before = m->cursor;
    const uint8_t *envelope = row_of(m->o, &m->cursor, seq, &r);
    if (!envelope)
        keep_row_damaged(m->o, before, seq);
    if (!wanted)
        return OK;
    if (envelope)
        add_row(m, seq, envelope, r.bytes);
    else
        add_lost(m, seq);
    return m->o->copy.size >= COPY_BYTES ? flush(m, e) : OK;
}

static enum err write_heads(struct move *m, const struct outbox_head *head, uint64_t first, uint64_t digest,
                            struct err_text *e)
{
    uint64_t end = m->end;
    enum err err = outbox_file_sync(m->to, e);
    add_heads(&m->o->copy, head, m->to->generation, first, digest);
    m->end = 0;
    if (!err)
        err = flush(m, e);
    m->end = end;
    return err ? err : outbox_file_sync(m->to, e);
}

static enum err move_rows(struct move *m, uint64_t first, struct err_text *e)
{
    const struct outbox *o = m->o;
    uint64_t settled_digest = m->digest;
    enum err err = OK;
    buffer_clear(&m->o->copy);
    for (uint64_t seq = o->settled + 1; seq <= o->stored && !err; seq++)
        err = move_row(m, seq, seq >= first, e);
    add_mark(&m->o->copy, m->to->generation, first - m->shift - 1, settled_digest,
             &(struct outbox_mark){o->stored - m->shift, m->digest});
    return err ? err : flush(m, e);
}

/* It counts from now on. */
static void moved(struct move *m, const struct outbox_head *head, uint64_t first, uint64_t digest)
{
    struct outbox *o = m->o;
    struct outbox_file *from = o->now;
    o->now = m->to;
    o->now->end = m->end;
    o->head = *head;
    o->stored -= m->shift;
    o->next -= m->shift;
    o->noted = o->settled = first - m->shift - 1;
    o->settled_digest = digest;
    o->digest = m->digest;
    o->cursor = o->oldest = file_start;
    note_end(o);
    outbox_file_empty(from);
}

/* All from `first` on goes to the other file, or nothing has changed. digest: of all before it. */
static enum err move(struct outbox *o, const struct outbox_head *head, uint64_t first, uint64_t shift, uint64_t digest,
                     struct err_text *e)
{
    struct move m = {.o = o,
                     .to = &o->file[o->now == &o->file[0]],
                     .shift = shift,
                     .digest = digest,
                     .end = OUTBOX_HEADS_BYTES,
                     .cursor = file_start};
    m.to->generation = ++o->generation;
    enum err err = move_rows(&m, first, e);
    if (!err)
        err = write_heads(&m, head, first - shift, digest, e);
    if (err)
        outbox_file_empty(m.to);
    else
        moved(&m, head, first, digest);
    return err;
}

/* Of what is not settled. */
static uint64_t live_bytes(struct outbox *o)
{
    struct outbox_record r;
    return find_row(o, &o->oldest, o->settled + 1, &r) ? o->now->end - o->oldest.at : 0;
}

/* The room of what is settled is wanted back. A disk that is too full for it now may not be so later. */
static void make_room(struct outbox *o)
{
    bool empty = o->settled == o->stored && o->now->end > EMPTY_BYTES;
    if (empty || (o->now->end >= MOVE_BYTES && live_bytes(o) <= o->now->end / LIVE_SHARE))
        (void)move(o, &o->head, o->settled + 1, 0, o->settled_digest, NULL);
}

/* The disk is full: what is settled goes, if that can be had. */
static bool make_room_at_once(struct outbox *o)
{
    bool empty = o->settled == o->stored && o->now->end > OUTBOX_RESERVE_BYTES;
    return empty && move(o, &o->head, o->settled + 1, 0, o->settled_digest, NULL) == OK;
}

enum err outbox_sync(struct outbox *o, uint64_t *up_to_seq, struct err_text *e)
{
    bool emptied = o->settled > o->noted && (o->settled == o->stored || o->settled - o->noted >= DELETE_LATER_MAX);
    bool added = o->pending.size > 0;
    enum err err = added ? write_pending(o, e) : OK;
    if (err == ERR_FULL && make_room_at_once(o))
        err = write_pending(o, e);
    if (!err && (added || emptied))
        write_mark(o);
    if (!err && emptied)
        make_room(o);
    if (added || emptied)
        note_end(o);
    *up_to_seq = o->stored;
    return err;
}

void outbox_settled(struct outbox *o, uint64_t up_to_seq, uint64_t digest)
{
    ASSERT(up_to_seq <= o->stored);
    if (up_to_seq <= o->settled)
        return;
    o->settled = up_to_seq;
    o->settled_digest = digest;
}

enum err outbox_renumber(struct outbox *o, uint64_t epoch, uint64_t first, struct err_text *e)
{
    uint64_t stored;
    enum err err = outbox_sync(o, &stored, e);
    struct outbox_head head = o->head;
    head.epoch = epoch;
    if (!err)
        err = move(o, &head, first, first - 1, 0, e);
    return err_wrap(e, err, "begin epoch %" PRIu64 " in %s", epoch, o->directory);
}

/* ---- opening ---- */

static enum err make(struct outbox *o, const char *feeder, struct err_text *e)
{
    struct outbox_head head = {.format = OUTBOX_FORMAT, .epoch = 1};
    struct move m = {.o = o, .to = &o->file[0], .end = OUTBOX_HEADS_BYTES};
    enum err err = random_number(&head.line, e);
    head.line |= head.line == 0;
    snprintf(head.feeder, sizeof head.feeder, "%s", feeder);
    m.to->generation = o->generation = 1;
    if (!err)
        err = write_heads(&m, &head, 1, 0, e);
    m.to->end = OUTBOX_HEADS_BYTES;
    o->now = m.to;
    o->head = head;
    return err;
}

/* What an earlier version kept, in another form, is nothing that may be passed over. */
static enum err refuse_earlier(const struct outbox *o, struct err_text *e)
{
    char path[sizeof o->directory + 16];
    snprintf(path, sizeof path, "%s/data", o->directory);
    return access(path, F_OK) != 0 ? OK
                                   : err_set(e, ERR_VERSION,
                                             "it was made by an earlier version of this program: push what is in it "
                                             "with that one, then delete it");
}

/* The file that counted was cut off before its rows, or both its heads are damaged. */
static bool head_is_gone(const struct outbox *o, const enum err err[static 2],
                         const struct outbox_record record[static 2])
{
    bool newer = true;
    for (int i = 0; i < 2; i++)
        newer = newer && (err[i] || record[i].generation < o->known.generation);
    return newer && o->known.generation;
}

static enum err take_known_head(struct outbox *o, struct outbox_record *r)
{
    o->now = &o->file[o->known.which & 1];
    o->now->generation = o->generation = o->known.generation;
    o->head = o->known.head;
    o->headless = true;
    *r = (struct outbox_record){.seq = o->known.settled + 1, .digest = o->known.settled_digest};
    return OK;
}

static enum err choose(struct outbox *o, struct outbox_record *r, struct err_text *e)
{
    struct outbox_record record[2];
    struct outbox_head head[2];
    enum err err[2];
    uint64_t bytes = 0;
    for (int i = 0; i < 2; i++)
        err[i] = outbox_file_head(&o->file[i], &record[i], &head[i], e);
    for (int i = 0; i < 2; i++)
        bytes = o->file[i].end > bytes ? o->file[i].end : bytes;
    if (head_is_gone(o, err, record))
        return take_known_head(o, r);
    if (err[0] && err[1]) /* without a row, it was being made */
        return bytes > OUTBOX_RESERVE_BYTES
                   ? err_set(e, ERR_CORRUPT, "nothing in it can be read; move it away, and push its files again")
                   : ERR_NOT_FOUND;
    int which = err[0] || (!err[1] && record[1].generation > record[0].generation);
    o->now = &o->file[which];
    o->generation = o->now->generation;
    o->head = head[which];
    *r = record[which];
    return OK;
}

/* What `end` says is about this file. */
static bool is_known(const struct outbox *o)
{
    return o->known.generation && o->known.generation == o->now->generation;
}

/* How far a reading has come: what is damaged behind the last mark was never whole. */
struct scan {
    uint64_t end, stored, digest;
};

static void scan_mark(struct outbox *o, struct outbox_start *start, struct scan *s, const struct outbox_record *r)
{
    struct outbox_mark mark;
    const uint8_t *body = r->bytes == sizeof mark ? outbox_file_body(o->now, s->end, r) : NULL;
    if (body && r->seq >= start->first_seq) {
        start->first_seq = r->seq + 1;
        start->digest = r->digest;
    }
    if (body && memcpy(&mark, body, sizeof mark) && mark.last > s->stored) {
        s->stored = mark.last; /* what is between is damaged */
        s->digest = mark.digest;
    }
}

static void scan_record(struct outbox *o, struct outbox_start *start, struct scan *s, const struct outbox_record *r)
{
    if (is_row(r) && r->seq > s->stored) {
        s->stored = r->seq;
        s->digest = r->digest;
    }
    if (r->kind == OUTBOX_MARK)
        scan_mark(o, start, s, r);
    s->end += outbox_record_bytes(r);
}

/* How far the file goes. What was not whole at its end, and is not known to have been synced, is written over. */
static void scan(struct outbox *o, struct outbox_start *start)
{
    struct outbox_record r;
    const uint64_t synced = is_known(o) ? o->known.last : 0;
    struct scan now = {OUTBOX_HEADS_BYTES, start->first_seq - 1, start->digest}, whole = now;
    for (uint64_t at = now.end; outbox_file_next(o->now, &at, &r); at = now.end) {
        if (at + outbox_record_bytes(&r) > o->now->found) /* the file ends within it */
            break;
        bool follows = at == now.end && whole.end == now.end;
        now.end = at;
        scan_record(o, start, &now, &r);
        if (follows || r.kind == OUTBOX_MARK || now.stored <= synced)
            whole = now;
    }
    o->now->end = whole.end;
    o->stored = whole.stored;
    o->digest = whole.digest;
}

/* What was on disk and is not there any more: its half is kept for a person. What had its receipt is no loss. */
static void find_cut(struct outbox *o, struct outbox_start *start)
{
    if (!is_known(o) || o->known.last <= o->stored)
        return;
    keep_damaged(o, o->now->end, o->now->found);
    if (o->known.settled > o->stored) {
        o->stored = o->known.settled;
        o->digest = o->known.settled_digest;
        start->first_seq = o->stored + 1;
        start->digest = o->digest;
    }
    start->lost_first = o->stored + 1;
    start->lost = o->known.last - o->stored;
}

static enum err read_start(struct outbox *o, const char *feeder, struct outbox_start *start, struct err_text *e)
{
    struct outbox_record r = {.seq = 1};
    enum err err = refuse_earlier(o, e);
    if (!err)
        err = choose(o, &r, e);
    if (err == ERR_NOT_FOUND)
        err = make(o, feeder, e);
    if (err)
        return err;
    if (o->head.format != OUTBOX_FORMAT)
        return err_set(e, ERR_VERSION, "it has format %u, this program knows %d", o->head.format, OUTBOX_FORMAT);
    if (strncmp(o->head.feeder, feeder, sizeof o->head.feeder) != 0)
        return err_set(e, ERR_INVALID, "it belongs to feeder %.72s, not to %s", o->head.feeder, feeder);
    *start =
        (struct outbox_start){.epoch = o->head.epoch, .first_seq = r.seq, .line = o->head.line, .digest = r.digest};
    scan(o, start);
    find_cut(o, start);
    start->next_seq = o->stored + 1;
    return outbox_file_sync(o->now, e); /* what a process that died did not sync counts from now on */
}

static enum err open_files(struct outbox *o, const char *feeder, struct outbox_start *start, struct err_text *e)
{
    char lock[sizeof o->directory + 16];
    snprintf(lock, sizeof lock, "%s/lock", o->directory);
    enum err err = guard_make_directory(o->directory, e);
    if (!err)
        err = guard_file_system(o->directory, e);
    if (!err)
        err = guard_lock(lock, &o->lock_fd, e);
    for (int i = 0; i < 2 && !err; i++)
        err = outbox_file_open(&o->file[i], o->directory, i, e);
    o->end_fd = err ? -1 : outbox_end_open(o->directory);
    outbox_end_read(o->end_fd, &o->known);
    if (!err)
        err = guard_sync_directory(o->directory, e);
    return err ? err : read_start(o, feeder, start, e);
}

static enum err write_head_again(struct outbox *o, struct err_text *e)
{
    struct move m = {.o = o, .to = o->now, .end = o->now->end};
    buffer_clear(&o->copy);
    return write_heads(&m, &o->head, o->settled + 1, o->settled_digest, e);
}

static enum err begin(struct outbox *o, const struct outbox_start *start, struct err_text *e)
{
    o->noted = o->settled = start->first_seq - 1;
    o->settled_digest = start->digest;
    o->next = start->next_seq;
    o->cursor = o->oldest = file_start;
    enum err err = o->headless ? write_head_again(o, e) : OK;
    if (!err)
        write_mark(o);
    return err;
}

enum err outbox_open(struct outbox **out, const char *directory, const char *feeder, struct outbox_start *start,
                     struct err_text *e)
{
    struct outbox *o = calloc(1, sizeof *o);
    ASSERT(o);
    o->lock_fd = o->end_fd = o->file[0].fd = o->file[1].fd = -1;
    *out = o;
    int n = snprintf(o->directory, sizeof o->directory, "%s", directory);
    enum err err = n < (int)sizeof o->directory - 32 ? open_files(o, feeder, start, e)
                                                     : err_set(e, ERR_TOO_LARGE, "its path is too long");
    if (!err)
        err = begin(o, start, e);
    if (err)
        outbox_close(out);
    return err_wrap(e, err, "outbox %s", directory);
}

void outbox_close(struct outbox **out)
{
    struct outbox *o = *out;
    if (!o)
        return;
    for (int i = 0; i < 2; i++)
        outbox_file_close(&o->file[i]);
    if (o->end_fd >= 0)
        close(o->end_fd);
    if (o->lock_fd >= 0)
        close(o->lock_fd);
    buffer_free(&o->pending);
    buffer_free(&o->copy);
    buffer_free(&o->envelope);
    free(o);
    *out = NULL;
}
