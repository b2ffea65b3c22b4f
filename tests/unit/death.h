/* Ways to spoil the state of a core, each of which must end the process as soon as the core goes on. */
#pragma once
#include <stddef.h>

enum { DEATHS_MAX = 32 };

struct deaths {          /* of one core */
    void (*sound)(void); /* makes one with which nothing is wrong; each way to spoil it begins with that */
    void (*go_on)(void);
    struct {
        const char *name; /* NULL: no more */
        void (*spoil)(void);
    } way[DEATHS_MAX];
};
extern const struct deaths coordinator_deaths, door_deaths, feeder_deaths, flow_deaths, publisher_deaths, scorer_deaths,
    validator_deaths;
