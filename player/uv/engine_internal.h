/*
 * engine_internal.h: the engine's state, shared by its files and by nobody else.
 *
 *   engine.c       life cycle, commands, the pump: events into the node, effects out
 *   effects.c      carries out what the node says
 *   origin_link.c  the one link to the origin
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
#include "player/gst/output.h"
#include "player/uv/engine.h"
#include "player/uv/reader.h"
#include "player/uv/tape.h"

#include <stdatomic.h>

#define ENGINE_TEXT_BYTES_MAX 1200u
/* Answers to the effects of one step; each slot may be hashed, each row stored. */
#define ENGINE_ANSWERS_FIRST 64u
/* Messages of other threads that wait. */
#define ENGINE_MAIL_MAX 8192u
/* After writing to the store had to stop it is tried again so often. */
#define ENGINE_STORE_RETRY_US (30 * TIME_US_PER_S)
/* How long the origin may take to end its side after our BYE. */
#define ENGINE_LINGER_US (300 * TIME_US_PER_MS)

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

/* What was queued: entry number = index + 1. */
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
    bool is_up;            /* frames can flow */
    bool said_up;          /* LINK_UP was given to the node */
    bool known;            /* `identity` was shown on this link, or is pinned */
    uint8_t identity[PUBLIC_KEY_BYTES];
    char text[ENGINE_TEXT_BYTES_MAX];
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

    bool stepping;
    const uint8_t *payload;        /* of the FRAGMENT that is being stepped; else NULL */
    struct engine_answer *answers; /* that wait for their step: [first, count) */
    uint32_t answer_first, answer_count, answer_capacity;

    struct engine_entry *entries;
    uint32_t entry_count, entry_capacity;
    struct engine_input *inputs;
    uint32_t serial;          /* of the last SWITCH or SILENCE */
    struct engine_copy *copy; /* under way */
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
bool origin_link_trusts(const struct engine *engine, const uint8_t identity[PUBLIC_KEY_BYTES]);
/* Says BYE and lets go. */
void origin_link_end(struct engine *engine);

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
void sound_hear(struct engine *engine, const struct output_event *event);
void sound_read(struct engine *engine, const struct reader_post *post);
/* A reader's file that the engine keeps account of; NULL: out of memory. */
struct reader_file *sound_open_input(struct engine *engine, uint32_t entry, media_handle handle,
                                     const struct media_file_id *id);
void sound_close_input(struct engine *engine, struct reader_file *file);
void sound_close_inputs(struct engine *engine);

/* Breaks a copy that is under way; its `done` still comes. */
void engine_copy_break(struct engine *engine);

#endif
