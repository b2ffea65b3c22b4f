#include "wire/reason.h"
#include "wire/wire.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(wire_text, text_is_well_formed_utf8)
{
    static const char *const good[] = {"",
                                       "a",
                                       "Thừa Thiên Huế",
                                       "\x7f",
                                       "\xdf\xbf",
                                       "\xef\xbf\xbd",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xf0\x90\x80\x80"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\xaf",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "a\xc3",
                                      "12345678\xe1\xba",
                                      "\xe1\x41\x80"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_assert(wire_utf8_ok(good[i], strlen(good[i])), "good %zu", i);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(wire_utf8_ok(bad[i], strlen(bad[i])), "bad %zu", i);
}

Test(wire_text, what_is_not_well_formed_becomes_question_marks)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"Thừa Thiên Huế", "Thừa Thiên Huế"},
        {"Hà N\xe1\xbb", "Hà N??"},
        {"\xff/x\x80y\xed\xa0\x80z", "?/x?y???z"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char text[40];
        strcpy(text, pairs[i][0]);
        wire_utf8_mend(text);
        cr_assert_str_eq(text, pairs[i][1]);
    }
}

/* The fast path takes eight bytes at once: a NUL or a stray byte must be seen wherever it stands. */
Test(wire_text, a_bad_byte_is_seen_at_every_position)
{
    for (size_t length = 1; length <= 40; length++)
        for (size_t at = 0; at < length; at++) {
            char text[40];
            memset(text, 'x', sizeof text);
            cr_assert(wire_utf8_ok(text, length));
            text[at] = 0;
            cr_assert_not(wire_utf8_ok(text, length), "NUL at %zu of %zu", at, length);
            text[at] = (char)0x80;
            cr_assert_not(wire_utf8_ok(text, length), "0x80 at %zu of %zu", at, length);
        }
}

Test(wire_text, names_of_feeders)
{
    char longest[66];
    memset(longest, 'a', 64);
    longest[64] = 0;
    cr_assert(wire_name_ok("so-noi-vu.ha_noi-01"));
    cr_assert(wire_name_ok(longest));
    longest[64] = 'a', longest[65] = 0;
    cr_assert_not(wire_name_ok(longest));
    cr_assert_not(wire_name_ok(""));
    cr_assert_not(wire_name_ok("a b"));
    cr_assert_not(wire_name_ok("Hà"));
    cr_assert_not(wire_name_ok("a/b"));
    cr_assert(wire_name_ok("a..b"));
    cr_assert_not(wire_name_ok("."), "a name becomes the name of a directory");
    cr_assert_not(wire_name_ok(".."));
    cr_assert_not(wire_name_ok(".hidden"));
}

/* The proto names are the reference: REFUSED_X and REJECTED_X stand in the table as X. */
Test(wire_text, each_reason_of_the_protocol_has_its_row)
{
    const ProtobufCEnumDescriptor *d = &parbus__reason__descriptor;
    unsigned count;
    const struct reason *table = reason_table(&count);
    cr_assert_eq(count, d->n_values);
    for (unsigned i = 0; i < count; i++) {
        const struct reason *r = &table[i];
        char proto[64];
        const char *prefix = r->reason == 0 ? "REASON" : r->reason < 100 ? "REFUSED" : "REJECTED";
        snprintf(proto, sizeof proto, "%s_%s", prefix, r->name);
        cr_assert_eq(r->reason, (Parbus__Reason)d->values[i].value);
        cr_assert_str_eq(proto, d->values[i].name);
        cr_assert(r->text[0] && r == reason_of(r->reason));
        for (char *p = proto; *p; p++)
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
        cr_assert_str_eq(proto, r->counter);
    }
    cr_assert_str_eq(reason_of(77)->name, "UNKNOWN");
}
