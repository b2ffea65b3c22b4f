/* fuzz_x_replay MUTATIONS SEED DIRECTORY...: every .bin file of the directories, then so many mutations of them. The
 * same seed gives the same inputs; on a fault PARBUS_FUZZ_KEEP=FILE leaves the input that was under way there.
 * PARBUS_FUZZ_MUTATIONS=N goes before MUTATIONS. */
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/err.h"
#include "fuzz.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS_MAX = 1024, STEPS_MAX = 6 };

static struct buffer inputs[INPUTS_MAX];
static size_t input_count;
static uint64_t random_state;

static size_t random_below(size_t n) { return n ? (size_t)(hash_mix(random_state += 0x9e3779b97f4a7c15ull) % n) : 0; }

static void read_input(const char *directory, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *in = fopen(path, "rb");
    ASSERT(in && input_count < INPUTS_MAX);
    for (int c; (c = getc(in)) != EOF;)
        *(uint8_t *)buffer_grow(&inputs[input_count], 1) = (uint8_t)c;
    fclose(in);
    input_count++;
}

static int is_input(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".bin") == 0;
}

/* Sorted, so that a seed means the same everywhere. */
static void read_inputs(const char *directory)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_input, alphasort);
    for (int i = 0; i < count; i++) {
        read_input(directory, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void flip_bit(struct buffer *b) { b->data[random_below(b->size)] ^= (uint8_t)(1u << random_below(8)); }

static void set_byte(struct buffer *b)
{
    static const uint8_t bytes[] = {0, 1, 0x7f, 0x80, 0xff, 0xc0, 0xed, 0xf4, 2, 0x0a, 0x12, 0x42, 0x4a, 0x5a};
    b->data[random_below(b->size)] = bytes[random_below(sizeof bytes)];
}

static void cut_out(struct buffer *b)
{
    size_t at = random_below(b->size), bytes = 1 + random_below(b->size - at < 16 ? b->size - at : 16);
    bytes = bytes > b->size - at ? b->size - at : bytes;
    memmove(b->data + at, b->data + at + bytes, b->size - at - bytes);
    b->size -= bytes;
}

static void put_in(struct buffer *b, const uint8_t *data, size_t bytes)
{
    size_t at = random_below(b->size + 1), behind = b->size - at;
    buffer_grow(b, bytes);
    memmove(b->data + at + bytes, b->data + at, behind);
    memcpy(b->data + at, data, bytes);
}

static void put_in_random(struct buffer *b)
{
    uint8_t data[12];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)random_below(256);
    put_in(b, data, 1 + random_below(sizeof data));
}

static void put_in_part_of_another(struct buffer *b)
{
    const struct buffer *other = &inputs[random_below(input_count)];
    size_t at = random_below(other->size);
    put_in(b, other->data + at, random_below(other->size - at < 64 ? other->size - at : 64));
}

static void break_off(struct buffer *b) { b->size = random_below(b->size); }

static void mutate(struct buffer *b)
{
    static void (*const mutations[])(struct buffer *) = {
        flip_bit, set_byte, cut_out, put_in_random, put_in_part_of_another, flip_bit, set_byte, break_off};
    size_t steps = 1 + random_below(STEPS_MAX);
    for (size_t i = 0; i < steps && b->size; i++)
        mutations[random_below(sizeof mutations / sizeof *mutations)](b);
}

static void keep(const struct buffer *b)
{
    const char *file = getenv("PARBUS_FUZZ_KEEP");
    FILE *out = file ? fopen(file, "wb") : NULL;
    if (!out)
        return;
    fwrite(b->data, 1, b->size, out);
    fclose(out);
}

/* A copy of the exact size, so that a read beyond the end is seen. */
static void run(const struct buffer *b)
{
    uint8_t *exact = malloc(b->size ? b->size : 1);
    ASSERT(exact);
    if (b->size)
        memcpy(exact, b->data, b->size);
    keep(b);
    LLVMFuzzerTestOneInput(exact, b->size);
    free(exact);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s MUTATIONS SEED DIRECTORY...\n", argv[0]);
        return 2;
    }
    random_state = strtoull(argv[2], NULL, 10);
    for (int i = 3; i < argc; i++)
        read_inputs(argv[i]);
    if (!input_count) {
        fprintf(stderr, "%s: no .bin files\n", argv[3]);
        return 1;
    }
    for (size_t i = 0; i < input_count; i++)
        run(&inputs[i]);
    struct buffer b = {0};
    const char *told = getenv("PARBUS_FUZZ_MUTATIONS");
    for (long left = strtol(told ? told : argv[1], NULL, 10); left > 0; left--) {
        const struct buffer *from = &inputs[random_below(input_count)];
        buffer_clear(&b);
        buffer_append(&b, from->data, from->size);
        mutate(&b);
        run(&b);
    }
    buffer_free(&b);
    for (size_t i = 0; i < input_count; i++)
        buffer_free(&inputs[i]);
    return 0;
}
