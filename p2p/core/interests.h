/*
 * interests.h: which files neighbours want to hear of from us, and what they were told.
 *
 * Responsible for one record a file (not one a file and neighbour): who is interested, who has not
 * been answered, and what all the others were told last, so that an increment is the difference
 * between that and what is stored now. Not for sending. Neighbours are their slots (neighbours.h).
 *
 * Bounded: P2P_INTEREST_MAX files a neighbour; a file that nobody is interested in is forgotten.
 * Strangers' files are not interned: a record keeps the id, and the handle once we know it too.
 */
#ifndef P2P_CORE_INTERESTS_H
#define P2P_CORE_INTERESTS_H

#include "common/table.h"
#include "media/core/intern.h"
#include "p2p/core/overlay.h"

struct interest {
    uint64_t key; /* p2p_file_key(id) */
    struct media_file_id id;
    media_handle file;   /* 0: not known here */
    uint64_t slots;      /* neighbours that are interested */
    uint64_t fresh;      /* of these, those that are to be told all */
    bool is_dirty;       /* what is stored has changed since the others were told */
    uint8_t told_kind;   /* NONE, WHOLE or PARTIAL: what the others were told */
    uint8_t *told_masks; /* owned; PARTIAL only, a byte a row */
};

struct interests {
    const struct media_intern *intern; /* borrowed */
    struct table table;                /* key -> struct interest */
    uint8_t counts[OVERLAY_LINKS_MAX]; /* files, by neighbour slot */
    uint32_t fresh_count;              /* records with a fresh bit */
    uint32_t dirty_count;              /* records that are dirty and not fresh */
    size_t masks_bytes;
};

void interests_init(struct interests *interests, const struct media_intern *intern, uint64_t seed);
void interests_deinit(struct interests *interests);

/* A neighbour says that it wants to hear of a file (anew: it is told all again), or not any more.
 * ERROR_FULL: it has P2P_INTEREST_MAX. ERROR_EXISTS: another file with this key is in its place;
 * nothing is told. ERROR_NO_MEMORY. */
int interests_want(struct interests *interests, uint32_t slot, const struct media_file_id *id);
void interests_drop(struct interests *interests, uint32_t slot, const struct media_file_id *id);
/* A neighbour is gone. O(records). */
void interests_forget(struct interests *interests, uint32_t slot);

/* What we have stored of a file has changed; nothing happens when nobody is interested. */
void interests_changed(struct interests *interests, media_handle file);

/* A record that is to be told: one with fresh bits, or, when with_dirty, also a dirty one. *place
 * begins as 0. NULL: no more. */
struct interest *interests_next(const struct interests *interests, bool with_dirty,
                                uint32_t *place);
/* The others know `kind` and these masks now (PARTIAL; copied); those of `still_fresh` are to be
 * told all. ERROR_NO_MEMORY. */
int interests_told(struct interests *interests, struct interest *interest, uint8_t kind,
                   const uint8_t *row_masks, uint64_t still_fresh);

size_t interests_heap_bytes(const struct interests *interests);
void interests_check_invariants(const struct interests *interests);

#endif
