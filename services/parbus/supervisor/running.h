/* Who is at work in a directory, by the locks that they hold. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

/* A service (not the supervisor) whose lock is held: its instance name and process. */
bool running_find(const char *directory, char name[static 256], pid_t *pid);
