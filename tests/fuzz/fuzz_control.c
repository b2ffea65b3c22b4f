/* Whatever a control record holds (a registry, a definition, a period, what is set aside, a change of rights), the
 * catalog takes it whole or says why not and stays as it was. The input is a row of records, each behind two bytes of
 * length. */
#include "auth/access.h"
#include "base/err.h"
#include "catalog/catalog.h"
#include "fuzz.h"
#include <string.h>

static bool any_node(const void *ctx, size_t row, const char *node)
{
    (void)ctx;
    return (row + strlen(node)) % 2;
}

/* What the table of rights says must hang together, whoever asks. */
static void ask_rights(const struct access *a)
{
    const struct access_key *key;
    const struct access_user *user;
    struct access_question q = {
        .verb = PARBUS__VERB__VERB_APPRAISE, .index = "pci", .unit = "H05.1", .rows = 5, .under = any_node};
    for (size_t i = access_keys(a, &key); i-- > 0;)
        ASSERT(access_of_key(a, key[i].public_key, INT64_MIN) == (key[i].span.until ? 0 : key[i].identity));
    for (size_t i = access_users(a, &user); i-- > 0;)
        ASSERT(user[i].span.until || access_of_user(a, user[i].uid) == user[i].identity);
    for (uint32_t i = 0; i < 4; i++)
        access_allows(a, i, &q, access_changed(a), 0);
}

/* With the number that comes next, so that a mutation gets behind it. */
static void apply(struct catalog *c, const uint8_t *data, size_t bytes)
{
    struct err_text e = {""};
    Parbus__Control *control = parbus__control__unpack(NULL, bytes, data);
    uint64_t before = catalog_control_seq(c), changed = access_changed(catalog_access(c));
    if (!control)
        return;
    control->control_seq = before + 1;
    enum err err = catalog_apply(c, control, &e);
    ASSERT(catalog_control_seq(c) == before + (err == OK));
    ASSERT(err == OK || (e.text[0] && access_changed(catalog_access(c)) == changed));
    parbus__control__free_unpacked(control, NULL);
}

static void ask(const struct catalog *c)
{
    char text[256];
    for (uint32_t s = 1; s <= catalog_series_count(c); s++) {
        const struct definition *d = catalog_series(c, s)->definition;
        registry_resolve(d->registry, "Hà Nội");
        registry_suggest(d->registry, "ha noi", text, sizeof text);
        for (size_t n = 0; n < d->node_count; n++)
            ASSERT(definition_node(d, d->node[n].id) == &d->node[n] && d->node[n].parent < (int32_t)n);
    }
    catalog_suggest_index(c, "qd76", UINT64_MAX, text, sizeof text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct catalog *c = catalog_new();
    struct err_text e;
    catalog_apply_packed(c, 1, data, bytes, &e);
    for (const uint8_t *at = data, *end = data + bytes; end - at > 2;) {
        size_t length = at[0] | (size_t)at[1] << 8;
        at += 2;
        length = length < (size_t)(end - at) ? length : (size_t)(end - at);
        apply(c, at, length);
        at += length;
    }
    ask(c);
    ask_rights(catalog_access(c));
    catalog_destroy(&c);
    return 0;
}
