/* How a core makes news and troubles known: through the member `tell` of its io table, to whoever drives it. A program
 * puts it into its log, the simulator and unit tests look at it. Pure: no clock, no file. */
#pragma once

enum tell_level { TELL_DEBUG, TELL_INFO, TELL_WARN, TELL_ERROR };

/* `id` is stable and for programs ("partition.lost"); `text` is the line's fields as log.h writes them
 * ("partition=3 why=\"…\""), valid during the call. Must not call back into the core. */
typedef void tell_fn(void *ctx, enum tell_level level, const char *id, const char *text);

/* Formats the fields (conversions and quoting: fields.h) and tells them; cut off after TELL_TEXT_BYTES. `io` points to
 * a core's io table: anything with the members `tell` and `ctx`. */
#define tell(io, level, id, ...) tell_fields((io)->tell, (io)->ctx, level, id, __VA_ARGS__)

enum { TELL_TEXT_BYTES = 1024 };
void tell_fields(tell_fn *fn, void *ctx, enum tell_level level, const char *id, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
