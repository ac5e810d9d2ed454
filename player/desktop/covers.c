/*
 * covers.c: a folder of pictures, and a GET for what is not in it.
 */
#include "player/desktop/covers.h"

#include "common/error.h"
#include "common/net/crypto.h"
#include "common/net/http_client.h"
#include "common/net/tls.h"
#include "common/net/url.h"
#include "media/core/file_id.h"
#include "media/core/merkle.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_BYTES 4100u

struct covers {
    struct net_loop *loop;
    covers_found *found;
    void *context;
    bool has_origin;
    struct net_url url;
    struct net_tls *tls;            /* NULL: plain, or not needed yet */
    struct net_http_client *client; /* NULL: nothing was asked for yet */
    bool is_asking, is_closed;
    struct media_file_id wanted, asked; /* bytes == 0: none */
    char folder[FOLDER_BYTES];
};

/* --- files -------------------------------------------------------------------------------------------- */

static const char *extension_of(const uint8_t *bytes, size_t count)
{
    if (count >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) {
        return "jpg";
    }
    return count >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0 ? "png" : "img";
}

static void make_path(const struct covers *covers, const struct media_file_id *cover,
                      const char *extension, char *ret_path)
{
    char root[2 * HASH_BYTES + 1];
    media_hex_encode(cover->root, HASH_BYTES, root);
    snprintf(ret_path, COVERS_PATH_BYTES, "%s/%.32s.%s", covers->folder, root, extension);
}

static bool tell_if_here(struct covers *covers)
{
    static const char *const extensions[] = {"jpg", "png", "img"};
    char path[COVERS_PATH_BYTES];
    struct stat status;
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        make_path(covers, &covers->wanted, extensions[i], path);
        if (stat(path, &status) == 0 && (uint64_t)status.st_size == covers->wanted.bytes) {
            struct media_file_id cover = covers->wanted;
            covers->wanted.bytes = 0;
            covers->found(covers->context, &cover, path);
            return true;
        }
    }
    return false;
}

/* Takes the oldest file away when there are too many. */
static void trim(const struct covers *covers)
{
    char path[COVERS_PATH_BYTES];
    char oldest[COVERS_PATH_BYTES] = "";
    time_t oldest_s = 0;
    uint32_t count = 0;
    DIR *folder = opendir(covers->folder);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        struct stat status;
        int length = snprintf(path, sizeof path, "%s/%s", covers->folder, entry->d_name);
        if (length >= (int)sizeof path || stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
            continue;
        }
        count++;
        if (oldest[0] == '\0' || status.st_mtime < oldest_s) {
            oldest_s = status.st_mtime;
            memcpy(oldest, path, sizeof oldest);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    if (count > COVERS_MAX) {
        unlink(oldest);
    }
}

static int write_whole(const char *path, const uint8_t *bytes, size_t count)
{
    char part[COVERS_PATH_BYTES + 8];
    snprintf(part, sizeof part, "%s.part", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ERROR_IO;
    }
    bool is_good = write(fd, bytes, count) == (ssize_t)count;
    is_good = close(fd) == 0 && is_good;
    if (!is_good || rename(part, path) != 0) {
        unlink(part);
        return ERROR_IO;
    }
    return 0;
}

/* --- what the origin brings ----------------------------------------------------------------------------- */

static bool is_right(const struct media_file_id *cover, const uint8_t *bytes, size_t count)
{
    const struct media_hasher hasher = {.pair = crypto_sha256_pair};
    uint8_t root[HASH_BYTES];
    if (count != cover->bytes) {
        return false;
    }
    uint32_t chunks = media_chunk_count(count);
    uint8_t(*leaves)[HASH_BYTES] = calloc(chunks, HASH_BYTES);
    if (leaves == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < chunks; i++) {
        crypto_sha256(bytes + (size_t)i * CHUNK_BYTES, media_chunk_bytes(count, i), leaves[i]);
    }
    media_merkle_root(&hasher, (const uint8_t(*)[HASH_BYTES])leaves, chunks, root);
    free(leaves);
    return memcmp(root, cover->root, HASH_BYTES) == 0;
}

static void ask(struct covers *covers);

static void came(void *context, const struct net_http_response *response)
{
    struct covers *covers = context;
    const uint8_t *bytes = (const uint8_t *)response->body;
    char path[COVERS_PATH_BYTES];
    covers->is_asking = false;
    if (covers->is_closed) {
        return;
    }
    if (response->error == 0 && response->status == 200 &&
        is_right(&covers->asked, bytes, response->body_bytes)) {
        mkdir(covers->folder, 0700);
        make_path(covers, &covers->asked, extension_of(bytes, response->body_bytes), path);
        if (write_whole(path, bytes, response->body_bytes) == 0) {
            trim(covers);
        }
    }
    bool is_other = covers->wanted.bytes != 0 &&
                    memcmp(&covers->wanted, &covers->asked, sizeof covers->asked) != 0;
    if (covers->wanted.bytes != 0 && !tell_if_here(covers) && is_other) {
        ask(covers);
    }
}

static int open_client(struct covers *covers)
{
    if (net_url_is_tls(&covers->url) && covers->tls == NULL &&
        net_tls_new_client(&covers->tls) != 0) {
        return ERROR_NO_MEMORY;
    }
    /* Whoever answers: the bytes are those of the signed manifest, or they are not kept. */
    const struct net_http_client_config config = {.host = covers->url.host,
                                                  .port = covers->url.port,
                                                  .tls = covers->tls,
                                                  .body_bytes_max = COVERS_BYTES_MAX};
    return net_http_client_open(covers->loop, &config, &covers->client);
}

static void ask(struct covers *covers)
{
    char target[2 * HASH_BYTES + 40];
    char root[2 * HASH_BYTES + 1];
    if (!covers->has_origin || covers->is_asking ||
        (covers->client == NULL && open_client(covers) != 0)) {
        return;
    }
    covers->asked = covers->wanted;
    media_hex_encode(covers->asked.root, HASH_BYTES, root);
    snprintf(target, sizeof target, "/v1/files/%s-%" PRIu64, root, covers->asked.bytes);
    covers->is_asking = net_http_client_get(covers->client, target, came, covers) == 0;
}

/* --- life ------------------------------------------------------------------------------------------------- */

struct covers *covers_open(struct net_loop *loop, const char *cache_folder, const char *origin,
                           covers_found *found, void *context)
{
    struct covers *covers = calloc(1, sizeof *covers);
    if (covers == NULL) {
        return NULL;
    }
    covers->loop = loop;
    covers->found = found;
    covers->context = context;
    covers->has_origin = origin != NULL && net_url_parse(origin, &covers->url) == 0;
    snprintf(covers->folder, sizeof covers->folder, "%.4080s/covers", cache_folder);
    return covers;
}

void covers_want(struct covers *covers, const struct media_file_id *cover)
{
    covers->wanted = *cover;
    if (cover->bytes == 0 || cover->bytes > COVERS_BYTES_MAX) {
        covers->wanted.bytes = 0;
    } else if (!tell_if_here(covers)) {
        ask(covers);
    }
}

void covers_close(struct covers *covers)
{
    if (covers == NULL) {
        return;
    }
    covers->is_closed = true;
    net_http_client_close(covers->client);
}

void covers_free(struct covers *covers)
{
    if (covers != NULL) {
        net_tls_free(covers->tls);
        free(covers);
    }
}
