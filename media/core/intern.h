/*
 * intern.h: file ids as 32-bit handles, so that engines compare and keep numbers.
 *
 * One table serves a whole process; the simulator shares one between all its nodes. Handles start
 * at 1 (0 = none), are never reused, and mean nothing outside the process. Interning an id costs
 * about 60 bytes and is for ids that we chose to care about (a signed manifest, our own cache);
 * what strangers ask for is only looked up with media_intern_find.
 */
#ifndef MEDIA_CORE_INTERN_H
#define MEDIA_CORE_INTERN_H

#include "media/core/file_id.h"

typedef uint32_t media_handle; /* 0 = none */

struct media_intern;

/* NULL: out of memory. */
struct media_intern *media_intern_new(uint64_t seed);
void media_intern_free(struct media_intern *intern);
/* The id's handle, made if need be; 0: out of memory. */
media_handle media_intern_put(struct media_intern *intern, const struct media_file_id *id);
/* The id's handle, or 0. */
media_handle media_intern_find(const struct media_intern *intern, const struct media_file_id *id);
/* The id of a handle (never 0); borrowed until the next put. */
const struct media_file_id *media_intern_id(const struct media_intern *intern, media_handle handle);

#endif
