/*
 * search.h: asking neighbours, and theirs, who has a file: the overlay search of radius 2.
 *
 * As published (Kreitz and Niemela, "Spotify: Large Scale, Low Latency, P2P Music-on-Demand
 * Streaming", 2010): a search goes to all neighbours, each passes it once to its own, and everybody
 * remembers the last 50 so that none is handled twice. Answers go back along the links by which the
 * question came, so that nobody is made to send to an address that a stranger has named.
 *
 * Pure decisions: who sends is the overlay's business. A search's way through us:
 *
 *   SEARCH over a link --> search_take: ANSWER? FORWARD?        then for each neighbour
 *                          (search_goes_to) the same message with hops 1
 *   FOUND over a link  --> search_found: it is ours; or it goes BACK over the link that asked
 *
 * What a hostile neighbour gains: nothing for a search that is not known; whoever answers a
 * forwarded search can only name itself, once, so it displaces nobody of the SEARCH_FOUND_MAX that
 * are passed back; searches and answers beyond the pace are passed over.
 */
#ifndef P2P_CORE_SEARCH_H
#define P2P_CORE_SEARCH_H

#include "p2p/core/message.h"
#include "p2p/core/pace.h"

#include <stdbool.h>
#include <stdint.h>

#define SEARCH_SEEN_MAX 50u
#define SEARCH_FOUND_MAX 20u /* FOUNDs that are passed back for one search */

struct search_config {
    uint32_t hops;            /* of our own searches: 1 or 2 */
    uint64_t life_us;         /* FOUNDs are passed on for so long after the SEARCH; 10 s */
    uint64_t own_us;          /* pace of the searches that a neighbour makes itself; 1 s, */
    uint32_t own_burst;       /* and so many at once; 10 */
    uint64_t forwarded_us;    /* pace of those that it forwards; 100 ms, */
    uint32_t forwarded_burst; /* and so many at once; 50 */
    uint64_t found_us;        /* pace of a neighbour's FOUNDs; 100 ms, */
    uint32_t found_burst;     /* and so many at once; 40 */
};

extern const struct search_config search_config_default;

/* A neighbour's pace; zeroed when its link comes up. */
struct search_gate {
    struct pace own, forwarded, found;
};

/* One search that was seen. */
struct search_seen {
    uint64_t query;
    uint64_t key;
    uint64_t at_us;
    uint32_t link; /* that asked; 0 = ours, or the link is gone */
    bool is_ours;
    bool is_forwarded;
    uint8_t found;                      /* FOUNDs that were passed back, */
    uint16_t finders[SEARCH_FOUND_MAX]; /* and whose: two bytes of each peer id */
};

struct search {
    const struct search_config *config; /* borrowed for ever */
    uint32_t count, next;               /* a ring: `next` is overwritten next */
    struct search_seen seen[SEARCH_SEEN_MAX];
};

void search_init(struct search *search, const struct search_config *config);
/* A link is gone: what it asked is answered to nobody. */
void search_link_down(struct search *search, uint32_t link);

/* Our own search begins: fills a SEARCH to be sent to whom search_goes_to says (all neighbours).
 * `query` is random. */
void search_begin(struct search *search, uint64_t now_us, uint64_t query, uint64_t key,
                  const struct p2p_contact *ourselves, struct p2p_message *ret_message);

enum search_take {
    SEARCH_PASS_OVER = 0, /* seen before, ours, or too many */
    SEARCH_ANSWER = 1,    /* FOUND to the link, if we have it */
    SEARCH_FORWARD = 2,   /* and to the neighbours, whether we have it or not */
    SEARCH_BREACH = 4,    /* alone: who searches is not who it says: a protocol error */
};
/* A SEARCH came over `link`, from `peer_id`. Bits of enum search_take. */
unsigned search_take(struct search *search, uint64_t now_us, struct search_gate *gate,
                     uint32_t link, const uint8_t peer_id[HASH_BYTES],
                     const struct p2p_message *message);
/* Whether a SEARCH that is to be forwarded, or is ours, goes to this neighbour: not back where it
 * came from, and not to the searcher. */
bool search_goes_to(const struct p2p_message *message, uint32_t from_link, uint32_t link,
                    const uint8_t peer_id[HASH_BYTES]);
/* The message to forward. */
void search_forward(const struct p2p_message *message, struct p2p_message *ret_message);
/* The answer to a SEARCH; `kind` WHOLE or PARTIAL. */
void search_answer(const struct p2p_message *message, enum p2p_have kind,
                   const struct p2p_contact *ourselves, struct p2p_message *ret_message);

enum search_found {
    SEARCH_FOUND_NONE,   /* nobody asked, too late, too many: dropped */
    SEARCH_FOUND_OURS,   /* a hint for us */
    SEARCH_FOUND_BACK,   /* send it, as it is, to *ret_link */
    SEARCH_FOUND_BREACH, /* another key than was asked for, or in another's name: a protocol error */
};
/* A FOUND came over `link`, from `peer_id`. */
enum search_found search_found(struct search *search, uint64_t now_us, struct search_gate *gate,
                               uint32_t link, const uint8_t peer_id[HASH_BYTES],
                               const struct p2p_message *message, uint32_t *ret_link);

void search_check_invariants(const struct search *search);

#endif
