#include "base/log.h"
#include "services/validator/shell.h"

int main(int argc, char **argv)
{
    struct service service;
    int status = service_start(&service, argc, argv, "parbus-validator", "checks submissions against the catalog",
                               "validator-1");
    if (status >= 0)
        return status;
    struct err_text e;
    enum err err = validator_run(&service, &e);
    if (err != OK)
        log_error("validator.failed", "why=\"%s\"", e.text);
    service_stop(&service);
    return err_exit_status(err);
}
