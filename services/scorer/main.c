#include "base/log.h"
#include "services/scorer/shell.h"

int main(int argc, char **argv)
{
    struct service service;
    int status =
        service_start(&service, argc, argv, "parbus-scorer", "applies values, keeps points and provenance", "scorer-1");
    if (status >= 0)
        return status;
    struct err_text e;
    enum err err = scorer_run(&service, &e);
    if (err != OK)
        log_error("scorer.failed", "why=\"%s\"", e.text);
    service_stop(&service);
    return err_exit_status(err);
}
