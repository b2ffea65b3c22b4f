#include "context/invitation.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct invitation i, back;
static char line[INVITATION_TEXT_BYTES];
static struct err_text why;

static void begin(void)
{
    i = (struct invitation){.name = "h05", .door = "tcp://parbus.example.vn:5700", .feed = "tcp://[2001:db8::7]:5701"};
    memset(i.server_key, 7, sizeof i.server_key);
    memset(i.token, 200, sizeof i.token);
    cr_assert_eq(invitation_write(&i, line, &why), OK, "%s", why.text);
}
TestSuite(invitation, .init = begin);

static void refused(const char *text, const char *sentence)
{
    cr_assert_neq(invitation_read(&back, text, &why), OK);
    cr_assert(strstr(why.text, sentence), "%s", why.text);
    cr_assert(back.name[0] == 0 && back.token[0] == 0);
    cr_assert(!strstr(why.text, "c8c8"), "a token is never repeated");
}

Test(invitation, what_was_written_is_read_again)
{
    cr_assert_eq(invitation_read(&back, line, &why), OK, "%s", why.text);
    cr_assert_eq(memcmp(&i, &back, sizeof i), 0);
}

Test(invitation, it_is_one_word_without_anything_that_a_shell_takes_for_its_own)
{
    cr_assert_eq(strcspn(line, " \t\n'\"`$&|;<>(){}*?!#~\\"), strlen(line));
}

Test(invitation, lines_that_a_mail_has_wrapped_are_one)
{
    char wrapped[2 * INVITATION_TEXT_BYTES];
    size_t used = 0;
    for (size_t at = 0; line[at]; at++) {
        wrapped[used++] = line[at];
        if (at % 60 == 59)
            used += (size_t)sprintf(wrapped + used, "\r\n  ");
    }
    wrapped[used] = 0;
    cr_assert_eq(invitation_read(&back, wrapped, &why), OK, "%s", why.text);
    cr_assert_eq(memcmp(&i, &back, sizeof i), 0);
}

Test(invitation, each_byte_that_is_changed_or_missing_is_found)
{
    char text[INVITATION_TEXT_BYTES];
    for (size_t at = 0; line[at]; at++) {
        strcpy(text, line);
        text[at] ^= 1;
        cr_assert_neq(invitation_read(&back, text, &why), OK, "byte %zu", at);
        memmove(text + at, line + at + 1, strlen(line + at));
        cr_assert_neq(invitation_read(&back, text, &why), OK, "without byte %zu", at);
        text[at] = 0;
        cr_assert_neq(invitation_read(&back, text, &why), OK, "cut off at byte %zu", at);
    }
}

Test(invitation, what_is_wrong_is_said_and_never_the_token)
{
    char text[8 * INVITATION_TEXT_BYTES];
    refused("", "this is no invitation");
    refused("parbus-join:2,name=h05", "this is no invitation");
    line[strlen(line) - 1] = '-';
    refused(line, "copy all of it");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    refused(text, "longer than any invitation");
}

Test(invitation, an_address_that_the_line_cannot_hold_is_refused)
{
    strcpy(i.feed, "tcp://a,b:1");
    cr_assert_eq(invitation_write(&i, line, &why), ERR_INVALID);
    strcpy(i.feed, "tcp://a b:1");
    cr_assert_eq(invitation_write(&i, line, &why), ERR_INVALID);
}

Test(invitation, a_token_is_hashed_as_rfc_7693_has_it)
{
    /* BLAKE2b-256 of "abc", by another program. */
    static const char wanted[] = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";
    uint8_t hash[TOKEN_HASH_BYTES], drawn[2][16];
    char text[TOKEN_TEXT_BYTES_MAX];
    token_hash(hash, (const uint8_t *)"abc", 3);
    token_write(text, hash, sizeof hash);
    cr_assert_str_eq(text, wanted);
    cr_assert_eq(token_draw(drawn[0], 16, &why), OK);
    cr_assert_eq(token_draw(drawn[1], 16, &why), OK);
    cr_assert_neq(memcmp(drawn[0], drawn[1], 16), 0);
    cr_assert(token_read(hash, 2, "c8ff", 4));
    cr_assert_eq(hash[1], 255);
    cr_assert_not(token_read(hash, 2, "c8f", 3));
    cr_assert_not(token_read(hash, 2, "c8fg", 4));
    cr_assert_not(token_read(hash, 2, "c8ffff", 6));
}
