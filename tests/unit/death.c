/* What must end a process, one per run, for test_states.c:
 *     death step MACHINE FROM TO    a state machine takes a step (numbers)
 *     death WAY                     a core goes on whose state was spoilt in that way
 *     death                         lists the ways, one a line
 *     death sound                   all cores go on, and nothing is wrong with them
 * Whatever does not end it by SIGABRT exits with 0. */
#include "death.h"
#include "base/err.h"
#include "machines.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const struct deaths *const cores[] = {&coordinator_deaths, &door_deaths,   &feeder_deaths,   &flow_deaths,
                                             &publisher_deaths,   &scorer_deaths, &validator_deaths};
enum { CORE_COUNT = sizeof cores / sizeof *cores };

static int step(char **argv)
{
    const struct state_machine *m = machines[atoi(argv[0])];
    unsigned state = (unsigned)atoi(argv[1]);
    STATE_ENTER(m, state, (unsigned)atoi(argv[2]));
    return 0;
}

/* NULL: lists them. */
static int die(const char *name)
{
    for (size_t c = 0; c < CORE_COUNT; c++)
        for (size_t i = 0; i < DEATHS_MAX && cores[c]->way[i].name; i++) {
            if (!name) {
                puts(cores[c]->way[i].name);
            } else if (strcmp(cores[c]->way[i].name, name) == 0) {
                cores[c]->way[i].spoil();
                fputs("spoilt\n", stderr);
                cores[c]->go_on();
                return 0;
            }
        }
    return name ? 2 : 0;
}

static int live(void)
{
    for (size_t c = 0; c < CORE_COUNT; c++) {
        cores[c]->sound();
        cores[c]->go_on();
    }
    return 0;
}

int main(int argc, char **argv)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    signal(SIGABRT, SIG_DFL); /* a death that is wanted is no sanitizer's report */
    if (argc == 2 && strcmp(argv[1], "sound") == 0)
        return live();
    return argc == 5 ? step(argv + 2) : die(argc > 1 ? argv[1] : NULL);
}
