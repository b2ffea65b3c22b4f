#include "service/journal.h"
#include "link/link.h"

enum { WAIT_US = 100000 };

enum err service_journal(const struct service *s, struct journal **j, struct err_text *e)
{
    struct journal_options options = {.map_bytes = (size_t)s->settings.journal_map_bytes,
                                      .network_fs_allowed = s->settings.network_fs_allowed};
    enum err err;
    while ((err = journal_open(j, s->directory, &options, e)) == ERR_NOT_FOUND)
        if (link_poll(NULL, 0, s->stop_fd, WAIT_US))
            return ERR_STOPPED;
    return err;
}
