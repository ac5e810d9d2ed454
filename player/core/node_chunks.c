/*
 * node_chunks.c: a chunk's life, from the first fragment to the store; wants; scarce slots.
 *
 * Responsible for every change of a chunk's state (files.h), for what is stored when, for which
 * slot is given up when slots are short, and for the answers to wants. Nothing unverified is READY
 * or stored: a fragment is taken only for a chunk that was asked for, whose row's proof is here.
 */
#include "player/core/node_state.h"

#include <assert.h>
#include <string.h>

/* --- asking ------------------------------------------------------------------------------------*/

bool node_chunks_request(struct node *node, struct link *link, struct request *request,
                         struct file *file, uint32_t chunk)
{
    assert(files_state(file, chunk) == CHUNK_MISSING);
    if (!slots_promise(&node->slots)) {
        return false;
    }
    struct row *row = files_open_row(&node->files, file, chunk / ROW_CHUNKS);
    if (row == NULL) {
        slots_forgo(&node->slots);
        node_fail(node);
        return false;
    }
    row->links[chunk % ROW_CHUNKS] = link->number;
    row->requests[chunk % ROW_CHUNKS] = request->number;
    if (request->wants_proofs && !row->has_proof && row->proof_request == 0) {
        row->proof_link = link->number;
        row->proof_request = request->number;
    }
    files_set_state(file, chunk, CHUNK_REQUESTED);
    request->left++;
    link->requests.bytes += files_chunk_bytes(file, chunk);
    return true;
}

/* The slot holds nothing of use any more. */
static void give_slot(struct node *node, struct row *row, uint32_t chunk)
{
    uint32_t slot = row->slots[chunk % ROW_CHUNKS];
    assert(slot != SLOT_NONE);
    if (node->slots.list[slot].is_ready) {
        node_effect(node, NODE_EFFECT_RELEASE)->release.slot = slot;
    }
    slots_give(&node->slots, slot);
    row->slots[chunk % ROW_CHUNKS] = SLOT_NONE;
    node->is_plan_due = true;
}

void node_chunks_unrequest(struct node *node, struct link *link, struct file *file, uint32_t chunk)
{
    struct row *row = files_row(file, chunk);
    uint32_t bytes = files_chunk_bytes(file, chunk);
    if (files_state(file, chunk) == CHUNK_FILLING) {
        bytes -= node->slots.list[row->slots[chunk % ROW_CHUNKS]].filled;
        give_slot(node, row, chunk);
    } else {
        assert(files_state(file, chunk) == CHUNK_REQUESTED);
        slots_forgo(&node->slots);
    }
    row->requests[chunk % ROW_CHUNKS] = 0;
    files_set_state(file, chunk, CHUNK_MISSING);
    assert(link->requests.bytes >= bytes);
    link->requests.bytes -= bytes;
    node->is_plan_due = true;
    files_close_row(&node->files, row);
}

/* --- arriving ----------------------------------------------------------------------------------*/

/* Payload that was asked for and is not needed any more: had already, or cancelled meanwhile. */
static void count_unneeded(struct node *node, const struct file *file, uint32_t chunk,
                           uint32_t bytes)
{
    if (file != NULL && files_state(file, chunk) >= CHUNK_HASHING) {
        node->accounting.summary.duplicate_bytes += bytes;
    }
}

static bool request_covers(const struct request *request, uint32_t chunk)
{
    return request->kind == REQUEST_OPENED ||
           (chunk >= request->first_chunk && chunk - request->first_chunk < request->count);
}

/* A chunk is wholly in its slot: it is not the link's any more. */
static void chunk_arrived(struct node *node, struct link *link, struct request *request,
                          struct row *row, uint32_t chunk)
{
    struct file *file = row->file;
    struct node_effect *effect = node_effect(node, NODE_EFFECT_HASH);
    effect->hash.slot = row->slots[chunk % ROW_CHUNKS];
    effect->hash.bytes = files_chunk_bytes(file, chunk);
    files_set_state(file, chunk, CHUNK_HASHING);
    row->requests[chunk % ROW_CHUNKS] = 0;
    if (request->expected_us != 0) {
        rate_expected(&link->rate, request->expected_us, node->now_us);
        request->expected_us = 0;
    }
    assert(request->left > 0);
    if (--request->left == 0) {
        requests_remove(&link->requests, request->number);
        node_plan_idle(node, link);
    }
    node_late_arrived(node, file, chunk);
    node->is_plan_due = true;
}

int node_chunks_fragment(struct node *node, struct link *link, const struct p2p_message *message)
{
    uint32_t chunk = message->fragment.chunk;
    uint32_t offset = message->fragment.offset;
    uint32_t bytes = message->fragment.bytes;
    struct request *request = requests_find(&link->requests, message->fragment.request);
    if (request == NULL) {
        /* It has crossed our CANCEL. */
        return requests_was_used(&link->requests, message->fragment.request) ? 0 : ERROR_MALFORMED;
    }
    if (request->kind == REQUEST_OPEN) {
        return ERROR_MALFORMED;
    }
    if (request->kind == REQUEST_HEDGE) {
        return node_late_fragment(node, link, request, message);
    }
    struct file *file = files_find(&node->files, request->file);
    assert(file != NULL);
    if (chunk >= file->chunk_count || !request_covers(request, chunk) || bytes == 0 ||
        offset + bytes > files_chunk_bytes(file, chunk)) {
        return ERROR_MALFORMED;
    }
    struct row *row = files_row(file, chunk);
    uint32_t at = chunk % ROW_CHUNKS;
    if (row == NULL || row->links[at] != link->number || row->requests[at] != request->number) {
        count_unneeded(node, file, chunk, bytes);
        return 0;
    }
    bool is_bearer = row->proof_link == link->number && row->proof_request == request->number;
    if (!row->has_proof && (row->proof_request == 0 || is_bearer)) {
        return ERROR_MALFORMED; /* a proof comes before the first fragment of its row */
    }
    if (files_state(file, chunk) == CHUNK_REQUESTED) {
        row->slots[at] = slots_take(&node->slots, file->handle, chunk);
        files_set_state(file, chunk, CHUNK_FILLING);
        files_set_source(file, chunk,
                         link->kind == NODE_LINK_ORIGIN ? NODE_SOURCE_ORIGIN : NODE_SOURCE_PEERS);
    }
    struct slot *slot = &node->slots.list[row->slots[at]];
    if (offset != slot->filled) {
        return ERROR_MALFORMED;
    }
    struct node_effect *effect = node_effect(node, NODE_EFFECT_FILL);
    effect->fill.slot = row->slots[at];
    effect->fill.offset = offset;
    effect->fill.bytes = bytes;
    slot->filled = (uint16_t)(slot->filled + bytes);
    link->requests.bytes -= bytes;
    if (slot->filled == files_chunk_bytes(file, chunk)) {
        chunk_arrived(node, link, request, row, chunk);
    }
    return 0;
}

/* --- verified, or not --------------------------------------------------------------------------*/

/* Wants that this chunk completes. */
static void meet_wants(struct node *node, const struct file *file, uint32_t chunk)
{
    for (uint32_t i = 0; i < node->wants.count;) {
        const struct want *want = &node->wants.list[i];
        bool concerns = want->file == file->handle && chunk >= want->first_chunk &&
                        chunk - want->first_chunk < want->count;
        if (concerns && files_holds_all(file, want->first_chunk, want->count)) {
            node_chunks_answer(node, i, 0);
        } else {
            i++;
        }
    }
}

bool node_chunks_can_store(const struct node *node, const struct file *file)
{
    return node->is_store_on && !file->has_no_room;
}

/* The bytes of a row's chunks. */
static uint64_t mask_bytes(const struct row *row, uint8_t mask)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        if (mask >> i & 1) {
            bytes += files_chunk_bytes(row->file, row->index * ROW_CHUNKS + i);
        }
    }
    return bytes;
}

/* Evicts until the bytes fit. False: what is left may not leave. */
static bool make_room(struct node *node, media_handle keep, uint64_t bytes)
{
    media_handle victim = 0;
    while (cache_index_next_victim(node->index, node->storing_bytes + bytes, keep, &victim)) {
        node_effect(node, NODE_EFFECT_EVICT_FILE)->evict.file = victim;
        node_peers_own_changed(node, victim);
        NODE_TRACE(node, "evict a file");
        struct file *file = files_find(&node->files, victim);
        if (file != NULL && file->is_attached) {
            files_sync(&node->files, file);
            node->is_plan_due = true;
        }
    }
    return cache_index_fits(node->index, node->storing_bytes + bytes);
}

/* Stores the row's READY chunks, if that may be done now. */
static void store_row(struct node *node, struct row *row)
{
    struct file *file = row->file;
    uint8_t mask = files_row_mask(row, CHUNK_READY);
    if (mask == 0 || row->storing_mask != 0 || !file->is_trusted ||
        !node_chunks_can_store(node, file)) {
        return;
    }
    uint64_t bytes = mask_bytes(row, mask);
    if (!make_room(node, file->handle, bytes)) {
        file->has_no_room = true;
        node->has_unstored = true;
        node->is_plan_due = true;
        NODE_TRACE(node, "no room to store more of a file");
        return;
    }
    files_unhold(&node->files, row);
    row->storing_mask = mask;
    node->storing_bytes += bytes;
    struct node_effect *effect = node_effect(node, NODE_EFFECT_STORE_ROW);
    effect->store_row.file = file->handle;
    effect->store_row.row = row->index;
    effect->store_row.mask = mask;
    effect->store_row.proof = &row->proof;
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        effect->store_row.slots[i] = row->slots[i];
        if (mask >> i & 1) {
            files_set_state(file, row->index * ROW_CHUNKS + i, CHUNK_STORING);
        }
    }
}

/* True when no chunk of the row is still to come. */
static bool is_row_full(const struct row *row)
{
    return files_holds_all(row->file, row->index * ROW_CHUNKS,
                           media_row_chunks(row->file->bytes, row->index));
}

/* Stores the row now when it is full, else at the latest when it was held long enough. */
static void store_or_hold(struct node *node, struct row *row)
{
    if (!node_chunks_can_store(node, row->file) || files_row_mask(row, CHUNK_READY) == 0) {
        return;
    }
    if (is_row_full(row) && row->file->is_trusted) {
        store_row(node, row);
    } else {
        files_hold(&node->files, row, time_add_us(node->now_us, node->preset->row_hold_us));
    }
}

/* A detached file's verified chunks that can't be stored are let go. */
static void drop_ready(struct node *node, struct row *row)
{
    uint8_t mask = files_row_mask(row, CHUNK_READY);
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        if (mask >> i & 1) {
            uint32_t chunk = row->index * ROW_CHUNKS + i;
            give_slot(node, row, chunk);
            files_set_state(row->file, chunk, CHUNK_MISSING);
        }
    }
}

/* A draining file's row: stores what is verified, or lets it go. The row may be gone afterwards. */
static void drain_row(struct node *node, struct row *row)
{
    if (row->storing_mask != 0) {
        return; /* its answer comes */
    }
    store_row(node, row);
    if (row->storing_mask == 0) {
        drop_ready(node, row);
        files_unhold(&node->files, row);
        files_close_row(&node->files, row);
    }
}

static void chunk_ready(struct node *node, struct row *row, uint32_t chunk, uint32_t slot)
{
    struct file *file = row->file;
    files_set_state(file, chunk, CHUNK_READY);
    if (!file->is_attached) {
        drain_row(node, row);
        return;
    }
    node->slots.list[slot].is_ready = true;
    struct node_effect *effect = node_effect(node, NODE_EFFECT_READY);
    effect->ready.file = file->handle;
    effect->ready.chunk = chunk;
    effect->ready.slot = slot;
    accounting_fetched(&node->accounting, file, chunk);
    struct link *link = links_find(&node->links, row->links[chunk % ROW_CHUNKS]);
    if (files_source(file, chunk) == NODE_SOURCE_ORIGIN) {
        links_connector_proved(&node->links.origin);
    } else if (link != NULL) {
        node_peers_received(node, link, file->handle, files_chunk_bytes(file, chunk));
    }
    node->is_fetch_due = true;
    node->is_start_due = true;
    meet_wants(node, file, chunk);
    store_or_hold(node, row);
}

/* Wrong bytes: the link that brought them goes; after too many of them so does the file. */
static void chunk_bad(struct node *node, struct row *row, uint32_t chunk)
{
    struct file *file = row->file;
    uint32_t number = row->links[chunk % ROW_CHUNKS];
    give_slot(node, row, chunk);
    files_set_state(file, chunk, CHUNK_MISSING);
    /* A peer that lies is no reason to give the file up: the peer is. */
    file->bad_count += files_source(file, chunk) == NODE_SOURCE_ORIGIN;
    NODE_TRACE(node, "wrong bytes in chunk %u from link %u", chunk, number);
    struct node_note *note = node_note(node, NODE_NOTE_BAD_CHUNK, 0);
    note->link = number;
    note->error = ERROR_MISMATCH;
    files_close_row(&node->files, row);
    struct link *link = links_find(&node->links, number);
    if (link != NULL && link->state == LINK_UP) {
        node_links_brought_wrong(node, link);
    }
    if (file->bad_count >= node->preset->bad_chunks_max) {
        node_tracks_fail_file(node, file, ERROR_MISMATCH);
    }
}

static void verify(struct node *node, struct row *row, uint32_t chunk, const uint8_t *digest)
{
    uint32_t at = chunk % ROW_CHUNKS;
    if (memcmp(row->proof.hashes[at], digest, HASH_BYTES) == 0) {
        chunk_ready(node, row, chunk, row->slots[at]);
    } else {
        chunk_bad(node, row, chunk);
    }
}

/* The proof has come after chunks of the row that another request brought. */
static void verify_hashed(struct node *node, struct row *row)
{
    struct file *file = row->file;
    uint32_t index = row->index;
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        /* A wrong chunk may close the row. */
        row = file->rows == NULL ? NULL : file->rows[index];
        if (row != NULL && row->hashed_mask >> i & 1) {
            row->hashed_mask = (uint8_t)(row->hashed_mask & ~(1u << i));
            verify(node, row, index * ROW_CHUNKS + i, row->digests[i]);
        }
    }
}

/* Lets chunks go that can't be verified, because nobody is asked for their proof any more. */
static void forget_unproven(struct node *node, struct row *row)
{
    for (uint32_t i = 0; i < ROW_CHUNKS && row->proof_request == 0; i++) {
        if (row->hashed_mask >> i & 1) {
            give_slot(node, row, row->index * ROW_CHUNKS + i);
            files_set_state(row->file, row->index * ROW_CHUNKS + i, CHUNK_MISSING);
        }
    }
    if (row->proof_request == 0) {
        row->hashed_mask = 0;
        files_close_row(&node->files, row);
    }
}

int node_chunks_proof(struct node *node, struct link *link, const struct p2p_message *message)
{
    struct request *request = requests_find(&link->requests, message->proof.request);
    if (request == NULL) {
        return requests_was_used(&link->requests, message->proof.request) ? 0 : ERROR_MALFORMED;
    }
    if (request->kind == REQUEST_OPEN) {
        return ERROR_MALFORMED;
    }
    struct file *file = files_find(&node->files, request->file);
    if (message->proof.row >= file->row_count) {
        return ERROR_MALFORMED;
    }
    struct row *row = file->rows == NULL ? NULL : file->rows[message->proof.row];
    if (row == NULL || row->has_proof) {
        return 0; /* not needed any more */
    }
    const struct media_file_id *id = media_intern_id(node->config.intern, file->handle);
    int rc = media_proof_check(&node->config.hasher, id, row->index, &message->proof.proof);
    if (rc != 0) {
        return rc;
    }
    row->proof = message->proof.proof;
    row->has_proof = true;
    row->proof_request = 0;
    verify_hashed(node, row);
    return 0;
}

void node_chunks_unproven(struct node *node, struct link *link, struct row *row)
{
    struct file *file = row->file;
    uint32_t index = row->index;
    row->proof_request = 0;
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        row = file->rows == NULL ? NULL : file->rows[index];
        if (row == NULL) {
            return;
        }
        if (row->requests[i] == 0 || row->links[i] != link->number) {
            continue;
        }
        if (link->state == LINK_UP) {
            node_plan_cancel(node, link, row->requests[i]);
        } else {
            node_plan_take_back(node, link, row->requests[i]);
        }
    }
    row = file->rows == NULL ? NULL : file->rows[index];
    if (row != NULL) {
        forget_unproven(node, row);
    }
}

void node_chunks_hashed(struct node *node, uint32_t slot_number, const uint8_t *digest)
{
    assert(slot_number < node->slots.count);
    const struct slot *slot = &node->slots.list[slot_number];
    struct file *file = slot->file == 0 ? NULL : files_find(&node->files, slot->file);
    assert(file != NULL && files_state(file, slot->chunk) == CHUNK_HASHING);
    struct row *row = files_row(file, slot->chunk);
    uint32_t at = slot->chunk % ROW_CHUNKS;
    assert(row != NULL && row->slots[at] == slot_number);
    if (!row->has_proof) {
        memcpy(row->digests[at], digest, HASH_BYTES);
        row->hashed_mask = (uint8_t)(row->hashed_mask | 1u << at);
        forget_unproven(node, row); /* unless the proof is still to come */
    } else {
        verify(node, row, slot->chunk, digest);
    }
}

/* --- stored, or not ----------------------------------------------------------------------------*/

static void store_off(struct node *node, int error)
{
    if (!node->is_store_on) {
        return;
    }
    node->is_store_on = false;
    node->is_plan_due = true;
    node->is_fetch_due = true;
    while (node->files.hold_first != NULL) {
        files_unhold(&node->files, node->files.hold_first);
    }
    node_note(node, NODE_NOTE_CACHE_OFF, 0)->error = error;
    NODE_TRACE(node, "caching off: %s", error_name(error));
}

void node_chunks_detach(struct node *node, struct file *file)
{
    /* The rows stay where they are while the loop goes: the file is still attached. */
    for (uint32_t i = 0; i < file->row_count; i++) {
        struct row *row = file->rows[i];
        if (row != NULL) {
            store_row(node, row);
            if (row->storing_mask == 0) {
                drop_ready(node, row);
                files_unhold(&node->files, row);
            }
        }
    }
    files_detach(&node->files, file);
}

static void row_written(struct node *node, struct row *row, uint8_t mask, bool is_stored)
{
    struct file *file = row->file;
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        uint32_t chunk = row->index * ROW_CHUNKS + i;
        if ((mask >> i & 1) == 0) {
            continue;
        }
        assert(files_state(file, chunk) == CHUNK_STORING);
        if (is_stored) {
            give_slot(node, row, chunk);
        }
        files_set_state(file, chunk, is_stored ? CHUNK_STORED : CHUNK_READY);
    }
}

void node_chunks_stored(struct node *node, const struct node_event *event)
{
    struct file *file = files_find(&node->files, event->stored.file);
    assert(file != NULL && file->rows != NULL && event->stored.row < file->row_count);
    struct row *row = file->rows[event->stored.row];
    assert(row != NULL && row->storing_mask != 0 && row->storing_mask == event->stored.mask);
    uint8_t mask = row->storing_mask;
    row->storing_mask = 0;
    node->storing_bytes -= mask_bytes(row, mask);
    node->is_fetch_due = true;
    int rc = event->stored.error;
    if (rc == 0) {
        enum cache_protection level = cache_index_protection(node->index, file->handle);
        bool is_new = cache_index_chunk_count(node->index, file->handle) == 0;
        rc = cache_index_row_stored(node->index, file->handle, row->index, mask);
        if (rc == ERROR_NO_MEMORY) {
            node_fail(node);
        }
        if (level == CACHE_PROTECTION_NONE && file->is_attached) {
            node_tracks_protect(node, file);
        }
        if (is_new) {
            node_play_arrived(node, file->handle);
        }
        node->peers.is_wish_due = true;
        node_peers_own_changed(node, file->handle);
    }
    row_written(node, row, mask, rc == 0);
    if (rc != 0) {
        store_off(node, rc);
    }
    if (!file->is_attached) {
        drain_row(node, row);
        return;
    }
    store_or_hold(node, row);
    files_close_row(&node->files, row);
}

void node_chunks_settle(struct node *node)
{
    for (;;) {
        struct row *row = node->files.hold_first;
        if (row == NULL || row->hold_until_us > node->now_us) {
            return;
        }
        files_unhold(&node->files, row);
        store_row(node, row);
        if (!row->file->is_trusted) {
            /* The signature is still being checked. */
            files_hold(&node->files, row, time_add_us(node->now_us, node->preset->row_hold_us));
        }
    }
}

/* Rows that became full before their file could be stored. */
static void store_what_is_held(struct node *node)
{
    for (struct file *file = node->files.first; file != NULL; file = file->next) {
        for (uint32_t i = 0; file->rows != NULL && i < file->row_count; i++) {
            if (file->rows[i] != NULL) {
                store_or_hold(node, file->rows[i]);
            }
        }
    }
}

void node_chunks_cache_state(struct node *node, bool writable)
{
    if (!writable) {
        store_off(node, ERROR_FULL);
    } else if (node->config.cache_limit_bytes > 0 && !node->is_store_on) {
        node->is_store_on = true;
        store_what_is_held(node);
    }
}

void node_chunks_rotten(struct node *node, media_handle handle, uint32_t row)
{
    if (cache_index_row_mask(node->index, handle, row) == 0) {
        return;
    }
    NODE_TRACE(node, "rotten row %u", row);
    if (cache_index_row_lost(node->index, handle, row) != 0) {
        node_fail(node);
    }
    struct node_effect *effect = node_effect(node, NODE_EFFECT_EVICT_ROW);
    effect->evict.file = handle;
    effect->evict.row = row;
    node_peers_own_changed(node, handle);
    struct file *file = files_find(&node->files, handle);
    if (file != NULL && file->is_attached) {
        files_sync(&node->files, file);
        node->is_plan_due = true;
    }
}

/* --- wants -------------------------------------------------------------------------------------*/

void node_chunks_answer(struct node *node, uint32_t index, int error)
{
    const struct want *want = &node->wants.list[index];
    enum node_effect_kind kind = error == 0 ? NODE_EFFECT_WANT_MET : NODE_EFFECT_WANT_FAILED;
    struct node_effect *effect = node_effect(node, kind);
    effect->want.want = want->number;
    effect->want.error = error;
    if (error != 0) {
        NODE_TRACE(node, "want %u of entry %u failed: %s", want->number, want->entry,
                   error_name(error));
        if (error != ERROR_CANCELLED && want->entry == node->play.entry) {
            node->play.lacks = error;
        }
    }
    wants_remove(&node->wants, index);
}

void node_chunks_fail_wants(struct node *node, uint32_t entry, int error)
{
    for (uint32_t i = 0; i < node->wants.count;) {
        if (entry == 0 || node->wants.list[i].entry == entry) {
            node_chunks_answer(node, i, error);
        } else {
            i++;
        }
    }
}

/* Who may want: an entry that has a chain, or one that is fetched. */
static bool entry_reads(struct node *node, uint32_t entry)
{
    const struct play *play = &node->play;
    if (entry == play->entry) {
        return play->phase >= PLAY_SWITCHED;
    }
    if (entry == play->prepared) {
        return true;
    }
    const struct queue_entry *queued = node_lend_find(node, entry);
    return queued != NULL && queued->is_fetch && queued->error == 0;
}

/* What who may not want is told: why its entry failed, or (the reader asks again) not now. */
static int refusal(struct node *node, uint32_t entry)
{
    const struct queue_entry *queued = node_lend_find(node, entry);
    return queued != NULL && queued->error != 0 ? queued->error : ERROR_CANCELLED;
}

void node_chunks_want(struct node *node, const struct node_event *event)
{
    assert(event->want.want != 0);
    assert(event->want.count >= 1 && event->want.count <= ROW_CHUNKS);
    assert(wants_index(&node->wants, event->want.want) == node->wants.count);
    struct want *want = wants_add(&node->wants);
    uint32_t index = node->wants.count - 1;
    *want = (struct want){.number = event->want.want,
                          .entry = event->want.entry,
                          .file = event->want.file,
                          .first_chunk = event->want.first_chunk,
                          .count = event->want.count,
                          .since_us = node->now_us};
    struct file *file = files_find(&node->files, want->file);
    if (!entry_reads(node, want->entry) || file == NULL || !file->is_attached) {
        node_chunks_answer(node, index, refusal(node, want->entry));
        return;
    }
    assert(want->first_chunk < file->chunk_count &&
           want->count <= file->chunk_count - want->first_chunk);
    node_play_waits(node, want);
    node_lend_reads(node, want->entry, want->first_chunk, want->count);
    if (files_holds_all(file, want->first_chunk, want->count)) {
        node_chunks_answer(node, index, 0);
        return;
    }
    NODE_TRACE(node, "want %u: chunks %u+%u of entry %u", want->number, want->first_chunk,
               want->count, want->entry);
    int error = node_tracks_unreachable(node, want->since_us);
    if (file->refused != 0 && !node_peers_have(node, file->handle)) {
        error = file->refused;
    }
    if (error != 0) {
        node_chunks_answer(node, index, error);
        return;
    }
    node_plan_overtake(node, want);
    node->is_plan_due = true;
}

/* --- scarce slots ------------------------------------------------------------------------------*/

/* How little a READY chunk that can't be stored is needed: 0 = not to be given up, else the larger
 * the sooner. Read and behind the play point goes first, then what is farthest ahead. */
static uint64_t uselessness(const struct node *node, const struct file *file, uint32_t chunk,
                            bool is_urgent)
{
    if (wants_chunk(&node->wants, file->handle, chunk)) {
        return 0;
    }
    const struct track *track = node_play_track(node);
    bool is_current = track != NULL && track->file == file->handle;
    bool was_read = (file->chunks[chunk] & FILE_READ) != 0;
    bool is_behind = is_current && chunk < node->play.read_chunk;
    uint64_t base = (uint64_t)FILE_CHUNKS_MAX;
    if (was_read && (is_behind || !is_current)) {
        return 3 * base - chunk;
    }
    if (!is_urgent) {
        return 0;
    }
    if (!is_current) {
        return base + chunk;
    }
    return is_behind ? base - chunk : chunk - node->play.read_chunk;
}

void node_chunks_relieve(struct node *node)
{
    if (node->is_store_on && !node->has_unstored) {
        return; /* the store takes all that is READY */
    }
    uint32_t kept =
        (uint32_t)time_scale(node->slots.count, node->preset->slots_urgent_percent, 100);
    uint32_t available = slots_available(&node->slots) + node->slots.resting_count;
    while (available <= kept) {
        bool is_urgent = available == 0 && node->wants.count > 0;
        uint32_t worst = SLOT_NONE;
        uint64_t worst_score = 0;
        /* Neighbouring slots mostly hold the same file. */
        struct file *file = NULL;
        bool is_kept = false;
        for (uint32_t i = 0; i < node->slots.count; i++) {
            const struct slot *slot = &node->slots.list[i];
            if (!slot->is_ready) {
                continue;
            }
            if (file == NULL || file->handle != slot->file) {
                file = files_find(&node->files, slot->file);
                is_kept = file == NULL || node_chunks_can_store(node, file);
            }
            if (is_kept || files_state(file, slot->chunk) != CHUNK_READY) {
                continue;
            }
            uint64_t score = uselessness(node, file, slot->chunk, is_urgent);
            if (score > worst_score) {
                worst = i;
                worst_score = score;
            }
        }
        if (worst == SLOT_NONE) {
            return;
        }
        file = files_find(&node->files, node->slots.list[worst].file);
        uint32_t chunk = node->slots.list[worst].chunk;
        struct row *row = files_row(file, chunk);
        give_slot(node, row, chunk);
        files_set_state(file, chunk, CHUNK_MISSING);
        files_close_row(&node->files, row);
        available++;
    }
}
