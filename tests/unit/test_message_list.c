/*
 * test_message_list.c: what a message borrows can be kept elsewhere, and records are drawn so.
 */
#include "p2p/core/message.h"

#include "p2p/core/message_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct media_file_id file = {.root = {1, 2, 3, 4, 5, 6, 7, 8, 9}, .bytes = 3000000};

static void test_keys(void **state)
{
    (void)state;
    const uint8_t drawn[] = {0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t keys[sizeof drawn];
    assert_int_equal(p2p_key_read(drawn, 0), 1);
    assert_true(p2p_key_read(drawn, 1) == UINT64_C(0x0102030405060708));
    p2p_key_write(keys, 1, UINT64_C(0x0102030405060708));
    p2p_key_write(keys, 0, 1);
    assert_memory_equal(keys, drawn, sizeof drawn);
    assert_true(p2p_file_key(&file) == (UINT64_C(0x0102030405060708) ^ 3000000));
}

static void test_records(void **state)
{
    (void)state;
    uint8_t bytes[2 * P2P_INTEREST_BYTES];
    struct media_file_id read;
    bool wanted;
    p2p_interest_write(bytes, 0, &file, false);
    p2p_interest_write(bytes, 1, &file, true);
    assert_memory_equal(bytes, file.root, HASH_BYTES);
    assert_memory_equal(bytes + HASH_BYTES, "\0\0\0\0\0\x2d\xc6\xc0\0", 9);
    assert_int_equal(bytes[sizeof bytes - 1], 1);
    for (uint32_t i = 0; i < 2; i++) {
        p2p_interest_read(bytes, i, &read, &wanted);
        assert_true(media_file_id_equal(&read, &file));
        assert_int_equal(wanted, i == 1);
    }
    const uint8_t drawn[] = {0, 0, 0, 5, 0, 0, 0, 1, 0, 1, 2, 3, 0, 0, 1, 0};
    uint8_t runs[sizeof drawn];
    struct p2p_have_run run;
    p2p_have_run_read(drawn, 1, &run);
    assert_int_equal(run.first, 0x010203);
    assert_int_equal(run.count, 256);
    p2p_have_run_write(runs, 1, &run);
    p2p_have_run_read(drawn, 0, &run);
    p2p_have_run_write(runs, 0, &run);
    assert_memory_equal(runs, drawn, sizeof drawn);
}

static void test_holders(void **state)
{
    (void)state;
    uint8_t bytes[3 * P2P_HOLDERS_FILE_BYTES_MAX];
    struct p2p_holders_file files[3] = {
        {.key = 7, .holders = 0},
        {.key = UINT64_MAX, .holders = 1000000, .listed = P2P_CONTACTS_MAX},
        {.key = 9, .holders = 2, .listed = 2, .contacts = {3, 1}, .kinds = {1, 4}},
    };
    memset(files[1].kinds, P2P_HAVE_WHOLE, P2P_CONTACTS_MAX);
    struct p2p_message message = {.type = P2P_HOLDERS};
    message.holders.file_count = 3;
    message.holders.files = bytes;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t written = p2p_holders_write(bytes + message.holders.file_bytes, &files[i]);
        assert_int_equal(written, 13 + 2 * files[i].listed);
        message.holders.file_bytes = (uint16_t)(message.holders.file_bytes + written);
    }
    assert_memory_equal(bytes + message.holders.file_bytes - 17,
                        "\0\0\0\0\0\0\0\x09\0\0\0\2\2\3\1\1\4", 17);
    uint32_t at = 0;
    for (uint32_t i = 0; i < 3; i++) {
        struct p2p_holders_file read;
        assert_true(p2p_holders_next(&message, &at, &read));
        assert_true(read.key == files[i].key);
        assert_int_equal(read.holders, files[i].holders);
        assert_int_equal(read.listed, files[i].listed);
        assert_memory_equal(read.contacts, files[i].contacts, P2P_CONTACTS_MAX);
        assert_memory_equal(read.kinds, files[i].kinds, P2P_CONTACTS_MAX);
    }
    struct p2p_holders_file none;
    assert_false(p2p_holders_next(&message, &at, &none));
    assert_false(p2p_holders_next(&message, &at, &none));
}

/* Each message that borrows is kept with a copy, and is the same message after that. */
static void test_kept(void **state)
{
    (void)state;
    static uint8_t bytes[P2P_ENCODED_BYTES_MAX];
    static uint8_t copy[P2P_ENCODED_BYTES_MAX];
    const struct p2p_message rows[] = {
        {.type = P2P_OPENED, .opened = {1, bytes, 300}},
        {.type = P2P_BYE, .bye = {1, 9, (const char *)bytes}},
        {.type = P2P_LISTEN, .listen = {1, 0, 3, bytes}},
        {.type = P2P_INTEREST, .interest = {5, bytes}},
        {.type = P2P_HAVE, .have = {file, P2P_HAVE_RUNS, 300, bytes}},
        {.type = P2P_ANNOUNCE, .announce = {1, 300, 200, 500, bytes}},
        {.type = P2P_LOOKUP, .lookup = {1, 1, 32, bytes}},
        {.type = P2P_HOLDERS, .holders = {1, 4, 2, bytes, bytes + 360, 26}},
        {.type = P2P_HOLDERS, .holders = {1, 0, 2, NULL, bytes, 26}},
        {.type = P2P_EXCHANGE, .exchange = {50, bytes}},
    };
    static const size_t lengths[] = {300, 9, 57, 205, 2400, 8000, 256, 386, 26, 4500};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t count = 0;
        assert_ptr_equal(p2p_message_list(&rows[i], &count), bytes);
        assert_int_equal(count, lengths[i]);
        struct p2p_message kept = rows[i];
        p2p_message_relist(&kept, copy);
        assert_ptr_equal(p2p_message_list(&kept, &count), copy);
        assert_int_equal(count, lengths[i]);
        assert_int_equal(p2p_message_frame_bytes(&kept), p2p_message_frame_bytes(&rows[i]));
    }
}

static void test_nothing_borrowed(void **state)
{
    (void)state;
    static const enum p2p_type types[] = {P2P_HELLO,  P2P_OPEN,   P2P_REQUEST,  P2P_CANCEL,
                                          P2P_PROOF,  P2P_REJECT, P2P_PING,     P2P_PONG,
                                          P2P_SEARCH, P2P_FOUND,  P2P_FRAGMENT, P2P_RENDEZVOUS};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct p2p_message message;
        struct p2p_message before;
        memset(&message, 0x5a, sizeof message);
        message.type = types[i];
        before = message;
        size_t count = 1;
        assert_null(p2p_message_list(&message, &count));
        assert_int_equal(count, 0);
        p2p_message_relist(&message, (const uint8_t *)"x");
        assert_memory_equal(&message, &before, sizeof message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_holders),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_nothing_borrowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
