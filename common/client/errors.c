#include "client/errors.h"
#include "link/link.h"

const char *parbus_err_name(enum parbus_err err) { return err_name(err_of(err)); }

void parbus_shutdown(void) { link_shutdown(); }
