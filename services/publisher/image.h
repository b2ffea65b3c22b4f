/* The packed messages of one snapshot, without their request number (pack_answer puts it in front). */
#pragma once
#include "services/publisher/snapshot.h"

struct snapshot_image {
    uint64_t seq;
    int64_t made_us;
    unsigned references;
    struct buffer bytes;
    struct image_part {
        uint32_t kind;
        size_t from, size;
    } * part;
    size_t count, capacity;
};

/* O(N). One reference, the caller's. */
struct snapshot_image *image_new(const struct topic *t, uint64_t epoch, uint32_t heartbeat_ms, int64_t now_us);
