/*
 * media_files.c: open files by handle, with a bit for each chunk that has been checked.
 *
 * Responsible for descriptors (bounded) and for no unchecked byte leaving over a link. Not for
 * when a read runs or on which thread.
 */
#include "streamserver/uv/media_files.h"

#include "common/error.h"
#include "common/net/crypto.h"
#include "common/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct media_files_file {
    media_handle handle; /* 0 = a free place */
    int fd;
    uint32_t holds;   /* reads under way */
    uint64_t used;    /* the clock of uses when it was last held */
    uint8_t *checked; /* a bit a chunk; owned */
    bool has_failed;  /* it was told already */
};

struct media_files {
    const struct folder *folder;
    struct media_files_file *places;
    uint32_t place_count;
    uint64_t uses;
    struct table by_handle; /* struct entry */
};

struct entry {
    media_handle handle;
    uint32_t place;
};

int media_files_new(const struct folder *folder, uint32_t open_max, struct media_files **ret_files)
{
    assert(open_max > 0);
    struct media_files *files = calloc(1, sizeof *files);
    if (files == NULL) {
        return ERROR_NO_MEMORY;
    }
    files->places = calloc(open_max, sizeof *files->places);
    if (files->places == NULL) {
        free(files);
        return ERROR_NO_MEMORY;
    }
    files->folder = folder;
    files->place_count = open_max;
    table_init(&files->by_handle, sizeof(struct entry), sizeof(media_handle), 0);
    *ret_files = files;
    return 0;
}

static void close_file(struct media_files *files, struct media_files_file *file)
{
    assert(file->holds == 0);
    if (file->handle != 0) {
        (void)table_remove(&files->by_handle, &file->handle);
        (void)close(file->fd);
        free(file->checked);
    }
    *file = (struct media_files_file){.fd = -1};
}

void media_files_free(struct media_files *files)
{
    if (files == NULL) {
        return;
    }
    for (uint32_t i = 0; i < files->place_count; i++) {
        close_file(files, &files->places[i]);
    }
    table_deinit(&files->by_handle);
    free(files->places);
    free(files);
}

/* A free place, else that of the file that has not been used for longest; NULL: all are held. */
static struct media_files_file *find_place(struct media_files *files)
{
    struct media_files_file *oldest = NULL;
    for (uint32_t i = 0; i < files->place_count; i++) {
        struct media_files_file *file = &files->places[i];
        if (file->handle == 0) {
            return file;
        }
        if (file->holds == 0 && (oldest == NULL || file->used < oldest->used)) {
            oldest = file;
        }
    }
    return oldest;
}

static int open_file(struct media_files *files, media_handle handle, const struct media_file_id *id,
                     struct media_files_file **ret_file)
{
    struct media_files_file *file = find_place(files);
    if (file == NULL) {
        return ERROR_FULL;
    }
    close_file(files, file);
    int fd = -1;
    int error = folder_open_media(files->folder, id, &fd);
    if (error != 0) {
        return error;
    }
    uint8_t *checked = calloc((media_chunk_count(id->bytes) + 7) / 8, 1);
    struct entry *entry = checked == NULL ? NULL : table_put(&files->by_handle, &handle, NULL);
    if (entry == NULL) {
        free(checked);
        (void)close(fd);
        return ERROR_NO_MEMORY;
    }
    entry->place = (uint32_t)(file - files->places);
    *file = (struct media_files_file){.handle = handle, .fd = fd, .checked = checked};
    *ret_file = file;
    return 0;
}

static int hold(struct media_files *files, media_handle handle, const struct media_file_id *id,
                struct media_files_file **ret_file)
{
    const struct entry *entry = table_get(&files->by_handle, &handle);
    struct media_files_file *file = entry == NULL ? NULL : &files->places[entry->place];
    if (file == NULL) {
        int error = open_file(files, handle, id, &file);
        if (error != 0) {
            return error;
        }
    }
    file->holds++;
    file->used = ++files->uses;
    *ret_file = file;
    return 0;
}

static bool is_checked(const struct media_files_file *file, uint32_t chunk)
{
    return (file->checked[chunk / 8] >> chunk % 8 & 1) != 0;
}

/* What the chunk must hash to, by a proof that leads to the file's root. */
static int find_leaf(const struct media_files *files, const struct media_file_id *id,
                     uint32_t chunk, uint8_t ret_leaf[HASH_BYTES])
{
    static const struct media_hasher hasher = {crypto_sha256_pair, NULL};
    struct media_proof proof;
    uint32_t row = chunk / ROW_CHUNKS;
    int error = catalogue_get_proof(files->folder->catalogue, id, row, &proof);
    if (error < 0) {
        return error;
    }
    if (error != 0 || media_proof_check(&hasher, id, row, &proof) != 0) {
        return ERROR_DAMAGED;
    }
    memcpy(ret_leaf, proof.hashes[chunk % ROW_CHUNKS], HASH_BYTES);
    return 0;
}

int media_files_prepare(struct media_files *files, media_handle handle,
                        const struct media_file_id *id, uint32_t chunk,
                        struct media_files_read *ret_read)
{
    struct media_files_read read = {.chunk = chunk, .bytes = media_chunk_bytes(id->bytes, chunk)};
    int error = hold(files, handle, id, &read.file);
    if (error != 0) {
        return error;
    }
    read.fd = read.file->fd;
    read.is_checked = is_checked(read.file, chunk);
    if (!read.is_checked) {
        error = find_leaf(files, id, chunk, read.leaf);
        if (error != 0) {
            read.file->holds--;
            return error;
        }
    }
    *ret_read = read;
    return 0;
}

int media_files_read(const struct media_files_read *read, bool may_wait, uint8_t *ret_bytes)
{
    uint32_t done = 0;
    while (done < read->bytes) {
        struct iovec part = {.iov_base = ret_bytes + done, .iov_len = read->bytes - done};
        off_t offset = (off_t)read->chunk * CHUNK_BYTES + (off_t)done;
        ssize_t count = preadv2(read->fd, &part, 1, offset, may_wait ? 0 : RWF_NOWAIT);
        if (count > 0) {
            done += (uint32_t)count;
        } else if (count == 0) {
            return ERROR_DAMAGED; /* it has become shorter */
        } else if (errno != EINTR) {
            return may_wait ? ERROR_IO : ERROR_BUSY;
        }
    }
    if (!read->is_checked) {
        uint8_t hash[HASH_BYTES];
        crypto_sha256(ret_bytes, read->bytes, hash);
        if (memcmp(hash, read->leaf, HASH_BYTES) != 0) {
            return ERROR_DAMAGED;
        }
    }
    return 0;
}

bool media_files_done(struct media_files *files, const struct media_files_read *read, int error)
{
    struct media_files_file *file = read->file;
    (void)files;
    assert(file->holds > 0);
    file->holds--;
    if (error == 0) {
        file->checked[read->chunk / 8] |= (uint8_t)(1u << read->chunk % 8);
        return false;
    }
    bool is_first = !file->has_failed;
    file->has_failed = true;
    return is_first;
}
