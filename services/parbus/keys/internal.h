/* What the files of `parbus keys` share. */
#pragma once
#include "base/err.h"
#include "context/context.h"
#include "services/parbus/command.h"
#include "services/parbus/keys/expires.h"
#include "services/parbus/keys/keys.h"
#include <stdint.h>

/* What was given with options; one that was not is NULL. */
struct given {
    const struct command *command;
    const char *directory, *out, *door, *feed, *snapshots, *expires, *overlap;
};

/* ---- journalled.c: each is asked of the ingestor that runs; ERR_TIMEOUT: whether it was made is not known ---- */

/* Nothing is asked when the identity is there. */
enum err keys_ask_identity(const struct given *g, const char *name, struct err_text *e);
enum err keys_ask_key(const struct given *g, const char *name, const uint8_t *key, struct err_text *e);
enum err keys_ask_revoked(const struct given *g, const uint8_t *key, struct err_text *e);
/* Draws a token of so many bytes and has its hash journalled. until_ms 0: until it is revoked. */
struct keys_token {
    const char *name;
    bool invitation;
    int64_t until_ms;
    char id[CONTEXT_NAME_BYTES]; /* what it is called by from now on */
};
enum err keys_ask_token(const struct given *g, struct keys_token *t, uint8_t *token, size_t bytes, struct err_text *e);
enum err keys_ask_token_revoked(const struct given *g, const char *id, struct err_text *e);

/* ---- actions, as commands: the exit status, said ---- */

int keys_invite(const struct given *g, char **word);
int keys_token(const struct given *g, char **word);
int keys_tokens(const struct given *g, char **word);
int keys_list(const struct given *g, char **word);
int keys_rotate(const struct given *g, char **word);
