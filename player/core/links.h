/*
 * links.h: links to others: who is there, what they said, and when to try again.
 *
 * Responsible for the records of links, for silence (ping, then give up) and for the backoff of
 * the origin's link. Not responsible for what goes over a link (node_links.c).
 *
 * A link's states:
 *   CONNECTING -> UP -> CLOSING -> gone         UP: HELLO and first requests may be sent
 *   CONNECTING -> gone, UP -> gone              LINK_DOWN
 */
#ifndef PLAYER_CORE_LINKS_H
#define PLAYER_CORE_LINKS_H

#include "common/prng.h"
#include "p2p/core/give.h"
#include "p2p/core/server.h"
#include "player/core/node.h"
#include "player/core/rate.h"
#include "player/core/requests.h"

/* OPENs and REQUESTs outstanding before the other side's HELLO has said how many it takes. */
#define LINK_REQUESTS_BEFORE_HELLO 8u

enum link_state {
    LINK_CONNECTING = 1,
    LINK_UP = 2,
    LINK_CLOSING = 3, /* DISCONNECT was said: what still comes is passed over */
};

struct link {
    uint32_t number;
    enum node_link_kind kind;
    enum link_state state;
    bool has_hello;  /* theirs has come */
    bool is_checked; /* their identity is right */
    uint8_t nonce[P2P_NONCE_BYTES];
    struct p2p_hello hello; /* theirs */
    uint32_t request_max;   /* outstanding, as they allow */
    struct requests requests;
    struct rate rate;
    uint64_t quiet_since_us; /* the last message, or the first question since nothing was open */
    uint64_t ping_us;        /* when the outstanding PING was sent; 0 = none is */
    uint64_t ping_token;
    uint64_t busy_until_us; /* asked nothing before */
    uint64_t progress_us;   /* when payload last came */
    uint32_t doubts;        /* requests that were taken back since payload last came */
    /* Peers only. */
    bool is_incoming;    /* they began it */
    bool is_linked;      /* the overlay knows it */
    bool is_given_to;    /* server and give know it */
    bool is_doomed;      /* it broke the protocol of asking: dropped at the step's end */
    bool is_under_test;  /* the network changed: it must answer soon */
    bool is_ping_wanted; /* for the regulator of giving */
    uint8_t peer_id[HASH_BYTES];
    struct p2p_address address; /* the other end's */
    uint64_t received_bytes;    /* payload that they gave */
    uint64_t sent_bytes;        /* payload that they took */
    uint64_t asked_us;          /* when they last asked for something; 0 = never */
    struct server_link server;
    struct give_link give; /* the origin's too: its round trips are measured */
};

/* The origin's link over its lives. */
struct connector {
    uint32_t attempts;      /* failures since the last success */
    uint64_t retry_us;      /* no CONNECT before */
    uint64_t down_since_us; /* when the link was lost or first missed; TIME_NEVER_US = it is up */
    bool was_up;            /* once at least */
    bool is_given_up;       /* never reached: no more attempts until a command */
    bool is_refused;        /* it is not who it was: no more attempts */
    bool is_told;           /* the listener knows that it is down */
    int error;              /* why it is down */
    uint64_t tracker_us;    /* it broke the protocol: its tracker is left alone until then */
};

struct links {
    struct link *list[NODE_LINKS_MAX]; /* owned; by number, so those that others began stand last */
    uint32_t count;
    uint32_t next_number;
    struct connector origin;
};

void links_init(struct links *links);
void links_deinit(struct links *links);
/* A new one, CONNECTING. NULL: out of memory. There must be room. */
struct link *links_add(struct links *links, enum node_link_kind kind);
/* A peer's that began it, under the caller's number, UP. NULL: out of memory, or no room. */
struct link *links_accept(struct links *links, uint32_t number);
/* NULL: no such link. */
struct link *links_find(const struct links *links, uint32_t number);
/* The origin's link, in whatever state; NULL: none. */
struct link *links_origin(const struct links *links);
void links_remove(struct links *links, uint32_t number);

/* Requests that may still be made. */
uint32_t links_requests_left(const struct link *link);
/* True while something is expected of the other side. */
bool links_is_waiting(const struct link *link);
/* A question is about to be sent. */
void links_asked(struct link *link, uint64_t now_us);

enum links_duty {
    LINK_DUTY_NONE = 0,
    LINK_DUTY_PING,
    LINK_DUTY_GIVE_UP,
};
/* What silence asks for, and when it next will. */
enum links_duty links_duty(const struct link *link, const struct node_preset *preset,
                           uint64_t now_us);
uint64_t links_next_deadline_us(const struct link *link, const struct node_preset *preset);

/* An attempt failed, or the link was lost: when to try again, with jitter, or never. */
void links_connector_failed(struct connector *connector, const struct node_preset *preset,
                            struct prng *prng, uint64_t now_us, int error);
/* It is up and is who it should be. */
void links_connector_succeeded(struct connector *connector);
/* It has given something that proved to be right: the backoff begins anew next time. */
void links_connector_proved(struct connector *connector);
/* It broke the protocol. What only it has is asked for again; playing can do without its tracker. */
void links_connector_broke(struct connector *connector, const struct node_preset *preset,
                           uint64_t now_us);
/* Everything has changed: what waits may be tried at once. */
void links_connector_renew(struct connector *connector, uint64_t now_us);
/* The listener wants something: what was given up is tried again. */
void links_connector_encourage(struct connector *connector, uint64_t now_us);
/* True when a CONNECT may be made now. */
bool links_connector_may(const struct connector *connector, uint64_t now_us);

size_t links_heap_bytes(const struct links *links);
void links_check_invariants(const struct links *links);

#endif
