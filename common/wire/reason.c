#include "wire/reason.h"

#define REFUSED(name, lower, text)                                                                                     \
    {                                                                                                                  \
        PARBUS__REASON__REFUSED_##name, #name, "refused_" #lower, text                                                 \
    }
#define REJECTED(name, lower, text)                                                                                    \
    {                                                                                                                  \
        PARBUS__REASON__REJECTED_##name, #name, "rejected_" #lower, text                                               \
    }

static const struct reason reasons[] = {
    {PARBUS__REASON__REASON_NONE, "NONE", "reason_none", "nothing is wrong"},
    REFUSED(MALFORMED, malformed, "the message cannot be read, or breaks a rule of the protocol"),
    REFUSED(TOO_LARGE, too_large, "the message, or a part of it, is larger than the protocol allows"),
    REFUSED(PROTOCOL_VERSION, protocol_version, "this ingestor speaks another version of the protocol"),
    REFUSED(NO_HELLO, no_hello, "the feeder has not said hello on this connection"),
    REFUSED(SEQUENCE_GAP, sequence_gap, "a submission before this one is missing; send again from the number named"),
    REFUSED(WINDOW, window, "more submissions, or more bytes of them, are without a receipt than the window allows"),
    REFUSED(STORAGE, storage, "the journal cannot be written, so no receipt can be given; wait and send again"),
    REFUSED(TOO_MANY_FEEDERS, too_many_feeders, "the journal knows as many feeders as it may (feeders_max)"),
    REFUSED(STALE_EPOCH, stale_epoch, "the feeder has started over with a greater epoch since"),
    REFUSED(NAME, name, "a feeder's name is 1 to 64 letters, digits, dots, underscores and hyphens"),
    REFUSED(INDEX_UNKNOWN, index_unknown, "no index has this code"),
    REFUSED(NOT_AUTHORISED, not_authorised, "the feeder may not do this"),
    REFUSED(EPOCH_AHEAD, epoch_ahead,
            "the epoch lies too far ahead of the ingestor's clock; one of the two clocks is wrong"),
    REFUSED(IN_USE, in_use, "another process, or another outbox, has this feeder's name"),
    REFUSED(BUSY, busy, "more is asked or sent at once than is answered; wait, and ask or send again"),
    REJECTED(INDEX_UNKNOWN, index_unknown, "no index had this code when the submission was taken"),
    REJECTED(PERIOD_UNKNOWN, period_unknown, "the index has no such open period"),
    REJECTED(UNIT_UNKNOWN, unit_unknown, "the registry has no such unit"),
    REJECTED(UNIT_AMBIGUOUS, unit_ambiguous, "the name fits several units; write the code"),
    REJECTED(STAGE_UNKNOWN, stage_unknown, "the index has no such stage"),
    REJECTED(INDICATOR_UNKNOWN, indicator_unknown, "the index has no such indicator"),
    REJECTED(INDICATOR_NOT_LEAF, indicator_not_leaf, "the indicator is made of others and takes no values of its own"),
    REJECTED(VALUE_NOT_FINITE, value_not_finite, "the value is not a finite number"),
    REJECTED(VALUE_OUT_OF_RANGE, value_out_of_range, "the value is outside the indicator's range"),
    REJECTED(OBSERVED_AT_INVALID, observed_at_invalid,
             "the time of observation is before 1970 or more than a day after the receipt"),
    REJECTED(EVIDENCE_INVALID, evidence_invalid,
             "the evidence names a row that is not there, or a SHA-256 that is not 32 bytes"),
    REJECTED(UNIT_NOT_IN_COHORT, unit_not_in_cohort, "the unit is in the registry, but this index does not rank it"),
    REJECTED(EMPTY, empty, "the submission has no rows"),
    REJECTED(POISON, poison, "workers died over this record again and again, so it was set aside"),
};
enum { REASON_COUNT = sizeof reasons / sizeof *reasons };

const struct reason *reason_of(Parbus__Reason reason)
{
    static const struct reason unknown = {PARBUS__REASON__REASON_NONE, "UNKNOWN", "reason_unknown",
                                          "a reason that this program does not know"};
    for (unsigned i = 0; i < REASON_COUNT; i++)
        if (reasons[i].reason == reason)
            return &reasons[i];
    return &unknown;
}

const struct reason *reason_table(unsigned *count)
{
    *count = REASON_COUNT;
    return reasons;
}
