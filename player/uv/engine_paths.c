/*
 * engine_paths.c: where the player's files are, and the lock that makes one engine the owner.
 *
 * Responsible for the XDG base directories (specification 0.8: relative paths in the variables are
 * ignored) and for engine.lock, which names its holder so that a second player can say who it is.
 */
#include "common/error.h"
#include "player/uv/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int folder_of(const char *variable, const char *fallback, char *ret_path)
{
    const char *base = getenv(variable);
    const char *home = getenv("HOME");
    int length;
    if (base != NULL && base[0] == '/') {
        length = snprintf(ret_path, ENGINE_PATH_BYTES_MAX, "%s/refrain", base);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(ret_path, ENGINE_PATH_BYTES_MAX, "%s/%s/refrain", home, fallback);
    } else {
        return ERROR_NOT_FOUND;
    }
    return length > 0 && (size_t)length < ENGINE_PATH_BYTES_MAX ? 0 : ERROR_TOO_LARGE;
}

int engine_paths_init(struct engine_paths *ret_paths)
{
    struct engine_paths paths;
    int error = folder_of("XDG_CACHE_HOME", ".cache", paths.cache);
    if (error == 0) {
        error = folder_of("XDG_STATE_HOME", ".local/state", paths.state);
    }
    if (error == 0) {
        *ret_paths = paths;
    }
    return error;
}

static int error_of_errno(void)
{
    return errno == EACCES || errno == EPERM || errno == EROFS ? ERROR_DENIED : ERROR_IO;
}

int engine_paths_make(const char *folder)
{
    char part[ENGINE_PATH_BYTES_MAX];
    snprintf(part, sizeof part, "%s", folder);
    for (char *at = part + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            if (mkdir(part, 0700) < 0 && errno != EEXIST) {
                return error_of_errno();
            }
            *at = '/';
        }
    }
    return mkdir(part, 0700) < 0 && errno != EEXIST ? error_of_errno() : 0;
}

static int holder_of(int descriptor)
{
    char text[32] = "";
    ssize_t count = pread(descriptor, text, sizeof text - 1, 0);
    long pid = count > 0 ? strtol(text, NULL, 10) : 0;
    return pid > 0 && pid < INT32_MAX ? (int)pid : 0;
}

int engine_lock(const struct engine_paths *paths, int *ret_descriptor, int *ret_pid)
{
    char path[ENGINE_PATH_BYTES_MAX + 16];
    snprintf(path, sizeof path, "%s/engine.lock", paths->state);
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0 && errno == ENOENT && engine_paths_make(paths->state) == 0) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    if (descriptor < 0) {
        return error_of_errno();
    }
    if (flock(descriptor, LOCK_EX | LOCK_NB) < 0) {
        int error = errno == EWOULDBLOCK ? ERROR_BUSY : error_of_errno();
        *ret_pid = holder_of(descriptor);
        close(descriptor);
        return error;
    }
    char text[32];
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    /* Who holds it is a courtesy; the lock itself does not depend on it. */
    if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, (size_t)length, 0) != length) {
        errno = 0;
    }
    *ret_descriptor = descriptor;
    return 0;
}
