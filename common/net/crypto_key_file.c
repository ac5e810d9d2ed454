/*
 * crypto_key_file.c: Ed25519 keys in files: 64 hex digits of the seed and a newline.
 *
 * Responsible for secrecy (mode 0600, no copy left in memory) and for a file that is whole or not
 * there: it is written beside its place and linked there once it is on the disk.
 */
#include "common/net/crypto.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE_BYTES (2u * CRYPTO_SEED_BYTES + 1u)
#define PATH_BYTES_MAX 4096u

static int nibble(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static int decode(const uint8_t text[KEY_FILE_BYTES], uint8_t ret_seed[CRYPTO_SEED_BYTES])
{
    for (size_t i = 0; i < CRYPTO_SEED_BYTES; i++) {
        int high = nibble(text[2 * i]);
        int low = nibble(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return ERROR_MALFORMED;
        }
        ret_seed[i] = (uint8_t)(high << 4 | low);
    }
    return text[KEY_FILE_BYTES - 1] == '\n' ? 0 : ERROR_MALFORMED;
}

static void encode(const uint8_t seed[CRYPTO_SEED_BYTES], uint8_t ret_text[KEY_FILE_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < CRYPTO_SEED_BYTES; i++) {
        ret_text[2 * i] = (uint8_t)digits[seed[i] >> 4];
        ret_text[2 * i + 1] = (uint8_t)digits[seed[i] & 15];
    }
    ret_text[KEY_FILE_BYTES - 1] = '\n';
}

/* Reads up to `capacity` bytes, over interruptions. */
static int read_some(int fd, uint8_t *buffer, size_t capacity, size_t *ret_count)
{
    size_t count = 0;
    while (count < capacity) {
        ssize_t got = read(fd, buffer + count, capacity - count);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return ERROR_IO;
        }
        count += got > 0 ? (size_t)got : 0;
    }
    *ret_count = count;
    return 0;
}

static int read_text(int fd, uint8_t ret_text[KEY_FILE_BYTES + 1])
{
    struct stat status;
    size_t count = 0;
    if (fstat(fd, &status) != 0) {
        return ERROR_IO;
    }
    if (!S_ISREG(status.st_mode)) {
        return ERROR_MALFORMED;
    }
    if ((status.st_mode & 077) != 0) {
        return ERROR_DENIED;
    }
    int error = read_some(fd, ret_text, KEY_FILE_BYTES + 1, &count);
    return error != 0 ? error : count == KEY_FILE_BYTES ? 0 : ERROR_MALFORMED;
}

int crypto_key_load(const char *path, struct crypto_key **ret_key)
{
    uint8_t text[KEY_FILE_BYTES + 1];
    uint8_t seed[CRYPTO_SEED_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return error_from_errno(errno);
    }
    int error = read_text(fd, text);
    error = error != 0 ? error : decode(text, seed);
    error = error != 0 ? error : crypto_key_from_seed(seed, ret_key);
    crypto_wipe(text, sizeof text);
    crypto_wipe(seed, sizeof seed);
    (void)close(fd);
    return error;
}

static int write_all(int fd, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);
        if (written < 0 && errno != EINTR) {
            return error_from_errno(errno);
        }
        bytes += written > 0 ? written : 0;
        count -= written > 0 ? (size_t)written : 0;
    }
    return fsync(fd) == 0 ? 0 : error_from_errno(errno);
}

static int sync_folder_of(const char *path)
{
    char folder[PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? snprintf(folder, sizeof folder, ".")
                 : slash == path
                     ? snprintf(folder, sizeof folder, "/")
                     : snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    if (length < 0 || (size_t)length >= sizeof folder) {
        return ERROR_TOO_LARGE;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return error_from_errno(errno);
    }
    int error = fsync(fd) == 0 ? 0 : error_from_errno(errno);
    (void)close(fd);
    return error;
}

int crypto_key_save(const char *path, const struct crypto_key *key)
{
    char temporary[PATH_BYTES_MAX];
    uint8_t seed[CRYPTO_SEED_BYTES];
    uint8_t text[KEY_FILE_BYTES];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof temporary) {
        return ERROR_TOO_LARGE;
    }
    int error = crypto_key_seed(key, seed);
    if (error != 0) {
        return error;
    }
    encode(seed, text);
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        error = error_from_errno(errno);
        goto err_after_secret;
    }
    error = write_all(fd, text, sizeof text);
    if (error == 0 && link(temporary, path) != 0) {
        error = error_from_errno(errno);
    }
    (void)close(fd);
    (void)unlink(temporary);
    error = error != 0 ? error : sync_folder_of(path);
err_after_secret:
    crypto_wipe(seed, sizeof seed);
    crypto_wipe(text, sizeof text);
    return error;
}
