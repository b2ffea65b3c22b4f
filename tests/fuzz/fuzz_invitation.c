/* Whatever line somebody was sent, it is an invitation that is read the same when it was written again, or what is
 * wrong with it is said, and nothing of it is repeated: it may be a secret. */
#include "base/crc32c.h"
#include "base/err.h"
#include "context/invitation.h"
#include "fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same(const struct invitation *a, const struct invitation *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->door, b->door) == 0 && strcmp(a->feed, b->feed) == 0 &&
           strcmp(a->snapshots, b->snapshots) == 0 && memcmp(a->token, b->token, sizeof a->token) == 0 &&
           memcmp(a->server_key, b->server_key, sizeof a->server_key) == 0;
}

static void read_line(const char *text)
{
    struct invitation invited, again;
    struct err_text e = {""};
    char written[INVITATION_TEXT_BYTES];
    if (invitation_read(&invited, text, &e)) {
        ASSERT(e.text[0]);
        return;
    }
    if (invitation_write(&invited, written, &e) == OK)
        ASSERT(invitation_read(&again, written, &e) == OK && same(&invited, &again));
}

/* With a sum that fits, so that a mutation gets behind it. */
static void read_repaired(const char *text)
{
    char line[INVITATION_TEXT_BYTES];
    const char *end = strstr(text, ",check=");
    int bytes = end ? (int)(end - text) : (int)strlen(text);
    if (bytes < INVITATION_TEXT_BYTES - 16) {
        snprintf(line, sizeof line, "%.*s,check=%08x", bytes, text, crc32c(0, text, (size_t)bytes));
        read_line(line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *text = malloc(bytes + 1);
    ASSERT(text);
    memcpy(text, data, bytes);
    text[bytes] = 0;
    read_line(text);
    read_repaired(text);
    free(text);
    return 0;
}
