/* What is set aside, what is sent again, and where the validator says that it is (rules I17 to I19). */
#include "at.h"
#include "services/validator/core.h"
#include "services/validator/rejects.h"
#include "small_catalog.h"
#include "wire/wire.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARTITION = 4, FIRST = 100 };

static struct catalog *catalog;
static struct validator *core;
static struct buffer record, packed;
static struct arena arena;
static struct bookmark bookmark;
static bool set_while_sending;
static struct err_text e;

static enum err to_coordinator(void *ctx, unsigned source, uint64_t peer, uint32_t kind,
                               const ProtobufCMessage *message)
{
    (void)source, (void)peer;
    return (void)ctx, (void)kind, (void)message, OK;
}

static enum err to_scorer(void *ctx, const char *endpoint, const Parbus__Verdicts *verdicts)
{
    (void)ctx, (void)endpoint;
    set_while_sending |= bookmark.pseq != 0;
    buffer_clear(&packed);
    wire_pack(&packed, PARBUS__TO_SCORER__BODY_VERDICTS, &verdicts->base);
    return OK;
}

static void hear(void *ctx, enum tell_level level, const char *id, const char *text)
{
    (void)ctx, (void)level, (void)id, (void)text;
}

static void give(struct validator *to, const Parbus__Work *w)
{
    validator_receive(to, VALIDATOR_COORDINATOR, peer_unnamed(1), WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_WORK, &w->base),
                      at(0));
}

static void setup(void)
{
    catalog = small_catalog_new();
    struct worker_config config = {.role = PARBUS__ROLE__ROLE_VALIDATOR,
                                   .instance = "validator-1",
                                   .heartbeat_us = 1000,
                                   .catalog = catalog,
                                   .bookmark = &bookmark};
    struct validator_io io = {NULL, to_coordinator, hear, to_scorer};
    core = validator_new(&config, &io, at(0));
    arena_init(&arena, WIRE_ARENA_BYTES);
}

static void teardown(void)
{
    validator_destroy(&core);
    catalog_destroy(&catalog);
    buffer_free(&record);
    buffer_free(&packed);
    arena_free(&arena);
}
TestSuite(validator_poison, .init = setup, .fini = teardown, .timeout = 60);

static const Parbus__Verdicts *validate(uint64_t control_seq)
{
    struct wire_message m;
    Parbus__Work w = PARBUS__WORK__INIT;
    w.has_partition = w.has_owner_epoch = w.has_first_pseq = w.has_control_seq = w.has_record = 1;
    w.partition = PARTITION, w.owner_epoch = 9, w.first_pseq = FIRST, w.control_seq = control_seq;
    w.scorer = "ipc://scorer-1";
    w.record = (ProtobufCBinaryData){record.size, record.data};
    record_seal(record.data, record.size, &(struct record_place){PARTITION, FIRST, 1});
    give(core, &w);
    arena_reset(&arena);
    cr_assert_eq(wire_open(&wire_to_scorer, packed.data, packed.size, &arena, &m, &e), OK, "%s", e.text);
    return (const Parbus__Verdicts *)m.message;
}

/* Three entries, each with one good row and one that is out of range. */
static void three_entries(void)
{
    struct draft d;
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_row(&d, B, 99);
    record_begin(&record, RECORD_DATA, RECEIVED_MS, 3);
    for (uint64_t seq = 1; seq <= 3; seq++)
        draft_add(&d, &record, 0, HA_NOI, 1, seq);
}

Test(validator_poison, what_is_set_aside_is_rejected_as_a_whole_and_the_others_as_ever)
{
    three_entries();
    set_aside_in(catalog, PARTITION, FIRST + 1, &e);
    const Parbus__Verdicts *v = validate(4);
    cr_assert_eq(v->n_reject_entry, 3);
    cr_assert(v->reject_row[0] == 1 && v->reject_row[2] == 1);
    cr_assert_eq(v->reject_entry[1], 1);
    cr_assert_eq(v->reject_row[1], WIRE_ROW_WHOLE);
    cr_assert_eq(v->reject_reason[1], PARBUS__REASON__REJECTED_POISON);
    cr_assert_str_eq(v->reject_detail[1], "3 workers ended while at it, the last one scorer-2; once that is mended, "
                                          "'parbus rejects retry' sends it again");
    cr_assert_eq(validator_metrics(core)->reason[PARBUS__REASON__REJECTED_POISON], 1);
}

Test(validator_poison, it_stays_so_after_it_was_sent_again)
{
    three_entries();
    set_aside_in(catalog, PARTITION, FIRST, &e);
    const Parbus__Verdicts *v = validate(4);
    struct buffer before = {0};
    buffer_append(&before, v->reject_detail[0], strlen(v->reject_detail[0]) + 1);
    readmit_in(catalog, PARTITION, FIRST, &e);
    v = validate(5);
    cr_assert_eq(v->reject_row[0], WIRE_ROW_WHOLE);
    cr_assert_str_eq(v->reject_detail[0], (char *)before.data);
    buffer_free(&before);
}

static uint8_t *forbidden; /* a page that nobody may touch once the record was looked over */

/* What the validator does first once it has looked it over. */
void __real_rejects_begin(struct rejects *r, size_t record_bytes, uint32_t entries);
void __wrap_rejects_begin(struct rejects *r, size_t record_bytes, uint32_t entries);
void __wrap_rejects_begin(struct rejects *r, size_t record_bytes, uint32_t entries)
{
    if (forbidden)
        cr_assert_eq(mprotect(forbidden, (size_t)sysconf(_SC_PAGESIZE), PROT_NONE), 0);
    __real_rejects_begin(r, record_bytes, entries);
}

/* Two entries; the bytes of the second one lie in that page. */
static Parbus__Work work_not_to_be_read(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct record_entry last = {.body_bytes = 64, .feeder = 1, .epoch = 1, .seq = 2, .series = 1, .unit = 1};
    struct draft d;
    cr_assert(pages != MAP_FAILED);
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_record(&d, &record, HA_NOI, 1, 1);
    record_add(&record, 0, &last, (uint8_t[64]){0});
    uint8_t *start = pages + page + 64 - record.size;
    memcpy(start, record.data, record.size);
    record_seal(start, record.size, &(struct record_place){PARTITION, FIRST, 1});
    forbidden = pages + page;
    Parbus__Work w = PARBUS__WORK__INIT;
    w.partition = PARTITION, w.first_pseq = FIRST, w.control_seq = 3;
    w.scorer = "ipc://scorer-1";
    w.record = (ProtobufCBinaryData){record.size, start};
    return w;
}

static enum err to_nobody(void *ctx, const char *endpoint, const Parbus__Verdicts *verdicts)
{
    cr_assert_eq(verdicts->n_reject_entry, 1);
    cr_assert(strstr(verdicts->reject_detail[0], "3 workers"));
    return (void)ctx, (void)endpoint, OK;
}

static struct validator *core_noting_at(struct bookmark *where)
{
    struct worker_config config = {
        .instance = "validator-1", .heartbeat_us = 1000, .catalog = catalog, .bookmark = where};
    struct validator_io io = {NULL, to_coordinator, hear, to_nobody};
    return validator_new(&config, &io, at(0));
}

Test(validator_poison, who_ends_at_an_entry_leaves_its_bookmark)
{
    struct bookmark *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    Parbus__Work w = work_not_to_be_read();
    cr_assert(shared != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        give(core_noting_at(shared), &w);
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    cr_assert_eq(shared->partition, PARTITION);
    cr_assert_eq(shared->pseq, FIRST + 1);
}

Test(validator_poison, bytes_of_what_is_set_aside_are_not_looked_at)
{
    struct bookmark own = {0};
    Parbus__Work w = work_not_to_be_read();
    set_aside_in(catalog, PARTITION, FIRST + 1, &e);
    struct validator *other = core_noting_at(&own);
    give(other, &w);
    cr_assert_eq(validator_metrics(other)->value[METRIC_records_validated], 1);
    validator_destroy(&other);
}

Test(validator_poison, works_control_seq_says_what_it_must_know)
{
    three_entries();
    Parbus__Work w = PARBUS__WORK__INIT;
    w.partition = PARTITION, w.first_pseq = FIRST, w.control_seq = 4, w.scorer = "ipc://scorer-1";
    w.record = (ProtobufCBinaryData){record.size, record.data};
    give(core, &w);
    cr_assert_eq(packed.size, 0, "it lacks control 4");
    set_aside_in(catalog, PARTITION, FIRST + 1, &e);
    const Parbus__Verdicts *v = validate(4);
    cr_assert_eq(v->control_seq, 4);
    cr_assert_eq(v->reject_row[1], WIRE_ROW_WHOLE);
    cr_assert_eq(v->reject_row[0], 1);
}

Test(validator_poison, what_is_sent_again_is_checked_like_data)
{
    struct draft d;
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_row(&d, B, 99);
    record_begin(&record, RECORD_RETRY, RECEIVED_MS, 3);
    draft_add(&d, &record, 0, HA_NOI, 1, 1);
    const Parbus__Verdicts *v = validate(3);
    cr_assert_eq(v->n_reject_entry, 1);
    cr_assert_eq(v->reject_row[0], 1);
    cr_assert_eq(v->record.len, record.size);
    set_aside_in(catalog, PARTITION, FIRST, &e);
    v = validate(4);
    cr_assert_eq(v->reject_row[0], WIRE_ROW_WHOLE, "at its new place, too");
}

Test(validator_poison, the_bookmark_is_cleared_before_anything_is_sent)
{
    three_entries();
    validate(3);
    cr_assert_eq(bookmark.partition, PARTITION, "it was set");
    cr_assert_eq(bookmark.pseq, 0);
    cr_assert_not(set_while_sending);
}

/* A control has no entry that could be to blame. */
Test(validator_poison, a_control_has_no_bookmark)
{
    record_begin(&record, RECORD_CONTROL, RECEIVED_MS, 3);
    validate(3);
    cr_assert_eq(bookmark.partition, 0);
}
