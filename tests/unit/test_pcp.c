/*
 * test_pcp.c: the bytes of RFC 6887's MAP, drawn by hand, and answers that must not count.
 */
#include "p2p/core/pcp.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct pcp_map asked = {
    .nonce = "0123456789a",
    .client = {10, 0, 0, 2},
    .inner_port = 7373,
    .outer_port = 7373,
    .lifetime_s = 3600,
};

static const uint8_t request[PCP_MAP_BYTES] = {
    2,   1,   0,   0,    0,    0,  0x0e, 0x10, 0, 0,    0,    0,    0,    0,    0,
    0,   0,   0,   0xff, 0xff, 10, 0,    0,    2, '0',  '1',  '2',  '3',  '4',  '5',
    '6', '7', '8', '9',  'a',  0,  6,    0,    0, 0,    0x1c, 0xcd, 0x1c, 0xcd, 0,
    0,   0,   0,   0,    0,    0,  0,    0,    0, 0xff, 0xff, 0,    0,    0,    0,
};

/* Mapped to 203.0.113.5:50000 for 120 s. */
static const uint8_t answer[PCP_MAP_BYTES] = {
    2,   0x81, 0,   0,   0,   0, 0, 120, 0, 0,    0,    9,    0,    0,    0,
    0,   0,    0,   0,   0,   0, 0, 0,   0, '0',  '1',  '2',  '3',  '4',  '5',
    '6', '7',  '8', '9', 'a', 0, 6, 0,   0, 0,    0x1c, 0xcd, 0xc3, 0x50, 0,
    0,   0,    0,   0,   0,   0, 0, 0,   0, 0xff, 0xff, 203,  0,    113,  5,
};

static void test_request(void **state)
{
    (void)state;
    uint8_t bytes[PCP_MAP_BYTES];
    pcp_map_write(&asked, bytes);
    assert_memory_equal(bytes, request, sizeof request);
}

static void test_answer(void **state)
{
    (void)state;
    struct pcp_mapped mapped;
    assert_int_equal(pcp_map_read(&asked, answer, sizeof answer, &mapped), 0);
    assert_int_equal(mapped.outer_port, 50000);
    assert_int_equal(mapped.lifetime_s, 120);
    assert_int_equal(mapped.outer_address.family, 4);
    assert_memory_equal(mapped.outer_address.address, "\xcb\0\x71\5", 4);
    assert_int_equal(mapped.outer_address.port, 0);
}

static void test_deleted(void **state)
{
    (void)state;
    struct pcp_map map = asked;
    struct pcp_mapped mapped = {.outer_port = 1};
    uint8_t bytes[PCP_MAP_BYTES];
    map.lifetime_s = 0;
    map.outer_port = 0;
    memcpy(bytes, answer, sizeof bytes);
    memset(bytes + 4, 0, 4);
    memset(bytes + 42, 0, 2);
    assert_int_equal(pcp_map_read(&map, bytes, sizeof bytes, &mapped), 0);
    assert_int_equal(mapped.outer_port, 1); /* untouched */
}

/* One byte of the answer is another. */
static void test_strange_answers(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
        int error;
    } rows[] = {
        {"NAT-PMP only", 0, 0, ERROR_VERSION},
        {"a later version", 0, 3, ERROR_VERSION},
        {"version not supported", 3, 1, ERROR_VERSION},
        {"a request", 1, 1, ERROR_MISMATCH},
        {"of another opcode", 1, 0x82, ERROR_MISMATCH},
        {"not authorized", 3, 2, ERROR_DENIED},
        {"no resources", 3, 8, ERROR_DENIED},
        {"another's nonce", 24, 'x', ERROR_MISMATCH},
        {"UDP", 36, 17, ERROR_MISMATCH},
        {"another port", 41, 1, ERROR_MISMATCH},
        {"for no time", 7, 0, ERROR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pcp_mapped mapped;
        uint8_t bytes[PCP_MAP_BYTES];
        memcpy(bytes, answer, sizeof bytes);
        bytes[rows[i].at] = rows[i].value;
        if (pcp_map_read(&asked, bytes, sizeof bytes, &mapped) != rows[i].error) {
            fail_msg("%s", rows[i].what);
        }
    }
}

static void test_outer_port_zero(void **state)
{
    (void)state;
    struct pcp_mapped mapped;
    uint8_t bytes[PCP_MAP_BYTES];
    memcpy(bytes, answer, sizeof bytes);
    memset(bytes + 42, 0, 2);
    assert_int_equal(pcp_map_read(&asked, bytes, sizeof bytes, &mapped), ERROR_MALFORMED);
}

static void test_lengths(void **state)
{
    (void)state;
    struct pcp_mapped mapped;
    uint8_t bytes[PCP_ANSWER_BYTES_MAX + 1];
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, answer, sizeof answer);
    for (size_t count = 0; count < PCP_MAP_BYTES; count++) {
        assert_int_equal(pcp_map_read(&asked, bytes, count, &mapped), ERROR_MISMATCH);
    }
    /* Options may follow. */
    assert_int_equal(pcp_map_read(&asked, bytes, PCP_ANSWER_BYTES_MAX, &mapped), 0);
    assert_int_equal(pcp_map_read(&asked, bytes, sizeof bytes, &mapped), ERROR_MISMATCH);
}

static void test_no_ipv4_outside(void **state)
{
    (void)state;
    struct pcp_mapped mapped;
    uint8_t bytes[PCP_MAP_BYTES];
    memcpy(bytes, answer, sizeof bytes);
    bytes[44] = 0x20;
    assert_int_equal(pcp_map_read(&asked, bytes, sizeof bytes, &mapped), 0);
    assert_int_equal(mapped.outer_address.family, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),         cmocka_unit_test(test_answer),
        cmocka_unit_test(test_deleted),         cmocka_unit_test(test_strange_answers),
        cmocka_unit_test(test_outer_port_zero), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_no_ipv4_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
