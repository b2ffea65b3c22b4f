#include "base/crc32c.h"
#include "store/internal.h"
#include <string.h>
#include <sys/stat.h>

enum { META_PAGES = 2 };
/* LMDB's own handles, as mdb_stat takes them. */
enum { FREE_DBI, MAIN_DBI };
/* Beside LMDB's codes and errno. */
enum { FOREIGN = 100001, CUT_OFF };

/* crc is of name and value. */
struct meta {
    uint64_t value;
    uint32_t crc, zero;
};

static struct meta meta_of(const char *name, uint64_t value)
{
    return (struct meta){value, crc32c(crc32c(0, name, strlen(name)), &value, sizeof value), 0};
}

static int meta_get(struct store *s, MDB_txn *txn, const char *name, uint64_t *value)
{
    MDB_val key = store_val(name, strlen(name)), data;
    struct meta m = {0};
    int rc = mdb_get(txn, s->dbi[0], &key, &data);
    if (!rc && data.mv_size == sizeof m)
        memcpy(&m, data.mv_data, sizeof m);
    *value = m.value;
    return !rc && (!m.crc || meta_of(name, m.value).crc != m.crc) ? MDB_CORRUPTED : rc;
}

static int meta_put(struct store *s, MDB_txn *txn, const char *name, uint64_t value)
{
    struct meta m = meta_of(name, value);
    MDB_val key = store_val(name, strlen(name)), data = store_val(&m, sizeof m);
    return mdb_put(txn, s->dbi[0], &key, &data, 0);
}

/* Only an environment with nothing in it is made ours; to a reader it is not there yet. */
static int make_new(struct store *s, MDB_txn *txn, uint64_t *format)
{
    MDB_stat all;
    int rc = mdb_stat(txn, MAIN_DBI, &all);
    if (!rc && all.ms_entries > 0)
        return FOREIGN;
    if (!rc && !s->options.writer)
        return MDB_NOTFOUND;
    for (unsigned i = 0; i < s->options.database_count && !rc; i++)
        rc = mdb_dbi_open(txn, s->options.databases[i], MDB_CREATE, &s->dbi[i]);
    if (!rc)
        rc = meta_put(s, txn, "format", *format = s->options.format);
    return rc ? rc : stamp_put(txn, (uint64_t[STORE_TAIL_NUMBERS]){0});
}

static size_t pages_of(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_stat stat;
    if (mdb_stat(txn, dbi, &stat))
        return 0;
    return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

static bool file_length(const struct store *s, size_t *bytes, size_t *page_bytes)
{
    int fd;
    struct stat st;
    MDB_stat stat;
    if (mdb_env_get_fd(s->env, &fd) || fstat(fd, &st) < 0 || mdb_env_stat(s->env, &stat))
        return false;
    *bytes = (size_t)st.st_size;
    *page_bytes = stat.ms_psize;
    return true;
}

/* LMDB may leave the file shorter than its last page number (the last pages were freed before they were written), so
 * that says nothing; but each page in use is somewhere in it. What else is missing, signals.c tells. */
static int check_length(struct store *s, MDB_txn *txn)
{
    size_t bytes, page_bytes, pages = META_PAGES + pages_of(txn, FREE_DBI) + pages_of(txn, MAIN_DBI);
    for (unsigned i = 0; i < s->options.database_count; i++)
        pages += pages_of(txn, s->dbi[i]);
    return file_length(s, &bytes, &page_bytes) && bytes < pages * page_bytes ? CUT_OFF : MDB_SUCCESS;
}

/* When the file ends in the middle of a page, the rest of that page is read as zeros: names missed in it were cut off.
 * A full disk leaves such an end too, of a page that nobody uses: by itself it says nothing. */
static int foreign_or_cut_off(const struct store *s)
{
    size_t bytes, page_bytes;
    return file_length(s, &bytes, &page_bytes) && bytes % page_bytes ? CUT_OFF : FOREIGN;
}

/* A format that is not ours is left untouched: of the other databases only the first is looked for, which tells a
 * journal from a state in every version. */
static int databases(struct store *s, MDB_txn *txn, uint64_t *format)
{
    const struct store_options *o = &s->options;
    int rc = mdb_dbi_open(txn, o->databases[0], 0, &s->dbi[0]);
    if (rc == MDB_NOTFOUND)
        return make_new(s, txn, format);
    if (!rc)
        rc = meta_get(s, txn, "format", format);
    for (unsigned i = 1; i < o->database_count && !rc && (i == 1 || *format == o->format); i++)
        rc = mdb_dbi_open(txn, o->databases[i], 0, &s->dbi[i]);
    if (rc == MDB_NOTFOUND)
        rc = FOREIGN;
    return rc || *format != o->format ? rc : check_length(s, txn);
}

int databases_open(struct store *s, uint64_t *format)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, s->options.writer ? 0 : MDB_RDONLY, &txn);
    if (rc)
        return rc;
    rc = databases(s, txn, format);
    if (!rc && *format == s->options.format)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc == FOREIGN ? foreign_or_cut_off(s) : rc;
}

enum err databases_error(int rc, struct err_text *e)
{
    if (rc == FOREIGN)
        return err_set(
            e, ERR_CORRUPT,
            "data.mdb is an LMDB file, but of something else, or its list of databases is damaged. " HOW_IT_COMES_BACK);
    if (rc == CUT_OFF)
        return err_set(e, ERR_CORRUPT,
                       "data.mdb is cut off: it is shorter than what is in use of it. " HOW_IT_COMES_BACK);
    if (rc == MDB_INVALID)
        return err_set(e, ERR_CORRUPT, "data.mdb is not an LMDB file. " HOW_IT_COMES_BACK);
    return store_error(rc, e);
}

enum err store_meta_get(struct store *s, MDB_txn *txn, const char *name, uint64_t *value, struct err_text *e)
{
    return err_wrap(e, store_error(meta_get(s, txn, name, value), e), "meta \"%s\"", name);
}

enum err store_meta_put(struct store *s, MDB_txn *txn, const char *name, uint64_t value, struct err_text *e)
{
    return err_wrap(e, store_error(meta_put(s, txn, name, value), e), "meta \"%s\"", name);
}
