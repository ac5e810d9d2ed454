/*
 * media_files.h: an origin's media files, open and checked.
 *
 * Keeps at most a given number of media files open (least recently used are closed first) and
 * remembers which chunks of each have been checked against the catalogue's proofs since it was
 * opened, so that each is hashed once. One thread only, but for media_files_read.
 */
#ifndef STREAMSERVER_UV_MEDIA_FILES_H
#define STREAMSERVER_UV_MEDIA_FILES_H

#include "media/core/intern.h"
#include "streamserver/folder.h"

#include <stdbool.h>
#include <stdint.h>

struct media_files;
struct media_files_file; /* one that is held open */

/* What has to be done for one chunk; filled by media_files_prepare. */
struct media_files_read {
    struct media_files_file *file;
    int fd;
    uint32_t chunk;
    uint32_t bytes;
    bool is_checked;          /* it has been since the file was opened */
    uint8_t leaf[HASH_BYTES]; /* what it must hash to, unless is_checked */
};

/* `folder` is borrowed. ERROR_NO_MEMORY. */
int media_files_new(const struct folder *folder, uint32_t open_max, struct media_files **ret_files);
/* Asserts that nothing is held. NULL is fine. */
void media_files_free(struct media_files *files);

/* Holds the chunk's file open until media_files_done. ERROR_FULL: open_max files are held;
 * ERROR_NOT_FOUND: the file is not in the folder; ERROR_DAMAGED: its length is not id->bytes, or
 * the catalogue has no valid proof; ERROR_IO, ERROR_NO_MEMORY. */
int media_files_prepare(struct media_files *files, media_handle handle,
                        const struct media_file_id *id, uint32_t chunk,
                        struct media_files_read *ret_read);
/* Reads and checks; from any thread. `may_wait` false: ERROR_BUSY when the bytes are not in memory.
 * ERROR_DAMAGED: they are not those of the file, or fewer; ERROR_IO. */
int media_files_read(const struct media_files_read *read, bool may_wait, uint8_t *ret_bytes);
/* Lets the file go. `error` as read gave it: 0 remembers that the chunk is right. True: this is the
 * first failure of the file since it was opened, so that one message is written for it. */
bool media_files_done(struct media_files *files, const struct media_files_read *read, int error);

#endif
