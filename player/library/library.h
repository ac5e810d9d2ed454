/*
 * library.h: what a listener has by name: the own copy of the origin's catalogue, playlists, likes.
 *
 * Responsible for names: of tracks, albums, artists, playlists; for what a TARGET means; for search and
 * browsing; for the copy of the catalogue and its refreshing. Not for sound, queue or cache.
 *
 * library_open reads nothing and connects to nobody: a program that plays one id pays nothing. The copy
 * is mapped when something is asked by name, playlists and likes when
 * they are asked for; all are looked at again when another process has changed them.
 *
 * All functions belong to one thread (the loop's). Texts that are handed out are UTF-8 without control
 * characters, whatever the origin sent; still, what goes to a terminal goes through terminal_text.
 */
#ifndef PLAYER_LIBRARY_LIBRARY_H
#define PLAYER_LIBRARY_LIBRARY_H

#include "common/limits.h"
#include "common/net/loop.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIBRARY_TEXT_BYTES 512u    /* messages */
#define LIBRARY_LIMIT_DEFAULT 100u /* items of a list in an answer, when the request does not say */
#define LIBRARY_LIMIT_MAX 1000u
#define LIBRARY_CHOICES_MAX 20u /* shown when a name means several things */

struct library;

struct library_config {
    const char *state; /* folder, $XDG_STATE_HOME/refrain; copied */
    const char
        *origin;  /* its URL as common/net/url.h reads it; NULL: none (playlists and likes only) */
    bool offline; /* never connect */
    /* Something that could be asked for has changed: `what` is "catalogue", "likes" or "playlists".
     * Also from inside library_look and the verbs that change. NULL: nobody cares. */
    void (*changed)(void *context, const char *what);
    void *context;
};

/* ERROR_MALFORMED: the origin's URL; ERROR_NO_MEMORY, ERROR_TOO_LARGE (a path). */
int library_open(const struct library_config *config, struct library **ret_library);
/* A refresh under way ends without a word. After net_loop_run has run out. NULL is fine. */
void library_close(struct library *library);
/* Before the loop runs out: refreshing and waiting callbacks end, none of them comes any more. */
void library_stop(struct library *library);

/* --- targets ----------------------------------------------------------------------------------------------- */

enum library_meaning {
    LIBRARY_FOUND = 0,
    LIBRARY_NONE,    /* nothing has this name: exit code 3 */
    LIBRARY_CHOICES, /* several have it: exit code 2 */
    LIBRARY_WRONG,   /* it can't be a target, or its file can't be read: exit code 2 */
    LIBRARY_FOREIGN, /* it is of another origin than the library's: exit code 2 */
};

/* What a list of targets means. Plain data, freed by library_picked_free. */
struct library_picked {
    enum library_meaning meaning;
    uint8_t (*track_ids)[TRACK_ID_BYTES]; /* owned; in the order of the targets, albums by disc and
                                             track; FOUND only, never empty then */
    uint32_t count;
    uint32_t passed_over; /* entries of lists that are of another origin, or not known */
    uint32_t unknown;     /* ids among them that the copy does not know */
    uint32_t target;      /* index of the one at fault; not FOUND */
    char *choices; /* owned; CHOICES: a JSON list of {"kind","name","by","target"} (tracks also:
                             "album"): "target" may be given instead and means just that one; kind track|album|artist|playlist */
    char text[LIBRARY_TEXT_BYTES]; /* not FOUND: "THING: REASON; CURE" for people */
};

/* Reads targets (docs/CLI.md): ids, refrain:// URLs, "all", "liked", names (KIND:NAME for one kind only),
 * paths of M3U and XSPF files. From the copy that there is; connects to nobody. An id that the copy does
 * not know is taken for a track's. ERROR_NO_MEMORY. */
int library_pick(struct library *library, const char *const *targets, uint32_t count,
                 struct library_picked *ret_picked);
void library_picked_free(struct library_picked *picked);

/* As library_pick, but when the copy lacks a name it is refreshed first (once), unless offline. `done`
 * comes exactly once, perhaps from inside this call, unless library_stop comes before; `error`: 0, or why
 * the origin could not be asked (ERROR_DENIED: it is not who it was), with `text`; `picked` is then as far
 * as the copy goes, and the callee's (library_picked_free) in every case. One at a time: ERROR_BUSY;
 * ERROR_NO_MEMORY: `done` does not come. `targets` are copied. */
typedef void library_picked_done(void *context, int error, const char *text,
                                 struct library_picked *picked);
int library_pick_fresh(struct library *library, struct net_loop *loop, const char *const *targets,
                       uint32_t count, library_picked_done *done, void *context);

/* True when a target is an id or a refrain:// URL of one track or album: no library is needed. */
bool library_is_plain(const char *target);

/* --- what is known of a track --------------------------------------------------------------------------------- */

struct library_track {
    const char *title, *artist, *album; /* never NULL; valid until the loop's next turn */
    uint8_t album_id[ALBUM_ID_BYTES];   /* zeros = none */
    uint32_t disc, number;              /* 0 = unknown */
    uint32_t duration_ms;               /* 0 = unknown */
};

/* False: the copy does not know it. */
bool library_get_track(struct library *library, const uint8_t track_id[TRACK_ID_BYTES],
                       struct library_track *ret_track);
bool library_is_liked(struct library *library, const uint8_t track_id[TRACK_ID_BYTES]);

/* --- refreshing ------------------------------------------------------------------------------------------------- */

/* Refreshes the copy 5 s from now when it is older than 15 min, then every 30 min, and again when it
 * failed after 1, 2, 4, ... 30 min; looks once a second whether other processes changed playlists or
 * likes (`changed` tells). For programs that run long. ERROR_NO_MEMORY. Nothing when offline. */
int library_keep_fresh(struct library *library, struct net_loop *loop);
/* Looks now. */
void library_look(struct library *library);

/* --- verbs of the control socket (docs/CLI.md) --------------------------------------------------------------------- */

/* Each takes the request and gives the answer's fields, or NULL and "THING: REASON; CURE" (borrowed until
 * the next call). A target that means several things is an answer with "error" and "choices". */
typedef json_t *library_verb(struct library *library, const json_t *request,
                             const char **ret_error);

struct library_verb_row {
    const char *name;
    library_verb *run;
};
/* search, browse, like, unlike, likes, playlists, playlist, playlist_new, playlist_add, playlist_remove,
 * playlist_move, playlist_delete, playlist_rename; ends with a NULL name. */
extern const struct library_verb_row library_verbs[];

#endif
