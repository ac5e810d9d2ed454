/*
 * world.h: one simulated world: an origin, its listeners, the lines between them, virtual time.
 *
 * The world drives production engines, struct node and struct origin, and carries out their
 * effects as the programs' shells do (player/uv, streamserver/uv), in the same order; docs/
 * SIMULATION.md says what is modelled and what is not. An engine is stepped only from the clock,
 * never from within another step: answers to effects are posted.
 */
#ifndef MEASURE_SIM_WORLD_H
#define MEASURE_SIM_WORLD_H

#include "cache/mem/mem_store.h"
#include "common/table.h"
#include "measure/sim/clock.h"
#include "measure/sim/host.h"
#include "measure/sim/stream.h"
#include "measure/workload/catalogue.h"
#include "measure/workload/workload.h"
#include "player/core/node.h"
#include "streamserver/core/origin.h"

/* Who stands at the end of a link, besides listeners. */
#define SIM_ORIGIN UINT32_MAX
#define SIM_NOBODY (UINT32_MAX - 1)

enum sim_kind {
    SIM_TICK,       /* of a node; generation = its arming */
    SIM_NODE_EVENT, /* value = place in node_events; generation = the listener's life */
    SIM_ORIGIN_TICK,
    SIM_ORIGIN_EVENT, /* value = place in origin_events */
    SIM_DECK,         /* a decoder or the sink has something to do; generation = the sound's */
    SIM_COMMAND,      /* value = place in workload.commands */
    SIM_JOIN,         /* who left comes back; generation = the listener's life */
    SIM_WAKE,         /* value: how many ms it slept */
    SIM_WANDER,       /* a wanderer has heard enough; generation = its choice */
    /* Of links: who = the link, generation = the link's. */
    SIM_CONNECTED, /* the handshake is over */
    SIM_FAILED,    /* an attempt comes to nothing; value = error */
    SIM_REACH,  /* bytes are at the receiver's line; value = 2 * bytes + the end that sent them */
    SIM_ARRIVE, /* and have passed it */
    SIM_ACKNOWLEDGE,
    SIM_CLOSED, /* an end hears that the other has closed it; value = 2 * enum p2p_bye + the end */
};

enum sim_link_state {
    SIM_LINK_FREE = 0,
    SIM_LINK_WAITING, /* dialled in vain so far; the other end may still let it in (arranged) */
    SIM_LINK_SHAKING, /* handshakes */
    SIM_LINK_UP,
};

struct sim_end {
    uint32_t who;    /* listener, or SIM_ORIGIN */
    uint32_t number; /* its engine's */
    bool is_open;    /* its engine is to be told when it is over */
    bool is_strange; /* it has moved: what it sends is answered by a reset */
    uint64_t up_at_us;
};

struct sim_link {
    uint32_t place;               /* in world.links */
    uint32_t generation;          /* changes whenever what is under way is lost */
    struct sim_end ends[2];       /* 0 began it */
    struct sim_stream streams[2]; /* stream n is what end n sends */
    uint64_t delay_us;
    enum sim_link_state state;
    uint8_t client;               /* the end that is the TLS client */
    bool is_arranged;             /* dialled again and again for some seconds */
    bool is_met;                  /* both ends began it */
    bool is_dead;                 /* nothing that is sent arrives */
    bool is_refused;              /* a reset is on its way to who still sends */
    uint8_t expected[HASH_BYTES]; /* whom end 0 dialled; peers only */
};

/* One decoder chain. It reads the start set, then the chunks in order, as far ahead of the play
 * point as decoders do. */
struct sim_deck {
    uint32_t entry; /* 0 = closed */
    struct catalogue_track *track;
    struct media_file file; /* copied: the node may forget a track before its deck is closed */
    uint64_t start_us;      /* position at which it was opened */
    uint32_t run;           /* of the start set, next to read; start_run_count = all read */
    uint32_t run_chunk;
    uint32_t next_chunk;  /* next to read in order, once the start set is read */
    uint32_t want;        /* the outstanding WANT, 0 = none */
    uint64_t decoding_us; /* the first PCM comes then; TIME_NEVER_US = not yet read enough */
    uint8_t *read;        /* a bit a chunk: read before; owned */
};

struct sim_slot {
    struct sim_content content;
    bool is_ready;
};

/* What decoders may copy: an entry of sim_listener.ready. */
struct sim_ready {
    struct sim_content content; /* the key */
    uint32_t slot;
};

/* A listener that clicks by itself (wander.c). */
struct sim_wander {
    uint32_t left; /* tracks still to hear; 0 = does not wander */
    uint32_t generation;
    uint32_t last_entry; /* of the order that was enqueued last */
    uint32_t entry;      /* what plays */
    bool is_click;       /* the next is picked at random */
};

struct sim_memory {
    struct p2p_contact contact;
    uint32_t penalty;
    uint64_t at_us;
};

#define SIM_MEMORIES_MAX 200u
#define SIM_GIVE_SLOTS 64u

struct sim_listener {
    uint32_t number;
    struct node *node; /* NULL while it is away */
    struct sim_host host;
    struct sim_slot *slots; /* owned */
    struct sim_content give_slots[SIM_GIVE_SLOTS];
    struct table ready; /* {file, chunk} -> slot */
    struct mem_store store;
    struct sim_deck decks[2]; /* what plays (or is to), what follows */
    uint64_t seed;
    uint8_t peer_id[HASH_BYTES];
    uint32_t life; /* counts joins and leaves */
    uint64_t slept_us;
    uint64_t wakes_at_us; /* 0 = awake */
    uint32_t tick_generation, sound_generation;
    uint64_t tick_at_us; /* when the latest TICK is due */
    bool is_sounding, is_paused, is_stalled;
    uint64_t heard_us; /* position of the play point at moment heard_at_us, its own time */
    uint64_t heard_at_us;
    uint64_t position_due_us; /* the next POSITION, its own time */
    uint32_t entries;         /* numbered so far */
    uint32_t wants;           /* numbered so far */
    uint32_t incoming;        /* links that others began, numbered so far */
    struct sim_wander wander;
    struct sim_memory *memories; /* what REMEMBER told; owned */
    uint32_t memory_count;
    bool is_done; /* QUEUE_ENDED and no command since */
};

struct sim_wait {
    uint64_t us;
    enum node_cause cause;
    enum node_cached cached;
};

/* More at one moment is a mistake: listeners * links * what each asks for is far less. */
#define SIM_MOMENT_ENTRIES_MAX 1000000u

#define SIM_TYPES (P2P_FOUND + 1u)

/* What the listeners noted, over all of them. */
struct sim_result {
    struct sim_wait *waits; /* of each play; owned */
    uint32_t wait_count;
    uint32_t plays, stuttered_plays, failed_entries, bad_chunks, misbehaved;
    uint32_t ended_entries; /* heard to the last sample */
    struct node_summary total;
    uint64_t attempts, arranged_attempts; /* links to peers that were dialled */
    uint64_t connected, arranged_connected;
    uint64_t refused;   /* attempts that the other side's or one's own limits ended; BYE_FULL */
    uint32_t links_max; /* links to peers, at a time, of all */
    uint64_t messages[SIM_TYPES], message_bytes[SIM_TYPES]; /* sent, whole frames */
    struct origin_totals origin;
    uint64_t distinct_bytes; /* heard, of each track the longest stretch that anybody heard */
    uint64_t events;         /* steps of both kinds of engines */
    uint64_t ended_us;       /* virtual time at the end */
    uint64_t trace_hash, trace_lines;
};

struct sim_options {
    const struct node_preset *preset;
    uint64_t seed;
    bool wire;  /* also run the codec over each message */
    bool check; /* check_invariants after every step */
    bool no_peers;
    trace_sink *sink; /* may be NULL */
    void *sink_context;
};

struct sim_world {
    struct sim_options options;
    const struct workload *workload;
    struct sim_clock clock;
    struct catalogue catalogue;
    struct trace trace;
    struct prng prng;
    struct origin *origin;
    struct sim_host origin_host;
    struct sim_content *origin_slots; /* owned */
    uint32_t origin_tick_generation;
    uint64_t origin_tick_at_us;
    bool origin_is_up, origin_has_vanished;
    enum workload_command_kind origin_deed; /* WORKLOAD_ORIGIN_HONEST, _NONSENSE, _DEAD */
    uint32_t origin_links;                  /* numbered so far */
    struct sim_listener *listeners;         /* owned */
    uint32_t busy_listeners;                /* those that are not done */
    uint32_t commands_left;                 /* posted and not yet carried out */
    struct sim_link **links;                /* owned, and what it points to */
    uint32_t *free_links;                   /* stack of places; owned */
    uint32_t link_count, free_link_count, peer_links;
    struct table ends;      /* {who, number} -> place of the link */
    struct table addresses; /* {lan, address} -> listener */
    uint32_t moves;
    uint64_t moment_us;             /* the latest */
    uint64_t entries_now;           /* at that moment so far */
    struct node_event *node_events; /* posted, not yet stepped; owned, as the next five */
    struct origin_event *origin_events;
    uint32_t *node_free, *origin_free; /* stacks of free places */
    uint32_t node_event_count, node_free_count, origin_event_count, origin_free_count;
    struct sim_result result;
};

/* Runs a workload to its end. The caller frees result.waits. */
void sim_run(const struct workload *workload, const struct sim_options *options,
             struct sim_result *ret_result);

/* Between the parts of the simulator: */
/* listener.c: the effects of a node */
uint64_t sim_listener_now(const struct sim_world *world, const struct sim_listener *listener);
void sim_listener_post(struct sim_world *world, struct sim_listener *listener, uint64_t at_us,
                       struct node_event event);
void sim_listener_step(struct sim_world *world, struct sim_listener *listener,
                       struct node_event *event, struct sim_content content);
/* store.c: those that concern its store, and what peers ask of it */
void sim_store_row(struct sim_world *world, struct sim_listener *listener,
                   const struct node_effect *effect);
void sim_store_manifest(struct sim_world *world, struct sim_listener *listener,
                        const uint8_t *track_id);
void sim_store_load_manifest(struct sim_world *world, struct sim_listener *listener,
                             const uint8_t *track_id);
/* FIND_TRACK, FIND_PROOF, READ. */
void sim_store_answer(struct sim_world *world, struct sim_listener *listener,
                      const struct node_effect *effect);
void sim_store_fill(struct sim_world *world, const struct workload_hold *hold);
/* Tells a fresh node what the store holds. */
void sim_store_tell(struct sim_world *world, struct sim_listener *listener);
/* life.c: listeners that come and go */
void sim_life_init(struct sim_world *world, uint32_t number);
void sim_life_deinit(struct sim_listener *listener);
void sim_life_join(struct sim_world *world, struct sim_listener *listener);
/* The record of what plays, the summary, and nothing more. */
void sim_life_end(struct sim_world *world, struct sim_listener *listener);
void sim_life_wake(struct sim_world *world, struct sim_listener *listener, uint64_t span_us);
void sim_life_command(struct sim_world *world, struct sim_listener *listener,
                      const struct workload_command *command);
/* Whether the listener waits for or hears anything. */
void sim_life_set_done(struct sim_world *world, struct sim_listener *listener, bool is_done);
void sim_life_remember(struct sim_world *world, struct sim_listener *listener,
                       const struct node_effect *effect);
/* wander.c */
void sim_wander_begin(struct sim_world *world, struct sim_listener *listener, uint32_t tracks);
void sim_wander_note(struct sim_world *world, struct sim_listener *listener,
                     const struct node_note *note);
void sim_wander_go_on(struct sim_world *world, struct sim_listener *listener);
/* deeds.c: what is wrong with a message before it is sent. False: it is not sent at all. Lists are
 * written to `buffer`. */
#define SIM_DEED_BYTES 16384u
bool sim_deed_of_listener(struct sim_world *world, struct sim_listener *listener,
                          struct p2p_message *message, struct sim_content *content);
void sim_deed_of_origin(struct sim_world *world, struct p2p_message *message,
                        uint8_t buffer[SIM_DEED_BYTES]);
/* deck.c */
void sim_deck_open(struct sim_world *world, struct sim_listener *listener, uint32_t place,
                   const struct node_effect *effect);
void sim_deck_silence(struct sim_world *world, struct sim_listener *listener);
void sim_deck_pause(struct sim_world *world, struct sim_listener *listener, bool is_paused);
/* The answer to a WANT. */
void sim_deck_answer(struct sim_world *world, struct sim_listener *listener, uint32_t want,
                     int error);
/* All that is due now. */
void sim_deck_run(struct sim_world *world, struct sim_listener *listener);
/* origin_shell.c */
void sim_origin_init(struct sim_world *world);
void sim_origin_deinit(struct sim_world *world);
void sim_origin_post(struct sim_world *world, uint64_t at_us, struct origin_event event);
void sim_origin_step(struct sim_world *world, struct origin_event *event);
void sim_origin_command(struct sim_world *world, enum workload_command_kind kind);
/* network.c: links */
void sim_network_init(struct sim_world *world);
void sim_network_deinit(struct sim_world *world);
struct sim_host *sim_network_host(struct sim_world *world, uint32_t who);
/* The link of an end, or NULL when it is over. */
struct sim_link *sim_network_find(const struct sim_world *world, uint32_t who, uint32_t number,
                                  uint32_t *ret_end);
void sim_network_connect(struct sim_world *world, struct sim_listener *listener,
                         const struct node_effect *effect);
void sim_network_connected(struct sim_world *world, struct sim_link *link);
void sim_network_failed(struct sim_world *world, struct sim_link *link, int error);
/* One end closes it; the other hears of it a delay later. `reason`: 0 = a reset, else a BYE. */
void sim_network_close(struct sim_world *world, struct sim_link *link, uint32_t end,
                       uint8_t reason);
void sim_network_closed(struct sim_world *world, struct sim_link *link, uint32_t value);
/* transfer.c: what goes over links */
void sim_transfer_send(struct sim_world *world, struct sim_link *link, uint32_t end,
                       const struct p2p_message *message, struct sim_content content);
void sim_transfer_reach(struct sim_world *world, struct sim_link *link, uint32_t value);
void sim_transfer_arrive(struct sim_world *world, struct sim_link *link, uint32_t value);
void sim_transfer_acknowledge(struct sim_world *world, struct sim_link *link, uint32_t value);
void sim_transfer_tell(struct sim_world *world, struct sim_link *link, uint32_t end,
                       const struct p2p_message *message, struct sim_content content);

/* cut.c: addresses that change, and hosts that are suddenly not there */
void sim_cut_init(struct sim_world *world);
void sim_cut_register(struct sim_world *world, const struct sim_listener *listener);
void sim_cut_move(struct sim_world *world, struct sim_listener *listener);
/* NULL: nobody is at this address, seen from there. */
struct sim_listener *sim_cut_find(struct sim_world *world, const struct sim_listener *from,
                                  const struct p2p_address *address);
bool sim_cut_is_on(const struct sim_world *world, uint32_t who);
/* All links of a host: closed with a reason, or silently dead. */
enum sim_cut { SIM_CUT_CLOSE, SIM_CUT_DEAD, SIM_CUT_GONE };
void sim_cut_links(struct sim_world *world, uint32_t who, enum sim_cut how, uint8_t reason);

#endif
