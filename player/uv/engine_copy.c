/*
 * engine_copy.c: a file out of the cache (and from the origin, while it comes) into a path.
 *
 * Responsible for PATH.part, fsync and rename, so that PATH is there whole or not at all. Bytes come
 * through a reader_file, as a decoder's would, on a worker thread of libuv.
 */
#include "common/error.h"
#include "player/uv/engine_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct engine_copy {
    uv_work_t work; /* first */
    struct engine *engine;
    struct reader_file *input;
    uint64_t bytes;
    char path[ENGINE_PATH_BYTES_MAX];
    int error; /* of the worker; valid in copy_done */
    void (*done)(void *context, int error);
    void *context;
    uint8_t buffer[ROW_BYTES];
};

static int error_of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG     ? ERROR_FULL
           : errno == EACCES || errno == EPERM || errno == EROFS    ? ERROR_DENIED
           : errno == ENOENT || errno == ENOTDIR || errno == EISDIR ? ERROR_NOT_FOUND
                                                                    : ERROR_IO;
}

static int write_all(int descriptor, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        ssize_t done = write(descriptor, bytes, count);
        if (done < 0 && errno != EINTR) {
            return error_of_errno();
        }
        if (done > 0) {
            bytes += done;
            count -= (size_t)done;
        }
    }
    return 0;
}

static int copy_bytes(struct engine_copy *copy, int descriptor)
{
    int error = 0;
    for (uint64_t offset = 0; offset < copy->bytes && error == 0;) {
        uint64_t left = copy->bytes - offset;
        uint32_t part = left < sizeof copy->buffer ? (uint32_t)left : (uint32_t)sizeof copy->buffer;
        error = reader_file_read(copy->input, offset, copy->buffer, part);
        if (error == 0) {
            error = write_all(descriptor, copy->buffer, part);
        }
        offset += part;
    }
    if (error == 0 && fsync(descriptor) < 0) {
        error = error_of_errno();
    }
    return error;
}

/* On a worker thread. */
static void copy_work(uv_work_t *work)
{
    struct engine_copy *copy = (struct engine_copy *)work;
    char part[ENGINE_PATH_BYTES_MAX + 8];
    snprintf(part, sizeof part, "%s.part", copy->path);
    int descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        copy->error = error_of_errno();
        return;
    }
    int error = copy_bytes(copy, descriptor);
    if (close(descriptor) < 0 && error == 0) {
        error = error_of_errno();
    }
    if (error == 0 && rename(part, copy->path) < 0) {
        error = error_of_errno();
    }
    if (error != 0) {
        unlink(part);
    }
    copy->error = error;
}

static void copy_done(uv_work_t *work, int status)
{
    struct engine_copy *copy = (struct engine_copy *)work;
    struct engine *engine = copy->engine;
    assert(engine->copy == copy);
    engine->copy = NULL;
    sound_close_input(engine, copy->input);
    int error = status == UV_ECANCELED ? ERROR_CANCELLED : copy->error;
    void (*done)(void *, int) = copy->done;
    void *context = copy->context;
    free(copy);
    if (!atomic_load(&engine->closing)) {
        /* What the thread posted about its last reads comes first. */
        net_mailbox_drain(engine->mailbox);
        done(context, error);
    }
}

int engine_copy_file(struct engine *engine, uint32_t entry, const struct media_file *file,
                     const char *path, void (*done)(void *context, int error), void *context)
{
    if (engine->copy != NULL) {
        return ERROR_BUSY;
    }
    media_handle handle = media_intern_find(engine->intern, &file->id);
    if (handle == 0 || strlen(path) >= ENGINE_PATH_BYTES_MAX) {
        return handle == 0 ? ERROR_NOT_FOUND : ERROR_TOO_LARGE;
    }
    struct engine_copy *copy = calloc(1, sizeof *copy);
    if (copy == NULL) {
        return ERROR_NO_MEMORY;
    }
    copy->engine = engine;
    copy->bytes = file->id.bytes;
    copy->done = done;
    copy->context = context;
    snprintf(copy->path, sizeof copy->path, "%s", path);
    copy->input = sound_open_input(engine, entry, handle, &file->id);
    if (copy->input == NULL) {
        free(copy);
        return ERROR_NO_MEMORY;
    }
    engine->copy = copy;
    if (uv_queue_work(net_loop_uv(engine->loop), &copy->work, copy_work, copy_done) != 0) {
        engine->copy = NULL;
        sound_close_input(engine, copy->input);
        free(copy);
        return ERROR_SYSTEM;
    }
    return 0;
}

void engine_copy_break(struct engine *engine)
{
    if (engine->copy != NULL) {
        reader_file_unlock(engine->copy->input);
        uv_cancel((uv_req_t *)&engine->copy->work);
    }
}
