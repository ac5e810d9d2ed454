/*
 * give.h: what a player gives: to whom, how fast, and when not at all.
 *
 * Responsible for upload slots (who is served when they are scarce), for one token bucket over all
 * that is sent to peers, for the automatic limit that yields to everything else on the listener's
 * line, and for holding back while the listener's own buffer is low. Not responsible for requests
 * (server.h) and links; docs/OVERLAY.md, "Giving", has the reasons.
 *
 * SLOTS. As many links as the limit feeds with slot_bytes_per_s each (at least slots_min) are
 * SERVED at a time. A link that asks while all slots are taken WAITS, at most wait_us; then its
 * requests are rejected as BUSY, and at once when as many wait as there are slots. The asker knows
 * after wait_us at most, and may ask again. A slot is free again when its link has been answered.
 * While others wait, a slot may be lost after tenure_us: the regular ones to who gave us more (in
 * the last minutes, by bytes) or, as much being equal, has waited longer; one of the slots to whom
 * was not served for longest, whatever it gave. So free riders are slower, and never starved.
 *
 * LIMIT. RFC 6817 (LEDBAT): queueing delay = a round trip less the lowest of the last ten minutes
 * on the same link; the target is 25 ms. Here a rate is controlled and not a window. While the
 * limit is used and the delay is below half the target, the limit grows by a 32nd of the best that
 * the line has shown, less the nearer it is; what the delay grows by within an interval is how much
 * faster we send than the line takes, and is taken back at once; above the target
 * the limit is cut by a part of itself, up to a half. The first phase grows by a quarter an
 * interval until the delay shows. Two links measure, by GIVE_PING, and the lower delay counts, as only our
 * own line is common to them. A PING that is out for long counts before it is answered.
 * What is sent to links in our own network does not pass our line: it takes no slot, no tokens, and
 * says nothing about the delay.
 *
 * A struct give_link stands in the caller's link (the origin's too: it never asks, but measures).
 * Events in, then give_settle; whoever waits for the bucket looks at give_next_deadline_us, which
 * has all deadlines in it. No memory of its own, no clock, integers only. Order depends on the
 * order of events alone.
 */
#ifndef P2P_CORE_GIVE_H
#define P2P_CORE_GIVE_H

#include "common/time_us.h"

#include <stdbool.h>
#include <stdint.h>

#define GIVE_SLOTS_MAX 64u
#define GIVE_BASES 4u          /* spans of give_config.base_us over which a lowest RTT is kept */
#define GIVE_ACTIONS_MAX 16u   /* that one settle yields; then there is another to do at once */
#define GIVE_QUANTUM_US 10000u /* of the limit, in one fragment and in one burst */
#define GIVE_SAMPLES_MIN 4u    /* round trips before a link's lowest is believed */
#define GIVE_WITNESSES 2u      /* links that measure at a time */
#define GIVE_UNKNOWN_US UINT32_MAX

struct give_config {
    uint32_t slots_min;         /* 2 (one goes round) to GIVE_SLOTS_MAX */
    uint32_t slots_max;         /* slots_min to GIVE_SLOTS_MAX; the same: a fixed number */
    uint64_t slot_bytes_per_s;  /* of the limit that makes one more slot; > 0 */
    uint64_t wait_us;           /* for a slot, then BUSY */
    uint64_t tenure_us;         /* of a slot that others wait for */
    uint64_t merit_half_us;     /* after this long, what a link gave us counts half */
    bool is_local_free;         /* links into our own network are neither limited nor counted */
    bool is_regulated;          /* false: no limit of our own making */
    uint64_t start_bytes_per_s; /* the first limit, while the line is not known */
    uint64_t floor_bytes_per_s; /* the regulator's lowest limit */
    uint64_t target_us;         /* of queueing delay */
    uint64_t interval_us;       /* between two decisions of the regulator */
    uint64_t base_us;           /* the span of one of GIVE_BASES lowest RTTs */
    uint64_t slow_below_us;     /* own buffer below this: a quarter of the limit; 0 = never */
    uint64_t stop_below_us;     /* below this: nothing; 0 = never */
    uint64_t retry_us;          /* a PING that is not answered for this long is lost */
};

/* The tunables of preset `refrain`, with their reasons in give.c. */
extern const struct give_config give_config_default;

enum give_kind {
    GIVE_PEER = 0,
    GIVE_LOCAL,  /* a peer in our own network */
    GIVE_ORIGIN, /* asks nothing; measures when too few others do */
};

enum give_stage {
    GIVE_IDLE = 0, /* asks nothing */
    GIVE_WAITING,  /* asks, and has no slot */
    GIVE_SERVED,   /* has a slot */
};

/* A place in the caller's link. Read what you like, write nothing. */
struct give_link {
    struct give_link *next; /* in the order of opening */
    struct give_link *previous;
    uint32_t number;
    enum give_kind kind;
    enum give_stage stage;
    bool is_told_served;  /* what the caller was last told; true at first, as the server's links */
    bool is_optimistic;   /* SERVED: in the slot that goes round */
    bool is_busy;         /* WAITING: for too long */
    uint64_t since_us;    /* WAITING, SERVED: since when */
    uint64_t served_us;   /* when it last gave its slot back or lost it; 0 = never had one */
    uint64_t merit_bytes; /* payload that it gave us, halved as time goes on */
    uint64_t merit_us;    /* when it was last halved */
    /* What it measures. */
    uint64_t pinged_us;     /* when the PING went that is out; TIME_NEVER_US = none */
    uint32_t delay_us;      /* lowest queueing delay in this interval; GIVE_UNKNOWN_US = none */
    uint32_t samples;       /* round trips so far; counts to GIVE_SAMPLES_MIN */
    uint64_t base_since_us; /* begin of bases[0]'s span */
    uint32_t
        bases[GIVE_BASES]; /* lowest round trip by span, newest first; GIVE_UNKNOWN_US = none */
};

/* give_limit.c's part. */
struct give_limit {
    bool is_probing;            /* the line has not shown its end */
    bool is_thirsty;            /* a fragment was refused and none has gone since */
    bool was_thirsty;           /* within this interval */
    uint64_t fixed_bytes_per_s; /* told by the listener: never more; 0 = as much as the line has */
    uint64_t bytes_per_s;       /* the regulator's */
    uint64_t best_bytes_per_s;  /* its highest that the line took; the measure of growth */
    int64_t tokens;             /* in millionths of a byte: what is above 0 may go; in debt by a
                                    frame at most, and by control */
    uint64_t tokens_us;         /* when they were last counted */
    uint64_t interval_us;       /* begin of the interval */
    uint64_t interval_end_us;   /* TIME_NEVER_US: it rests, as nobody is given to */
    uint64_t sent_bytes;        /* in this interval */
    uint32_t delay_us;          /* of the interval before; GIVE_UNKNOWN_US */
};

struct give {
    struct give_config config;
    struct give_link *first; /* in the order of opening */
    struct give_link *last;
    uint32_t link_count;
    uint32_t served_count;  /* links that have a slot; local ones that are free are not counted */
    uint32_t waiting_count; /* links that wait */
    bool is_allowed;
    uint64_t looked_us; /* at the slots */
    bool is_changed;    /* who asks, or what may be given: the slots are to be looked at */
    uint64_t buffer_us; /* the listener's own; TIME_NEVER_US = nothing plays */
    struct give_limit limit;
};

enum give_action_kind {
    GIVE_SERVE = 1, /* it has a slot: answer it (server_link_serve true) */
    GIVE_HOLD,      /* it lost it, and waits (server_link_serve false) */
    GIVE_BUSY,      /* reject all that it asks; give takes it as answered */
    GIVE_PING,      /* measure its round trip: give_rtt follows when its PONG is here */
};

struct give_action {
    enum give_action_kind kind;
    struct give_link *link;
};

struct give_status {
    uint64_t limit_bytes_per_s; /* that is in force; 0 = nothing is given, UINT64_MAX = no limit */
    uint32_t slots;
    uint32_t served;
    uint32_t waiting;
    uint32_t delay_us; /* queueing, as last measured; GIVE_UNKNOWN_US */
};

/* Asserts config's bounds. Giving is allowed, the limit automatic, nothing plays. */
void give_init(struct give *give, const struct give_config *config, uint64_t now_us);
/* Asserts that no link is open. */
void give_deinit(struct give *give);

void give_link_open(struct give *give, struct give_link *link, uint32_t number, enum give_kind kind,
                    uint64_t now_us);
void give_link_close(struct give *give, struct give_link *link);

/* It has something outstanding that we have not answered; saying so again is harmless. False: so
 * many wait already that it is to be rejected as BUSY at once (server_refuse); it is not counted. */
bool give_asks(struct give *give, struct give_link *link, uint64_t now_us);
/* All that it asked has been answered, rejected, or cancelled; harmless when it asked nothing. */
void give_answered(struct give *give, struct give_link *link, uint64_t now_us);
/* Payload came from it that we wanted. */
void give_received(struct give *give, struct give_link *link, uint64_t bytes, uint64_t now_us);
/* A round trip to the other end and back: a PING's. */
void give_rtt(struct give *give, struct give_link *link, uint64_t rtt_us, uint64_t now_us);
/* A frame of this many bytes goes to it. */
void give_sent(struct give *give, struct give_link *link, uint64_t frame_bytes, uint64_t now_us);
/* How much is buffered ahead of the play point; TIME_NEVER_US when nothing plays. */
void give_buffer(struct give *give, uint64_t buffer_us);
/* The listener's wish: whether at all, and how fast (0 = automatic). */
void give_set(struct give *give, bool is_allowed, uint64_t bytes_per_s, uint64_t now_us);

/* Is it free of the limit? Then server_link_set_free. Never changes. */
bool give_link_is_free(const struct give *give, const struct give_link *link);
/* May a fragment go now to a link that is not free? */
bool give_may_send(struct give *give, uint64_t now_us);
/* The payload of a fragment that takes GIVE_QUANTUM_US at the limit, within 2,048 and CHUNK_BYTES:
 * a power of two. */
uint32_t give_fragment_bytes(const struct give *give);

/* Decides what has become due. Yields at most GIVE_ACTIONS_MAX, links in the order of opening. The
 * caller carries them out in that order; a link that it closes meanwhile is passed over. */
uint32_t give_settle(struct give *give, uint64_t now_us,
                     struct give_action ret_actions[static GIVE_ACTIONS_MAX]);
/* When give_settle has more to do, or a fragment may go that could not; TIME_NEVER_US = when
 * something happens. */
uint64_t give_next_deadline_us(const struct give *give, uint64_t now_us);

void give_get_status(const struct give *give, struct give_status *ret_status);
void give_check_invariants(const struct give *give);

#endif
