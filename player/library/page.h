/*
 * page.h: what an origin says about its catalogue, page by page (docs/ORIGIN.md, "Catalogue over HTTP").
 *
 *   {"items":[TRACK,...],"next":ID|null}                              a page of the list
 *   {"items":[TRACK,...],"removed":[ID,...],"revision":R,"more":bool}  what has changed
 * Hostile bytes: everything is checked and bounded; texts are made harmless by the builder.
 */
#ifndef PLAYER_LIBRARY_PAGE_H
#define PLAYER_LIBRARY_PAGE_H

#include "player/library/copy_build.h"

struct page {
    char revision[COPY_REVISION_BYTES]; /* after this page; "": the origin does not tell */
    char
        next[2 * TRACK_ID_BYTES + 1]; /* the id behind which the next page of the list begins; "" */
    bool more;                        /* there are further changes */
    uint32_t changes;                 /* items and removals on this page */
};

/* Applies a page to the builder (NULL: only reads it). ERROR_MALFORMED, ERROR_TOO_LARGE, ERROR_NO_MEMORY:
 * the builder may have taken a part. */
int page_apply(struct copy_builder *builder, const char *body, size_t bytes, struct page *ret_page);

#endif
