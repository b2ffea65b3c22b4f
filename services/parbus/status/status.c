#include "services/parbus/status/status.h"
#include <stdlib.h>

void status_work_out(struct status *s, uint32_t ingestor_pid)
{
    status_add_rows(s, ingestor_pid);
    s->wrong = status_wrong(s);
    s->warnings = status_warnings(s);
}

void status_free(struct status *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->row[i].owned);
    free(s->row);
    json_decref(s->wrong);
    json_decref(s->warnings);
    s->row = NULL;
    s->count = 0;
    s->wrong = s->warnings = NULL;
}
