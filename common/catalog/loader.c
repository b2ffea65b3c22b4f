#include "catalog/loader.h"
#include <string.h>

const struct registry_file *loader_registry(const struct loader *l, const char *code, uint32_t version)
{
    for (size_t i = 0; i < l->registry_count; i++)
        if (l->registry[i].registry->code && !strcmp(l->registry[i].registry->code, code) &&
            l->registry[i].registry->version == version)
            return &l->registry[i];
    return NULL;
}

void load_check_fault(void *ctx, enum check_scope scope, size_t position, const char *key, const char *text)
{
    struct source *s = ctx;
    const yaml_node_t *at = scope == CHECK_TOP ? s->root : position < s->item_count ? s->item[position] : s->root;
    const yaml_node_t *named = key ? mapping_key(s, at, key) : NULL;
    const yaml_node_t *rule = mapping_value(s, at, "rule");
    if (key && !named && rule)
        named = mapping_key(s, rule, key);
    source_fault_line(s, node_line(named ? named : at), text);
}
