/* What feeders submit: taken into the group, or refused (rules D5 to D9). */
#pragma once
#include "base/moment.h"
#include "services/ingestor/door.h"

/* body: its bytes as received. */
void submissions_take(struct door *d, uint64_t peer, const Parbus__Submission *s, const uint8_t *body, size_t bytes,
                      struct moment now);
/* One whose seq could be read but that breaks a rule: used up when it was the next one (D9). */
struct bad_submission {
    uint64_t seq;
    const uint8_t *body; /* as received */
    size_t bytes;
    Parbus__Reason reason;
    const char *detail;
};
void submissions_take_bad(struct door *d, uint64_t peer, const struct bad_submission *bad, struct moment now);
/* Whether the group has its size. */
bool submissions_full(const struct door *d);
