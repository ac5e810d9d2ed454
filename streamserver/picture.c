/*
 * picture.c: looks for a cover beside an audio file.
 *
 * Asks for a few names instead of reading the folder: a folder of 50,000 tracks would be read
 * 50,000 times.
 */
#include "streamserver/picture.h"

#include "common/error.h"
#include "media/gst/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES_MAX 4096u
#define HEAD_BYTES 12u

static bool is_picture(const uint8_t *bytes, uint32_t count)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
    return count >= HEAD_BYTES &&
           (memcmp(bytes, png, sizeof png) == 0 || memcmp(bytes, jpeg, sizeof jpeg) == 0 ||
            (memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0));
}

/* ERROR_IO: it became shorter, or cannot be read. */
static int read_all(int fd, uint8_t *bytes, uint32_t count)
{
    for (uint32_t at = 0; at < count;) {
        ssize_t got = pread(fd, bytes + at, count - at, (off_t)at);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return ERROR_IO;
        }
        at += got > 0 ? (uint32_t)got : 0;
    }
    return 0;
}

/* ERROR_NOT_FOUND: nothing there that would do. */
static int take(const char *path, uint8_t **ret_bytes, uint32_t *ret_count)
{
    struct stat status;
    uint8_t *bytes = NULL;
    int error = ERROR_NOT_FOUND;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return ERROR_NOT_FOUND;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0 ||
        status.st_size > (off_t)MEDIA_COVER_BYTES_MAX) {
        goto err_after_open;
    }
    uint32_t count = (uint32_t)status.st_size;
    bytes = malloc(count);
    if (bytes == NULL) {
        error = ERROR_NO_MEMORY;
        goto err_after_open;
    }
    if (read_all(fd, bytes, count) == 0 && is_picture(bytes, count)) {
        *ret_bytes = bytes;
        *ret_count = count;
        bytes = NULL;
        error = 0;
    }
err_after_open:
    free(bytes);
    (void)close(fd);
    return error;
}

int picture_beside(const char *path, uint8_t **ret_bytes, uint32_t *ret_count)
{
    static const char *const names[] = {"cover", "Cover", "folder", "Folder", "front", "Front"};
    static const char *const endings[] = {"jpg", "jpeg", "png", "webp", "JPG", "JPEG", "PNG"};
    char candidate[PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    int folder_bytes = slash == NULL ? 0 : (int)(slash - path) + 1;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (unsigned j = 0; j < sizeof endings / sizeof endings[0]; j++) {
            int length = snprintf(candidate, sizeof candidate, "%.*s%s.%s", folder_bytes, path,
                                  names[i], endings[j]);
            if (length < 0 || (size_t)length >= sizeof candidate) {
                return ERROR_NOT_FOUND;
            }
            int error = take(candidate, ret_bytes, ret_count);
            if (error != ERROR_NOT_FOUND) {
                return error;
            }
        }
    }
    return ERROR_NOT_FOUND;
}
