/* Who a program is to the other end, and where that is: a key pair, the key of the server that is trusted, endpoints.
 * Kept in one file with mode 0600, which people move from machine to machine:
 *
 *     # parbus: whoever has this file is h05. Keep it secret.
 *     name = h05
 *     public = rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7
 *     secret = JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6
 *     server = …
 *     door = tcp://parbus.example.vn:5700
 *
 * Keys are 32 bytes, written in Z85 (ZeroMQ RFC 32). A server's own file has no server and no endpoints. */
#pragma once
#include "base/err.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum { CONTEXT_KEY_BYTES = 32, CONTEXT_KEY_TEXT_BYTES = 41, CONTEXT_ENDPOINT_BYTES = 256, CONTEXT_NAME_BYTES = 65 };

struct context {
    char name[CONTEXT_NAME_BYTES];
    uint8_t public_key[CONTEXT_KEY_BYTES], secret_key[CONTEXT_KEY_BYTES], server_key[CONTEXT_KEY_BYTES];
    bool has_server;
    char door[CONTEXT_ENDPOINT_BYTES], feed[CONTEXT_ENDPOINT_BYTES], snapshots[CONTEXT_ENDPOINT_BYTES]; /* "": none */
};

/* Draws a key pair, whose public key as text is no option of a command; all else is as it was. ERR_IO: this libzmq has
 * no CURVE. */
enum err context_draw(struct context *c, struct err_text *e);
/* Overwrites what is secret; to be called when it is not needed any more. */
void context_forget(struct context *c);

/* ERR_NOT_FOUND; ERR_INVALID with file, line and reason: something in it is wrong, the halves of the key do not belong
 * together, or others than its owner may read it. */
enum err context_read(struct context *c, const char *path, struct err_text *e);
/* Mode 0600, whole or not at all, synced. ERR_BUSY: the file is there, and it is not to be replaced. */
enum err context_write(const struct context *c, const char *path, bool replace, struct err_text *e);

/* Where the context of this name lies: $XDG_CONFIG_HOME/parbus/NAME.context, else under ~/.config. ERR_INVALID: that is
 * no name for a file, or there is no home. The directory is made, mode 0700, when `make` says so. */
enum err context_path(char path[static PATH_MAX], const char *name, bool make, struct err_text *e);

/* 40 characters and a NUL. */
void context_key_text(char out[static CONTEXT_KEY_TEXT_BYTES], const uint8_t key[static CONTEXT_KEY_BYTES]);
/* false: not a key. */
bool context_key_read(uint8_t key[static CONTEXT_KEY_BYTES], const char *text);
