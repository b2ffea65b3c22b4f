/* The validator's sources, a table for the reactor, around its core. */
#pragma once
#include "base/err.h"
#include "service/service.h"

/* Runs until a stop signal; OK then. */
enum err validator_run(struct service *service, struct err_text *e);
