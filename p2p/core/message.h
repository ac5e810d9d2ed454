/*
 * message.h: the wire, between a player and its origin as between players.
 *
 * A link carries frames (common/net/link.h): type u8, length u24, body. This header draws the
 * bodies; numbers are big-endian. A type that is not known is skipped by its length. Bytes behind
 * the last known field of HELLO are skipped (a later version's); behind that of any other message
 * they are malformed. docs/PROTOCOL.md tells the conversation.
 *
 *  1 HELLO     version u16, features u32, nonce 32, request_max u16, listen_port u16,
 *              observed family u8 (0 none, 4, 6), observed address 16, observed port u16,
 *              form u8 (0 none, 1 TLS, 2 nonce) [, identity 32, signature 64 when form > 0]
 *  2 OPEN      request u32, track id 16, flags u8 (1: send the start set)
 *  3 OPENED    request u32, manifest (rest of the body, 1 to MEDIA_MANIFEST_BYTES_MAX)
 *  4 REQUEST   request u32, file id 40, first chunk u32, count u16 (1 to 64), priority u8,
 *              flags u8 (1: proofs)
 *  5 CANCEL    request u32
 *  6 FRAGMENT  request u32, chunk u32, offset u16, bytes (1 to 16384; rest of the body)
 *  7 PROOF     request u32, row u32, leaves u8, uncles u8, hashes 32 each
 *  8 REJECT    request u32, reason u8
 *  9 PING      token u64
 * 10 PONG      token u64
 * 11 BYE       reason u8, text (0 to 256 bytes of UTF-8, for people)
 * 12 to 63 are reserved for peers (have maps, exchange, rendezvous, tracker).
 *
 * Requests are numbered by the side that asks, from 1, ascending, each number once a link; numbers
 * of OPEN and REQUEST share one space. The answer to an OPEN is OPENED, then (flag 1) proofs and
 * fragments of the start set of file 0 under the same number, runs in the manifest's order; or
 * REJECT. The answer to a REQUEST is fragments in ascending order of chunk and offset, each row's
 * PROOF before its first fragment when asked for; or at any point REJECT for all that is still to
 * come. What arrives after a CANCEL has crossed it and is dropped (and counted).
 */
#ifndef P2P_CORE_MESSAGE_H
#define P2P_CORE_MESSAGE_H

#include "common/limits.h"
#include "media/core/file_id.h"
#include "media/core/merkle.h"

#include <stddef.h>
#include <stdint.h>

#define P2P_VERSION 1u
#define P2P_FRAME_BODY_BYTES_MAX 65536u
#define P2P_REQUEST_CHUNKS_MAX 64u
#define P2P_BYE_TEXT_BYTES_MAX 256u
#define P2P_NONCE_BYTES 32u
#define P2P_FRAGMENT_HEADER_BYTES 10u
/* The largest body without fragment payload: OPENED with the largest manifest. */
#define P2P_ENCODED_BYTES_MAX (4u + 8192u)

enum p2p_type {
    P2P_HELLO = 1,
    P2P_OPEN = 2,
    P2P_OPENED = 3,
    P2P_REQUEST = 4,
    P2P_CANCEL = 5,
    P2P_FRAGMENT = 6,
    P2P_PROOF = 7,
    P2P_REJECT = 8,
    P2P_PING = 9,
    P2P_PONG = 10,
    P2P_BYE = 11,
};

/* Lower is sooner. The order within one asker's share; never between askers. */
enum p2p_priority {
    P2P_PRIORITY_PLAY = 0,     /* the decoder waits, or will within seconds */
    P2P_PRIORITY_AHEAD = 1,    /* the current track, further on */
    P2P_PRIORITY_PREFETCH = 2, /* the queue, heads */
    P2P_PRIORITY_OFFLINE = 3,  /* downloads for keeping */
};

enum p2p_reject {
    P2P_REJECT_UNKNOWN = 1,  /* no such track or file here */
    P2P_REJECT_NOT_HELD = 2, /* the chunk is not here (any more) */
    P2P_REJECT_BUSY = 3,     /* too many requests outstanding, or no slot */
    P2P_REJECT_RANGE = 4,    /* beyond the file's end */
    P2P_REJECT_DAMAGED = 5,  /* it was here and proved to be rotten */
};

enum p2p_bye {
    P2P_BYE_DONE = 1,
    P2P_BYE_PROTOCOL = 2, /* a malformed or impossible message */
    P2P_BYE_SHUTDOWN = 3,
    P2P_BYE_IDLE = 4,
    P2P_BYE_FULL = 5,
    P2P_BYE_IDENTITY = 6, /* not who was expected */
    P2P_BYE_BAD_DATA = 7,
};

enum p2p_identity_form {
    P2P_IDENTITY_NONE = 0,  /* players; an origin's link always has one of the others */
    P2P_IDENTITY_TLS = 1,   /* signature over "refrain origin tls 1\0" and SHA-256 of the TLS key's
                               SubjectPublicKeyInfo */
    P2P_IDENTITY_NONCE = 2, /* signature over "refrain origin nonce 1\0" and the asker's nonce */
};

enum { P2P_OPEN_START_SET = 1 };
enum { P2P_REQUEST_PROOFS = 1 };

struct p2p_hello {
    uint16_t version;
    uint32_t features; /* none defined yet: 0 */
    uint8_t nonce[P2P_NONCE_BYTES];
    uint16_t request_max;    /* OPENs and REQUESTs that the other side may have outstanding */
    uint16_t listen_port;    /* 0 = does not accept links */
    uint8_t observed_family; /* of the receiver, as the sender sees it: 0, 4 or 6 */
    uint8_t observed_address[16];
    uint16_t observed_port;
    uint8_t form; /* enum p2p_identity_form */
    uint8_t identity[PUBLIC_KEY_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
};

struct p2p_message {
    enum p2p_type type;
    union {
        struct p2p_hello hello;
        struct {
            uint32_t request;
            uint8_t track_id[TRACK_ID_BYTES];
            uint8_t flags;
        } open;
        struct {
            uint32_t request;
            const uint8_t
                *manifest; /* borrowed from the frame, or from the sender of the message */
            uint32_t manifest_bytes;
        } opened;
        struct {
            uint32_t request;
            struct media_file_id file;
            uint32_t first_chunk;
            uint16_t count;
            uint8_t priority;
            uint8_t flags;
        } request;
        struct {
            uint32_t request;
        } cancel;
        struct {
            uint32_t request;
            uint32_t chunk;
            uint16_t offset; /* within the chunk */
            uint16_t bytes;  /* payload; it stands in the body behind P2P_FRAGMENT_HEADER_BYTES */
        } fragment;
        struct {
            uint32_t request;
            uint32_t row;
            struct media_proof proof;
        } proof;
        struct {
            uint32_t request;
            uint8_t reason; /* enum p2p_reject; unknown numbers are allowed */
        } reject;
        struct {
            uint64_t token;
        } ping, pong;
        struct {
            uint8_t reason; /* enum p2p_bye; unknown numbers are allowed */
            uint16_t text_bytes;
            const char *text; /* borrowed, not terminated */
        } bye;
    };
};

/* Reads one frame's body. ERROR_NOT_FOUND: a type that this version does not know: skip it.
 * ERROR_TRUNCATED, ERROR_MALFORMED, ERROR_TOO_LARGE: say BYE_PROTOCOL and close. */
int p2p_message_decode(uint8_t type, const uint8_t *body, size_t body_bytes,
                       struct p2p_message *ret_message);

/* Writes a message's body. Of a FRAGMENT only the header: the shell sends `fragment.bytes` of
 * payload behind it. Fields must be within bounds (asserted): they are ours.
 * ERROR_TOO_LARGE: `capacity` does not do (it always does with P2P_ENCODED_BYTES_MAX). */
int p2p_message_encode(const struct p2p_message *message, uint8_t *buffer, size_t capacity,
                       size_t *ret_bytes);

/* Bytes of the whole frame on the wire: header, body, payload. The unit of all accounting. */
size_t p2p_message_frame_bytes(const struct p2p_message *message);

/* "OPEN", "FRAGMENT", ...; "?" for a number that is no type. */
const char *p2p_type_name(uint8_t type);
/* The reason in words, for people: "no such track or file here". */
const char *p2p_reject_text(uint8_t reason);
const char *p2p_bye_text(uint8_t reason);

#endif
