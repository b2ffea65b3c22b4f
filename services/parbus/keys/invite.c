/* The line that an officer is sent. */
#include "base/clock.h"
#include "base/date.h"
#include "context/invitation.h"
#include "gate/gate.h"
#include "link/link.h"
#include "services/parbus/keys/internal.h"
#include "services/parbus/supervisor/ask.h"
#include <stdio.h>
#include <string.h>

static const int64_t A_DAY_MS = 86400000;

/* ---- by which address ---- */

static bool is_everywhere(const char *endpoint)
{
    static const char *const hosts[] = {"tcp://0.0.0.0:", "tcp://*:", "tcp://[::]:"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (strncmp(endpoint, hosts[i], strlen(hosts[i])) == 0)
            return true;
    return false;
}

/* The first that processes were started with; NULL: none. */
static const char *started_with(const Parbus__Processes *runs, const char *option)
{
    size_t bytes = strlen(option);
    for (size_t i = 0; runs && i < runs->n_option; i++)
        if (strncmp(runs->option[i], option, bytes) == 0 && strncmp(runs->option[i] + bytes, " tcp://", 7) == 0)
            return runs->option[i] + bytes + 1;
    return NULL;
}

/* "tcp://0.0.0.0:5701" is, from elsewhere, that port of the host that is known already. */
static bool seen_from_elsewhere(char out[static CONTEXT_ENDPOINT_BYTES], const char *endpoint, const char *door)
{
    const char *port = strrchr(endpoint, ':'), *end = strrchr(door, ':');
    int used = is_everywhere(endpoint) ? snprintf(out, CONTEXT_ENDPOINT_BYTES, "%.*s%s", (int)(end - door), door, port)
                                       : snprintf(out, CONTEXT_ENDPOINT_BYTES, "%s", endpoint);
    return used < CONTEXT_ENDPOINT_BYTES;
}

static enum err find_door(struct invitation *i, const struct given *g, const Parbus__Processes *runs,
                          struct err_text *e)
{
    const char *door = g->door ? g->door : started_with(runs, "--door");
    if (!door)
        return err_set(e, ERR_NOT_FOUND,
                       "nobody can join: what runs in %s has no door to a network. Start it with one (parbus up --door "
                       "tcp://0.0.0.0:5700), or name the one that it has (--door tcp://HOST:PORT)",
                       g->directory);
    if (strncmp(door, "tcp://", 6) != 0 || strlen(door) >= sizeof i->door)
        return err_set(e, ERR_INVALID, "'%.80s' is no door to a network: tcp://HOST:PORT is wanted", door);
    if (is_everywhere(door))
        return err_set(e, ERR_INVALID,
                       "the door listens at every address of this host (%s): say which one it has for the others: "
                       "--door tcp://HOST%s",
                       door, strrchr(door, ':'));
    strcpy(i->door, door);
    return OK;
}

static enum err find_other(char out[static CONTEXT_ENDPOINT_BYTES], const char *given, const char *started,
                           const char *door, struct err_text *e)
{
    const char *endpoint = given ? given : started;
    bool fits = !endpoint || seen_from_elsewhere(out, endpoint, door);
    return fits ? OK : err_set(e, ERR_TOO_LARGE, "an address is too long");
}

/* Of a pipeline without a supervisor nothing is known: what is needed was said, or is missing. */
static enum err find_addresses(struct invitation *i, const struct given *g, struct err_text *e)
{
    Parbus__FromSupervisor *answer = NULL;
    struct err_text unknown;
    const Parbus__Processes *runs =
        supervisor_show(g->directory, &answer, &unknown) == OK && answer ? answer->processes : NULL;
    enum err err = find_door(i, g, runs, e);
    if (!err)
        err = find_other(i->feed, g->feed, started_with(runs, "--feed"), i->door, e);
    if (!err)
        err = find_other(i->snapshots, g->snapshots, started_with(runs, "--snapshots"), i->door, e);
    if (answer)
        parbus__from_supervisor__free_unpacked(answer, NULL);
    return err;
}

/* ---- the invitation ---- */

static enum err name_server(struct invitation *i, const struct given *g, struct err_text *e)
{
    struct context server;
    enum err err = gate_server_key(g->directory, &server, e);
    if (!err)
        memcpy(i->server_key, server.public_key, sizeof i->server_key);
    context_forget(&server);
    return err;
}

/* Standard output has the line alone. */
static void print(const char *name, const char *line, const struct keys_token *t)
{
    char until[DATE_TEXT_BYTES];
    date_format_ms(t->until_ms, until);
    printf("%s\n", line);
    fprintf(stderr,
            "Whoever has this line is %s once, until %s: hand it over so that nobody else reads it. On %s's machine: "
            "parbus join (it asks for the line). Withdraw it: parbus keys revoke %s. What %s may do: parbus access\n",
            name, until, name, t->id, name);
}

static enum err invite(const struct given *g, struct keys_token *t, char line[static INVITATION_TEXT_BYTES],
                       struct err_text *e)
{
    struct invitation i = {.name = ""};
    bool fits = snprintf(i.name, sizeof i.name, "%s", t->name) < (int)sizeof i.name;
    enum err err = fits ? find_addresses(&i, g, e) : err_set(e, ERR_INVALID, "the name is too long");
    if (!err)
        err = name_server(&i, g, e);
    if (!err)
        err = invitation_write(&i, line, e); /* an address that it cannot hold is found before anything is journalled */
    if (!err)
        err = keys_ask_token(g, t, i.token, sizeof i.token, e);
    if (!err)
        err = invitation_write(&i, line, e);
    explicit_bzero(&i, sizeof i);
    return err;
}

int keys_invite(const struct given *g, char **word)
{
    struct keys_token t = {.name = word[0], .invitation = true, .until_ms = clock_wall_ms() + A_DAY_MS};
    char line[INVITATION_TEXT_BYTES];
    struct err_text e;
    if (g->expires && !expires_read(g->expires, clock_wall_ms(), &t.until_ms))
        return command_usage_error(g->command, "--expires wants 30m, 12h, 7d, or a date or time to come, not '%s'",
                                   g->expires);
    enum err err = invite(g, &t, line, &e);
    link_shutdown();
    if (err)
        return command_failed(g->command, "%s", e.text);
    print(word[0], line, &t);
    explicit_bzero(line, sizeof line);
    return 0;
}
