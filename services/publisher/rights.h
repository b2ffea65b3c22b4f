/* Who may follow what (PROTOCOL.md, A10): questions and subscriptions are judged by the right `feed` of whoever sent
 * them, as of the controls that the publisher knows. Pure. Private to the core. */
#pragma once
#include "auth/who.h"
#include "catalog/catalog.h"
#include "feed.pb-c.h"

/* What a question wants. A kind without a row in rights.c does not compile. */
enum feed_right {
    FEED_RIGHT_NONE,  /* there is no such question */
    FEED_RIGHT_TOPIC, /* to follow the topic that it names */
    FEED_RIGHT_LIST,  /* nothing: the answer names what the asker may follow */
};
enum feed_right feed_rights_of(Parbus__ToSnapshots__BodyCase kind);

struct who feed_rights_who(const struct catalog *c, const char *principal, int64_t wall_ms);
/* topic: "index/period", whether there is such a one or not. What is no topic is the owner's alone. */
bool feed_rights_follow(const struct catalog *c, const struct who *who, const char *topic, int64_t wall_ms);
/* What is missing, and what to do: a sentence. */
void feed_rights_missing(const struct who *who, const char *topic, struct err_text *why);
