#include "context/invitation.h"
#include "base/crc32c.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char head[] = "parbus-join:1", check_name[] = ",check=";
enum { CHECK_DIGITS = 8 };

/* ---- writing ---- */

static bool writable(const char *endpoint)
{
    for (; *endpoint; endpoint++)
        if (!isgraph((unsigned char)*endpoint) || *endpoint == ',')
            return false;
    return true;
}

static int put(char *out, int used, const char *name, const char *value)
{
    return !*value || used >= INVITATION_TEXT_BYTES
               ? used
               : used + snprintf(out + used, (size_t)(INVITATION_TEXT_BYTES - used), ",%s=%s", name, value);
}

enum err invitation_write(const struct invitation *i, char out[static INVITATION_TEXT_BYTES], struct err_text *e)
{
    char server[2 * CONTEXT_KEY_BYTES + 1], token[2 * INVITATION_TOKEN_BYTES + 1], sum[CHECK_DIGITS + 1];
    if (!writable(i->door) || !writable(i->feed) || !writable(i->snapshots))
        return err_set(e, ERR_INVALID, "an address with a comma, a space or a letter that is not ASCII");
    token_write(server, i->server_key, sizeof i->server_key);
    token_write(token, i->token, sizeof i->token);
    int used = snprintf(out, INVITATION_TEXT_BYTES, "%s", head);
    used = put(out, used, "name", i->name);
    used = put(out, used, "door", i->door);
    used = put(out, used, "feed", i->feed);
    used = put(out, used, "snapshots", i->snapshots);
    used = put(out, used, "server", server);
    used = put(out, used, "token", token);
    snprintf(sum, sizeof sum, "%08x", crc32c(0, out, (size_t)used));
    used = put(out, used, "check", sum);
    explicit_bzero(token, sizeof token);
    ASSERT(used < INVITATION_TEXT_BYTES);
    return OK;
}

/* ---- reading ---- */

static enum err squeeze(char out[static INVITATION_TEXT_BYTES], const char *text, struct err_text *e)
{
    size_t used = 0;
    for (; *text; text++) {
        if (isspace((unsigned char)*text))
            continue;
        if (used + 1 >= INVITATION_TEXT_BYTES)
            return err_set(e, ERR_TOO_LARGE, "this is longer than any invitation");
        out[used++] = *text;
    }
    out[used] = 0;
    return OK;
}

/* Ends the text before it. */
static enum err check_sum(char *text, struct err_text *e)
{
    char wanted[CHECK_DIGITS + 1], *at = strstr(text, check_name);
    if (at)
        snprintf(wanted, sizeof wanted, "%08x", crc32c(0, text, (size_t)(at - text)));
    if (!at || strcmp(at + sizeof check_name - 1, wanted) != 0)
        return err_set(e, ERR_INVALID,
                       "a part of the invitation is missing, or was changed on its way: copy all of it, from "
                       "\"parbus-join\" to the end of \"check=…\"");
    *at = 0;
    return OK;
}

static bool take_text(char *out, size_t bytes, const char *value)
{
    return snprintf(out, bytes, "%s", value) < (int)bytes;
}

static bool take(struct invitation *i, const char *name, const char *value)
{
    if (!strcmp(name, "name"))
        return take_text(i->name, sizeof i->name, value);
    if (!strcmp(name, "door"))
        return take_text(i->door, sizeof i->door, value);
    if (!strcmp(name, "feed"))
        return take_text(i->feed, sizeof i->feed, value);
    if (!strcmp(name, "snapshots"))
        return take_text(i->snapshots, sizeof i->snapshots, value);
    if (!strcmp(name, "server"))
        return token_read(i->server_key, sizeof i->server_key, value, strlen(value));
    if (!strcmp(name, "token"))
        return token_read(i->token, sizeof i->token, value, strlen(value));
    return true;
}

static enum err take_all(struct invitation *i, char *text, struct err_text *e)
{
    char *rest, *part;
    strtok_r(text, ",", &rest);
    while ((part = strtok_r(NULL, ",", &rest))) {
        char *equals = strchr(part, '=');
        if (equals)
            *equals = 0;
        if (!equals || !take(i, part, equals + 1))
            return err_set(e, ERR_INVALID, "the invitation's \"%.20s\" cannot be read: it was made by another version",
                           part);
    }
    static const uint8_t none[CONTEXT_KEY_BYTES];
    bool whole = i->name[0] && i->door[0] && memcmp(i->server_key, none, sizeof none) != 0;
    return whole ? OK : err_set(e, ERR_INVALID, "the invitation names no door, no server or nobody");
}

enum err invitation_read(struct invitation *i, const char *text, struct err_text *e)
{
    char line[INVITATION_TEXT_BYTES] = "";
    *i = (struct invitation){.name = ""};
    enum err err = squeeze(line, text, e);
    if (!err && (strncmp(line, head, sizeof head - 1) != 0 || line[sizeof head - 1] != ','))
        err = err_set(e, ERR_INVALID, "this is no invitation: those begin with %s, and are made by parbus keys invite",
                      head);
    if (!err)
        err = check_sum(line, e);
    if (!err)
        err = take_all(i, line, e);
    explicit_bzero(line, sizeof line);
    if (err)
        explicit_bzero(i, sizeof *i);
    return err;
}
