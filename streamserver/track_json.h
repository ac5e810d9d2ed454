/*
 * track_json.h: a track as JSON, the same in `refrain-origin ls --json`, /v1/tracks and
 * /v1/tracks/ID (docs/CLI.md):
 *
 *   {"id","title","artist","album","track","duration_ms","files":[{"id","bytes","codec","bitrate"}],
 *    "album_id"}
 *
 * Ids are lower-case hex, a file's id is its root; album_id is zeros when there is none; track is 0 when it is not known; texts may be
 * empty; bitrate in bit/s; the duration is that of file 0.
 */
#ifndef STREAMSERVER_TRACK_JSON_H
#define STREAMSERVER_TRACK_JSON_H

#include "media/core/manifest.h"

#include <jansson.h>

/* A new reference; NULL: out of memory. */
json_t *track_json_new(const struct media_manifest *manifest);
/* For copies of the catalogue: without files and cover, and without what is empty or unknown. The same. */
json_t *track_json_new_brief(const struct media_manifest *manifest);
/* "vorbis", "opus", "flac", "mp3", "aac". */
const char *track_json_codec(enum media_codec codec);

#endif
