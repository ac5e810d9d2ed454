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
#include "measure/sim/stream.h"
#include "measure/workload/catalogue.h"
#include "measure/workload/workload.h"
#include "player/core/node.h"
#include "streamserver/core/origin.h"

enum sim_kind {
    SIM_TICK,       /* of a node; generation = its arming */
    SIM_NODE_EVENT, /* value = place in node_events */
    SIM_ORIGIN_TICK,
    SIM_ORIGIN_EVENT, /* value = place in origin_events */
    SIM_CONNECTED,    /* a link's handshake is over; generation = the link's */
    SIM_TO_ORIGIN,    /* value bytes arrive on the link; generation = the link's */
    SIM_TO_LISTENER,
    SIM_ACK_ORIGIN, /* what the origin sent is acknowledged, value bytes */
    SIM_ACK_LISTENER,
    SIM_DECK,    /* a decoder or the sink has something to do; generation = the sound's */
    SIM_COMMAND, /* value = place in workload.commands */
};

enum { SIM_UP = 0, SIM_DOWN = 1 }; /* directions of a link: to the origin, to the listener */

struct sim_link {
    uint32_t number;        /* the node's */
    uint32_t origin_number; /* the origin's; never the same twice */
    uint32_t generation;    /* changes whenever the link begins or ends */
    bool is_connecting, is_up;
    struct sim_stream streams[2];
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

struct sim_listener {
    uint32_t number;
    struct node *node;
    struct sim_line lines[2]; /* SIM_UP, SIM_DOWN */
    uint64_t delay_us;        /* one way, to the origin's socket */
    struct sim_link link;
    struct sim_slot *slots; /* owned */
    struct table ready;     /* {file, chunk} -> slot */
    struct mem_store store;
    struct sim_deck decks[2]; /* what plays (or is to), what follows */
    uint32_t tick_generation, sound_generation;
    uint64_t tick_at_us; /* when the latest TICK is due */
    bool is_sounding, is_paused, is_stalled;
    uint64_t heard_us; /* position of the play point at moment heard_at_us */
    uint64_t heard_at_us;
    uint64_t position_due_us; /* the next POSITION */
    uint32_t entries;         /* numbered so far */
    uint32_t wants;           /* numbered so far */
    bool is_done;             /* QUEUE_ENDED and no command since */
};

/* What the listeners noted, over all of them. */
struct sim_result {
    uint64_t *wait_us; /* of each play; owned */
    uint32_t wait_count;
    uint32_t plays, stuttered_plays, failed_entries, bad_chunks;
    struct node_summary total;
    uint64_t events;   /* steps of both kinds of engines */
    uint64_t ended_us; /* virtual time at the end */
    uint64_t trace_hash, trace_lines;
};

struct sim_options {
    const struct node_preset *preset;
    uint64_t seed;
    bool wire;        /* also run the codec over each message */
    bool check;       /* check_invariants after every step */
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
    struct sim_line origin_lines[2];
    struct sim_content *origin_slots; /* owned */
    uint32_t *link_owners;            /* listener of each of the origin's links; owned */
    uint32_t origin_links;            /* numbered so far */
    uint32_t origin_tick_generation;
    uint64_t origin_tick_at_us;
    bool origin_is_up;
    struct sim_listener *listeners; /* owned */
    uint32_t busy_listeners;        /* those that are not done */
    uint32_t commands_left;         /* posted and not yet carried out */
    struct node_event *node_events; /* posted, not yet stepped; owned, as the next five */
    struct origin_event *origin_events;
    uint32_t *node_free, *origin_free; /* stacks of free places */
    uint32_t node_event_count, node_free_count, origin_event_count, origin_free_count;
    struct sim_result result;
};

/* Runs a workload to its end. The caller frees result.wait_us. */
void sim_run(const struct workload *workload, const struct sim_options *options,
             struct sim_result *ret_result);

/* Between the parts of the simulator: */
/* listener.c */
void sim_listener_init(struct sim_world *world, uint32_t number);
void sim_listener_deinit(struct sim_listener *listener);
void sim_listener_post(struct sim_world *world, struct sim_listener *listener, uint64_t at_us,
                       struct node_event event);
void sim_listener_step(struct sim_world *world, struct sim_listener *listener,
                       struct node_event *event, struct sim_content content);
void sim_listener_command(struct sim_world *world, struct sim_listener *listener,
                          const struct workload_command *command);
/* Whether the listener waits for or hears anything. */
void sim_listener_set_done(struct sim_world *world, struct sim_listener *listener, bool is_done);
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
void sim_origin_set_up(struct sim_world *world, bool is_up);
/* network.c */
void sim_network_connect(struct sim_world *world, struct sim_listener *listener, uint32_t number);
void sim_network_connected(struct sim_world *world, struct sim_listener *listener);
/* Ends the link at both ends; whoever did not ask for it hears of it a delay later. */
void sim_network_close(struct sim_world *world, struct sim_listener *listener, bool by_origin);
void sim_network_send(struct sim_world *world, struct sim_listener *listener, uint32_t direction,
                      const struct p2p_message *message, struct sim_content content);
void sim_network_arrive(struct sim_world *world, struct sim_listener *listener, uint32_t direction,
                        uint32_t bytes);
void sim_network_acknowledge(struct sim_world *world, struct sim_listener *listener,
                             uint32_t direction, uint32_t bytes);

#endif
