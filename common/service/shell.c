#include "service/shell.h"
#include "base/log.h"
#include "base/random.h"
#include "service/bookmark_file.h"
#include <string.h>
#include <unistd.h>

enum { SOURCES_MAX = 16 };

enum err worker_shell_open(void *shell, const struct service *service, const struct reactor_source *sources,
                           unsigned count, const struct reactor_hooks *hooks, struct err_text *e)
{
    struct worker_shell *s = shell;
    struct reactor_source all[SOURCES_MAX];
    struct reactor_options options = {
        .hooks = *hooks,
        .sources = all,
        .count = count + 1,
        .directory = service->directory,
        .stop_fd = service->stop_fd,
    };
    ASSERT(count < SOURCES_MAX);
    memcpy(all, sources, count * sizeof *sources);
    *s = (struct worker_shell){.service = service};
    s->gate =
        gate_new(&(struct gate_options){.directory = service->directory, .reactor = &s->reactor, .tell = log_told});
    all[count] = gate_source(s->gate);
    options.hooks.ctx = shell;
    options.hooks.tell = log_told;
    options.hooks.admits = gate_admits;
    options.hooks.admits_ctx = s->gate;
    return reactor_open(&s->reactor, &options, e);
}

void worker_shell_close(void *shell)
{
    struct worker_shell *s = shell;
    reactor_close(&s->reactor);
    gate_destroy(&s->gate);
    bookmark_close(&s->bookmark);
    link_shutdown();
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

enum err worker_shell_send(void *shell, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    return reactor_send(((struct worker_shell *)shell)->reactor, source, peer, kind, m);
}

void worker_shell_tick(struct worker_shell *s, struct metrics *metrics, enum err over, const struct err_text *why)
{
    metrics->value[METRIC_messages_misshapen] = link_dropped();
    if (over == ERR_STOPPED)
        reactor_end(s->reactor);
    else if (over)
        reactor_fail(s->reactor, over, "%s", why->text);
}

int64_t worker_shell_gone_us(const struct worker_shell *s, struct moment now)
{
    return now.mono_us + s->service->settings.release_timeout_ms * 1000;
}
