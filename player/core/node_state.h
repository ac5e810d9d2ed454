/*
 * node_state.h: what the parts of the node share. Private to player/core/node*.c.
 *
 * One step: node.c dispatches the event to the part that handles it; then node_settle carries on
 * whatever became due or possible, part by part, until nothing more follows. Parts:
 *
 *   node_start.c   sound that is held back because it would stand still
 *   node_play.c    commands of the listener, what plays, sound, play records
 *   node_tracks.c  the window's tracks: manifests, attached files, what can't be had
 *   node_chunks.c  a chunk's life from fragment to store, wants, slots
 *   node_links.c   hello, messages, silence, connecting
 *   node_plan.c    demands, requests, cancels
 */
#ifndef PLAYER_CORE_NODE_STATE_H
#define PLAYER_CORE_NODE_STATE_H

#include "common/error.h"
#include "player/core/accounting.h"
#include "player/core/effects.h"
#include "player/core/files.h"
#include "player/core/links.h"
#include "player/core/node.h"
#include "player/core/planner.h"
#include "player/core/playhead.h"
#include "player/core/queue.h"
#include "player/core/slots.h"
#include "player/core/start_rule.h"
#include "player/core/tracks.h"
#include "player/core/wants.h"
#include "player/core/window.h"

/* entry == 0 exactly when IDLE; prepared != 0 only when SOUNDING. */
enum play_phase {
    PLAY_IDLE = 0,
    PLAY_OPENING,  /* the manifest is not here yet */
    PLAY_SWITCHED, /* its chain is open, no sound yet */
    PLAY_SOUNDING,
};

struct play {
    enum play_phase phase;
    uint32_t entry;
    uint32_t prepared;              /* entry whose chain stands ready behind it; 0 = none */
    uint64_t start_us;              /* the position that was asked for */
    uint64_t command_us;            /* when the wait began */
    struct node_play_record record; /* of this stretch; wait_us is set when sound begins */
    bool is_new;                    /* the stretch begins a play (it is no seek) */
    bool is_cached_known;           /* record.cached was known at the command */
    bool is_paused;                 /* by the listener */
    bool is_held;                   /* by the start rule */
    uint64_t paused_us;             /* since when */
    bool is_stalled;
    uint64_t stalled_us; /* since when */
    struct playhead head;
    int lacks;           /* SWITCHED: bytes that its start needs can't be had, and why; 0 = none */
    uint32_t read_chunk; /* what the decoder reads next, as far as it reads on in order */
};

struct node {
    struct node_config config;
    const struct node_preset *preset;
    struct prng prng;
    struct cache_index *index;
    struct effects effects;
    struct slots slots;
    struct files files;
    struct tracks tracks;
    struct links links;
    struct queue queue;
    struct window window;
    struct budget budget;
    struct wants wants;
    struct accounting accounting;
    struct play play;
    struct start_rule start_rule;
    uint64_t now_us;
    uint64_t storing_bytes; /* in STORE_ROWs that are outstanding */
    int failed;             /* ERROR_NO_MEMORY: this step, and the node with it */
    bool is_in_step;
    bool is_store_on;   /* rows may be written */
    bool is_stopped;    /* nothing is fetched */
    bool is_trimmed;    /* the store was brought below its limit once */
    bool is_window_due; /* the window must be made anew */
    bool is_sweep_due;  /* tracks have left the window */
    bool is_plan_due;   /* something changed that may lead to requests */
    bool is_start_due;  /* something changed that the start rule looks at */
    bool is_fetch_due;  /* something changed that may complete a fetch */
    bool was_busy;      /* something is played or fetched: QUEUE_ENDED is yet to be said */
};

#define NODE_TRACE(node, ...)                                                                      \
    trace_line((node)->config.trace, (node)->now_us, (node)->config.trace_node, __VA_ARGS__)

static inline struct node_effect *node_effect(struct node *node, enum node_effect_kind kind)
{
    return effects_add(&node->effects, kind);
}

static inline struct node_note *node_note(struct node *node, enum node_note_kind kind,
                                          uint32_t entry)
{
    struct node_note *note = &node_effect(node, NODE_EFFECT_NOTE)->note;
    note->kind = kind;
    note->entry = entry;
    return note;
}

/* Out of memory somewhere inside a step: node_step returns it. */
static inline void node_fail(struct node *node)
{
    node->failed = ERROR_NO_MEMORY;
}

/* node_play.c */
void node_play_start(struct node *node, uint32_t entry, uint64_t position_us);
void node_play_seek(struct node *node, uint64_t position_us);
void node_play_pause(struct node *node, bool is_paused);
void node_play_stop(struct node *node);
void node_play_sound(struct node *node, const struct node_event *event);
/* The current entry's track is ready: opens its chain. */
void node_play_open(struct node *node, struct track *track);
/* Gives an entry up whose start lacks bytes. */
void node_play_settle(struct node *node);
/* Opens the next entry's chain when its time has come. */
void node_play_prepare(struct node *node);
/* An entry can't be played or fetched: says so, and goes on behind it. */
void node_play_fail_entry(struct node *node, uint32_t entry, int error);
/* A decoder of the entry has copied chunks. */
void node_play_read(struct node *node, uint32_t entry, struct file *file, uint32_t first,
                    uint32_t count);
/* The current entry's track; NULL: none, or not in the window. */
struct track *node_play_track(const struct node *node);
/* When something is due by the play point. */
uint64_t node_play_deadline_us(struct node *node);
/* In --fast: the play point is where the decoder has to wait. */
void node_play_waits(struct node *node, const struct want *want);

/* The hold is over: what stood still goes on. */
void node_play_let_go(struct node *node);

/* node_start.c */
/* Holds the sound back, or lets it go, as the start rule says. */
void node_start_settle(struct node *node);
void node_start_hold(struct node *node, bool is_held);

/* node_tracks.c */
struct track *node_track_of(const struct node *node, uint32_t entry);
/* Chunks that are here of the file of a track whose manifest is known. */
uint32_t node_tracks_held(const struct node *node, const struct track *track);
/* When the window's items begin to play, from now on: fills one for each item; TIME_NEVER_US where
 * it can't be known, and for fetches. */
void node_tracks_begins(const struct node *node, uint64_t ret_begins_us[WINDOW_MAX]);
/* Makes the window while it is due: tracks loaded, files attached, what failed taken out. */
void node_tracks_settle(struct node *node);
void node_tracks_loaded(struct node *node, const uint8_t *track_id, const uint8_t *bytes,
                        uint32_t count);
void node_tracks_checked(struct node *node, const uint8_t *track_id, bool is_valid);
/* The origin's answers to an OPEN. 0, or the link has broken the protocol (positive). */
int node_tracks_opened(struct node *node, struct link *link, struct request *request,
                       const uint8_t *bytes, uint32_t count);
void node_tracks_rejected(struct node *node, const uint8_t *track_id, uint8_t reason);
/* The origin says that it has not got (all of) the file: who needs it is told. */
void node_tracks_refused(struct node *node, const struct file *file);
/* An OPEN will not be answered: the track is ABSENT again. */
void node_tracks_unopened(struct node *node, const uint8_t *track_id);
/* The file came into the cache: protects it as the window asks for. */
void node_tracks_protect(struct node *node, const struct file *file);
/* All entries of the window that use the file fail. */
void node_tracks_fail_file(struct node *node, const struct file *file, int error);
/* What waits for the origin and can't have it any more fails. */
void node_tracks_reach(struct node *node);
/* 0: the origin is there or may come; else why what needs it fails. `since_us`: waits since. */
int node_tracks_unreachable(const struct node *node, uint64_t since_us);
/* Says which fetches are complete. */
void node_tracks_fetched(struct node *node);
/* True when something is missing that only the origin has. */
bool node_tracks_need_origin(const struct node *node);

/* node_chunks.c */
/* 0, or the link has broken the protocol (positive). */
int node_chunks_fragment(struct node *node, struct link *link, const struct p2p_message *message);
int node_chunks_proof(struct node *node, struct link *link, const struct p2p_message *message);
/* The request that was to bring the row's proof is taken back: what depends on it is too. */
void node_chunks_unproven(struct node *node, struct link *link, struct row *row);
void node_chunks_hashed(struct node *node, uint32_t slot, const uint8_t *digest);
void node_chunks_stored(struct node *node, const struct node_event *event);
void node_chunks_rotten(struct node *node, media_handle handle, uint32_t row);
void node_chunks_cache_state(struct node *node, bool writable);
void node_chunks_want(struct node *node, const struct node_event *event);
/* Answers those wants of an entry (0 = of all) with this error. */
void node_chunks_fail_wants(struct node *node, uint32_t entry, int error);
/* Answers a want by its place in the list: met (0), or failed. */
void node_chunks_answer(struct node *node, uint32_t index, int error);
/* Stores what was held long enough. */
void node_chunks_settle(struct node *node);
/* Detaches a file: stores what is verified, releases what can't be stored. */
void node_chunks_detach(struct node *node, struct file *file);
/* Takes a chunk that was asked for back to MISSING. */
void node_chunks_unrequest(struct node *node, struct link *link, struct file *file, uint32_t chunk);
/* Marks a MISSING chunk as asked for in this request; false: no slot, or no memory. */
bool node_chunks_request(struct node *node, struct link *link, struct request *request,
                         struct file *file, uint32_t chunk);
/* Slots are short: takes back those of least use. */
void node_chunks_relieve(struct node *node);
/* True when rows of the file can be stored. */
bool node_chunks_can_store(const struct node *node, const struct file *file);

/* node_links.c */
void node_links_up(struct node *node, const struct node_event *event);
void node_links_down(struct node *node, uint32_t number, int error);
void node_links_message(struct node *node, uint32_t number, const struct p2p_message *message);
void node_links_identity(struct node *node, uint32_t number, bool is_valid);
/* Says BYE and closes; what it was asked for is missing again. */
void node_links_drop(struct node *node, struct link *link, uint8_t reason);
/* A message to the link; the caller fills it in before the next effect. */
struct p2p_message *node_links_send(struct node *node, struct link *link, enum p2p_type type);
/* Counts a message that was filled in. */
void node_links_sent(struct node *node, const struct p2p_message *message);
/* Pings, gives up, connects. */
void node_links_settle(struct node *node);
uint64_t node_links_deadline_us(struct node *node);

/* node_plan.c */
void node_plan(struct node *node);
/* Cancels a request; what was still to come of it is missing again. */
void node_plan_cancel(struct node *node, struct link *link, uint32_t number);
/* The same without a word to the link. */
void node_plan_take_back(struct node *node, struct link *link, uint32_t number);
/* Takes everything back that the link was asked for, without a word to it. */
void node_plan_forget(struct node *node, struct link *link);
/* Cancels whatever was asked for of this file, or of this track (the other is NULL). */
void node_plan_cancel_file(struct node *node, const struct file *file);
void node_plan_cancel_track(struct node *node, const struct track *track);
/* After a seek: cancels what is not needed soon when it would stand in the way. */
void node_plan_cancel_far(struct node *node);
/* A decoder waits for chunks: cancels what they would wait behind for too long. */
void node_plan_overtake(struct node *node, const struct want *want);
/* The chunk of a file that plays at a position, and the other way round. */
uint32_t node_plan_chunk_at(const struct file *file, uint64_t duration_us, uint64_t position_us);
uint64_t node_plan_time_of(const struct file *file, uint64_t duration_us, uint32_t chunk);

#endif
