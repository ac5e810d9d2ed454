/*
 * state_file.c: files of the state folder. Blocks: they are small and on the own disk.
 *
 * Failure modes: a process that dies while it writes leaves a temporary file, which the next writer of the
 * same file replaces.
 */
#include "player/library/state_file.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct state_stamp stamp_of(const struct stat *status)
{
    return (struct state_stamp){
        (uint64_t)status->st_dev, (uint64_t)status->st_ino, (uint64_t)status->st_size,
        (uint64_t)status->st_mtim.tv_sec * 1000000000u + (uint64_t)status->st_mtim.tv_nsec};
}

bool state_stamp_equal(const struct state_stamp *a, const struct state_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->modified_ns == b->modified_ns;
}

struct state_stamp state_stamp_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? stamp_of(&status) : (struct state_stamp){0};
}

/* --- reading ---------------------------------------------------------------------------------------- */

/* ERROR_IO: it is no file that can be read. */
static int open_file(const char *path, size_t bytes_max, int *ret_file, struct stat *ret_status)
{
    int error = ERROR_IO;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return error_from_errno(errno);
    }
    if (fstat(file, ret_status) == 0 && S_ISREG(ret_status->st_mode)) {
        error = (uint64_t)ret_status->st_size > bytes_max ? ERROR_TOO_LARGE : 0;
    }
    if (error != 0) {
        close(file);
        return error;
    }
    *ret_file = file;
    return 0;
}

static int read_all(int file, char *bytes, size_t count, size_t *ret_count)
{
    size_t used = 0;
    while (used < count) {
        ssize_t got = read(file, bytes + used, count - used);
        if (got < 0 && errno != EINTR) {
            return ERROR_IO;
        }
        if (got == 0) {
            break;
        }
        used += got > 0 ? (size_t)got : 0;
    }
    *ret_count = used;
    return 0;
}

int state_file_read(const char *path, size_t bytes_max, char **ret_bytes, size_t *ret_count)
{
    struct stat status;
    int file;
    size_t count = 0;
    int error = open_file(path, bytes_max, &file, &status);
    if (error != 0) {
        return error;
    }
    char *bytes = malloc((size_t)status.st_size + 1);
    error = bytes == NULL ? ERROR_NO_MEMORY : read_all(file, bytes, (size_t)status.st_size, &count);
    close(file);
    if (error != 0) {
        free(bytes);
        return error;
    }
    bytes[count] = '\0';
    *ret_bytes = bytes;
    *ret_count = count;
    return 0;
}

int state_file_map(const char *path, const void **ret_bytes, size_t *ret_count,
                   struct state_stamp *ret_stamp)
{
    struct stat status;
    int file;
    int error = open_file(path, SIZE_MAX / 2, &file, &status);
    if (error != 0) {
        return error;
    }
    void *bytes = status.st_size == 0
                      ? MAP_FAILED
                      : mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (bytes == MAP_FAILED) {
        return status.st_size == 0 ? ERROR_DAMAGED : ERROR_NO_MEMORY;
    }
    *ret_bytes = bytes;
    *ret_count = (size_t)status.st_size;
    *ret_stamp = stamp_of(&status);
    return 0;
}

void state_file_unmap(const void *bytes, size_t count)
{
    if (bytes != NULL) {
        munmap((void *)(uintptr_t)bytes, count);
    }
}

/* --- writing ---------------------------------------------------------------------------------------- */

/* The folders above a path. Failures show when the file is made. */
static void make_folders(const char *path)
{
    char part[STATE_PATH_BYTES];
    (void)snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            (void)mkdir(part, 0700);
            *at = '/';
        }
    }
}

static int write_all(int file, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t wrote = write(file, bytes, count);
        if (wrote < 0 && errno != EINTR) {
            return error_from_errno(errno);
        }
        bytes += wrote > 0 ? wrote : 0;
        count -= wrote > 0 ? (size_t)wrote : 0;
    }
    return fsync(file) == 0 ? 0 : error_from_errno(errno);
}

static void sync_folder(const char *path)
{
    char folder[STATE_PATH_BYTES];
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder) {
        return;
    }
    *slash = '\0';
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file >= 0) {
        (void)fsync(file); /* some file systems can't, and need not */
        close(file);
    }
}

/* Two processes may write the same file: one of them waits for its next turn. False: the other one has
 * it, or has put it in its place between our opening and our lock. */
static bool take_alone(int file, const char *path)
{
    struct stat own;
    struct stat there;
    return flock(file, LOCK_EX | LOCK_NB) == 0 && fstat(file, &own) == 0 &&
           stat(path, &there) == 0 && own.st_ino == there.st_ino && own.st_dev == there.st_dev &&
           ftruncate(file, 0) == 0;
}

int state_file_write(const char *path, const void *bytes, size_t count)
{
    char temporary[STATE_PATH_BYTES];
    int length = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof temporary) {
        return ERROR_TOO_LARGE;
    }
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC; /* cut when it is locked */
    int file = open(temporary, flags, 0600);
    if (file < 0 && errno == ENOENT) {
        make_folders(path);
        file = open(temporary, flags, 0600);
    }
    if (file < 0) {
        return error_from_errno(errno);
    }
    if (!take_alone(file, temporary)) {
        close(file);
        return ERROR_BUSY;
    }
    int error = write_all(file, bytes, count);
    if (error == 0 && rename(temporary, path) != 0) {
        error = error_from_errno(errno);
    }
    if (error != 0) {
        (void)unlink(temporary);
    }
    close(file); /* what was written is on the disk already */
    if (error == 0) {
        sync_folder(path);
    }
    return error;
}

int state_lock(const char *folder, int *ret_lock)
{
    char path[STATE_PATH_BYTES];
    int length = snprintf(path, sizeof path, "%s/lists.lock", folder);
    if (length < 0 || (size_t)length >= sizeof path) {
        return ERROR_TOO_LARGE;
    }
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 && errno == ENOENT) {
        make_folders(path);
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    if (file < 0) {
        return error_from_errno(errno);
    }
    while (flock(file, LOCK_EX) != 0) {
        if (errno != EINTR) {
            close(file);
            return ERROR_IO;
        }
    }
    *ret_lock = file;
    return 0;
}

void state_unlock(int lock)
{
    close(lock);
}
