/* Text for people and programs: CSV fields (RFC 4180), JSON strings, columns that line up in a terminal. */
#pragma once
#include <stdio.h>

/* Every cell of every CSV that we write goes through here. Quoted only when it must be. What a spreadsheet would run as
 * a formula gets an apostrophe before it, which shows it as text; numbers, with a sign or without, stay numbers. */
void print_csv(FILE *out, const char *text);
/* With its quotes. */
void print_json(FILE *out, const char *text);

/* Text of a stranger for a terminal: control characters (C0, C1, DEL) are shown as '?', so that it cannot steer it. */
void print_plain(FILE *out, const char *text);

/* Columns of a terminal that the text takes: combining marks take none, wide letters two. */
int print_width(const char *text);
/* print_plain, and blanks up to `width` columns: behind the text, or before it when width is negative. */
void print_padded(FILE *out, const char *text, int width);
