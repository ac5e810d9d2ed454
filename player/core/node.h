/*
 * node.h: one listener as one engine.
 *
 * The node composes queue, planner, prefetch, cache index and links behind one door:
 * node_step(event) -> effects. It reads no clock, holds no payload and does no I/O; the program
 * (player/uv) and the simulator (measure/sim) carry out the same effects in the same order, and
 * answer with events. docs/ARCHITECTURE.md has the conversation, docs/PLANNER.md the decisions.
 *
 * Payload lives in SLOTS: the caller owns node_config.slot_count buffers of CHUNK_BYTES; the node
 * decides which slot holds which chunk. A chunk's life:
 *   requested -> FILL its slot with fragments -> HASH -> digest equals the proven leaf ->
 *   READY (decoders may copy it from the slot) -> STORE_ROW with its row -> STORED -> RELEASE
 * Decoders read verified slots and the store themselves, on their own threads. What is in neither
 * they ask for with a WANT; each WANT is answered by exactly one WANT_MET or WANT_FAILED, also
 * when its entry is dropped. After WANT_MET the reader looks again: slots first, then the store.
 *
 * Entries are the queue. The caller numbers them, ascending from 1; a track that is queued twice
 * is two entries. The node says with SWITCH and PREPARE which decoder chains to open; what was
 * prepared follows gaplessly at the end of what plays. The caller reports what is heard.
 *
 * Not re-entrant (asserted). Everything in an update is borrowed until the next step.
 */
#ifndef PLAYER_CORE_NODE_H
#define PLAYER_CORE_NODE_H

#include "common/limits.h"
#include "common/time_us.h"
#include "common/trace.h"
#include "media/core/intern.h"
#include "media/core/manifest.h"
#include "media/core/merkle.h"
#include "p2p/core/message.h"
#include "player/core/preset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODE_QUEUE_MAX                                                                             \
    20000u                 /* entries. When it is full, those before the one that was begun
                                          last are forgotten, and may not be started any more; if
                                          that does not help: NODE_NOTE_QUEUE_FULL */
#define NODE_LINKS_MAX 80u /* links at a time: 60 peers, the origin, attempts */
#define NODE_LINK_INCOMING 0x80000000u /* in the numbers of links that others began */
#define NODE_ENTRY_LENT 0x80000000u    /* in the numbers of lent entries */
#define NODE_LENDS_MAX                                                                             \
    8u /* entries that are lent at a time; more is the caller's mistake (asserted) */
#define NODE_WANTS_MAX 64u /* WANTs outstanding; more is the caller's mistake (asserted) */
#define NODE_SLOTS_DEFAULT 512u
#define NODE_END_US (1 * TIME_US_PER_S)

struct node;

enum node_link_kind {
    NODE_LINK_ORIGIN = 1,
    NODE_LINK_PEER = 2,
};

/* Where a chunk came from, as it is counted. */
enum node_source {
    NODE_SOURCE_CACHE = 0, /* it was there before this run */
    NODE_SOURCE_PEERS = 1,
    NODE_SOURCE_ORIGIN = 2,
    NODE_SOURCES = 3,
};

enum node_cause {
    NODE_CAUSE_CLICK = 0,
    NODE_CAUSE_AUTO = 1,
    NODE_CAUSE_SEEK = 2,
};

enum node_cached {
    NODE_CACHED_NONE = 0, /* no chunk of the file was cached at the command */
    NODE_CACHED_HEAD = 1, /* some, at least one */
    NODE_CACHED_FULL = 2, /* all */
};

struct node_config {
    struct media_intern *intern;      /* shared, not owned; outlives the node */
    struct media_hasher hasher;       /* the hash of two children */
    const struct node_preset *preset; /* borrowed for ever (presets are static) */
    uint64_t seed;                    /* of the node's own chance */
    uint64_t cache_limit_bytes;       /* payload; 0 = caching off: nothing is stored */
    uint32_t slot_count;              /* the caller's buffers; 64 to 65,536 */
    bool offline;                     /* never connects; what is not cached fails */
    bool with_peers;                  /* false: the tier of peers is off (--no-peers) */
    uint8_t peer_id[HASH_BYTES];      /* ours; zeros without peers */
    uint32_t give_slot_count; /* the caller's other buffers of CHUNK_BYTES, for what is sent to
                                 peers; 0 = nothing is given. Numbered apart from slot_count's */
    bool fast;                /* --fast: see docs/CLI.md; stutters are not counted */
    struct trace *trace;      /* may be NULL */
    uint32_t trace_node;      /* how the node is called in the trace */
};

enum node_event_kind {
    NODE_EVENT_TICK =
        0, /* the deadline of the last update has come, or passed, or not yet: harmless */
    /* Commands of the listener. */
    NODE_EVENT_ENQUEUE, /* append an entry */
    NODE_EVENT_START,   /* play this entry from a position, now: a click */
    NODE_EVENT_SEEK,    /* within what plays, or is about to: SWITCH to the same entry follows */
    NODE_EVENT_PAUSE,
    NODE_EVENT_RESUME,
    NODE_EVENT_STOP, /* silence; nothing is fetched any more, but for what is lent; the queue stays */
    NODE_EVENT_DROP, /* an entry that is fetched or lent is not needed any more */
    /* The store. */
    NODE_EVENT_CACHED_FILE,     /* at the start: a file that the store holds, or a part of it */
    NODE_EVENT_CACHE_STATE,     /* writing to the store works (again), or does not */
    NODE_EVENT_MANIFEST_LOADED, /* the answer to LOAD_MANIFEST */
    NODE_EVENT_STORED,          /* the answer to STORE_ROW */
    NODE_EVENT_ROTTEN, /* a reader found a row in the store that does not match its proof */
    /* Answers to effects that compute. */
    NODE_EVENT_HASHED,
    NODE_EVENT_MANIFEST_CHECKED,
    NODE_EVENT_IDENTITY_CHECKED,
    /* Links. */
    NODE_EVENT_LINK_UP,
    NODE_EVENT_LINK_DOWN, /* also when a CONNECT failed: exactly one of UP or DOWN follows a CONNECT,
                             and one DOWN follows each UP */
    NODE_EVENT_MESSAGE,
    NODE_EVENT_ROOM, /* after SENDs to a peer: what is still queued for its socket, once and again
                        until nothing is; see streamserver/core/origin.h */
    /* Peers. */
    NODE_EVENT_LISTENING, /* where others can dial us: at the start, and when it has changed */
    NODE_EVENT_CONTACT,   /* somebody who may be dialled: found in the LAN, or remembered */
    NODE_EVENT_NETWORK, /* addresses of this machine have changed, or it woke up: test all links */
    NODE_EVENT_GIVING,  /* whether and how fast we give; on at full speed before the first */
    NODE_EVENT_TRACK_FOUND, /* the answer to FIND_TRACK */
    NODE_EVENT_PROOF_FOUND, /* the answer to FIND_PROOF */
    NODE_EVENT_GIVE_READ,   /* the answer to READ */
    /* Decoders. */
    NODE_EVENT_WANT,
    NODE_EVENT_WANT_DROPPED, /* flushed, nobody waits any more: it is forgotten and not answered */
    NODE_EVENT_READ,         /* a decoder has copied these chunks (once a play and chunk) */
    /* Sound. */
    NODE_EVENT_POSITION,      /* where the play point is; some times a second */
    NODE_EVENT_SOUND_STARTED, /* the entry's first sample (after SWITCH, or at a join) is at the sink */
    NODE_EVENT_SOUND_STALLED, /* the play head stands still without a command */
    NODE_EVENT_SOUND_RESUMED,
    NODE_EVENT_SOUND_ENDED,  /* the entry's last sample has left */
    NODE_EVENT_SOUND_FAILED, /* its decoder chain gave up */
    /* A command again: other entries are to follow what plays. Takes out of the queue all that stand
     * behind `cut.entry`, and those before the one that was begun last; neither that one nor fetches. */
    NODE_EVENT_CUT,
    NODE_EVENT_KINDS,
};

struct node_event {
    enum node_event_kind kind;
    uint64_t now_us; /* monotonic; never less than that of the event before (asserted) */
    union {
        struct {
            uint32_t entry;
            uint8_t track_id[TRACK_ID_BYTES];
            bool fetch_only; /* get the whole file and report it, do not play it (`refrain fetch`).
                                Where nothing is stored the caller reads it while it comes (WANT and
                                READ), so that slots become free */
            bool
                lent; /* for another player (a gateway's, a plug-in's): LEND follows, and then what it
                          WANTs is got, and a little ahead of what it reads, until a DROP. It does not
                          stand in the queue: `entry` is NODE_ENTRY_LENT | the caller's own number,
                          never the same twice. Not with fetch_only */
        } enqueue;
        struct {
            uint32_t entry; /* lent, or with fetch_only. One that is complete: no change */
        } drop;
        struct {
            uint32_t entry; /* START: enqueued before. SEEK: ignored */
            uint64_t position_us;
        } start, seek; /* a position at or behind the track's end is NODE_END_US before it */
        struct {
            uint32_t entry;
        } cut;
        struct {
            media_handle file;
            const uint8_t
                *row_masks;    /* one byte a row, bit n = chunk n of the row; borrowed for the
                                         call; NULL = complete */
            uint64_t last_use; /* larger = later; the store's own number */
            bool is_main;      /* of the last TOUCH_FILE */
        } cached_file;
        struct {
            bool writable;
        } cache_state;
        struct {
            uint8_t track_id[TRACK_ID_BYTES];
            const uint8_t *bytes; /* NULL: not there */
            uint32_t count;
        } manifest_loaded;
        struct {
            media_handle file;
            uint32_t row;
            uint8_t mask; /* of the STORE_ROW */
            int error; /* 0, ERROR_FULL (writing stops, the music goes on), or fatal for the store */
        } stored;
        struct {
            media_handle file;
            uint32_t row;
        } rotten;
        struct {
            uint32_t slot;
            uint8_t digest[HASH_BYTES];
        } hashed;
        struct {
            uint8_t track_id[TRACK_ID_BYTES];
            bool
                valid; /* the signature is that of manifest.origin, and that is an origin we trust */
        } manifest_checked;
        struct {
            uint32_t link;
            bool valid; /* false: DISCONNECT with P2P_BYE_IDENTITY follows, and no reconnect */
        } identity_checked;
        struct {
            uint32_t link; /* the number of the CONNECT; or NODE_LINK_INCOMING | the caller's own
                              number, never the same twice: a peer's that began it */
            enum node_link_kind link_kind;
            uint8_t nonce[P2P_NONCE_BYTES]; /* fresh from the system, for our HELLO */
            uint16_t listen_port;
            uint8_t peer_id[HASH_BYTES]; /* PEER: as TLS proved it; the CONNECT's, or the caller
                                            has closed the link */
            struct p2p_address address;  /* the other end's */
        } link_up;
        struct {
            uint32_t link;
            int error; /* why; ERROR_CLOSED = in order */
        } link_down;
        struct {
            uint32_t link;
            const struct p2p_message *message; /* borrowed for the call */
        } message;
        struct {
            uint32_t link;
            uint32_t queued_bytes;
        } room;
        struct {
            uint16_t port; /* 0: nobody can dial us */
            uint8_t flags; /* P2P_LISTEN_* */
            uint8_t address_count;
            struct p2p_address addresses[P2P_LISTEN_ADDRESSES_MAX]; /* of our own interfaces */
        } listening;
        struct {
            struct p2p_contact contact;
            bool is_lan;      /* heard in our own network just now */
            uint32_t penalty; /* remembered: what misbehaviour it had when it was remembered, */
            uint64_t age_us;  /* and how long ago that was */
        } contact;
        struct {
            bool is_allowed;      /* false: --no-upload, metered, low battery */
            uint64_t bytes_per_s; /* limit; 0 = automatic (yields to everything else) */
        } giving;
        struct {
            uint32_t operation;
            const uint8_t *manifest; /* NULL: not here. Lent until the next step */
            uint32_t manifest_bytes;
        } track_found;
        struct {
            uint32_t operation;
            const struct media_proof *proof; /* NULL: not here; borrowed for the call */
        } proof_found;
        struct {
            uint32_t slot; /* of the give slots */
            int error; /* 0; ERROR_NOT_FOUND, ERROR_MISMATCH, ERROR_IO: the request is rejected */
        } give_read;
        struct {
            uint32_t want; /* the caller's number, not 0, unique among those outstanding */
            uint32_t entry;
            media_handle file;
            uint32_t first_chunk;
            uint32_t count; /* 1 to ROW_CHUNKS */
        } want;
        struct {
            uint32_t want;
        } want_dropped;
        struct {
            uint32_t entry;
            media_handle file;
            uint32_t first_chunk;
            uint32_t count;
        } read;
        struct {
            uint32_t entry;
            uint64_t position_us; /* within the entry */
        } position, sound_started;
        struct {
            uint32_t entry;
            int error; /* SOUND_FAILED only; ERROR_CANCELLED (a chain that was forgotten) is
                          passed over */
        } sound;       /* STALLED, RESUMED, ENDED, FAILED */
    };
};

/* In the order in which they are carried out: within an update, effects stand sorted by kind,
 * those of one kind in the order of decision. */
enum node_effect_kind {
    NODE_EFFECT_FILL = 0,       /* copy the payload of this step's FRAGMENT into a slot */
    NODE_EFFECT_HASH,           /* -> HASHED */
    NODE_EFFECT_CHECK_IDENTITY, /* -> IDENTITY_CHECKED */
    NODE_EFFECT_CHECK_MANIFEST, /* -> MANIFEST_CHECKED */
    NODE_EFFECT_LOAD_MANIFEST,  /* -> MANIFEST_LOADED */
    NODE_EFFECT_READY,          /* the slot holds this verified chunk: decoders may copy it */
    NODE_EFFECT_EVICT_FILE, /* remove it from the store, in the transaction of the next STORE_ROW
                                   or within a second; not answered */
    NODE_EFFECT_EVICT_ROW,  /* likewise, one row */
    NODE_EFFECT_STORE_ROW,  /* -> STORED; the slots stay filled until RELEASE */
    NODE_EFFECT_STORE_MANIFEST, /* not answered */
    NODE_EFFECT_TOUCH_FILE,     /* it was used now: persist for LRU; may be batched */
    NODE_EFFECT_RELEASE,        /* a READY slot is free again: no decoder may look at it any more.
                                   A slot that never was READY is taken back without a word */
    NODE_EFFECT_SEND,
    NODE_EFFECT_CONNECT,    /* the origin, or a peer -> LINK_UP or LINK_DOWN */
    NODE_EFFECT_DISCONNECT, /* BYE and close -> LINK_DOWN */
    NODE_EFFECT_FIND_TRACK, /* a manifest that a peer asks for -> TRACK_FOUND */
    NODE_EFFECT_FIND_PROOF, /* of a stored row -> PROOF_FOUND */
    NODE_EFFECT_READ,     /* a stored chunk, verified, into a give slot, by the disk reader's thread
                               -> GIVE_READ. It may reuse the slot of a SEND of the same update */
    NODE_EFFECT_REMEMBER, /* a contact that proved useful, or misbehaved: for the next run; not
                               answered */
    NODE_EFFECT_WANT_MET,
    NODE_EFFECT_WANT_FAILED,
    NODE_EFFECT_UNPREPARE,  /* forget this prepared entry's chain: it does not follow any more */
    NODE_EFFECT_SWITCH,     /* silence and forget all chains, open this entry's at a position */
    NODE_EFFECT_PREPARE,    /* open this entry's chain; it follows what plays, gaplessly */
    NODE_EFFECT_LEND,       /* a lent entry's file may be read from now on */
    NODE_EFFECT_SILENCE,    /* STOP: forget all chains */
    NODE_EFFECT_SET_PAUSED, /* by the listener, or held back because it would soon stand still */
    NODE_EFFECT_NOTE,       /* for the listener */
    NODE_EFFECT_KINDS,
};

enum node_note_kind {
    NODE_NOTE_PLAY,         /* a start's record; given when that stretch of playing is over */
    NODE_NOTE_STARTED,      /* sound of an entry begins */
    NODE_NOTE_ENTRY_FAILED, /* it can't be played: why is in `error` */
    NODE_NOTE_FETCHED,      /* an entry with fetch_only is wholly here */
    NODE_NOTE_QUEUE_ENDED,  /* nothing more to play or fetch */
    NODE_NOTE_LINK,         /* the origin's link came up or was lost */
    NODE_NOTE_BAD_CHUNK,    /* wrong bytes from a link, caught by the proof */
    NODE_NOTE_CACHE_OFF,    /* the disk is full or failed: playing goes on without storing */
    NODE_NOTE_QUEUE_FULL,
    NODE_NOTE_PEER_MISBEHAVED, /* a link broke the protocol */
};

struct node_play_record {
    uint8_t track_id[TRACK_ID_BYTES];
    uint64_t wait_us; /* command (or end of the entry before) to first sample (docs/CLI.md) */
    enum node_cause cause;
    enum node_cached cached;
    uint32_t stutters; /* standstills of >= 20 ms */
    uint64_t stall_us; /* how long in all */
};

struct node_note {
    enum node_note_kind kind;
    uint32_t entry; /* 0 when it is about none */
    uint32_t link;  /* 0 when it is about none */
    int error;      /* LINK: 0 = up, else why it went. CACHE_OFF: why. ENTRY_FAILED: what the
                       decoder said, or ERROR_NOT_FOUND (unknown to the origin), ERROR_OFFLINE,
                       ERROR_CLOSED (the origin can't be reached), ERROR_MISMATCH (signature, or wrong
                       bytes again and again), ERROR_DENIED (the origin is not who it was) */
    struct node_play_record play; /* PLAY only */
};

struct node_effect {
    enum node_effect_kind kind;
    union {
        struct {
            uint32_t slot;
            uint32_t offset; /* within the chunk */
            uint32_t bytes;
        } fill;
        struct {
            uint32_t slot;
            uint32_t bytes; /* of the whole chunk */
        } hash;
        struct {
            uint32_t link;
            const struct p2p_hello *hello; /* theirs */
            const uint8_t *nonce;          /* ours, P2P_NONCE_BYTES */
        } check_identity;
        struct {
            const uint8_t *track_id;
            const uint8_t *bytes;
            uint32_t count;
        } check_manifest, store_manifest;
        struct {
            const uint8_t *track_id;
        } load_manifest;
        struct {
            media_handle file;
            uint32_t chunk;
            uint32_t slot;
        } ready;
        struct {
            media_handle file;
            uint32_t row;
            uint8_t mask;               /* chunks that are given here; what the store has stays */
            uint32_t slots[ROW_CHUNKS]; /* those of the mask's bits */
            const struct media_proof *proof;
        } store_row;
        struct {
            media_handle file;
            uint32_t row; /* EVICT_ROW only */
        } evict;
        struct {
            media_handle file;
            bool is_main; /* to be told again as CACHED_FILE */
        } touch;
        struct {
            uint32_t slot;
        } release;
        struct {
            uint32_t link;
            struct p2p_message message;
            uint32_t
                slot; /* FRAGMENT: payload is in this give slot from message.fragment.offset on */
        } send;
        struct {
            uint32_t link; /* the node's number for it, never used before */
            enum node_link_kind link_kind;
            struct p2p_contact contact; /* PEER: whom; only addresses[0] is to be dialled */
            bool is_arranged; /* the other side dials us at the same moment: dial from our listening
                                 port, again and again for some seconds (simultaneous open) */
        } connect;
        struct {
            uint32_t link;
            uint8_t reason; /* enum p2p_bye */
        } disconnect;
        struct {
            uint32_t operation;
            uint8_t track_id[TRACK_ID_BYTES];
        } find_track;
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
            struct p2p_contact contact;
            uint32_t penalty;
        } remember;
        struct {
            uint32_t want;
            int error; /* WANT_FAILED: ERROR_OFFLINE, ERROR_NOT_FOUND, ERROR_CLOSED (no source came
                          back in time), ERROR_MISMATCH (wrong bytes again and again),
                          ERROR_CANCELLED (a START, SEEK or STOP made it idle) */
        } want;
        struct {
            uint32_t entry;
            uint64_t position_us;                  /* SWITCH; 0 for PREPARE and LEND */
            const struct media_manifest *manifest; /* valid while the entry plays or is prepared; of
                                                      a LEND, during the call */
            uint32_t file_index;                   /* which of its files */
            media_handle file;
        } open; /* SWITCH, PREPARE, LEND */
        struct {
            uint32_t entry;
        } unprepare;
        struct {
            bool paused;
        } set_paused;
        struct node_note note;
    };
};

struct node_update {
    const struct node_effect *effects;
    uint32_t count;
    uint64_t next_deadline_us; /* send a TICK then; TIME_NEVER_US = none */
};

/* Totals since node_new, as docs/CLI.md defines them. */
struct node_summary {
    uint32_t tracks; /* entries of which sound was heard, or that were lent and read */
    uint64_t played_us;
    uint64_t bytes[NODE_SOURCES]; /* of played tracks */
    uint64_t duplicate_bytes;     /* payload that we had already */
    uint64_t overhead_bytes;      /* received, and neither counted in `bytes` nor duplicate */
    uint64_t unread_bytes;        /* received, counted in `bytes`, and read by no decoder so far */
    uint64_t received_bytes;      /* whole frames */
    uint64_t payload_bytes[NODE_SOURCES]; /* of fragments received, needed or not */
    uint64_t sent_bytes;
    uint32_t stutters;
    uint64_t stall_us;
};

/* What a listener may look at, cheap enough for each second. */
struct node_status {
    uint32_t entry;       /* what plays, 0 = nothing */
    uint64_t position_us; /* at now_us */
    uint64_t buffered_us; /* continuous and verified from the play point on */
    bool playing, paused, stalled;
    bool origin_up;
    uint64_t origin_rate_bps;        /* measured, bytes/s; 0 = not yet */
    uint64_t origin_rtt_us;          /* measured; 0 = not yet */
    uint32_t neighbours;             /* links to peers that are up */
    uint32_t attempts;               /* and that are being made */
    uint32_t contacts;               /* known, not connected */
    struct p2p_address observed;     /* where others see us, port 0; family 0 = not known */
    bool is_translated;              /* by a NAT device, as far as that can be told (overlay.h) */
    uint32_t give_slots;             /* peers that may be served at a time */
    uint32_t served;                 /* peers that are being served now */
    uint64_t give_limit_bytes_per_s; /* what the regulator allows now; 0 = nothing is given */
    uint64_t given_bytes;            /* payload, since node_new */
};

/* One link to a peer, for `refrain peers`. */
struct node_peer {
    uint32_t link;
    uint8_t peer_id[HASH_BYTES];
    struct p2p_address address;
    bool is_incoming, is_lan;
    bool is_giving, is_asking;           /* we ask it now; it asks us now */
    uint64_t received_bytes, sent_bytes; /* payload */
    uint64_t rate_bytes_per_s;
    uint64_t rtt_us;
    uint32_t files; /* of those that we look for, that it has something of */
};

/* ERROR_NO_MEMORY. */
int node_new(const struct node_config *config, struct node **ret_node);
void node_free(struct node *node);
/* 0, or ERROR_NO_MEMORY (fatal for the node). */
int node_step(struct node *node, const struct node_event *event, struct node_update *ret_update);
/* STORE_ROWs are outstanding, or will be when these are answered: who wants to lose nothing waits
 * after a STOP until this is false. */
bool node_is_storing(const struct node *node);
void node_get_summary(const struct node *node, struct node_summary *ret_summary);
void node_get_status(const struct node *node, uint64_t now_us, struct node_status *ret_status);
/* Fills at most `capacity`; returns how many links to peers there are. */
uint32_t node_get_peers(const struct node *node, uint64_t now_us, struct node_peer *ret_peers,
                        uint32_t capacity);
/* Where a chunk came from; for a map of the track. False: not here. */
bool node_chunk_source(const struct node *node, media_handle file, uint32_t chunk,
                       enum node_source *ret_source);
/* Bytes on the heap, all in; the budget's test prints it. */
size_t node_heap_bytes(const struct node *node);
/* Asserts what must hold between the parts; the simulator calls it after every step. */
void node_check_invariants(const struct node *node);

#endif
