/* Whatever is asked of the gate (ZAP, RFC 27), it answers at most once, in the form of the RFC, and lets in whom it
 * may: over CURVE the one key that it knows. The input is a row of frames, each behind a byte of length. */
#include "auth/access.h"
#include "base/err.h"
#include "fuzz.h"
#include "gate/internal.h"
#include <string.h>

enum { ASKER, EMPTY, VERSION, REQUEST, STATUS, STATUS_TEXT, USER, METADATA, REPLY_FRAMES };
enum { DOMAIN = 4, KEY = 8 };

static struct gate *gate;
static struct access *access_table;
static struct link_frames asked;
static unsigned answers;

static bool holds(const struct link_piece *piece, const char *text)
{
    return piece->bytes == strlen(text) && memcmp(piece->data, text, piece->bytes) == 0;
}

static bool is_known_key(void)
{
    zmq_msg_t *key = &asked.frame[KEY];
    const uint8_t *bytes = zmq_msg_data(key);
    bool known = asked.count > KEY && zmq_msg_size(key) == LINK_KEY_BYTES;
    for (int i = 0; known && i < LINK_KEY_BYTES; i++)
        known = bytes[i] == 'k';
    return known;
}

/* In the place of the reactor's (WRAPPED in CMakeLists.txt). */
enum err __wrap_reactor_send_frames(struct reactor *r, unsigned source, const struct link_piece *piece, unsigned count);
enum err __wrap_reactor_send_frames(struct reactor *r, unsigned source, const struct link_piece *piece, unsigned count)
{
    (void)r, (void)source;
    answers++;
    ASSERT(count == REPLY_FRAMES && piece[EMPTY].bytes == 0 && holds(&piece[VERSION], "1.0"));
    ASSERT(piece[REQUEST].bytes == zmq_msg_size(&asked.frame[REQUEST]));
    if (holds(&piece[STATUS], "400"))
        ASSERT(piece[USER].bytes == 0);
    else
        ASSERT(holds(&piece[STATUS], "200") && piece[USER].bytes > 0);
    bool curve = zmq_msg_size(&asked.frame[DOMAIN]) == 5 && !memcmp(zmq_msg_data(&asked.frame[DOMAIN]), "curve", 5);
    if (curve && !is_known_key())
        ASSERT(holds(&piece[STATUS], "400"));
    return OK;
}

static void on_told(void *ctx, enum tell_level level, const char *id, const char *text)
{
    (void)ctx, (void)level, (void)id;
    for (; *text; text++) /* one line of the log, whatever address was said */
        ASSERT((unsigned char)*text >= ' ' && (unsigned char)*text < 0x7f);
}

static const struct access *table(void *ctx)
{
    (void)ctx;
    return access_table;
}

static void add(uint64_t seq, Parbus__AccessChange *change)
{
    struct err_text e;
    enum err err = access_apply(access_table, change, seq, &e);
    ASSERT(err == OK);
}

static void prepare(void)
{
    static uint8_t known[LINK_KEY_BYTES];
    Parbus__IdentityAdded identity = PARBUS__IDENTITY_ADDED__INIT;
    Parbus__KeyAdded key = PARBUS__KEY_ADDED__INIT;
    Parbus__AccessChange change = PARBUS__ACCESS_CHANGE__INIT;
    memset(known, 'k', sizeof known);
    identity.name = key.name = "h05";
    key.public_key = (ProtobufCBinaryData){sizeof known, known};
    key.has_public_key = true;
    access_table = access_new();
    change.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED;
    change.identity_added = &identity;
    add(1, &change);
    change.change_case = PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED;
    change.key_added = &key;
    add(2, &change);
    static struct reactor *reactor;
    gate = gate_new(&(struct gate_options){.directory = "/", .reactor = &reactor, .tell = on_told});
    gate_keys(gate, table, NULL);
}

static void read_frames(const uint8_t *data, size_t bytes)
{
    const uint8_t *end = data + bytes;
    link_frames_init(&asked);
    while (data < end && asked.count < LINK_FRAMES_MAX) {
        size_t length = *data++;
        length = length > (size_t)(end - data) ? (size_t)(end - data) : length;
        zmq_msg_t *frame = &asked.frame[asked.count++];
        zmq_msg_close(frame);
        ASSERT(zmq_msg_init_size(frame, length) == 0);
        memcpy(zmq_msg_data(frame), data, length);
        data += length;
    }
}

static void try_principal(const uint8_t *data, size_t bytes)
{
    char text[GATE_PRINCIPAL_BYTES * 2] = "", again[GATE_PRINCIPAL_BYTES];
    uint8_t key[LINK_KEY_BYTES];
    memcpy(text, data, bytes < sizeof text ? bytes : sizeof text - 1);
    if (!gate_key_of_principal(text, key))
        return;
    gate_principal_of_key(again, key);
    ASSERT(strcmp(text, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static int64_t now_us;
    if (!gate)
        prepare();
    read_frames(data, bytes);
    answers = 0;
    gate_asked(gate, 0, &asked, (struct moment){now_us += 20000, 0});
    ASSERT(answers <= 1);
    link_frames_close(&asked);
    try_principal(data, bytes);
    return 0;
}
