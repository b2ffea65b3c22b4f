#include "context/token.h"
#include <sodium.h>

_Static_assert(TOKEN_HASH_BYTES == crypto_generichash_BYTES, "the size of the hash");

enum err token_draw(uint8_t *token, size_t bytes, struct err_text *e)
{
    if (sodium_init() < 0)
        return err_set(e, ERR_IO, "draw a token: there is no randomness");
    randombytes_buf(token, bytes);
    return OK;
}

void token_hash(uint8_t hash[static TOKEN_HASH_BYTES], const uint8_t *token, size_t bytes)
{
    int failed = crypto_generichash(hash, TOKEN_HASH_BYTES, token, bytes, NULL, 0);
    ASSERT(!failed);
}

void token_write(char *out, const uint8_t *token, size_t bytes) { sodium_bin2hex(out, 2 * bytes + 1, token, bytes); }

bool token_read(uint8_t *token, size_t bytes, const char *text, size_t length)
{
    size_t read = 0;
    return length == 2 * bytes && sodium_hex2bin(token, bytes, text, length, NULL, &read, NULL) == 0 && read == bytes;
}
