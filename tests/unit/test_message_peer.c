/*
 * test_message_peer.c: types 12 to 21 there and back, every bound from both sides, every cut.
 */
#include "p2p/core/message_peer.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* 3,000,000 bytes are 184 chunks. */
static const struct media_file_id file = {.root = {1, 2, 3}, .bytes = 3000000};
static const struct p2p_contact somebody = {
    .peer_id = {0x77, 1},
    .flags = P2P_CONTACT_REACHABLE,
    .addresses = {{.family = 4, .address = {192, 0, 2, 1}, .port = 7373},
                  {.family = 6, .address = {0x20, 1, 0xd, 0xb8}, .port = 1}},
};

enum sample {
    LISTEN_NONE,
    LISTEN,
    INTEREST,
    INTEREST_MOST,
    HAVE_NONE,
    HAVE_WHOLE,
    HAVE_RUNS,
    HAVE_MOST,
    ANNOUNCE_EMPTY,
    ANNOUNCE,
    ANNOUNCE_MOST,
    LOOKUP,
    LOOKUP_MOST,
    HOLDERS_NONE,
    HOLDERS,
    HOLDERS_MOST,
    EXCHANGE,
    EXCHANGE_MOST,
    RENDEZVOUS,
    SEARCH,
    FOUND,
    SAMPLES,
};

static uint8_t lists[SAMPLES][P2P_ENCODED_BYTES_MAX];
static struct p2p_message samples[SAMPLES];

static void fill_have(enum sample which, uint8_t kind, uint16_t count, uint32_t step)
{
    struct p2p_message *message = &samples[which];
    message->type = P2P_HAVE;
    message->have.file = file;
    message->have.file.bytes = which == HAVE_MOST ? FILE_BYTES_MAX : file.bytes;
    message->have.kind = kind;
    message->have.count = count;
    message->have.runs = lists[which];
    for (uint32_t i = 0; i < count; i++) {
        struct p2p_have_run run = {i * step, step - 1};
        p2p_have_run_write(lists[which], i, &run);
    }
}

static void fill_holders(enum sample which, uint8_t contacts, uint8_t files, uint8_t listed)
{
    struct p2p_message *message = &samples[which];
    struct p2p_holders_file one = {.key = 5, .holders = 99, .listed = listed};
    uint8_t *at = lists[which];
    message->type = P2P_HOLDERS;
    message->holders.lookup = 4;
    message->holders.contact_count = contacts;
    message->holders.file_count = files;
    message->holders.contacts = at;
    for (uint32_t i = 0; i < contacts; i++) {
        p2p_contact_write(at, i, &somebody);
    }
    at += (size_t)contacts * P2P_CONTACT_BYTES;
    message->holders.files = at;
    for (uint32_t i = 0; i < listed; i++) {
        one.contacts[i] = (uint8_t)(listed - 1 - i);
        one.kinds[i] = i % 2 == 0 ? P2P_HAVE_WHOLE : P2P_HAVE_PARTIAL;
    }
    for (uint32_t i = 0; i < files; i++) {
        at += p2p_holders_write(at, &one);
    }
    message->holders.file_bytes = (uint16_t)(at - message->holders.files);
}

static void fill_small(void)
{
    static const struct p2p_address addresses[] = {
        {.family = 4, .address = {10, 0, 0, 1}, .port = 9},
        {.family = 6, .address = {0xfe, 0x80}, .port = 0},
        {.family = 4, .address = {192, 168, 0, 1}, .port = 9},
        {.family = 6, .address = {0xfd}, .port = 65535},
    };
    for (uint32_t i = 0; i < P2P_LISTEN_ADDRESSES_MAX; i++) {
        p2p_address_write(lists[LISTEN], i, &addresses[i]);
    }
    samples[LISTEN_NONE] = (struct p2p_message){.type = P2P_LISTEN};
    samples[LISTEN] = (struct p2p_message){
        .type = P2P_LISTEN, .listen = {7373, P2P_LISTEN_MAPPED | 0x40, 4, lists[LISTEN]}};
    samples[ANNOUNCE_EMPTY] =
        (struct p2p_message){.type = P2P_ANNOUNCE, .announce = {1, 0, 0, 0, NULL}};
    samples[ANNOUNCE] =
        (struct p2p_message){.type = P2P_ANNOUNCE, .announce = {0, 1, 2, 3, lists[ANNOUNCE]}};
    samples[ANNOUNCE_MOST] = (struct p2p_message){
        .type = P2P_ANNOUNCE, .announce = {1, 500, 499, 1, lists[ANNOUNCE_MOST]}};
    samples[LOOKUP] = (struct p2p_message){.type = P2P_LOOKUP, .lookup = {1, 1, 1, lists[LOOKUP]}};
    samples[LOOKUP_MOST] = (struct p2p_message){
        .type = P2P_LOOKUP,
        .lookup = {UINT32_MAX, P2P_CONTACTS_MAX, P2P_LOOKUP_MAX, lists[LOOKUP_MOST]}};
    samples[RENDEZVOUS] =
        (struct p2p_message){.type = P2P_RENDEZVOUS, .rendezvous = {P2P_RENDEZVOUS_AWAY, somebody}};
    samples[SEARCH] =
        (struct p2p_message){.type = P2P_SEARCH, .search = {UINT64_MAX, 2, 6, somebody}};
    samples[FOUND] =
        (struct p2p_message){.type = P2P_FOUND, .found = {0, 6, P2P_HAVE_PARTIAL, somebody}};
}

static int setup(void **state)
{
    (void)state;
    fill_small();
    for (uint32_t i = 0; i < P2P_INTEREST_MAX; i++) {
        p2p_interest_write(lists[INTEREST], i, &file, i % 2 == 0);
        p2p_interest_write(lists[INTEREST_MOST], i, &file, i % 2 == 1);
    }
    samples[INTEREST] =
        (struct p2p_message){.type = P2P_INTEREST, .interest = {2, lists[INTEREST]}};
    samples[INTEREST_MOST] = (struct p2p_message){
        .type = P2P_INTEREST, .interest = {P2P_INTEREST_MAX, lists[INTEREST_MOST]}};
    fill_have(HAVE_NONE, P2P_HAVE_NONE, 0, 0);
    fill_have(HAVE_WHOLE, P2P_HAVE_WHOLE, 0, 0);
    fill_have(HAVE_RUNS, P2P_HAVE_RUNS, 2, 92); /* 0 to 90, 92 to 182 */
    fill_have(HAVE_MOST, P2P_HAVE_MORE, P2P_HAVE_RUNS_MAX, 512);
    fill_holders(HOLDERS_NONE, 0, 1, 0);
    fill_holders(HOLDERS, 3, 2, 2);
    fill_holders(HOLDERS_MOST, P2P_CONTACTS_MAX, P2P_LOOKUP_MAX, P2P_CONTACTS_MAX);
    for (uint32_t i = 0; i < P2P_CONTACTS_MAX; i++) {
        p2p_contact_write(lists[EXCHANGE], i, &somebody);
        p2p_contact_write(lists[EXCHANGE_MOST], i, &somebody);
    }
    samples[EXCHANGE] =
        (struct p2p_message){.type = P2P_EXCHANGE, .exchange = {1, lists[EXCHANGE]}};
    samples[EXCHANGE_MOST] = (struct p2p_message){
        .type = P2P_EXCHANGE, .exchange = {P2P_CONTACTS_MAX, lists[EXCHANGE_MOST]}};
    return 0;
}

static size_t body_of(const struct p2p_message *message, uint8_t body[P2P_ENCODED_BYTES_MAX])
{
    size_t bytes = 0;
    assert_int_equal(p2p_message_encode(message, body, P2P_ENCODED_BYTES_MAX, &bytes), 0);
    return bytes;
}

static void test_round_trips(void **state)
{
    (void)state;
    static const size_t expected[SAMPLES] = {
        4,  80,  83, 2625, 43,   43, 59,   4139, 7,   55,  8007,
        14, 262, 19, 310,  8122, 91, 4501, 91,   107, 107,
    };
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint8_t body[P2P_ENCODED_BYTES_MAX], again[P2P_ENCODED_BYTES_MAX];
        struct p2p_message decoded;
        size_t bytes = body_of(&samples[i], body);
        assert_int_equal(bytes, expected[i]);
        assert_int_equal(p2p_message_frame_bytes(&samples[i]), bytes + 4);
        assert_int_equal(p2p_message_decode((uint8_t)samples[i].type, body, bytes, &decoded), 0);
        assert_int_equal(decoded.type, samples[i].type);
        assert_int_equal(body_of(&decoded, again), bytes);
        assert_memory_equal(again, body, bytes);
        assert_int_equal(p2p_message_frame_bytes(&decoded), bytes + 4);
    }
}

/* Field by field, so that reader and writer cannot be wrong together. */
static void test_drawn(void **state)
{
    (void)state;
    uint8_t body[P2P_ENCODED_BYTES_MAX];
    (void)body_of(&samples[LISTEN], body);
    assert_memory_equal(body, "\x1c\xcd\x41\4\4\x0a\0\0\1\0", 10);
    (void)body_of(&samples[INTEREST], body);
    assert_memory_equal(body, "\2\1\2\3\0", 5);
    assert_int_equal(body[41], 1);
    (void)body_of(&samples[HAVE_RUNS], body);
    assert_memory_equal(body + 32, "\0\0\0\0\0\x2d\xc6\xc0\2\0\2\0\0\0\0\0\0\0\x5b\0\0\0\x5c", 23);
    (void)body_of(&samples[ANNOUNCE], body);
    assert_memory_equal(body, "\0\0\1\0\2\0\3", 7);
    (void)body_of(&samples[LOOKUP_MOST], body);
    assert_memory_equal(body, "\xff\xff\xff\xff\x32\x20", 6);
    (void)body_of(&samples[HOLDERS], body);
    assert_memory_equal(body, "\0\0\0\4\3\2\x77\1\0", 9);
    assert_memory_equal(body + 276, "\0\0\0\0\0\0\0\5\0\0\0\x63\2\1\1\0\4", 17);
    (void)body_of(&samples[EXCHANGE], body);
    assert_memory_equal(body, "\1\x77\1\0", 4);
    (void)body_of(&samples[RENDEZVOUS], body);
    assert_memory_equal(body, "\3\x77\1\0", 4);
    (void)body_of(&samples[SEARCH], body);
    assert_memory_equal(body, "\xff\xff\xff\xff\xff\xff\xff\xff\2\0\0\0\0\0\0\0\6\x77\1", 19);
    (void)body_of(&samples[FOUND], body);
    assert_memory_equal(body, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\6\4\x77\1", 19);
}

/* These bodies say how long they are: each cut is too short, each byte more is malformed. */
static void test_cut_and_left_over(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint8_t body[P2P_ENCODED_BYTES_MAX + 1];
        uint8_t type = (uint8_t)samples[i].type;
        size_t bytes = body_of(&samples[i], body);
        for (size_t cut = 0; cut < bytes; cut += cut < 700 ? 1 : 89) {
            struct p2p_message decoded = {.type = (enum p2p_type)99};
            uint8_t *copy = test_malloc(cut + 1); /* so that a byte beyond is seen */
            memcpy(copy, body, cut);
            int error = p2p_message_decode(type, copy, cut, &decoded);
            test_free(copy);
            if (error != ERROR_TRUNCATED || (int)decoded.type != 99) {
                fail_msg("%u cut to %zu: %s", i, cut, error_name(error));
            }
        }
        struct p2p_message decoded;
        body[bytes] = 0;
        assert_int_equal(p2p_message_decode(type, body, bytes + 1, &decoded), ERROR_MALFORMED);
        size_t written = 0;
        uint8_t room[P2P_ENCODED_BYTES_MAX];
        assert_int_equal(p2p_message_encode(&samples[i], room, bytes - 1, &written),
                         ERROR_TOO_LARGE);
        assert_int_equal(p2p_message_encode(&samples[i], room, bytes, &written), 0);
    }
}

#define HOLDERS_FILES (6 + 3 * 90)

static const struct {
    enum sample sample;
    unsigned at;
    const char *bytes;
    size_t count;
    int error;
} wounds[] = {
    {LISTEN, 0, "\0\0", 2, 0},
    {LISTEN, 2, "\xff", 1, 0}, /* flags of a later version */
    {LISTEN, 3, "\3", 1, ERROR_MALFORMED},
    {LISTEN, 3, "\5", 1, ERROR_TRUNCATED},
    {LISTEN, 4, "\0", 1, ERROR_MALFORMED}, /* an address of no family */
    {LISTEN, 4, "\5", 1, ERROR_MALFORMED},
    {LISTEN, 9, "\1", 1, ERROR_MALFORMED}, /* behind an IPv4 address */
    {INTEREST, 0, "\0", 1, ERROR_MALFORMED},
    {INTEREST, 0, "\1", 1, ERROR_MALFORMED},
    {INTEREST, 0, "\3", 1, ERROR_TRUNCATED},
    {INTEREST, 41, "\2", 1, ERROR_MALFORMED},
    {INTEREST, 33, "\0\0\0\0\0\0\0\0", 8, ERROR_MALFORMED}, /* a file of no bytes */
    {INTEREST, 33, "\0\0\0\1\0\0\0\0", 8, 0},
    {INTEREST, 33, "\0\0\0\1\0\0\0\1", 8, ERROR_MALFORMED},
    {INTEREST, 74, "\0\0\0\0\0\0\0\0", 8, ERROR_MALFORMED}, /* the second */
    {HAVE_NONE, 40, "\5", 1, ERROR_MALFORMED},
    {HAVE_NONE, 40, "\4", 1, ERROR_MALFORMED}, /* PARTIAL says too little */
    {HAVE_NONE, 40, "\2", 1, ERROR_MALFORMED}, /* runs, but none */
    {HAVE_NONE, 40, "\3", 1, ERROR_MALFORMED},
    {HAVE_NONE, 40, "\1", 1, 0},
    {HAVE_NONE, 32, "\0\0\0\0\0\0\0\0", 8, ERROR_MALFORMED},
    {HAVE_NONE, 41, "\0\1", 2, ERROR_TRUNCATED},
    {HAVE_NONE, 41, "\2\1", 2, ERROR_MALFORMED}, /* 513 runs */
    {HAVE_RUNS, 40, "\0", 1, ERROR_MALFORMED},   /* none, but runs */
    {HAVE_RUNS, 40, "\1", 1, ERROR_MALFORMED},
    {HAVE_RUNS, 40, "\3", 1, 0},
    {HAVE_RUNS, 40, "\4", 1, ERROR_MALFORMED},
    {HAVE_RUNS, 47, "\0\0\0\0", 4, ERROR_MALFORMED},   /* a run of nothing */
    {HAVE_RUNS, 47, "\0\0\0\x5c", 4, ERROR_MALFORMED}, /* 0 to 91 touches 92 */
    {HAVE_RUNS, 47, "\0\0\0\x5d", 4, ERROR_MALFORMED}, /* overlaps it */
    {HAVE_RUNS, 47, "\xff\xff\xff\xff", 4, ERROR_MALFORMED},
    {HAVE_RUNS, 43, "\0\0\0\x5c", 4, ERROR_MALFORMED}, /* not ascending */
    {HAVE_RUNS, 51, "\0\0\0\x5d\0\0\0\x5b", 8, 0},     /* 93 to 183, the last chunk */
    {HAVE_RUNS, 51, "\0\0\0\x5d\0\0\0\x5c", 8, ERROR_MALFORMED},
    {HAVE_RUNS, 51, "\0\0\0\xb7\0\0\0\1", 8, 0},
    {HAVE_RUNS, 51, "\0\0\0\xb8\0\0\0\1", 8, ERROR_MALFORMED},
    {HAVE_RUNS, 51, "\xff\xff\xff\xff\0\0\0\1", 8, ERROR_MALFORMED},
    {HAVE_RUNS, 51, "\0\0\0\x5d\xff\xff\xff\xff", 8, ERROR_MALFORMED},
    {ANNOUNCE, 0, "\1", 1, 0},
    {ANNOUNCE, 0, "\2", 1, ERROR_MALFORMED}, /* a flag that would change what it means */
    {ANNOUNCE, 1, "\0\2\0\1", 4, 0},
    {ANNOUNCE, 1, "\0\2", 2, ERROR_TRUNCATED},
    {ANNOUNCE, 1, "\0\0", 2, ERROR_MALFORMED},
    {ANNOUNCE, 1, "\xff\xff\xff\xff\xff\xff", 6, ERROR_MALFORMED},
    {ANNOUNCE_MOST, 5, "\0\2", 2, ERROR_MALFORMED}, /* 1,001 */
    {LOOKUP, 0, "\0\0\0\0", 4, ERROR_MALFORMED},
    {LOOKUP, 4, "\0", 1, ERROR_MALFORMED},
    {LOOKUP, 4, "\x32", 1, 0},
    {LOOKUP, 4, "\x33", 1, ERROR_MALFORMED},
    {LOOKUP, 5, "\0", 1, ERROR_MALFORMED},
    {LOOKUP_MOST, 5, "\x21", 1, ERROR_TRUNCATED},
    {HOLDERS, 0, "\0\0\0\0", 4, ERROR_MALFORMED},
    {HOLDERS, 4, "\x33", 1, ERROR_MALFORMED},
    {HOLDERS, 5, "\0", 1, ERROR_MALFORMED},
    {HOLDERS, 5, "\1", 1, ERROR_MALFORMED},
    {HOLDERS, 5, "\3", 1, ERROR_TRUNCATED},
    {HOLDERS, 5, "\x21", 1, ERROR_MALFORMED},
    {HOLDERS, 6 + 33, "\0", 1, ERROR_MALFORMED},               /* a contact's address */
    {HOLDERS, HOLDERS_FILES + 12, "\x33", 1, ERROR_MALFORMED}, /* lists 51 */
    {HOLDERS, HOLDERS_FILES + 13, "\2", 1, 0},                 /* the last contact */
    {HOLDERS, HOLDERS_FILES + 13, "\3", 1, ERROR_MALFORMED},   /* no such contact */
    {HOLDERS, HOLDERS_FILES + 14, "\0", 1, ERROR_MALFORMED},   /* kinds */
    {HOLDERS, HOLDERS_FILES + 14, "\2", 1, ERROR_MALFORMED},
    {HOLDERS, HOLDERS_FILES + 14, "\4", 1, 0},
    {HOLDERS, HOLDERS_FILES + 14, "\5", 1, ERROR_MALFORMED},
    {HOLDERS, HOLDERS_FILES + 17 + 15, "\3", 1, ERROR_MALFORMED}, /* of the second file */
    {EXCHANGE, 0, "\0", 1, ERROR_MALFORMED},
    {EXCHANGE, 0, "\2", 1, ERROR_TRUNCATED},
    {EXCHANGE, 1, "\0\0", 2, ERROR_MALFORMED}, /* nobody */
    {EXCHANGE, 33, "\xff", 1, 0},              /* unknown flags */
    {EXCHANGE, 34, "\0", 1, ERROR_MALFORMED},
    {EXCHANGE, 53, "\0", 1, ERROR_MALFORMED}, /* the second address: none, yet it has bytes */
    {EXCHANGE, 72, "\4", 1, 0},               /* the third: 0.0.0.0, port 0; form is all here */
    {EXCHANGE_MOST, 0, "\x33", 1, ERROR_TRUNCATED},
    {EXCHANGE_MOST, 0, "\x31", 1, ERROR_MALFORMED},
    {EXCHANGE_MOST, 1 + 49 * 90, "\0\0", 2, ERROR_MALFORMED}, /* the last is nobody */
    {RENDEZVOUS, 0, "\4", 1, ERROR_MALFORMED},
    {RENDEZVOUS, 0, "\0", 1, 0},
    {RENDEZVOUS, 1, "\0\0", 2, ERROR_MALFORMED},
    {SEARCH, 8, "\0", 1, ERROR_MALFORMED},
    {SEARCH, 8, "\1", 1, 0},
    {SEARCH, 8, "\3", 1, ERROR_MALFORMED},
    {SEARCH, 17, "\0\0", 2, ERROR_MALFORMED},
    {FOUND, 16, "\0", 1, ERROR_MALFORMED},
    {FOUND, 16, "\1", 1, 0},
    {FOUND, 16, "\2", 1, ERROR_MALFORMED},
    {FOUND, 17, "\0\0", 2, ERROR_MALFORMED},
};

static void test_wounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wounds / sizeof wounds[0]; i++) {
        uint8_t body[P2P_ENCODED_BYTES_MAX], again[P2P_ENCODED_BYTES_MAX];
        const struct p2p_message *message = &samples[wounds[i].sample];
        struct p2p_message decoded;
        size_t bytes = body_of(message, body);
        memcpy(body + wounds[i].at, wounds[i].bytes, wounds[i].count);
        int error = p2p_message_decode((uint8_t)message->type, body, bytes, &decoded);
        if (error != wounds[i].error) {
            fail_msg("row %zu: %s", i, error_name(error));
        }
        if (error == 0) {
            assert_int_equal(body_of(&decoded, again), bytes);
            assert_memory_equal(again, body, bytes);
        }
    }
}

/* What the writer would refuse is what the reader refuses: the lists that only a struct can hold. */
static void test_ours(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SAMPLES; i++) {
        assert_true(p2p_message_peer_ok(&samples[i]));
    }
    struct p2p_message message = samples[LISTEN];
    message.listen.count = P2P_LISTEN_ADDRESSES_MAX + 1;
    assert_false(p2p_message_peer_ok(&message));
    message = samples[INTEREST_MOST];
    message.interest.count = P2P_INTEREST_MAX + 1;
    assert_false(p2p_message_peer_ok(&message));
    message = samples[LOOKUP_MOST];
    message.lookup.count = P2P_LOOKUP_MAX + 1;
    assert_false(p2p_message_peer_ok(&message));
    message = samples[EXCHANGE_MOST];
    message.exchange.count = P2P_CONTACTS_MAX + 1;
    assert_false(p2p_message_peer_ok(&message));
    message = samples[HOLDERS];
    message.holders.file_bytes--;
    assert_false(p2p_message_peer_ok(&message));
    message.holders.file_bytes = (uint16_t)(message.holders.file_bytes + 2);
    assert_false(p2p_message_peer_ok(&message));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_drawn),
        cmocka_unit_test(test_cut_and_left_over),
        cmocka_unit_test(test_wounds),
        cmocka_unit_test(test_ours),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
