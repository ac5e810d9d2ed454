/*
 * ingest.c: one file's way into the origin.
 *
 * Responsible for what is stored being what was probed, and what was probed being what was hashed:
 * the copy is hashed while it is written, and must give the source's id again.
 */
#include "streamserver/ingest.h"

#include "common/error.h"
#include "common/net/crypto.h"
#include "common/utf8.h"
#include "media/core/track_id.h"
#include "media/gst/probe.h"
#include "media/gst/pull_source.h"
#include "media/gst/remux.h"
#include "streamserver/leaves.h"
#include "streamserver/picture.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES ROW_BYTES
#define SNIFF_BYTES 4096u

/* A file that is on its way into the media folder. */
struct stored {
    char path[FOLDER_PATH_BYTES_MAX]; /* temporary; empty = none */
    int fd;                           /* -1 = none */
    struct leaves leaves;
    struct media_file_id id;
    struct media_proof *proofs;
};

struct intake {
    struct ingest *ingest;
    struct ingest_result *result;
    const char *path;
    int fd; /* of the source */
    uint64_t bytes;
    struct media_file_id source;
    struct media_probe *probe;
    struct stored audio;
    struct stored cover;
};

static int fail(struct intake *intake, int error, const char *text)
{
    (void)snprintf(intake->result->text, sizeof intake->result->text, "%s", text);
    return error;
}

/* An error of the origin's own disk. */
static int fail_storage(struct intake *intake, int error)
{
    intake->result->is_storage = error == ERROR_FULL || error == ERROR_DENIED ||
                                 error == ERROR_IO || error == ERROR_DAMAGED ||
                                 error == ERROR_NOT_FOUND;
    return fail(intake, error, error_text(error));
}

/* ---- The source ---- */

static int open_source(struct intake *intake)
{
    struct stat status;
    intake->fd = open(intake->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (intake->fd < 0 || fstat(intake->fd, &status) != 0) {
        int error = error_from_errno(errno);
        return fail(intake, error, error_text(error));
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(intake, ERROR_UNSUPPORTED, "not a file");
    }
    if (status.st_size == 0) {
        return fail(intake, ERROR_UNSUPPORTED, "the file is empty");
    }
    if ((uint64_t)status.st_size > FILE_BYTES_MAX) {
        return fail(intake, ERROR_TOO_LARGE, "longer than 4 GiB");
    }
    intake->bytes = (uint64_t)status.st_size;
    return 0;
}

/* What comes where: all bytes of the source, in order. */
typedef int take_bytes(struct intake *intake, const uint8_t *bytes, size_t count);

static int read_source(struct intake *intake, take_bytes *take)
{
    uint8_t *buffer = malloc(READ_BYTES);
    uint64_t at = 0;
    int error = buffer == NULL ? fail(intake, ERROR_NO_MEMORY, error_text(ERROR_NO_MEMORY)) : 0;
    while (error == 0 && at < intake->bytes) {
        ssize_t got = pread(intake->fd, buffer, READ_BYTES, (off_t)at);
        if (got > 0) {
            at += (uint64_t)got;
            error = take(intake, buffer, (size_t)got);
        } else if (got == 0) {
            error = fail(intake, ERROR_IO, "it became shorter while it was read");
        } else if (errno != EINTR) {
            error = fail(intake, ERROR_IO, "it cannot be read");
        }
    }
    free(buffer);
    return error;
}

/* So that a folder's pictures and texts are not hashed first. */
static int sniff(struct intake *intake)
{
    uint8_t head[SNIFF_BYTES];
    enum media_container container;
    enum media_codec codec;
    ssize_t got = pread(intake->fd, head, sizeof head, 0);
    if (got < 0) {
        return fail(intake, ERROR_IO, "it cannot be read");
    }
    int error = media_sniff(head, (uint32_t)got, &container, &codec);
    return error == 0 ? 0 : fail(intake, error, "not audio of a kind that is played here");
}

static int hash_bytes(struct intake *intake, const uint8_t *bytes, size_t count)
{
    int error = leaves_feed(&intake->audio.leaves, bytes, count);
    return error == 0 ? 0 : fail(intake, error, error_text(error));
}

/* The source's id, and the track's. */
static int hash_source(struct intake *intake)
{
    uint8_t input[MEDIA_TRACK_ID_INPUT_BYTES];
    uint8_t hash[HASH_BYTES];
    leaves_init(&intake->audio.leaves);
    int error = read_source(intake, hash_bytes);
    if (error == 0) {
        error = leaves_finish(&intake->audio.leaves, &intake->source);
        error = error == 0 ? 0 : fail(intake, error, error_text(error));
    }
    leaves_deinit(&intake->audio.leaves);
    if (error != 0) {
        return error;
    }
    media_track_id_input(&intake->source, input);
    crypto_sha256(input, sizeof input, hash);
    memcpy(intake->result->track_id, hash, TRACK_ID_BYTES);
    return 0;
}

/* The track as the catalogue has it. ERROR_NOT_FOUND: it has not. */
static int read_known(struct intake *intake)
{
    struct ingest_result *result = intake->result;
    int error = catalogue_get_manifest(intake->ingest->folder->catalogue, result->track_id,
                                       result->manifest, &result->manifest_bytes);
    if (error == 0) {
        result->is_known = true;
    }
    return error == 0 || error == ERROR_NOT_FOUND ? error : fail_storage(intake, error);
}

/* Are the media files of a known track where they belong? */
static bool is_complete(const struct intake *intake)
{
    const struct ingest_result *result = intake->result;
    struct media_manifest manifest;
    if (media_manifest_decode(result->manifest, result->manifest_bytes, &manifest) != 0) {
        return true; /* not for this version to mend */
    }
    for (unsigned i = 0; i < manifest.file_count; i++) {
        int fd = -1;
        if (folder_open_media(intake->ingest->folder, &manifest.files[i].id, &fd) != 0) {
            return false;
        }
        (void)close(fd);
    }
    return true;
}

/* ERROR_NOT_FOUND: it is not known, or files of it are lost: go on. */
static int find_known(struct intake *intake)
{
    int error = read_known(intake);
    return error == 0 && !is_complete(intake) ? ERROR_NOT_FOUND : error;
}

static int probe_fd(struct intake *intake, const int *fd, uint64_t bytes,
                    struct media_probe **ret_probe)
{
    char text[MEDIA_PROBE_ERROR_TEXT_BYTES] = "";
    const struct media_source source = media_fd_source(fd, bytes);
    int error = media_probe(&source, NULL, ret_probe, text);
    return error == 0 ? 0 : fail(intake, error, text[0] == '\0' ? error_text(error) : text);
}

/* ---- What is stored ---- */

static void stored_init(struct stored *stored)
{
    memset(stored, 0, sizeof *stored);
    stored->fd = -1;
}

/* Also takes a temporary file away that was not published. */
static void stored_deinit(struct stored *stored)
{
    if (stored->fd >= 0) {
        (void)close(stored->fd);
    }
    if (stored->path[0] != '\0') {
        (void)unlink(stored->path);
    }
    leaves_deinit(&stored->leaves);
    free(stored->proofs);
    stored_init(stored);
}

static int stored_begin(struct intake *intake, struct stored *stored)
{
    stored_init(stored);
    int error = folder_temporary(intake->ingest->folder, stored->path, &stored->fd);
    if (error != 0) {
        stored->path[0] = '\0';
        return fail_storage(intake, error);
    }
    return 0;
}

static int stored_write(struct intake *intake, struct stored *stored, const uint8_t *bytes,
                        size_t count)
{
    int error = leaves_feed(&stored->leaves, bytes, count);
    if (error != 0) {
        return fail(intake, error, error_text(error));
    }
    while (count > 0) {
        ssize_t written = write(stored->fd, bytes, count);
        if (written < 0 && errno != EINTR) {
            return fail_storage(intake, error_from_errno(errno));
        }
        bytes += written > 0 ? written : 0;
        count -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

/* All is written: id, proofs, and on the disk before anybody has to wait for it. */
static int stored_end(struct intake *intake, struct stored *stored)
{
    int error = leaves_finish(&stored->leaves, &stored->id);
    error = error != 0 ? error : leaves_prove(&stored->leaves, &stored->proofs);
    if (error != 0) {
        return fail(intake, error, error_text(error));
    }
    return fsync(stored->fd) == 0 ? 0 : fail_storage(intake, error_from_errno(errno));
}

static int copy_bytes(struct intake *intake, const uint8_t *bytes, size_t count)
{
    return stored_write(intake, &intake->audio, bytes, count);
}

/* The file as it is. */
static int store_copy(struct intake *intake)
{
    int error = stored_begin(intake, &intake->audio);
    error = error != 0 ? error : read_source(intake, copy_bytes);
    error = error != 0 ? error : stored_end(intake, &intake->audio);
    if (error == 0 && !media_file_id_equal(&intake->audio.id, &intake->source)) {
        error = fail(intake, ERROR_IO, "it changed while it was read");
    }
    return error;
}

static int write_remuxed(void *context, const void *bytes, uint32_t count)
{
    struct intake *intake = context;
    return stored_write(intake, &intake->audio, bytes, count);
}

/* The file without its pictures, if that gives the same sound. ERROR_NOT_FOUND: keep it as it is. */
static int store_remuxed(struct intake *intake)
{
    const struct media_source source = media_fd_source(&intake->fd, intake->bytes);
    struct media_probe *remuxed = NULL;
    int error = stored_begin(intake, &intake->audio);
    if (error != 0) {
        return error;
    }
    error = media_remux(&source, intake->probe->file.container, write_remuxed, intake);
    error = error != 0 ? error : stored_end(intake, &intake->audio);
    if (error == 0) {
        error = probe_fd(intake, &intake->audio.fd, intake->audio.id.bytes, &remuxed);
    }
    if (error == 0 && remuxed->file.samples == intake->probe->file.samples &&
        remuxed->file.rate_hz == intake->probe->file.rate_hz) {
        /* Where things stand is the copy's; what it sounds like was the same before. */
        intake->probe->file.start_run_count = remuxed->file.start_run_count;
        memcpy(intake->probe->file.start_runs, remuxed->file.start_runs,
               sizeof remuxed->file.start_runs);
        media_probe_free(remuxed);
        return 0;
    }
    media_probe_free(remuxed);
    stored_deinit(&intake->audio);
    return intake->result->is_storage || error == ERROR_NO_MEMORY ? error : ERROR_NOT_FOUND;
}

static int store_audio(struct intake *intake)
{
    int error = ERROR_NOT_FOUND;
    if (!intake->ingest->is_keep_bytes &&
        intake->probe->picture_bytes > MEDIA_PICTURE_BEFORE_SOUND_BYTES_MAX) {
        error = store_remuxed(intake);
    }
    return error == ERROR_NOT_FOUND ? store_copy(intake) : error;
}

/* The picture in the file, or else the one beside it; none is no error. */
static int find_cover(struct intake *intake)
{
    struct media_probe *probe = intake->probe;
    if (probe->cover != NULL) {
        return 0;
    }
    int error = picture_beside(intake->path, &probe->cover, &probe->cover_bytes);
    return error == 0 || error == ERROR_NOT_FOUND ? 0 : fail(intake, error, error_text(error));
}

static int store_cover(struct intake *intake)
{
    int error = find_cover(intake);
    if (error != 0 || intake->probe->cover == NULL || intake->probe->cover_bytes == 0) {
        return error;
    }
    error = stored_begin(intake, &intake->cover);
    error = error != 0 ? error
                       : stored_write(intake, &intake->cover, intake->probe->cover,
                                      intake->probe->cover_bytes);
    return error != 0 ? error : stored_end(intake, &intake->cover);
}

/* ---- The manifest ---- */

static struct media_text text_of(const char *text)
{
    return (struct media_text){text, (uint16_t)strlen(text)};
}

/* Of a file without a title: its name without folder and ending. */
static struct media_text title_from_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(name, '.');
    size_t bytes = dot == NULL || dot == name ? strlen(name) : (size_t)(dot - name);
    if (bytes > MEDIA_TEXT_BYTES_MAX || !utf8_valid(name, bytes)) {
        return text_of("");
    }
    return (struct media_text){name, (uint16_t)bytes};
}

static void set_album(struct media_manifest *manifest)
{
    uint8_t input[MEDIA_ALBUM_ID_INPUT_BYTES_MAX];
    uint8_t hash[HASH_BYTES];
    if (manifest->album.bytes == 0) {
        return; /* zeros: none */
    }
    bool is_alone = manifest->album_artist.bytes == 0;
    size_t bytes = media_album_id_input(is_alone ? manifest->artist : manifest->album_artist,
                                        manifest->album, manifest->release_mbid, input);
    crypto_sha256(input, bytes, hash);
    memcpy(manifest->album_id, hash, ALBUM_ID_BYTES);
}

/* Texts borrow from the probe and the path. */
static void describe(const struct intake *intake, struct media_manifest *ret_manifest)
{
    const struct media_tags *tags = &intake->probe->tags;
    *ret_manifest = (struct media_manifest){
        .title = tags->title[0] == '\0' ? title_from_path(intake->path) : text_of(tags->title),
        .artist = text_of(tags->artist),
        .album_artist = text_of(tags->album_artist),
        .album = text_of(tags->album),
        .genre = text_of(tags->genre),
        .recording_mbid = text_of(tags->recording_mbid),
        .release_mbid = text_of(tags->release_mbid),
        .track_number = tags->track_number,
        .track_count = tags->track_count,
        .disc_number = tags->disc_number,
        .year = tags->year,
        .cover = intake->cover.id,
        .file_count = 1,
    };
    memcpy(ret_manifest->origin, intake->ingest->folder->identity, PUBLIC_KEY_BYTES);
    memcpy(ret_manifest->track_id, intake->result->track_id, TRACK_ID_BYTES);
    ret_manifest->files[0] = intake->probe->file;
    ret_manifest->files[0].id = intake->audio.id;
    ret_manifest->files[0].source = intake->source;
    set_album(ret_manifest);
}

static int sign_manifest(struct intake *intake)
{
    struct ingest_result *result = intake->result;
    struct media_manifest manifest;
    describe(intake, &manifest);
    int error = media_manifest_encode(&manifest, result->manifest, sizeof result->manifest,
                                      &result->manifest_bytes);
    if (error == 0) {
        size_t signed_bytes = media_manifest_signed_bytes(result->manifest_bytes);
        error = crypto_sign(intake->ingest->folder->key, MEDIA_MANIFEST_SIGNED_PREFIX,
                            result->manifest, signed_bytes, result->manifest + signed_bytes);
    }
    return error == 0 ? 0 : fail(intake, error, "its description cannot be signed");
}

/* ---- Publishing ---- */

static int publish(struct intake *intake, struct stored *stored)
{
    if (stored->fd < 0) {
        return 0;
    }
    int error = folder_publish(intake->ingest->folder, stored->path, stored->fd, &stored->id);
    stored->path[0] = '\0'; /* gone in any case */
    if (error == ERROR_EXISTS) {
        return fail(intake, error, "another file with its hash and another length is here");
    }
    return error == 0 ? 0 : fail_storage(intake, error);
}

static int enter_catalogue(struct intake *intake)
{
    struct ingest_result *result = intake->result;
    struct catalogue_file files[2] = {
        {intake->audio.id, CATALOGUE_AUDIO, intake->audio.proofs},
        {intake->cover.id, CATALOGUE_COVER, intake->cover.proofs},
    };
    uint64_t conflict = 0;
    int error =
        catalogue_add(intake->ingest->folder->catalogue, result->manifest, result->manifest_bytes,
                      files, intake->cover.fd < 0 ? 1 : 2, &conflict);
    if (error == ERROR_EXISTS && conflict == 0) {
        return read_known(intake); /* the same file twice in one run, or a lost one that is back */
    }
    if (error == ERROR_EXISTS) {
        return fail(intake, error, "another file with its hash and another length is here");
    }
    return error == 0 ? 0 : fail_storage(intake, error);
}

static int publish_all(struct intake *intake)
{
    const struct folder *folder = intake->ingest->folder;
    (void)pthread_mutex_lock(&intake->ingest->door);
    int error = publish(intake, &intake->audio);
    error = error != 0 ? error : publish(intake, &intake->cover);
    error = error != 0 ? error : enter_catalogue(intake);
    /* Whatever happened, what the catalogue does not know goes, and no mark stays. */
    folder_settle(folder, &intake->audio.id);
    if (intake->cover.fd >= 0) {
        folder_settle(folder, &intake->cover.id);
    }
    (void)pthread_mutex_unlock(&intake->ingest->door);
    return error;
}

static int take_in(struct intake *intake)
{
    int error = open_source(intake);
    error = error != 0 ? error : sniff(intake);
    error = error != 0 ? error : hash_source(intake);
    if (error != 0) {
        return error;
    }
    error = find_known(intake);
    if (error != ERROR_NOT_FOUND) {
        return error;
    }
    error = probe_fd(intake, &intake->fd, intake->bytes, &intake->probe);
    error = error != 0 ? error : store_audio(intake);
    error = error != 0 ? error : store_cover(intake);
    error = error != 0 ? error : sign_manifest(intake);
    error = error != 0 ? error : publish_all(intake);
    if (error == 0) {
        intake->result->bytes = intake->audio.id.bytes;
    }
    return error;
}

int ingest_file(struct ingest *ingest, const char *path, struct ingest_result *ret_result)
{
    struct intake *intake = calloc(1, sizeof *intake); /* chunks to hash: too much for a stack */
    memset(ret_result, 0, sizeof *ret_result);
    if (intake == NULL) {
        (void)snprintf(ret_result->text, sizeof ret_result->text, "%s",
                       error_text(ERROR_NO_MEMORY));
        return ERROR_NO_MEMORY;
    }
    intake->ingest = ingest;
    intake->result = ret_result;
    intake->path = path;
    intake->fd = -1;
    stored_init(&intake->audio);
    stored_init(&intake->cover);
    int error = take_in(intake);
    if (error == 0) {
        ret_result->text[0] = '\0'; /* of a remux that did not do */
    }
    assert(error == 0 || ret_result->text[0] != '\0');
    stored_deinit(&intake->audio);
    stored_deinit(&intake->cover);
    media_probe_free(intake->probe);
    if (intake->fd >= 0) {
        (void)close(intake->fd);
    }
    free(intake);
    return error;
}
