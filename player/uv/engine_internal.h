/*
 * engine_internal.h: the engine's state, shared by its files and by nobody else.
 *
 *   engine.c       life cycle, commands, the pump: events into the node, effects out
 *   effects.c      carries out what the node says
 *   origin_link.c  the one link to the origin
 *   peers.c        own key, listening, discovery, remembered contacts
 *   peer_links.c   links to peers
 *   giving.c       what peers ask for, from the store
 *   loans.c        what other players read through us
 *   storage.c      the store and its answers
 *   sound.c        readers and the output
 *   tape.c         --record
 */
#ifndef PLAYER_UV_ENGINE_INTERNAL_H
#define PLAYER_UV_ENGINE_INTERNAL_H

#include "cache/lmdb/store.h"
#include "common/net/link.h"
#include "common/net/loop.h"
#include "common/net/mailbox.h"
#include "common/net/tls.h"
#include "common/net/url.h"
#include "p2p/uv/lan.h"
#include "p2p/uv/network_watch.h"
#include "p2p/uv/peer_listener.h"
#include "p2p/uv/port_map.h"
#include "player/gst/output.h"
#include "player/uv/contact_file.h"
#include "player/uv/disk.h"
#include "player/uv/engine.h"
#include "player/uv/reader.h"
#include "player/uv/tape.h"

#include <stdatomic.h>

#define ENGINE_TEXT_BYTES_MAX 1200u
/* Chunks that are under way or being written when nothing is played: 32 MiB at most. */
#define ENGINE_SLOTS_SILENT 2048u
/* Answers to the effects of one step; each slot may be hashed, each row stored. */
#define ENGINE_ANSWERS_FIRST 64u
/* Messages of other threads that wait. */
#define ENGINE_MAIL_MAX 8192u
/* Entries are forgotten so many at a time. */
#define ENGINE_FORGET_MIN 64u
/* After writing to the store had to stop it is tried again so often. */
#define ENGINE_STORE_RETRY_US (30 * TIME_US_PER_S)
/* How long the origin may take to end its side after our BYE. */
#define ENGINE_LINGER_US (300 * TIME_US_PER_MS)

/* Chunks on their way from the store to peers. */
#define ENGINE_GIVE_SLOTS 64u
/* A node has NODE_LINKS_MAX; some more are saying good-bye. */
#define ENGINE_PEER_LINKS_MAX (2u * NODE_LINKS_MAX)
/* The start of the sound comes first. */
#define ENGINE_PEERS_BEGIN_US (100 * TIME_US_PER_MS)
/* Whether a router is to be asked for a port is looked at so long after that, and again and again:
 * a short run asks nobody. */
#define ENGINE_MAP_LOOK_US (3 * TIME_US_PER_S)
/* What is to be remembered is written at most so often, and at the end. */
#define ENGINE_CONTACTS_SAVE_US (60 * TIME_US_PER_S)

enum engine_mail_kind {
    ENGINE_MAIL_READER,
    ENGINE_MAIL_OUTPUT,
    ENGINE_MAIL_STORED,
    ENGINE_MAIL_ROTTEN,
    ENGINE_MAIL_WARNING,
};

/* What other threads tell the engine's. */
struct engine_mail {
    enum engine_mail_kind kind;
    union {
        struct reader_post reader;
        struct output_event output;
        struct {
            uint64_t token; /* storage_token */
            int error;
        } stored;
        struct {
            struct media_file_id file;
            uint32_t row;
        } rotten;
        char *text; /* WARNING: on the heap, the receiver's */
    };
};

/* An event that answers an effect. `bytes` (on the heap, or NULL) is what it borrows; of a
 * MANIFEST_CHECKED, the manifest. */
struct engine_answer {
    struct node_event event;
    uint8_t *bytes;
    uint32_t count;
};

/* What was queued and not forgotten: entry number = entry_base + index + 1. */
struct engine_entry {
    uint8_t track_id[TRACK_ID_BYTES];
    uint64_t *read; /* a bit a chunk: told to the node; NULL before the first; owned */
    uint32_t read_chunks;
};

/* A reader's file in use by a deck or by a copy. */
struct engine_input {
    struct reader_file *file;
    struct engine_input *next;
};

/* The link to the origin. A link is begun at the start, before the node asks for it. */
struct engine_origin {
    bool configured;
    struct net_url url;
    struct net_tls *tls;
    struct net_link *link; /* NULL: none */
    uint32_t number;       /* the node's; 0 = it has not asked yet */
    uint32_t last_number;  /* of the last link that the node asked for, also when it has gone */
    bool is_up;            /* frames can flow */
    bool said_up;          /* LINK_UP was given to the node */
    bool broke;            /* a message was malformed: LINK_DOWN will say so */
    bool known;            /* `identity` was shown on this link, or is pinned */
    bool was_looked_up;    /* among the pinned ones */
    uint8_t identity[PUBLIC_KEY_BYTES];
    char text[ENGINE_TEXT_BYTES_MAX];
};

struct engine_peer_link;

/* The tier of peers; all zero without it. */
struct engine_peers {
    bool is_on;
    bool has_begun;
    bool lan_failed;
    bool contacts_changed;
    uint16_t wanted_port;
    bool may_map;
    uint16_t outer_port;             /* mapped by a NAT device; 0 = none */
    struct port_map *map;            /* NULL: no NAT device has been noticed */
    enum port_map_method map_method; /* of outer_port */
    struct net_address map_observed; /* where others saw us when the router was asked */
    struct peer_identity *identity;
    struct peer_listener *listener; /* NULL: nobody can reach us */
    struct network_watch *watch;
    struct lan *lan; /* NULL: no multicast here, or the origin is not known yet */
    struct disk *disk;
    struct net_deadline *begin, *save, *map_look;
    uint8_t *give_slots; /* ENGINE_GIVE_SLOTS * CHUNK_BYTES */
    uint32_t link_count;
    struct engine_peer_link *links[ENGINE_PEER_LINKS_MAX]; /* without order */
    uint32_t last_incoming;
    struct contact_file contacts;
    uint8_t lent_manifest[STORE_MANIFEST_BYTES_MAX];
};

struct engine_copy;

struct engine {
    struct net_loop *loop;
    struct engine_callbacks callbacks;
    struct engine_paths paths;
    char known_origins[ENGINE_PATH_BYTES_MAX + 16];
    bool offline;
    bool dead; /* a fatal error was told: nothing is stepped any more */
    atomic_bool closing;
    int lock; /* descriptor, -1 = none */

    struct media_intern *intern;
    struct node *node;
    uint8_t *slots; /* slot_count * CHUNK_BYTES */
    uint32_t slot_count;
    struct reader *reader;
    struct store *store;   /* NULL: no cache */
    struct output *output; /* NULL: silent */
    struct net_mailbox *mailbox;
    struct net_deadline *deadline, *store_retry;
    struct tape *tape; /* NULL: not recording */
    struct engine_origin origin;
    struct engine_peers peers;

    bool stepping;
    const uint8_t *payload;        /* of the FRAGMENT that is being stepped; else NULL */
    struct engine_answer *answers; /* that wait for their step: [first, count) */
    uint32_t answer_first, answer_count, answer_capacity;

    struct engine_entry *entries;
    uint32_t entry_base, entry_count, entry_capacity;
    struct engine_input *inputs;
    uint32_t serial;           /* of the last SWITCH or SILENCE */
    struct engine_copy *copy;  /* under way */
    struct engine_loan *loans; /* that are out */
    uint32_t loan_serial;      /* of the last one */
};

/* Gives the node one event and carries out all that follows. Sets now_us itself. */
void engine_step(struct engine *engine, struct node_event *event);
/* An event for after this step; `bytes` (may be NULL) is freed behind it. */
void engine_answer(struct engine *engine, const struct node_event *event, uint8_t *bytes,
                   uint32_t count);
/* Tells of a fatal error, once. */
void engine_fail(struct engine *engine, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void engine_warn(struct engine *engine, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Any thread. Waits while the mailbox is full, gives up when the engine is closing: false. */
bool engine_post(struct engine *engine, const struct engine_mail *mail);

void effects_carry_out(struct engine *engine, const struct node_effect *effect);

/* Begins to connect. */
void origin_link_begin(struct engine *engine);
/* The node's CONNECT, SEND and DISCONNECT. */
void origin_link_connect(struct engine *engine, uint32_t number);
void origin_link_send(struct engine *engine, uint32_t number, const struct p2p_message *message);
void origin_link_disconnect(struct engine *engine, uint32_t number, uint8_t reason);
void origin_link_check_identity(struct engine *engine, const struct node_effect *effect);
/* Whether manifests signed by this key are believed. */
bool origin_link_trusts(struct engine *engine, const uint8_t identity[PUBLIC_KEY_BYTES]);
/* Whether engine->origin.identity is known: shown on this link, or pinned before. */
bool origin_link_is_known(struct engine *engine);
/* Says BYE and lets go. */
void origin_link_end(struct engine *engine);

/* Reads the key; the rest begins later. Nothing without config->with_peers. */
int peers_open(struct engine *engine, const struct engine_config *config);
/* Before the store is closed: what the disk's thread has to do is done. */
void peers_close(struct engine *engine);
void peers_free(struct engine *engine);
uint16_t peers_own_port(const struct engine *engine); /* that we listen on; 0 = none */
uint16_t peers_port(const struct engine *engine);     /* that others dial; 0 = none */
uint32_t peers_scope_id(const struct engine *engine, const struct net_address *address);
void peers_set_mapping(struct engine *engine, uint16_t outer_port);
/* The origin can't be reached: all hope lies in the peers, now. */
void peers_miss_origin(struct engine *engine);
/* The origin's identity became known. */
void peers_know_origin(struct engine *engine);
void peers_remember(struct engine *engine, const struct node_effect *effect);

/* The node's CONNECT, SEND and DISCONNECT of peers. */
void peer_links_connect(struct engine *engine, const struct node_effect *effect);
void peer_links_send(struct engine *engine, const struct node_effect *effect);
void peer_links_disconnect(struct engine *engine, uint32_t number, uint8_t reason);
void peer_links_accepted(void *context, struct peer_link *link); /* a peer_listener_accepted */
void peer_links_end(struct engine *engine);

/* The node's READ, FIND_PROOF and FIND_TRACK. */
void giving_read(struct engine *engine, const struct node_effect *effect);
void giving_find_proof(struct engine *engine, const struct node_effect *effect);
void giving_find_track(struct engine *engine, const struct node_effect *effect);
uint8_t *giving_slot(const struct engine *engine, uint32_t slot); /* CHUNK_BYTES */

/* Opens the store as far as it can be (engine->store may stay NULL); *ret_payload_limit_bytes is what
 * the node may keep. */
void storage_open(struct engine *engine, uint64_t limit_bytes, uint64_t *ret_payload_limit_bytes);
/* Tells the node what is there. */
void storage_list(struct engine *engine);
void storage_put_row(struct engine *engine, const struct node_effect *effect);
void storage_load_manifest(struct engine *engine, const uint8_t *track_id);
void storage_stored(struct engine *engine, uint64_t token, int error);
/* A reader_store_read. */
int storage_read(void *context, const struct media_file_id *id, uint32_t chunk, uint8_t *ret_bytes);
/* Whether the store holds exactly this manifest. */
bool storage_has_manifest(struct engine *engine, const uint8_t *track_id, const uint8_t *bytes,
                          uint32_t count);

void sound_open_entry(struct engine *engine, const struct node_effect *effect);
void sound_silence(struct engine *engine);
void sound_unprepare(struct engine *engine, uint32_t entry);
void sound_hear(struct engine *engine, const struct output_event *event);
void sound_read(struct engine *engine, const struct reader_post *post);
/* A reader's file that the engine keeps account of; NULL: out of memory. */
struct reader_file *sound_open_input(struct engine *engine, uint32_t entry, media_handle handle,
                                     const struct media_file_id *id);
void sound_close_input(struct engine *engine, struct reader_file *file);
void sound_close_inputs(struct engine *engine);

/* The node's LEND; what it says of lent entries; a chunk that a loan's reader has read. */
void engine_loan_lent(struct engine *engine, const struct node_effect *effect);
void engine_loan_failed(struct engine *engine, const struct node_note *note);
void engine_loan_read(struct engine *engine, const struct reader_post *post);
/* Frees what is still out; reading threads have ended. */
void engine_loan_free_all(struct engine *engine);

/* Breaks a copy that is under way; its `done` still comes. */
void engine_copy_break(struct engine *engine);

#endif
