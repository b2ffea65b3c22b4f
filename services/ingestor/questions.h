/* What feeders and operators ask (rules D11 to D13); each question is answered at once. Private to the core. */
#pragma once
#include "services/ingestor/internal.h"

void questions_status(struct ingestor *i, uint64_t peer, const Parbus__Status *status);
void questions_describe(struct ingestor *i, uint64_t peer, const Parbus__Describe *ask, struct moment now);
void questions_stats(struct ingestor *i, uint64_t peer, struct moment now);
