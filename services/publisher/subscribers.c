#include "services/publisher/subscribers.h"
#include "base/bytes.h"

bool subscribers_take(struct subscribers *s, const void *connection, bool wanted, int64_t most)
{
    if (!connection)
        return true;
    struct subscriber *one = &s->of[hash_bytes(&connection, sizeof connection) % SUBSCRIBERS];
    if (one->connection != connection)
        *one = (struct subscriber){.connection = connection};
    if (wanted && one->count >= most)
        return false;
    if (wanted || one->count)
        one->count += wanted ? 1 : -1;
    return true;
}
