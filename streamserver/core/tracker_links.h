/*
 * tracker_links.h: the links that the tracker knows: who, where, how to reach them, how much they
 * may ask.
 *
 * One side of the seam between shards (tracker_shard.h is the other): with several workers each
 * has a copy of this, kept alike by the same comings, goings and LISTENs; it says nothing of files.
 */
#ifndef STREAMSERVER_CORE_TRACKER_LINKS_H
#define STREAMSERVER_CORE_TRACKER_LINKS_H

#include "streamserver/core/tracker.h"
#include "streamserver/core/tracker_index.h"

#define TRACKER_NEAR_MAX 80u /* links near another that are looked at */

enum tracker_link_state {
    TRACKER_LINK_FREE = 0,
    TRACKER_LINK_UP,
    TRACKER_LINK_GONE, /* its pairs are being taken apart */
};

/* How near two links are, by their observed addresses. */
enum tracker_nearness {
    TRACKER_NEAR_SAME = 0, /* the same IPv4 address, or the same /64: one household, as a rule */
    TRACKER_NEAR_PREFIX,   /* /24 or /48 */
    TRACKER_NEAR_WIDE,     /* /16 or /32 */
    TRACKER_NEAR_NOT,
};

enum tracker_allowance {
    TRACKER_ALLOW_ANNOUNCE = 0,
    TRACKER_ALLOW_LOOKUP,
    TRACKER_ALLOWANCES,
};

struct tracker_link {
    uint8_t state; /* enum tracker_link_state */
    uint8_t flags; /* P2P_CONTACT_REACHABLE, P2P_CONTACT_GIVES */
    uint8_t local_count;
    struct p2p_address address; /* the observed one, with the port that it listens on */
    uint32_t number;            /* the caller's */
    uint32_t next;              /* among the free, or those that have gone; TRACKER_NONE */
    uint32_t pairs;
    uint8_t *locals; /* its interfaces' addresses as LISTEN has them; owned */
    uint8_t peer_id[HASH_BYTES];
    uint64_t spent_us[TRACKER_ALLOWANCES]; /* when what was taken will have grown again */
};

struct tracker_links {
    uint64_t seed[2];
    struct tracker_blocks links; /* struct tracker_link */
    uint32_t used_count;         /* places that were ever in use at a time */
    uint32_t free_first;
    uint32_t up_count;
    uint32_t gone_count;
    struct tracker_index places; /* by address prefix, of those that are up */
    struct tracker_index peers;  /* by peer id, of those that are up */
    size_t memory;
};

void tracker_links_init(struct tracker_links *links, uint64_t seed);
void tracker_links_deinit(struct tracker_links *links);
struct tracker_link *tracker_links_get(const struct tracker_links *links, uint32_t link);
/* ERROR_FULL: no number is left; ERROR_NO_MEMORY. */
int tracker_links_add(struct tracker_links *links, const struct tracker_peer *peer,
                      uint32_t *ret_link);
/* From UP to GONE: nobody finds it any more. */
void tracker_links_leave(struct tracker_links *links, uint32_t link);
/* A link of the same player, with its allowances, in place of `link`, which leaves. Errors as
 * tracker_links_add: then nothing has changed. */
int tracker_links_replace(struct tracker_links *links, uint32_t link, uint32_t *ret_link);
/* From GONE to FREE: no pair is left (asserted). */
void tracker_links_remove(struct tracker_links *links, uint32_t link);
int tracker_links_listen(struct tracker_links *links, uint32_t link,
                         const struct p2p_message *message);

enum tracker_nearness tracker_links_nearness(const struct tracker_link *a,
                                             const struct tracker_link *b);
/* Up to TRACKER_NEAR_MAX links that are near, by chance where there are many, each once, without
 * itself. Returns how many. */
uint32_t tracker_links_near(const struct tracker_links *links, uint32_t link, struct prng *prng,
                            uint32_t *ret_links);
/* The newest of the links that are up and say they have this peer id; TRACKER_NONE. */
uint32_t tracker_links_find_peer(const struct tracker_links *links,
                                 const uint8_t peer_id[HASH_BYTES], struct prng *prng);
void tracker_links_contact(const struct tracker_links *links, uint32_t link, uint32_t reader,
                           struct p2p_contact *ret_contact);
/* Takes up to `units`; returns how many the rate allows. */
uint32_t tracker_links_take(struct tracker_link *link, enum tracker_allowance which,
                            const struct tracker_rate *rate, uint64_t now_us, uint32_t units);
void tracker_links_check_invariants(const struct tracker_links *links);

#endif
