#include "base/buffer.h"
#include "base/bytes.h"
#include "catalog/model.h"

uint64_t catalog_content(const ProtobufCMessage *registry_or_definition)
{
    struct buffer packed = {0};
    size_t bytes = protobuf_c_message_get_packed_size(registry_or_definition);
    protobuf_c_message_pack(registry_or_definition, buffer_grow(&packed, bytes));
    uint64_t content = hash_bytes(packed.data, packed.size);
    buffer_free(&packed);
    return content ? content : 1;
}

uint32_t catalog_partition_unknown(const char *unit_text, uint32_t partitions)
{
    return (uint32_t)(hash_bytes(unit_text, strlen(unit_text)) % partitions);
}
