/* Workers learn the control records from the ingestor (rule I20). */
#include "ingestor_world.h"
#include "small_catalog.h"

enum { CONTROLS = 3 };

static void publish(void *ctx, const Parbus__Control *control)
{
    (void)ctx;
    Parbus__Control own = *control;
    struct err_text e;
    cr_assert_eq(ingestor_publish(t.core, &own, t.now, &e), OK, "%s", e.text);
}

static void start(void)
{
    ingestor_world_start();
    small_catalog_controls(publish, NULL);
    tick(1);
    join(VALIDATOR_A, PARBUS__ROLE__ROLE_VALIDATOR, "validator-1", 1);
}
TestSuite(announce, .init = start, .fini = ingestor_world_stop);

static const Parbus__Controls *ask(uint64_t first, uint64_t piece_offset)
{
    Parbus__ControlsWanted m = PARBUS__CONTROLS_WANTED__INIT;
    m.has_first = m.has_piece_offset = 1;
    m.first = first;
    m.piece_offset = piece_offset;
    FROM_WORKER(VALIDATOR_A, CONTROLS_WANTED, m);
    const struct sent *last = &t.to_worker[t.worker_count - 1];
    cr_assert_eq(last->kind, PARBUS__TO_WORKER__BODY_CONTROLS);
    return (const Parbus__Controls *)last->message;
}

static void expect_whole(const Parbus__Controls *page, uint64_t first, size_t count)
{
    cr_assert_eq(page->last, CONTROLS);
    cr_assert_eq(page->first, first);
    cr_assert_eq(page->n_packed, count);
    cr_assert_not(page->has_piece);
    for (size_t i = 0; i < count; i++) {
        const struct buffer *b = &t.control[first + i - 1];
        cr_assert(page->packed[i].len == b->size && !memcmp(page->packed[i].data, b->data, b->size));
    }
}

Test(announce, a_worker_that_asks_gets_all_that_it_lacks)
{
    expect_whole(ask(1, 0), 1, 3);
    expect_whole(ask(3, 0), 3, 1);
}

Test(announce, whoever_knows_them_all_is_told_so) { expect_whole(ask(CONTROLS + 1, 0), CONTROLS + 1, 0); }

Test(announce, what_no_commit_has_confirmed_is_nobodys_to_know)
{
    t.disk_lies = true;
    cr_assert_eq(publish_letters(NULL), OK);
    tick(1);
    cr_assert_eq(t.control_count, CONTROLS + 1);
    expect_whole(ask(1, 0), 1, 3);
}

/* A control of so many bytes, that no catalog would take; the journal holds it all the same. */
static void lengthen(uint64_t number, size_t bytes)
{
    struct buffer *b = &t.control[number - 1];
    size_t before = b->size;
    memset(buffer_grow(b, bytes - before), 0x5a, bytes - before);
}

Test(announce, a_page_ends_where_the_next_control_does_not_fit)
{
    lengthen(2, 600 << 10);
    lengthen(3, 600 << 10);
    expect_whole(ask(1, 0), 1, 2);
    expect_whole(ask(3, 0), 3, 1);
}

Test(announce, a_control_longer_than_a_message_goes_in_pieces_and_alone)
{
    const size_t bytes = 2500 << 10, piece = 1 << 20;
    lengthen(2, bytes);
    expect_whole(ask(1, 0), 1, 1);
    for (uint64_t offset = 0; offset < bytes; offset += piece) {
        const Parbus__Controls *page = ask(2, offset);
        cr_assert_eq(page->n_packed, 0);
        cr_assert_eq(page->first, 2);
        cr_assert_eq(page->piece_offset, offset);
        cr_assert_eq(page->piece_of, bytes);
        cr_assert_eq(page->piece.len, bytes - offset < piece ? bytes - offset : piece);
        cr_assert_eq(memcmp(page->piece.data, t.control[1].data + offset, page->piece.len), 0);
    }
    expect_whole(ask(2, bytes), 2, 0);
}

Test(announce, a_journal_that_cannot_be_read_is_counted_and_the_worker_may_ask_again)
{
    t.disk_unreadable = true;
    expect_whole(ask(1, 0), 1, 0);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_journal_read_failures], 1);
    t.disk_unreadable = false;
    expect_whole(ask(1, 0), 1, 3);
}

/* ---- without being asked ---- */

enum { BEHIND = 4001 }; /* a worker that knows nothing yet */

static void join_knowing(uint64_t control_seq)
{
    Parbus__WorkerHello m = PARBUS__WORKER_HELLO__INIT;
    m.has_protocol_version = m.has_role = m.has_incarnation = m.has_control_seq = 1;
    m.protocol_version = 1;
    m.role = PARBUS__ROLE__ROLE_SCORER;
    m.instance = "scorer-1";
    m.endpoint = "ipc://somewhere";
    m.incarnation = 1;
    m.control_seq = control_seq;
    FROM_WORKER(BEHIND, HELLO, m);
}

static void beat_knowing(uint64_t control_seq)
{
    Parbus__Heartbeat m = PARBUS__HEARTBEAT__INIT;
    m.has_control_seq = 1;
    m.control_seq = control_seq;
    FROM_WORKER(BEHIND, HEARTBEAT, m);
}

/* The last message of this kind to a worker; NULL: none. */
static const ProtobufCMessage *last_to(uint64_t peer, uint32_t kind)
{
    for (size_t i = t.worker_count; i-- > 0;)
        if (t.to_worker[i].peer == peer && t.to_worker[i].kind == kind)
            return t.to_worker[i].message;
    return NULL;
}

static const Parbus__Controls *controls_to(uint64_t peer)
{
    return (const Parbus__Controls *)last_to(peer, PARBUS__TO_WORKER__BODY_CONTROLS);
}

static const char *state_of(const char *instance)
{
    Parbus__Stats m = PARBUS__STATS__INIT;
    FROM_FEEDER(STATS, m);
    const Parbus__StatsReply *stats = (const Parbus__StatsReply *)last_to_feeder(PARBUS__TO_FEEDER__BODY_STATS);
    for (size_t i = 0; i < stats->n_worker; i++)
        if (strcmp(stats->worker[i]->instance, instance) == 0)
            return stats->worker[i]->state;
    return "";
}

Test(announce, behind_its_welcome_come_the_controls_that_a_worker_lacks)
{
    join_knowing(1);
    const Parbus__WorkerWelcome *welcome =
        (const Parbus__WorkerWelcome *)last_to(BEHIND, PARBUS__TO_WORKER__BODY_WELCOME);
    cr_assert_eq(welcome->control_seq, CONTROLS);
    expect_whole(controls_to(BEHIND), 2, 2);
}

Test(announce, a_worker_that_knows_all_is_sent_none)
{
    join_knowing(CONTROLS);
    cr_assert_null(controls_to(BEHIND));
}

Test(announce, a_worker_gets_partitions_once_it_knows_the_controls_that_there_were_when_it_joined)
{
    join_knowing(0);
    give_partitions();
    beat_knowing(CONTROLS - 1);
    give_partitions();
    cr_assert_str_eq(state_of("scorer-1"), "joining");
    cr_assert_null(last_to(BEHIND, PARBUS__TO_WORKER__BODY_ASSIGN));
    beat_knowing(CONTROLS);
    give_partitions();
    cr_assert_not_null(last_to(BEHIND, PARBUS__TO_WORKER__BODY_ASSIGN));
    cr_assert_str_eq(state_of("scorer-1"), "live");
}

Test(announce, a_new_control_goes_to_all_workers_as_soon_as_it_is_journalled)
{
    Parbus__PeriodOpened opened = PARBUS__PERIOD_OPENED__INIT;
    opened.has_series = opened.has_version = 1;
    opened.series = 2, opened.version = 1, opened.index = "mini", opened.period = "2026";
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_PERIOD_OPENED;
    control.period_opened = &opened;
    join_knowing(CONTROLS);
    publish(NULL, &control);
    cr_assert_null(controls_to(BEHIND), "it is not in the journal yet");
    tick(1);
    const uint64_t workers[] = {BEHIND, VALIDATOR_A};
    for (int i = 0; i < 2; i++) {
        const Parbus__Controls *page = controls_to(workers[i]);
        cr_assert_not_null(page);
        cr_assert(page->first == CONTROLS + 1 && page->last == CONTROLS + 1 && page->n_packed == 1);
    }
}

Test(announce, a_heartbeat_that_is_behind_is_told_which_control_is_the_last)
{
    join_knowing(0);
    beat_knowing(1);
    const Parbus__Controls *page = controls_to(BEHIND);
    cr_assert_eq(page->last, CONTROLS);
    cr_assert_eq(page->n_packed, 0, "it asks when it is ready for more");
}
