/* Old bytes must stay readable: each golden file is decoded and compared, field by field, with the message it was made
 * from. */
#include "sample.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

static struct arena arena;
static struct buffer file, packed;

static void setup(void) { arena_init(&arena, WIRE_ARENA_BYTES); }
static void teardown(void)
{
    arena_free(&arena);
    buffer_free(&file);
    buffer_free(&packed);
}
TestSuite(golden, .init = setup, .fini = teardown);

static void read_golden(const char *channel, const char *kind)
{
    char path[4096];
    snprintf(path, sizeof path, SOURCE_DIR "/tests/golden/%s.%s.bin", channel, kind);
    FILE *in = fopen(path, "rb");
    cr_assert_not_null(in, "%s is missing: `ninja golden` writes it", path);
    buffer_clear(&file);
    for (int c; (c = getc(in)) != EOF;)
        *(uint8_t *)buffer_grow(&file, 1) = (uint8_t)c;
    fclose(in);
}

static bool same_message(const ProtobufCMessage *a, const ProtobufCMessage *b);

static bool same_value(const ProtobufCFieldDescriptor *f, const void *a, const void *b)
{
    static const size_t bytes[] = {
        [PROTOBUF_C_TYPE_INT32] = 4,
        [PROTOBUF_C_TYPE_SINT32] = 4,
        [PROTOBUF_C_TYPE_SFIXED32] = 4,
        [PROTOBUF_C_TYPE_INT64] = 8,
        [PROTOBUF_C_TYPE_SINT64] = 8,
        [PROTOBUF_C_TYPE_SFIXED64] = 8,
        [PROTOBUF_C_TYPE_UINT32] = 4,
        [PROTOBUF_C_TYPE_FIXED32] = 4,
        [PROTOBUF_C_TYPE_UINT64] = 8,
        [PROTOBUF_C_TYPE_FIXED64] = 8,
        [PROTOBUF_C_TYPE_FLOAT] = 4,
        [PROTOBUF_C_TYPE_DOUBLE] = 8,
        [PROTOBUF_C_TYPE_BOOL] = sizeof(protobuf_c_boolean),
        [PROTOBUF_C_TYPE_ENUM] = sizeof(int),
    };
    if (f->type == PROTOBUF_C_TYPE_STRING)
        return strcmp(*(char *const *)a, *(char *const *)b) == 0;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return same_message(*(ProtobufCMessage *const *)a, *(ProtobufCMessage *const *)b);
    if (f->type == PROTOBUF_C_TYPE_BYTES) {
        const ProtobufCBinaryData *x = a, *y = b;
        return x->len == y->len && memcmp(x->data, y->data, x->len) == 0;
    }
    return memcmp(a, b, bytes[f->type]) == 0;
}

static size_t element_bytes(ProtobufCType type)
{
    static const ProtobufCType wide[] = {PROTOBUF_C_TYPE_INT64,  PROTOBUF_C_TYPE_SINT64,  PROTOBUF_C_TYPE_SFIXED64,
                                         PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_DOUBLE,
                                         PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_MESSAGE};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (wide[i] == type)
            return 8;
    return type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : 4;
}

static bool same_elements(const ProtobufCFieldDescriptor *f, const char *a, const char *b)
{
    size_t count = *(const size_t *)(a + f->quantifier_offset), bytes = element_bytes(f->type);
    if (count != *(const size_t *)(b + f->quantifier_offset) || count == 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!same_value(f, *(char *const *)(a + f->offset) + i * bytes, *(char *const *)(b + f->offset) + i * bytes))
            return false;
    return true;
}

static bool same_field(const ProtobufCFieldDescriptor *f, const char *a, const char *b)
{
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return same_elements(f, a, b);
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t kind = *(const uint32_t *)(a + f->quantifier_offset);
        if (kind != *(const uint32_t *)(b + f->quantifier_offset) || kind != f->id)
            return kind == *(const uint32_t *)(b + f->quantifier_offset);
    } else if (f->quantifier_offset && !*(const protobuf_c_boolean *)(a + f->quantifier_offset)) {
        return false; /* a golden message has every field */
    }
    return same_value(f, a + f->offset, b + f->offset);
}

static bool same_message(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    cr_assert_eq(a->descriptor, b->descriptor);
    cr_assert_eq(a->n_unknown_fields, 0, "%s has a field that nobody knows any more", a->descriptor->name);
    for (unsigned i = 0; i < a->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &a->descriptor->fields[i];
        cr_assert(same_field(f, (const char *)a, (const char *)b), "%s.%s differs", a->descriptor->name, f->name);
    }
    return true;
}

static void check_file(void *ctx, const struct golden_channel *channel, const ProtobufCFieldDescriptor *kind)
{
    unsigned *count = ctx;
    arena_reset(&arena);
    read_golden(channel->name, kind->name);
    const ProtobufCMessage *want = golden_sample(channel->envelope, kind->id, &arena);
    const ProtobufCMessage *got = protobuf_c_message_unpack(channel->envelope, &arena.allocator, file.size, file.data);
    cr_assert_not_null(got, "%s.%s cannot be decoded", channel->name, kind->name);
    same_message(got, want);
    ++*count;
}

Test(golden, each_file_says_what_it_said)
{
    unsigned count = 0;
    golden_each(check_file, &count);
    cr_assert_gt(count, 35);
}

static void check_open(void *ctx, const struct golden_channel *channel, const ProtobufCFieldDescriptor *kind)
{
    (void)ctx;
    struct wire_message opened;
    struct err_text e;
    if (!channel->channel)
        return;
    arena_reset(&arena);
    read_golden(channel->name, kind->name);
    cr_assert_eq(wire_open(channel->channel, file.data, file.size, &arena, &opened, &e), OK, "%s.%s: %s", channel->name,
                 kind->name, e.text);
    cr_assert_eq(opened.kind, kind->id);
    same_message(opened.message, golden_body(golden_sample(channel->envelope, kind->id, &arena), kind));
    buffer_clear(&packed);
    wire_pack(&packed, opened.kind, opened.message);
    cr_assert(packed.size == file.size && memcmp(packed.data, file.data, file.size) == 0, "%s.%s packs otherwise",
              channel->name, kind->name);
}

Test(golden, each_file_passes_the_wire_and_is_packed_to_the_same_bytes) { golden_each(check_open, NULL); }

/* A message that is removed from the protocol must not take its golden file with it unseen, nor leave it behind. */
static void count_kind(void *ctx, const struct golden_channel *channel, const ProtobufCFieldDescriptor *kind)
{
    (void)channel, (void)kind;
    ++*(unsigned *)ctx;
}

Test(golden, there_is_no_file_without_a_message)
{
    unsigned kinds = 0, files = 0;
    golden_each(count_kind, &kinds);
    DIR *directory = opendir(SOURCE_DIR "/tests/golden");
    cr_assert_not_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        const char *dot = strrchr(entry->d_name, '.');
        files += dot && strcmp(dot, ".bin") == 0;
    }
    closedir(directory);
    cr_assert_eq(files, kinds);
}
