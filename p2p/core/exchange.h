/*
 * exchange.h: contacts that neighbours tell each other, so that an overlay once joined survives
 * the absence of its tracker.
 *
 * Responsible for whom to tell a neighbour of and how often, and for what is taken of what it
 * tells. Not for keeping contacts (contacts.h).
 *
 * What is told: contacts that we had a link with (the caller offers no others), each to one
 * neighbour once in a while, at most config.count in one EXCHANGE. Local addresses are told only to
 * who is reached by a local address itself, and are taken only from such. What a hostile neighbour
 * gains: P2P_CONTACTS_MAX hints at a pace, of which at most config.prefix_max lie in one prefix, so
 * that it can neither fill our table nor send us all against one network.
 */
#ifndef P2P_CORE_EXCHANGE_H
#define P2P_CORE_EXCHANGE_H

#include "common/prng.h"
#include "p2p/core/message.h"
#include "p2p/core/pace.h"

#include <stdbool.h>
#include <stdint.h>

#define EXCHANGE_TOLD_MAX 40u /* remembered for one neighbour */

struct exchange_config {
    uint32_t count;    /* contacts in one EXCHANGE, at most; 1 to P2P_CONTACTS_MAX; 10 */
    uint64_t first_us; /* after the link came up; 2 s */
    uint64_t every_us; /* between two to one neighbour, at least 60 s; 2 min */
    uint64_t again_us; /* the same contact is not told again to it before; 10 min */
    uint32_t
        heard_burst;     /* EXCHANGEs of a neighbour that are taken at once, one more a minute; 3 */
    uint32_t prefix_max; /* contacts of one prefix that are taken of one EXCHANGE; 4 */
};

extern const struct exchange_config exchange_config_default;

/* One neighbour's; exchange_link_init when its link comes up. */
struct exchange_link {
    uint64_t due_us;     /* nothing is told before */
    uint64_t since_us;   /* of the oldest that is remembered as told */
    uint32_t told_count; /* EXCHANGE_TOLD_MAX: no more until since_us is long enough ago */
    uint32_t told[EXCHANGE_TOLD_MAX]; /* four bytes of each peer id */
    struct pace heard;
};

void exchange_link_init(struct exchange_link *link, const struct exchange_config *config,
                        uint64_t now_us);

/* Whom to tell of now. `offered` are contacts that we had links with; `to` is the neighbour's id,
 * `to_address` its end of the link. Fills `contacts` (config.count records of P2P_CONTACT_BYTES)
 * for an EXCHANGE and returns how many; 0: nothing to tell. Either way link->due_us is when to try
 * again. Reachable ones first, at chance among equals. */
uint32_t exchange_tell(struct exchange_link *link, const struct exchange_config *config,
                       uint64_t now_us, struct prng *prng, const uint8_t to[HASH_BYTES],
                       const struct p2p_address *to_address, const struct p2p_contact *offered,
                       uint32_t offered_count, uint8_t *contacts);

/* An EXCHANGE came. Fills `ret_contacts` (P2P_CONTACTS_MAX) with what is to be believed as far as
 * hints go, and returns how many: never ourselves, nobody twice, only addresses that may be
 * dialled. *ret_flood: it comes too often and was passed over whole. */
uint32_t exchange_take(struct exchange_link *link, const struct exchange_config *config,
                       uint64_t now_us, const uint8_t us[HASH_BYTES],
                       const struct p2p_address *from_address, const struct p2p_message *message,
                       struct p2p_contact *ret_contacts, bool *ret_flood);

/* Takes addresses out that may not be dialled, and local ones unless `is_near`; clears
 * P2P_CONTACT_LAN unless `is_near`. False: no address is left. For contacts of every source. */
bool exchange_clean(struct p2p_contact *contact, bool is_near);

#endif
