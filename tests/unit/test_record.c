/*
 * test_record.c: every kind of event there and back, every truncation, damaged recordings, and the
 * hash of updates.
 */
#include "player/core/record.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t buffer[RECORD_BYTES_MAX + 4u];
static const struct media_file_id file_id = {.root = {7, 8, 9}, .bytes = 3 * ROW_BYTES + 5};
static const uint8_t masks[4] = {0xff, 0x01, 0x80, 0x01};
static const uint8_t manifest[] = "manifest bytes";
static const struct p2p_address address = {.family = 4, .address = {10, 0, 0, 7}, .port = 4001};

/* Commands and the store; what borrows, borrows from statics. */
static void fill_command(struct node_event *event, media_handle handle)
{
    switch ((int)event->kind) {
    case NODE_EVENT_ENQUEUE:
        event->enqueue.entry = 3;
        memset(event->enqueue.track_id, 0x5a, TRACK_ID_BYTES);
        event->enqueue.lent = true;
        break;
    case NODE_EVENT_DROP:
        event->drop.entry = 9;
        break;
    case NODE_EVENT_CUT:
        event->cut.entry = 5;
        break;
    case NODE_EVENT_START:
    case NODE_EVENT_SEEK:
        event->start.entry = 4;
        event->start.position_us = UINT64_C(0x1122334455);
        break;
    case NODE_EVENT_CACHED_FILE:
        event->cached_file.file = handle;
        event->cached_file.row_masks = masks;
        event->cached_file.last_use = 77;
        break;
    case NODE_EVENT_CACHE_STATE:
        event->cache_state.writable = true;
        break;
    case NODE_EVENT_MANIFEST_LOADED:
        memset(event->manifest_loaded.track_id, 0x11, TRACK_ID_BYTES);
        event->manifest_loaded.bytes = manifest;
        event->manifest_loaded.count = sizeof manifest;
        break;
    case NODE_EVENT_STORED:
        event->stored.file = handle;
        event->stored.row = 2;
        event->stored.mask = 0x81;
        event->stored.error = ERROR_FULL;
        break;
    case NODE_EVENT_ROTTEN:
        event->rotten.file = handle;
        event->rotten.row = 1;
        break;
    default:
        break;
    }
}

/* Answers, links, decoders and sound. */
static void fill_answer(struct node_event *event, media_handle handle)
{
    static struct p2p_message message;
    switch ((int)event->kind) {
    case NODE_EVENT_HASHED:
        event->hashed.slot = 12;
        memset(event->hashed.digest, 0xd1, HASH_BYTES);
        break;
    case NODE_EVENT_MANIFEST_CHECKED:
        memset(event->manifest_checked.track_id, 0x22, TRACK_ID_BYTES);
        event->manifest_checked.valid = true;
        break;
    case NODE_EVENT_IDENTITY_CHECKED:
        event->identity_checked.link = 5;
        event->identity_checked.valid = true;
        break;
    case NODE_EVENT_LINK_UP:
        event->link_up.link = 6;
        event->link_up.link_kind = NODE_LINK_ORIGIN;
        memset(event->link_up.nonce, 0x33, P2P_NONCE_BYTES);
        event->link_up.listen_port = 7373;
        memset(event->link_up.peer_id, 0x44, HASH_BYTES);
        event->link_up.address = address;
        break;
    case NODE_EVENT_LINK_DOWN:
        event->link_down.link = 6;
        event->link_down.error = ERROR_IO; /* negative: the sign must survive */
        break;
    case NODE_EVENT_MESSAGE:
        message = (struct p2p_message){.type = P2P_FRAGMENT};
        message.fragment.request = 9;
        message.fragment.chunk = 10;
        message.fragment.offset = 4096;
        message.fragment.bytes = 2048;
        event->message.link = 6;
        event->message.message = &message;
        break;
    case NODE_EVENT_WANT:
        event->want.want = 1;
        event->want.entry = 2;
        event->want.file = handle;
        event->want.first_chunk = 3;
        event->want.count = 4;
        break;
    case NODE_EVENT_WANT_DROPPED:
        event->want_dropped.want = 1;
        break;
    case NODE_EVENT_READ:
        event->read.entry = 2;
        event->read.file = handle;
        event->read.first_chunk = 3;
        event->read.count = 4;
        break;
    case NODE_EVENT_POSITION:
    case NODE_EVENT_SOUND_STARTED:
        event->position.entry = 2;
        event->position.position_us = 123456;
        break;
    case NODE_EVENT_SOUND_STALLED:
    case NODE_EVENT_SOUND_RESUMED:
    case NODE_EVENT_SOUND_ENDED:
    case NODE_EVENT_SOUND_FAILED:
        event->sound.entry = 2;
        event->sound.error = ERROR_TRUNCATED;
        break;
    default:
        break;
    }
}

/* What only a node with peers is told. */
static void fill_peer(struct node_event *event)
{
    static const struct media_proof proof = {
        .leaf_count = 3, .uncle_count = 2, .hashes = {{1}, {2}, {3}, {4}, {5}}};
    switch ((int)event->kind) {
    case NODE_EVENT_ROOM:
        event->room.link = NODE_LINK_INCOMING | 3;
        event->room.queued_bytes = 12345;
        break;
    case NODE_EVENT_LISTENING:
        event->listening.port = 4001;
        event->listening.flags = P2P_LISTEN_MAPPED;
        event->listening.address_count = 2;
        event->listening.addresses[0] = address;
        event->listening.addresses[1] = (struct p2p_address){.family = 6, .address = {0xfe, 0x80}};
        break;
    case NODE_EVENT_CONTACT:
        event->contact.contact = (struct p2p_contact){
            .peer_id = {9, 8}, .flags = P2P_CONTACT_GIVES, .addresses = {address}};
        event->contact.is_lan = true;
        event->contact.penalty = 70;
        event->contact.age_us = UINT64_C(0x998877665544);
        break;
    case NODE_EVENT_GIVING:
        event->giving.is_allowed = true;
        event->giving.bytes_per_s = 250000;
        break;
    case NODE_EVENT_TRACK_FOUND:
        event->track_found.operation = 5;
        event->track_found.manifest = manifest;
        event->track_found.manifest_bytes = sizeof manifest;
        break;
    case NODE_EVENT_PROOF_FOUND:
        event->proof_found.operation = 6;
        event->proof_found.proof = &proof;
        break;
    case NODE_EVENT_GIVE_READ:
        event->give_read.slot = 7;
        event->give_read.error = ERROR_IO;
        break;
    default:
        break;
    }
}

/* One of each kind. */
static struct node_event sample(enum node_event_kind kind, media_handle handle)
{
    struct node_event event = {.kind = kind, .now_us = 1000000 + (uint64_t)kind};
    fill_command(&event, handle);
    fill_answer(&event, handle);
    fill_peer(&event);
    return event;
}

static struct media_intern *intern_with_file(media_handle *ret_handle)
{
    struct media_intern *intern = media_intern_new(1);
    assert_non_null(intern);
    *ret_handle = media_intern_put(intern, &file_id);
    return intern;
}

/* A message that borrows a list: the list is in the record, and the event borrows it from there. */
static void test_borrowed_lists(void **state)
{
    (void)state;
    static uint8_t again[sizeof buffer];
    const struct p2p_contact somebody = {.peer_id = {7}, .flags = P2P_CONTACT_GIVES};
    const struct p2p_holders_file found = {
        .key = 5, .holders = 9, .listed = 1, .kinds = {P2P_HAVE_WHOLE}};
    const struct p2p_have_run run = {2, 3};
    uint8_t list[P2P_CONTACT_BYTES + P2P_HOLDERS_FILE_BYTES_MAX];
    uint8_t runs[P2P_HAVE_RUN_BYTES];
    p2p_contact_write(list, 0, &somebody);
    uint32_t file_bytes = p2p_holders_write(list + P2P_CONTACT_BYTES, &found);
    p2p_have_run_write(runs, 0, &run);
    const struct p2p_message messages[] = {
        {.type = P2P_HOLDERS,
         .holders = {4, 1, 1, list, list + P2P_CONTACT_BYTES, (uint16_t)file_bytes}},
        {.type = P2P_HAVE, .have = {file_id, P2P_HAVE_MORE, 1, runs}},
        {.type = P2P_EXCHANGE, .exchange = {1, list}},
    };
    media_handle handle;
    struct media_intern *intern = intern_with_file(&handle);
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        struct node_event event = {.kind = NODE_EVENT_MESSAGE, .now_us = 5};
        size_t bytes = 0, used = 0, again_bytes = 0;
        event.message.link = 6;
        event.message.message = &messages[i];
        assert_int_equal(record_encode(&event, 42, intern, buffer, sizeof buffer, &bytes), 0);
        struct record record;
        assert_int_equal(record_decode(buffer, bytes, intern, &record, &used), 0);
        size_t list_bytes = 0, kept_bytes = 0;
        const uint8_t *ours = p2p_message_list(&messages[i], &list_bytes);
        const uint8_t *kept = p2p_message_list(record.event.message.message, &kept_bytes);
        assert_int_equal(kept_bytes, list_bytes);
        assert_memory_equal(kept, ours, list_bytes);
        assert_true(kept >= buffer && kept + kept_bytes <= buffer + bytes);
        assert_int_equal(
            record_encode(&record.event, 42, intern, again, sizeof again, &again_bytes), 0);
        assert_int_equal(again_bytes, bytes);
        assert_memory_equal(again, buffer, bytes);
    }
    media_intern_free(intern);
}

/* Encoding what was decoded gives the same bytes: then nothing was lost. */
static void test_every_kind(void **state)
{
    (void)state;
    static uint8_t again[sizeof buffer];
    media_handle handle;
    struct media_intern *intern = intern_with_file(&handle);
    for (int kind = 0; kind < NODE_EVENT_KINDS; kind++) {
        struct node_event event = sample((enum node_event_kind)kind, handle);
        size_t bytes = 0, used = 0, again_bytes = 0;
        assert_int_equal(record_encode(&event, 42, intern, buffer, sizeof buffer, &bytes), 0);
        struct media_intern *fresh = media_intern_new(2);
        struct record record;
        assert_int_equal(record_decode(buffer, bytes, fresh, &record, &used), 0);
        assert_int_equal(used, bytes);
        assert_int_equal(record.update_hash, 42);
        assert_int_equal(record.event.kind, kind);
        assert_int_equal(record.event.now_us, event.now_us);
        if (kind == NODE_EVENT_CACHED_FILE) {
            assert_int_equal(record.handle_recorded, handle);
            assert_int_equal(record.event.cached_file.file, handle);
            assert_memory_equal(record.event.cached_file.row_masks, masks, sizeof masks);
        }
        struct media_intern *table = kind == NODE_EVENT_CACHED_FILE ? fresh : intern;
        assert_int_equal(record_encode(&record.event, 42, table, again, sizeof again, &again_bytes),
                         0);
        assert_int_equal(again_bytes, bytes);
        assert_memory_equal(again, buffer, bytes);
        media_intern_free(fresh);
    }
    media_intern_free(intern);
}

static void test_every_truncation(void **state)
{
    (void)state;
    media_handle handle;
    struct media_intern *intern = intern_with_file(&handle);
    for (int kind = 0; kind < NODE_EVENT_KINDS; kind++) {
        struct node_event event = sample((enum node_event_kind)kind, handle);
        size_t bytes = 0, used = 0;
        assert_int_equal(record_encode(&event, 42, intern, buffer, sizeof buffer, &bytes), 0);
        struct record record;
        for (size_t cut = 0; cut < bytes; cut++) {
            assert_int_equal(record_decode(buffer, cut, intern, &record, &used), ERROR_TRUNCATED);
            assert_int_equal(record_encode(&event, 42, intern, buffer, cut, &used),
                             ERROR_TOO_LARGE);
            assert_int_equal(record_encode(&event, 42, intern, buffer, sizeof buffer, &bytes), 0);
        }
    }
    media_intern_free(intern);
}

static void test_damaged(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
        int error;
    } cases[] = {
        {"\0\0\0\20abcdefghijklmnop", 20, ERROR_MALFORMED},      /* shorter than a record */
        {"\xff\0\0\0abcdefghijklmnopq", 21, ERROR_TOO_LARGE},    /* longer than one */
        {"\0\0\0\21hashhash\xc8momentmo", 21, ERROR_MALFORMED},  /* no such kind */
        {"\0\0\0\22hashhash\0momentmo!", 22, ERROR_MALFORMED},   /* bytes behind a TICK */
        {"\0\0\0\22hashhash\10momentmo\2", 22, ERROR_MALFORMED}, /* a bool that is 2 */
        {"\0\0\0\26hashhash\xemomentmo\0\0\0\1\x63", 26, ERROR_MALFORMED}, /* no such message */
    };
    struct media_intern *intern = media_intern_new(1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record record;
        size_t used;
        assert_int_equal(
            record_decode((const uint8_t *)cases[i].bytes, cases[i].count, intern, &record, &used),
            cases[i].error);
    }
    media_intern_free(intern);
}

static void test_head(void **state)
{
    (void)state;
    const struct record_head head = {.seed = 1,
                                     .cache_limit_bytes = 2,
                                     .slot_count = 512,
                                     .give_slot_count = 32,
                                     .fast = true,
                                     .with_peers = true,
                                     .peer_id = {3, 1, 4},
                                     .preset = "refrain"};
    uint8_t bytes[RECORD_HEAD_BYTES_MAX];
    size_t count = record_head_encode(&head, bytes);
    struct record_head back;
    size_t used = 0;
    assert_int_equal(record_head_decode(bytes, count, &back, &used), 0);
    assert_int_equal(used, count);
    assert_int_equal(back.seed, 1);
    assert_int_equal(back.cache_limit_bytes, 2);
    assert_int_equal(back.slot_count, 512);
    assert_int_equal(back.give_slot_count, 32);
    assert_true(back.with_peers);
    assert_memory_equal(back.peer_id, head.peer_id, HASH_BYTES);
    assert_false(back.offline);
    assert_true(back.fast);
    assert_string_equal(back.preset, "refrain");
    for (size_t cut = 0; cut < count; cut++) {
        assert_int_equal(record_head_decode(bytes, cut, &back, &used), ERROR_TRUNCATED);
    }
    bytes[5] = '9';
    assert_int_equal(record_head_decode(bytes, count, &back, &used), ERROR_VERSION);
    bytes[0] = 'x';
    assert_int_equal(record_head_decode(bytes, count, &back, &used), ERROR_MALFORMED);
}

/* What is in a field counts, what lies unused in the union does not. */
static void test_update_hash(void **state)
{
    (void)state;
    struct node_effect effects[2];
    memset(effects, 0xee, sizeof effects);
    effects[0].kind = NODE_EFFECT_SILENCE;
    effects[1].kind = NODE_EFFECT_RELEASE;
    effects[1].release.slot = 5;
    struct node_update update = {.effects = effects, .count = 2, .next_deadline_us = 9};
    uint64_t hash = record_update_hash(&update);
    memset(&effects[0], 0x11, sizeof effects[0]);
    effects[0].kind = NODE_EFFECT_SILENCE;
    assert_true(record_update_hash(&update) == hash);
    effects[1].release.slot = 6;
    assert_false(record_update_hash(&update) == hash);
    effects[1].release.slot = 5;
    update.next_deadline_us = 10;
    assert_false(record_update_hash(&update) == hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_borrowed_lists),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_update_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
