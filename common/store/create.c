#include "store/create.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int make_file(const char *file, size_t map_bytes)
{
    MDB_env *env;
    int rc = mdb_env_create(&env);
    if (rc)
        return rc;
    rc = mdb_env_set_mapsize(env, map_bytes);
    if (!rc)
        rc = mdb_env_open(env, file, MDB_NOSUBDIR | MDB_NOLOCK, 0600);
    if (!rc)
        rc = mdb_env_sync(env, 1);
    mdb_env_close(env);
    return rc;
}

/* Whoever is first gives the name; the others find a whole file as well. */
static int give_name(const char *file, const char *name)
{
    if (link(file, name) == 0 || errno == EEXIST)
        return 0;
    bool no_links = errno == EPERM || errno == EOPNOTSUPP;
    return no_links ? 0 : errno; /* there LMDB has to make it in place */
}

enum err create_file(const char *path, size_t map_bytes, struct err_text *e)
{
    char name[STORE_PATH_BYTES + 16], file[STORE_PATH_BYTES + 48];
    snprintf(name, sizeof name, "%s/data.mdb", path);
    if (access(name, F_OK) == 0)
        return OK;
    snprintf(file, sizeof file, "%s.%d", name, (int)getpid());
    unlink(file);
    int rc = make_file(file, map_bytes);
    if (!rc)
        rc = give_name(file, name);
    unlink(file);
    return err_wrap(e, store_error(rc, e), "create %s", name);
}
