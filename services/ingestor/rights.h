/* Who somebody is, and what he may do here (PROTOCOL.md, chapter 10). The table itself is the catalog's
 * (auth/access.h); what it says holds from the moment at which its control is made. Private to the core. */
#pragma once
#include "auth/access.h"
#include "services/ingestor/group.h"
#include "services/ingestor/internal.h"
#include "wire/peer.h"

/* What a principal stands for (A1). Points into the table of rights: until its next change. */
struct who {
    bool owner;        /* may do everything, and speak under any name */
    bool insecure;     /* nobody knows who it is: everything but changing rights, as the operator wanted it */
    uint32_t identity; /* ACCESS_NOBODY: none */
    const char *name;  /* of the identity; "": none */
};
struct who rights_who(const struct access *a, const char *principal, struct moment now);

/* Whether he may do what `q` asks, as of now. */
bool rights_may(const struct door *d, const struct who *who, const struct access_question *q, struct moment now);

/* Journals the change when its asker may make it. Answered when it is in the journal, or at once when it is not done.
 */
void rights_change(struct ingestor *i, struct peer peer, const Parbus__ChangeAccess *ask, struct moment now);
/* The closed group is in the journal: whoever waited for a change of it. */
void rights_appended(struct ingestor *i, const struct group *g);
