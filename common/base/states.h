/* State machines as tables: which state may follow which, asserted in release builds too.
 *
 * A machine lists its edges once, in its header, each with its reason; that list is the diagram:
 *     #define DOOR_EDGES(X)                                          \
 *         X(DOOR_SHUT, DOOR_OPEN, "a key fits")                      \
 *         X(DOOR_OPEN, DOOR_SHUT, "someone goes")
 *     extern const struct state_machine door_machine;
 * and has one function that changes the state, with STATE_ENTER. What is no edge ends the process with both states'
 * names: it is a bug of ours, never something that a peer, a file or a disk could bring about. O(1), no memory. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATES_MAX = 8 };

struct state_edge {
    uint8_t from, to;
    const char *why;
};

struct state_machine {
    const char *name;
    const char *const *state; /* their names */
    unsigned state_count;
    const struct state_edge *edge;
    size_t edge_count;
    uint64_t edges; /* bit from * STATES_MAX + to */
};

#define STATE_EDGE_BIT(from, to) (1ull << ((from)*STATES_MAX + (to)))
#define STATE_EDGE_OR(from, to, why) | STATE_EDGE_BIT(from, to)
#define STATE_EDGE_ROW(from, to, why) {from, to, why},

/* Defines `machine` from an edge list and the names of the states, in order; once, in a source file. */
#define STATE_MACHINE(machine, title, EDGES, ...)                                                                      \
    static const char *const machine##_names[] = {__VA_ARGS__};                                                        \
    static const struct state_edge machine##_edges[] = {EDGES(STATE_EDGE_ROW)};                                        \
    const struct state_machine machine = {title,                                                                       \
                                          machine##_names,                                                             \
                                          sizeof machine##_names / sizeof *machine##_names,                            \
                                          machine##_edges,                                                             \
                                          sizeof machine##_edges / sizeof *machine##_edges,                            \
                                          0 EDGES(STATE_EDGE_OR)}

static inline bool state_may(const struct state_machine *m, unsigned from, unsigned to)
{
    return from < m->state_count && to < m->state_count && (m->edges & STATE_EDGE_BIT(from, to));
}

/* "?" for what is no state. */
const char *state_name(const struct state_machine *m, unsigned state);

_Noreturn void state_failed(const struct state_machine *m, unsigned from, unsigned to, const char *file, int line);

/* The variable goes from its state to another one. */
#define STATE_ENTER(machine, variable, to)                                                                             \
    do {                                                                                                               \
        if (!state_may(machine, variable, to))                                                                         \
            state_failed(machine, variable, to, __FILE__, __LINE__);                                                   \
        (variable) = (to);                                                                                             \
    } while (0)
