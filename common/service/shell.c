#include "service/shell.h"
#include "base/log.h"
#include "base/random.h"
#include "service/bookmark_file.h"
#include <unistd.h>

enum { LAST_WORDS_US = 20000 };

void worker_shell_open(struct worker_shell *s, const struct service *service)
{
    *s = (struct worker_shell){.service = service};
    arena_init(&s->arena, WIRE_ARENA_BYTES);
    link_message_init(&s->message);
}

void worker_shell_close(struct worker_shell *s)
{
    bookmark_close(&s->bookmark);
    link_message_close(&s->message);
    link_shutdown();
    arena_free(&s->arena);
    buffer_free(&s->out);
}

enum err worker_shell_identify(const struct worker_shell *s, struct worker_config *config, struct err_text *e)
{
    config->instance = s->service->instance;
    config->pid = (uint32_t)getpid();
    config->heartbeat_us = s->service->settings.heartbeat_interval_ms * 1000;
    return random_number(&config->incarnation, e);
}

enum err worker_shell_bookmark(struct worker_shell *s, struct worker_config *config, struct err_text *e)
{
    enum err err = bookmark_open(&s->bookmark, &config->unfinished, s->service->directory, s->service->instance, e);
    config->bookmark = s->bookmark;
    return err;
}

enum err worker_shell_send(struct worker_shell *s, void *socket, uint32_t kind, const ProtobufCMessage *message)
{
    buffer_clear(&s->out);
    wire_pack(&s->out, kind, message);
    return link_send(socket, s->out.data, s->out.size);
}

enum err worker_shell_receive(struct worker_shell *s, void *socket, int type, const struct wire_channel *channel,
                              struct wire_message *m, struct err_text *e)
{
    if (link_receive(socket, type, &s->message))
        return ERR_BUSY;
    arena_reset(&s->arena);
    return wire_open(channel, link_data(&s->message), link_bytes(&s->message), &s->arena, m, e);
}

void worker_shell_trouble(void *ctx, const char *id, const char *text)
{
    (void)ctx;
    log_warn(id, "why=\"%s\"", text);
}

void worker_shell_last_words(void) { link_poll(NULL, 0, -1, LAST_WORDS_US); }
