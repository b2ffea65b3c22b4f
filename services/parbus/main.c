#include "catalog/fold.h"
#include "service/service.h"
#include "services/parbus/command.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &command_up,     &command_down,   &command_status, &command_health,  &command_doctor,  &command_scale,
    &command_push,   &command_feeder, &command_rank,   &command_watch,   &command_explain, &command_rejects,
    &command_replay, &command_verify, &command_backup, &command_restore, &command_load,    &command_catalog,
    &command_access, &command_keys,   &command_join,   &command_feeders,
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands, NEAR_ENOUGH = 3 };

/* These do not always need the directory, and look themselves whether they may work there. */
static const struct command *const elsewhere[] = {&command_catalog, &command_watch, &command_keys, &command_join,
                                                  &command_doctor};

static bool is_elsewhere(const struct command *c)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (elsewhere[i] == c)
            return true;
    return false;
}

/* What is left of the command line for the command itself. */
struct request {
    const char *directory;
    bool help, version;
    int argc;
    char **argv;
};

static void print_overview(FILE *out)
{
    fprintf(out, "parbus: live, exact, explainable rankings of public administration reform\n\n"
                 "usage: parbus COMMAND [option…] [--dir DIR]\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "\n  --dir DIR   where everything lives (default: $PARBUS_DIR, else ./var)\n"
                 "  --help      this text; after a command: about that command\n"
                 "  --version   the version\n");
}

static int print_help(const struct command *c)
{
    printf("parbus %s: %s\n\nusage: parbus %s %s\n", c->name, c->summary, c->name, c->usage);
    if (c->help && *c->help)
        printf("\n%s", c->help);
    printf("%s  --dir DIR  where everything lives (default: $PARBUS_DIR, else ./var)\n",
           c->help && *c->help ? "" : "\n");
    return 0;
}

static const struct command *find(const char *name)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const struct command *nearest = NULL;
    unsigned best = NEAR_ENOUGH;
    if (name[0] == '-') {
        fprintf(stderr, "parbus: unknown option %s\nTry 'parbus --help'.\n", name);
        return 2;
    }
    for (int i = 0; i < COMMAND_COUNT; i++) {
        size_t bytes = strlen(commands[i]->name);
        unsigned d = fold_distance(name, strlen(name), commands[i]->name, bytes);
        if (d < best && d < bytes) /* something of it must be right */
            best = d, nearest = commands[i];
    }
    fprintf(stderr, "parbus: there is no command '%s'", name);
    if (nearest)
        fprintf(stderr, "; did you mean '%s'?", nearest->name);
    fprintf(stderr, "\nTry 'parbus --help'.\n");
    return 2;
}

/* Takes the common options out, wherever they stand before "--"; argv is rearranged in place. false: --dir without DIR.
 */
static bool take_common(struct request *r, int argc, char **argv)
{
    bool plain = false;
    r->argv = argv + 1;
    for (int i = 1; i < argc; i++) {
        plain = plain || strcmp(argv[i], "--") == 0;
        if (!plain && (strcmp(argv[i], "--help") == 0 || (r->argc == 0 && strcmp(argv[i], "-h") == 0)))
            r->help = true;
        else if (!plain && r->argc == 0 && strcmp(argv[i], "--version") == 0)
            r->version = true;
        else if (!plain && strncmp(argv[i], "--dir=", 6) == 0)
            r->directory = argv[i] + 6;
        else if (!plain && strcmp(argv[i], "--dir") == 0) {
            if (++i == argc)
                return false;
            r->directory = argv[i];
        } else
            r->argv[r->argc++] = argv[i];
    }
    r->argv[r->argc] = NULL; /* never beyond the end: argv[0] is not among them */
    return true;
}

static const char *default_directory(void)
{
    const char *dir = getenv("PARBUS_DIR");
    return dir && *dir ? dir : "var";
}

/* The directory need not be there yet. */
static bool make_absolute(const char *directory, char absolute[static PATH_MAX])
{
    char here[PATH_MAX];
    if (realpath(directory, absolute))
        return true;
    if (directory[0] == '/')
        return snprintf(absolute, PATH_MAX, "%s", directory) < PATH_MAX;
    return getcwd(here, sizeof here) && snprintf(absolute, PATH_MAX, "%s/%s", here, directory) < PATH_MAX;
}

static int run(const struct request *r)
{
    char directory[PATH_MAX];
    const struct command *c = find(r->argv[0]);
    if (!c)
        return unknown(r->argv[0]);
    if (r->help)
        return print_help(c);
    if (!make_absolute(r->directory, directory))
        return command_usage_error(c, "the path of the directory is too long: %.80s…", r->directory);
    if (!is_elsewhere(c) && !command_may_work_in(c, directory))
        return 1;
    return c->run(r->argc, r->argv, directory);
}

static int help_command(const struct request *r)
{
    if (r->argc < 2)
        return print_overview(stdout), 0;
    const struct command *c = find(r->argv[1]);
    return c ? print_help(c) : unknown(r->argv[1]);
}

static int answer(int argc, char **argv)
{
    struct request r = {.directory = default_directory()};
    if (!take_common(&r, argc, argv) || !*r.directory) {
        fprintf(stderr, "parbus: --dir wants a directory\n");
        return 2;
    }
    if (r.version)
        return printf("parbus %s\n", PARBUS_VERSION), 0;
    if (r.argc == 0) {
        print_overview(r.help ? stdout : stderr);
        return r.help ? 0 : 2;
    }
    return strcmp(r.argv[0], "help") == 0 ? help_command(&r) : run(&r);
}

int main(int argc, char **argv)
{
    umask(077); /* what any command makes is for its owner alone */
    int status = answer(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "parbus: the output could not be written\n");
    return status ? status : 1;
}
