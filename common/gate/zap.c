#include "gate/internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 27, as a ROUTER sees it. */
enum { ASKER, EMPTY, VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, KEY, FRAMES_NULL = 8, FRAMES_CURVE = 9 };
enum { DOMAIN_INSIDE, DOMAIN_LOCAL, DOMAIN_CURVE, DOMAIN_INSECURE, DOMAINS };

static const char *const domain_names[DOMAINS] = {"inside", "local", "curve", "insecure"};

static bool holds(struct link_frames *m, unsigned frame, const void *data, size_t bytes)
{
    return zmq_msg_size(&m->frame[frame]) == bytes && memcmp(zmq_msg_data(&m->frame[frame]), data, bytes) == 0;
}

static bool says(struct link_frames *m, unsigned frame, const char *text)
{
    return holds(m, frame, text, strlen(text));
}

static void copy_text(struct link_frames *m, unsigned frame, char *out, size_t bytes)
{
    const char *text = zmq_msg_data(&m->frame[frame]);
    size_t length = zmq_msg_size(&m->frame[frame]), used = 0;
    for (size_t i = 0; i < length && used + 1 < bytes; i++)
        out[used++] = (char)(text[i] > ' ' && text[i] < 0x7f && text[i] != '"' ? text[i] : '?');
    out[used] = 0;
}

/* The kernel's word about the process at the other end of a local socket: "…:uid:gid:pid". */
static bool read_user(const char *address, uid_t *user)
{
    const char *at = address + strlen(address);
    char *end;
    for (int colons = 0; colons < 3;)
        if (at == address)
            return false;
        else
            colons += *--at == ':';
    unsigned long uid = strtoul(at + 1, &end, 10);
    *user = (uid_t)uid;
    return end != at + 1 && *end == ':' && uid < UINT32_MAX;
}

static enum gate_reason judge_local(const struct gate *g, bool inside, const char *address, char *principal)
{
    uid_t user;
    if (!read_user(address, &user))
        return GATE_MISSHAPEN;
    if (user == 0 || user == g->owner)
        return strcpy(principal, "owner"), GATE_IN;
    snprintf(principal, GATE_PRINCIPAL_BYTES, "user:%lu", (unsigned long)user);
    return inside ? GATE_FOREIGN_USER : GATE_IN;
}

static bool is_trial(const struct gate *g, struct link_frames *m)
{
    return g->trying && m->count == FRAMES_CURVE && holds(m, KEY, g->trial, sizeof g->trial);
}

/* Not in the trial: what is tried is that somebody is turned away. */
static enum gate_reason judge_key(struct gate *g, struct link_frames *m, const char *address, char *principal,
                                  struct moment now)
{
    uint8_t key[LINK_KEY_BYTES];
    if (m->count != FRAMES_CURVE || !says(m, MECHANISM, "CURVE") || zmq_msg_size(&m->frame[KEY]) != sizeof key)
        return GATE_MISSHAPEN;
    memcpy(key, zmq_msg_data(&m->frame[KEY]), sizeof key);
    gate_principal_of_key(principal, key);
    enum gate_reason reason = gate_judge_key(g, key, now.wall_ms);
    if (reason != GATE_GUEST)
        return reason;
    return is_trial(g, m) ? GATE_UNKNOWN_KEY : gate_take_guest(g, address, now);
}

static enum gate_reason judge(struct gate *g, struct link_frames *m, const char *address, char *principal,
                              struct moment now)
{
    int domain = 0;
    while (domain < DOMAINS && !says(m, DOMAIN, domain_names[domain]))
        domain++;
    if (domain == DOMAIN_CURVE)
        return judge_key(g, m, address, principal, now);
    if (domain == DOMAINS || m->count != FRAMES_NULL || !says(m, MECHANISM, "NULL"))
        return GATE_MISSHAPEN;
    if (domain == DOMAIN_INSECURE)
        return strcpy(principal, "insecure"), GATE_IN;
    return judge_local(g, domain == DOMAIN_INSIDE, address, principal);
}

static struct link_piece piece(struct link_frames *m, unsigned frame)
{
    return (struct link_piece){zmq_msg_data(&m->frame[frame]), zmq_msg_size(&m->frame[frame])};
}

static struct link_piece text(const char *s) { return (struct link_piece){s, strlen(s)}; }

/* One property, as ZMTP writes them: its name behind a byte, its value behind four. */
enum { SINCE_BYTES = 64 };
static struct link_piece since(char out[static SINCE_BYTES])
{
    enum { NAME = sizeof LINK_SINCE - 1, VALUE = 1 + NAME + 4 };
    int digits = snprintf(out + VALUE, SINCE_BYTES - VALUE, "%llu", (unsigned long long)link_accepted_count());
    const char head[] = {0, 0, 0, (char)digits};
    out[0] = NAME;
    memcpy(out + 1, LINK_SINCE, NAME);
    memcpy(out + 1 + NAME, head, sizeof head);
    return (struct link_piece){out, (size_t)(VALUE + digits)};
}

/* What cannot be sent need not be: whoever asked has gone. */
static void answer(const struct gate *g, unsigned source, struct link_frames *m, enum gate_reason reason,
                   const char *principal)
{
    char property[SINCE_BYTES];
    struct link_piece reply[] = {piece(m, ASKER),
                                 text(""),
                                 text("1.0"),
                                 piece(m, REQUEST),
                                 text(reason == GATE_IN ? "200" : "400"),
                                 text(""),
                                 text(reason == GATE_IN ? principal : ""),
                                 reason == GATE_IN ? since(property) : text("")};
    reactor_send_frames(*g->o.reactor, source, reply, sizeof reply / sizeof *reply);
}

static bool is_request(struct link_frames *m)
{
    return m->count >= FRAMES_NULL && zmq_msg_size(&m->frame[EMPTY]) == 0 && says(m, VERSION, "1.0");
}

void gate_asked(void *gate, unsigned source, struct link_frames *m, struct moment now)
{
    struct gate *g = gate;
    char address[ADDRESS_BYTES], principal[GATE_PRINCIPAL_BYTES] = "";
    if (!is_request(m))
        return;
    g->questions++;
    copy_text(m, ADDRESS, address, sizeof address);
    enum gate_reason reason = judge(g, m, address, principal, now);
    answer(g, source, m, reason, principal);
    if (reason != GATE_IN && is_trial(g, m))
        g->trial_refused = true;
    else if (reason != GATE_IN)
        gate_refused(g, reason, principal, principal[0] == 'u' ? principal : address, now);
}
