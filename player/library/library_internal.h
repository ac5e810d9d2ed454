/*
 * library_internal.h: what the files of the library share; not for others.
 */
#ifndef PLAYER_LIBRARY_LIBRARY_INTERNAL_H
#define PLAYER_LIBRARY_LIBRARY_INTERNAL_H

#include "common/net/url.h"
#include "player/library/copy.h"
#include "player/library/library.h"
#include "player/library/library_files.h"
#include "player/library/lists.h"
#include "player/library/refresh.h"
#include "player/library/state_file.h"

#define LIBRARY_ADDRESS_BYTES (NET_HOST_BYTES_MAX + 64u)
#define LIBRARY_PLACE_BYTES (LIBRARY_ADDRESS_BYTES + 64u)

/* A question that waits for the refresh. */
struct library_wait {
    char **targets; /* owned; NULL: nobody waits */
    uint32_t count;
    library_picked_done *done;
    void *context;
};

struct library {
    char state[STATE_PATH_BYTES];
    bool has_origin, offline;
    struct net_url url;
    char address[LIBRARY_ADDRESS_BYTES]; /* refrain://HOST:PORT; "" without an origin */
    char copy_path[STATE_PATH_BYTES];    /* "" without an origin */
    void (*changed)(void *context, const char *what);
    void *context;

    const void *map; /* NULL: no copy */
    size_t map_bytes;
    struct copy copy;              /* valid with a map */
    struct state_stamp copy_stamp; /* of what was looked at, also when it was no good */

    uint8_t (*likes)[TRACK_ID_BYTES]; /* owned; ascending */
    uint32_t like_count;
    bool likes_read;
    struct state_stamp likes_stamp;
    struct state_stamp told_likes, told_playlists, told_copy; /* library_look has told of these */

    struct net_loop *loop;             /* of the refreshing; NULL: none */
    struct refresh *refresh;           /* under way */
    struct refresh *before;            /* the last one: its connection may still be closing */
    bool look_is_fresh;                /* likes need not be looked at again just now */
    struct net_deadline *fresh, *look; /* library_keep_fresh; NULL: not kept */
    uint32_t failures;                 /* refreshes in a row */
    struct library_wait wait;
    library_refreshed *refreshed; /* who asked for a refresh; NULL: nobody */
    void *refreshed_context;

    char text[LIBRARY_TEXT_BYTES]; /* the last verb's error */
};

/* The copy as it is now on disk; NULL: there is none. Mapped anew when it has changed: pointers into it
 * are valid until the next call. */
const struct copy *library_copy(struct library *library);
/* Seconds since the origin was last asked with success; UINT64_MAX: never. */
uint64_t library_copy_age_s(const struct library *library);
/* Begins a refresh. 0, or why not: ERROR_BUSY (one is under way: that is fine), ERROR_OFFLINE,
 * ERROR_NO_MEMORY, ERROR_CRYPTO. */
int library_refresh(struct library *library, struct net_loop *loop);

/* While it is held, likes are those of the beginning: for answers with many tracks. */
void library_hold_likes(struct library *library, bool hold);

/* refrain://HOST:PORT/tracks/ID, or the bare id without an origin. */
void library_place(const struct library *library, const uint8_t id[TRACK_ID_BYTES],
                   char ret_place[LIBRARY_PLACE_BYTES]);
/* True when an address (scheme://HOST:PORT/...) is of the library's origin. */
bool library_is_own(const struct library *library, const char *address);

#endif
