/*
 * folder.c: the origin's folder: making it, opening it, and bringing media files in.
 *
 * Responsible for what stands on the disk after a kill at any moment. What the files mean is the
 * catalogue's to know.
 *
 * Happy path of a file: folder_temporary -> bytes -> folder_publish -> catalogue_add ->
 * folder_settle. Failure modes: killed before the rename: a temporary file is left; killed behind
 * it: a media file and its mark. folder_sweep knows both.
 */
#include "streamserver/folder.h"

#include "common/error.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_NAME "identity.key"
#define CATALOGUE_NAME "catalogue"
#define MEDIA_NAME "media"
#define TEMPORARY_NAME "media/temporary"
#define LOCK_NAME "lock"
#define ROOT_DIGITS (2u * HASH_BYTES)

/* "DIR/NAME" */
static int join(const char *path, const char *name, char ret_path[FOLDER_PATH_BYTES_MAX])
{
    int length = snprintf(ret_path, FOLDER_PATH_BYTES_MAX, "%s/%s", path, name);
    return length < 0 || (size_t)length >= FOLDER_PATH_BYTES_MAX ? ERROR_TOO_LARGE : 0;
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return error_from_errno(errno);
    }
    int error = fsync(fd) == 0 ? 0 : error_from_errno(errno);
    (void)close(fd);
    return error;
}

static int make_folder(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : error_from_errno(errno);
}

/* The folder and what is missing above it, each durable in the one above. */
static int make_folders(const char *path)
{
    char part[FOLDER_PATH_BYTES_MAX];
    int length = snprintf(part, sizeof part, "%s", path);
    if (length <= 0 || (size_t)length >= sizeof part) {
        return length == 0 ? ERROR_NOT_FOUND : ERROR_TOO_LARGE;
    }
    int error = 0;
    for (char *slash = strchr(part + 1, '/'); error == 0 && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        error = make_folder(part);
        *slash = '/';
    }
    return error != 0 ? error : make_folder(part);
}

/* ---- Making ---- */

static bool is_ours(const char *name)
{
    static const char *const names[] = {".", "..", CATALOGUE_NAME, MEDIA_NAME, LOCK_NAME};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    /* what a killed crypto_key_save left: not the key itself */
    return strncmp(name, KEY_NAME ".", sizeof KEY_NAME) == 0;
}

/* Nothing is in the folder but what an init that did not end has left. */
static int check_free(const char *path)
{
    DIR *entries = opendir(path);
    if (entries == NULL) {
        return error_from_errno(errno);
    }
    int error = 0;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (!is_ours(entry->d_name)) {
            error = ERROR_EXISTS;
        }
    }
    (void)closedir(entries);
    return error;
}

static int take_lock(const char *path, int *ret_fd)
{
    char lock[FOLDER_PATH_BYTES_MAX];
    int error = join(path, LOCK_NAME, lock);
    if (error != 0) {
        return error;
    }
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return error_from_errno(errno);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        error = errno == EWOULDBLOCK ? ERROR_BUSY : error_from_errno(errno);
        (void)close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

/* A catalogue without an identity beside it was never used: it is made afresh. */
static int create_catalogue(const char *path)
{
    static const char *const leftovers[] = {CATALOGUE_NAME "/data.mdb", CATALOGUE_NAME "/lock.mdb"};
    char catalogue[FOLDER_PATH_BYTES_MAX];
    int error = 0;
    for (size_t i = 0; error == 0 && i < sizeof leftovers / sizeof leftovers[0]; i++) {
        error = join(path, leftovers[i], catalogue);
        if (error == 0 && unlink(catalogue) != 0 && errno != ENOENT) {
            error = error_from_errno(errno);
        }
    }
    error = error != 0 ? error : join(path, CATALOGUE_NAME, catalogue);
    error = error != 0 ? error : catalogue_create(catalogue);
    return error != 0 ? error : sync_folder(catalogue);
}

/* The key comes last: where it is, all else is. */
static int create_key(const char *path, uint8_t ret_identity[PUBLIC_KEY_BYTES])
{
    char file[FOLDER_PATH_BYTES_MAX];
    struct crypto_key *key = NULL;
    int error = join(path, KEY_NAME, file);
    error = error != 0 ? error : crypto_key_generate(&key);
    if (error != 0) {
        return error;
    }
    error = crypto_key_save(file, key); /* and syncs DIR */
    if (error == 0) {
        crypto_key_public(key, ret_identity);
    }
    crypto_key_free(key);
    return error;
}

int folder_create(const char *path, uint8_t ret_identity[PUBLIC_KEY_BYTES])
{
    static const char *const names[] = {CATALOGUE_NAME, MEDIA_NAME, TEMPORARY_NAME};
    char part[FOLDER_PATH_BYTES_MAX];
    int lock_fd = -1;
    int error = make_folders(path);
    error = error != 0 ? error : check_free(path);
    error = error != 0 ? error : take_lock(path, &lock_fd);
    if (error != 0) {
        return error;
    }
    error = check_free(path); /* another init may have ended meanwhile */
    for (size_t i = 0; error == 0 && i < sizeof names / sizeof names[0]; i++) {
        error = join(path, names[i], part);
        error = error != 0 ? error : make_folder(part);
    }
    error = error != 0 ? error : create_catalogue(path);
    error = error != 0 ? error : create_key(path, ret_identity);
    (void)close(lock_fd);
    return error;
}

/* ---- Opening ---- */

static int open_key(struct folder *folder)
{
    char path[FOLDER_PATH_BYTES_MAX];
    int error = join(folder->path, KEY_NAME, path);
    error = error != 0 ? error : crypto_key_load(path, &folder->key);
    if (error == 0) {
        crypto_key_public(folder->key, folder->identity);
    }
    return error == ERROR_MALFORMED ? ERROR_DAMAGED : error;
}

static int open_catalogue(struct folder *folder, bool writable)
{
    char path[FOLDER_PATH_BYTES_MAX];
    int error = join(folder->path, CATALOGUE_NAME, path);
    error = error != 0 ? error : catalogue_open(path, writable, 0, &folder->catalogue);
    /* The key stands beside it, so it was there. */
    return error == ERROR_NOT_FOUND ? ERROR_DAMAGED : error;
}

int folder_open(const char *path, bool writable, struct folder *ret_folder)
{
    struct folder folder = {.lock_fd = -1};
    int length = snprintf(folder.path, sizeof folder.path, "%s", path);
    if (length < 0 || (size_t)length >= sizeof folder.path) {
        return ERROR_TOO_LARGE;
    }
    int error = open_key(&folder);
    if (error == 0 && writable) {
        error = take_lock(path, &folder.lock_fd);
    }
    error = error != 0 ? error : open_catalogue(&folder, writable);
    if (error != 0) {
        folder_close(&folder);
        return error;
    }
    if (writable) {
        folder_sweep(&folder);
    }
    *ret_folder = folder;
    return 0;
}

void folder_close(struct folder *folder)
{
    catalogue_close(folder->catalogue);
    crypto_key_free(folder->key);
    if (folder->lock_fd >= 0) {
        (void)close(folder->lock_fd); /* which gives the lock back */
    }
    *folder = (struct folder){.lock_fd = -1};
}

/* ---- Media files ---- */

/* "DIR/media/ab"; *ret_root is the file's name in it. */
static int media_folder(const struct folder *folder, const uint8_t root[HASH_BYTES],
                        char ret_root[ROOT_DIGITS + 1], char ret_path[FOLDER_PATH_BYTES_MAX])
{
    char name[sizeof MEDIA_NAME + 3];
    media_hex_encode(root, HASH_BYTES, ret_root);
    (void)snprintf(name, sizeof name, MEDIA_NAME "/%.2s", ret_root);
    return join(folder->path, name, ret_path);
}

static int media_path(const struct folder *folder, const uint8_t root[HASH_BYTES],
                      char ret_path[FOLDER_PATH_BYTES_MAX])
{
    char name[ROOT_DIGITS + 1];
    char within[FOLDER_PATH_BYTES_MAX];
    int error = media_folder(folder, root, name, within);
    return error != 0 ? error : join(within, name, ret_path);
}

static int mark_path(const struct folder *folder, const uint8_t root[HASH_BYTES],
                     char ret_path[FOLDER_PATH_BYTES_MAX])
{
    char name[sizeof TEMPORARY_NAME + ROOT_DIGITS + 1];
    char digits[ROOT_DIGITS + 1];
    media_hex_encode(root, HASH_BYTES, digits);
    (void)snprintf(name, sizeof name, TEMPORARY_NAME "/%s", digits);
    return join(folder->path, name, ret_path);
}

int folder_open_media(const struct folder *folder, const struct media_file_id *id, int *ret_fd)
{
    char path[FOLDER_PATH_BYTES_MAX];
    struct stat status;
    int error = media_path(folder, id->root, path);
    if (error != 0) {
        return error;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_from_errno(errno);
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
        (uint64_t)status.st_size != id->bytes) {
        (void)close(fd);
        return ERROR_DAMAGED;
    }
    *ret_fd = fd;
    return 0;
}

int folder_temporary(const struct folder *folder, char ret_path[FOLDER_PATH_BYTES_MAX], int *ret_fd)
{
    int error = join(folder->path, TEMPORARY_NAME "/new.XXXXXX", ret_path);
    if (error != 0) {
        return error;
    }
    int fd = mkostemp(ret_path, O_CLOEXEC);
    if (fd < 0) {
        return error_from_errno(errno);
    }
    *ret_fd = fd;
    return 0;
}

static int make_mark(const struct folder *folder, const uint8_t root[HASH_BYTES])
{
    char path[FOLDER_PATH_BYTES_MAX];
    int error = mark_path(folder, root, path);
    if (error != 0) {
        return error;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return error_from_errno(errno);
    }
    (void)close(fd);
    return 0;
}

/* Is it there already? ERROR_NOT_FOUND, ERROR_EXISTS (with another length), ERROR_IO. */
static int check_there(const char *path, uint64_t bytes)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return error_from_errno(errno);
    }
    return (uint64_t)status.st_size == bytes ? 0 : ERROR_EXISTS;
}

static int move_in(const struct folder *folder, const char *temporary, int fd,
                   const struct media_file_id *id)
{
    char digits[ROOT_DIGITS + 1];
    char within[FOLDER_PATH_BYTES_MAX];
    char media[FOLDER_PATH_BYTES_MAX];
    char path[FOLDER_PATH_BYTES_MAX];
    int error = media_folder(folder, id->root, digits, within);
    error = error != 0 ? error : join(within, digits, path);
    error = error != 0 ? error : join(folder->path, MEDIA_NAME, media);
    error = error != 0 ? error : check_there(path, id->bytes);
    if (error != ERROR_NOT_FOUND) {
        return error; /* 0: it is there */
    }
    if (fchmod(fd, 0644) != 0 || fsync(fd) != 0) {
        return error_from_errno(errno);
    }
    error = make_folder(within);
    error = error != 0 ? error : sync_folder(media);
    error = error != 0 ? error : make_mark(folder, id->root);
    if (error == 0 && rename(temporary, path) != 0) {
        error = error_from_errno(errno);
    }
    return error != 0 ? error : sync_folder(within);
}

int folder_publish(const struct folder *folder, const char *temporary, int fd,
                   const struct media_file_id *id)
{
    assert(folder->lock_fd >= 0);
    int error = move_in(folder, temporary, fd, id);
    (void)unlink(temporary); /* unless it was moved */
    return error;
}

/* One entry of media/temporary: a mark or the rest of a file. */
static void sweep_entry(const struct folder *folder, const char *temporary, const char *name)
{
    char path[FOLDER_PATH_BYTES_MAX];
    uint8_t root[HASH_BYTES];
    uint64_t bytes = 0;
    if (media_hex_decode(name, HASH_BYTES, root) == 0) {
        int error = catalogue_get_bytes(folder->catalogue, root, &bytes);
        if (error != 0 && error != ERROR_NOT_FOUND) {
            return; /* it cannot be told: both stay */
        }
        if (error == ERROR_NOT_FOUND && media_path(folder, root, path) == 0) {
            (void)unlink(path);
        }
    }
    if (join(temporary, name, path) == 0) {
        (void)unlink(path);
    }
}

void folder_settle(const struct folder *folder, const struct media_file_id *id)
{
    char temporary[FOLDER_PATH_BYTES_MAX];
    char mark[FOLDER_PATH_BYTES_MAX];
    char digits[ROOT_DIGITS + 1];
    struct stat status;
    media_hex_encode(id->root, HASH_BYTES, digits);
    if (join(folder->path, TEMPORARY_NAME, temporary) == 0 &&
        mark_path(folder, id->root, mark) == 0 && stat(mark, &status) == 0) {
        sweep_entry(folder, temporary, digits);
    }
}

void folder_sweep(const struct folder *folder)
{
    char path[FOLDER_PATH_BYTES_MAX];
    assert(folder->lock_fd >= 0);
    if (join(folder->path, TEMPORARY_NAME, path) != 0) {
        return;
    }
    DIR *entries = opendir(path);
    if (entries == NULL) {
        (void)make_folder(path); /* somebody took it for rubbish: writing will need it */
        return;
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            sweep_entry(folder, path, entry->d_name);
        }
    }
    (void)closedir(entries);
}
