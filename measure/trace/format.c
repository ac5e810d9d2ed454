/*
 * format.c: which format a file has, and reading it. Writing is format_write.c's.
 */
#include "measure/trace/format.h"

#include "common/cursor.h"
#include "common/error.h"
#include "common/exit_code.h"
#include "measure/trace/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORACLE_BYTES 24u
#define COLUMNS_MAX 32u

static const struct {
    const char *name;
    enum format_kind kind;
    const char *endings[3];
} formats[] = {
    {"csv", FORMAT_CSV, {".csv"}},
    {"oracle", FORMAT_ORACLE, {".oracleGeneral", ".oracleGeneral.bin", ".oracle"}},
    {"webcachesim", FORMAT_WEBCACHESIM, {".tr", ".webcachesim"}},
};

struct reader {
    struct source *source;
    struct history *history;
    uint64_t line; /* or, of binary traces, request; from 1 */
    const char *reason;
};

bool format_find(const char *name, enum format_kind *ret_kind)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(name, formats[i].name) == 0) {
            *ret_kind = formats[i].kind;
            return true;
        }
    }
    return false;
}

static bool ends_with(const char *path, size_t length, const char *ending)
{
    size_t count = strlen(ending);
    return length >= count && memcmp(path + length - count, ending, count) == 0;
}

enum format_kind format_of_path(const char *path)
{
    size_t length = strlen(path);
    if (ends_with(path, length, ".zst")) {
        length -= strlen(".zst");
    }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        for (size_t j = 0; j < 3 && formats[i].endings[j] != NULL; j++) {
            if (ends_with(path, length, formats[i].endings[j])) {
                return formats[i].kind;
            }
        }
    }
    return FORMAT_AUTO;
}

/* --- text ------------------------------------------------------------------------------------- */

/* Without blanks and quotes around it, in place. */
static char *trimmed(char *word)
{
    word += strspn(word, " \t\"");
    size_t length = strlen(word);
    while (length > 0 && strchr(" \t\"", word[length - 1]) != NULL) {
        length--;
    }
    word[length] = '\0';
    return word;
}

/* Takes a line apart in place; the number of words. */
static uint32_t split(char *line, const char *separators, char *ret_words[COLUMNS_MAX])
{
    uint32_t count = 0;
    char *rest = NULL;
    line[strcspn(line, "\r")] = '\0';
    for (char *word = strtok_r(line, separators, &rest); word != NULL && count < COLUMNS_MAX;
         word = strtok_r(NULL, separators, &rest)) {
        ret_words[count++] = trimmed(word);
    }
    return count;
}

static bool parse_number(const char *word, uint64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    *ret_number = strtoull(word, &end, 10);
    if (*end == '.') {
        end += 1 + strspn(end + 1, "0123456789"); /* seconds with a fraction */
    }
    return errno == 0 && end != word && *end == '\0' && word[0] != '-';
}

/* A number as it is, any other name by its hash. */
static uint64_t parse_id(const char *word)
{
    static const uint64_t seed[2] = {0x72656672, 0x61696e};
    uint64_t id = 0;
    return parse_number(word, &id) && strchr(word, '.') == NULL
               ? id
               : table_hash(seed, word, strlen(word));
}

/* A column's number from 1; 0 is not there, and keeps what the caller had. */
static bool take_column(char *const *words, uint32_t count, uint32_t column, uint64_t *ret_number)
{
    return column == 0 || (column <= count && parse_number(words[column - 1], ret_number));
}

static int add_words(struct reader *reader, char *const *words, uint32_t count,
                     const struct format_columns *columns)
{
    struct history_request request = {.since_s = UINT64_MAX};
    uint64_t asked = UINT64_MAX;
    if (columns->id > count) {
        reader->reason = "the column of ids is missing";
        return ERROR_MALFORMED;
    }
    if (!take_column(words, count, columns->time, &request.time_s) ||
        !take_column(words, count, columns->size, &request.size) ||
        !take_column(words, count, columns->asked, &asked) ||
        !take_column(words, count, columns->queued, &request.since_s)) {
        reader->reason = "a column that must be a whole number is missing or is none";
        return ERROR_MALFORMED;
    }
    if (columns->size == 0) {
        request.size = 1;
    }
    request.id = parse_id(words[columns->id - 1]);
    request.bytes = asked < request.size ? asked : request.size;
    return history_add(reader->history, &request);
}

static const struct {
    const char *name;
    size_t place;
} column_names[] = {
    {"time", offsetof(struct format_columns, time)},
    {"timestamp", offsetof(struct format_columns, time)},
    {"id", offsetof(struct format_columns, id)},
    {"obj_id", offsetof(struct format_columns, id)},
    {"object", offsetof(struct format_columns, id)},
    {"key", offsetof(struct format_columns, id)},
    {"size", offsetof(struct format_columns, size)},
    {"bytes", offsetof(struct format_columns, size)},
    {"obj_size", offsetof(struct format_columns, size)},
    {"asked", offsetof(struct format_columns, asked)},
    {"queued", offsetof(struct format_columns, queued)},
};

/* True when the words are names of columns, an id among them. */
static bool take_header(char *const *words, uint32_t count, struct format_columns *ret_columns)
{
    struct format_columns columns = {0};
    for (uint32_t i = 0; i < count; i++) {
        for (size_t j = 0; j < sizeof column_names / sizeof column_names[0]; j++) {
            if (strcasecmp(words[i], column_names[j].name) == 0) {
                uint32_t column = i + 1;
                memcpy((char *)&columns + column_names[j].place, &column, sizeof column);
            }
        }
    }
    if (columns.id == 0) {
        return false;
    }
    *ret_columns = columns;
    return true;
}

static int read_text(struct reader *reader, const char *separators,
                     const struct format_columns *given, bool may_have_header)
{
    struct format_columns columns =
        given->id != 0 ? *given : (struct format_columns){.time = 1, .id = 2, .size = 3};
    char *words[COLUMNS_MAX];
    char *line = NULL;
    for (;;) {
        reader->line++;
        int error = source_read_line(reader->source, &line);
        if (error != 0 || line == NULL) {
            return error;
        }
        uint32_t count = split(line, separators, words);
        if (count == 0 || words[0][0] == '#') {
            continue;
        }
        if (may_have_header && reader->line == 1 && take_header(words, count, &columns)) {
            reader->history->is_plays = columns.asked != 0;
            continue;
        }
        error = add_words(reader, words, count, &columns);
        if (error != 0) {
            return error;
        }
    }
}

/* --- binary ------------------------------------------------------------------------------------ */

static uint64_t little(const uint8_t *bytes, uint32_t count)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < count; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static int read_oracle(struct reader *reader)
{
    uint8_t bytes[ORACLE_BYTES];
    for (;;) {
        size_t count = 0;
        reader->line++;
        int error = source_read(reader->source, bytes, sizeof bytes, &count);
        if (error != 0 || count == 0) {
            return error;
        }
        if (count < sizeof bytes) {
            reader->reason = "the last one is cut short";
            return ERROR_MALFORMED;
        }
        struct history_request request = {.time_s = little(bytes, 4),
                                          .id = little(bytes + 4, 8),
                                          .bytes = little(bytes + 12, 4),
                                          .since_s = UINT64_MAX};
        error = history_add(reader->history, &request);
        if (error != 0) {
            return error;
        }
    }
}

/* --- the whole ----------------------------------------------------------------------------------- */

static int report(const struct reader *reader, const char *path, enum format_kind kind, int error,
                  char message[FORMAT_MESSAGE_BYTES_MAX])
{
    const char *unit = kind == FORMAT_ORACLE ? "request" : "line";
    if (error == ERROR_NO_MEMORY) {
        snprintf(message, FORMAT_MESSAGE_BYTES_MAX, "%s: out of memory at %s %" PRIu64, path, unit,
                 reader->line);
        return EXIT_CODE_INTERNAL;
    }
    if (error == ERROR_IO) {
        snprintf(message, FORMAT_MESSAGE_BYTES_MAX, "%s: %s", path, strerror(errno));
        return EXIT_CODE_NOT_FOUND;
    }
    const char *reason = reader->reason != NULL ? reader->reason : error_text(error);
    snprintf(message, FORMAT_MESSAGE_BYTES_MAX,
             "%s: %s %" PRIu64 ": %s; name the format with --format, and columns with --columns",
             path, unit, reader->line, reason);
    return EXIT_CODE_MEDIA;
}

int format_read(const char *path, enum format_kind kind, const struct format_columns *columns,
                struct history *history, char ret_message[FORMAT_MESSAGE_BYTES_MAX])
{
    struct reader reader = {.history = history};
    const char *name = path == NULL || strcmp(path, "-") == 0 ? "standard input" : path;
    kind = kind == FORMAT_AUTO && path != NULL ? format_of_path(path) : kind;
    if (kind == FORMAT_AUTO) {
        snprintf(ret_message, FORMAT_MESSAGE_BYTES_MAX,
                 "%s: its name does not tell its format; name it with --format", name);
        return EXIT_CODE_USAGE;
    }
    int error = source_open(path, &reader.source);
    if (error == 0) {
        error = kind == FORMAT_ORACLE ? read_oracle(&reader)
                                      : read_text(&reader, kind == FORMAT_CSV ? ",;" : " \t",
                                                  columns, kind == FORMAT_CSV);
    }
    int code = error == 0 ? 0 : report(&reader, name, kind, error, ret_message);
    source_close(reader.source);
    if (code != 0) {
        return code;
    }
    if (history->request_count == 0) {
        snprintf(ret_message, FORMAT_MESSAGE_BYTES_MAX, "%s: there is no request in it", name);
        return EXIT_CODE_MEDIA;
    }
    return history_finish(history) == 0 ? EXIT_CODE_OK : EXIT_CODE_INTERNAL;
}
