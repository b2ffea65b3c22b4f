#include "gate/gate.h"
#include "link/link.h"
#include "services/parbus/keys/internal.h"
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct action {
    const char *name;
    int least, most; /* words */
    int (*run)(const struct given *g, char **word);
};

static const struct command *const self = &command_keys;

/* ---- actions ---- */

static int told(enum err err, const struct err_text *e, const char *format, const char *name, const char *more)
{
    link_shutdown();
    if (err)
        return command_failed(self, "%s", e->text);
    fprintf(stderr, format, name, more);
    return 0;
}

static enum err fill(struct context *c, const struct given *g, const char *name, struct err_text *e)
{
    struct context server;
    *c = (struct context){.has_server = true};
    bool fits =
        snprintf(c->name, sizeof c->name, "%s", name) < (int)sizeof c->name &&
        snprintf(c->door, sizeof c->door, "%s", g->door ? g->door : "") < (int)sizeof c->door &&
        snprintf(c->feed, sizeof c->feed, "%s", g->feed ? g->feed : "") < (int)sizeof c->feed &&
        snprintf(c->snapshots, sizeof c->snapshots, "%s", g->snapshots ? g->snapshots : "") < (int)sizeof c->snapshots;
    enum err err = fits ? gate_server_key(g->directory, &server, e) : err_set(e, ERR_TOO_LARGE, "that is too long");
    if (!err) {
        memcpy(c->server_key, server.public_key, sizeof c->server_key);
        context_forget(&server);
        err = context_draw(c, e);
    }
    return err;
}

/* The file first: a key that is known and that nobody has would be of no use. */
static int new_key(const struct given *g, char **word)
{
    struct context c;
    struct err_text e;
    char path[PATH_MAX];
    enum err err = named_context_path(path, g->out ? g->out : word[0], true, &e);
    if (!err)
        err = fill(&c, g, word[0], &e);
    if (!err)
        err = context_write(&c, path, false, &e);
    if (err)
        return command_failed(self, "%s", e.text);
    err = keys_ask_key(g, word[0], c.public_key, &e);
    if (err && err != ERR_TIMEOUT)
        unlink(path);
    context_forget(&c);
    return told(err, &e, "%1$s has a key. Whoever has the file %2$s is %1$s: hand it over safely, and keep no copy\n",
                word[0], path);
}

static int add(const struct given *g, char **word)
{
    uint8_t key[CONTEXT_KEY_BYTES];
    struct err_text e;
    if (!context_key_read(key, word[1]))
        return command_usage_error(self, "'%s' is no public key: those have 40 characters", word[1]);
    return told(keys_ask_key(g, word[0], key, &e), &e, "%s has the key %s\n", word[0], word[1]);
}

/* A key, or what a token or an invitation is called by. */
static int revoke_it(const struct given *g, char **word)
{
    uint8_t key[CONTEXT_KEY_BYTES];
    struct err_text e;
    if (!context_key_read(key, word[0]))
        return told(keys_ask_token_revoked(g, word[0], &e), &e, "%s is revoked%s\n", word[0], "");
    return told(keys_ask_revoked(g, key, &e), &e, "%s is revoked%s\n", word[0],
                ", and whoever was connected with it is cut off");
}

static void print_line(const char *name, const char *value)
{
    if (*value)
        printf("%-10s %s\n", name, value);
}

/* Nothing that is secret. */
static void print_context(const struct context *c)
{
    char text[CONTEXT_KEY_TEXT_BYTES];
    print_line("name", c->name);
    context_key_text(text, c->public_key);
    print_line("public", text);
    if (c->has_server) {
        context_key_text(text, c->server_key);
        print_line("server", text);
    }
    print_line("door", c->door);
    print_line("feed", c->feed);
    print_line("snapshots", c->snapshots);
}

static int show(const struct given *g, char **word)
{
    struct context c;
    struct err_text e;
    char path[PATH_MAX];
    prctl(PR_SET_DUMPABLE, 0);
    enum err err = word[0] ? named_context_path(path, word[0], false, &e) : OK;
    if (!err)
        err = word[0] ? context_read(&c, path, &e) : gate_server_key(g->directory, &c, &e);
    if (err)
        return command_failed(self, "%s", e.text);
    print_context(&c);
    context_forget(&c);
    return 0;
}

/* ---- the command ---- */

static const struct action actions[] = {
    {"invite", 1, 1, keys_invite}, {"new", 1, 1, new_key},        {"add", 2, 2, add},
    {"list", 0, 1, keys_list},     {"revoke", 1, 1, revoke_it},   {"show", 0, 1, show},
    {"token", 1, 1, keys_token},   {"tokens", 0, 1, keys_tokens}, {"rotate", 0, 1, keys_rotate},
};

static bool take_options(int argc, char **argv, struct given *g)
{
    static const struct option options[] = {{"out", required_argument, NULL, 1},
                                            {"door", required_argument, NULL, 2},
                                            {"feed", required_argument, NULL, 3},
                                            {"snapshots", required_argument, NULL, 4},
                                            {"expires", required_argument, NULL, 5},
                                            {"overlap", required_argument, NULL, 6},
                                            {0}};
    const char **const place[] = {NULL, &g->out, &g->door, &g->feed, &g->snapshots, &g->expires, &g->overlap};
    for (int found; (found = command_option(self, argc, argv, options)) != -1;) {
        if (found == '?')
            return false;
        *place[found] = optarg;
    }
    return true;
}

static int run(int argc, char **argv, const char *directory)
{
    struct given g = {.command = self, .directory = directory};
    char *word[3] = {NULL};
    if (!take_options(argc, argv, &g))
        return 2;
    if (optind == argc)
        return command_usage_error(self, "what is to be done?");
    int words = argc - optind - 1;
    for (int i = 0; i < words && i < 2; i++)
        word[i] = argv[optind + 1 + i];
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (!strcmp(actions[i].name, argv[optind]))
            return words < actions[i].least || words > actions[i].most
                       ? command_usage_error(self, "%s: too %s words", actions[i].name,
                                             words < actions[i].least ? "few" : "many")
                       : actions[i].run(&g, word);
    return command_usage_error(self, "there is no '%s'", argv[optind]);
}

const struct command command_keys = {
    "keys",
    "invite|new|add|list|show|token|tokens|revoke|rotate …",
    "who comes in over a network",
    "  invite NAME [--expires 1d] [--door ENDPOINT] [--feed ENDPOINT --snapshots ENDPOINT]\n"
    "                    one line for the machine of NAME, where parbus join makes a key of its own; good once. The\n"
    "                    addresses are those that parbus up was given, as seen from there\n"
    "  new NAME [--out FILE] [--door ENDPOINT] [--feed ENDPOINT --snapshots ENDPOINT]\n"
    "                    a key for NAME, in a file (a context) with the server's key and addresses; default:\n"
    "                    NAME.context among yours. What NAME may do: parbus access\n"
    "  add NAME KEY      a public key that was made elsewhere\n"
    "  list [NAME]       the public keys that are valid\n"
    "  show [NAME|FILE]  what is in a context, but for its secret; of none: the server's public key\n"
    "  token NAME --expires 90d\n"
    "                    a secret that is shown with each request (HTTP); printed once, kept as a hash alone\n"
    "  tokens [NAME]     tokens and invitations that are valid\n"
    "  revoke KEY|TOKEN  it is not valid any more, at once\n"
    "  rotate [NAME|FILE] [--overlap 7d]\n"
    "                    a new key into this context (default: yours), asked for with the old one, which is valid for\n"
    "                    the overlap, too\n\n"
    "  parbus keys new h05 --door tcp://parbus.example.vn:5700\n"
    "  parbus push values.csv --context h05\n\n",
    run,
};
