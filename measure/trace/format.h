/*
 * format.h: traces in files: what others' simulators read and write, and ours.
 *
 *   csv           text, a request a line, columns apart by commas; a first line that names them, or
 *                 the numbers of `columns`. Names: time, id (or obj_id, object, key), size (or bytes),
 *                 and in ours also asked (how much of it was played) and queued (since when it was
 *                 known to come, in the unit of time). An id that is no number is hashed.
 *   oracle        libCacheSim's oracleGeneral: 24 bytes a request, little-endian: time u32, id u64, size
 *                 u32, number of the next request for it i64 (-1: none)
 *   webcachesim   text: time id size, apart by blanks; further columns are passed over
 *
 * Any of them may be compressed with zstd (seen by its first bytes).
 */
#ifndef MEASURE_TRACE_FORMAT_H
#define MEASURE_TRACE_FORMAT_H

#include "measure/trace/history.h"

#define FORMAT_MESSAGE_BYTES_MAX 512u

enum format_kind {
    FORMAT_AUTO = 0, /* by the file's name */
    FORMAT_CSV,
    FORMAT_ORACLE,
    FORMAT_WEBCACHESIM,
};

/* Columns of a CSV file without names, from 1; 0 = there is none. */
struct format_columns {
    uint32_t time, id, size, asked, queued;
};

/* "csv", ...; false: no such name. */
bool format_find(const char *name, enum format_kind *ret_kind);
/* By the name's ending, .zst left out; FORMAT_AUTO: nothing that is known. */
enum format_kind format_of_path(const char *path);

/* Reads a file (NULL or "-": standard input) into an empty history and finishes it. Returns an exit
 * code; on failure the message says what, where (line or byte) and what helps. */
int format_read(const char *path, enum format_kind kind, const struct format_columns *columns,
                struct history *history, char ret_message[FORMAT_MESSAGE_BYTES_MAX]);
/* Writes it; a path that ends with .zst is compressed. The file appears when it is whole. */
int format_write(const char *path, enum format_kind kind, const struct history *history,
                 char ret_message[FORMAT_MESSAGE_BYTES_MAX]);

#endif
