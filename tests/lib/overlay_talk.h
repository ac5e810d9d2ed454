/*
 * overlay_talk.h: what a fuzz target of the overlay hears: peers, addresses and messages out of bytes.
 */
#ifndef TESTS_LIB_OVERLAY_TALK_H
#define TESTS_LIB_OVERLAY_TALK_H

#include "common/cursor.h"
#include "p2p/core/message.h"

#define OVERLAY_TALK_FILES 6u /* two of them with the same key */
#define OVERLAY_TALK_PEERS 40u
#define OVERLAY_TALK_QUERIES 8u
/* A list that overlay_talk_compose may fill. */
#define OVERLAY_TALK_LIST_BYTES (2u * P2P_ENCODED_BYTES_MAX)

struct overlay_talk {
    struct cursor cursor;                   /* chance; zeros at its end */
    uint32_t lookups[OVERLAY_TALK_QUERIES]; /* the last that were asked, so that some answers fit */
    uint64_t queries[OVERLAY_TALK_QUERIES];
    uint32_t lookup_count, query_count;
    uint32_t arranged; /* GOs and INVITEs that were said */
};

extern const struct media_file_id overlay_talk_files[OVERLAY_TALK_FILES];
extern const uint8_t overlay_talk_us[HASH_BYTES]; /* the overlay's own id */

/* A peer's id; valid for the next three calls. */
const uint8_t *overlay_talk_peer(uint32_t peer);
/* `how` decides: local, of no port, broadcast; 0: one that may be dialled. */
struct p2p_address overlay_talk_address(uint32_t peer, uint8_t how);
/* From OVERLAY_TALK_PEERS on: the overlay itself. */
struct p2p_contact overlay_talk_contact(uint32_t peer, uint8_t how);
struct p2p_contact overlay_talk_any_contact(struct overlay_talk *talk);
uint8_t overlay_talk_next(struct overlay_talk *talk);
/* A message of a type that overlay_takes, from `speaker`, or in another's name. False: nothing of
 * that type can be said now. */
bool overlay_talk_compose(struct overlay_talk *talk, enum p2p_type type, uint32_t speaker,
                          struct p2p_message *ret_message, uint8_t *list);

#endif
