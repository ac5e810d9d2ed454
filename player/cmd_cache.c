/*
 * cmd_cache.c: `refrain cache status|verify|clear`.
 *
 * Status may run beside a player; verify and clear take the engine lock.
 */
#include "cache/lmdb/store_admin.h"
#include "common/error.h"
#include "common/exit_code.h"
#include "common/net/crypto.h"
#include "media/core/file_id.h"
#include "player/cmd.h"
#include "player/report.h"
#include "player/uv/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void hash_chunk(void *context, const uint8_t *bytes, size_t count,
                       uint8_t ret_hash[HASH_BYTES])
{
    (void)context;
    crypto_sha256(bytes, count, ret_hash);
}

static int fail(const char *folder, int error)
{
    report_error("cache %s: %s; %s", folder, error_text(error),
                 error == ERROR_VERSION  ? "use the newer refrain that made it, or another "
                                           "XDG_CACHE_HOME"
                 : error == ERROR_DENIED ? "make it readable and writable"
                                         : "\"refrain cache clear\" begins a new one");
    return EXIT_CODE_STORAGE;
}

static uint64_t limit_bytes(const struct args *args, const char *folder)
{
    if (args->cache_limit_bytes != 0) {
        return args->cache_limit_bytes;
    }
    char path[ENGINE_PATH_BYTES_MAX + 32];
    struct stat status;
    uint64_t free_bytes = 0;
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    uint64_t file_bytes = stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
    store_free_bytes(folder, &free_bytes); /* stays 0: the least limit */
    return store_default_limit_bytes(free_bytes, file_bytes);
}

static void put_json_path(const char *path)
{
    printf("{\"path\":\"");
    for (const char *at = path; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            putchar('\\');
        }
        putchar(*at > 0 && *at < 0x20 ? '?' : *at);
    }
    putchar('"');
}

static int status(const struct args *args, const char *folder)
{
    struct store_status sums;
    int error = store_admin_status(folder, limit_bytes(args, folder), &sums);
    if (error != 0) {
        return fail(folder, error);
    }
    if (args->json) {
        put_json_path(folder);
        printf(",\"payload_bytes\":%" PRIu64 ",\"file_bytes\":%" PRIu64 ",\"limit_bytes\":%" PRIu64
               ",\"files\":%" PRIu32 ",\"chunks\":%" PRIu64 "}\n",
               sums.payload_bytes, sums.file_bytes, sums.limit_bytes, sums.files, sums.chunks);
        return EXIT_CODE_OK;
    }
    printf("%s\n%.1f MB of music in %" PRIu32 " files (%" PRIu64 " chunks)\n%.1f MB on disk, limit "
           "%.1f MB\n",
           folder, (double)sums.payload_bytes / 1e6, sums.files, sums.chunks,
           (double)sums.file_bytes / 1e6, (double)sums.limit_bytes / 1e6);
    return EXIT_CODE_OK;
}

static void tell_damaged(void *context, const struct media_file_id *file, uint32_t row)
{
    (void)context;
    char root[2 * HASH_BYTES + 1];
    media_hex_encode(file->root, HASH_BYTES, root);
    report_error("cache: row %" PRIu32
                 " of file %s: damaged, taken out; it is fetched anew when it is "
                 "played",
                 row, root);
}

static int verify(const struct args *args, const char *folder)
{
    const struct store_hasher hasher = {.chunk = hash_chunk, .pair = {.pair = crypto_sha256_pair}};
    struct store_verify_report report;
    int error = store_admin_verify(folder, &hasher, true, tell_damaged, NULL, &report);
    if (error != 0) {
        return fail(folder, error);
    }
    if (args->json) {
        put_json_path(folder);
        printf(",\"rows\":%" PRIu64 ",\"chunks\":%" PRIu64 ",\"damaged\":%" PRIu64
               ",\"removed\":%" PRIu64 "}\n",
               report.rows, report.chunks, report.damaged, report.removed);
    } else {
        printf("%" PRIu64 " rows, %" PRIu64 " chunks: %" PRIu64 " damaged, %" PRIu64 " taken out\n",
               report.rows, report.chunks, report.damaged, report.removed);
    }
    return report.damaged == 0 ? EXIT_CODE_OK : EXIT_CODE_IDENTITY;
}

static int clear(const struct args *args, const char *folder)
{
    uint64_t freed_bytes = 0;
    int error = store_admin_clear(folder, &freed_bytes);
    if (error != 0) {
        return fail(folder, error);
    }
    if (args->json) {
        put_json_path(folder);
        printf(",\"freed_bytes\":%" PRIu64 "}\n", freed_bytes);
    } else {
        printf("%.1f MB freed\n", (double)freed_bytes / 1e6);
    }
    return EXIT_CODE_OK;
}

/* Verify and clear: alone with the store. */
static int locked(const struct args *args, const struct engine_paths *paths, const char *folder,
                  int (*act)(const struct args *args, const char *folder))
{
    int descriptor = -1;
    int pid = 0;
    int error = engine_lock(paths, &descriptor, &pid);
    if (error == ERROR_BUSY) {
        report_error("state folder %s: refrain with process id %d uses it; end that one first",
                     paths->state, pid);
        return EXIT_CODE_IN_USE;
    }
    if (error != 0) {
        report_error("state folder %s: %s; make it writable", paths->state, strerror(errno));
        return EXIT_CODE_STORAGE;
    }
    int exit_code = act(args, folder);
    close(descriptor);
    return exit_code;
}

int cmd_cache(const struct args *args)
{
    struct engine_paths paths;
    if (engine_paths_init(&paths) != 0) {
        report_error(
            "folders: neither HOME nor XDG_CACHE_HOME and XDG_STATE_HOME are set; set HOME");
        return EXIT_CODE_USAGE;
    }
    char folder[ENGINE_PATH_BYTES_MAX + 16];
    snprintf(folder, sizeof folder, "%s/chunks", paths.cache);
    const char *what = args->operands[0];
    if (strcmp(what, "status") == 0) {
        return status(args, folder);
    }
    return locked(args, &paths, folder, strcmp(what, "verify") == 0 ? verify : clear);
}
