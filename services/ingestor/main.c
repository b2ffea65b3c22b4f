#include "base/log.h"
#include "services/ingestor/shell.h"

int main(int argc, char **argv)
{
    struct service service;
    struct ingestor_arguments arguments = {0};
    const struct service_option options[] = {
        {"catalog", "DIR", "index definitions to publish at the start", &arguments.catalog, 1},
        {"door", "ENDPOINT", "a further endpoint of the door (ipc:// or tcp://ADDRESS:PORT, with CURVE)",
         arguments.door, INGESTOR_DOORS_MAX},
        {"insecure", NULL, "no keys: tcp doors in clear text, on addresses of this host alone", &arguments.insecure, 1},
        {0},
    };
    int status =
        service_start_with(&service, argc, argv, "parbus-ingestor",
                           "takes submissions, makes them durable, and coordinates the workers", "ingestor-1", options);
    if (status >= 0)
        return status;
    struct err_text e;
    enum err err = ingestor_run(&service, &arguments, &e);
    if (err)
        log_error("ingestor.failed", "why=\"%s\"", e.text);
    service_stop(&service);
    return err_exit_status(err);
}
