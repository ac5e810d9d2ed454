/*
 * server.h: answers OPEN, REQUEST and CANCEL, for whoever has chunks: an origin, or a player.
 *
 * Responsible for what links ask, from the message to its end: bounds, look-ups, reads ahead into
 * slots, a row's proof before its first fragment, fragments in order, rejects. Whose turn it is
 * says p2p/core/upload: fair by bytes between links, by priority and age within one. Not
 * responsible for links as such (handshake, silence, who may ask at all): they are its owner's,
 * streamserver/core/origin or player/core/node_give.c. docs/ORIGIN.md shows the states.
 *
 *   request   BEGIN --> FINDING (track or file) --> STREAMING --> gone
 *   slot      FREE --read--> READING --server_read_done--> FILLED --last fragment--> FREE
 *
 * Effects and questions go through a vtable. An effect is only noted down there and carried out
 * after the step; its answer comes by one of the functions below, in any order, and each must come,
 * also for requests and links that have gone. A function of the vtable must not call the server.
 *
 * SLOTS are the owner's buffers of CHUNK_BYTES, numbered from 0: `read` fills one, `send` of a
 * FRAGMENT names it, and it may be read into again when that send has been carried out.
 *
 * What happens in one step: server_begin; the functions for what has happened; server_pump.
 * No clock, no payload, no chance; allocates only server_new's and blocks of requests (which are
 * kept and used again until server_free).
 */
#ifndef P2P_CORE_SERVER_H
#define P2P_CORE_SERVER_H

#include "common/limits.h"
#include "common/trace.h"
#include "media/core/intern.h"
#include "media/core/merkle.h"
#include "p2p/core/message.h"
#include "p2p/core/upload.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVER_REQUEST_MAX 1024u
#define SERVER_LINK_QUEUE_BYTES_MIN 20480u /* a chunk in the smallest fragments, and its proof */
#define SERVER_FRAGMENT_BYTES_MIN 2048u

struct server;
struct server_link;

/* What its owner has of a chunk. */
enum server_holding {
    SERVER_HOLDS_NOTHING = 0, /* no chunk of the file: REJECT_UNKNOWN */
    SERVER_LACKS_CHUNK,       /* of the file, but not this one: REJECT_NOT_HELD */
    SERVER_HOLDS_CHUNK,
};

struct server_owner {
    /* Effects. `operation` is from 1 on. */
    void (*find_track)(void *context, uint32_t operation, const uint8_t *track_id);
    /* A file without a handle: is it here? NULL: what has none is unknown. */
    void (*find_file)(void *context, uint32_t operation, const struct media_file_id *file);
    void (*find_proof)(void *context, uint32_t operation, media_handle file, uint32_t row);
    void (*read)(void *context, uint32_t slot, media_handle file, uint32_t chunk);
    /* Every frame, with its number of bytes on the wire. FRAGMENT: payload is in `slot` from
     * message->fragment.offset on; else `slot` is 0. `message` is borrowed for the call, what it
     * points to until the next step. */
    void (*send)(void *context, struct server_link *link, const struct p2p_message *message,
                 uint32_t frame_bytes, uint32_t slot);
    /* The link broke the protocol: it is to be let go at the end of the step, by server_link_close.
     * May be told more than once. */
    void (*doom)(void *context, struct server_link *link);
    /* Questions. */
    /* May this step have more effects (each turn makes at most four)? If not, server_pump stops. */
    bool (*has_room)(void *context);
    /* May a fragment go now to a link that is not free? Asked before each; an owner with a limit
     * counts in `send`. NULL: it may. */
    bool (*may_send)(void *context);
    /* Asked when a request begins and before each chunk's read. NULL: all of a file that has a
     * handle is held. */
    enum server_holding (*holding)(void *context, media_handle file, uint32_t chunk);
};

struct server_config {
    const struct media_intern *intern; /* shared, not owned */
    uint32_t slot_count;               /* 1 to 65,536 */
    uint32_t request_max;              /* OPENs and REQUESTs outstanding on one link; more:
                                          REJECT_BUSY; 1 to SERVER_REQUEST_MAX */
    uint32_t link_queue_bytes;         /* given to one link's socket beyond what it has sent. From
                                    SERVER_LINK_QUEUE_BYTES_MIN on, a link that does not read holds
                                    no slot; less is allowed, for tests of slow links */
    uint32_t fragment_bytes_max;       /* of payload; SERVER_FRAGMENT_BYTES_MIN to CHUNK_BYTES */
    const struct server_owner *owner;  /* outlives the server */
    void *context;                     /* of its functions */
    struct trace *trace;               /* may be NULL */
    uint32_t trace_node;
    const char *trace_word; /* in front of each line; "" does */
};

/* A place in the owner's link; zeroed before server_link_open. Read what you like, write nothing. */
struct server_link {
    struct upload_link upload; /* first */
    uint32_t number;           /* in the trace */
    uint32_t last_request;     /* the highest number so far: they ascend */
    bool is_greeted;
    bool is_served;
};

/* Since server_new. */
struct server_totals {
    uint32_t requests_now; /* outstanding */
    uint64_t requests;     /* OPENs and REQUESTs */
    uint64_t rejects;
    uint64_t payload_bytes;   /* of fragments sent */
    uint64_t overhead_bytes;  /* all other bytes of frames sent */
    uint64_t cancelled_bytes; /* asked for and cancelled before they were sent */
};

/* ERROR_NO_MEMORY. */
int server_new(const struct server_config *config, struct server **ret_server);
/* Asserts that no link is open. NULL is allowed. */
void server_free(struct server *server);

/* First in a step: what time it is, for the trace. */
void server_begin(struct server *server, uint64_t now_us);
/* Last in a step: sends and fetches until nothing more is possible. True: has_room said no, and it
 * is to be called again in another step at once. When may_send says no it stops as well, and the
 * owner knows when to call it again. */
bool server_pump(struct server *server);

/* A link, neither greeted nor held back. Until it is greeted, what it asks waits, and nothing is
 * sent to it: our HELLO goes first. */
void server_link_open(struct server *server, struct server_link *link, uint32_t number);
/* Our HELLO has been sent (by server_control, right after this, in the same step). */
void server_link_greet(struct server *server, struct server_link *link);
/* may_send is not asked for it, and it gets whole chunks in fragments of fragment_bytes_max. Before
 * anything was asked on it. */
void server_link_set_free(struct server *server, struct server_link *link);
/* False: what it asks waits, though it was greeted; small answers go all the same. */
void server_link_serve(struct server *server, struct server_link *link, bool is_served);
/* Drops all that it asked, without an answer. */
void server_link_drop(struct server *server, struct server_link *link);
/* Rejects all that it asked: one REJECT each. */
void server_link_reject(struct server *server, struct server_link *link, enum p2p_reject reason);
/* Drops all that it asked and forgets it. */
void server_link_close(struct server *server, struct server_link *link);
/* Requests outstanding. */
uint32_t server_link_requests(const struct server_link *link);
/* What the shell has still queued for its socket, all frames. */
void server_link_room(struct server *server, struct server_link *link, uint64_t queued_bytes);

/* An OPEN, REQUEST or CANCEL (asserted). 0 or ERROR_NO_MEMORY (fatal). Dooms a link whose numbers
 * do not ascend. */
int server_message(struct server *server, struct server_link *link,
                   const struct p2p_message *message);
/* Rejects an OPEN or REQUEST as BUSY without looking at it. */
void server_refuse(struct server *server, struct server_link *link,
                   const struct p2p_message *message);
/* Any frame that is no fragment, at once; `message` is copied by the owner's send. Dooms a link
 * whose queue stands too high: it asks and does not read. */
void server_control(struct server *server, struct server_link *link,
                    const struct p2p_message *message);

/* Frame bytes that small answers may have now before the link is doomed for not reading. */
uint32_t server_control_room(const struct server *server, const struct server_link *link);

/* Answers. `manifest` NULL: unknown track; lent until the next step. */
void server_track_found(struct server *server, uint32_t operation, const uint8_t *manifest,
                        uint32_t manifest_bytes);
/* 0: not here. */
void server_file_found(struct server *server, uint32_t operation, media_handle file);
/* NULL: it could not be read; borrowed for the call. */
void server_proof_found(struct server *server, uint32_t operation, const struct media_proof *proof);
/* 0; ERROR_NOT_FOUND: REJECT_NOT_HELD; anything else: REJECT_DAMAGED. */
void server_read_done(struct server *server, uint32_t slot, int error);

/* Of payload, in chunks that are read from now on, but for links that are free; within config's bounds (asserted). */
void server_set_fragment_bytes(struct server *server, uint32_t fragment_bytes);

void server_get_totals(const struct server *server, struct server_totals *ret_totals);
size_t server_heap_bytes(const struct server *server);
/* Asserts what must hold over one link, and over the rest. */
void server_link_check_invariants(const struct server *server, const struct server_link *link);
void server_check_invariants(const struct server *server);

#endif
