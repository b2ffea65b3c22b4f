#include "base/clock.h"
#include "base/date.h"
#include "link/link.h"
#include "services/parbus/access/access.h"
#include "services/parbus/command.h"
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

/* What was given with options; one that was not is NULL. */
struct given {
    const char *directory, *role, *stage, *until, *format, *note, *since, *name;
};

enum { OPTIONS = 7, ANY_OTHER_USER = 65534 };

/* A thing that can be done. Words are what follow its name. */
struct action {
    const char *name;
    int least, most; /* words */
    const char *options;
    int (*run)(const struct given *g, int words, char **word);
};

static const struct command *const self = &command_access;

static int change(const struct given *g, Parbus__AccessChange *c)
{
    char words[ACCESS_SENTENCE_BYTES];
    struct err_text e = {""};
    uint64_t control_seq;
    enum err err = access_ask(g->directory, c, &control_seq, &e);
    link_shutdown();
    if (err)
        return command_failed(self, "%s", e.text);
    if (c->change_case == PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE)
        c->grant_made->grant = control_seq;
    access_change_words(c, words, sizeof words);
    fprintf(stderr, "%s\n", words);
    return 0;
}

/* ---- identities, users, roles ---- */

static int identity_add(const struct given *g, int words, char **word)
{
    Parbus__IdentityAdded m = PARBUS__IDENTITY_ADDED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    (void)words;
    m.name = word[0];
    m.note = (char *)g->note;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED;
    c.identity_added = &m;
    return change(g, &c);
}

static int identity_remove(const struct given *g, int words, char **word)
{
    Parbus__IdentityRemoved m = PARBUS__IDENTITY_REMOVED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    (void)words;
    m.name = word[0];
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_REMOVED;
    c.identity_removed = &m;
    return change(g, &c);
}

/* By number, or by the name that this host knows. */
static bool read_user(const char *text, uint32_t *uid)
{
    long number;
    // cppcheck-suppress getpwnamCalled // one thread
    const struct passwd *p = getpwnam(text);
    bool found = p || command_number(text, 0, UINT32_MAX - 1, &number);
    *uid = p ? p->pw_uid : found ? (uint32_t)number : 0;
    return found;
}

static int user_add(const struct given *g, int words, char **word)
{
    Parbus__UserAdded m = PARBUS__USER_ADDED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    (void)words;
    m.name = word[0];
    m.has_uid = 1;
    if (!read_user(word[1], &m.uid))
        return command_failed(self, "this host has no user '%s'", word[1]);
    if (m.uid == ANY_OTHER_USER)
        return command_failed(self, "user %d is as whom anybody is seen in a namespace of users: nobody can be it",
                              ANY_OTHER_USER);
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_USER_ADDED;
    c.user_added = &m;
    return change(g, &c);
}

static int user_remove(const struct given *g, int words, char **word)
{
    Parbus__UserRemoved m = PARBUS__USER_REMOVED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    (void)words;
    m.has_uid = 1;
    if (!read_user(word[0], &m.uid))
        return command_failed(self, "this host has no user '%s'", word[0]);
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_USER_REMOVED;
    c.user_removed = &m;
    return change(g, &c);
}

static int role_add(const struct given *g, int words, char **word)
{
    Parbus__MemberAdded m = PARBUS__MEMBER_ADDED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    (void)words;
    m.role = word[0];
    m.name = word[1];
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_MEMBER_ADDED;
    c.member_added = &m;
    return change(g, &c);
}

static int role_remove(const struct given *g, int words, char **word)
{
    Parbus__MemberRemoved m = PARBUS__MEMBER_REMOVED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    (void)words;
    m.role = word[0];
    m.name = word[1];
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_MEMBER_REMOVED;
    c.member_removed = &m;
    return change(g, &c);
}

/* ---- grants ---- */

/* Verb, scope and stage as they were written. 0: they are right; else the exit status, said. */
static int read_right(const struct given *g, const char *verb, const char *scope, struct access_scope *texts,
                      Parbus__GrantMade *m)
{
    struct err_text e = {""};
    m->has_verb = 1;
    m->verb = access_verb(verb);
    if (!m->verb)
        return command_usage_error(self, "'%s' is none of submit, appraise, ballots, feed, operate, publish, access",
                                   verb);
    if (access_scope_read(scope ? scope : "*", texts, m, &e))
        return command_usage_error(self, "%s", e.text);
    m->has_stage = g->stage != NULL;
    m->stage = g->stage ? access_stage_read(g->stage) : PARBUS__STAGE__STAGE_UNKNOWN;
    if (g->stage && !m->stage)
        return command_usage_error(self, "'%s' is none of self, appraised_1, appraised_2, survey", g->stage);
    return 0;
}

static int read_until(const struct given *g, Parbus__GrantMade *m)
{
    m->has_until_ms = g->until != NULL;
    if (g->until && !date_parse_ms(g->until, &m->until_ms))
        return command_usage_error(
            self, "--until wants a date or a time, 2026-06-30 or 2026-06-30T17:00:00+07:00, not '%s'", g->until);
    return 0;
}

static int grant(const struct given *g, int words, char **word)
{
    Parbus__GrantMade m = PARBUS__GRANT_MADE__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    struct access_scope texts;
    m.role = (char *)g->role;
    if (!g->role)
        m.name = *word++, words--;
    if (m.name && !strcmp(m.name, "*"))
        m.name = NULL, m.role = (char *)ACCESS_ANYBODY;
    if (words < 1 || words > 2)
        return command_usage_error(self, "grant wants a name (or --role ROLE), a verb and a scope");
    int status = read_right(g, word[0], words > 1 ? word[1] : NULL, &texts, &m);
    if (!status)
        status = read_until(g, &m);
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE;
    c.grant_made = &m;
    return status ? status : change(g, &c);
}

static int revoke(const struct given *g, int words, char **word)
{
    Parbus__GrantRevoked m = PARBUS__GRANT_REVOKED__INIT;
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    long number;
    (void)words;
    if (!command_number(word[0], 1, INT64_MAX, &number))
        return command_usage_error(self, "revoke wants the number of a grant (parbus access list), not '%s'", word[0]);
    m.has_grant = 1;
    m.grant = (uint64_t)number;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_GRANT_REVOKED;
    c.grant_revoked = &m;
    return change(g, &c);
}

/* ---- what is read ---- */

static int list(const struct given *g, int words, char **word)
{
    struct catalog *c;
    struct err_text e = {""};
    struct access_table t = access_list_table;
    t.format = g->format ? g->format : t.format;
    enum err err = access_read(&c, g->directory, &e);
    if (!err)
        access_list(catalog_access(c), words ? word[0] : NULL, &t);
    catalog_destroy(&c);
    return err ? command_failed(self, "%s", e.text) : 0;
}

static int show_log(const struct given *g, int words, char **word)
{
    struct err_text e = {""};
    struct access_table t = access_log_table;
    struct access_log_wanted wanted = {.name = g->name};
    (void)words, (void)word;
    t.format = g->format ? g->format : t.format;
    if (g->since && !date_parse_ms(g->since, &wanted.since_ms))
        return command_usage_error(
            self, "--since wants a date or a time, 2026-06-30 or 2026-06-30T17:00:00+07:00, not '%s'", g->since);
    return access_log(g->directory, &wanted, &t, &e) ? command_failed(self, "%s", e.text) : 0;
}

static int check(const struct given *g, int words, char **word)
{
    Parbus__GrantMade scope = PARBUS__GRANT_MADE__INIT;
    struct access_scope texts;
    struct err_text e = {""};
    struct catalog *c;
    char sentence[ACCESS_SENTENCE_BYTES + 256];
    bool allowed = false;
    int status = read_right(g, word[1], words > 2 ? word[2] : NULL, &texts, &scope);
    if (status)
        return status;
    const struct access_check q = {word[0], scope.verb, &scope, scope.stage};
    enum err err = access_read(&c, g->directory, &e);
    if (!err)
        err = access_check(c, &q, clock_wall_ms(), &allowed, sentence, sizeof sentence, &e);
    catalog_destroy(&c);
    if (err)
        return command_failed(self, "%s", e.text);
    printf("%s\n", sentence);
    return !allowed;
}

/* ---- the command ---- */

static const struct action actions[] = {
    {"grant", 1, 3, "rsu", grant},
    {"revoke", 1, 1, "", revoke},
    {"list", 0, 1, "f", list},
    {"check", 2, 3, "s", check},
    {"log", 0, 0, "fSN", show_log},
    {"identity add", 1, 1, "n", identity_add},
    {"identity remove", 1, 1, "", identity_remove},
    {"user add", 2, 2, "", user_add},
    {"user remove", 1, 1, "", user_remove},
    {"role add", 2, 2, "", role_add},
    {"role remove", 2, 2, "", role_remove},
};
enum { ACTIONS = sizeof actions / sizeof *actions };

/* Of one word or two; *words is how many of them. */
static const struct action *find(int count, char **word, int *words)
{
    char two[64];
    for (*words = 1; *words <= 2 && *words <= count; ++*words) {
        snprintf(two, sizeof two, "%s%s%s", word[0], *words > 1 ? " " : "", *words > 1 ? word[1] : "");
        for (int i = 0; i < ACTIONS; i++)
            if (!strcmp(actions[i].name, two))
                return &actions[i];
    }
    return NULL;
}

/* false: said. seen: the letters of the options that were there. */
static bool take_options(int argc, char **argv, struct given *g, char seen[static OPTIONS + 1])
{
    static const struct option options[] = {
        {"role", required_argument, NULL, 'r'},  {"stage", required_argument, NULL, 's'},
        {"until", required_argument, NULL, 'u'}, {"format", required_argument, NULL, 'f'},
        {"note", required_argument, NULL, 'n'},  {"since", required_argument, NULL, 'S'},
        {"name", required_argument, NULL, 'N'},  {0}};
    const struct {
        char letter;
        const char **text;
    } places[] = {{'r', &g->role}, {'s', &g->stage}, {'u', &g->until}, {'f', &g->format},
                  {'n', &g->note}, {'S', &g->since}, {'N', &g->name}};
    for (int found; (found = command_option(self, argc, argv, options)) != -1;) {
        if (found == '?')
            return false;
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            if (places[i].letter == found) {
                *places[i].text = optarg;
                seen[i] = (char)found;
            }
    }
    return true;
}

static int run_action(const struct action *a, const struct given *g, const char *seen, int words, char **word)
{
    for (int i = 0; i < OPTIONS; i++)
        if (seen[i] && !strchr(a->options, seen[i]))
            return command_usage_error(self, "%s does not take one of these options", a->name);
    if (g->format && !access_format_ok(g->format))
        return command_usage_error(self, "there is no format '%s'", g->format);
    if (words < a->least || words > a->most)
        return command_usage_error(self, "%s: too %s words", a->name, words < a->least ? "few" : "many");
    return a->run(g, words, word);
}

static int run(int argc, char **argv, const char *directory)
{
    struct given g = {.directory = directory};
    char seen[OPTIONS + 1] = "";
    int words;
    if (!take_options(argc, argv, &g, seen))
        return 2;
    if (optind == argc)
        return command_usage_error(self, "what is to be done?");
    const struct action *a = find(argc - optind, argv + optind, &words);
    if (!a)
        return command_usage_error(self, "there is no '%s'", argv[optind]);
    return run_action(a, &g, seen, argc - optind - words, argv + optind + words);
}

const struct command command_access = {
    "access",
    "grant|revoke|list|check|log|identity|user|role …",
    "who may do what",
    "  identity add NAME [--note TEXT]           somebody, by name; a feeder's name is its identity\n"
    "  identity remove NAME                      with its keys, users, roles and grants\n"
    "  user add NAME USER                        a user of this host, by name or number, is this identity\n"
    "  user remove USER\n"
    "  role add ROLE NAME                        what is granted to the role, NAME may too\n"
    "  role remove ROLE NAME\n"
    "  grant NAME VERB [SCOPE]                   lets NAME do VERB in SCOPE, and says the number of this grant\n"
    "  grant --role ROLE VERB [SCOPE]            the same for all who have the role\n"
    "  grant '*' feed [SCOPE]                    opens a ranking: anybody may follow it, known or not\n"
    "    [--stage S] [--until TIME]              for one stage alone; up to a date or time\n"
    "  revoke NUMBER                             takes a grant back, at once\n"
    "  list [NAME]                               what holds, of all or of an identity or role\n"
    "  check NAME VERB [SCOPE] [--stage S]       whether NAME may, and by which grant; exit status 1: not\n"
    "  log [--since TIME] [--name NAME]          who came in or was refused, and who changed what, when and from\n"
    "                                            where; of one name alone\n"
    "    [--format table|csv|json]               of list and log\n\n"
    "VERB is submit (values of stage self), appraise (appraised_1, appraised_2), ballots (survey), feed, operate,\n"
    "publish or access. SCOPE is INDEX/PERIOD:UNIT@CRITERION; * or nothing fits everything; unit H05.* also all whose\n"
    "code begins with \"H05.\"; a criterion by its code, with all that is under it.\n\n"
    "  parbus access identity add h05 --note 'Hải Phòng'\n"
    "  parbus access grant h05 submit 'qd766/*:H05' --until 2027-01-01\n"
    "  parbus access check h05 submit qd766/2025:H05@1.2\n\n",
    run,
};
