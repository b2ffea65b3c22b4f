/* What the protocol demands of its own types (rule W5), read off their descriptors. */
#include "sample.h"
#include "supervisor.pb-c.h"
#include <criterion/criterion.h>

enum { DEPTH_MAX = 8 };

struct walk {
    const ProtobufCMessageDescriptor *above[DEPTH_MAX];
    unsigned depth;
};

static void check_field(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *f)
{
    bool scalar =
        f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_BYTES && f->type != PROTOBUF_C_TYPE_MESSAGE;
    cr_expect_neq(f->label, PROTOBUF_C_LABEL_REQUIRED, "%s.%s is required", type->name, f->name);
    if (f->label == PROTOBUF_C_LABEL_REPEATED && scalar)
        cr_expect(f->flags & PROTOBUF_C_FIELD_FLAG_PACKED, "%s.%s is not packed", type->name, f->name);
}

static void walk_type(struct walk *w, const ProtobufCMessageDescriptor *type)
{
    for (unsigned i = 0; i < w->depth; i++)
        cr_assert_neq(w->above[i], type, "%s contains itself", type->name);
    cr_assert_lt(w->depth, DEPTH_MAX, "%s is nested too deeply", type->name);
    w->above[w->depth++] = type;
    for (unsigned i = 0; i < type->n_fields; i++) {
        check_field(type, &type->fields[i]);
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            walk_type(w, type->fields[i].descriptor);
    }
    w->depth--;
}

Test(schema, no_type_contains_itself_and_columns_are_packed)
{
    struct walk w = {0};
    for (unsigned i = 0; i < golden_channel_count; i++)
        walk_type(&w, golden_channels[i].envelope);
    walk_type(&w, &parbus__to_supervisor__descriptor);
    walk_type(&w, &parbus__from_supervisor__descriptor);
}

/* Rule W2: an envelope is one oneof of messages. */
Test(schema, envelopes_hold_nothing_but_their_oneof)
{
    for (unsigned i = 0; i < golden_channel_count; i++) {
        const ProtobufCMessageDescriptor *envelope = golden_channels[i].envelope;
        for (unsigned k = 0; golden_channels[i].channel && k < envelope->n_fields; k++) {
            cr_expect(envelope->fields[k].flags & PROTOBUF_C_FIELD_FLAG_ONEOF, "%s.%s", envelope->name,
                      envelope->fields[k].name);
            cr_expect_eq(envelope->fields[k].type, PROTOBUF_C_TYPE_MESSAGE);
        }
    }
}
