/*
 * node_lend.c: entries that other players read through us (a gateway, a GStreamer plug-in).
 *
 * Responsible for which entries are lent, for how far ahead of their reader they are got, and for
 * their end. The reader says where it is by its WANTs and READs; it has no play point that we know,
 * so that it counts as playing at its reading. Nothing is got of what it does not go on to read but
 * LEND_AHEAD_CHUNKS: a listener who leaves after some seconds does not cost a whole file.
 *
 *   ENQUEUE lent -> (manifest) -> LEND -> WANT, READ ... -> DROP
 *   failure, at any -> NOTE ENTRY_FAILED; a DROP may follow and changes nothing
 */
#include "player/core/node_state.h"

#include <assert.h>
#include <string.h>

/* 1 MiB: foreign players read on without a pause until their own buffer is full, so that this has to
 * cover what a link holds at a round trip of 80 ms and 100 Mbit/s. */
#define LEND_AHEAD_CHUNKS 64u

static struct lend *find(struct node *node, uint32_t entry)
{
    for (uint32_t i = 0; i < node->lends.count; i++) {
        if (node->lends.list[i].queued.number == entry) {
            return &node->lends.list[i];
        }
    }
    return NULL;
}

struct queue_entry *node_lend_find(struct node *node, uint32_t entry)
{
    if ((entry & NODE_ENTRY_LENT) == 0) {
        return queue_find(&node->queue, entry);
    }
    struct lend *lend = find(node, entry);
    return lend == NULL ? NULL : &lend->queued;
}

void node_lend_begin(struct node *node, uint32_t entry, const uint8_t *track_id)
{
    assert((entry & NODE_ENTRY_LENT) != 0 && find(node, entry) == NULL);
    assert(node->lends.count < NODE_LENDS_MAX);
    struct lend *lend = &node->lends.list[node->lends.count++];
    *lend = (struct lend){.queued = {.number = entry, .is_fetch = true}};
    memcpy(lend->queued.track_id, track_id, TRACK_ID_BYTES);
    links_connector_encourage(&node->links.origin, node->now_us);
    node->is_window_due = true;
    NODE_TRACE(node, "lend %u", entry & ~NODE_ENTRY_LENT);
}

void node_lend_drop(struct node *node, uint32_t entry)
{
    struct queue_entry *queued = node_lend_find(node, entry);
    struct lend *lend = find(node, entry);
    if (queued == NULL || !queued->is_fetch || (queued->is_done && lend == NULL)) {
        return;
    }
    NODE_TRACE(node, "drop %u", entry & ~NODE_ENTRY_LENT);
    queued->is_done = true;
    queued->error = ERROR_CANCELLED;
    node_chunks_fail_wants(node, entry, ERROR_CANCELLED);
    node->is_window_due = true;
    if (lend != NULL) {
        accounting_end(&node->accounting, entry);
        const struct lend *last = &node->lends.list[--node->lends.count];
        memmove(lend, lend + 1, (size_t)(last - lend) * sizeof *lend);
    }
}

void node_lend_show(struct node *node)
{
    for (uint32_t i = 0; i < node->lends.count; i++) {
        const struct queue_entry *queued = &node->lends.list[i].queued;
        if (!queued->is_done) {
            window_add_lent(&node->window, queued->number);
        }
    }
}

void node_lend_settle(struct node *node)
{
    for (uint32_t i = 0; i < node->lends.count; i++) {
        struct lend *lend = &node->lends.list[i];
        const struct track *track = lend->is_told ? NULL : node_track_of(node, lend->queued.number);
        const struct file *file = track == NULL || track->state != TRACK_READY
                                      ? NULL
                                      : files_find(&node->files, track->file);
        if (file == NULL || !file->is_attached) {
            continue;
        }
        lend->is_told = true;
        struct node_effect *effect = node_effect(node, NODE_EFFECT_LEND);
        effect->open.entry = lend->queued.number;
        effect->open.position_us = 0;
        effect->open.manifest = &track->manifest;
        effect->open.file_index = track->file_index;
        effect->open.file = track->file;
    }
}

void node_lend_reads(struct node *node, uint32_t entry, uint32_t first, uint32_t count)
{
    struct lend *lend = find(node, entry);
    if (lend != NULL) {
        lend->read_chunk = first + count;
        lend->is_wanted = true;
        node->is_plan_due = true;
    }
}

void node_lend_hear(struct node *node, uint32_t entry, struct file *file)
{
    struct lend *lend = find(node, entry);
    if (lend == NULL || lend->is_heard) {
        return;
    }
    lend->is_heard = true;
    if (accounting_begin(&node->accounting, entry, file) != 0) {
        node_fail(node);
        return;
    }
    accounting_heard(&node->accounting, entry, file);
}

uint32_t node_lend_ahead(const struct node *node, uint32_t entry, uint32_t *ret_begin)
{
    const struct lend *lend = find((struct node *)node, entry);
    *ret_begin = lend == NULL ? 0 : lend->read_chunk;
    return *ret_begin + (lend != NULL && lend->is_wanted ? LEND_AHEAD_CHUNKS : 0);
}
