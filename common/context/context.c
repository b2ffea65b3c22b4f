#include "context/context.h"
#include "store/guard.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { FILE_BYTES_MAX = 4096, LINE_BYTES = 512 };

/* ---- keys ---- */

void context_key_text(char out[static CONTEXT_KEY_TEXT_BYTES], const uint8_t key[static CONTEXT_KEY_BYTES])
{
    const char *written = zmq_z85_encode(out, key, CONTEXT_KEY_BYTES);
    ASSERT(written);
}

bool context_key_read(uint8_t key[static CONTEXT_KEY_BYTES], const char *text)
{
    return strlen(text) == CONTEXT_KEY_TEXT_BYTES - 1 && zmq_z85_decode(key, text) != NULL;
}

enum err context_draw(struct context *c, struct err_text *e)
{
    char public_text[CONTEXT_KEY_TEXT_BYTES], secret_text[CONTEXT_KEY_TEXT_BYTES];
    do
        if (zmq_curve_keypair(public_text, secret_text) != 0)
            return err_set(e, ERR_IO, "draw a key: %s", zmq_strerror(errno));
    while (public_text[0] == '-'); /* it would be taken for an option */
    bool read = context_key_read(c->public_key, public_text) && context_key_read(c->secret_key, secret_text);
    explicit_bzero(secret_text, sizeof secret_text);
    return read ? OK : err_set(e, ERR_IO, "draw a key: libzmq gave none");
}

void context_forget(struct context *c) { explicit_bzero(c->secret_key, sizeof c->secret_key); }

static enum err check_pair(const struct context *c, struct err_text *e)
{
    char secret_text[CONTEXT_KEY_TEXT_BYTES], derived[CONTEXT_KEY_TEXT_BYTES];
    uint8_t public_key[CONTEXT_KEY_BYTES];
    context_key_text(secret_text, c->secret_key);
    bool fits = zmq_curve_public(derived, secret_text) == 0 && context_key_read(public_key, derived) &&
                memcmp(public_key, c->public_key, sizeof public_key) == 0;
    explicit_bzero(secret_text, sizeof secret_text);
    return fits ? OK : err_set(e, ERR_INVALID, "public and secret key do not belong together");
}

/* ---- reading ---- */

static enum err twice(struct err_text *e) { return err_set(e, ERR_INVALID, "it is there twice"); }

static enum err take_key(uint8_t key[static CONTEXT_KEY_BYTES], const char *text, struct err_text *e)
{
    static const uint8_t none[CONTEXT_KEY_BYTES];
    if (memcmp(key, none, sizeof none) != 0)
        return twice(e);
    return context_key_read(key, text) ? OK : err_set(e, ERR_INVALID, "a key has 40 characters of Z85");
}

static enum err take_text(char *out, size_t bytes, const char *text, struct err_text *e)
{
    if (*out)
        return twice(e);
    return (size_t)snprintf(out, bytes, "%s", text) < bytes
               ? OK
               : err_set(e, ERR_INVALID, "longer than %zu bytes", bytes - 1);
}

static enum err take(struct context *c, const char *name, const char *value, struct err_text *e)
{
    if (!strcmp(name, "name"))
        return take_text(c->name, sizeof c->name, value, e);
    if (!strcmp(name, "public"))
        return take_key(c->public_key, value, e);
    if (!strcmp(name, "secret"))
        return take_key(c->secret_key, value, e);
    if (!strcmp(name, "server"))
        return c->has_server = true, take_key(c->server_key, value, e);
    if (!strcmp(name, "door"))
        return take_text(c->door, sizeof c->door, value, e);
    if (!strcmp(name, "feed"))
        return take_text(c->feed, sizeof c->feed, value, e);
    if (!strcmp(name, "snapshots"))
        return take_text(c->snapshots, sizeof c->snapshots, value, e);
    return err_set(e, ERR_INVALID, "\"%.40s\" is not known here", name);
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    for (size_t n = strlen(text); n && isspace((unsigned char)text[n - 1]); n--)
        text[n - 1] = 0;
    return text;
}

/* What is wrong is never repeated: it may be a secret. A comment is a whole line, for '#' is a letter of Z85. */
static enum err take_line(struct context *c, char *line, struct err_text *e)
{
    char *name = trim(line), *equals = strchr(name, '=');
    if (!*name || *name == '#')
        return OK;
    if (!equals)
        return err_set(e, ERR_INVALID, "expected name = value");
    *equals = 0;
    return take(c, trim(name), trim(equals + 1), e);
}

static enum err take_lines(struct context *c, FILE *in, const char *path, struct err_text *e)
{
    char line[LINE_BYTES];
    enum err err = OK;
    for (int number = 1; !err && fgets(line, sizeof line, in); number++)
        err = err_wrap(e, take_line(c, line, e), "%s:%d", path, number);
    explicit_bzero(line, sizeof line);
    if (!err && ferror(in))
        err = err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    return err ? err : err_wrap(e, check_pair(c, e), "%s", path);
}

/* A secret that others may read is none. */
static enum err check_file(int fd, const char *path, struct err_text *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX)
        return err_set(e, ERR_INVALID, "%s is not a file of keys", path);
    if (st.st_mode & 077)
        return err_set(e, ERR_INVALID,
                       "%s can be read by others (mode %03o); chmod 600 it, and if others have read it, "
                       "draw a new key",
                       path, st.st_mode & 0777u);
    return OK;
}

enum err context_read(struct context *c, const char *path, struct err_text *e)
{
    *c = (struct context){.has_server = false};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
    enum err err = check_file(fd, path, e);
    FILE *in = err ? NULL : fdopen(fd, "r");
    if (!in) {
        close(fd);
        return err ? err : err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    }
    setvbuf(in, NULL, _IONBF, 0); /* no copy of the secret stays in a buffer that is given back */
    err = take_lines(c, in, path, e);
    fclose(in);
    if (err)
        context_forget(c);
    return err;
}

/* ---- writing ---- */

static void print_key(FILE *out, const char *name, const uint8_t key[static CONTEXT_KEY_BYTES])
{
    char text[CONTEXT_KEY_TEXT_BYTES];
    context_key_text(text, key);
    fprintf(out, "%s = %s\n", name, text);
    explicit_bzero(text, sizeof text);
}

static void print_text(FILE *out, const char *name, const char *text)
{
    if (*text)
        fprintf(out, "%s = %s\n", name, text);
}

static bool print(const struct context *c, FILE *out)
{
    fprintf(out, "# parbus: whoever has this file is %s. Keep it secret.\n", *c->name ? c->name : "the server");
    print_text(out, "name", c->name);
    print_key(out, "public", c->public_key);
    print_key(out, "secret", c->secret_key);
    if (c->has_server)
        print_key(out, "server", c->server_key);
    print_text(out, "door", c->door);
    print_text(out, "feed", c->feed);
    print_text(out, "snapshots", c->snapshots);
    return fflush(out) == 0 && !ferror(out) && fsync(fileno(out)) == 0;
}

static enum err write_file(const struct context *c, const char *path, struct err_text *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out) {
        if (fd >= 0)
            close(fd);
        return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    }
    bool written = fchmod(fd, 0600) == 0 && print(c, out); /* the umask may have taken more away */
    return fclose(out) == 0 && written ? OK : err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
}

/* link, not rename: what is there is not replaced, also when it came just now. */
static enum err put_in_place(const char *from, const char *path, bool replace, struct err_text *e)
{
    int failed = replace ? rename(from, path) : link(from, path);
    if (!failed)
        return guard_sync_parent(path, e);
    return err_set(e, errno == EEXIST ? ERR_BUSY : ERR_IO, "%s: %s", path,
                   errno == EEXIST ? "it is there already" : strerror(errno));
}

enum err context_write(const struct context *c, const char *path, bool replace, struct err_text *e)
{
    char draft[PATH_MAX];
    if (snprintf(draft, sizeof draft, "%s.%d", path, (int)getpid()) >= (int)sizeof draft)
        return err_set(e, ERR_INVALID, "%.100s…: the path is too long", path);
    unlink(draft); /* of a process of this number that died at it */
    enum err err = write_file(c, draft, e);
    if (!err)
        err = put_in_place(draft, path, replace, e);
    unlink(draft);
    return err;
}

/* ---- where ---- */

static enum err config_directory(char path[static PATH_MAX], struct err_text *e)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = config && *config == '/' ? snprintf(path, PATH_MAX, "%s", config)
            : home && *home == '/'   ? snprintf(path, PATH_MAX, "%s/.config", home)
                                     : PATH_MAX;
    return n < PATH_MAX ? OK : err_set(e, ERR_INVALID, "neither XDG_CONFIG_HOME nor HOME says where contexts lie");
}

static enum err below(char path[static PATH_MAX], const char *name, bool make, struct err_text *e)
{
    size_t used = strlen(path);
    enum err err = make ? guard_make_directory(path, e) : OK;
    if (!err && snprintf(path + used, PATH_MAX - used, "/%s", name) >= (int)(PATH_MAX - used))
        err = err_set(e, ERR_INVALID, "%.100s…: the path is too long", path);
    return err;
}

enum err context_path(char path[static PATH_MAX], const char *name, bool make, struct err_text *e)
{
    char file[CONTEXT_NAME_BYTES + 16];
    if (!*name || *name == '.' || strchr(name, '/') || strlen(name) >= CONTEXT_NAME_BYTES)
        return err_set(e, ERR_INVALID, "\"%.80s\" cannot name a context", name);
    snprintf(file, sizeof file, "%s.context", name);
    enum err err = config_directory(path, e);
    if (!err)
        err = below(path, "parbus", make, e);
    return err ? err : below(path, file, make, e);
}
