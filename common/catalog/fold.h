/* Makes two spellings of a name equal, by taking away what a person would not count as a difference. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The less is taken away, the more a match says. */
enum fold_level {
    FOLD_NONE,  /* byte for byte */
    FOLD_CASE,  /* case, Unicode form; punctuation and blanks are one blank */
    FOLD_MARKS, /* … and diacritics: "Đắk Lắk" is "dak lak" */
    FOLD_LEVELS,
};

enum { FOLD_BYTES_MAX = 1024 };

/* Writes the folded text, terminated; returns its length, or 0 when nothing is left, the text is not UTF-8 or is longer
 * than any name may be. level is FOLD_CASE or FOLD_MARKS. Allocates nothing. */
size_t fold_text(const char *text, enum fold_level level, char out[static FOLD_BYTES_MAX]);

/* Edit distance (Levenshtein, in bytes) of the first 64 bytes of a to b; O(length of b). */
unsigned fold_distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes);
/* Which bytes occur, as bits: the distance of two texts is at least half the number of bits in which they differ. */
uint64_t fold_signature(const char *text, size_t bytes);
