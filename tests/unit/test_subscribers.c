/* How many subscriptions a connection to the feed has (rule F12). */
#include "services/publisher/subscribers.h"
#include <criterion/criterion.h>

static struct subscribers s;
static const char connection[2];

Test(subscribers, one_connection_has_so_many_and_others_have_theirs)
{
    for (int i = 0; i < 5; i++)
        cr_assert(subscribers_take(&s, &connection[0], true, 5));
    cr_assert_not(subscribers_take(&s, &connection[0], true, 5));
    cr_assert(subscribers_take(&s, &connection[1], true, 5));
}

Test(subscribers, what_is_wanted_no_more_makes_room)
{
    cr_assert(subscribers_take(&s, &connection[0], false, 1), "of what it never had");
    cr_assert(subscribers_take(&s, &connection[0], true, 1));
    cr_assert(subscribers_take(&s, &connection[0], false, 1));
    cr_assert(subscribers_take(&s, &connection[0], true, 1));
    cr_assert_not(subscribers_take(&s, &connection[0], true, 1));
}

Test(subscribers, what_a_connection_had_that_has_ended_is_nobody_s) { cr_assert(subscribers_take(&s, NULL, false, 0)); }
