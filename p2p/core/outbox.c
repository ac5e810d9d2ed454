/*
 * outbox.c: an array of actions and a chain of blocks for what they borrow.
 *
 * Responsible for memory alone. The array doubles up to OVERLAY_ACTIONS_MAX; actions are read by
 * the caller only when all are there, so that it may move meanwhile. Blocks never move.
 */
#include "p2p/core/outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ACTIONS_FIRST 8u
#define BLOCK_BYTES 1024u

struct outbox_block {
    struct outbox_block *next;
    uint32_t used;
    uint32_t size;
    uint8_t bytes[];
};

void outbox_init(struct outbox *outbox)
{
    *outbox = (struct outbox){.heap_bytes = 0};
}

static void block_free(struct outbox *outbox, struct outbox_block *block)
{
    outbox->heap_bytes -= sizeof *block + block->size;
    free(block);
}

void outbox_deinit(struct outbox *outbox)
{
    while (outbox->blocks != NULL) {
        struct outbox_block *next = outbox->blocks->next;
        block_free(outbox, outbox->blocks);
        outbox->blocks = next;
    }
    outbox->heap_bytes -= outbox->capacity * sizeof outbox->actions[0];
    free(outbox->actions);
    assert(outbox->heap_bytes == 0);
    *outbox = (struct outbox){.heap_bytes = 0};
}

void outbox_reset(struct outbox *outbox)
{
    struct outbox_block *kept = NULL;
    while (outbox->blocks != NULL) {
        struct outbox_block *block = outbox->blocks;
        outbox->blocks = block->next;
        if (kept == NULL && block->size == BLOCK_BYTES) {
            kept = block;
        } else {
            block_free(outbox, block);
        }
    }
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
    }
    outbox->blocks = kept;
    outbox->count = 0;
}

static bool grow(struct outbox *outbox)
{
    uint32_t capacity = outbox->capacity == 0 ? ACTIONS_FIRST : 2 * outbox->capacity;
    capacity = capacity < OVERLAY_ACTIONS_MAX ? capacity : OVERLAY_ACTIONS_MAX;
    struct overlay_action *actions = calloc(capacity, sizeof actions[0]);
    if (actions == NULL) {
        return false;
    }
    if (outbox->count > 0) {
        memcpy(actions, outbox->actions, outbox->count * sizeof actions[0]);
    }
    free(outbox->actions);
    outbox->heap_bytes += (capacity - outbox->capacity) * sizeof actions[0];
    outbox->actions = actions;
    outbox->capacity = capacity;
    return true;
}

struct overlay_action *outbox_add(struct outbox *outbox, enum overlay_action_kind kind)
{
    assert(!outbox_is_full(outbox));
    if (outbox->count == outbox->capacity && !grow(outbox)) {
        return NULL;
    }
    struct overlay_action *action = &outbox->actions[outbox->count++];
    memset(action, 0, sizeof *action);
    action->kind = kind;
    return action;
}

struct p2p_message *outbox_send(struct outbox *outbox, uint32_t link, enum p2p_type type)
{
    struct overlay_action *action = outbox_add(outbox, OVERLAY_SEND);
    if (action == NULL) {
        return NULL;
    }
    action->send.link = link;
    action->send.message.type = type;
    return &action->send.message;
}

uint8_t *outbox_list(struct outbox *outbox, uint32_t bytes)
{
    assert(bytes > 0);
    assert(bytes <= OUTBOX_LIST_BYTES_MAX);
    struct outbox_block *block = outbox->blocks;
    if (block == NULL || block->size - block->used < bytes) {
        uint32_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block = calloc(1, sizeof *block + size);
        if (block == NULL) {
            return NULL;
        }
        block->size = size;
        block->next = outbox->blocks;
        outbox->blocks = block;
        outbox->heap_bytes += sizeof *block + size;
    }
    uint8_t *list = block->bytes + block->used;
    block->used += bytes;
    memset(list, 0, bytes);
    return list;
}
