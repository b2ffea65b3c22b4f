#include "base/metrics.h"
#include "base/err.h"

const char *metric_name(enum metric m)
{
    static const char *const names[] = {
#define X(name, text) #name,
        METRIC_TABLE(X)
#undef X
    };
    ASSERT((unsigned)m < METRIC_COUNT);
    return names[m];
}

const char *metric_text(enum metric m)
{
    static const char *const texts[] = {
#define X(name, text) text,
        METRIC_TABLE(X)
#undef X
    };
    ASSERT((unsigned)m < METRIC_COUNT);
    return texts[m];
}
