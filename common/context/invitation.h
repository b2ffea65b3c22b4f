/* What an officer is sent, as one line that survives mails and shells:
 *
 *     parbus-join:1,name=h05,door=tcp://parbus.example.vn:5700,server=<64 hex>,token=<32 hex>,check=<8 hex>
 *
 * Whoever has it can bring one key in under this name, once, until it is used or has expired. Pure. */
#pragma once
#include "context/context.h"
#include "context/token.h"

enum { INVITATION_TOKEN_BYTES = 16, INVITATION_TEXT_BYTES = 1280 };

struct invitation {
    char name[CONTEXT_NAME_BYTES];
    char door[CONTEXT_ENDPOINT_BYTES], feed[CONTEXT_ENDPOINT_BYTES], snapshots[CONTEXT_ENDPOINT_BYTES]; /* "": none */
    uint8_t server_key[CONTEXT_KEY_BYTES], token[INVITATION_TOKEN_BYTES];
};

/* ERR_INVALID: an endpoint that the line cannot hold. */
enum err invitation_write(const struct invitation *i, char out[static INVITATION_TEXT_BYTES], struct err_text *e);
/* White space is passed over wherever it stands: mails wrap lines. What a later version says beside these is, too.
 * ERR_INVALID, with what is wrong and what to do; the text is never repeated. */
enum err invitation_read(struct invitation *i, const char *text, struct err_text *e);
