/* Copies of journal and state, and what an operator does with them: takes one back while the host stands still, and
 * deletes a state that does not follow from its journal. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct sim;

struct operator
{
    bool journal_copied, state_copied;
    bool copy_is_other; /* that of state has applied what was in the journal before it was taken back, and is there no
                           more, however long the journal gets */
    bool restored;      /* a journal, at some time */
    bool ahead;         /* state holds what the journal has not: nothing that it says counts until it is deleted */
    int64_t act_us;     /* looks after the state; 0: not at all */
};

void operator_copies(struct sim *s);
/* Stops the host and takes something back, if there is a copy. */
void operator_restores(struct sim *s);
/* When act_us has come. */
void operator_acts(struct sim *s);
