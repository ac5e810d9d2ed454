/*
 * listing.h: which tracks there are: at the origin (its HTTP lists) or in the cache.
 *
 * The origin's list comes page by page; who it is is checked first, as for a link (its identity and
 * its signature over the TLS key, known_origins). Nothing in a list is believed beyond names: what
 * is played has a signed manifest.
 */
#ifndef PLAYER_LISTING_H
#define PLAYER_LISTING_H

#include "common/limits.h"
#include "common/net/loop.h"
#include "common/net/url.h"
#include "media/core/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LISTING_TRACKS_MAX 1000000u

struct listing_track {
    uint8_t track_id[TRACK_ID_BYTES];
    uint8_t album_id[ALBUM_ID_BYTES]; /* zeros = none */
    uint32_t disc, number;            /* 0 = unknown */
    uint64_t duration_us;
    char *title, *artist, *album; /* owned; never NULL */
    char *json;                   /* the object as `ls --json` prints it; owned */
};

struct listing {
    struct listing_track *tracks; /* owned */
    uint32_t count, capacity;
};

void listing_init(struct listing *listing);
void listing_deinit(struct listing *listing);
/* From a manifest's bytes (of the cache). What can't be decoded is passed over. ERROR_NO_MEMORY. */
int listing_add_manifest(struct listing *listing, const uint8_t *bytes, size_t count);
/* From one page of the origin: {"items":[...],"next":...}. ret_next (capacity bytes) is the target of the
 * next page, "" = the last. ERROR_MALFORMED, ERROR_TOO_LARGE, ERROR_NO_MEMORY. */
int listing_add_page(struct listing *listing, const char *body, size_t bytes, char *ret_next,
                     size_t capacity);
/* By album artist's order of the cache: album, disc, number, title. For listings of manifests. */
void listing_sort(struct listing *listing);

/*
 * Asks an origin for all its tracks.
 */
struct listing_query;

/* error: 0; ERROR_DENIED: it is not who it was; else what the connection ended with; `text` says it
 * for people. The listing is the caller's from then on (listing_deinit) and as far as it came. */
typedef void listing_done(void *context, int error, const char *text, struct listing *listing);

/* `known_origins`: path of the file. `done` comes exactly once, on the loop, if 0 was returned, unless
 * listing_query_close comes before. ERROR_NO_MEMORY, ERROR_CRYPTO. */
int listing_query_open(struct net_loop *loop, const struct net_url *url, const char *known_origins,
                       listing_done *done, void *context, struct listing_query **ret_query);
/* At any time, also inside `done`. Memory is freed by listing_query_free, after the loop has run out.
 * NULL is fine for both. */
void listing_query_close(struct listing_query *query);
void listing_query_free(struct listing_query *query);

#endif
