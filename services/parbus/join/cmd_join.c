#include "link/link.h"
#include "services/parbus/command.h"
#include "services/parbus/join/draft.h"
#include "services/parbus/join/joining.h"
#include "services/parbus/keys/keys.h"
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PATIENCE_US = 20000000 };

static const struct command *const self = &command_join;

/* From standard input: whoever looks at the processes of this host sees arguments. A line that a mail has wrapped goes
 * on until it is whole. */
static enum err read_lines(struct invitation *i, struct err_text *e)
{
    char text[2 * INVITATION_TEXT_BYTES] = "";
    size_t used = 0;
    enum err err = ERR_NOT_FOUND;
    if (isatty(STDIN_FILENO))
        fprintf(stderr, "Paste the invitation, then Enter:\n");
    while (err && used + 1 < sizeof text && fgets(text + used, (int)(sizeof text - used), stdin)) {
        used += strlen(text + used);
        err = invitation_read(i, text, e);
    }
    if (!used)
        err_set(e, err, "there is no invitation on standard input (one line that begins with parbus-join:1)");
    explicit_bzero(text, sizeof text);
    return err;
}

static enum err read_invitation(struct invitation *i, const char *word, struct err_text *e)
{
    return word && strcmp(word, "-") != 0 ? invitation_read(i, word, e) : read_lines(i, e);
}

/* ---- joining ---- */

static enum err explain(enum err err, struct err_text *e)
{
    char why[sizeof e->text];
    if (err != ERR_TIMEOUT)
        return err;
    snprintf(why, sizeof why, "%s", e->text);
    return err_set(e, err,
                   "%.300s: is that address right, and reached from here? Or nobody is let in to join there at this "
                   "moment. The key that was made is kept: try again with the same invitation",
                   why);
}

static enum err join(const struct invitation *i, struct context *c, const char *path, struct err_text *e)
{
    struct joining j = {.with = c, .token = i->token};
    enum err err = draft_open(c, i, path, e);
    if (err)
        return err;
    err = joining_ask(&j, PATIENCE_US, e);
    if (err == ERR_INVALID)
        draft_remove(path);
    if (err)
        return explain(err, e);
    strcpy(c->name, j.name);
    return draft_keep(c, path, e);
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option options[] = {{"context", required_argument, NULL, 'c'}, {0}};
    struct invitation i;
    struct context c = {.name = ""};
    struct err_text e;
    char path[PATH_MAX];
    const char *named = NULL;
    (void)directory;
    for (int found; (found = command_option(self, argc, argv, options)) != -1;) {
        if (found == '?')
            return 2;
        named = optarg;
    }
    if (argc - optind > 1)
        return command_usage_error(self, "an invitation is one word");
    prctl(PR_SET_DUMPABLE, 0);
    enum err err = read_invitation(&i, argv[optind], &e);
    if (!err)
        err = named_context_path(path, named ? named : i.name, true, &e);
    if (!err)
        err = join(&i, &c, path, &e);
    explicit_bzero(&i, sizeof i);
    context_forget(&c);
    link_shutdown();
    if (err)
        return command_failed(self, "%s", e.text);
    printf("You are %s at %s. The key is in %s, which is yours alone; parbus push and parbus watch take it by "
           "themselves.\n",
           c.name, c.door, path);
    return 0;
}

const struct command command_join = {
    "join",
    "[INVITATION] [--context NAME]",
    "make a key for this machine, with an invitation",
    "The invitation is the line that parbus keys invite printed; without it, or as -, it is read from standard input,\n"
    "where nobody sees it. The key is made here, its secret half stays here, in a file that only you can read (a\n"
    "context); from then on push and watch need no option.\n\n"
    "  --context NAME    what the file is called, NAME.context (default: the name that was invited)\n"
    "  example: parbus join < invitation.txt\n",
    run,
};
