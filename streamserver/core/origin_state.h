/*
 * origin_state.h: the origin engine's inside; for streamserver/core/origin*.c alone.
 *
 * A link:     NEW --HELLO--> GREETED --SIGNED--> OPEN; doomed from any of them: a DISCONNECT at the
 *             end of the step, and it is forgotten.
 * What a link asks is p2p/core/server's. docs/ORIGIN.md shows both with all limits.
 */
#ifndef STREAMSERVER_CORE_ORIGIN_STATE_H
#define STREAMSERVER_CORE_ORIGIN_STATE_H

#include "common/table.h"
#include "p2p/core/rendezvous.h"
#include "p2p/core/server.h"
#include "streamserver/core/origin.h"

#define ORIGIN_EFFECTS_MAX 256u
/* Kept free by what may stop and go on: for what one event makes at once, and the doomed. */
#define ORIGIN_EFFECTS_SPARE 48u
#define ORIGIN_EXPIRED_MAX 32u /* links that one step lets go for silence */
/* Pairs of links that have gone, taken apart in one step (about 0.2 ms); more than an ANNOUNCE adds. */
#define ORIGIN_TRACKER_WORK 1024u

_Static_assert(ORIGIN_REQUEST_MAX == SERVER_REQUEST_MAX, "the server's limit");
_Static_assert(ORIGIN_LINK_QUEUE_BYTES_MIN == SERVER_LINK_QUEUE_BYTES_MIN, "the server's limit");

enum origin_link_stage {
    ORIGIN_LINK_NEW = 0, /* waits for their HELLO */
    ORIGIN_LINK_GREETED, /* waits for our signature; what they ask waits too */
    ORIGIN_LINK_OPEN,
};

/* A LOOKUP that came before our HELLO had gone. */
struct origin_early {
    struct p2p_message message;
    uint8_t keys[P2P_LOOKUP_MAX * P2P_KEY_BYTES];
};

struct origin_link {
    struct server_link server; /* first: a link of the server's is one of ours */
    struct origin_link *next;  /* by when they were last heard, oldest first */
    struct origin_link *previous;
    struct origin_link *next_doomed;
    uint64_t heard_us;
    enum origin_link_stage stage;
    uint8_t doom; /* enum p2p_bye: it is let go at the end of the step; 0 = it stays */
    bool is_tls;
    bool owes_pong; /* a PING came before our HELLO went */
    uint64_t pong_token;
    uint8_t nonce[P2P_NONCE_BYTES];
    uint8_t address_family;
    uint8_t address[16];
    uint16_t port;
    uint8_t proven_id[HASH_BYTES]; /* zeros: none */
    uint32_t tracked;              /* its number there; TRACKER_LINK_NONE */
    struct rendezvous_gate gate;
    struct origin_early *early; /* NULL: none; owned */
};

/* Links by when they were last heard; all of one list wait equally long. */
struct origin_silence {
    struct origin_link *first;
    struct origin_link *last;
    uint64_t span_us;
};

struct origin {
    struct origin_config config;
    struct origin_totals totals;
    struct server *server;
    struct tracker *tracker; /* NULL: has_tracker is false */
    struct table links;      /* struct origin_link_entry */
    struct origin_silence silent_new;
    struct origin_silence silent_open;
    struct origin_link *doomed;
    uint32_t doomed_count;
    struct origin_effect *effects;
    uint32_t effect_count;
    uint64_t now_us;
    bool is_stepping;
    bool has_more; /* the update was full: another step at once */
};

struct origin_link_entry {
    uint32_t number;
    struct origin_link *link;
};

/* origin.c */
/* The next effect of this update, zeroed but for its kind. Room is the caller's concern. */
struct origin_effect *origin_effect(struct origin *origin, enum origin_effect_kind kind);

/* origin_link.c: links come, greet, fall silent, go */
int origin_link_up(struct origin *origin, const struct origin_event *event);
void origin_link_down(struct origin *origin, uint32_t number, int error);
struct origin_link *origin_link_find(const struct origin *origin, uint32_t number);
void origin_link_heard(struct origin *origin, struct origin_link *link);
/* ERROR_NO_MEMORY. */
int origin_link_hello(struct origin *origin, struct origin_link *link,
                      const struct p2p_hello *hello);
/* Answers a PING, once our HELLO has gone. */
void origin_link_pong(struct origin *origin, struct origin_link *link);
void origin_link_signed(struct origin *origin, const struct origin_event *event);
/* Says BYE and forgets the link at the end of this step. Twice is once. */
void origin_link_doom(struct origin *origin, struct origin_link *link, enum p2p_bye reason);
void origin_link_expire(struct origin *origin);
void origin_link_bury(struct origin *origin);
void origin_link_forget(struct origin *origin, struct origin_link *link);
uint64_t origin_link_next_deadline_us(const struct origin *origin);

/* origin_tracker.c: what players tell and ask about each other */
/* Their HELLO came: from now on the tracker knows it, if it has a peer id. ERROR_NO_MEMORY. */
int origin_tracker_greet(struct origin *origin, struct origin_link *link,
                         const struct p2p_hello *hello);
/* A LISTEN, ANNOUNCE, LOOKUP or RENDEZVOUS. ERROR_NO_MEMORY. */
int origin_tracker_message(struct origin *origin, struct origin_link *link,
                           const struct p2p_message *message);
/* Our HELLO has gone: what was asked before is answered. */
void origin_tracker_opened(struct origin *origin, struct origin_link *link);
void origin_tracker_forget(struct origin *origin, struct origin_link *link);
/* Once a step. */
void origin_tracker_work(struct origin *origin);

#endif
