/*
 * copy_build.h: making a copy of the catalogue: from tracks, or from an older copy and what has changed.
 *
 * Takes texts of strangers and makes them harmless and short (COPY_NAME_BYTES); folds, sorts, indexes.
 * May run on any one thread: 100,000 tracks take a third of a second.
 */
#ifndef PLAYER_LIBRARY_COPY_BUILD_H
#define PLAYER_LIBRARY_COPY_BUILD_H

#include "player/library/copy.h"

struct copy_builder;

/* Texts are borrowed for the call, terminated, never NULL; they need not be UTF-8. */
struct copy_item {
    uint8_t id[TRACK_ID_BYTES];
    uint8_t album_id[ALBUM_ID_BYTES]; /* zeros = none */
    const char *title, *artist, *album_artist, *album;
    uint32_t duration_ms, year;
    uint16_t disc, number;
};

/* `seed` guards against chosen texts and ids. ERROR_NO_MEMORY. */
int copy_builder_new(uint64_t seed, struct copy_builder **ret_builder);
void copy_builder_free(struct copy_builder *builder);
/* All tracks of a copy. ERROR_NO_MEMORY, ERROR_TOO_LARGE. */
int copy_builder_take(struct copy_builder *builder, const struct copy *copy);
/* Adds a track, or replaces the one with its id. ERROR_TOO_LARGE: COPY_TRACKS_MAX, or too much text;
 * ERROR_NO_MEMORY. */
int copy_builder_put(struct copy_builder *builder, const struct copy_item *item);
/* A track that is not there is fine. */
void copy_builder_remove(struct copy_builder *builder, const uint8_t id[TRACK_ID_BYTES]);
uint32_t copy_builder_count(const struct copy_builder *builder);
/* The copy's bytes (copy.h), the caller's to free; `revision` is cut to its room. The builder can only be
 * freed afterwards. ERROR_NO_MEMORY, ERROR_TOO_LARGE. */
int copy_builder_finish(struct copy_builder *builder, const char *revision, void **ret_bytes,
                        size_t *ret_count);

#endif
