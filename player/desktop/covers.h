/*
 * covers.h: cover pictures as files, for who can only show files (MPRIS, hook programs).
 *
 * A picture is named by its Merkle root and length, as the track's signed manifest has it: whoever
 * brings it, it is checked before it is kept. Files lie in CACHE/covers; the newest COVERS_MAX stay.
 *
 * Happy path: covers_want -> found(path), at once or when it has come from the origin. Failure modes:
 * no origin, none of that name, wrong bytes, a full disk: `found` does not come.
 */
#ifndef PLAYER_DESKTOP_COVERS_H
#define PLAYER_DESKTOP_COVERS_H

#include "common/net/loop.h"
#include "media/core/manifest.h"

#define COVERS_MAX 64u
#define COVERS_BYTES_MAX (UINT32_C(8) << 20)
#define COVERS_PATH_BYTES 4200u

struct covers;
/* `path` is borrowed for the call. */
typedef void covers_found(void *context, const struct media_file_id *cover, const char *path);

/* `origin`: its URL, or NULL: only what is here. NULL: out of memory. */
struct covers *covers_open(struct net_loop *loop, const char *cache_folder, const char *origin,
                           covers_found *found, void *context);
/* One at a time: what was wanted before is wanted no more. */
void covers_want(struct covers *covers, const struct media_file_id *cover);
/* `found` comes no more. Accepts NULL. */
void covers_close(struct covers *covers);
/* After covers_close, when the loop has gone on. Accepts NULL. */
void covers_free(struct covers *covers);

#endif
