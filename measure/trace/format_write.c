/*
 * format_write.c: a history into a file that others' simulators read.
 *
 * What a format has no place for is left out: oracleGeneral and webcachesim get what was asked for as
 * the size.
 */
#include "measure/trace/format.h"

#include "common/exit_code.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define BUFFER_BYTES (1u << 17)
#define LINE_BYTES_MAX 128u
#define ORACLE_BYTES 24u
#define ORACLE_NEVER UINT64_MAX /* -1 */

struct sink {
    FILE *file;
    ZSTD_CStream *stream; /* NULL: plain */
    uint8_t *packed;      /* BUFFER_BYTES; owned */
    bool failed;          /* errno says why */
};

static void write_plain(struct sink *sink, const void *bytes, size_t count)
{
    if (!sink->failed && fwrite(bytes, 1, count, sink->file) != count) {
        sink->failed = true;
    }
}

static void write_packed(struct sink *sink, const void *bytes, size_t count, ZSTD_EndDirective end)
{
    ZSTD_inBuffer in = {.src = bytes, .size = count};
    for (size_t left = 1; left != 0 && !sink->failed;) {
        ZSTD_outBuffer out = {.dst = sink->packed, .size = BUFFER_BYTES};
        left = ZSTD_compressStream2(sink->stream, &out, &in, end);
        if (ZSTD_isError(left)) {
            errno = ENOMEM;
            sink->failed = true;
            return;
        }
        write_plain(sink, sink->packed, out.pos);
        if (end == ZSTD_e_continue && in.pos == in.size) {
            return;
        }
    }
}

static void put(struct sink *sink, const void *bytes, size_t count)
{
    if (sink->stream != NULL) {
        write_packed(sink, bytes, count, ZSTD_e_continue);
    } else {
        write_plain(sink, bytes, count);
    }
}

static void put_little(uint8_t *bytes, uint64_t value, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static void put_oracle(struct sink *sink, const struct history *history, uint32_t i)
{
    uint8_t bytes[ORACLE_BYTES];
    uint32_t next = history->next_uses[i];
    put_little(bytes, history->times_s[i], 4);
    put_little(bytes + 4, history->ids[history->objects[i]], 8);
    put_little(bytes + 12, history->bytes[i], 4);
    put_little(bytes + 16, next == UINT32_MAX ? ORACLE_NEVER : next, 8);
    put(sink, bytes, sizeof bytes);
}

static void put_text(struct sink *sink, const struct history *history, uint32_t i, bool is_csv)
{
    char line[LINE_BYTES_MAX];
    uint64_t id = history->ids[history->objects[i]];
    int count = is_csv && (history->is_plays || history->has_queue)
                    ? snprintf(line, sizeof line,
                               "%" PRIu32 ",%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 "\n",
                               history->times_s[i], id, history->sizes[i], history->bytes[i],
                               history->since_s[i])
                    : snprintf(line, sizeof line,
                               is_csv ? "%" PRIu32 ",%" PRIu64 ",%" PRIu32 "\n"
                                      : "%" PRIu32 " %" PRIu64 " %" PRIu32 "\n",
                               history->times_s[i], id, history->bytes[i]);
    put(sink, line, (size_t)count);
}

static void put_all(struct sink *sink, enum format_kind kind, const struct history *history)
{
    if (kind == FORMAT_CSV) {
        const char *header = history->is_plays || history->has_queue ? "time,id,size,asked,queued\n"
                                                                     : "time,id,size\n";
        put(sink, header, strlen(header));
    }
    for (uint32_t i = 0; i < history->request_count && !sink->failed; i++) {
        if (kind == FORMAT_ORACLE) {
            put_oracle(sink, history, i);
        } else {
            put_text(sink, history, i, kind == FORMAT_CSV);
        }
    }
    if (sink->stream != NULL) {
        write_packed(sink, NULL, 0, ZSTD_e_end);
    }
}

static int open_sink(const char *path, bool is_packed, struct sink *ret_sink)
{
    *ret_sink = (struct sink){.file = fopen(path, "wb")};
    if (ret_sink->file == NULL) {
        return -1;
    }
    if (is_packed) {
        ret_sink->stream = ZSTD_createCStream();
        ret_sink->packed = malloc(BUFFER_BYTES);
        ret_sink->failed = ret_sink->stream == NULL || ret_sink->packed == NULL;
    }
    return 0;
}

/* False: errno says why. */
static bool close_sink(struct sink *sink)
{
    if (fclose(sink->file) != 0) {
        sink->failed = true;
    }
    ZSTD_freeCStream(sink->stream);
    free(sink->packed);
    return !sink->failed;
}

int format_write(const char *path, enum format_kind kind, const struct history *history,
                 char ret_message[FORMAT_MESSAGE_BYTES_MAX])
{
    struct sink sink;
    size_t length = strlen(path);
    bool is_packed = length >= 4 && strcmp(path + length - 4, ".zst") == 0;
    char *part = malloc(length + sizeof ".part");
    kind = kind == FORMAT_AUTO ? format_of_path(path) : kind;
    if (kind == FORMAT_AUTO || part == NULL) {
        snprintf(ret_message, FORMAT_MESSAGE_BYTES_MAX,
                 "%s: its name does not tell its format; name it with --to", path);
        free(part);
        return EXIT_CODE_USAGE;
    }
    snprintf(part, length + sizeof ".part", "%s.part", path);
    int code = EXIT_CODE_OK;
    if (open_sink(part, is_packed, &sink) != 0) {
        snprintf(ret_message, FORMAT_MESSAGE_BYTES_MAX, "%s: %s", part, strerror(errno));
        code = EXIT_CODE_STORAGE;
    } else {
        put_all(&sink, kind, history);
        if (!close_sink(&sink) || rename(part, path) != 0) {
            snprintf(ret_message, FORMAT_MESSAGE_BYTES_MAX, "%s: %s", path, strerror(errno));
            (void)unlink(part);
            code = EXIT_CODE_STORAGE;
        }
    }
    free(part);
    return code;
}
