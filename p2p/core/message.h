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
 *              peer id 32, form u8 (0 none, 1 TLS, 2 nonce)
 *              [, identity 32, signature 64 when form > 0]
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
 * 12 LISTEN    port u16, flags u8, count u8 (0 to 4), addresses 19 each
 * 13 INTEREST  count u8 (1 to 64), { file id 40, wanted u8 (0 or 1) } each
 * 14 HAVE      file id 40, kind u8, count u16 (0 to 512), { first chunk u32, chunks u32 } each
 * 15 ANNOUNCE  flags u8 (1: forget what was announced before), whole u16, partial u16, lost u16
 *              (1,000 in all), file keys 8 each in this order
 * 16 LOOKUP    lookup u32, limit u8 (contacts a file), count u8 (1 to 32), file keys 8 each
 * 17 HOLDERS   lookup u32, contact count u8 (0 to 50), file count u8 (1 to 32), contacts 90 each,
 *              { file key 8, holders u32, listed u8, { contact u8, kind u8 } each } a file
 * 18 EXCHANGE  count u8 (1 to 50), contacts 90 each
 * 19 RENDEZVOUS  role u8, contact 90
 * 20 SEARCH    query u64, hops u8 (1 or 2), file key 8, contact 90
 * 21 FOUND     query u64, file key 8, kind u8, contact 90
 * 22 to 63 are reserved.
 *
 * address: family u8 (4, 6), address 16 (IPv4: the first 4, then zeros), port u16
 * contact: peer id 32 (not zeros), flags u8, three addresses 19 each (family 0 and zeros = none,
 *          last)
 * file key: the first 8 bytes of the root as a number, XOR the file's bytes: a hint, never a proof
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
#include "p2p/core/contact.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P2P_VERSION 1u
#define P2P_FRAME_BODY_BYTES_MAX 65536u
#define P2P_REQUEST_CHUNKS_MAX 64u
#define P2P_BYE_TEXT_BYTES_MAX 256u
#define P2P_NONCE_BYTES 32u
#define P2P_FRAGMENT_HEADER_BYTES 10u
#define P2P_LISTEN_ADDRESSES_MAX 4u
#define P2P_INTEREST_MAX 64u
#define P2P_INTEREST_BYTES 41u
#define P2P_HAVE_RUNS_MAX 512u
#define P2P_HAVE_RUN_BYTES 8u
#define P2P_ANNOUNCE_KEYS_MAX 1000u
#define P2P_KEY_BYTES 8u
#define P2P_LOOKUP_MAX 32u
#define P2P_CONTACTS_MAX 50u
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
    P2P_LISTEN = 12,
    P2P_INTEREST = 13,
    P2P_HAVE = 14,
    P2P_ANNOUNCE = 15,
    P2P_LOOKUP = 16,
    P2P_HOLDERS = 17,
    P2P_EXCHANGE = 18,
    P2P_RENDEZVOUS = 19,
    P2P_SEARCH = 20,
    P2P_FOUND = 21,
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

/* HELLO.features */
enum {
    P2P_FEATURE_GIVES = 1,   /* answers OPEN and REQUEST, as far as it has them */
    P2P_FEATURE_TRACKER = 2, /* takes ANNOUNCE, LOOKUP and RENDEZVOUS (an origin) */
    P2P_FEATURE_OVERLAY =
        4, /* takes INTEREST, HAVE, EXCHANGE, RENDEZVOUS, SEARCH, FOUND (a player) */
};

/* LISTEN.flags */
enum {
    P2P_LISTEN_MAPPED = 1, /* a NAT device forwards the port to us (UPnP, PCP) */
    P2P_LISTEN_REACHED = 2 /* others have reached us unasked */
};

/* How much of a file somebody has. */
enum p2p_have {
    P2P_HAVE_NONE = 0,    /* nothing (any more) */
    P2P_HAVE_WHOLE = 1,   /* all */
    P2P_HAVE_RUNS = 2,    /* these runs, and nothing else */
    P2P_HAVE_MORE = 3,    /* these runs besides what was told before; HAVE only */
    P2P_HAVE_PARTIAL = 4, /* a part, not told which; HOLDERS and FOUND only */
};

enum p2p_rendezvous {
    P2P_RENDEZVOUS_ASK = 0,    /* to a broker: I want a link with this peer id (its addresses are
                                  not looked at) */
    P2P_RENDEZVOUS_INVITE = 1, /* from the broker to the one asked for: this contact wants a link
                                  with you; connect to it now */
    P2P_RENDEZVOUS_GO = 2,   /* from the broker to the one that asked, as the INVITE leaves: connect
                                  to this contact now */
    P2P_RENDEZVOUS_AWAY = 3, /* from the broker: it is not connected to me */
};

enum { P2P_ANNOUNCE_FRESH = 1 };
enum { P2P_OPEN_START_SET = 1 };
enum { P2P_REQUEST_PROOFS = 1 };

struct p2p_hello {
    uint16_t version;
    uint32_t features; /* P2P_FEATURE_*; unknown bits are passed over */
    uint8_t nonce[P2P_NONCE_BYTES];
    uint16_t request_max;    /* OPENs and REQUESTs that the other side may have outstanding */
    uint16_t listen_port;    /* 0 = does not accept links */
    uint8_t observed_family; /* of the receiver, as the sender sees it: 0, 4 or 6 */
    uint8_t observed_address[16];
    uint16_t observed_port;
    uint8_t peer_id[HASH_BYTES]; /* the sender's; zeros = takes no part in the overlay. Between
                                    peers it must be the one that TLS proved; an origin takes it
                                    as a claim that the first dial tests */
    uint8_t form;                /* enum p2p_identity_form */
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
        /* Lists below are bytes as they stand in the body (p2p_message_list tells where): borrowed
         * from the frame or from the sender; the functions named read and write one record. */
        struct {
            uint16_t port; /* where others can dial us: the NAT's outer port when it is mapped */
            uint8_t flags; /* P2P_LISTEN_*; unknown bits are passed over */
            uint8_t count;
            const uint8_t *addresses; /* our own, for who is in the same LAN: p2p_address_* */
        } listen;
        struct {
            uint8_t count;
            const uint8_t *files; /* p2p_interest_* */
        } interest;
        struct {
            struct media_file_id file;
            uint8_t kind;        /* enum p2p_have: NONE, WHOLE, RUNS, MORE */
            uint16_t count;      /* 0 for NONE and WHOLE, at least 1 otherwise */
            const uint8_t *runs; /* p2p_have_run_*: within the file, ascending, apart */
        } have;
        struct {
            uint8_t flags; /* P2P_ANNOUNCE_*; no others */
            uint16_t whole, partial, lost;
            const uint8_t *keys; /* p2p_key_*: `whole`, then `partial`, then `lost` */
        } announce;
        struct {
            uint32_t lookup; /* the asker's number, not 0 */
            uint8_t limit;   /* 1 to P2P_CONTACTS_MAX */
            uint8_t count;
            const uint8_t *keys;
        } lookup;
        struct {
            uint32_t lookup;
            uint8_t contact_count;
            uint8_t file_count;
            const uint8_t *contacts; /* p2p_contact_* */
            const uint8_t *files;    /* p2p_holders_next; in the same buffer, right behind the
                                        contacts (asserted) */
            uint16_t file_bytes;     /* of `files` */
        } holders;
        struct {
            uint8_t count;
            const uint8_t *contacts;
        } exchange;
        struct {
            uint8_t role; /* enum p2p_rendezvous */
            struct p2p_contact contact;
        } rendezvous;
        struct {
            uint64_t query; /* the searcher's random number */
            uint8_t hops;   /* that it may still go: 2 from the searcher, 1 from its neighbours */
            uint64_t key;
            struct p2p_contact contact; /* the searcher */
        } search;
        struct {
            uint64_t query;
            uint64_t key;
            uint8_t kind;               /* WHOLE or PARTIAL */
            struct p2p_contact contact; /* who has it */
        } found;
    };
};

/* Reads one frame's body. ERROR_NOT_FOUND: a type that this version does not know: skip it.
 * ERROR_TRUNCATED, ERROR_MALFORMED, ERROR_TOO_LARGE: say BYE_PROTOCOL and close. */
int p2p_message_decode(uint8_t type, const uint8_t *body, size_t body_bytes,
                       struct p2p_message *ret_message);

/* Writes a message's body, its lists included. Of a FRAGMENT only the header: the shell sends `fragment.bytes` of
 * payload behind it. Fields must be within bounds (asserted): they are ours.
 * ERROR_TOO_LARGE: `capacity` does not do (it always does with P2P_ENCODED_BYTES_MAX). */
int p2p_message_encode(const struct p2p_message *message, uint8_t *buffer, size_t capacity,
                       size_t *ret_bytes);

/* Bytes of the whole frame on the wire: header, body, payload. The unit of all accounting. */
size_t p2p_message_frame_bytes(const struct p2p_message *message);

/* The bytes that a message borrows (manifest, text, list), so that who keeps a message can keep
 * them too; NULL and 0 for messages that borrow nothing. p2p_message_relist points it to a copy of
 * as many bytes. */
const uint8_t *p2p_message_list(const struct p2p_message *message, size_t *ret_bytes);
void p2p_message_relist(struct p2p_message *message, const uint8_t *bytes);

/* One record of a list, by index; the caller has checked it against the count. */
uint64_t p2p_file_key(const struct media_file_id *file);
uint64_t p2p_key_read(const uint8_t *keys, uint32_t index);
void p2p_key_write(uint8_t *keys, uint32_t index, uint64_t key);
void p2p_interest_read(const uint8_t *files, uint32_t index, struct media_file_id *ret_file,
                       bool *ret_wanted);
void p2p_interest_write(uint8_t *files, uint32_t index, const struct media_file_id *file,
                        bool wanted);
struct p2p_have_run {
    uint32_t first;
    uint32_t count; /* at least 1 */
};
void p2p_have_run_read(const uint8_t *runs, uint32_t index, struct p2p_have_run *ret_run);
void p2p_have_run_write(uint8_t *runs, uint32_t index, const struct p2p_have_run *run);

/* One file of a HOLDERS. `*at` begins as 0 and is moved on; false behind the last one. The decoder
 * has checked all; `listed` pairs {contact index, enum p2p_have WHOLE or PARTIAL}. */
struct p2p_holders_file {
    uint64_t key;
    uint32_t holders; /* in all, as far as the tracker knows */
    uint8_t listed;   /* 0 to P2P_CONTACTS_MAX */
    uint8_t contacts[P2P_CONTACTS_MAX];
    uint8_t kinds[P2P_CONTACTS_MAX];
};
bool p2p_holders_next(const struct p2p_message *message, uint32_t *at,
                      struct p2p_holders_file *ret_file);
/* Writes one file's record to `files`; returns its bytes (at most P2P_HOLDERS_FILE_BYTES_MAX). */
#define P2P_HOLDERS_FILE_BYTES_MAX (13u + 2u * P2P_CONTACTS_MAX)
uint32_t p2p_holders_write(uint8_t *files, const struct p2p_holders_file *file);

/* "OPEN", "FRAGMENT", ...; "?" for a number that is no type. */
const char *p2p_type_name(uint8_t type);
/* The reason in words, for people: "no such track or file here". */
const char *p2p_reject_text(uint8_t reason);
const char *p2p_bye_text(uint8_t reason);

#endif
