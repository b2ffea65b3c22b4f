#include "services/parbus/rank/series_source.h"
#include "services/parbus/rank/sheet.h"
#include "services/parbus/stores/stores.h"
#include <stdlib.h>

struct rank_arguments {
    const char *index, *period;
    enum sheet_format format;
    long top; /* 0: all */
};

/* -1: go on. */
static int parse(struct rank_arguments *a, int argc, char **argv)
{
    static const struct option options[] = {
        {"format", required_argument, NULL, 'f'}, {"top", required_argument, NULL, 't'}, {0}};
    int option;
    while ((option = command_option(&command_rank, argc, argv, options)) != -1) {
        if (option == '?')
            return 2;
        if (option == 'f' && !sheet_format_of(optarg, &a->format))
            return command_usage_error(&command_rank, "there is no format '%s'", optarg);
        if (option == 't' && !command_number(optarg, 1, 1000000000, &a->top))
            return command_usage_error(&command_rank, "--top wants a number from 1 on, not '%s'", optarg);
    }
    if (argc - optind != 2)
        return command_usage_error(&command_rank, "wants an index and a period");
    a->index = argv[optind];
    a->period = argv[optind + 1];
    return -1;
}

static void sheet_of(struct sheet *s, const struct series *series)
{
    const struct definition *d = series->definition;
    *s = (struct sheet){
        .index = d->index,
        .period = series->period,
        .title_vi = d->title_vi,
        .title_en = d->title_en,
        .status = d->status,
        .decimals = d->decimals,
        .definition_version = d->version,
        .points_max = d->node[0].points_max,
        .component_count = d->top_count,
        .component = calloc(d->top_count + 1, sizeof *s->component),
    };
    ASSERT(s->component);
    for (size_t i = 0; i < d->top_count; i++)
        s->component[i] = d->node[d->top[i]].code;
}

struct filling {
    struct sheet *sheet;
    const struct registry *registry;
};

static bool add_row(void *ctx, uint32_t rank, const struct standing *row)
{
    const struct filling *f = ctx;
    const struct unit *unit = registry_unit(f->registry, row->unit);
    sheet_add(f->sheet, &(struct parbus_row){
                            .unit = row->unit,
                            .rank = rank,
                            .present = row->present,
                            .complete = row->complete,
                            .score = row->score,
                            .component = row->component,
                            .code = unit ? unit->code : "",
                            .name = unit ? unit->name : "",
                        });
    return true;
}

static void print(const struct series *series, const struct standings *table, const struct rank_arguments *a)
{
    struct sheet sheet;
    sheet_of(&sheet, series);
    struct filling filling = {&sheet, series->definition->registry};
    standings_each(table, add_row, &filling);
    sheet_print(&sheet, a->format, (size_t)a->top, stdout);
    sheet_free(&sheet);
}

/* Without state nothing has been scored yet: a table of units without values. */
static enum err read_table(const struct series_source *s, const char *directory, struct standings **table,
                           struct err_text *e)
{
    struct state *state = NULL;
    enum err err = stores_state(&state, directory, journal_id(s->journal), e);
    if (!err)
        err = read_standings(state, journal_partitions(s->journal), s->series, table, e);
    else if (err == ERR_NOT_FOUND) {
        *table = standings_new(s->series->definition);
        err = OK;
    }
    state_close(&state);
    return err;
}

static int run(int argc, char **argv, const char *directory)
{
    struct rank_arguments a = {0};
    struct series_source source;
    struct standings *table = NULL;
    struct err_text e;
    int status = parse(&a, argc, argv);
    if (status >= 0)
        return status;
    if (!series_source_open(&source, &command_rank, directory, a.index, a.period))
        return 1;
    status = 0;
    if (read_table(&source, directory, &table, &e))
        status = command_failed(&command_rank, "%s", e.text);
    else
        print(source.series, table, &a);
    standings_destroy(&table);
    series_source_close(&source);
    return status;
}

const struct command command_rank = {
    .name = "rank",
    .usage = "INDEX PERIOD [--format table|csv|json] [--top N]",
    .summary = "prints a ranking",
    .help =
        "Reads what the scorers have committed, so it works while nothing runs as well. Equal scores share a rank;\n"
        "units that lack something come last, without a rank.\n\n"
        "  --format F  table (default), csv: rank,unit,name,score,complete and one column per area, or json\n"
        "  --top N     only the first N rows\n\n"
        "  parbus rank qd766 2025-10 --top 10\n",
    .run = run,
};
