/* The scorer's sources, a table for the reactor, and its state, around its core. */
#pragma once
#include "base/err.h"
#include "service/service.h"

/* Runs until a stop signal; OK then. */
enum err scorer_run(struct service *service, struct err_text *e);
