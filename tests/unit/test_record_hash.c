/*
 * test_record_hash.c: each kind of effect counts in an update's hash, field by field.
 */
#include "player/core/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct media_manifest manifest = {.track_id = {1, 2, 3}};
static const struct p2p_hello hello = {.identity = {4, 5, 6}};
static const uint8_t nonce[P2P_NONCE_BYTES] = {7};
static const uint8_t track_id[TRACK_ID_BYTES] = {8, 9};
static const struct media_proof proof = {
    .leaf_count = 2, .uncle_count = 1, .hashes = {{1}, {2}, {3}}};

/* An effect of this kind whose first number is `n`. */
static struct node_effect effect(enum node_effect_kind kind, uint32_t n)
{
    struct node_effect made;
    memset(&made, 0, sizeof made);
    made.kind = kind;
    made.fill.slot = n; /* the first field of most kinds, whatever its name */
    switch ((int)kind) {
    case NODE_EFFECT_CHECK_IDENTITY:
        made.check_identity.hello = &hello;
        made.check_identity.nonce = nonce;
        break;
    case NODE_EFFECT_CHECK_MANIFEST:
    case NODE_EFFECT_STORE_MANIFEST:
        made.check_manifest.bytes = nonce;
        made.check_manifest.track_id = track_id;
        made.check_manifest.count = n;
        break;
    case NODE_EFFECT_LOAD_MANIFEST:
        made.load_manifest.track_id = n % 2 == 0 ? track_id : nonce;
        break;
    case NODE_EFFECT_STORE_ROW:
        made.store_row.mask = 3;
        made.store_row.proof = &proof;
        break;
    case NODE_EFFECT_SEND:
        made.send.message.type = P2P_CANCEL;
        made.send.message.cancel.request = 1;
        break;
    case NODE_EFFECT_SWITCH:
    case NODE_EFFECT_PREPARE:
    case NODE_EFFECT_LEND:
        made.open.manifest = &manifest;
        break;
    case NODE_EFFECT_SET_PAUSED:
        made.set_paused.paused = n % 2 == 1;
        break;
    default:
        break;
    }
    return made;
}

static uint64_t hash_of(enum node_effect_kind kind, uint32_t n)
{
    struct node_effect one = effect(kind, n);
    struct node_update update = {.effects = &one, .count = 1, .next_deadline_us = 1};
    return record_update_hash(&update);
}

static void test_each_kind_counts(void **state)
{
    (void)state;
    for (int kind = 0; kind < NODE_EFFECT_KINDS; kind++) {
        enum node_effect_kind this = (enum node_effect_kind)kind;
        assert_true(hash_of(this, 2) == hash_of(this, 2));
        if (this != NODE_EFFECT_SILENCE && this != NODE_EFFECT_NOTE) {
            assert_false(hash_of(this, 2) == hash_of(this, 3));
        }
        for (int other = 0; other < kind; other++) {
            assert_false(hash_of(this, 2) == hash_of((enum node_effect_kind)other, 2));
        }
    }
}

static void test_notes(void **state)
{
    (void)state;
    struct node_effect one = {.kind = NODE_EFFECT_NOTE};
    struct node_update update = {.effects = &one, .count = 1};
    one.note = (struct node_note){.kind = NODE_NOTE_PLAY, .entry = 1};
    uint64_t hash = record_update_hash(&update);
    one.note.play.wait_us = 5;
    assert_false(record_update_hash(&update) == hash);
    one.note.kind = NODE_NOTE_STARTED; /* has no play record */
    hash = record_update_hash(&update);
    one.note.play.wait_us = 6;
    assert_true(record_update_hash(&update) == hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_counts),
        cmocka_unit_test(test_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
