/*
 * overlay_state.h: the overlay's inside, shared by overlay*.c and by nobody else.
 *
 *   overlay.c           making, settling, the next deadline, what the parts share
 *   overlay_config.c    both presets
 *   overlay_events.c    what the node tells: links, wishes, own files, counts, faults
 *   overlay_connect.c   whom to dial, brokers, who must go
 *   overlay_hear.c      messages that come
 *   overlay_tell.c      messages that go: INTEREST, HAVE, EXCHANGE, LOOKUP, SEARCH, LISTEN
 *   overlay_ask.c       questions
 *
 * Event functions may put actions into the outbox at once; settle adds what is due, gives that
 * outbox to the node, and the other one is filled meanwhile.
 */
#ifndef P2P_CORE_OVERLAY_STATE_H
#define P2P_CORE_OVERLAY_STATE_H

#include "common/prng.h"
#include "p2p/core/announce.h"
#include "p2p/core/contacts.h"
#include "p2p/core/holders.h"
#include "p2p/core/interests.h"
#include "p2p/core/lookups.h"
#include "p2p/core/neighbours.h"
#include "p2p/core/outbox.h"
#include "p2p/core/overlay.h"
#include "p2p/core/own_keys.h"
#include "p2p/core/pace.h"
#include "p2p/core/penalties.h"
#include "p2p/core/rendezvous.h"
#include "p2p/core/search.h"

/* Drops must always find a place: everything else leaves so much of the outbox free. */
#define OVERLAY_DROPS_KEPT 32u
/* Wishes that left and that neighbours were told of; beyond, the oldest is forgotten. */
#define OVERLAY_UNWISHED_MAX 128u

struct overlay_unwished {
    struct media_file_id id;
    uint64_t slots; /* neighbours that still think we wish for it */
};

struct overlay {
    const struct overlay_config *config;
    struct media_intern *intern;
    struct overlay_own own;
    uint8_t peer_id[HASH_BYTES];
    bool gives;
    uint64_t now_us; /* of the last call */
    struct prng prng;

    struct contacts contacts;
    struct neighbours neighbours;
    struct holders holders;
    struct interests interests;
    struct lookups lookups;
    struct announce announce;
    struct penalties penalties;
    struct search search;
    struct rendezvous rendezvous;
    struct own_keys own_keys;
    struct outbox outboxes[2];
    struct outbox *outbox; /* the one that is filled */

    uint32_t tracker;                   /* link; 0 = none */
    struct p2p_address tracker_address; /* its other end; family 0 = not known */
    struct rendezvous_gate tracker_gate;
    uint64_t own_lookup_at_us;   /* when to look whether our own files are to be looked up */
    uint64_t own_lookup_wait_us; /* and how long after that again */
    uint64_t needy; /* wishes, by slot, that need more sources; true unless is_needy_stale */
    bool is_needy_stale;
    uint64_t connect_us; /* when to look whether to dial */
    uint64_t prune_us;
    uint64_t have_us;   /* increments not before */
    uint64_t due_us;    /* when something is due for one of the neighbours */
    uint64_t expire_us; /* the next time that somebody busy is over, checked then */
    struct pace attempts_pace;
    struct overlay_unwished *unwished; /* owned; OVERLAY_UNWISHED_MAX once there is one */
    uint32_t unwished_count;

    /* Where we can be reached. */
    uint16_t listen_port;
    uint8_t listen_flags;
    uint8_t listen_count;
    struct p2p_address listen_addresses[P2P_LISTEN_ADDRESSES_MAX];
    struct p2p_address observed;            /* as others see us, port 0 */
    struct p2p_address claim, claim_teller; /* what the last neighbour said it is, and its own */
    bool is_listen_due;                     /* the tracker and neighbours are to be told */

    struct overlay_status counts;
};

/* overlay.c */
static inline bool overlay_may_send(const struct overlay *overlay)
{
    return overlay->outbox->count + OVERLAY_DROPS_KEPT < OVERLAY_ACTIONS_MAX;
}
void overlay_charges(const struct overlay *overlay, uint32_t *ret_charges[OVERLAY_LINKS_MAX]);
void overlay_begin(struct overlay *overlay, uint64_t now_us);
/* Our own contact, for SEARCH and FOUND; without addresses when nobody can dial us. */
void overlay_own_contact(const struct overlay *overlay, struct p2p_contact *ret_contact);
/* A neighbour as others may dial it; false: they can't. */
bool overlay_export(const struct neighbour *neighbour, struct p2p_contact *ret_contact);
/* Keeps what somebody says of a contact; told_link: the neighbour that says so, or 0.
 * *ret_contact: NULL when nothing is kept. ERROR_NO_MEMORY. */
int overlay_put_contact(struct overlay *overlay, uint64_t now_us, const struct p2p_contact *heard,
                        enum contacts_source source, uint32_t told_link,
                        struct contact **ret_contact);
/* A contact that the tracker names: takes out what it must not name. False: no address is left. */
bool overlay_clean_tracked(const struct overlay *overlay, struct p2p_contact *contact);
bool overlay_is_banned(const struct overlay *overlay, uint64_t now_us, const uint8_t *peer_id,
                       const struct p2p_address *address);
int overlay_drop_link(struct overlay *overlay, uint32_t link, uint8_t reason);

/* REMEMBER, when it can be dialled at all. */
int overlay_remember(struct overlay *overlay, uint64_t now_us, const struct neighbour *neighbour);

/* overlay_events.c */
/* Counts a misdeed; who is banned by it is dropped. */
int overlay_punish(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour,
                   enum penalty penalty);

/* overlay_connect.c */
/* Finds anew which wishes need more sources than are up or on their way. */
void overlay_find_needy(struct overlay *overlay, uint64_t now_us);
/* Neighbours that hold something of a wish; and those that soon may: attempts, and links so new
 * that they have not said. */
uint32_t overlay_count_up(const struct holders_wish *wish);
uint32_t overlay_count_coming(const struct overlay *overlay, uint64_t now_us,
                              const struct holders_wish *wish);
int overlay_connect(struct overlay *overlay, uint64_t now_us);
/* Dials this contact now, whatever the wishes; at this address instead of its own when not NULL.
 * When the outbox is full it stays as it was. */
int overlay_dial(struct overlay *overlay, uint64_t now_us, struct contact *contact,
                 const struct p2p_address *arranged);
/* May one more be dialled, whatever for? It is charged. */
bool overlay_take_attempt(struct overlay *overlay, uint64_t now_us);
/* What was known of who needs sources has changed: look again at once. */
static inline void overlay_look_again(struct overlay *overlay)
{
    overlay->is_needy_stale = true;
    overlay->connect_us = 0;
}
/* Asks who told us of the contact, else the tracker, to bring us together; nobody when neither can
 * (rendezvous_is_waiting tells). */
int overlay_ask_broker(struct overlay *overlay, uint64_t now_us, struct contact *contact);
/* The broker could not: the next one, or the attempt has failed when its dial has. */
int overlay_broker_failed(struct overlay *overlay, uint64_t now_us, struct contact *contact);
/* An attempt (its dial) failed. */
int overlay_attempt_failed(struct overlay *overlay, uint64_t now_us, struct contact *contact,
                           int error);
/* A new link: too many, banned, or a second one with this peer? */
int overlay_admit(struct overlay *overlay, uint64_t now_us, struct neighbour *newcomer);
int overlay_prune(struct overlay *overlay, uint64_t now_us);

/* overlay_hear.c */
/* Sends a SEARCH to all neighbours that it goes to. */
int overlay_search_out(struct overlay *overlay, uint32_t from_link,
                       const struct p2p_message *message);

/* overlay_tell.c */
int overlay_tell(struct overlay *overlay, uint64_t now_us);
uint64_t overlay_tell_next_us(const struct overlay *overlay);
/* A wish is gone: who was told of it is to be told. ERROR_NO_MEMORY. */
int overlay_unwish(struct overlay *overlay, const struct holders_wish *wish);
void overlay_rewish(struct overlay *overlay, const struct media_file_id *id);
/* An EXCHANGE to one neighbour, when there is something to tell it. */
int overlay_exchange(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour);

#endif
