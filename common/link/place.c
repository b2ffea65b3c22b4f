#include "link/link.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* By descriptor: the kernel's number of what was accepted there last, and how many were accepted before that one. */
struct accepted {
    ino_t number;
    uint64_t nth;
};
static struct accepted *accepted;
static size_t capacity;
static uint64_t count;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* libzmq accepts, and ours asks */

static bool number_of(int fd, ino_t *number)
{
    struct stat st;
    bool there = fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    *number = there ? st.st_ino : 0;
    return there;
}

static void make_room(size_t wanted)
{
    if (wanted <= capacity)
        return;
    size_t more = 2 * wanted < 256 ? 256 : 2 * wanted;
    struct accepted *larger = reallocarray(accepted, more, sizeof *accepted);
    ASSERT(larger);
    accepted = larger;
    memset(accepted + capacity, 0, (more - capacity) * sizeof *accepted);
    capacity = more;
}

void link_accepted(int fd)
{
    int kept = errno;
    struct accepted a;
    if (number_of(fd, &a.number)) {
        pthread_mutex_lock(&mutex);
        make_room((size_t)fd + 1);
        a.nth = ++count;
        accepted[fd] = a;
        pthread_mutex_unlock(&mutex);
    }
    errno = kept;
}

uint64_t link_accepted_count(void)
{
    pthread_mutex_lock(&mutex);
    uint64_t now = count;
    pthread_mutex_unlock(&mutex);
    return now;
}

int link_descriptor(struct link_message *m) { return zmq_msg_get(&m->frame, ZMQ_SRCFD); }

struct link_place link_place(struct link_message *m)
{
    const char *since = m->peer.principal[0] ? zmq_msg_gets(&m->frame, LINK_SINCE) : NULL;
    return (struct link_place){since ? link_descriptor(m) : -1, since ? strtoull(since, NULL, 10) : 0};
}

/* Whoever was accepted at the descriptor before the handshake ended, and is there still, is whose handshake it was:
 * between the two nobody else can have been accepted there. fd: the descriptor, or another one for what is there. */
static bool holds(int fd, struct link_place p)
{
    struct accepted a = {0};
    ino_t number;
    if (!number_of(fd, &number))
        return false;
    pthread_mutex_lock(&mutex);
    if ((size_t)p.fd < capacity)
        a = accepted[p.fd];
    pthread_mutex_unlock(&mutex);
    return a.nth && a.nth <= p.since && a.number == number;
}

bool link_place_open(struct link_place p) { return holds(p.fd, p); }

/* By a descriptor of our own: the other one may be somebody else's when it has been looked at. Where there is none
 * left, by the other one: whose right has ended stays in no case. */
bool link_place_cut(struct link_place p)
{
    int own = fcntl(p.fd, F_DUPFD_CLOEXEC, 0), fd = own < 0 ? p.fd : own;
    bool cut = holds(fd, p) && shutdown(fd, SHUT_RDWR) == 0;
    if (own >= 0)
        close(own);
    return cut;
}

int link_cut(struct link_message *m)
{
    int fd = link_descriptor(m);
    const struct link_place place = link_place(m);
    if (place.since)
        return link_place_cut(place) ? fd : -1;
    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
    return fd;
}

enum err link_allow(void *socket, struct link_message *m)
{
    const char *frame = link_data(m);
    size_t bytes = link_bytes(m);
    ASSERT(bytes);
    if (!link_place_open(link_place(m)))
        return ERR_NOT_FOUND;
    return zmq_setsockopt(socket, frame[0] ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE, frame + 1, bytes - 1) == 0 ? OK : ERR_IO;
}
