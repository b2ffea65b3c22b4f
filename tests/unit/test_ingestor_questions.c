/* Describe and Stats at the ingestor's core (rules D12, D13). */
#include "ingestor_world.h"
#include "small_catalog.h"
#include <stdio.h>

TestSuite(ingestor_questions, .init = ingestor_world_start, .fini = ingestor_world_stop);

static uint64_t controls;

static void restore(Parbus__Control control)
{
    struct buffer packed = {0};
    struct err_text e;
    control.has_control_seq = 1;
    control.control_seq = ++controls;
    protobuf_c_message_pack(&control.base, buffer_grow(&packed, protobuf_c_message_get_packed_size(&control.base)));
    cr_assert_eq(ingestor_restore_control(t.core, controls, packed.data, packed.size, &e), OK, "%s", e.text);
    buffer_free(&packed);
}

/* The small catalog, its index under `more` other codes as well. */
static void publish(void *more, const Parbus__Control *control)
{
    restore(*control);
    for (int i = 0; control->body_case == PARBUS__CONTROL__BODY_DEFINITION && i < *(int *)more; i++) {
        Parbus__Control other = *control;
        Parbus__Definition definition = *control->definition;
        char index[16];
        snprintf(index, sizeof index, "mini-%d", i);
        definition.index = index;
        other.definition = &definition;
        restore(other);
    }
}

static void open_period(uint32_t series, int year)
{
    char period[16];
    snprintf(period, sizeof period, "%d", year);
    Parbus__PeriodOpened opened = PARBUS__PERIOD_OPENED__INIT;
    opened.has_series = opened.has_version = opened.version = 1;
    opened.series = series;
    opened.index = "mini", opened.period = period;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_PERIOD_OPENED;
    control.period_opened = &opened;
    restore(control);
}

static const Parbus__Description *describe(char *index)
{
    Parbus__Describe m = PARBUS__DESCRIBE__INIT;
    m.index = index;
    FROM_FEEDER(DESCRIBE, m);
    const ProtobufCMessage *answer = last_to_feeder(PARBUS__TO_FEEDER__BODY_DESCRIPTION);
    cr_assert_not_null(answer);
    return (const Parbus__Description *)answer;
}

Test(ingestor_questions, all_indices_and_periods_are_listed)
{
    int more = 1;
    small_catalog_controls(publish, &more);
    const Parbus__Description *d = describe("");
    cr_assert(d->n_index_known == 2 && !d->has_left_out);
    cr_assert_str_eq(d->index_known[1], "mini-0");
    d = describe("mini");
    cr_assert(d->n_period == 1 && !d->has_left_out && d->n_stage == 3);
    cr_assert_eq(describe("mini-0")->n_period, 0);
}

Test(ingestor_questions, what_a_description_has_no_room_for_is_counted)
{
    int more = 1030;
    small_catalog_controls(publish, &more);
    const Parbus__Description *d = describe("");
    cr_assert_eq(d->n_index_known, 1024);
    cr_assert_eq(d->left_out, 7);
    for (uint32_t i = 0; i < 4100; i++)
        open_period(i + 2, 3000 + (int)i);
    d = describe("mini");
    cr_assert_eq(d->n_period, 4096);
    cr_assert_eq(d->left_out, 5);
    cr_assert_str_eq(d->period[0], "3004", "the last ones opened");
    cr_assert_str_eq(d->period[4095], "7099");
}

Test(ingestor_questions, counters_bear_the_name_of_their_process)
{
    hello(1);
    submit(1);
    Parbus__Stats m = PARBUS__STATS__INIT;
    FROM_FEEDER(STATS, m);
    const Parbus__StatsReply *r = (const Parbus__StatsReply *)last_to_feeder(PARBUS__TO_FEEDER__BODY_STATS);
    cr_assert(r && r->n_counter);
    cr_assert_str_eq(r->counter[0]->instance, "ingestor-9");
}
