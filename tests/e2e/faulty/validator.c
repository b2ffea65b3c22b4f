#include "faulty.h"
#include "validate/validate.h"

uint32_t __real_validate_submission(const struct validate_input *in, validate_reject_fn *reject, void *ctx);
uint32_t __wrap_validate_submission(const struct validate_input *in, validate_reject_fn *reject, void *ctx);

uint32_t __wrap_validate_submission(const struct validate_input *in, validate_reject_fn *reject, void *ctx)
{
    for (size_t i = 0; i < in->submission->n_value; i++)
        look_at(in->submission->value[i], 0.75, 0.625);
    return __real_validate_submission(in, reject, ctx);
}
