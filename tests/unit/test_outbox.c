/* The outbox on a real disk: what was synced is there after a close without warning, what was not is not. */
#include "client/feeder_pack.h"
#include "client/outbox.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64];
static struct outbox *box;
static struct outbox_start start;

static void make_directory(void)
{
    strcpy(directory, "/tmp/parbus-outbox-XXXXXX");
    cr_assert(mkdtemp(directory) != NULL);
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *f)
{
    (void)s, (void)kind, (void)f;
    return remove(path);
}

static void remove_directory(void)
{
    outbox_close(&box);
    nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(outbox, .init = make_directory, .fini = remove_directory, .timeout = 60);

static enum err open_as(const char *feeder, struct err_text *e)
{
    return outbox_open(&box, directory, feeder, &start, e);
}

static void reopen(void)
{
    struct err_text e = {0};
    outbox_close(&box);
    cr_assert(eq(int, open_as("phu-tho", &e), OK), "%s", e.text);
}

static void add(uint64_t seq, size_t rows)
{
    static uint32_t indicator[4096];
    static double value[4096];
    struct feeder_pack_plan plan;
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.has_seq = 1, s.seq = seq, s.index = "pci", s.period = "2013", s.unit = "25";
    s.n_indicator = s.n_value = rows, s.indicator = indicator, s.value = value;
    value[0] = (double)seq;
    uint8_t *room;
    feeder_pack_plan(&plan, &s);
    cr_assert(eq(int, outbox_add(box, plan.envelope, &room, NULL), OK));
    feeder_pack_write(&plan, &s, room);
}

static uint64_t sync_box(void)
{
    uint64_t up_to = 0;
    cr_assert(eq(int, outbox_sync(box, &up_to, NULL), OK));
    return up_to;
}

static void fill(uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++)
        add(seq, 1 + seq % 3);
}

static void assert_holds(uint64_t seq)
{
    const void *envelope;
    size_t bytes;
    struct err_text e = {0};
    cr_assert(eq(int, outbox_get(box, seq, &envelope, &bytes, &e), OK), "%s", e.text);
    cr_assert(eq(u64, feeder_pack_seq(envelope, bytes), seq));
}

static enum err get(uint64_t seq)
{
    const void *envelope;
    size_t bytes;
    return outbox_get(box, seq, &envelope, &bytes, NULL);
}

static void assert_start(uint64_t epoch, uint64_t first, uint64_t next)
{
    cr_assert(eq(u64, start.epoch, epoch));
    cr_assert(eq(u64, start.first_seq, first));
    cr_assert(eq(u64, start.next_seq, next));
}

Test(outbox, a_new_one_begins_at_seq_1_of_epoch_1)
{
    reopen();
    assert_start(1, 1, 1);
    reopen();
    assert_start(1, 1, 1);
}

Test(outbox, what_was_synced_is_there_and_what_was_not_is_not)
{
    reopen();
    fill(1, 10);
    cr_assert(eq(u64, sync_box(), 10));
    fill(11, 15);
    reopen();
    assert_start(1, 1, 11);
    for (uint64_t seq = 1; seq <= 10; seq++)
        assert_holds(seq);
    cr_assert(eq(int, get(11), ERR_NOT_FOUND));
}

Test(outbox, a_receipt_takes_out_and_numbering_goes_on)
{
    reopen();
    fill(1, 10);
    sync_box();
    outbox_settled(box, 4, 1000 + 4);
    fill(11, 11);
    sync_box();
    cr_assert(eq(int, get(4), ERR_NOT_FOUND));
    assert_holds(5);
    outbox_settled(box, 11, 1000 + 11);
    sync_box();
    reopen();
    assert_start(1, 12, 12);
}

Test(outbox, a_receipt_that_was_not_written_down_does_no_harm)
{
    reopen();
    fill(1, 10);
    sync_box();
    outbox_settled(box, 4, 1000 + 4);
    reopen();
    assert_start(1, 1, 11);
    outbox_settled(box, 10, 1000 + 10);
    sync_box();
    reopen();
    assert_start(1, 11, 11);
}

Test(outbox, a_new_epoch_numbers_what_is_left_from_1)
{
    reopen();
    fill(1, 300);
    sync_box();
    outbox_settled(box, 200, 1000 + 200);
    fill(301, 310); /* not synced yet: a new epoch must not lose it */
    cr_assert(eq(int, outbox_renumber(box, 7, 201, NULL), OK));
    assert_holds(1);
    assert_holds(110);
    cr_assert(eq(int, get(111), ERR_NOT_FOUND));
    fill(111, 112);
    cr_assert(eq(u64, sync_box(), 112));
    reopen();
    assert_start(7, 1, 113);
    for (uint64_t seq = 1; seq <= 112; seq++)
        assert_holds(seq);
}

Test(outbox, a_new_epoch_of_an_empty_one_begins_at_1)
{
    reopen();
    fill(1, 3);
    sync_box();
    outbox_settled(box, 3, 1000 + 3);
    sync_box();
    cr_assert(eq(int, outbox_renumber(box, 2, 4, NULL), OK));
    reopen();
    assert_start(2, 1, 1);
}

Test(outbox, large_submissions_fit_and_too_many_at_once_are_refused)
{
    reopen();
    uint8_t *room;
    uint64_t up_to;
    enum err err = OK;
    for (uint64_t seq = 1; seq <= 100 && !err; seq++) {
        err = outbox_add(box, 1 << 20, &room, NULL);
        if (!err)
            memset(room, 0, 1 << 20);
    }
    cr_assert(eq(int, err, ERR_FULL));
    cr_assert(eq(int, outbox_sync(box, &up_to, NULL), OK));
    cr_assert(eq(int, outbox_add(box, 1 << 20, &room, NULL), OK));
    cr_assert(eq(int, get(1), ERR_CORRUPT)); /* zeros are no submission */
}

Test(outbox, belongs_to_one_feeder)
{
    reopen();
    outbox_close(&box);
    struct err_text e;
    cr_assert(eq(int, open_as("ha-noi", &e), ERR_INVALID));
    cr_assert(strstr(e.text, "belongs to feeder phu-tho") != NULL);
}

/* Holds the outbox in another process until the pipe closes. */
static pid_t in_another_process(int go[2], int hold[2])
{
    pid_t child = fork();
    if (child)
        return child;
    struct err_text e;
    close(hold[1]);
    if (open_as("phu-tho", &e))
        _exit(1);
    fill(1, 20);
    sync_box();
    outbox_settled(box, 5, 1000 + 5);
    fill(21, 30);
    char c = 'x';
    c = (char)(write(go[1], &c, 1) + read(hold[0], &c, 1));
    _exit(0);
}

Test(outbox, one_process_at_a_time_and_its_death_leaves_what_it_synced)
{
    int go[2], hold[2];
    char c;
    cr_assert(pipe(go) == 0 && pipe(hold) == 0);
    pid_t child = in_another_process(go, hold);
    cr_assert(eq(int, (int)read(go[0], &c, 1), 1));
    struct err_text e;
    cr_assert(eq(int, open_as("phu-tho", &e), ERR_BUSY));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    reopen();
    assert_start(1, 1, 21);
    assert_holds(20);
}
