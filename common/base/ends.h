/* How often a process of some name has ended lately, to tell one that dies in a loop from one that died once. Pure:
 * time comes in. Holds the ENDS_KEPT newest ends of all names together, some twenty times what a supervisor lets one
 * name have in a minute. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { ENDS_KEPT = 4096 };
#define ENDS_LATELY_US 60000000ll

struct ends { /* all zero: nobody has */
    struct {
        uint64_t name_hash;
        int64_t at_us;
    } end[ENDS_KEPT]; /* ring */
    size_t count;     /* ever; the newest is at (count - 1) % ENDS_KEPT */
};

/* now_us never goes back. */
void ends_add(struct ends *e, const char *name, int64_t now_us);
/* Ends of this name within ENDS_LATELY_US. O(ends of that time). */
uint32_t ends_lately(const struct ends *e, const char *name, int64_t now_us);
