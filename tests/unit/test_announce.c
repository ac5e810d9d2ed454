/*
 * test_announce.c: what the tracker is told of a large cache: all of it, in batches, and again when
 * it moved meanwhile.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/announce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILES_MAX 12000u
#define LINK 9u

static struct media_intern *intern;
static media_handle files[FILES_MAX];
static uint8_t kinds[FILES_MAX]; /* enum p2p_have */
static uint32_t file_count;
static struct announce announce;
static struct outbox outbox;
static uint8_t known[FILES_MAX]; /* what the tracker was told */
static uint32_t messages, keys_told, fresh_count;

static enum p2p_have kind_of(void *context, media_handle file)
{
    (void)context;
    return (enum p2p_have)kinds[file - files[0]];
}

static bool next_file(void *context, uint32_t *place, media_handle *ret_file)
{
    (void)context;
    while (*place < file_count) {
        uint32_t at = (*place)++;
        if (kinds[at] != P2P_HAVE_NONE) {
            *ret_file = files[at];
            return true;
        }
    }
    return false;
}

static const struct overlay_own own = {.kind = kind_of, .next = next_file};

static void start(uint32_t count, const struct overlay_config *config)
{
    intern = media_intern_new(2);
    assert_non_null(intern);
    file_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct media_file_id id = {.bytes = 5};
        memcpy(id.root, &i, sizeof i);
        files[i] = media_intern_put(intern, &id);
        assert_int_equal(files[i], files[0] + i);
        kinds[i] = i % 3 == 0 ? P2P_HAVE_PARTIAL : P2P_HAVE_WHOLE;
    }
    memset(known, P2P_HAVE_NONE, sizeof known);
    messages = keys_told = fresh_count = 0;
    announce_init(&announce, config, &own, intern);
    outbox_init(&outbox);
}

static void finish(void)
{
    announce_check_invariants(&announce);
    announce_deinit(&announce);
    outbox_deinit(&outbox);
    media_intern_free(intern);
}

static uint32_t file_of_key(uint64_t key)
{
    for (uint32_t i = 0; i < file_count; i++) {
        if (p2p_file_key(media_intern_id(intern, files[i])) == key) {
            return i;
        }
    }
    fail();
    return 0;
}

static void take(const struct p2p_message *message)
{
    uint32_t whole = message->announce.whole;
    uint32_t partial = message->announce.partial;
    uint32_t all = whole + partial + message->announce.lost;
    assert_true(all <= P2P_ANNOUNCE_KEYS_MAX);
    messages++;
    keys_told += all;
    if ((message->announce.flags & P2P_ANNOUNCE_FRESH) != 0) {
        fresh_count++;
        memset(known, P2P_HAVE_NONE, sizeof known);
    }
    if (file_count > 3000) {
        return; /* counted only */
    }
    for (uint32_t i = 0; i < all; i++) {
        known[file_of_key(p2p_key_read(message->announce.keys, i))] = i < whole ? P2P_HAVE_WHOLE
                                                                      : i < whole + partial
                                                                          ? P2P_HAVE_PARTIAL
                                                                          : P2P_HAVE_NONE;
    }
}

static void send(uint64_t now_us)
{
    outbox_reset(&outbox);
    assert_int_equal(announce_send(&announce, now_us, LINK, &outbox), 0);
    announce_check_invariants(&announce);
    for (uint32_t i = 0; i < outbox.count; i++) {
        assert_int_equal(outbox.actions[i].send.link, LINK);
        take(&outbox.actions[i].send.message);
    }
}

/* Goes from deadline to deadline until nothing is due; returns when. */
static uint64_t run(uint64_t now_us)
{
    uint32_t rounds = 0;
    send(now_us);
    while (announce_next_us(&announce) != TIME_NEVER_US) {
        assert_true(++rounds < 100);
        now_us = announce_next_us(&announce) > now_us ? announce_next_us(&announce) : now_us;
        send(now_us);
    }
    return now_us;
}

static void assert_known(void)
{
    for (uint32_t i = 0; i < file_count; i++) {
        assert_int_equal(known[i], kinds[i]);
    }
}

static void test_all_of_a_small_cache_at_once(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 999, 1000, 1001, 2500};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        start(counts[i], overlay_config_refrain());
        announce_tracker_up(&announce, 5);
        assert_int_equal(run(5), 5);
        assert_int_equal(fresh_count, 1);
        assert_int_equal(keys_told, counts[i]);
        assert_known();
        finish();
    }
}

/* 12,000 files: within a second, and never more than four batches at once. */
static void test_all_of_a_large_cache_soon(void **state)
{
    (void)state;
    start(FILES_MAX, overlay_config_refrain());
    announce_tracker_up(&announce, 5);
    send(5);
    assert_int_equal(messages, ANNOUNCE_WALK_BATCHES);
    assert_true(run(5) < TIME_US_PER_S);
    assert_int_equal(keys_told, FILES_MAX);
    assert_int_equal(messages, 12);
    finish();
}

static void test_what_changes_during_the_walk(void **state)
{
    (void)state;
    start(FILES_MAX, overlay_config_refrain());
    announce_tracker_up(&announce, 5);
    send(5);
    kinds[1] = P2P_HAVE_NONE;
    assert_int_equal(announce_changed(&announce, 6, files[1]), 0);
    uint64_t end_us = run(6);
    assert_true(end_us >= ANNOUNCE_REWALK_US); /* once more, later */
    assert_true(end_us < 2 * ANNOUNCE_REWALK_US);
    assert_int_equal(fresh_count, 1);
    assert_int_equal(keys_told, FILES_MAX + (FILES_MAX - 1) + 1);
    finish();
}

static void test_increments_only_when_it_matters(void **state)
{
    (void)state;
    start(100, overlay_config_refrain());
    announce_tracker_up(&announce, 5);
    uint64_t now_us = run(5);
    messages = 0;
    kinds[1] = P2P_HAVE_PARTIAL;
    for (uint32_t i = 0; i < 100; i++) { /* chunk after chunk of one file */
        assert_int_equal(announce_changed(&announce, now_us, files[1]), 0);
        send(now_us);
        now_us += 100 * TIME_US_PER_MS;
    }
    assert_int_equal(messages, 1);
    kinds[1] = P2P_HAVE_WHOLE;
    announce_changed(&announce, now_us, files[1]);
    run(now_us);
    assert_int_equal(messages, 2);
    assert_known();
    finish();
}

static void test_more_changes_than_are_remembered(void **state)
{
    (void)state;
    start(2000, overlay_config_refrain());
    announce_tracker_up(&announce, 5);
    uint64_t now_us = run(5);
    for (uint32_t i = 0; i < 600; i++) {
        kinds[i] = P2P_HAVE_NONE;
        assert_int_equal(announce_changed(&announce, now_us, files[i]), 0);
        announce_check_invariants(&announce);
    }
    run(now_us);
    assert_int_equal(fresh_count > 1, 1); /* all afresh */
    assert_known();
    finish();
}

static void test_without_a_tracker_nothing(void **state)
{
    (void)state;
    start(10, overlay_config_refrain());
    announce_changed(&announce, 5, files[1]);
    announce_played(&announce, 5, files[1]);
    assert_true(announce_next_us(&announce) == TIME_NEVER_US);
    announce_tracker_up(&announce, 6);
    announce_tracker_down(&announce);
    assert_true(announce_next_us(&announce) == TIME_NEVER_US);
    assert_int_equal(announce_heap_bytes(&announce), 0);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_a_small_cache_at_once),
        cmocka_unit_test(test_all_of_a_large_cache_soon),
        cmocka_unit_test(test_what_changes_during_the_walk),
        cmocka_unit_test(test_increments_only_when_it_matters),
        cmocka_unit_test(test_more_changes_than_are_remembered),
        cmocka_unit_test(test_without_a_tracker_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
