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
 *   node_sources.c links as the planner sees them
 *   node_late.c    what comes too late: taken back, or asked for a second time
 *   node_peers.c   the overlay: whom to link with, who has what
 *   node_give.c    what peers take from us
 *   node_lend.c    what other players read through us
 */
#ifndef PLAYER_CORE_NODE_STATE_H
#define PLAYER_CORE_NODE_STATE_H

#include "common/error.h"
#include "p2p/core/give.h"
#include "p2p/core/overlay.h"
#include "p2p/core/server.h"
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
    uint32_t last;                  /* the entry that was begun last, also when it has ended */
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

/* A chunk that was late and is asked for a second time, elsewhere. It has a slot of its own. */
#define HEDGES_MAX 4u
struct hedge {
    struct file *file;
    uint32_t chunk;
    uint32_t link;
    uint32_t request;
    uint32_t slot; /* SLOT_NONE: promised, nothing has come */
};

/* What node_late.c keeps. */
struct late {
    struct hedge hedges[HEDGES_MAX];
    uint32_t hedge_count;
    uint64_t next_hedge_us; /* none before */
    uint64_t look_us;       /* when to look again; TIME_NEVER_US = when something happens */
};

/* What node_lend.c keeps of an entry that is lent. */
struct lend {
    struct queue_entry queued;
    uint32_t read_chunk; /* where it is read next, as far as it reads on in order */
    bool is_told;        /* its LEND was said */
    bool is_wanted;      /* its reader has begun */
    bool is_heard;       /* something of it was read: it counts as played */
};

struct lends {
    struct lend list[NODE_LENDS_MAX]; /* in the order of their beginning */
    uint32_t count;
};

/* What node_peers.c keeps, and what the shell has said before there was an overlay. */
struct peers {
    bool is_listening;
    uint16_t port;
    uint8_t flags; /* P2P_LISTEN_* */
    uint8_t address_count;
    struct p2p_address addresses[P2P_LISTEN_ADDRESSES_MAX];
    bool is_giving_told;
    bool is_giving_allowed;
    uint64_t give_bytes_per_s;
    struct overlay_wish wishes[OVERLAY_WISHES_MAX]; /* as the overlay knows them */
    uint64_t wished_us[OVERLAY_WISHES_MAX];         /* since when each is wished for */
    uint32_t wish_count;
    bool is_wish_due;     /* something changed that may change them */
    bool is_settle_due;   /* the overlay was told something */
    bool is_buffer_due;   /* what is buffered may be another amount */
    uint64_t progress_us; /* when payload last came from a peer */
    uint64_t plan_us;     /* when to plan again: something waits for its time */
};

struct giver;

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
    struct late late;
    struct lends lends;
    struct peers peers;
    struct overlay *overlay; /* NULL until it is needed */
    struct giver *giver;     /* NULL until there is a peer */
    uint64_t now_us;
    uint64_t storing_bytes; /* in STORE_ROWs that are outstanding */
    int failed;             /* ERROR_NO_MEMORY: this step, and the node with it */
    bool is_in_step;
    bool is_store_on;   /* rows may be written */
    bool has_unstored;  /* for some file there was no room (struct file) */
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
/* The prepared entry does not follow any more. */
void node_play_unprepare(struct node *node);
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

/* A file came into the cache: when it is what plays, or was made ready, it is played. */
void node_play_arrived(struct node *node, media_handle file);

/* The hold is over: what stood still goes on. */
void node_play_let_go(struct node *node);

/* node_lend.c */
/* An entry of the queue, or a lent one; NULL: no such entry. Valid until the next ENQUEUE or DROP. */
struct queue_entry *node_lend_find(struct node *node, uint32_t entry);
void node_lend_begin(struct node *node, uint32_t entry, const uint8_t *track_id);
/* Not needed any more; a fetch is ended likewise. */
void node_lend_drop(struct node *node, uint32_t entry);
/* Adds what is lent to the window. */
void node_lend_show(struct node *node);
/* Says LEND for what can be read by now. */
void node_lend_settle(struct node *node);
/* A chunk of a lent entry is waited for, or was read. */
void node_lend_reads(struct node *node, uint32_t entry, uint32_t first, uint32_t count);
/* Counts a lent entry as played when the first of it is read. */
void node_lend_hear(struct node *node, uint32_t entry, struct file *file);
/* What is to be got of an entry before it is asked for: from *ret_begin on, before the chunk
 * returned. Not lent: *ret_begin is returned. */
uint32_t node_lend_ahead(const struct node *node, uint32_t entry, uint32_t *ret_begin);

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
/* When what waits since then is in vain; TIME_NEVER_US: the origin is there. */
uint64_t node_tracks_starve_us(const struct node *node, uint64_t since_us);
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
/* The same for a link in whatever state: an attempt is given up, one that closes is left alone. */
void node_links_let_go(struct node *node, struct link *link, uint8_t reason);
/* It broke the protocol: noted, counted, dropped. */
void node_links_misbehaved(struct node *node, struct link *link, int error);
/* It brought wrong bytes: counted, dropped. */
void node_links_brought_wrong(struct node *node, struct link *link);
/* Asks whether it is there, and how far, unless that was asked already. */
void node_links_ping(struct node *node, struct link *link);
/* Each link has to answer soon. */
void node_links_test(struct node *node);
/* A message to the link; the caller fills it in before the next effect. */
struct p2p_message *node_links_send(struct node *node, struct link *link, enum p2p_type type);
/* Counts a message that was filled in. */
void node_links_sent(struct node *node, const struct p2p_message *message);
/* Pings, gives up, connects. */
void node_links_settle(struct node *node);
uint64_t node_links_deadline_us(struct node *node);

/* node_plan.c */
void node_plan(struct node *node);
/* Adds a request to the link's list, and notes whether its answer will time the round trip. */
struct request *node_plan_new_request(struct node *node, struct link *link, enum request_kind kind);
/* The link may have nothing outstanding any more: its rate's sample ends. */
void node_plan_idle(struct node *node, struct link *link);
/* The first chunk of a request that has not come; its first when none is left. */
uint32_t node_plan_first_left(const struct node *node, const struct link *link,
                              const struct request *request);
/* Sends a REQUEST for what is in `request`. */
void node_plan_send(struct node *node, struct link *link, const struct request *request,
                    const struct file *file);
/* Payload that the link sends before this chunk of a request: what is more urgent or was asked for
 * before, and the request's own chunks before it. */
uint64_t node_plan_bytes_before(const struct link *link, const struct request *asked,
                                uint32_t chunk);
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

/* node_sources.c */
/* What a peer has, remembered for the file that was asked about last. */
struct node_holding {
    const struct node *node;
    uint32_t link;
    media_handle file;
    bool has_any;
    struct overlay_holding held;
};

/* Holders that share a file's rows, and how much of a peer id says whose row it is. */
#define NODE_SHARERS_MAX 32u
#define NODE_SHARE_ID_BYTES 8u

/* How far ahead the origin is asked for a row, remembered for the row that was asked about last; who
 * shares its file does not change while a view is used. */
struct node_shares {
    const struct node *node;
    media_handle file;
    uint32_t row;
    uint64_t ahead_us;
    media_handle holders_file; /* whose holders these are; 0 = nobody's */
    uint32_t holder_count;
    uint32_t id_count; /* of them, those whose ids follow */
    uint8_t ids[NODE_SHARERS_MAX][NODE_SHARE_ID_BYTES];
};
/* Fills in all of a view but demands and slots. view->sources and `holdings` have
 * PLANNER_SOURCES_MAX places; all stay where they are while the view is used. */
void node_sources_show(const struct node *node, struct planner_view *view,
                       struct node_holding *holdings, struct node_shares *shares);
/* May it be asked at this moment? The origin, when it is silent and others are there, is not. */
bool node_sources_may_ask(const struct node *node, const struct link *link);
/* How long the link would take to bring one chunk more. */
uint64_t node_sources_expected_us(const struct node *node, const struct link *link);
/* The link that would bring a chunk first, but for this one; NULL: none may be asked. */
struct link *node_sources_other(struct node *node, const struct file *file, uint32_t chunk,
                                uint32_t not_link);

/* node_late.c */
/* Takes back what will come too late, and hedges what is due next. */
void node_late_settle(struct node *node);
/* A fragment of a hedge's request. 0, or the link has broken the protocol (positive). */
int node_late_fragment(struct node *node, struct link *link, struct request *request,
                       const struct p2p_message *message);
/* The hedge's request was taken back, whatever became of its chunk. */
void node_late_dropped(struct node *node, struct link *link, uint32_t request);
/* The chunk came from who was asked first: its hedge, if any, is cancelled. */
void node_late_arrived(struct node *node, const struct file *file, uint32_t chunk);
/* NULL: the chunk has none. */
struct hedge *node_late_find(struct node *node, const struct file *file, uint32_t chunk);
void node_late_check_invariants(const struct node *node);

/* node_peers.c: each may be called whether or not there is an overlay. */
void node_peers_linked(struct node *node, struct link *link);
void node_peers_unlinked(struct node *node, const struct link *link, int error);
/* The origin's link is checked: its tracker may be told and asked. */
void node_peers_tracker(struct node *node, const struct link *link);
/* 0, or the link has broken the protocol (positive). */
int node_peers_message(struct node *node, struct link *link, const struct p2p_message *message);
/* Counts a fault of a peer; who closes the link is the caller. */
void node_peers_misbehaved(struct node *node, const struct link *link, enum overlay_fault fault);
/* What only a node with peers is told. */
void node_peers_event(struct node *node, const struct node_event *event);
/* What is stored of the file is another part than before; it is played. */
void node_peers_own_changed(struct node *node, media_handle file);
void node_peers_own_played(struct node *node, media_handle file);
/* A verified chunk came over this link. */
void node_peers_received(struct node *node, struct link *link, media_handle file, uint32_t bytes);
void node_peers_not_held(struct node *node, const struct link *link, media_handle file,
                         uint32_t chunk);
/* Wishes, and what the overlay wants done. */
void node_peers_settle(struct node *node);
uint64_t node_peers_deadline_us(const struct node *node);
/* There are neighbours, and the file was not wished for before just now: they have not said yet
 * what they have. */
bool node_peers_is_new_wish(const struct node *node, media_handle file);
/* A neighbour has something of the file. */
bool node_peers_have(const struct node *node, media_handle file);
/* There are neighbours, or there will be. */
bool node_peers_may_help(const struct node *node);
/* Which neighbour is asked for a manifest when that was tried so often, and of how many; NULL:
 * nobody. */
struct link *node_peers_asked(const struct node *node, uint32_t tries, uint32_t *ret_count);
void node_peers_status(const struct node *node, struct node_status *status);

/* node_give.c: likewise. */
void node_give_begin_step(struct node *node);
void node_give_linked(struct node *node, struct link *link);
void node_give_unlinked(struct node *node, struct link *link);
/* OPEN, REQUEST, CANCEL. 0, or the link has broken the protocol (positive). */
int node_give_message(struct node *node, struct link *link, const struct p2p_message *message);
void node_give_received(struct node *node, struct link *link, uint32_t bytes);
void node_give_rtt(struct node *node, struct link *link, uint64_t rtt_us);
/* GIVING, ROOM, TRACK_FOUND, PROOF_FOUND, GIVE_READ. */
void node_give_event(struct node *node, const struct node_event *event);
void node_give_settle(struct node *node);
uint64_t node_give_deadline_us(const struct node *node);
/* They wait for something from us. */
bool node_give_is_asked(const struct link *link);
void node_give_status(const struct node *node, struct node_status *status);
void node_give_free(struct node *node);
size_t node_give_heap_bytes(const struct node *node);
void node_give_check_invariants(const struct node *node);

/* node.c */
/* How much of what sounds is here without a gap from the play point on; TIME_NEVER_US when nothing
 * sounds, or all of the rest is here. */
uint64_t node_buffer_us(const struct node *node);

#endif
