/*
 * origin.h: the origin's link service as one engine: a peer that has everything and costs most.
 *
 * origin_step(event) -> effects, as node.h: no clock, no payload, no I/O. One instance serves the
 * links of one worker; several workers share nothing but the catalogue behind their effects, and
 * the tracker's shards would speak through mailboxes (tracker_shard.h). docs/ORIGIN.md tells the
 * states and limits.
 *
 * Payload passes through SLOTS that the caller owns (origin_config.slot_count buffers of
 * CHUNK_BYTES): READ fills one, SEND of a FRAGMENT names it, and it is the engine's to reuse when
 * the SEND has been carried out (the shell copies into its socket buffer). Effects are carried out
 * in the order in which they stand: a READ behind a SEND may reuse that SEND's slot.
 *
 * Sending late: the engine gives a link at most origin_config.link_queue_bytes beyond what the
 * shell reported as still queued, so that what is urgent may go between. Order: control, then by
 * fair share between links, then by the asker's priority and request order within a link
 * (p2p/core/upload.h). After SENDs the shell reports with ROOM, once and again until its queue for
 * the link is empty; without ROOM a link gets link_queue_bytes and then nothing.
 *
 * The tracker (tracker.h) is told and asked by links whose HELLO had a peer id. What LOOKUP is
 * answered with is in the engine, borrowed as everything in an update.
 *
 * A link is forgotten when DISCONNECT has been given or LINK_DOWN has come; events of links that
 * are not known (they crossed it on their way) are harmless. Not re-entrant (asserted). Everything
 * in an update is borrowed until the next step; now_us never goes back (asserted).
 */
#ifndef STREAMSERVER_CORE_ORIGIN_H
#define STREAMSERVER_CORE_ORIGIN_H

#include "common/limits.h"
#include "common/time_us.h"
#include "common/trace.h"
#include "media/core/intern.h"
#include "media/core/merkle.h"
#include "p2p/core/message.h"
#include "streamserver/core/tracker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORIGIN_REQUEST_MAX 1024u
#define ORIGIN_LINK_QUEUE_BYTES_MIN 20480u /* a chunk in the smallest fragments, and its proof */

struct origin;

struct origin_config {
    struct media_intern
        *intern; /* shared, not owned: files that TRACK_FOUND / FILE_FOUND told of */
    uint8_t identity[PUBLIC_KEY_BYTES];
    uint32_t link_max;           /* links at a time; more are told BYE_FULL */
    uint32_t slot_count;         /* reads in flight over all links; 1 to 65,536 */
    uint32_t request_max;        /* OPENs and REQUESTs outstanding on one link; more: REJECT_BUSY;
                                      1 to ORIGIN_REQUEST_MAX */
    uint32_t link_queue_bytes;   /* given to one link's socket beyond what it has sent. From
                                      ORIGIN_LINK_QUEUE_BYTES_MIN on, a link that does not read
                                      holds no slot; less is allowed, for tests of slow links */
    uint32_t fragment_bytes_max; /* of payload; 2,048 to CHUNK_BYTES */
    uint64_t idle_us;            /* a link without any message, and without any byte taken by its
                                      socket, for this long: BYE_IDLE */
    uint64_t hello_us;           /* a link without a HELLO this long after LINK_UP: BYE_PROTOCOL */
    bool has_tracker;            /* players tell it what they have, and ask it for others */
    struct tracker_config tracker; /* has_tracker only; its link_max is this one's. `seed` is the
                                      caller's to set */
    struct trace *trace;           /* may be NULL */
    uint32_t trace_node;
};

/* The tunables that programs and simulator share; `intern`, `identity`, `tracker.seed` and `trace`
 * are left empty. */
extern const struct origin_config origin_config_default;

enum origin_event_kind {
    ORIGIN_EVENT_TICK = 0,
    ORIGIN_EVENT_LINK_UP, /* the caller numbers links, never the same twice */
    ORIGIN_EVENT_LINK_DOWN,
    ORIGIN_EVENT_MESSAGE,
    ORIGIN_EVENT_ROOM,        /* the link's socket queue has changed: what is still in it */
    ORIGIN_EVENT_SIGNED,      /* the answer to SIGN */
    ORIGIN_EVENT_TRACK_FOUND, /* the answers to FIND_TRACK */
    ORIGIN_EVENT_FILE_FOUND,  /* the answer to FIND_FILE */
    ORIGIN_EVENT_PROOF_FOUND, /* the answer to FIND_PROOF */
    ORIGIN_EVENT_READ_DONE,   /* the answer to READ */
    ORIGIN_EVENT_KINDS,
};

struct origin_event {
    enum origin_event_kind kind;
    uint64_t now_us;
    union {
        struct {
            uint32_t link;
            bool is_tls;                    /* else the identity signs the asker's nonce */
            uint8_t peer_id[HASH_BYTES];    /* zeros = none proven */
            uint8_t nonce[P2P_NONCE_BYTES]; /* fresh from the system, for our HELLO */
            uint8_t address_family;         /* the observed address: 4 or 6 */
            uint8_t address[16];
            uint16_t port;
        } link_up;
        struct {
            uint32_t link;
            int error; /* why; ERROR_MALFORMED and ERROR_TOO_LARGE count as misbehaviour */
        } link_down;
        struct {
            uint32_t link;
            const struct p2p_message *message; /* borrowed for the call */
        } message;
        struct {
            uint32_t link;
            uint32_t queued_bytes; /* in the shell and not yet taken by the socket */
        } room;
        struct {
            uint32_t link;
            uint8_t signature[SIGNATURE_BYTES];
        } signed_hello;
        struct {
            uint32_t operation;      /* of the FIND_TRACK */
            const uint8_t *manifest; /* NULL: unknown track. Lent until the next step: the SEND of
                                        OPENED points to it */
            uint32_t manifest_bytes;
        } track_found;
        struct {
            uint32_t operation;
            media_handle file; /* 0: not here */
        } file_found;
        struct {
            uint32_t operation;
            const struct media_proof *proof; /* NULL: it could not be read; borrowed for the call */
        } proof_found;
        struct {
            uint32_t slot;
            int error; /* 0; ERROR_NOT_FOUND, ERROR_IO, ...: the request is rejected */
        } read_done;
    };
};

/* Answers may come within the same turn of the shell's loop or later, in any order; each must come,
 * also for links that have gone; but SIGNED: none for a link that has gone. */
enum origin_effect_kind {
    ORIGIN_EFFECT_SIGN = 0,   /* sign our HELLO for this link -> SIGNED */
    ORIGIN_EFFECT_FIND_TRACK, /* -> TRACK_FOUND; the shell interns the files of what it found */
    ORIGIN_EFFECT_FIND_FILE,  /* not interned yet: is it in the catalogue? -> FILE_FOUND */
    ORIGIN_EFFECT_FIND_PROOF, /* -> PROOF_FOUND */
    ORIGIN_EFFECT_READ,       /* a chunk into a slot -> READ_DONE */
    ORIGIN_EFFECT_SEND,       /* FRAGMENT: payload is at slot + slot_offset */
    ORIGIN_EFFECT_DISCONNECT, /* BYE and close; the LINK_DOWN that may follow is harmless */
    ORIGIN_EFFECT_KINDS,
};

struct origin_effect {
    enum origin_effect_kind kind;
    union {
        struct {
            uint32_t link;
            enum p2p_identity_form form;
            uint8_t nonce[P2P_NONCE_BYTES]; /* the asker's; P2P_IDENTITY_NONCE only */
        } sign;
        struct {
            uint32_t operation;
            uint8_t track_id[TRACK_ID_BYTES];
        } find_track;
        struct {
            uint32_t operation;
            struct media_file_id file;
        } find_file;
        struct {
            uint32_t operation;
            media_handle file;
            uint32_t row;
        } find_proof;
        struct {
            uint32_t slot;
            media_handle file;
            uint32_t chunk;
        } read;
        struct {
            uint32_t link;
            uint32_t slot;        /* FRAGMENT only */
            uint32_t slot_offset; /* FRAGMENT only: = message.fragment.offset */
            struct p2p_message message;
        } send;
        struct {
            uint32_t link;
            uint8_t reason; /* enum p2p_bye */
        } disconnect;
    };
};

struct origin_update {
    const struct origin_effect *effects;
    uint32_t count;
    uint64_t next_deadline_us; /* send a TICK then; now or before: there is more to do at once than
                                  one update holds; TIME_NEVER_US = none */
};

struct origin_totals {
    uint64_t links; /* accepted so far */
    uint64_t links_now;
    uint64_t requests; /* OPENs and REQUESTs */
    uint64_t rejects;
    uint64_t payload_bytes;        /* of fragments sent */
    uint64_t overhead_bytes;       /* all other bytes of frames sent */
    uint64_t cancelled_bytes;      /* asked for and cancelled before they were sent */
    uint64_t misbehaved;           /* links closed for breaking the protocol */
    uint64_t meetings;             /* rendezvous arranged */
    struct tracker_totals tracker; /* zeros without has_tracker */
};

/* ERROR_NO_MEMORY. */
int origin_new(const struct origin_config *config, struct origin **ret_origin);
void origin_free(struct origin *origin);
/* 0 or ERROR_NO_MEMORY (fatal). */
int origin_step(struct origin *origin, const struct origin_event *event,
                struct origin_update *ret_update);
void origin_get_totals(const struct origin *origin, struct origin_totals *ret_totals);
size_t origin_heap_bytes(const struct origin *origin);
void origin_check_invariants(const struct origin *origin);

#endif
