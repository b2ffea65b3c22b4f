#include "base/err.h"
#include "death.h"
#include "services/validator/rejects.h"

static struct rejects rejects;

/* Two rows of entry 0 are rejected and one of entry 1, which is the present one. */
static struct rejects *rejecting(void)
{
    rejects_free(&rejects);
    rejects = (struct rejects){0};
    rejects_begin(&rejects, 100, 2);
    rejects_entry(&rejects, 0);
    rejects_add(&rejects, 1, PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE, "too large");
    rejects_add(&rejects, 2, PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE, "");
    rejects_entry(&rejects, 1);
    rejects_add(&rejects, 1, PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE, "too small");
    rejects_assert(&rejects); /* so far all is well */
    return &rejects;
}

static void a_reject_without_an_entry(void) { rejecting()->entry.size -= 4; }
static void a_reject_without_a_row(void) { rejecting()->row.size -= 4; }
static void a_reject_without_a_reason(void) { rejecting()->reason.size -= 4; }
static void a_reject_without_a_sentence(void) { rejecting()->detail_at.size -= sizeof(size_t); }
static void sentences_without_their_ends(void) { rejecting()->details.size = 2; }
static void an_entry_beyond_all_rejects(void) { rejecting()->entry_first = 4; }

static void sound(void) { rejecting(); }
static void go_on(void)
{
    Parbus__Verdicts verdicts = PARBUS__VERDICTS__INIT;
    rejects_put(&rejects, &verdicts);
    ASSERT(verdicts.n_reject_entry == 3);
}

const struct deaths validator_deaths = {
    sound,
    go_on,
    {
        {"a_reject_without_an_entry", a_reject_without_an_entry},
        {"a_reject_without_a_row", a_reject_without_a_row},
        {"a_reject_without_a_reason", a_reject_without_a_reason},
        {"a_reject_without_a_sentence", a_reject_without_a_sentence},
        {"sentences_without_their_ends", sentences_without_their_ends},
        {"an_entry_beyond_all_rejects", an_entry_beyond_all_rejects},
    },
};
