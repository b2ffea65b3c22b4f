#include "auth/access.h"
#include "catalog/catalog.h"
#include "gate/gate.h"
#include "link/link.h"
#include "services/parbus/access/access.h"
#include "services/parbus/keys/keys.h"
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct given {
    const char *directory, *out, *door, *feed, *snapshots;
};

struct action {
    const char *name;
    int least, most; /* words */
    int (*run)(const struct given *g, char **word);
};

static const struct command *const self = &command_keys;

/* ---- what is journalled ---- */

static enum err ask(const struct given *g, Parbus__AccessChange *c, struct err_text *e)
{
    uint64_t control_seq;
    return access_ask(g->directory, c, &control_seq, e);
}

static enum err is_known(const struct given *g, const char *name, bool *known, struct err_text *e)
{
    struct catalog *c;
    enum err err = access_read(&c, g->directory, e);
    *known = !err && access_named(catalog_access(c), name) != ACCESS_NOBODY;
    catalog_destroy(&c);
    return err;
}

static enum err ask_identity(const struct given *g, const char *name, struct err_text *e)
{
    Parbus__IdentityAdded m = PARBUS__IDENTITY_ADDED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    bool known;
    m.name = (char *)name;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED;
    c.identity_added = &m;
    enum err err = is_known(g, name, &known, e);
    return err || known ? err : ask(g, &c, e);
}

static enum err ask_key(const struct given *g, const char *name, const uint8_t *key, struct err_text *e)
{
    Parbus__KeyAdded m = PARBUS__KEY_ADDED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    m.name = (char *)name;
    m.has_public_key = 1;
    m.public_key = (ProtobufCBinaryData){CONTEXT_KEY_BYTES, (uint8_t *)key};
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED;
    c.key_added = &m;
    enum err err = ask_identity(g, name, e);
    return err ? err : ask(g, &c, e);
}

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
    err = ask_key(g, word[0], c.public_key, &e);
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
    return told(ask_key(g, word[0], key, &e), &e, "%s has the key %s\n", word[0], word[1]);
}

static int revoke_key(const struct given *g, char **word)
{
    uint8_t key[CONTEXT_KEY_BYTES];
    struct err_text e;
    Parbus__KeyRevoked m = PARBUS__KEY_REVOKED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    if (!context_key_read(key, word[0]))
        return command_usage_error(self, "'%s' is no public key (parbus keys list)", word[0]);
    m.has_public_key = 1;
    m.public_key = (ProtobufCBinaryData){sizeof key, key};
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_KEY_REVOKED;
    c.key_revoked = &m;
    return told(ask(g, &c, &e), &e, "%s is revoked%s\n", word[0], ", and whoever was connected with it is cut off");
}

static void print_keys(const struct access *a, const char *only)
{
    const struct access_key *k;
    for (size_t i = 0, count = access_keys(a, &k); i < count; i++) {
        char text[CONTEXT_KEY_TEXT_BYTES];
        const char *name = access_identity(a, k[i].identity)->name;
        if (k[i].span.until || (only && strcmp(only, name) != 0))
            continue;
        context_key_text(text, k[i].public_key);
        printf("%-24s %s\n", name, text);
    }
}

static int list(const struct given *g, char **word)
{
    struct catalog *c;
    struct err_text e;
    enum err err = access_read(&c, g->directory, &e);
    if (!err)
        print_keys(catalog_access(c), word[0]);
    catalog_destroy(&c);
    return err ? command_failed(self, "%s", e.text) : 0;
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

/* Both keys are valid until the old one is revoked. */
static int rotate(const struct given *g, char **word)
{
    struct context c;
    struct err_text e;
    char path[PATH_MAX], old[CONTEXT_KEY_TEXT_BYTES] = "";
    prctl(PR_SET_DUMPABLE, 0);
    enum err err = named_context_path(path, word[0], false, &e);
    if (!err)
        err = context_read(&c, path, &e);
    if (err)
        return command_failed(self, "%s", e.text);
    context_key_text(old, c.public_key);
    err = context_draw(&c, &e);
    if (!err)
        err = ask_key(g, c.name, c.public_key, &e);
    if (!err)
        err = context_write(&c, path, true, &e);
    context_forget(&c);
    return told(err, &e, "%s has a new key. The old one is valid, too, until: parbus keys revoke '%s'\n", path, old);
}

/* ---- the command ---- */

static const struct action actions[] = {
    {"new", 1, 1, new_key},       {"add", 2, 2, add},   {"list", 0, 1, list},
    {"revoke", 1, 1, revoke_key}, {"show", 0, 1, show}, {"rotate", 1, 1, rotate},
};

static bool take_options(int argc, char **argv, struct given *g)
{
    static const struct option options[] = {{"out", required_argument, NULL, 'o'},
                                            {"door", required_argument, NULL, 'd'},
                                            {"feed", required_argument, NULL, 'f'},
                                            {"snapshots", required_argument, NULL, 's'},
                                            {0}};
    for (int found; (found = command_option(self, argc, argv, options)) != -1;) {
        const char **place = found == 'o' ? &g->out : found == 'd' ? &g->door : found == 'f' ? &g->feed : &g->snapshots;
        if (found == '?')
            return false;
        *place = optarg;
    }
    return true;
}

static int run(int argc, char **argv, const char *directory)
{
    struct given g = {.directory = directory};
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
    "new|add|list|show|revoke|rotate …",
    "who comes in over a network",
    "  new NAME [--out FILE] [--door ENDPOINT] [--feed ENDPOINT --snapshots ENDPOINT]\n"
    "                    a key for NAME, in a file (a context) with the server's key and addresses; default:\n"
    "                    NAME.context among yours. What NAME may do: parbus access\n"
    "  add NAME KEY      a public key that was made elsewhere\n"
    "  list [NAME]       the public keys that are valid\n"
    "  show [NAME|FILE]  what is in a context, but for its secret; of none: the server's public key\n"
    "  revoke KEY        it is not valid any more, at once\n"
    "  rotate NAME|FILE  a new key into this context; both are valid until the old one is revoked\n\n"
    "  parbus keys new h05 --door tcp://parbus.example.vn:5700\n"
    "  parbus push values.csv --context h05\n\n",
    run,
};
