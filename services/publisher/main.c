#include "base/log.h"
#include "services/publisher/shell.h"

int main(int argc, char **argv)
{
    struct service service;
    struct publisher_arguments arguments = {0};
    const struct service_option options[] = {
        {"feed", "ENDPOINT", "a further endpoint of the feed (ipc:// or tcp://ADDRESS:PORT, with CURVE)",
         arguments.feed, PUBLISHER_ENDPOINTS_MAX},
        {"snapshots", "ENDPOINT", "a further endpoint for snapshots and resumes", arguments.snapshots,
         PUBLISHER_ENDPOINTS_MAX},
        {"insecure", NULL, "no keys: tcp endpoints in clear text, on addresses of this host alone", &arguments.insecure,
         1},
        {0},
    };
    int status = service_start_with(&service, argc, argv, "parbus-publisher",
                                    "keeps the tables of all series and serves the feed", "publisher-1", options);
    if (status >= 0)
        return status;
    struct err_text e;
    enum err err = publisher_run(&service, &arguments, &e);
    if (err != OK)
        log_error("publisher.failed", "why=\"%s\"", e.text);
    service_stop(&service);
    return err_exit_status(err);
}
