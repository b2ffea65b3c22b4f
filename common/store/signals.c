#include "store/signals.h"
#include "base/log.h"
#include "store/internal.h"
#include <dlfcn.h>
#include <inttypes.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct store *const *stores;
static struct sigaction before_bus, before_segv, before_abort;
static void (*before_end)(void);

void store_before_end(void (*fn)(void)) { before_end = fn; }

/* By inode and device; where these differ between stat and the maps (btrfs, overlays), by inode and path. */
static bool is_map_of(const char *line, const struct stat *st, const char *path, uint64_t *from, uint64_t *to)
{
    uint64_t inode;
    unsigned major_number, minor_number;
    int at = 0;
    /* NOLINTNEXTLINE(cert-err34-c): what the kernel writes into its maps are numbers */
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %x:%x %" SCNu64 " %n", from, to, &major_number, &minor_number,
               &inode, &at) < 5 ||
        inode != st->st_ino)
        return false;
    size_t length = strcspn(line + at, "\n");
    return makedev(major_number, minor_number) == st->st_dev ||
           (length == strlen(path) && memcmp(line + at, path, length) == 0);
}

void signals_locate(struct store *s)
{
    char file[STORE_PATH_BYTES + 16], path[PATH_MAX] = "", line[STORE_PATH_BYTES + 128];
    struct stat st;
    uint64_t from, to;
    s->map = NULL;
    s->map_size = 0;
    snprintf(file, sizeof file, "%s/data.mdb", s->path);
    if (stat(file, &st) < 0 || !realpath(file, path))
        return;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !s->map && fgets(line, sizeof line, maps))
        if (is_map_of(line, &st, path, &from, &to)) {
            s->map = (const char *)(uintptr_t)from;
            s->map_size = to - from;
        }
    if (maps)
        fclose(maps);
}

/* ---- whose fault it was ---- */

enum { STACK_WORDS_MAX = 1024 };
static uintptr_t code_from, code_to; /* of LMDB, where it is a shared library */

static int find_code(struct dl_phdr_info *library, size_t size, void *inside)
{
    (void)size;
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &library->dlpi_phdr[i];
        uintptr_t from = library->dlpi_addr + h->p_vaddr, to = from + h->p_memsz;
        if (h->p_type != PT_LOAD || !(h->p_flags & PF_X) || (uintptr_t)inside < from || (uintptr_t)inside >= to)
            continue;
        code_from = from;
        code_to = to;
        return 1;
    }
    return 0;
}

static bool in_lmdb(uintptr_t at) { return at >= code_from && at < code_to; }

#if defined(__x86_64__)
enum { REGISTER_STACK = REG_RSP, REGISTER_CODE = REG_RIP };
static uintptr_t code_at(const ucontext_t *c) { return (uintptr_t)c->uc_mcontext.gregs[REGISTER_CODE]; }
static const uintptr_t *stack_at(const ucontext_t *c) { return (void *)c->uc_mcontext.gregs[REGISTER_STACK]; }
#elif defined(__aarch64__)
static uintptr_t code_at(const ucontext_t *c) { return (uintptr_t)c->uc_mcontext.pc; }
static const uintptr_t *stack_at(const ucontext_t *c) { return (void *)c->uc_mcontext.sp; }
#endif

/* memcpy and its like fault on LMDB's behalf, and the allocator aborts on it: then LMDB has called them, and an address
 * in it lies on the stack. What lies there of calls long past may deceive; a fault of our own inside a transaction is
 * then told as a damaged page, which the operator's `parbus verify` will not find. */
__attribute__((no_sanitize("address"))) static bool by_lmdb(const ucontext_t *c)
{
    const uintptr_t *stack = stack_at(c);
    if (in_lmdb(code_at(c)))
        return true;
    for (int i = 0; i < STACK_WORDS_MAX; i++)
        if (in_lmdb(stack[i]))
            return true;
    return false;
}

static const struct store *mapped_at(const void *address)
{
    const char *at = address;
    for (const struct store *s = *stores; s; s = s->next)
        if (s->map && at >= s->map && at < s->map + s->map_size)
            return s;
    return NULL;
}

/* The one that is being written, else one that is being read. */
static const struct store *busy(void)
{
    const struct store *reading = NULL;
    for (const struct store *s = *stores; s; s = s->next) {
        if (s->writing)
            return s;
        reading = s->read_depth ? s : reading;
    }
    return reading ? reading : *stores;
}

/* ---- the end ---- */

_Noreturn static void end(const struct store *s, const char *id, const char *what)
{
    log_error(id, "path=%s why=\"%s. " HOW_IT_COMES_BACK "\"", s ? s->path : "?", what);
    if (before_end)
        before_end();
    _exit(err_exit_status(ERR_CORRUPT));
}

static void give_back(int number)
{
    sigaction(number, number == SIGBUS ? &before_bus : number == SIGSEGV ? &before_segv : &before_abort, NULL);
}

/* None comes from within what log_line calls: so that may be called here. A second one is of looking through a stack
 * that ends. What is somebody else's is tried again, or goes on, and they hear of it. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    static volatile sig_atomic_t looking;
    const struct store *s = number == SIGABRT ? NULL : mapped_at(info->si_addr);
    if (s && number == SIGBUS)
        end(s, "store.page_unreadable", "a page of data.mdb cannot be read: the file is cut off, or the disk fails");
    if (!looking) {
        looking = 1;
        if (s || by_lmdb(context))
            end(s ? s : busy(), "store.page_damaged", "a page of data.mdb is damaged: LMDB stumbled over it");
        looking = 0;
    }
    give_back(number);
}

void signals_assertion(MDB_env *env, const char *text)
{
    (void)text;
    const struct store *s = *stores;
    while (s && s->env != env)
        s = s->next;
    end(s, "store.page_damaged", "a page of data.mdb is damaged: LMDB found what cannot be");
}

void signals_install(struct store *const *first)
{
    if (stores)
        return;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    stores = first;
    dl_iterate_phdr(find_code, (void *)(uintptr_t)mdb_env_open);
    sigaction(SIGBUS, &action, &before_bus);
    sigaction(SIGSEGV, &action, &before_segv);
    sigaction(SIGABRT, &action, &before_abort);
}
