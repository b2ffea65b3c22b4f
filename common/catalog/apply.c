/* Control records, each on top of those before it. */
#include "catalog/check.h"
#include "catalog/model.h"

static enum err apply_registry(struct catalog *c, const Parbus__Control *control, struct err_text *e)
{
    const Parbus__Registry *r = control->registry;
    enum err err = check_registry_first(r, e);
    if (err)
        return err;
    if (catalog_find_registry(c, r->code, r->version))
        return err_set(e, ERR_INVALID, "registry %s version %u is published already", r->code, r->version);
    catalog_add_registry(c, build_registry(&c->pool, r, control->control_seq));
    return OK;
}

static enum err check_cohort(const Parbus__Definition *d, const struct registry *r, struct err_text *e)
{
    for (size_t i = 0; i < d->n_cohort; i++)
        if (!registry_unit(r, d->cohort[i]))
            return err_set(e, ERR_INVALID, "index %s: the cohort's unit %u is not in registry %s", d->index,
                           d->cohort[i], r->code);
    return OK;
}

static enum err apply_definition(struct catalog *c, const Parbus__Control *control, struct err_text *e)
{
    const Parbus__Definition *d = control->definition;
    enum err err = check_definition_first(d, e);
    if (err)
        return err;
    const struct definition *newest = catalog_find_definition(c, d->index, UINT64_MAX);
    if (newest && newest->version >= d->version)
        return err_set(e, ERR_INVALID, "index %s: version %u comes after version %u", d->index, d->version,
                       newest->version);
    const struct registry *r = catalog_find_registry(c, d->registry, d->registry_version);
    if (!r)
        return err_set(e, ERR_INVALID, "index %s: registry %s version %u is unknown", d->index, d->registry,
                       d->registry_version);
    err = check_cohort(d, r, e);
    if (err)
        return err;
    catalog_add_definition(c, build_definition(&c->pool, d, r, control->control_seq));
    return OK;
}

static enum err apply_period(struct catalog *c, const Parbus__Control *control, struct err_text *e)
{
    const Parbus__PeriodOpened *p = control->period_opened;
    const char *index = p->index ? p->index : "", *period = p->period ? p->period : "";
    const struct definition *d = catalog_definition_version(c, index, p->version);
    if (!d)
        return err_set(e, ERR_INVALID, "period %s: index %s has no version %u", period, index, p->version);
    if (!catalog_period_ok(d->period_kind, period))
        return err_set(e, ERR_INVALID, "index %s: '%s' is not a period (%s)", index, period, d->period_kind);
    if (catalog_find_series(c, index, period, UINT64_MAX))
        return err_set(e, ERR_INVALID, "index %s: period %s is open already", index, period);
    if (p->series != c->series_count + 1)
        return err_set(e, ERR_INVALID, "index %s: period %s has series number %u, the next one is %zu", index, period,
                       p->series, c->series_count + 1);
    struct series *s = pool_alloc(&c->pool, sizeof *s);
    *s = (struct series){p->series, d, pool_text(&c->pool, period), control->control_seq};
    catalog_add_series(c, s);
    return OK;
}

static enum err apply_access(struct catalog *c, const Parbus__Control *control, struct err_text *e)
{
    return access_apply(c->access, control->access, control->control_seq, e);
}

enum err catalog_apply(struct catalog *c, const Parbus__Control *control, struct err_text *e)
{
    static enum err (*const apply[])(struct catalog *, const Parbus__Control *, struct err_text *) = {
        [PARBUS__CONTROL__BODY_REGISTRY] = apply_registry,     [PARBUS__CONTROL__BODY_DEFINITION] = apply_definition,
        [PARBUS__CONTROL__BODY_PERIOD_OPENED] = apply_period,  [PARBUS__CONTROL__BODY_SET_ASIDE] = apply_set_aside,
        [PARBUS__CONTROL__BODY_READMITTED] = apply_readmitted, [PARBUS__CONTROL__BODY_ACCESS] = apply_access,
    };
    if (control->control_seq != c->control_seq + 1)
        return err_set(e, ERR_INVALID, "control record %llu follows %llu", (unsigned long long)control->control_seq,
                       (unsigned long long)c->control_seq);
    size_t kind = (size_t)control->body_case;
    if (kind >= sizeof apply / sizeof *apply || !apply[kind])
        return err_set(e, ERR_INVALID, "control record %llu is of a kind that this program does not know",
                       (unsigned long long)control->control_seq);
    enum err err = apply[kind](c, control, e);
    if (!err)
        c->control_seq++;
    return err;
}

enum err catalog_apply_packed(void *catalog, uint64_t seq, const void *packed, size_t bytes, struct err_text *e)
{
    Parbus__Control *control = parbus__control__unpack(NULL, bytes, packed);
    if (!control)
        return err_set(e, ERR_CORRUPT, "control record %llu cannot be read", (unsigned long long)seq);
    enum err err = catalog_apply(catalog, control, e);
    parbus__control__free_unpacked(control, NULL);
    return err_wrap(e, err, "control record %llu", (unsigned long long)seq);
}
