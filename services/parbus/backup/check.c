#include "base/plural.h"
#include "journal.pb-c.h"
#include "journal/journal.h"
#include "journal/record.h"
#include "services/parbus/backup/backup.h"
#include "state/state.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 16 << 20 };

struct check {
    struct journal *journal;
    struct state *state;
    struct backup_facts *facts;
    struct meter *meter;
    uint64_t next, last; /* of the partition in hand */
    struct err_text *e;
    enum err err;
};

/* The journal has looked at the order and at each length. */
static bool take_record(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct check *c = ctx;
    struct record_header header;
    memcpy(&header, record, sizeof header);
    if (header.kind == RECORD_DATA)
        c->facts->submissions += header.count;
    c->next = first_pseq + header.count;
    meter_add(c->meter, bytes);
    c->err = backup_go_on(c->e);
    return !c->err;
}

static enum err check_partition(struct check *c, uint32_t p)
{
    enum err err = journal_last_pseq(c->journal, p, &c->last, c->e);
    for (c->next = 1; !err && c->next <= c->last;) {
        uint64_t from = c->next;
        err = journal_read(c->journal, p, from, READ_BYTES, take_record, c, c->e);
        if (!err)
            err = c->err;
        if (!err && c->next == from)
            err = err_set(c->e, ERR_CORRUPT, "no record holds pseq %" PRIu64, from);
    }
    if (!err && c->next != c->last + 1)
        err = err_set(c->e, ERR_CORRUPT, "it ends at pseq %" PRIu64 ", not at %" PRIu64, c->next - 1, c->last);
    c->facts->entries += c->last;
    return err_wrap(c->e, err, "partition %u", p);
}

static enum err check_cursor(struct check *c, uint32_t p)
{
    struct state_cursor cursor = {0};
    if (!c->state)
        return OK;
    enum err err = state_cursor_get(c->state, p, &cursor, c->e);
    if (err == ERR_NOT_FOUND)
        err = OK;
    if (!err && cursor.applied > c->last)
        err = err_set(c->e, ERR_CORRUPT, "partition %u: state is at pseq %" PRIu64 ", the journal ends at %" PRIu64, p,
                      cursor.applied, c->last);
    c->facts->applied += cursor.applied;
    return err;
}

static enum err take_control(void *ctx, uint64_t seq, const void *packed, size_t bytes, struct err_text *e)
{
    struct check *c = ctx;
    Parbus__Control *control = parbus__control__unpack(NULL, bytes, packed);
    if (!control || seq != ++c->facts->controls) {
        parbus__control__free_unpacked(control, NULL);
        return err_set(e, ERR_CORRUPT, "control %" PRIu64 " cannot be read, or one before it is missing", seq);
    }
    parbus__control__free_unpacked(control, NULL);
    return OK;
}

static bool take_feeder(void *ctx, uint32_t number, const struct journal_feeder *feeder)
{
    struct check *c = ctx;
    c->facts->feeders++;
    if (number == 0 || !feeder->name[0])
        c->err = err_set(c->e, ERR_CORRUPT, "feeder %u has no name", number);
    return !c->err;
}

static enum err go_on(void *ctx, size_t bytes, struct err_text *e)
{
    (void)ctx, (void)bytes;
    return backup_go_on(e);
}

/* As parbus verify: that every bit is as it was written, and nothing is missing. */
static enum err check_bits(struct check *c)
{
    uint64_t *last = calloc(journal_partitions(c->journal), sizeof *last);
    ASSERT(last);
    uint64_t unchained;
    enum err err = journal_verify(c->journal, go_on, NULL, NULL, last, &unchained, c->e);
    free(last);
    return err || !c->state ? err : state_verify(c->state, go_on, NULL, NULL, c->e);
}

static enum err check_open(struct check *c)
{
    uint32_t partitions = journal_partitions(c->journal);
    c->facts->journal_id = journal_id(c->journal);
    c->facts->partitions = partitions;
    enum err err = journal_controls(c->journal, 1, take_control, c, c->e);
    if (!err)
        err = journal_feeders(c->journal, take_feeder, c, c->e);
    if (!err)
        err = c->err;
    for (uint32_t p = 0; p < partitions && !err; p++) {
        err = check_partition(c, p);
        if (!err)
            err = check_cursor(c, p);
    }
    return err ? err : check_bits(c);
}

enum err backup_check_content(const char *directory, bool with_state, struct backup_facts *facts, struct meter *meter,
                              struct err_text *e)
{
    struct check c = {.facts = facts, .meter = meter, .e = e};
    struct journal_options journal = {.still = true};
    facts->controls = facts->feeders = facts->entries = facts->submissions = facts->applied = 0;
    facts->state = with_state;
    enum err err = journal_open(&c.journal, directory, &journal, e);
    if (!err && with_state) {
        struct state_options state = {.still = true, .journal_id = journal_id(c.journal)};
        err = state_open(&c.state, directory, &state, e);
    }
    if (!err)
        err = check_open(&c);
    state_close(&c.state);
    journal_close(&c.journal);
    return err;
}

static enum err check_sum(const char *directory, enum backup_file file, const struct backup_sum *wanted, uint64_t bytes,
                          struct meter *meter, struct err_text *e)
{
    char path[BACKUP_PATH_BYTES];
    struct backup_sum found;
    backup_path(path, directory, file);
    enum err err = backup_read(path, NULL, &found, meter, e);
    if (err)
        return err;
    if (file != BACKUP_MANIFEST && found.bytes != bytes)
        return err_set(e, ERR_CORRUPT, "%s is damaged: it has %" PRIu64 " %s, the manifest says %" PRIu64, path,
                       found.bytes, plural(found.bytes, "byte", "bytes"), bytes);
    if (strcmp(found.hex, wanted->hex) != 0)
        return err_set(e, ERR_CORRUPT, "%s is damaged: its SHA-256 is not the one in SHA256SUMS", path);
    return OK;
}

static uint64_t all_bytes(const struct backup_sum sums[static BACKUP_FILES])
{
    uint64_t bytes = 0;
    for (int i = 0; i < BACKUP_FILES; i++)
        bytes += sums[i].bytes;
    return bytes;
}

enum err backup_check_files(const char *directory, struct backup_facts *said,
                            struct backup_sum sums[static BACKUP_FILES], struct meter *meter, struct err_text *e)
{
    struct backup_sum named[BACKUP_FILES];
    enum err err = backup_sums_read(directory, sums, e);
    if (!err)
        err = check_sum(directory, BACKUP_MANIFEST, &sums[BACKUP_MANIFEST], 0, NULL, e);
    if (!err)
        err = backup_manifest_read(directory, said, named, e);
    if (err)
        return err;
    meter_start(meter, "reading", all_bytes(named));
    for (int i = BACKUP_MANIFEST + 1; i < BACKUP_FILES && !err; i++) {
        if (named[i].there != sums[i].there)
            return err_set(e, ERR_CORRUPT, "%s is damaged: its MANIFEST and SHA256SUMS do not name the same files",
                           directory);
        sums[i].bytes = named[i].bytes;
        if (named[i].there)
            err = check_sum(directory, (enum backup_file)i, &sums[i], named[i].bytes, meter, e);
    }
    return err;
}

enum err backup_check(const char *directory, struct backup_facts *facts, struct backup_sum sums[static BACKUP_FILES],
                      struct meter *meter, struct err_text *e)
{
    struct backup_facts found;
    enum err err = backup_check_files(directory, facts, sums, meter, e);
    if (err)
        return err;
    found = *facts;
    meter_start(meter, "looking through the journal", sums[BACKUP_JOURNAL].bytes);
    err = backup_check_content(directory, sums[BACKUP_STATE].there, &found, meter, e);
    if (!err && memcmp(&found, facts, sizeof found) != 0)
        err = err_set(e, ERR_CORRUPT, "what is in %s is not what its MANIFEST says", directory);
    return err;
}
