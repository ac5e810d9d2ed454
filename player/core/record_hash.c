/*
 * record_hash.c: one number for all that an update says.
 *
 * Responsible for touching every field that an effect's kind uses, and none that it leaves unset
 * (the rest of the union, padding), so that two equal updates always have equal hashes.
 */
#include "player/core/record.h"

#include "common/error.h"

#include <assert.h>
#include <string.h>

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ at[i]) * FNV_PRIME;
    }
    return hash;
}

static uint64_t hash_u64(uint64_t hash, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        hash = (hash ^ (uint8_t)(value >> (8 * i))) * FNV_PRIME;
    }
    return hash;
}

static uint64_t hash_pair(uint64_t hash, uint64_t a, uint64_t b)
{
    return hash_u64(hash_u64(hash, a), b);
}

/* As it would leave on the wire; a FRAGMENT without payload. */
static uint64_t hash_message(uint64_t hash, const struct p2p_message *message)
{
    uint8_t body[P2P_ENCODED_BYTES_MAX];
    size_t body_bytes = 0;
    int error = p2p_message_encode(message, body, sizeof body, &body_bytes);
    assert(error == 0);
    (void)error;
    hash = hash_u64(hash, message->type);
    return hash_bytes(hash, body, body_bytes);
}

static uint64_t hash_send(uint64_t hash, const struct node_effect *effect)
{
    hash = hash_message(hash_u64(hash, effect->send.link), &effect->send.message);
    return effect->send.message.type == P2P_FRAGMENT ? hash_u64(hash, effect->send.slot) : hash;
}

static uint64_t hash_contact(uint64_t hash, const struct p2p_contact *contact)
{
    uint8_t bytes[P2P_CONTACT_BYTES];
    p2p_contact_write(bytes, 0, contact);
    return hash_bytes(hash, bytes, sizeof bytes);
}

static uint64_t hash_connect(uint64_t hash, const struct node_effect *effect)
{
    hash = hash_pair(hash, effect->connect.link, effect->connect.link_kind);
    if (effect->connect.link_kind == NODE_LINK_PEER) {
        hash = hash_contact(hash, &effect->connect.contact);
        hash = hash_u64(hash, effect->connect.is_arranged);
    }
    return hash;
}

static uint64_t hash_store_row(uint64_t hash, const struct node_effect *effect)
{
    hash = hash_pair(hash, effect->store_row.file, effect->store_row.row);
    hash = hash_u64(hash, effect->store_row.mask);
    for (unsigned i = 0; i < ROW_CHUNKS; i++) {
        if ((effect->store_row.mask >> i & 1) != 0) {
            hash = hash_u64(hash, effect->store_row.slots[i]);
        }
    }
    const struct media_proof *proof = effect->store_row.proof;
    size_t hashes = (size_t)proof->leaf_count + proof->uncle_count;
    hash = hash_pair(hash, proof->leaf_count, proof->uncle_count);
    return hash_bytes(hash, proof->hashes, hashes * HASH_BYTES);
}

static uint64_t hash_note(uint64_t hash, const struct node_note *note)
{
    hash = hash_pair(hash, note->kind, note->entry);
    hash = hash_pair(hash, note->link, (uint64_t)(int64_t)note->error);
    if (note->kind == NODE_NOTE_PLAY) {
        hash = hash_bytes(hash, note->play.track_id, TRACK_ID_BYTES);
        hash = hash_pair(hash, note->play.wait_us, note->play.cause);
        hash = hash_pair(hash, note->play.cached, note->play.stutters);
        hash = hash_u64(hash, note->play.stall_us);
    }
    return hash;
}

static uint64_t hash_effect(uint64_t hash, const struct node_effect *effect)
{
    hash = hash_u64(hash, effect->kind);
    switch (effect->kind) {
    case NODE_EFFECT_FILL:
        hash = hash_pair(hash, effect->fill.slot, effect->fill.offset);
        return hash_u64(hash, effect->fill.bytes);
    case NODE_EFFECT_HASH:
        return hash_pair(hash, effect->hash.slot, effect->hash.bytes);
    case NODE_EFFECT_CHECK_IDENTITY:
        hash = hash_u64(hash, effect->check_identity.link);
        hash = hash_bytes(hash, effect->check_identity.hello->identity, PUBLIC_KEY_BYTES);
        return hash_bytes(hash, effect->check_identity.nonce, P2P_NONCE_BYTES);
    case NODE_EFFECT_CHECK_MANIFEST:
    case NODE_EFFECT_STORE_MANIFEST:
        hash = hash_bytes(hash, effect->check_manifest.track_id, TRACK_ID_BYTES);
        return hash_bytes(hash, effect->check_manifest.bytes, effect->check_manifest.count);
    case NODE_EFFECT_LOAD_MANIFEST:
        return hash_bytes(hash, effect->load_manifest.track_id, TRACK_ID_BYTES);
    case NODE_EFFECT_READY:
        return hash_u64(hash_pair(hash, effect->ready.file, effect->ready.chunk),
                        effect->ready.slot);
    case NODE_EFFECT_EVICT_FILE:
        return hash_u64(hash, effect->evict.file);
    case NODE_EFFECT_TOUCH_FILE:
        return hash_pair(hash, effect->touch.file, effect->touch.is_main);
    case NODE_EFFECT_EVICT_ROW:
        return hash_pair(hash, effect->evict.file, effect->evict.row);
    case NODE_EFFECT_STORE_ROW:
        return hash_store_row(hash, effect);
    case NODE_EFFECT_RELEASE:
        return hash_u64(hash, effect->release.slot);
    case NODE_EFFECT_SEND:
        return hash_send(hash, effect);
    case NODE_EFFECT_CONNECT:
        return hash_connect(hash, effect);
    case NODE_EFFECT_DISCONNECT:
        return hash_pair(hash, effect->disconnect.link, effect->disconnect.reason);
    case NODE_EFFECT_FIND_TRACK:
        hash = hash_u64(hash, effect->find_track.operation);
        return hash_bytes(hash, effect->find_track.track_id, TRACK_ID_BYTES);
    case NODE_EFFECT_FIND_PROOF:
        hash = hash_pair(hash, effect->find_proof.operation, effect->find_proof.file);
        return hash_u64(hash, effect->find_proof.row);
    case NODE_EFFECT_READ:
        return hash_u64(hash_pair(hash, effect->read.slot, effect->read.file), effect->read.chunk);
    case NODE_EFFECT_REMEMBER:
        return hash_u64(hash_contact(hash, &effect->remember.contact), effect->remember.penalty);
    case NODE_EFFECT_WANT_MET:
        return hash_u64(hash, effect->want.want);
    case NODE_EFFECT_WANT_FAILED:
        return hash_pair(hash, effect->want.want, (uint64_t)(int64_t)effect->want.error);
    case NODE_EFFECT_SWITCH:
    case NODE_EFFECT_PREPARE:
    case NODE_EFFECT_LEND:
        hash = hash_pair(hash, effect->open.entry, effect->open.position_us);
        hash = hash_bytes(hash, effect->open.manifest->track_id, TRACK_ID_BYTES);
        return hash_pair(hash, effect->open.file_index, effect->open.file);
    case NODE_EFFECT_UNPREPARE:
        return hash_u64(hash, effect->unprepare.entry);
    case NODE_EFFECT_SET_PAUSED:
        return hash_u64(hash, effect->set_paused.paused);
    case NODE_EFFECT_NOTE:
        return hash_note(hash, &effect->note);
    case NODE_EFFECT_SILENCE:
    case NODE_EFFECT_KINDS:
        break;
    }
    return hash;
}

uint64_t record_update_hash(const struct node_update *update)
{
    uint64_t hash = hash_pair(FNV_OFFSET, update->count, update->next_deadline_us);
    for (uint32_t i = 0; i < update->count; i++) {
        hash = hash_effect(hash, &update->effects[i]);
    }
    return hash;
}
