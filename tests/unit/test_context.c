#include "context/context.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[64], path[PATH_MAX];
static struct context c;
static struct err_text why;

static void begin(void)
{
    snprintf(place, sizeof place, "/tmp/parbus-context-XXXXXX");
    cr_assert(mkdtemp(place));
    snprintf(path, sizeof path, "%s/h05.context", place);
    c = (struct context){.name = "h05", .door = "tcp://127.0.0.1:5700", .has_server = true};
    memset(c.server_key, 7, sizeof c.server_key);
    cr_assert_eq(context_draw(&c, &why), OK, "%s", why.text);
}

static void finish(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", place);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): a directory of our own */
}
TestSuite(context, .init = begin, .fini = finish);

static void write_text(const char *text)
{
    FILE *out = fopen(path, "w");
    cr_assert(out);
    fputs(text, out);
    fclose(out);
    cr_assert_eq(chmod(path, 0600), 0);
}

static enum err reads(const char *text)
{
    struct context back;
    write_text(text);
    return context_read(&back, path, &why);
}

static const char *whole(const char *more)
{
    static char text[1024];
    char public_text[CONTEXT_KEY_TEXT_BYTES], secret_text[CONTEXT_KEY_TEXT_BYTES];
    context_key_text(public_text, c.public_key);
    context_key_text(secret_text, c.secret_key);
    snprintf(text, sizeof text, "public = %s\nsecret=%s\n%s", public_text, secret_text, more);
    return text;
}

Test(context, what_was_written_is_read_again)
{
    struct context back;
    cr_assert_eq(context_write(&c, path, false, &why), OK, "%s", why.text);
    cr_assert_eq(context_read(&back, path, &why), OK, "%s", why.text);
    cr_assert_eq(memcmp(&back, &c, sizeof c), 0);
}

Test(context, no_two_keys_that_are_drawn_are_the_same)
{
    struct context other = {.has_server = false};
    context_draw(&other, &why);
    cr_assert_neq(memcmp(other.public_key, c.public_key, sizeof c.public_key), 0);
    cr_assert_neq(memcmp(other.secret_key, c.secret_key, sizeof c.secret_key), 0);
}

/* One of 85 would begin with a dash. */
Test(context, no_public_key_that_is_drawn_looks_like_an_option)
{
    struct context other;
    for (int i = 0; i < 1000; i++) {
        char text[CONTEXT_KEY_TEXT_BYTES];
        cr_assert_eq(context_draw(&other, &why), OK);
        context_key_text(text, other.public_key);
        cr_assert_neq(text[0], '-');
    }
}

Test(context, its_file_is_for_its_owner_alone_whatever_the_umask)
{
    struct stat st;
    umask(0);
    cr_assert_eq(context_write(&c, path, false, &why), OK, "%s", why.text);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    umask(0377);
    cr_assert_eq(context_write(&c, path, true, &why), OK, "%s", why.text);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(context, one_that_is_there_is_kept_unless_it_is_to_be_replaced)
{
    struct context other = c, back;
    snprintf(other.name, sizeof other.name, "h26");
    context_write(&c, path, false, &why);
    cr_assert_eq(context_write(&other, path, false, &why), ERR_BUSY);
    cr_assert_eq(context_read(&back, path, &why), OK);
    cr_assert_str_eq(back.name, "h05");
    cr_assert_eq(context_write(&other, path, true, &why), OK, "%s", why.text);
    cr_assert_eq(context_read(&back, path, &why), OK);
    cr_assert_str_eq(back.name, "h26");
}

Test(context, writing_leaves_nothing_else_behind)
{
    char command[128];
    context_write(&c, path, false, &why);
    context_write(&c, path, false, &why);
    snprintf(command, sizeof command, "test \"$(ls -A %s)\" = h05.context", place);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c) */
}

Test(context, a_file_that_others_may_read_is_refused_with_what_to_do)
{
    struct context back;
    context_write(&c, path, false, &why);
    static const mode_t bad[] = {0640, 0604, 0620, 0601};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        chmod(path, bad[i]);
        cr_assert_eq(context_read(&back, path, &why), ERR_INVALID, "%o", bad[i]);
        cr_assert(strstr(why.text, "chmod 600"), "%s", why.text);
    }
}

Test(context, halves_of_different_keys_are_refused)
{
    struct context other = c, back;
    context_draw(&other, &why);
    memcpy(other.secret_key, c.secret_key, sizeof c.secret_key);
    context_write(&other, path, false, &why);
    cr_assert_eq(context_read(&back, path, &why), ERR_INVALID);
    cr_assert(strstr(why.text, "belong together"), "%s", why.text);
}

Test(context, what_is_wrong_is_named_by_line_and_no_secret_is_repeated)
{
    cr_assert_eq(reads("name = h05\nsecret = JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni\n"), ERR_INVALID);
    cr_assert(strstr(why.text, "h05.context:2: "), "%s", why.text);
    cr_assert_not(strstr(why.text, "JTKV"), "%s", why.text);
    cr_assert_eq(reads(whole("colour = red\n")), ERR_INVALID);
    cr_assert(strstr(why.text, ":3: \"colour\""), "%s", why.text);
    cr_assert_eq(reads(whole("door\n")), ERR_INVALID);
    cr_assert_eq(reads("name = 0123456789012345678901234567890123456789012345678901234567890123456789\n"), ERR_INVALID);
}

Test(context, comments_blank_lines_and_blanks_around_do_not_matter)
{
    cr_assert_eq(reads(whole("\n  # a note\n  door   =  tcp://a:1  \n")), OK, "%s", why.text);
}

/* Which of them was meant, nobody knows. */
Test(context, what_is_there_twice_is_refused)
{
    cr_assert_eq(reads(whole("name = h05\nname = h06\n")), ERR_INVALID);
    cr_assert(strstr(why.text, ":4: it is there twice"), "%s", why.text);
    char keys[512];
    snprintf(keys, sizeof keys, "%s", whole(""));
    cr_assert_eq(reads(whole(keys)), ERR_INVALID);
    cr_assert(strstr(why.text, ":3: it is there twice"), "%s", why.text);
}

Test(context, a_file_without_keys_is_refused)
{
    cr_assert_eq(reads(""), ERR_INVALID);
    cr_assert_eq(reads("name = h05\n"), ERR_INVALID);
}

Test(context, what_is_no_file_or_is_not_there_is_said)
{
    struct context back;
    cr_assert_eq(context_read(&back, path, &why), ERR_NOT_FOUND);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(context_read(&back, path, &why), ERR_INVALID);
}

Test(context, a_secret_that_is_forgotten_is_gone)
{
    static const uint8_t zero[CONTEXT_KEY_BYTES];
    context_forget(&c);
    cr_assert_eq(memcmp(c.secret_key, zero, sizeof zero), 0);
}

Test(context, its_place_is_below_the_config_directory_which_is_made_for_its_owner)
{
    char found[PATH_MAX], want[PATH_MAX];
    struct stat st;
    setenv("XDG_CONFIG_HOME", place, 1);
    cr_assert_eq(context_path(found, "h05", true, &why), OK, "%s", why.text);
    snprintf(want, sizeof want, "%s/parbus/h05.context", place);
    cr_assert_str_eq(found, want);
    snprintf(want, sizeof want, "%s/parbus", place);
    cr_assert_eq(stat(want, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
    unsetenv("XDG_CONFIG_HOME");
    setenv("HOME", "/home/somebody", 1);
    cr_assert_eq(context_path(found, "h05", false, &why), OK);
    cr_assert_str_eq(found, "/home/somebody/.config/parbus/h05.context");
}

Test(context, a_name_that_leads_elsewhere_is_refused)
{
    char found[PATH_MAX];
    static const char *const bad[] = {"", "..", ".", "a/b", "/etc/passwd", ".hidden"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(context_path(found, bad[i], false, &why), ERR_INVALID, "%s", bad[i]);
}
