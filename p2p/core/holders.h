/*
 * holders.h: what we wish for, and what each neighbour has of it by its own word.
 *
 * Responsible for the wishes' slots (0 to OVERLAY_WISHES_MAX - 1, steady while a file is wished
 * for), for each neighbour's row masks of each, for counts a chunk (rarity), and for trust: who
 * promises chunks that it then has not loses its holding of that file for a while. Not for asking
 * or telling. Neighbours are their slots (neighbours.h).
 *
 * Row masks are charged to the neighbour (*charge, its holder_bytes) and given back when they go;
 * beyond the limit a neighbour holds nothing of the file.
 */
#ifndef P2P_CORE_HOLDERS_H
#define P2P_CORE_HOLDERS_H

#include "media/core/intern.h"
#include "p2p/core/overlay.h"

struct holding {
    uint8_t *row_masks;          /* owned; PARTIAL only, a byte a row */
    uint32_t chunks;             /* bits in row_masks */
    uint32_t distrusted_until_s; /* HAVEs of it are passed over before; 0 = trusted */
    uint8_t kind;                /* enum p2p_have: NONE, WHOLE or PARTIAL */
    uint8_t lies;                /* NOT_HELDs since it last gave a chunk */
    bool is_heard;               /* it has answered our INTEREST */
};

struct holders_wish {
    media_handle file; /* 0 = the slot is free */
    uint32_t slot;
    uint32_t weight;
    bool is_urgent;
    bool is_kept; /* while the wishes are set */
    struct media_file_id id;
    uint64_t key; /* p2p_file_key(id) */
    uint32_t chunk_count;
    uint32_t row_count;
    uint32_t whole_count;  /* neighbours that hold all of it */
    uint32_t part_count;   /* or a part */
    uint8_t *chunk_counts; /* owned; partial holders of each chunk; NULL while there are none */
    struct holding holdings[OVERLAY_LINKS_MAX]; /* by neighbour slot */
};

struct holders {
    const struct media_intern *intern;               /* borrowed */
    struct holders_wish *wishes[OVERLAY_WISHES_MAX]; /* owned; NULL = free */
    uint32_t order[OVERLAY_WISHES_MAX];              /* slots, in the order of the wishes given */
    uint32_t count;
    uint32_t neighbour_bytes_max;
    uint32_t lies_max;
    uint64_t distrust_us;
    size_t heap_bytes;
};

void holders_init(struct holders *holders, const struct media_intern *intern,
                  uint32_t neighbour_bytes_max, uint32_t lies_max, uint64_t distrust_us);
/* Asserts that no row masks are kept any more (their charges are gone with the neighbours). */
void holders_deinit(struct holders *holders);

/* Makes the wishes these. `charges` are the neighbours' by slot (NULL = no neighbour). *ret_gone:
 * slots whose wish left, *ret_new: slots that have a new one (a slot may be in both).
 * ERROR_NO_MEMORY: those that have no record are not wished for. */
int holders_set(struct holders *holders, const struct overlay_wish *wishes, uint32_t count,
                uint32_t *const charges[OVERLAY_LINKS_MAX], uint64_t *ret_gone, uint64_t *ret_new);

/* NULL: not wished for. */
struct holders_wish *holders_find(const struct holders *holders, media_handle file);
struct holders_wish *holders_find_key(const struct holders *holders, uint64_t key);
struct holders_wish *holders_find_id(const struct holders *holders, const struct media_file_id *id);
/* The i-th wish in the order given. */
struct holders_wish *holders_at(const struct holders *holders, uint32_t index);

/* A HAVE of a neighbour for a wish (the decoder has checked its runs). ERROR_NOT_FOUND: passed
 * over: it is not trusted. ERROR_FULL: its masks would cost too much: it holds nothing.
 * ERROR_NO_MEMORY. *ret_is_more: it holds something that it did not before. */
int holders_have(struct holders *holders, struct holders_wish *wish, uint32_t neighbour_slot,
                 uint32_t *charge, uint64_t now_us, const struct p2p_message *have,
                 bool *ret_is_more);
/* NOT_HELD for a promised chunk: it has it not. True: once too often, its trust is gone. */
bool holders_not_held(struct holders *holders, struct holders_wish *wish, uint32_t neighbour_slot,
                      uint32_t *charge, uint64_t now_us, uint32_t chunk);
/* It gave a chunk of the file: its word was good. */
void holders_gave(struct holders_wish *wish, uint32_t neighbour_slot);
/* A neighbour is gone: all that it held. */
void holders_forget(struct holders *holders, uint32_t neighbour_slot, uint32_t *charge);

bool holders_has(const struct holders_wish *wish, uint32_t neighbour_slot, uint32_t chunk);
uint32_t holders_count(const struct holders_wish *wish, uint32_t chunk);
/* The weight of all wishes that a neighbour holds: a part counts as its share, at least an eighth. */
uint64_t holders_overlap(const struct holders *holders, uint32_t neighbour_slot);
/* Wishes that it holds something of. */
uint32_t holders_files(const struct holders *holders, uint32_t neighbour_slot);

size_t holders_heap_bytes(const struct holders *holders);
/* charges as in holders_set: what the masks cost is what is charged. */
void holders_check_invariants(const struct holders *holders,
                              uint32_t *const charges[OVERLAY_LINKS_MAX]);

#endif
