/* A catalog that follows the journal by messages from the ingestor, who alone reads it (rule I20): which control
 * records are missing, when to ask for them, and what comes applied in order, each once. Validator, scorer and
 * publisher use it; replay and the command line read the journal instead.
 *
 * Pure: messages and time come in, the question to be sent goes out. One thread. Whatever is lost, repeated or out of
 * order on the way costs a question more. Memory: the catalog, and one control that comes in pieces. */
#pragma once
#include "base/buffer.h"
#include "catalog/catalog.h"
#include "inside.pb-c.h"

enum {
    FOLLOW_ASK_AGAIN_US = 200000,         /* a question without an answer is asked again */
    FOLLOW_CONTROL_BYTES_MAX = 512 << 20, /* of one control: a registry of a million units with long names */
};

struct follow {
    struct catalog *catalog; /* the caller's; nobody else applies anything to it */
    uint64_t last;           /* the greatest control seq heard of */
    struct buffer piece;     /* beginning of the control after the catalog's last */
    int64_t ask_us;          /* not to be asked before */
};

/* The catalog may know controls already. */
void follow_init(struct follow *f, struct catalog *catalog);
void follow_free(struct follow *f);

/* Whether the catalog knows the controls up to here; if not, they count as missing from now on. */
bool follow_knows(struct follow *f, uint64_t control_seq);
/* Whether it knows all that it has heard of. */
bool follow_complete(const struct follow *f);

/* Applies what is next in it; what is known already, or comes too early, is left out. The catalog has changed when its
 * control seq has. ERR_INVALID, ERR_CORRUPT, ERR_TOO_LARGE: a control cannot be applied, and never will be. */
enum err follow_take(struct follow *f, const Parbus__Controls *controls, int64_t now_us, struct err_text *e);

/* Whether something is missing and it is time to ask for it; then *ask is to be sent, and the time counts from now. */
bool follow_ask(struct follow *f, Parbus__ControlsWanted *ask, int64_t now_us);
/* When follow_ask may say true next; INT64_MAX: nothing is missing. */
int64_t follow_deadline_us(const struct follow *f);
