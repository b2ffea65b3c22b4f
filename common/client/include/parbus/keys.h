/* The keys of a connection over a network (CURVE): who we are, and whom we trust to be the server. 32 bytes each, as
 * `parbus keys new` writes them (Z85, in a file that only its owner may read). */
#pragma once
#include <stdint.h>

enum { PARBUS_KEY_BYTES = 32 };

struct parbus_keys {
    uint8_t public_key[PARBUS_KEY_BYTES], secret_key[PARBUS_KEY_BYTES];
    uint8_t server_key[PARBUS_KEY_BYTES]; /* nobody else is taken for the server */
};
