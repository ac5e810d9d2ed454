/*
 * refresh.h: asks an origin what has changed in its catalogue, and makes the copy anew.
 *
 * Happy path: GET /v1/origin -> identity shown and known -> GET /v1/tracks?since=REVISION&brief -> pages are
 * applied on a thread of libuv's -> the new copy is written -> done. When nothing has changed that is one
 * small answer, and the copy's file is touched. An origin that tells no revision is read page by page.
 * Failure modes: no connection, no HTTP, another status, another identity, pages that are none, a full disk:
 * each ends in one `done`, and the copy stays as it was. A revision that the origin does not know (410:
 * another catalogue, or an older one from a backup): everything is read anew.
 */
#ifndef PLAYER_LIBRARY_REFRESH_H
#define PLAYER_LIBRARY_REFRESH_H

#include "common/net/loop.h"
#include "common/net/url.h"
#include "player/library/copy.h"

#include <stdbool.h>

struct refresh;

struct refresh_config {
    const struct net_url *url; /* copied, as the paths are */
    const char *known_origins; /* path */
    const char *copy_path;     /* read (if it is there) and replaced */
    uint64_t seed;             /* of chance: guards tables against chosen texts */
};

/* error: 0; ERROR_DENIED: it is not who it was; else what it ended with; `text` says it for people.
 * has_changed: the copy's file is a new one. */
typedef void refresh_done(void *context, int error, const char *text, bool has_changed);

/* `done` comes exactly once, on the loop, if 0 was returned, unless refresh_close comes before.
 * ERROR_NO_MEMORY, ERROR_CRYPTO. */
int refresh_open(struct net_loop *loop, const struct refresh_config *config, refresh_done *done,
                 void *context, struct refresh **ret_refresh);
/* At any time, also inside `done`. Memory is freed by refresh_free, after the loop has run out or `done`
 * has come. NULL is fine for both. */
void refresh_close(struct refresh *refresh);
void refresh_free(struct refresh *refresh);

#endif
