/*
 * picture.h: the picture that lies beside the music.
 *
 * Albums are kept as folders with a cover.jpg or folder.png in them. A track without a picture of
 * its own takes that one as its cover.
 */
#ifndef STREAMSERVER_PICTURE_H
#define STREAMSERVER_PICTURE_H

#include <stdint.h>

/* The picture in the folder of the audio file at `path`: cover, folder or front (first letter small
 * or capital), in this order; .jpg, .jpeg, .png or .webp, also in capitals; JPEG, PNG or WebP by
 * its first bytes, 1 to MEDIA_COVER_BYTES_MAX bytes. A file of such a name that is no such picture
 * or can't be read is passed over: a broken cover keeps no music out. *ret_bytes is the caller's
 * to free. ERROR_NOT_FOUND: there is none; ERROR_NO_MEMORY. */
int picture_beside(const char *path, uint8_t **ret_bytes, uint32_t *ret_count);

#endif
