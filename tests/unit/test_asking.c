/* Who may ask how much (rule D20). */
#include "services/ingestor/asking.h"
#include <criterion/criterion.h>

enum { GOOD = 7, SECOND = 1000000 };

static struct asking a;
static struct metrics metrics;
static struct settings settings;
static int64_t now_us, retry_ms;

static void start(void)
{
    settings_defaults(&settings);
    settings.questions_per_s = 10;
    settings.questions_all_per_s = 40;
    metrics = (struct metrics){0};
    asking_init(&a, &settings, &metrics);
    now_us = 100 * SECOND;
    retry_ms = 0;
}

static void stop(void) { asking_free(&a); }

TestSuite(asking, .init = start, .fini = stop);

static enum asked ask(uint64_t peer) { return asking_take(&a, peer, now_us, &retry_ms); }

static int answered(uint64_t peer, int count)
{
    int n = 0;
    for (int i = 0; i < count; i++)
        n += ask(peer) == ASKED_ANSWER;
    return n;
}

Test(asking, a_connection_is_answered_so_often_and_then_told_when_to_ask_again)
{
    cr_assert_eq(answered(1, 10), 10);
    cr_assert_eq(ask(1), ASKED_REFUSE);
    cr_assert(retry_ms >= 100 && retry_ms <= 200, "%lld", (long long)retry_ms);
    cr_assert_eq(ask(1), ASKED_DROP, "it was told");
    cr_assert_eq(metrics.value[METRIC_questions_unanswered], 2);
    now_us += retry_ms * 1000;
    cr_assert_eq(ask(1), ASKED_ANSWER);
}

Test(asking, who_goes_on_all_the_same_is_cut_once)
{
    answered(1, 10);
    for (int i = 0; i < 100; i++)
        cr_assert_neq(ask(1), ASKED_CUT, "%d", i);
    cr_assert_eq(ask(1), ASKED_CUT);
    cr_assert_eq(ask(1), ASKED_DROP, "what had come already; its descriptor may be another one's by now");
    cr_assert_eq(metrics.value[METRIC_questioners_cut], 1);
    cr_assert_eq(metrics.value[METRIC_questions_unanswered], 102);
}

Test(asking, all_together_have_a_bound_and_who_asks_rarely_is_answered_all_the_same)
{
    int sum = 0;
    for (uint64_t peer = 100; peer < 120; peer++)
        sum += answered(peer, 10);
    cr_assert_eq(sum, 20 + 40, "the first one of each, and what all share");
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(ask(GOOD), ASKED_ANSWER);
        now_us += SECOND;
        for (uint64_t peer = 100; peer < 120; peer++)
            answered(peer, 10);
    }
}

Test(asking, more_connections_than_there_is_room_for_share_what_there_is)
{
    int64_t sum = 0;
    for (uint64_t peer = 1; peer <= 3 * ASKERS; peer++)
        sum += answered(peer, 1);
    cr_assert(sum >= ASKERS * 9 / 10 && sum <= 3 * ASKERS, "%lld", (long long)sum);
    now_us += 2 * SECOND;
    cr_assert_eq(ask(5 * ASKERS), ASKED_ANSWER);
}
