/*
 * outbox.h: the actions of one settle, and the bytes that they borrow.
 *
 * Responsible for their memory: actions in one array, lists in blocks that do not move; all is
 * valid until outbox_reset. Not for what the actions are.
 */
#ifndef P2P_CORE_OUTBOX_H
#define P2P_CORE_OUTBOX_H

#include "p2p/core/overlay.h"

/* The largest list that one message borrows: an ANNOUNCE of 1,000 keys. */
#define OUTBOX_LIST_BYTES_MAX (P2P_ANNOUNCE_KEYS_MAX * P2P_KEY_BYTES)

struct outbox_block;

struct outbox {
    struct overlay_action *actions; /* owned */
    uint32_t count;
    uint32_t capacity;
    struct outbox_block *blocks; /* owned; the newest first */
    size_t heap_bytes;
};

void outbox_init(struct outbox *outbox);
void outbox_deinit(struct outbox *outbox);
/* Forgets the actions; keeps one block and the array for the next ones. */
void outbox_reset(struct outbox *outbox);
static inline bool outbox_is_full(const struct outbox *outbox)
{
    return outbox->count == OVERLAY_ACTIONS_MAX;
}

/* A new action, zeroed but for its kind; valid until the next. NULL: out of memory. The outbox is
 * not full (asserted). */
struct overlay_action *outbox_add(struct outbox *outbox, enum overlay_action_kind kind);
/* SEND of a message of this type on a link; its fields are the caller's. NULL: out of memory. */
struct p2p_message *outbox_send(struct outbox *outbox, uint32_t link, enum p2p_type type);
/* Zeroed memory for a list, 1 to OUTBOX_LIST_BYTES_MAX bytes; NULL: out of memory. */
uint8_t *outbox_list(struct outbox *outbox, uint32_t bytes);

#endif
