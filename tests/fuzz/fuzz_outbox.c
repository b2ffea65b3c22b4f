/* Whatever stands in a file of an outbox: what is given out of it is sound, in order and within the file. The first
 * byte says whether the sums of its records are made right. */
#include "base/err.h"
#include "client/outbox_file.h"
#include "fuzz.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int memory = -1;
static uint8_t bytes_of_file[64 << 10];

/* Each record that says its length is sealed, so that a mutation gets behind its sums. */
static void repair(size_t bytes)
{
    struct outbox_record *r;
    uint64_t generation = 0;
    for (size_t at = 0; at + sizeof *r <= bytes; at += outbox_record_bytes(r)) {
        r = (struct outbox_record *)(void *)(bytes_of_file + at);
        if (outbox_record_bytes(r) > bytes - at)
            return;
        generation = at ? generation : r->generation;
        outbox_record_seal(r, generation, r->digest);
    }
}

static void write_down(size_t bytes)
{
    if (memory < 0)
        memory = memfd_create("outbox", MFD_CLOEXEC);
    ASSERT(memory >= 0 && ftruncate(memory, 0) == 0);
    ssize_t written = pwrite(memory, bytes_of_file, bytes, 0);
    ASSERT(written == (ssize_t)bytes);
}

static void read_records(struct outbox_file *f, size_t bytes)
{
    struct outbox_record r;
    const uint8_t *body;
    for (uint64_t at = OUTBOX_HEADS_BYTES, before = 0; outbox_file_next(f, &at, &r); at += outbox_record_bytes(&r)) {
        ASSERT(at >= before && at + sizeof r <= bytes && r.generation == f->generation);
        before = at;
        body = outbox_file_body(f, at, &r);
        ASSERT(!body || !r.bytes || memcmp(body, bytes_of_file + at + sizeof r, r.bytes) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct outbox_record r;
    struct outbox_head head;
    struct err_text e = {""};
    struct outbox_file f = {.path = "outbox"};
    if (!bytes || bytes > sizeof bytes_of_file)
        return 0;
    memcpy(bytes_of_file, data + 1, --bytes);
    if (data[0] % 2)
        repair(bytes);
    write_down(bytes);
    f.fd = memory;
    if (outbox_file_head(&f, &r, &head, &e))
        ASSERT(e.text[0]);
    else
        read_records(&f, bytes);
    buffer_free(&f.window);
    return 0;
}
