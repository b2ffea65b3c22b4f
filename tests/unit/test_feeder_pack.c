/* Submissions packed by hand, against the library. */
#include "base/bytes.h"
#include "client/feeder_pack.h"
#include "wire/wire.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static uint64_t random_state;
static uint32_t draw(uint32_t below)
{
    random_state = hash_mix(random_state + 0x9e3779b97f4a7c15ull);
    return (uint32_t)(random_state >> 32) % below;
}

static Parbus__Evidence *evidence_of(uint32_t row)
{
    static Parbus__Evidence e;
    parbus__evidence__init(&e);
    e.has_row = 1, e.row = row, e.uri = "https://example.org/biên-bản.pdf", e.note = "trang 3";
    return &e;
}

static void assert_packs_alike(Parbus__Submission *s)
{
    struct buffer by_library = {0}, by_hand = {0};
    struct feeder_pack_plan plan;
    wire_pack(&by_library, PARBUS__TO_INGESTOR__BODY_SUBMISSION, &s->base);
    feeder_pack_plan(&plan, s);
    feeder_pack_write(&plan, s, buffer_grow(&by_hand, plan.envelope));
    cr_assert(eq(sz, by_hand.size, by_library.size));
    cr_assert(memcmp(by_hand.data, by_library.data, by_hand.size) == 0);
    cr_assert(eq(u64, feeder_pack_seq(by_hand.data, by_hand.size), s->seq));
    for (size_t n = 0; n < by_hand.size && n < 40; n++)
        cr_assert(eq(u64, feeder_pack_seq(by_hand.data, n), 0));

    uint64_t seq = s->seq / 3 + 1;
    size_t skip = feeder_pack_renumber(by_hand.data, by_hand.size, seq <= s->seq ? seq : s->seq);
    s->seq = seq <= s->seq ? seq : s->seq;
    buffer_clear(&by_library);
    wire_pack(&by_library, PARBUS__TO_INGESTOR__BODY_SUBMISSION, &s->base);
    cr_assert(eq(sz, by_hand.size - skip, by_library.size));
    cr_assert(memcmp(by_hand.data + skip, by_library.data, by_library.size) == 0);
    buffer_free(&by_library);
    buffer_free(&by_hand);
}

Test(feeder_pack, packing_by_hand_gives_the_library_s_bytes)
{
    static uint32_t indicator[3000];
    static double value[3000];
    static int64_t times[3000];
    random_state = 3;
    for (int i = 0; i < 3000; i++)
        indicator[i] = draw(1u << draw(30)), value[i] = draw(1000) / 7.0, times[i] = (int64_t)draw(1u << 31) - 1000;
    for (int round = 0; round < 500; round++) {
        Parbus__Submission s = PARBUS__SUBMISSION__INIT;
        Parbus__Evidence *evidence = evidence_of(0);
        s.has_seq = 1, s.seq = 1 + (((uint64_t)draw(1u << 31) << 20) >> draw(50));
        s.index = "par-province", s.period = "2024", s.unit = "Bà Rịa – Vũng Tàu";
        s.has_stage = draw(2), s.stage = PARBUS__STAGE__STAGE_APPRAISED_2;
        s.has_retract = draw(2), s.retract = draw(2);
        s.has_observed_ms = draw(2), s.observed_ms = (int64_t)draw(1000000) - 500000;
        s.indicator = indicator, s.value = value, s.row_observed_ms = times, s.evidence = &evidence;
        s.n_indicator = draw(round < 250 ? 20 : 3000);
        s.n_value = s.has_retract && s.retract ? 0 : s.n_indicator;
        s.n_row_observed_ms = draw(2) ? s.n_indicator : 0;
        s.n_evidence = draw(2) && s.n_indicator;
        assert_packs_alike(&s);
    }
}

/* S8: what would be taken at the door is not held back here. */
Test(feeder_pack, a_row_may_have_several_pieces_of_evidence_but_in_order)
{
    uint32_t indicator[] = {1, 2};
    double value[] = {1, 2};
    Parbus__Evidence first = *evidence_of(0), again = first, second = *evidence_of(1);
    Parbus__Evidence *evidence[] = {&first, &again, &second};
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    struct err_text e = {""};
    s.index = "par-province", s.period = "2024", s.unit = "Cà Mau";
    s.n_indicator = s.n_value = 2, s.indicator = indicator, s.value = value;
    s.n_evidence = 3, s.evidence = evidence;
    cr_assert(eq(int, feeder_pack_check(&s, WIRE_ROWS_MAX, &e), OK), "%s", e.text);
    evidence[1] = &second, evidence[2] = &again;
    cr_assert(eq(int, feeder_pack_check(&s, WIRE_ROWS_MAX, &e), ERR_INVALID));
}
