#include "store/store.h"
#include <errno.h>

static const struct {
    int rc;
    enum err err;
    const char *text;
} faults[] = {
    {MDB_SUCCESS, OK, ""},
    {MDB_NOTFOUND, ERR_NOT_FOUND, "not there"},
    {MDB_MAP_FULL, ERR_FULL, "the map is full: make journal_map_bytes or state_map_bytes larger and start again"},
    {MDB_TXN_FULL, ERR_TOO_LARGE, "too many pages in one transaction"},
    {MDB_DBS_FULL, ERR_CORRUPT, "more databases than there should be"},
    {MDB_READERS_FULL, ERR_BUSY, "all reader slots are taken: too many processes have it open"},
    {MDB_PAGE_NOTFOUND, ERR_CORRUPT, "a page is missing"},
    {MDB_CORRUPTED, ERR_CORRUPT, "a page is damaged"},
    {MDB_INVALID, ERR_CORRUPT, "not an LMDB file"},
    {MDB_INCOMPATIBLE, ERR_CORRUPT, "a database has other flags than this program's"},
    {MDB_VERSION_MISMATCH, ERR_VERSION, "written by another version of LMDB"},
    {MDB_PANIC, ERR_IO, "LMDB gave the environment up after a failed write, and it cannot be opened again"},
    {MDB_MAP_RESIZED, ERR_BUSY, "another process made the map larger while this one was reading"},
    {ENOSPC, ERR_FULL, "no space left on the disk"},
    {EDQUOT, ERR_FULL, "the disk quota is used up"},
    {EFBIG, ERR_FULL, "the limit of file sizes is reached"},
    {ENOMEM, ERR_NOMEM, "no memory, or no address space for the map"},
    {EAGAIN, ERR_BUSY, "another process is opening or closing it"},
    {EBUSY, ERR_BUSY, "another process is opening or closing it"},
};

enum err store_error(int rc, struct err_text *e)
{
    if (rc == MDB_SUCCESS)
        return OK;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (faults[i].rc == rc)
            return err_set(e, faults[i].err, "%s", faults[i].text);
    return err_set(e, ERR_IO, "%s", mdb_strerror(rc));
}
