/*
 * folder.h: an origin's folder on disk: identity, catalogue, media.
 *
 *   DIR/identity.key        the origin's Ed25519 seed (common/net/crypto.h), mode 0600
 *   DIR/catalogue/          LMDB (streamserver/lmdb/catalogue.h)
 *   DIR/media/ab/ROOT       files by the 64 hex digits of their root; ab = the first two
 *   DIR/media/temporary/    files being written, marks; what is found there at `add` is removed
 *   DIR/lock                held by `add` (one at a time); `serve` and `ls` do not take it
 *
 *
 * Responsible for paths, opening, and publishing media files durably. A file in media/ab/ is whole
 * and correct: it got there by rename(2) after fsync(2). While it is there and the catalogue does
 * not know it yet, an empty file media/temporary/ROOT says so; a process that was killed in between
 * leaves that mark, and the next folder_sweep takes both away.
 */
#ifndef STREAMSERVER_FOLDER_H
#define STREAMSERVER_FOLDER_H

#include "common/net/crypto.h"
#include "media/core/file_id.h"
#include "streamserver/lmdb/catalogue.h"

#include <stdbool.h>

#define FOLDER_PATH_BYTES_MAX 4096u

struct folder {
    char path[FOLDER_PATH_BYTES_MAX];
    struct crypto_key *key; /* owned */
    uint8_t identity[PUBLIC_KEY_BYTES];
    struct catalogue *catalogue; /* owned */
    int lock_fd;                 /* writers; else -1 */
};

/* Makes DIR (and what is missing above it) with everything in it. ERROR_EXISTS: it is an origin
 * already, or a folder with something in it; ERROR_DENIED, ERROR_FULL, ERROR_IO, ERROR_CRYPTO,
 * ERROR_NO_MEMORY, ERROR_TOO_LARGE (path). `ret_identity` as in struct folder. */
int folder_create(const char *path, uint8_t ret_identity[PUBLIC_KEY_BYTES]);

/* Opens it; for writing also takes the lock and removes temporary files. ERROR_NOT_FOUND: no
 * origin here; ERROR_BUSY: another process adds; and those of crypto_key_load, catalogue_open,
 * folder_create. `ret_folder` is the caller's memory, to be closed when this returned 0 only. */
int folder_open(const char *path, bool writable, struct folder *ret_folder);
void folder_close(struct folder *folder);

/* Opens a media file for reading; the caller closes *ret_fd.
 * ERROR_NOT_FOUND, ERROR_DAMAGED (its length is not id->bytes), ERROR_IO. */
int folder_open_media(const struct folder *folder, const struct media_file_id *id, int *ret_fd);

/* A new file to write to, in DIR/media/temporary. `ret_path` names it. ERROR_DENIED, ERROR_FULL,
 * ERROR_IO. */
int folder_temporary(const struct folder *folder, char ret_path[FOLDER_PATH_BYTES_MAX],
                     int *ret_fd);
/* Makes the finished temporary file the media file of this id, durably: fsync, mark, rename, fsync
 * of the folder. The temporary is gone in any case; `fd` stays the caller's. When the media file is
 * there already with the same length, that one stays. ERROR_EXISTS: there with another length;
 * ERROR_DENIED, ERROR_FULL, ERROR_IO. */
int folder_publish(const struct folder *folder, const char *temporary, int fd,
                   const struct media_file_id *id);
/* Takes the mark of a published file away, and the file too when the catalogue does not know it: its
 * track could not be catalogued. Does nothing when there is no mark. */
void folder_settle(const struct folder *folder, const struct media_file_id *id);
/* Removes temporary files, and published ones that the catalogue does not know. Nobody else may be
 * adding: for the holder of the lock. What cannot be removed is left for the next time. */
void folder_sweep(const struct folder *folder);

#endif
