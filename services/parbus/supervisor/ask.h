/* Talking to the supervisor of a directory (proto/supervisor.proto): how to ask; serve.c answers. */
#pragma once
#include "base/err.h"
#include "supervisor.pb-c.h"
#include <stdio.h>

/* One question, one answer; the answer is given back with parbus__from_supervisor__free_unpacked. ERR_NOT_FOUND: no
 * supervisor runs in the directory; ERR_TIMEOUT: it does not answer; ERR_INVALID: it refused. The text is for people.
 */
enum err supervisor_ask(const char *directory, const Parbus__ToSupervisor *question, Parbus__FromSupervisor **answer,
                        struct err_text *e);
enum err supervisor_show(const char *directory, Parbus__FromSupervisor **answer, struct err_text *e);

/* Asks until everything runs (and has stopped that shall not). ERR_TIMEOUT: not within timeout_ms. */
enum err supervisor_wait_ready(const char *directory, int timeout_ms, struct err_text *e);

/* One line per process, under a line of headings. */
void processes_print(FILE *out, const Parbus__Processes *processes);
