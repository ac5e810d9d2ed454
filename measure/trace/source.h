/*
 * source.h: bytes of a file, plain or compressed, in pieces or lines.
 */
#ifndef MEASURE_TRACE_SOURCE_H
#define MEASURE_TRACE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCE_LINE_BYTES_MAX 65536u

struct source;

/* NULL or "-": standard input. ERROR_IO (errno), ERROR_NO_MEMORY. */
int source_open(const char *path, struct source **ret_source);
void source_close(struct source *source); /* takes NULL */

/* Fills the buffer as far as there are bytes; *ret_count < count only at the end. ERROR_IO,
 * ERROR_MALFORMED: the compression is damaged. */
int source_read(struct source *source, void *buffer, size_t count, size_t *ret_count);
/* The next line, without its end, closed with 0; NULL at the end. Valid until the next call.
 * ERROR_TOO_LARGE: longer than SOURCE_LINE_BYTES_MAX; else as source_read. */
int source_read_line(struct source *source, char **ret_line);

#endif
