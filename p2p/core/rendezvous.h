/*
 * rendezvous.h: two who cannot dial each other dial at the same moment, told by a third.
 *
 * Responsible for the broker's decision (an origin's tracker, or a common neighbour), for whom we
 * asked through which broker and for how long, and for whose invitation we follow. Not for dialling.
 *
 *   asker            broker            asked
 *     | -- ASK(id) --> |                 |
 *     |                | -- INVITE ----> |  dials the asker, if rendezvous_invited allows
 *     | <--- GO ------ |                 |
 *   dials the asked, as both are told at once; or
 *     | <--- AWAY ---- |                    the broker has no link with it, or had too many
 *
 * An INVITE makes us send packets to an address that somebody names, so it is followed at a pace
 * for each broker, and only to addresses that may be dialled. GO and AWAY count only from the
 * broker that was asked.
 */
#ifndef P2P_CORE_RENDEZVOUS_H
#define P2P_CORE_RENDEZVOUS_H

#include "p2p/core/message.h"
#include "p2p/core/pace.h"

#include <stdbool.h>
#include <stdint.h>

#define RENDEZVOUS_ASKED_MAX 32u  /* peers that are asked for at a time */
#define RENDEZVOUS_BROKERS_MAX 3u /* asked for one peer, one after the other */

struct rendezvous_config {
    uint64_t ask_us;       /* pace of ASKs that one link may make of us, as broker; 250 ms, */
    uint32_t ask_burst;    /* and so many at once; 16. We ask nobody faster */
    uint64_t invite_us;    /* pace of INVITEs to one link, and of those that we follow; 250 ms, */
    uint32_t invite_burst; /* and so many at once; 16 */
    uint64_t answer_us;    /* a broker that has not answered is done with; 1 s */
    uint64_t forget_us;    /* then late answers are harmless for so long, and the peer is not asked
                              for again; 30 s */
};

extern const struct rendezvous_config rendezvous_config_default;

/* A link's pace; zeroed when it comes up. */
struct rendezvous_gate {
    struct pace asks;    /* ASKs: that it made of us, or (its broker) we of it */
    struct pace invites; /* INVITEs: that we sent it, */
    struct pace follows; /* or that it sent us */
};

/* ---- The broker ---- */

struct rendezvous_broker {
    bool is_arranged;          /* then `invite` goes to the asked; */
    bool is_answered;          /* `answer` (GO or AWAY) goes to the asker; false: silence */
    struct p2p_message invite; /* sent first */
    struct p2p_message answer;
};
/* An ASK came. `asker` as the asked can reach it, `asked` as the asker can: each with the addresses
 * that we observed, not those that it claims. `asked`, `asked_gate` NULL: no link with it (or it is
 * the asker itself). */
void rendezvous_broker(const struct rendezvous_config *config, uint64_t now_us,
                       const struct p2p_message *ask, struct rendezvous_gate *asker_gate,
                       const struct p2p_contact *asker, struct rendezvous_gate *asked_gate,
                       const struct p2p_contact *asked, struct rendezvous_broker *ret_broker);

/* ---- The asker ---- */

/* Somebody whom we asked for. */
struct rendezvous_asked {
    uint8_t peer_id[HASH_BYTES];
    uint32_t brokers[RENDEZVOUS_BROKERS_MAX]; /* links that were asked, in this order; 0 = gone */
    uint32_t broker_count;
    bool is_waiting;  /* for the last of them */
    uint64_t wait_us; /* is_waiting: until then; else: forgotten then */
};

struct rendezvous {
    const struct rendezvous_config *config; /* borrowed for ever */
    uint32_t count;
    struct rendezvous_asked asked[RENDEZVOUS_ASKED_MAX];
};

void rendezvous_init(struct rendezvous *rendezvous, const struct rendezvous_config *config);

/* Asks the broker behind `link` for a peer: true, and the ASK to send. False: that broker was asked
 * already, the peer is being asked for, RENDEZVOUS_BROKERS_MAX were, there is no room, or the
 * broker would find it too many. */
bool rendezvous_ask(struct rendezvous *rendezvous, uint64_t now_us, struct rendezvous_gate *gate,
                    uint32_t link, const uint8_t peer_id[HASH_BYTES],
                    struct p2p_message *ret_message);
/* An answer is awaited. */
bool rendezvous_is_waiting(const struct rendezvous *rendezvous, uint64_t now_us,
                           const uint8_t peer_id[HASH_BYTES]);

enum rendezvous_taken {
    RENDEZVOUS_NOTHING, /* late, or too many: passed over */
    RENDEZVOUS_DIAL,    /* dial message->rendezvous.contact now; the other side does too */
    RENDEZVOUS_NEXT,    /* that broker cannot help: ask another, or give up */
    RENDEZVOUS_BREACH,  /* another was asked for this peer, not this one: a protocol error */
};
/* A GO or AWAY came over `link`. */
enum rendezvous_taken rendezvous_answered(struct rendezvous *rendezvous, uint64_t now_us,
                                          uint32_t link, const struct p2p_message *message);
/* An INVITE came over `link`: NOTHING or DIAL. `us` is our own id. */
enum rendezvous_taken rendezvous_invited(const struct rendezvous_config *config, uint64_t now_us,
                                         struct rendezvous_gate *gate, const uint8_t us[HASH_BYTES],
                                         const struct p2p_message *message);

/* The next peer whose broker did not answer in time (or is gone); false: none. Each comes once. */
bool rendezvous_expired(struct rendezvous *rendezvous, uint64_t now_us,
                        uint8_t ret_peer_id[HASH_BYTES]);
/* TIME_NEVER_US: nothing is awaited. */
uint64_t rendezvous_next_deadline_us(const struct rendezvous *rendezvous);
/* A broker's link is gone: whom it was asked for expires at once. */
void rendezvous_link_down(struct rendezvous *rendezvous, uint64_t now_us, uint32_t link);
/* A link with the peer is up, or nobody wants one any more: it is forgotten. */
void rendezvous_done(struct rendezvous *rendezvous, const uint8_t peer_id[HASH_BYTES]);

void rendezvous_check_invariants(const struct rendezvous *rendezvous);

#endif
