/*
 * library_files.h: what short programs ask of the library: refresh now, lists to and from files,
 * completions.
 */
#ifndef PLAYER_LIBRARY_LIBRARY_FILES_H
#define PLAYER_LIBRARY_LIBRARY_FILES_H

#include "player/library/library.h"

#define LIBRARY_COMPLETIONS_MAX 200u

/* True when the origin was asked lately: the copy need not be refreshed before it is shown. */
bool library_is_fresh(struct library *library);
/* {"tracks","albums","artists","revision","age_s"} of the copy; null without one. A new reference. */
json_t *library_copy_json(struct library *library);
/* `done` comes once, on the loop, unless library_stop comes before. ERROR_BUSY, ERROR_OFFLINE,
 * ERROR_NO_MEMORY, ERROR_CRYPTO: it does not come. */
typedef void library_refreshed(void *context, int error, const char *text);
int library_refresh_now(struct library *library, struct net_loop *loop, library_refreshed *done,
                        void *context);

/* Writes a playlist ("liked": the likes) as XSPF when the path ends so, else as M3U; NULL or "-": to
 * standard output. ERROR_NOT_FOUND, ERROR_MALFORMED (its name), ERROR_DENIED, ERROR_FULL, ERROR_IO,
 * ERROR_NO_MEMORY. */
int library_export(struct library *library, const char *name, const char *path);
/* Makes a playlist of an M3U or XSPF file; `name` NULL: what the file says, else the file's name. Entries
 * stay as they are, of whichever origin. ERROR_EXISTS; as library_export. */
int library_import(struct library *library, const char *path, const char *name);

/* Names that begin with the text (folded): `kind` is targets, tracks, albums, artists or playlists. At most
 * LIBRARY_COMPLETIONS_MAX. False: no such kind. */
typedef void library_each_name(void *context, const char *name, const char *what);
bool library_complete(struct library *library, const char *kind, const char *text,
                      library_each_name *each, void *context);

#endif
