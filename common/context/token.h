/* Secrets that somebody shows: drawn, written, read, and hashed for those who are to know them again and not have them.
 * BLAKE2b-256, as everywhere (A8c). */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOKEN_HASH_BYTES = 32, TOKEN_BYTES_MAX = 32, TOKEN_TEXT_BYTES_MAX = 2 * TOKEN_BYTES_MAX + 1 };

/* ERR_IO: there is no randomness. */
enum err token_draw(uint8_t *token, size_t bytes, struct err_text *e);
void token_hash(uint8_t hash[static TOKEN_HASH_BYTES], const uint8_t *token, size_t bytes);

/* Two hexadecimal digits a byte, and a NUL. */
void token_write(char *out, const uint8_t *token, size_t bytes);
/* false: it is not exactly so many bytes. */
bool token_read(uint8_t *token, size_t bytes, const char *text, size_t length);
