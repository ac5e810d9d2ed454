/*
 * node_world.h: a node between a toy origin, a toy store, decoders and sound, on a virtual clock.
 *
 * For the unit tests, the bench and the fuzz target of player/core. It carries out every effect at
 * once or after the delays below, and asserts the contract of node.h on the way: fills without
 * gaps, hashes of whole chunks only, stored rows with their right bytes, RELEASE only of READY
 * slots, one answer a want. It is no simulator: one listener, one origin that sends chunk by chunk
 * by priority over one wire. (measure/sim has the real origin engine.)
 *
 * The catalogue: tracks 0 to 3 of 40, 20, 9 and 200 chunks, 4 s for each chunk of 16 KiB (so
 * 160 s, 80 s, 36 s and 800 s), the start set of each is its first chunk, its last, its second. The
 * tracks' ids are 16 bytes of (index + 1).
 *
 * With peers (world_config.with_peers) the origin is a tracker, too, and there may be others
 * (node_world_peers.c): scripted, each with a line of its own, who hold what a test says, and may be
 * away, silent, slow, busy, rotten or liars. They also ask the node for chunks.
 */
#ifndef TESTS_LIB_NODE_WORLD_H
#define TESTS_LIB_NODE_WORLD_H

#include "media/core/manifest.h"
#include "media/core/merkle.h"
#include "player/core/node.h"

#define WORLD_TRACKS 4u
#define WORLD_CHUNK_US (4 * TIME_US_PER_S)
#define WORLD_SLOTS_MAX 512u
#define WORLD_CHAINS 2u
#define WORLD_STORY_BYTES (1u << 18)
#define WORLD_JOBS 128u
#define WORLD_TICK_US (50 * TIME_US_PER_MS)
#define WORLD_PEERS 8u
#define WORLD_GIVE_SLOTS 16u
#define WORLD_REQUESTS 4096u

struct world_track {
    uint8_t id[TRACK_ID_BYTES];
    uint8_t manifest[MEDIA_MANIFEST_BYTES_MAX];
    size_t manifest_bytes;
    struct media_file_id file;
    media_handle handle;
    uint32_t chunk_count;
    uint64_t duration_us;
    struct media_proof *proofs; /* owned; one a row */
    uint8_t stored[32];         /* the store's masks; a byte a row */
    bool has_manifest;          /* the store has the manifest */
    bool is_unknown;            /* to the origin */
};

struct world_slot {
    uint32_t track; /* index */
    uint32_t chunk;
    uint32_t filled;
    bool is_taken, is_hashing, is_ready, is_storing;
    bool is_bad; /* wrong bytes came */
};

struct world_job { /* the origin's: a request that is being answered */
    uint32_t link, request, track;
    uint32_t chunks[256];
    uint32_t count, at;
    uint8_t priority;
    bool wants_proofs;
    uint32_t proven_row; /* + 1 */
};

struct world_peer {
    struct p2p_contact contact;
    uint8_t has[WORLD_TRACKS][32]; /* masks, a byte a row */
    bool has_manifests;
    uint64_t rtt_us;      /* 20 ms */
    uint64_t bytes_per_s; /* 1,000,000: of its uplink */
    /* What a test may change at any time. */
    bool is_away;   /* refuses connections */
    bool is_silent; /* says HELLO and HAVE, and answers no request (PINGs it does) */
    bool is_liar;   /* tells of all, holds nothing */
    bool is_rotten; /* its bytes are wrong */
    bool is_busy;
    uint32_t link; /* that is up; 0 = none */
    bool is_greeted;
    struct world_job jobs[WORLD_JOBS];
    uint32_t job_count;
    bool is_pumping;
    uint64_t wire_free_us;
    uint8_t request_tracks[WORLD_REQUESTS];
    uint8_t runs[WORLD_TRACKS][P2P_HAVE_RUN_BYTES * 256]; /* of its last HAVE */
    /* What was seen. */
    uint32_t requested; /* chunks that the node asked it for */
    uint32_t sent;      /* chunks that it sent */
    uint32_t links;     /* that it had */
    /* As somebody who asks the node. */
    uint32_t next_request;
    uint32_t got_bytes, got_proofs, got_rejects, got_opened;
    uint8_t last_reject;
    uint8_t told[WORLD_TRACKS]; /* enum p2p_have of the node's last HAVE */
};

struct world_chain {
    uint32_t entry; /* 0 = none */
    uint32_t track;
    uint64_t position_us; /* where it begins */
    uint32_t start_at;    /* runs of the start set that were read */
    uint32_t chunk;       /* read next, in order */
    uint32_t want;        /* it waits for */
    bool is_failed;
};

struct world_config {
    const struct node_preset *preset; /* NULL = refrain */
    uint64_t cache_limit_bytes;
    uint32_t slot_count;
    bool offline, fast;
    uint64_t seed;
    uint32_t check_every; /* steps between two looks at the invariants; 0 = after each */
    bool with_peers;
};

struct world {
    struct node *node;
    struct media_intern *intern;
    struct trace trace;
    uint64_t now_us;
    uint64_t deadline_us;
    struct world_track tracks[WORLD_TRACKS];
    struct world_slot slots[WORLD_SLOTS_MAX];
    struct world_pending *pending; /* owned; unsorted */
    uint32_t pending_count;
    uint64_t pending_order;
    /* The origin: what a test may change at any time. */
    bool is_origin_away;   /* refuses connections */
    bool is_origin_false;  /* its identity does not hold */
    bool is_origin_silent; /* answers nothing */
    uint64_t rtt_us;       /* 20 ms */
    uint64_t bytes_per_s;  /* 1,000,000 */
    uint32_t bad_chunk;    /* + 1: its bytes are wrong, always */
    uint32_t rejected;     /* chunk + 1: a request that comes to it is rejected */
    uint8_t reject_reason;
    struct world_job jobs[WORLD_JOBS];
    uint32_t job_count;
    uint32_t link; /* that is up; 0 = none */
    uint32_t silent_link;
    uint8_t request_tracks[WORLD_REQUESTS]; /* which track a request of the link is about */
    bool is_pumping;
    uint64_t wire_free_us;
    /* The store. */
    int store_error;   /* of every STORE_ROW from now on */
    uint64_t store_us; /* how long one takes: 1 ms */
    uint32_t rows_stored;
    /* Peers, and what the tracker was told. */
    struct world_peer *peers; /* owned; WORLD_PEERS of them */
    uint32_t peer_count;
    uint32_t announced, lookups; /* keys */
    uint32_t incoming;           /* links that peers began */
    struct world_slot give_slots[WORLD_GIVE_SLOTS];
    uint8_t answers[16][2048]; /* HOLDERS' lists that are on their way */
    uint32_t answer_count;
    /* Decoders and sound. */
    struct world_chain chains[WORLD_CHAINS]; /* what plays, what follows */
    bool is_sounding, is_stalled, is_paused, is_ticking;
    uint64_t position_us;
    uint32_t next_want;
    uint32_t wants_posted;
    uint32_t steps;
    /* What was seen. */
    uint32_t effects[NODE_EFFECT_KINDS];
    uint32_t notes[NODE_NOTE_PEER_MISBEHAVED + 1];
    struct node_note last_note[NODE_NOTE_PEER_MISBEHAVED + 1];
    uint32_t sent[P2P_FOUND + 1];
    uint32_t requested[WORLD_TRACKS][256]; /* how often a chunk was asked for by REQUEST */
    uint32_t waits_ms[16];                 /* of the play records, in order */
    enum node_cached cached[16];
    uint32_t records;
    uint64_t effects_hash; /* of all effects' kinds and numbers */
    uint64_t silent_us;    /* without sound while a chain was open */
    char story[WORLD_STORY_BYTES];
    size_t story_bytes;
    struct world_config config;
    const struct p2p_message *message; /* of the event being handled, */
    uint32_t message_link;             /* and where it came from */
};

/* Zeroes the world, makes the catalogue; the node is made by world_start. */
void world_init(struct world *world, const struct world_config *config);
/* Makes the node and tells it what the store holds. 0 or ERROR_NO_MEMORY. */
int world_start(struct world *world);
void world_deinit(struct world *world);
/* One event, now, and its effects. */
int world_step(struct world *world, struct node_event event);
/* Lets time pass until a moment, or until nothing more will happen. 0 or ERROR_NO_MEMORY. */
int world_run(struct world *world, uint64_t until_us);

/* The store has a track's manifest and its first chunks. */
void world_cache(struct world *world, uint32_t track, uint32_t chunks);
int world_enqueue(struct world *world, uint32_t entry, uint32_t track, bool is_fetch);
int world_play(struct world *world, uint32_t entry, uint64_t position_us);
int world_command(struct world *world, enum node_event_kind kind, uint64_t position_us);
/* The link breaks now; what is on its way is lost. */
int world_break_link(struct world *world);

/* A peer that the tracker knows: it has a track's first chunks. Returns its index. */
uint32_t world_add_peer(struct world *world, uint32_t track, uint32_t chunks);
void world_peer_gets(struct world *world, uint32_t peer, uint32_t track, uint32_t first,
                     uint32_t count);
/* It dials the node. */
int world_peer_dials(struct world *world, uint32_t peer);
/* It asks the node; the answer is counted. */
int world_peer_asks(struct world *world, uint32_t peer, uint32_t track, uint32_t first,
                    uint32_t count);
int world_peer_opens(struct world *world, uint32_t peer, uint32_t track);
int world_peer_is_interested(struct world *world, uint32_t peer, uint32_t track);
/* Its link breaks now. */
int world_peer_leaves(struct world *world, uint32_t peer);

/* On the heap; with a node when `starts`. */
struct world *world_new(struct world_config config, bool starts);
void world_free(struct world *world);
/* Runs until the queue is over (asserted) and nothing more will happen; checks what each run must
 * end with, and gives the sums. */
void world_finish(struct world *world, struct node_summary *ret_summary);

/* True when the story has these lines' beginnings in this order; NULL ends the list. */
bool world_tells(const struct world *world, const char *const *lines);
uint32_t world_times_told(const struct world *world, const char *part);
void world_print(const struct world *world);

#endif
