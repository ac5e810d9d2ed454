/*
 * test_message.c: every message there and back, every field's bad values, every truncation.
 */
#include "p2p/core/message.h"

#include "common/error.h"
#include "media/core/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define PAYLOAD_BYTES 1000u

static uint8_t manifest[MEDIA_MANIFEST_BYTES_MAX];

static struct p2p_message hello(uint8_t form)
{
    struct p2p_message message = {.type = P2P_HELLO};
    message.hello = (struct p2p_hello){.version = 1,
                                       .features = 0x01020304,
                                       .request_max = 300,
                                       .listen_port = 7373,
                                       .observed_family = 4,
                                       .observed_port = 40000,
                                       .form = form};
    memset(message.hello.peer_id, 0xe5, HASH_BYTES);
    memset(message.hello.nonce, 0xa1, P2P_NONCE_BYTES);
    memset(message.hello.observed_address, 0xb2, 4);
    if (form > 0) {
        memset(message.hello.identity, 0xc3, PUBLIC_KEY_BYTES);
        memset(message.hello.signature, 0xd4, SIGNATURE_BYTES);
    }
    return message;
}

static struct p2p_message proof(uint8_t leaves, uint8_t uncles)
{
    struct p2p_message message = {.type = P2P_PROOF};
    message.proof.request = 4;
    message.proof.row = 5;
    message.proof.proof.leaf_count = leaves;
    message.proof.proof.uncle_count = uncles;
    for (unsigned i = 0; i < (unsigned)leaves + uncles; i++) {
        memset(message.proof.proof.hashes[i], (int)i + 1, HASH_BYTES);
    }
    return message;
}

#define SAMPLES_MAX 24u

/* One or more of each type. Returns how many. */
static unsigned samples(struct p2p_message ret_messages[SAMPLES_MAX])
{
    unsigned count = 0;
    const struct media_file_id file = {.root = {1, 2, 3}, .bytes = 3000000};
    ret_messages[count++] = hello(P2P_IDENTITY_NONE);
    ret_messages[count++] = hello(P2P_IDENTITY_TLS);
    ret_messages[count++] = hello(P2P_IDENTITY_NONCE);
    ret_messages[count++] =
        (struct p2p_message){.type = P2P_OPEN, .open = {1, {7, 7, 7}, P2P_OPEN_START_SET}};
    ret_messages[count++] = (struct p2p_message){.type = P2P_OPENED, .opened = {2, manifest, 1}};
    ret_messages[count++] =
        (struct p2p_message){.type = P2P_OPENED, .opened = {2, manifest, sizeof manifest}};
    ret_messages[count++] =
        (struct p2p_message){.type = P2P_REQUEST,
                             .request = {UINT32_MAX, file, FILE_CHUNKS_MAX - 1, 64,
                                         P2P_PRIORITY_OFFLINE, P2P_REQUEST_PROOFS}};
    ret_messages[count++] =
        (struct p2p_message){.type = P2P_REQUEST, .request = {3, file, 0, 1, 0, 0}};
    ret_messages[count++] = (struct p2p_message){.type = P2P_CANCEL, .cancel = {0x01020304}};
    ret_messages[count++] =
        (struct p2p_message){.type = P2P_FRAGMENT, .fragment = {1, 2, 3, PAYLOAD_BYTES}};
    ret_messages[count++] =
        (struct p2p_message){.type = P2P_FRAGMENT, .fragment = {1, 2, 0, CHUNK_BYTES}};
    ret_messages[count++] =
        (struct p2p_message){.type = P2P_FRAGMENT, .fragment = {1, 2, CHUNK_BYTES - 1, 1}};
    ret_messages[count++] = proof(1, 0);
    ret_messages[count++] = proof(ROW_CHUNKS, MEDIA_PROOF_UNCLES_MAX);
    ret_messages[count++] = (struct p2p_message){.type = P2P_REJECT, .reject = {9, 200}};
    ret_messages[count++] =
        (struct p2p_message){.type = P2P_PING, .ping = {UINT64_C(0x0102030405060708)}};
    ret_messages[count++] = (struct p2p_message){.type = P2P_PONG, .pong = {UINT64_MAX}};
    ret_messages[count++] = (struct p2p_message){.type = P2P_BYE, .bye = {P2P_BYE_DONE, 0, NULL}};
    ret_messages[count++] =
        (struct p2p_message){.type = P2P_BYE, .bye = {250, 10, "Caf\xc3\xa9 shut"}};
    return count;
}

/* A whole body: what encode wrote, and payload behind a FRAGMENT. Returns its length. */
static size_t body_of(const struct p2p_message *message, uint8_t *body, size_t capacity)
{
    size_t bytes = 0;
    assert_int_equal(p2p_message_encode(message, body, P2P_ENCODED_BYTES_MAX, &bytes), 0);
    if (message->type == P2P_FRAGMENT) {
        assert_int_equal(bytes, P2P_FRAGMENT_HEADER_BYTES);
        assert_true(bytes + message->fragment.bytes <= capacity);
        memset(body + bytes, 0x5a, message->fragment.bytes);
        bytes += message->fragment.bytes;
    }
    return bytes;
}

static void test_round_trips(void **state)
{
    (void)state;
    static uint8_t body[P2P_FRAME_BODY_BYTES_MAX];
    static uint8_t again[P2P_FRAME_BODY_BYTES_MAX];
    struct p2p_message messages[SAMPLES_MAX];
    unsigned count = samples(messages);
    for (unsigned i = 0; i < count; i++) {
        struct p2p_message decoded;
        size_t bytes = body_of(&messages[i], body, sizeof body);
        assert_int_equal(p2p_message_frame_bytes(&messages[i]), bytes + 4);
        assert_int_equal(p2p_message_decode((uint8_t)messages[i].type, body, bytes, &decoded), 0);
        assert_int_equal(decoded.type, messages[i].type);
        /* The same bytes again: no field was lost. */
        assert_int_equal(body_of(&decoded, again, sizeof again), bytes);
        assert_memory_equal(again, body, bytes);
    }
}

/* By hand, field by field, so that encoder and decoder cannot be wrong together. */
static void test_drawn(void **state)
{
    (void)state;
    const uint8_t request[] = {
        0, 0, 0, 3,                                   /* request */
        9, 8, 7, 6, 5, 4,  3, 2, 1, 0, 0,    0,    0, /* root */
        0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0,    0,    0,    0,
        0, 0, 0, 0, 1, 0,  0, 0, 0, 0, 0x2d, 0xc6, 0xc0, /* 3,000,000 bytes */
        0, 1, 2, 3, 0, 64, 2, 1};
    struct p2p_message decoded;
    assert_int_equal(p2p_message_decode(P2P_REQUEST, request, sizeof request, &decoded), 0);
    assert_int_equal(decoded.request.request, 3);
    assert_int_equal(decoded.request.file.root[0], 9);
    assert_int_equal(decoded.request.file.root[31], 1);
    assert_int_equal(decoded.request.file.bytes, 3000000);
    assert_int_equal(decoded.request.first_chunk, 0x010203);
    assert_int_equal(decoded.request.count, 64);
    assert_int_equal(decoded.request.priority, P2P_PRIORITY_PREFETCH);
    assert_int_equal(decoded.request.flags, P2P_REQUEST_PROOFS);

    const uint8_t fragment[] = {0, 0, 1, 0, 0, 0, 2, 1, 0x3f, 0xfe, 'a', 'b'};
    assert_int_equal(p2p_message_decode(P2P_FRAGMENT, fragment, sizeof fragment, &decoded), 0);
    assert_int_equal(decoded.fragment.request, 256);
    assert_int_equal(decoded.fragment.chunk, 513);
    assert_int_equal(decoded.fragment.offset, 16382);
    assert_int_equal(decoded.fragment.bytes, 2);

    struct p2p_message message = hello(P2P_IDENTITY_TLS);
    uint8_t body[256];
    assert_int_equal(body_of(&message, body, sizeof body), 190);
    assert_memory_equal(body, "\0\1\1\2\3\4", 6);
    assert_memory_equal(body + 38, "\1\x2c\x1c\xcd\4\xb2\xb2\xb2\xb2\0", 10);
    assert_memory_equal(body + 59, "\x9c\x40\xe5", 3);
    assert_memory_equal(body + 92, "\xe5\1\xc3", 3);
    assert_int_equal(body[126], 0xd4);
}

/* What a cut message is: shorter texts, manifests and payloads are messages too. */
static int cut_result(const struct p2p_message *message, size_t cut)
{
    switch (message->type) {
    case P2P_OPENED:
        return cut < 4 ? ERROR_TRUNCATED : cut == 4 ? ERROR_MALFORMED : 0;
    case P2P_FRAGMENT:
        return cut < 10 ? ERROR_TRUNCATED : cut == 10 ? ERROR_MALFORMED : 0;
    case P2P_BYE:
        /* cut within the two bytes of a letter */
        return cut < 1 ? ERROR_TRUNCATED : cut == 5 ? ERROR_MALFORMED : 0;
    case P2P_HELLO:
    case P2P_OPEN:
    case P2P_REQUEST:
    case P2P_CANCEL:
    case P2P_PROOF:
    case P2P_REJECT:
    case P2P_PING:
    case P2P_PONG:
    case P2P_LISTEN:
    case P2P_INTEREST:
    case P2P_HAVE:
    case P2P_ANNOUNCE:
    case P2P_LOOKUP:
    case P2P_HOLDERS:
    case P2P_EXCHANGE:
    case P2P_RENDEZVOUS:
    case P2P_SEARCH:
    case P2P_FOUND:
        break;
    }
    return ERROR_TRUNCATED;
}

static void test_truncated(void **state)
{
    (void)state;
    static uint8_t body[P2P_FRAME_BODY_BYTES_MAX];
    struct p2p_message messages[SAMPLES_MAX];
    unsigned count = samples(messages);
    for (unsigned i = 0; i < count; i++) {
        size_t bytes = body_of(&messages[i], body, sizeof body);
        for (size_t cut = 0; cut < bytes; cut += cut < 1200 ? 1 : 97) {
            struct p2p_message decoded = {.type = (enum p2p_type)99};
            uint8_t *copy = test_malloc(cut + 1);
            memcpy(copy, body, cut);
            int error = p2p_message_decode((uint8_t)messages[i].type, copy, cut, &decoded);
            test_free(copy);
            if (error != cut_result(&messages[i], cut)) {
                fail_msg("%s %u cut to %zu: %s", p2p_type_name((uint8_t)messages[i].type), i, cut,
                         error_name(error));
            }
            assert_int_equal(decoded.type, error == 0 ? (int)messages[i].type : 99);
        }
        size_t room = messages[i].type == P2P_FRAGMENT ? P2P_FRAGMENT_HEADER_BYTES : bytes;
        size_t written = 0;
        assert_int_equal(p2p_message_encode(&messages[i], body, room - 1, &written),
                         ERROR_TOO_LARGE);
    }
}

static void test_left_over(void **state)
{
    (void)state;
    static uint8_t body[P2P_FRAME_BODY_BYTES_MAX + 1];
    struct p2p_message messages[SAMPLES_MAX];
    unsigned count = samples(messages);
    for (unsigned i = 0; i < count; i++) {
        struct p2p_message decoded;
        uint8_t type = (uint8_t)messages[i].type;
        size_t bytes = body_of(&messages[i], body, sizeof body);
        body[bytes] = 'x';
        int error = p2p_message_decode(type, body, bytes + 1, &decoded);
        bool is_open_ended =
            type == P2P_HELLO || (type == P2P_OPENED && bytes < 4 + sizeof manifest) ||
            (type == P2P_FRAGMENT && messages[i].fragment.bytes == PAYLOAD_BYTES) ||
            type == P2P_BYE;
        if (is_open_ended ? error != 0 : error != ERROR_MALFORMED && error != ERROR_TOO_LARGE) {
            fail_msg("%s %u: %s", p2p_type_name(type), i, error_name(error));
        }
        assert_int_equal(p2p_message_decode(type, body, sizeof body, &decoded), ERROR_TOO_LARGE);
    }
}

static const struct {
    unsigned sample; /* of samples(), by number */
    size_t at;
    const char *bytes;
    size_t count;
    int error;
} wounds[] = {
    {0, 0, "\0\0", 2, ERROR_MALFORMED}, /* HELLO: no version 0 */
    {0, 0, "\xff\xff", 2, 0},           /* a later one is read as far as it is known */
    {0, 42, "\5", 1, ERROR_MALFORMED},  /* family */
    {0, 42, "\6", 1, 0},
    {0, 42, "\0", 1, 0},
    {0, 93, "\1", 1, ERROR_TRUNCATED}, /* form without what it needs */
    {1, 93, "\3", 1, ERROR_MALFORMED},
    {1, 93, "\0", 1, 0},                    /* then identity and signature are a later version's */
    {3, 0, "\0\0\0\0", 4, ERROR_MALFORMED}, /* OPEN: request 0 */
    {3, 20, "\2", 1, ERROR_MALFORMED},      /* an unknown flag */
    {3, 20, "\x81", 1, ERROR_MALFORMED},
    {4, 0, "\0\0\0\0", 4, ERROR_MALFORMED}, /* OPENED */
    {7, 0, "\0\0\0\0", 4, ERROR_MALFORMED}, /* REQUEST */
    {7, 36, "\0\0\0\0\0\0\0\0", 8, ERROR_MALFORMED},
    {7, 36, "\0\0\0\1\0\0\0\0", 8, 0},               /* 4 GiB */
    {7, 36, "\0\0\0\1\0\0\0\1", 8, ERROR_MALFORMED}, /* and a byte */
    {7, 44, "\0\4\0\0", 4, ERROR_MALFORMED},         /* chunk 2^18 */
    {7, 44, "\xff\xff\xff\xff", 4, ERROR_MALFORMED},
    {7, 48, "\0\0", 2, ERROR_MALFORMED}, /* count */
    {7, 48, "\0\x41", 2, ERROR_MALFORMED},
    {7, 50, "\4", 1, ERROR_MALFORMED},      /* priority */
    {7, 51, "\2", 1, ERROR_MALFORMED},      /* flags */
    {8, 0, "\0\0\0\0", 4, ERROR_MALFORMED}, /* CANCEL */
    {9, 0, "\0\0\0\0", 4, ERROR_MALFORMED}, /* FRAGMENT */
    {9, 4, "\0\4\0\0", 4, ERROR_MALFORMED},
    {9, 8, "\x3c\x18", 2, 0},               /* 15,384 + 1,000 = 16,384 */
    {9, 8, "\x3c\x19", 2, ERROR_MALFORMED}, /* passes the chunk's end */
    {9, 8, "\xff\xff", 2, ERROR_MALFORMED},
    {12, 0, "\0\0\0\0", 4, ERROR_MALFORMED},   /* PROOF */
    {12, 4, "\0\0\x80\0", 4, ERROR_MALFORMED}, /* row 2^15 */
    {12, 8, "\0", 1, ERROR_MALFORMED},
    {12, 8, "\x09", 1, ERROR_MALFORMED},
    {12, 8, "\2", 1, ERROR_TRUNCATED}, /* one hash is missing */
    {12, 9, "\1", 1, ERROR_TRUNCATED},
    {12, 9, "\x10", 1, ERROR_MALFORMED},
    {13, 8, "\7", 1, ERROR_MALFORMED}, /* one is too many */
    {13, 8, "\xff\xff", 2, ERROR_MALFORMED},
    {14, 0, "\0\0\0\0", 4, ERROR_MALFORMED}, /* REJECT */
    {14, 4, "\0", 1, 0},                     /* unknown reasons are allowed */
    {18, 1, "\xff", 1, ERROR_MALFORMED},     /* BYE: no UTF-8 */
    {18, 1, "\0", 1, ERROR_MALFORMED},
    {18, 0, "\0", 1, 0},
};

static void test_wounds(void **state)
{
    (void)state;
    static uint8_t body[P2P_FRAME_BODY_BYTES_MAX];
    struct p2p_message messages[SAMPLES_MAX];
    (void)samples(messages);
    for (size_t i = 0; i < sizeof wounds / sizeof wounds[0]; i++) {
        const struct p2p_message *message = &messages[wounds[i].sample];
        struct p2p_message decoded;
        size_t bytes = body_of(message, body, sizeof body);
        memcpy(body + wounds[i].at, wounds[i].bytes, wounds[i].count);
        int error = p2p_message_decode((uint8_t)message->type, body, bytes, &decoded);
        if (error != wounds[i].error) {
            fail_msg("row %zu: %s", i, error_name(error));
        }
    }
}

static void test_limits(void **state)
{
    (void)state;
    static uint8_t body[P2P_FRAME_BODY_BYTES_MAX];
    struct p2p_message decoded;
    memset(body, 1, sizeof body);
    assert_int_equal(p2p_message_decode(P2P_OPENED, body, 4 + MEDIA_MANIFEST_BYTES_MAX, &decoded),
                     0);
    assert_int_equal(
        p2p_message_decode(P2P_OPENED, body, 4 + MEDIA_MANIFEST_BYTES_MAX + 1, &decoded),
        ERROR_TOO_LARGE);
    assert_int_equal(p2p_message_decode(P2P_BYE, body, 1 + P2P_BYE_TEXT_BYTES_MAX, &decoded), 0);
    assert_int_equal(p2p_message_decode(P2P_BYE, body, 2 + P2P_BYE_TEXT_BYTES_MAX, &decoded),
                     ERROR_TOO_LARGE);
    memset(body + 4, 0, 6);
    assert_int_equal(p2p_message_decode(P2P_FRAGMENT, body, 10 + CHUNK_BYTES, &decoded), 0);
    assert_int_equal(p2p_message_decode(P2P_FRAGMENT, body, 11 + CHUNK_BYTES, &decoded),
                     ERROR_TOO_LARGE);
}

static void test_unknown_types(void **state)
{
    (void)state;
    uint8_t body[8] = {0};
    struct p2p_message decoded;
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        bool is_known = type >= P2P_HELLO && type <= P2P_FOUND;
        int error = p2p_message_decode((uint8_t)type, body, sizeof body, &decoded);
        assert_int_equal(error == ERROR_NOT_FOUND, !is_known);
        assert_int_equal(strcmp(p2p_type_name((uint8_t)type), "?") == 0, !is_known);
        assert_true(strlen(p2p_reject_text((uint8_t)type)) > 5);
        assert_true(strlen(p2p_bye_text((uint8_t)type)) > 5);
    }
    assert_string_equal(p2p_type_name(P2P_PROOF), "PROOF");
    assert_string_equal(p2p_reject_text(P2P_REJECT_UNKNOWN), "no such track or file here");
    assert_string_equal(p2p_reject_text(0), p2p_reject_text(99));
    assert_string_equal(p2p_bye_text(0), p2p_bye_text(99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),   cmocka_unit_test(test_drawn),
        cmocka_unit_test(test_truncated),     cmocka_unit_test(test_left_over),
        cmocka_unit_test(test_wounds),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_unknown_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
