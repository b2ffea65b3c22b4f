/* Whatever bit of an outbox flips, and wherever a power cut ends it: no submission comes out otherwise than it went in,
 * and those that are whole come out. */
#include "client/feeder_pack.h"
#include "client/outbox.h"
#include "client/outbox_file.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 60, FEW = 4, MARK_BYTES = sizeof(struct outbox_record) + sizeof(struct outbox_mark) };

static char directory[64], file[96], ends[96];
static struct outbox *box;
static struct outbox_start start;

static void make_directory(void)
{
    strcpy(directory, "/tmp/parbus-outbox-XXXXXX");
    cr_assert(mkdtemp(directory) != NULL);
    snprintf(file, sizeof file, "%s/queue.0", directory);
    snprintf(ends, sizeof ends, "%s/end", directory);
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

TestSuite(outbox_damage, .init = make_directory, .fini = remove_directory, .timeout = 120);

static enum err reopen(struct err_text *e)
{
    outbox_close(&box);
    return outbox_open(&box, directory, "phu-tho", &start, e);
}

static void add(uint64_t seq, double value)
{
    uint32_t indicator = 7;
    struct feeder_pack_plan plan;
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.has_seq = 1, s.seq = seq, s.index = "pci", s.period = "2013", s.unit = "25";
    s.n_indicator = s.n_value = 1, s.indicator = &indicator, s.value = &value;
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
        add(seq, (double)seq);
}

/* The value that a submission was given, which is its first seq, is the last thing in it. NAN: it cannot be had. */
static double value_of(uint64_t seq, struct err_text *e)
{
    const void *envelope;
    size_t bytes;
    double value = -1;
    enum err err = outbox_get(box, seq, &envelope, &bytes, e);
    cr_assert(err == OK || err == ERR_CORRUPT, "%d", err);
    if (err == OK)
        memcpy(&value, (const uint8_t *)envelope + bytes - sizeof value, sizeof value);
    return value;
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static void flip(off_t at, int bit)
{
    int fd = open(file, O_RDWR);
    uint8_t byte;
    cr_assert(eq(int, (int)pread(fd, &byte, 1, at), 1));
    byte ^= (uint8_t)(1 << bit);
    cr_assert(eq(int, (int)pwrite(fd, &byte, 1, at), 1));
    close(fd);
}

static void make_full_box(void)
{
    struct err_text e = {0};
    cr_assert(eq(int, reopen(&e), OK), "%s", e.text);
    fill(1, ROWS);
    sync_box();
    outbox_close(&box);
}

Test(outbox_damage, each_single_bit_costs_one_submission_at_most_and_never_makes_another_one_of_it)
{
    make_full_box();
    off_t size = size_of(file);
    for (off_t at = 0; at < size; at += 3) {
        struct err_text e = {0};
        flip(at, (int)(at % 8));
        cr_assert(eq(int, reopen(&e), OK), "byte %ld: %s", (long)at, e.text);
        cr_assert(start.first_seq == 1 && start.next_seq == ROWS + 1, "byte %ld: %lu", (long)at, start.next_seq);
        int lost = 0;
        for (uint64_t seq = 1; seq <= ROWS; seq++) {
            double value = value_of(seq, &e);
            lost += value < 0;
            cr_assert(value < 0 || value == (double)seq, "byte %ld: submission %lu says %g", (long)at, seq, value);
        }
        cr_assert(le(int, lost, 1));
        cr_assert(lost == 0 || strstr(e.text, "is damaged (near byte"), "%s", e.text);
        outbox_close(&box);
        flip(at, (int)(at % 8));
        cr_assert(eq(int, truncate(file, size), 0));
    }
}

Test(outbox_damage, a_new_epoch_keeps_the_place_of_what_is_damaged_and_its_bytes_for_a_person)
{
    struct err_text e = {0};
    char kept[96];
    make_full_box();
    flip(OUTBOX_HEADS_BYTES + MARK_BYTES + (off_t)sizeof(struct outbox_record) + 6, 0); /* submission 1 */
    cr_assert(eq(int, reopen(&e), OK));
    cr_assert(lt(dbl, value_of(1, &e), 0));
    cr_assert(eq(int, outbox_renumber(box, 2, 1, &e), OK), "%s", e.text);
    cr_assert(lt(dbl, value_of(1, &e), 0));
    cr_assert(eq(dbl, value_of(2, &e), 2));
    snprintf(kept, sizeof kept, "%s/damaged", directory);
    cr_assert(gt(int, (int)size_of(kept), 0));
    cr_assert(eq(int, outbox_renumber(box, 3, 2, &e), OK));
    cr_assert(eq(int, reopen(&e), OK));
    cr_assert(start.epoch == 3 && start.first_seq == 1 && start.next_seq == ROWS);
    for (uint64_t seq = 1; seq < ROWS; seq++)
        cr_assert(eq(dbl, value_of(seq, &e), (double)seq + 1));
}

/* What was never synced has no mark after it. */
Test(outbox_damage, an_end_that_a_power_cut_tore_is_none)
{
    struct err_text e = {0};
    make_full_box();
    off_t size = size_of(file);
    cr_assert(eq(int, reopen(&e), OK));
    fill(ROWS + 1, ROWS + 5);
    sync_box();
    outbox_close(&box);
    flip(size + (off_t)sizeof(struct outbox_record) + 8, 1);
    cr_assert(eq(int, truncate(file, size_of(file) - MARK_BYTES), 0)); /* lost: nobody has synced it */
    cr_assert(eq(int, unlink(ends), 0));                               /* … nor gone on after that */
    flip(size + 9, 1);
    cr_assert(eq(int, reopen(&e), OK));
    cr_assert(eq(u64, start.next_seq, ROWS + 1));
    fill(ROWS + 1, ROWS + 2);
    cr_assert(eq(u64, sync_box(), ROWS + 2));
    cr_assert(eq(int, reopen(&e), OK));
    cr_assert(eq(u64, start.next_seq, ROWS + 3));
    cr_assert(eq(dbl, value_of(ROWS + 2, &e), ROWS + 2));
}

Test(outbox_damage, a_full_disk_keeps_what_went_in_and_says_how_much_that_is)
{
    struct err_text e = {0};
    uint64_t stored;
    make_full_box();
    struct rlimit all, little = {(rlim_t)size_of(file) + 1000, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert(eq(int, getrlimit(RLIMIT_FSIZE, &all), 0));
    cr_assert(eq(int, reopen(&e), OK));
    fill(ROWS + 1, 2 * ROWS);
    little.rlim_max = all.rlim_max;
    cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &little), 0));
    cr_assert(outbox_sync(box, &stored, &e) != OK && e.text[0]);
    cr_assert(stored > ROWS && stored < 2 * ROWS, "%lu", stored);
    cr_assert(eq(dbl, value_of(stored, &e), (double)stored));
    cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &all), 0));
    cr_assert(eq(u64, sync_box(), 2 * ROWS));
    cr_assert(eq(int, reopen(&e), OK));
    cr_assert(eq(u64, start.next_seq, 2 * ROWS + 1));
    for (uint64_t seq = 1; seq <= 2 * ROWS; seq++)
        cr_assert(eq(dbl, value_of(seq, &e), (double)seq));
}

Test(outbox_damage, the_room_of_what_is_settled_comes_back)
{
    struct err_text e = {0};
    cr_assert(eq(int, reopen(&e), OK));
    for (uint64_t seq = 1; seq <= 400000; seq += 2000) {
        fill(seq, seq + 1999);
        sync_box();
        outbox_settled(box, seq + 1999 - 10, seq);
    }
    off_t both = size_of(file);
    *strrchr(file, '0') = '1';
    both += size_of(file);
    cr_assert(lt(int, (int)both, 24 << 20));
    cr_assert(eq(dbl, value_of(400000, &e), 400000));
}

Test(outbox_damage, what_an_earlier_version_kept_is_not_passed_over)
{
    struct err_text e = {0};
    char path[96];
    snprintf(path, sizeof path, "%s/data", directory);
    cr_assert(eq(int, mkdir(path, 0700), 0));
    cr_assert(eq(int, reopen(&e), ERR_VERSION));
    cr_assert(strstr(e.text, "push what is in it with that one") != NULL, "%s", e.text);
}

/* ---- a queue that was cut off ---- */

static size_t read_whole(const char *path, uint8_t *data, size_t room)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, data, room);
    close(fd);
    cr_assert(n > 0 && (size_t)n < room);
    return (size_t)n;
}

static void write_whole(const char *path, const uint8_t *data, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(eq(int, (int)write(fd, data, bytes), (int)bytes));
    close(fd);
}

/* Everything that is whole comes out, everything else is said: it is damaged, or so many from here on are lost. */
static void assert_all_is_there_or_said(off_t at)
{
    struct err_text e = {0};
    cr_assert(eq(int, reopen(&e), OK), "cut at %ld: %s", (long)at, e.text);
    cr_assert(start.first_seq == 1, "cut at %ld", (long)at);
    for (uint64_t seq = 1; seq < start.next_seq; seq++) {
        double value = value_of(seq, &e);
        cr_assert(value == (double)seq, "cut at %ld: submission %lu says %g", (long)at, seq, value);
    }
    cr_assert(start.next_seq - 1 + start.lost == FEW, "cut at %ld: %lu to %lu, %lu lost", (long)at, start.first_seq,
              start.next_seq, start.lost);
    cr_assert(start.lost == 0 || start.lost_first == start.next_seq, "cut at %ld", (long)at);
}

Test(outbox_damage, cut_off_at_any_byte_what_is_lost_is_said_and_all_else_comes_out)
{
    static uint8_t whole[16384], known[1024];
    uint64_t before = 0;
    struct err_text e = {0};
    cr_assert(eq(int, reopen(&e), OK), "%s", e.text);
    fill(1, FEW);
    sync_box();
    outbox_close(&box);
    size_t bytes = read_whole(file, whole, sizeof whole), known_bytes = read_whole(ends, known, sizeof known);
    for (size_t at = 0; at < bytes; at++) {
        write_whole(file, whole, at);
        write_whole(ends, known, known_bytes);
        assert_all_is_there_or_said((off_t)at);
        cr_assert(start.next_seq > before, "a longer file has no less: %zu", at);
        before = start.next_seq - 1;
        outbox_close(&box);
    }
    cr_assert(eq(u64, before, FEW));
}

Test(outbox_damage, what_had_its_receipt_is_no_loss_when_the_queue_is_cut_off)
{
    struct err_text e = {0};
    cr_assert(eq(int, reopen(&e), OK));
    fill(1, ROWS);
    sync_box();
    outbox_settled(box, ROWS / 2, 99);
    uint64_t up_to;
    fill(ROWS + 1, ROWS + 1);
    cr_assert(eq(int, outbox_sync(box, &up_to, &e), OK));
    outbox_close(&box);
    cr_assert(eq(int, truncate(file, OUTBOX_HEADS_BYTES), 0));
    cr_assert(eq(int, reopen(&e), OK));
    cr_assert(eq(u64, start.first_seq, ROWS / 2 + 1));
    cr_assert(eq(u64, start.digest, 99));
    cr_assert(eq(u64, start.lost_first, ROWS / 2 + 1));
    cr_assert(eq(u64, start.lost, ROWS / 2 + 1));
}

Test(outbox_damage, a_loss_is_said_at_each_start_until_something_is_synced_and_the_line_is_kept)
{
    struct err_text e = {0};
    make_full_box();
    uint64_t line = start.line;
    cr_assert(eq(int, truncate(file, 0), 0));
    for (int i = 0; i < 2; i++) {
        cr_assert(eq(int, reopen(&e), OK), "%s", e.text);
        cr_assert(start.lost == ROWS && start.lost_first == 1 && start.line == line);
    }
    add(1, 1);
    cr_assert(eq(u64, sync_box(), 1));
    cr_assert(eq(int, reopen(&e), OK));
    cr_assert(start.lost == 0 && start.next_seq == 2 && start.line == line);
}

Test(outbox_damage, two_damaged_heads_cost_nothing_that_stands_behind_them)
{
    struct err_text e = {0};
    make_full_box();
    flip(60, 1);
    flip(OUTBOX_HEADS_BYTES / 2 + 60, 1);
    cr_assert(eq(int, reopen(&e), OK), "%s", e.text);
    cr_assert(start.next_seq == ROWS + 1 && start.lost == 0);
    cr_assert(eq(dbl, value_of(ROWS, &e), ROWS));
    cr_assert(eq(int, unlink(ends), 0));
    cr_assert(eq(int, reopen(&e), OK), "the heads are written again: %s", e.text);
    cr_assert(start.next_seq == ROWS + 1 && start.lost == 0);
}

Test(outbox_damage, what_of_the_half_of_a_submission_is_left_is_kept_for_a_person)
{
    struct err_text e = {0};
    char kept[96];
    make_full_box();
    cr_assert(eq(int, truncate(file, size_of(file) - MARK_BYTES - 9), 0));
    cr_assert(eq(int, reopen(&e), OK));
    cr_assert(eq(u64, start.lost, 1));
    snprintf(kept, sizeof kept, "%s/damaged", directory);
    cr_assert(gt(int, (int)size_of(kept), (int)sizeof(struct outbox_record)));
}
