/* From the fields of a line to a row. Private to the reader. */
#pragma once
#include "csv/longform.h"

enum longform_column {
    COLUMN_INDEX,
    COLUMN_PERIOD,
    COLUMN_UNIT,
    COLUMN_INDICATOR,
    COLUMN_VALUE,
    COLUMN_STAGE,
    COLUMN_OBSERVED_AT,
    COLUMN_EVIDENCE,
    COLUMN_COUNT
};
extern const char *const longform_column_name[COLUMN_COUNT];

/* The whole text is one decimal number that a double can hold. */
bool longform_number(const char *text, double *value);
/* field[c] is NULL where the file has no such column; evidence is cut in place. */
enum err longform_row_make(const struct longform_options *o, char *const field[COLUMN_COUNT], struct longform_row *row,
                           struct err_text *e);
