/* golden_write DIRECTORY: writes <channel>.<message>.bin for each message. `ninja golden` calls it, after a change of
 * the protocol that was meant; what changes in the .txtpb files beside them is what old peers will notice. */
#include "sample.h"
#include <stdio.h>
#include <stdlib.h>

struct writer {
    const char *directory;
    struct arena arena;
    struct buffer bytes;
};

static void write_one(void *ctx, const struct golden_channel *channel, const ProtobufCFieldDescriptor *kind)
{
    struct writer *w = ctx;
    char path[4096];
    arena_reset(&w->arena);
    buffer_clear(&w->bytes);
    const ProtobufCMessage *message = golden_sample(channel->envelope, kind->id, &w->arena);
    protobuf_c_message_pack(message, buffer_grow(&w->bytes, protobuf_c_message_get_packed_size(message)));
    snprintf(path, sizeof path, "%s/%s.%s.bin", w->directory, channel->name, kind->name);
    FILE *out = fopen(path, "wb");
    if (!out || fwrite(w->bytes.data, 1, w->bytes.size, out) != w->bytes.size || fclose(out)) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    struct writer w = {.directory = argv[1]};
    arena_init(&w.arena, WIRE_ARENA_BYTES);
    golden_each(write_one, &w);
    arena_free(&w.arena);
    buffer_free(&w.bytes);
    return 0;
}
