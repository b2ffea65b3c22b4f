#include "services/publisher/rights.h"
#include "wire/wire.h"
#include <stdio.h>
#include <string.h>

#define QUESTION_RIGHTS(X)                                                                                             \
    X(SNAPSHOT, TOPIC)                                                                                                 \
    X(RESUME, TOPIC)                                                                                                   \
    X(TOPICS, LIST)

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"

enum feed_right feed_rights_of(Parbus__ToSnapshots__BodyCase kind)
{
    switch (kind) {
#define X(KIND, RIGHT)                                                                                                 \
    case PARBUS__TO_SNAPSHOTS__BODY_##KIND:                                                                            \
        return FEED_RIGHT_##RIGHT;
        QUESTION_RIGHTS(X)
#undef X
    case PARBUS__TO_SNAPSHOTS__BODY__NOT_SET:
    case _PARBUS__TO_SNAPSHOTS__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return FEED_RIGHT_NONE;
}

#pragma GCC diagnostic pop

struct who feed_rights_who(const struct catalog *c, const char *principal, int64_t wall_ms)
{
    return who_of(catalog_access(c), principal, wall_ms);
}

bool feed_rights_follow(const struct catalog *c, const struct who *who, const char *topic, int64_t wall_ms)
{
    char index[ACCESS_NAME_BYTES];
    const char *slash = strrchr(topic, '/');
    struct access_question q = {.verb = PARBUS__VERB__VERB_FEED, .index = index, .period = slash ? slash + 1 : NULL};
    if (who->owner || who->insecure)
        return true;
    if (!slash || (size_t)(slash - topic) >= sizeof index)
        return false;
    memcpy(index, topic, (size_t)(slash - topic));
    index[slash - topic] = '\0';
    return who_may(catalog_access(c), who, &q, wall_ms).allowed;
}

void feed_rights_missing(const struct who *who, const char *topic, struct err_text *why)
{
    if (who->identity)
        snprintf(why->text, sizeof why->text,
                 "%.64s may not follow %.128s: this wants the right feed (parbus access grant %.64s feed %.128s)",
                 who->name, topic, who->name, topic);
    else
        snprintf(why->text, sizeof why->text,
                 "nobody here has this key, or is this user, and %.128s is not open to anybody", topic);
    wire_utf8_mend(why->text);
}
