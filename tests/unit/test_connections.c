/* How many connections a process has from each address and in all. */
#include "service/connections.h"
#include <criterion/criterion.h>

static struct connections c;
static bool gone[64];
static int64_t now_us;

static bool is_open(int fd, const struct connection *one)
{
    (void)one;
    return !gone[fd];
}

static void start(void)
{
    c = (struct connections){.most = 8, .most_per_address = 3};
    now_us = 1000000;
}

static void stop(void) { connections_free(&c); }

TestSuite(connections, .init = start, .fini = stop);

static bool admit(int fd, uint64_t address)
{
    now_us += 100000;
    return connections_admit(&c, fd, (struct connection){address, (uint64_t)fd, false}, is_open, now_us);
}

Test(connections, an_address_has_so_many_and_others_have_theirs)
{
    for (int fd = 10; fd < 13; fd++)
        cr_assert(admit(fd, 77));
    cr_assert_not(admit(13, 77));
    cr_assert(admit(13, 78));
}

Test(connections, all_have_so_many)
{
    for (int fd = 10; fd < 18; fd++)
        cr_assert(admit(fd, (uint64_t)fd));
    cr_assert_not(admit(18, 99));
}

Test(connections, one_that_ended_makes_room)
{
    for (int fd = 10; fd < 13; fd++)
        admit(fd, 77);
    gone[11] = true;
    cr_assert(admit(13, 77));
    cr_assert_not(admit(14, 77));
}

Test(connections, a_descriptor_that_is_used_again_is_no_second_connection)
{
    for (int i = 0; i < 20; i++)
        cr_assert(admit(10, 77));
    cr_assert(admit(11, 77) && admit(12, 77));
    cr_assert_not(admit(13, 77));
}

Test(connections, those_who_are_turned_away_do_not_make_it_look_each_time)
{
    for (int fd = 10; fd < 13; fd++)
        admit(fd, 77);
    admit(13, 77);
    gone[12] = true;
    cr_assert_not(connections_admit(&c, 13, (struct connection){77, 13, false}, is_open, now_us + 1));
    cr_assert(admit(13, 77));
}

Test(connections, many_descriptors)
{
    c.most = c.most_per_address = 1000;
    for (int fd = 100; fd < 1100; fd++)
        cr_assert(connections_admit(&c, fd, (struct connection){77, 1, false}, is_open, 1));
    cr_assert_not(connections_admit(&c, 1100, (struct connection){77, 1, false}, is_open, 1));
}

Test(connections, an_address_whose_connections_are_cut_off_gets_new_ones_slowly)
{
    c.most = c.most_per_address = 1000;
    for (int fd = 10; fd < 60; fd++)
        cr_assert(connections_admit(&c, fd, (struct connection){77, 1, true}, is_open, now_us));
    for (int fd = 10; fd < 60; fd++)
        connections_punish(&c, fd, now_us);
    int in = 0;
    for (int ms = 0; ms < 1000; ms++)
        in += connections_admit(&c, 10, (struct connection){77, 1, true}, is_open, now_us + ms * 1000);
    cr_assert_eq(in, PENALTIES_PER_S);
    cr_assert(connections_admit(&c, 11, (struct connection){78, 1, true}, is_open, now_us), "others do not feel it");
    cr_assert(connections_admit(&c, 10, (struct connection){77, 1, true}, is_open, now_us + 6000000));
    cr_assert(connections_admit(&c, 12, (struct connection){77, 1, true}, is_open, now_us + 6000000), "it is over");
}

Test(connections, those_of_this_host_are_not_counted)
{
    for (int fd = 10; fd < 60; fd++)
        cr_assert(connections_admit(&c, fd, (struct connection){77, 0, true}, is_open, now_us));
    cr_assert(admit(5, 78));
}
