#include "catalog/load.h"

static enum err check_published(const struct catalog_set *set, const struct catalog *published, struct err_text *e)
{
    for (size_t i = 0; i < set->registry_count; i++) {
        const Parbus__Registry *r = set->registry[i];
        uint64_t content = catalog_registry_content(published, r->code, r->version);
        if (content && content != catalog_content(&r->base))
            return err_set(e, ERR_INVALID, "registry %s version %u has changed; raise its version", r->code,
                           r->version);
    }
    for (size_t i = 0; i < set->definition_count; i++) {
        const Parbus__Definition *d = set->definition[i];
        uint64_t content = catalog_definition_content(published, d->index, d->version);
        const struct definition *newest = catalog_find_definition(published, d->index, UINT64_MAX);
        if (content && content != catalog_content(&d->base))
            return err_set(e, ERR_INVALID, "index %s version %u has changed; raise its version", d->index, d->version);
        if (!content && newest && newest->version > d->version)
            return err_set(e, ERR_INVALID,
                           "index %s version %u is new, but version %u is published already; raise its version",
                           d->index, d->version, newest->version);
    }
    return OK;
}

static enum err check_period(const Parbus__Definition *d, const char *period, const struct catalog *published,
                             struct err_text *e)
{
    const struct series *s = catalog_find_series(published, d->index, period, UINT64_MAX);
    if (s && s->definition->version != d->version)
        return err_set(e, ERR_INVALID, "index %s: period %s is open under version %u and cannot move to version %u",
                       d->index, period, s->definition->version, d->version);
    return OK;
}

static enum err check_periods(const struct catalog_set *set, const struct catalog *published, struct err_text *e)
{
    enum err err = OK;
    for (size_t i = 0; i < set->definition_count && !err; i++)
        for (size_t k = 0; k < set->period_count[i] && !err; k++)
            err = check_period(set->definition[i], set->period[i][k], published, e);
    return err;
}

typedef void emit_fn(void *ctx, Parbus__Control *control);

static void emit_registry(Parbus__Registry *r, emit_fn *emit, void *ctx)
{
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_REGISTRY;
    control.registry = r;
    emit(ctx, &control);
}

static void emit_definition(Parbus__Definition *d, emit_fn *emit, void *ctx)
{
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_DEFINITION;
    control.definition = d;
    emit(ctx, &control);
}

static void emit_period(const Parbus__Definition *d, char *period, size_t series, emit_fn *emit, void *ctx)
{
    Parbus__PeriodOpened opened = PARBUS__PERIOD_OPENED__INIT;
    opened.has_series = opened.has_version = true;
    opened.series = (uint32_t)series;
    opened.version = d->version;
    opened.index = d->index;
    opened.period = period;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_PERIOD_OPENED;
    control.period_opened = &opened;
    emit(ctx, &control);
}

enum err catalog_set_missing(const struct catalog_set *set, const struct catalog *published, emit_fn *emit, void *ctx,
                             struct err_text *e)
{
    enum err err = check_published(set, published, e);
    if (!err)
        err = check_periods(set, published, e);
    if (err)
        return err;
    for (size_t i = 0; i < set->registry_count; i++)
        if (!catalog_find_registry(published, set->registry[i]->code, set->registry[i]->version))
            emit_registry(set->registry[i], emit, ctx);
    for (size_t i = 0; i < set->definition_count; i++)
        if (!catalog_definition_version(published, set->definition[i]->index, set->definition[i]->version))
            emit_definition(set->definition[i], emit, ctx);
    size_t series = catalog_series_count(published);
    for (size_t i = 0; i < set->definition_count; i++)
        for (size_t k = 0; k < set->period_count[i]; k++)
            if (!catalog_find_series(published, set->definition[i]->index, set->period[i][k], UINT64_MAX))
                emit_period(set->definition[i], set->period[i][k], ++series, emit, ctx);
    return OK;
}
