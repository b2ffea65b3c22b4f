#include "base/clock.h"
#include "services/parbus/push/push.h"
#include "services/parbus/stores/stores.h"
#include "standings/read.h"
#include "validate/validate.h"
#include "wire/reason.h"

enum { SUGGESTIONS_MAX = 1000 }; /* searching for the nearest of many names takes its time */

enum err push_check_open(struct push_check *c, const char *directory, struct err_text *e)
{
    enum err err = stores_journal(&c->journal, directory, e);
    c->catalog = catalog_new();
    c->suggestions_left = SUGGESTIONS_MAX;
    return err ? err : read_catalog(c->journal, c->catalog, e);
}

void push_check_close(struct push_check *c)
{
    catalog_destroy(&c->catalog);
    journal_close(&c->journal);
}

static bool on_reject(void *ctx, uint32_t row, Parbus__Reason reason, const char *detail)
{
    (void)row;
    err_set(ctx, ERR_INVALID, "%s: %s", reason_of(reason)->name, detail);
    return true;
}

enum err push_check_row(struct push_check *c, const struct longform_row *row, uint32_t indicator, Parbus__Stage stage,
                        struct err_text *e)
{
    Parbus__Submission m = PARBUS__SUBMISSION__INIT;
    struct record_entry entry = {.unit = UNIT_NONE};
    double value = row->value;
    uint64_t as_of = catalog_control_seq(c->catalog);
    const struct series *series = catalog_find_series(c->catalog, row->index, row->period, as_of);
    if (series) {
        entry.series = series->number;
        entry.unit = registry_resolve(series->definition->registry, row->unit);
    }
    m.index = (char *)row->index;
    m.period = (char *)row->period;
    m.unit = (char *)row->unit;
    m.stage = stage;
    m.n_indicator = m.n_value = 1;
    m.indicator = &indicator;
    m.value = &value;
    m.has_observed_ms = row->has_observed;
    m.observed_ms = row->observed_ms;
    struct validate_input in = {.catalog = c->catalog,
                                .entry = &entry,
                                .submission = &m,
                                .received_ms = clock_wall_ms(),
                                .as_of = as_of,
                                .suggestions_left = &c->suggestions_left};
    return validate_submission(&in, on_reject, e) ? ERR_INVALID : OK;
}
