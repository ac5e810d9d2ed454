/*
 * known_origins.c: the file of pinned identities.
 *
 * Happy path: lock -> read the whole file -> look through its lines -> (append one, write a
 * temporary file beside it, fsync, rename, fsync the folder). Failure modes: nothing is replaced
 * unless all of it has been written; a damaged line never matches, and stays.
 */
#include "common/net/known_origins.h"

#include "common/error.h"
#include "common/net/url.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES_MAX 4096u
#define WHERE_BYTES (NET_HOST_BYTES_MAX + 16u)
#define IDENTITY_DIGITS (2u * PUBLIC_KEY_BYTES)

static int error_of(int system_error)
{
    switch (system_error) {
    case ENOENT:
        return ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERROR_DENIED;
    default:
        return ERROR_IO;
    }
}

/* ---- lines ---- */

static int digit_of(char letter)
{
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static bool parse_identity(const char *text, size_t bytes, uint8_t ret_identity[PUBLIC_KEY_BYTES])
{
    if (bytes != IDENTITY_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < PUBLIC_KEY_BYTES; i++) {
        int high = digit_of(text[2 * i]);
        int low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret_identity[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* One line without its end: damaged, somebody else's, a comment, or the one that is looked for. */
static void look_at_line(const char *line, size_t bytes, uint32_t number, const char *where,
                         struct net_known_result *result)
{
    uint8_t identity[PUBLIC_KEY_BYTES];
    if (bytes == 0 || line[0] == '#') {
        return;
    }
    const char *space = memchr(line, ' ', bytes);
    size_t where_bytes = space == NULL ? 0 : (size_t)(space - line);
    bool is_whole = space != NULL && memchr(line, ':', where_bytes) != NULL &&
                    parse_identity(space + 1, bytes - where_bytes - 1, identity);
    if (!is_whole) {
        result->damaged_lines++;
        return;
    }
    if (result->line == 0 && where_bytes == strlen(where) &&
        memcmp(line, where, where_bytes) == 0) {
        result->line = number;
        memcpy(result->identity, identity, sizeof identity);
    }
}

static void look_through(const char *bytes, size_t count, const char *where,
                         struct net_known_result *result)
{
    uint32_t number = 1;
    size_t at = 0;
    while (at < count) {
        const char *end = memchr(bytes + at, '\n', count - at);
        size_t line_bytes = end == NULL ? count - at : (size_t)(end - bytes) - at;
        look_at_line(bytes + at, line_bytes, number, where, result);
        at += line_bytes + 1;
        number++;
    }
}

/* ---- the file ---- */

/* All of it in memory, or an empty one when it is not there. */
static int read_file(const char *path, char **ret_bytes, size_t *ret_count)
{
    int error = 0;
    struct stat status;
    size_t count = 0;
    char *bytes = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error = error_of(errno);
        *ret_bytes = NULL;
        *ret_count = 0;
        return error == ERROR_NOT_FOUND ? 0 : error;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        error = ERROR_IO;
        goto err_after_open;
    }
    if (status.st_size > (off_t)NET_KNOWN_FILE_BYTES_MAX) {
        error = ERROR_TOO_LARGE;
        goto err_after_open;
    }
    bytes = malloc((size_t)status.st_size + 1);
    if (bytes == NULL) {
        error = ERROR_NO_MEMORY;
        goto err_after_open;
    }
    while (count < (size_t)status.st_size) {
        ssize_t got = read(fd, bytes + count, (size_t)status.st_size - count);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            error = ERROR_IO;
            goto err_after_bytes;
        }
        count += (size_t)got;
    }
    close(fd);
    *ret_bytes = bytes;
    *ret_count = count;
    return 0;

err_after_bytes:
    free(bytes);
err_after_open:
    close(fd);
    return error;
}

static int write_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t put = write(fd, bytes, count);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return ERROR_IO;
        }
        bytes += put;
        count -= (size_t)put;
    }
    return 0;
}

static void sync_folder_of(const char *path)
{
    char folder[PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    int bytes = slash == NULL
                    ? snprintf(folder, sizeof folder, ".")
                    : snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
    if (bytes <= 0 || (size_t)bytes >= sizeof folder) {
        return;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* The old bytes, a line end if they lack one, and the new line. */
static int write_temporary(const char *path, const char *bytes, size_t count, const char *line)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return error_of(errno) == ERROR_DENIED ? ERROR_DENIED : ERROR_IO;
    }
    int error = fchmod(fd, 0600) == 0 ? 0 : ERROR_IO;
    if (error == 0) {
        error = write_all(fd, bytes, count);
    }
    if (error == 0 && count > 0 && bytes[count - 1] != '\n') {
        error = write_all(fd, "\n", 1);
    }
    if (error == 0) {
        error = write_all(fd, line, strlen(line));
    }
    if (error == 0 && fsync(fd) != 0) {
        error = ERROR_IO;
    }
    if (close(fd) != 0 && error == 0) {
        error = ERROR_IO;
    }
    if (error != 0) {
        unlink(path);
    }
    return error;
}

static int replace(const char *path, const char *bytes, size_t count, const char *line)
{
    char temporary[PATH_BYTES_MAX];
    if (count + strlen(line) + 1 > NET_KNOWN_FILE_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    int length = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (length <= 0 || (size_t)length >= sizeof temporary) {
        return ERROR_IO;
    }
    int error = write_temporary(temporary, bytes, count, line);
    if (error != 0) {
        return error;
    }
    if (rename(temporary, path) != 0) {
        unlink(temporary);
        return ERROR_IO;
    }
    sync_folder_of(path);
    return 0;
}

/* Held until the fd is closed; one writer at a time. */
static int lock(const char *path, int *ret_fd)
{
    char name[PATH_BYTES_MAX];
    int length = snprintf(name, sizeof name, "%s.lock", path);
    if (length <= 0 || (size_t)length >= sizeof name) {
        return ERROR_IO;
    }
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return error_of(errno) == ERROR_DENIED ? ERROR_DENIED : ERROR_IO;
    }
    while (flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            close(fd);
            return ERROR_IO;
        }
    }
    *ret_fd = fd;
    return 0;
}

/* ---- the two questions ---- */

static int format_where(const char *host, uint16_t port, char ret_where[WHERE_BYTES])
{
    if (net_host_port_format(host, port, ret_where, WHERE_BYTES) != 0) {
        return ERROR_TOO_LARGE;
    }
    for (char *at = ret_where; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    return 0;
}

static void warn_of_damage(const char *path, struct net_known_result *result)
{
    if (result->damaged_lines > 0) {
        snprintf(result->text, sizeof result->text, "%s: %u damaged lines were passed over", path,
                 result->damaged_lines);
    }
}

static void explain_change(const char *path, const char *where, struct net_known_result *result)
{
    snprintf(result->text, sizeof result->text,
             "%s is not the origin that it was: %.512s, line %u, has another identity; "
             "if the origin was set up anew, remove that line, else somebody is in between",
             where, path, result->line);
}

static int look_up(const char *path, const char *where, char **ret_bytes, size_t *ret_count,
                   struct net_known_result *result)
{
    *result = (struct net_known_result){.state = NET_KNOWN_UNKNOWN};
    int error = read_file(path, ret_bytes, ret_count);
    if (error != 0) {
        return error;
    }
    if (*ret_count > 0) {
        look_through(*ret_bytes, *ret_count, where, result);
    }
    if (result->line > 0) {
        result->state = NET_KNOWN_MATCH;
    }
    warn_of_damage(path, result);
    return 0;
}

int net_known_origins_lookup(const char *path, const char *host, uint16_t port,
                             struct net_known_result *ret_result)
{
    char where[WHERE_BYTES];
    char *bytes = NULL;
    size_t count = 0;
    struct net_known_result result;
    int error = format_where(host, port, where);
    if (error == 0) {
        error = look_up(path, where, &bytes, &count, &result);
    }
    free(bytes);
    if (error == 0) {
        *ret_result = result;
    }
    return error;
}

static int pin(const char *path, const char *where, const uint8_t identity[PUBLIC_KEY_BYTES],
               const char *bytes, size_t count, struct net_known_result *result)
{
    char line[WHERE_BYTES + IDENTITY_DIGITS + 4];
    size_t used = (size_t)snprintf(line, sizeof line, "%s ", where);
    for (size_t i = 0; i < PUBLIC_KEY_BYTES; i++) {
        used += (size_t)snprintf(line + used, sizeof line - used, "%02x", identity[i]);
    }
    snprintf(line + used, sizeof line - used, "\n");
    int error = replace(path, bytes, count, line);
    if (error != 0) {
        return error;
    }
    result->state = NET_KNOWN_PINNED;
    result->line = 1;
    for (size_t i = 0; i < count; i++) {
        result->line += bytes[i] == '\n' || i + 1 == count;
    }
    memcpy(result->identity, identity, PUBLIC_KEY_BYTES);
    return 0;
}

int net_known_origins_check(const char *path, const char *host, uint16_t port,
                            const uint8_t identity[PUBLIC_KEY_BYTES],
                            struct net_known_result *ret_result)
{
    char where[WHERE_BYTES];
    char *bytes = NULL;
    size_t count = 0;
    int lock_fd = -1;
    struct net_known_result result;
    int error = format_where(host, port, where);
    if (error != 0) {
        return error;
    }
    /* The common case needs no lock: what is known is only read. */
    error = look_up(path, where, &bytes, &count, &result);
    if (error == 0 && result.state == NET_KNOWN_UNKNOWN) {
        free(bytes);
        bytes = NULL;
        error = lock(path, &lock_fd);
        if (error == 0) {
            error = look_up(path, where, &bytes, &count, &result);
        }
        if (error == 0 && result.state == NET_KNOWN_UNKNOWN) {
            error = pin(path, where, identity, bytes, count, &result);
        }
    }
    free(bytes);
    if (lock_fd >= 0) {
        close(lock_fd);
    }
    if (error != 0) {
        return error;
    }
    if (memcmp(result.identity, identity, PUBLIC_KEY_BYTES) != 0) {
        result.state = NET_KNOWN_CHANGED;
        explain_change(path, where, &result);
    }
    *ret_result = result;
    return result.state == NET_KNOWN_CHANGED ? ERROR_MISMATCH : 0;
}
