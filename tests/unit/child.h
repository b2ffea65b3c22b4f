/* Children of a test: a function in a process of its own, which ends itself after CHILD_SECONDS. */
#pragma once
#include <sys/types.h>

enum { CHILD_SECONDS = 60 };

/* Its status is what `work` returns. Before anything is open that must not be used after a fork. */
pid_t child_start(int (*work)(void));
/* Waits for it: its status, or 100 + the signal that ended it. */
int child_finish(pid_t pid);
