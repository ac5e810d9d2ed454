/*
 * effects.c: one effect, one action.
 *
 * Responsible for payload (filling and hashing slots), for checking manifests, and for handing all
 * else to the file that owns it. Answers are queued, never stepped from here.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "common/net/crypto.h"
#include "player/uv/engine_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *slot_at(const struct engine *engine, uint32_t slot)
{
    assert(slot < engine->slot_count);
    return engine->slots + (size_t)slot * CHUNK_BYTES;
}

static void fill(struct engine *engine, const struct node_effect *effect)
{
    assert(engine->payload != NULL);
    assert(effect->fill.offset + effect->fill.bytes <= CHUNK_BYTES);
    memcpy(slot_at(engine, effect->fill.slot) + effect->fill.offset, engine->payload,
           effect->fill.bytes);
}

static void hash(struct engine *engine, const struct node_effect *effect)
{
    struct node_event event = {.kind = NODE_EVENT_HASHED};
    event.hashed.slot = effect->hash.slot;
    crypto_sha256(slot_at(engine, effect->hash.slot), effect->hash.bytes, event.hashed.digest);
    engine_answer(engine, &event, NULL, 0);
}

/* True when the bytes are a manifest of this track, signed by an origin that we trust. */
static bool is_valid(struct engine *engine, const struct node_effect *effect)
{
    struct media_manifest manifest;
    const uint8_t *bytes = effect->check_manifest.bytes;
    uint32_t count = effect->check_manifest.count;
    if (media_manifest_decode(bytes, count, &manifest) != 0 ||
        memcmp(manifest.track_id, effect->check_manifest.track_id, TRACK_ID_BYTES) != 0) {
        return false;
    }
    /* The prefix is signed with its NUL, as crypto_verify's domain is. */
    if (crypto_verify(manifest.origin, MEDIA_MANIFEST_SIGNED_PREFIX, bytes,
                      media_manifest_signed_bytes(count), manifest.signature) != 0) {
        return false;
    }
    /* What the own store holds was believed when it was put there. */
    return origin_link_trusts(engine, manifest.origin) ||
           storage_has_manifest(engine, effect->check_manifest.track_id, bytes, count);
}

/* The answer takes a copy along, for whoever wants to know the track's name. */
static void check_manifest(struct engine *engine, const struct node_effect *effect)
{
    struct node_event event = {.kind = NODE_EVENT_MANIFEST_CHECKED};
    memcpy(event.manifest_checked.track_id, effect->check_manifest.track_id, TRACK_ID_BYTES);
    event.manifest_checked.valid = is_valid(engine, effect);
    uint32_t count = effect->check_manifest.count;
    uint8_t *copy = event.manifest_checked.valid ? malloc(count) : NULL;
    if (copy != NULL) {
        memcpy(copy, effect->check_manifest.bytes, count);
    }
    engine_answer(engine, &event, copy, count);
}

static void ready(struct engine *engine, const struct node_effect *effect)
{
    if (reader_ready(engine->reader, effect->ready.file, effect->ready.chunk, effect->ready.slot) !=
        0) {
        engine_fail(engine, EXIT_CODE_INTERNAL, "player: out of memory; close other programs");
    }
}

/* What is only for the store, and only when there is one. */
static void keep(struct engine *engine, const struct node_effect *effect)
{
    if (engine->store == NULL) {
        return;
    }
    const struct media_file_id *id;
    /* An error is the same as a full queue: the row stays, is overwritten or evicted later. */
    switch ((int)effect->kind) {
    case NODE_EFFECT_EVICT_FILE:
        id = media_intern_id(engine->intern, effect->evict.file);
        store_evict_file(engine->store, id);
        break;
    case NODE_EFFECT_EVICT_ROW:
        id = media_intern_id(engine->intern, effect->evict.file);
        store_evict_row(engine->store, id, effect->evict.row);
        break;
    case NODE_EFFECT_TOUCH_FILE:
        store_touch(engine->store, media_intern_id(engine->intern, effect->touch.file),
                    effect->touch.is_main);
        break;
    case NODE_EFFECT_STORE_MANIFEST:
        store_put_manifest(engine->store, effect->store_manifest.track_id,
                           effect->store_manifest.bytes, effect->store_manifest.count);
        break;
    default:
        break;
    }
}

static void set_paused(struct engine *engine, bool paused)
{
    if (engine->output != NULL && output_set_paused(engine->output, paused) != 0) {
        engine_fail(engine, EXIT_CODE_INTERNAL, "player: out of memory; close other programs");
    }
}

static void note(struct engine *engine, const struct node_note *told)
{
    if ((told->entry & NODE_ENTRY_LENT) != 0) {
        engine_loan_failed(engine, told);
        return;
    }
    if (told->kind == NODE_NOTE_CACHE_OFF) {
        net_deadline_set(engine->store_retry, net_now_us() + ENGINE_STORE_RETRY_US);
    }
    if (engine->callbacks.on_note != NULL) {
        engine->callbacks.on_note(engine->callbacks.context, told);
    }
}

/* The origin's link, or a peer's. */
static void to_link(struct engine *engine, const struct node_effect *effect)
{
    switch ((int)effect->kind) {
    case NODE_EFFECT_SEND:
        if (effect->send.link == engine->origin.number) {
            origin_link_send(engine, effect->send.link, &effect->send.message);
        } else {
            peer_links_send(engine, effect);
        }
        break;
    case NODE_EFFECT_CONNECT:
        if (effect->connect.link_kind == NODE_LINK_ORIGIN) {
            origin_link_connect(engine, effect->connect.link);
        } else {
            peer_links_connect(engine, effect);
        }
        break;
    case NODE_EFFECT_DISCONNECT:
        if (effect->disconnect.link == engine->origin.number) {
            origin_link_disconnect(engine, effect->disconnect.link, effect->disconnect.reason);
        } else {
            peer_links_disconnect(engine, effect->disconnect.link, effect->disconnect.reason);
        }
        break;
    default:
        break;
    }
}

/* What they ask for, and who is worth remembering. */
static void for_peers(struct engine *engine, const struct node_effect *effect)
{
    switch ((int)effect->kind) {
    case NODE_EFFECT_FIND_TRACK:
        giving_find_track(engine, effect);
        break;
    case NODE_EFFECT_FIND_PROOF:
        giving_find_proof(engine, effect);
        break;
    case NODE_EFFECT_READ:
        giving_read(engine, effect);
        break;
    case NODE_EFFECT_REMEMBER:
        peers_remember(engine, effect);
        break;
    default:
        break;
    }
}

/* For our own sound, or for another player. */
static void to_sound(struct engine *engine, const struct node_effect *effect)
{
    switch ((int)effect->kind) {
    case NODE_EFFECT_LEND:
        engine_loan_lent(engine, effect);
        break;
    case NODE_EFFECT_UNPREPARE:
        sound_unprepare(engine, effect->unprepare.entry);
        break;
    case NODE_EFFECT_SILENCE:
        sound_silence(engine);
        break;
    case NODE_EFFECT_SET_PAUSED:
        set_paused(engine, effect->set_paused.paused);
        break;
    default:
        sound_open_entry(engine, effect);
        break;
    }
}

void effects_carry_out(struct engine *engine, const struct node_effect *effect)
{
    switch (effect->kind) {
    case NODE_EFFECT_FILL:
        fill(engine, effect);
        break;
    case NODE_EFFECT_HASH:
        hash(engine, effect);
        break;
    case NODE_EFFECT_CHECK_IDENTITY:
        origin_link_check_identity(engine, effect);
        break;
    case NODE_EFFECT_CHECK_MANIFEST:
        check_manifest(engine, effect);
        break;
    case NODE_EFFECT_LOAD_MANIFEST:
        storage_load_manifest(engine, effect->load_manifest.track_id);
        break;
    case NODE_EFFECT_READY:
        ready(engine, effect);
        break;
    case NODE_EFFECT_STORE_ROW:
        storage_put_row(engine, effect);
        break;
    case NODE_EFFECT_EVICT_FILE:
    case NODE_EFFECT_EVICT_ROW:
    case NODE_EFFECT_STORE_MANIFEST:
    case NODE_EFFECT_TOUCH_FILE:
        keep(engine, effect);
        break;
    case NODE_EFFECT_RELEASE:
        reader_release(engine->reader, effect->release.slot);
        break;
    case NODE_EFFECT_SEND:
    case NODE_EFFECT_CONNECT:
    case NODE_EFFECT_DISCONNECT:
        to_link(engine, effect);
        break;
    case NODE_EFFECT_FIND_TRACK:
    case NODE_EFFECT_FIND_PROOF:
    case NODE_EFFECT_READ:
    case NODE_EFFECT_REMEMBER:
        for_peers(engine, effect);
        break;
    case NODE_EFFECT_WANT_MET:
        reader_want_met(engine->reader, effect->want.want);
        break;
    case NODE_EFFECT_WANT_FAILED:
        reader_want_failed(engine->reader, effect->want.want, effect->want.error);
        break;
    case NODE_EFFECT_SWITCH:
    case NODE_EFFECT_PREPARE:
    case NODE_EFFECT_LEND:
    case NODE_EFFECT_UNPREPARE:
    case NODE_EFFECT_SILENCE:
    case NODE_EFFECT_SET_PAUSED:
        to_sound(engine, effect);
        break;
    case NODE_EFFECT_NOTE:
        note(engine, &effect->note);
        break;
    case NODE_EFFECT_KINDS:
        assert(false);
        break;
    }
}
