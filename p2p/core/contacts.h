/*
 * contacts.h: whom we may dial, what they are said to hold, and how dialling them went.
 *
 * Responsible for the table of contacts (bounded; the least promising leaves), for who is tried
 * next, and for backoff. Not for links that are up (neighbours.h) nor for when to dial (overlay).
 * What a contact is said to hold is two masks over the wishes' slots (holders.h): whole, part.
 *
 * A contact's states:
 *
 *   IDLE -> DIALLING -> LINKED        DIALLING failed while a broker's answer is awaited: ASKED
 *    ^         |          |           ASKED, the broker says go: DIALLING, arranged
 *    +---------+----------+           ASKED or DIALLING came to nothing: IDLE, with the next
 *       failed   link gone            address at once, or all of them after a backoff
 *
 * Pointers to contacts are valid until the next contacts_put or contacts_forget.
 */
#ifndef P2P_CORE_CONTACTS_H
#define P2P_CORE_CONTACTS_H

#include "common/prng.h"
#include "common/table.h"
#include "p2p/core/contact.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTACTS_BUSY_MAX 32u /* ASKED or DIALLING at a time */

/* Who told us, least promising first. */
enum contacts_source {
    CONTACTS_EXCHANGE = 0,
    CONTACTS_FOUND = 1,
    CONTACTS_TRACKER = 2,
    CONTACTS_MEMORY = 3, /* from an earlier run, where it was useful */
    CONTACTS_SEEN = 4,   /* we had a link with it in this run */
    CONTACTS_LAN = 5,
};

enum contacts_state {
    CONTACTS_IDLE = 0,
    CONTACTS_ASKED = 1,
    CONTACTS_DIALLING = 2,
    CONTACTS_LINKED = 3,
};

struct contact {
    uint8_t peer_id[HASH_BYTES]; /* the key */
    struct p2p_address addresses[P2P_CONTACT_ADDRESSES_MAX];
    uint8_t flags;      /* P2P_CONTACT_* */
    uint8_t source;     /* enum contacts_source: the best that told us */
    uint8_t state;      /* enum contacts_state */
    uint8_t failures;   /* rounds over all addresses that failed since the last link; saturates */
    uint8_t address_at; /* the one that is dialled, or is next */
    bool is_arranged;   /* DIALLING: a broker brought us together */
    bool is_asked;      /* DIALLING, ASKED: a broker was asked for this attempt */
    uint32_t link;      /* DIALLING, LINKED: the node's number; 0 = not given yet */
    uint32_t told_link; /* the neighbour that told us; 0 = another source */
    uint64_t state_us;  /* since when it is ASKED or DIALLING */
    uint64_t retry_us;  /* not dialled before */
    uint64_t heard_us;  /* when we last heard of it */
    uint64_t whole;     /* wishes, by slot, of which it is said to hold all, */
    uint64_t part;      /* or some */
};

struct contacts_config {
    uint32_t max;
    uint64_t backoff_us;
    uint64_t backoff_max_us;
};

struct contacts {
    struct contacts_config config;
    struct table table;                          /* peer id -> struct contact */
    uint8_t busy[CONTACTS_BUSY_MAX][HASH_BYTES]; /* those ASKED or DIALLING, in no order */
    uint32_t busy_count;
    uint32_t linked_count;
};

void contacts_init(struct contacts *contacts, const struct contacts_config *config, uint64_t seed);
void contacts_deinit(struct contacts *contacts);

/* NULL: not known. */
struct contact *contacts_find(const struct contacts *contacts, const uint8_t *peer_id);

/* Takes what somebody says of a contact: a new one, or fresher addresses of a known one. Only
 * dialable addresses are taken. *ret_contact is NULL when there is none, or when the table is full
 * of more promising ones; that is no error. A better source's addresses are not replaced by those
 * of a worse one within ten minutes. ERROR_NO_MEMORY. */
int contacts_put(struct contacts *contacts, uint64_t now_us, const struct p2p_contact *heard,
                 enum contacts_source source, struct contact **ret_contact);
/* Takes an IDLE one out. */
void contacts_forget(struct contacts *contacts, const uint8_t *peer_id);

/* What it is said to hold of the wish in a slot. */
void contacts_hold(struct contact *contact, uint32_t slot, bool is_whole);
/* A slot's wish is another now: nobody is said to hold it. */
void contacts_clear_slots(struct contacts *contacts, uint64_t slots);

/* Changes of state. Fewer than CONTACTS_BUSY_MAX are busy (asserted). From IDLE, ASKED or
 * DIALLING: dialling begins, anew. */
void contacts_dialling(struct contacts *contacts, struct contact *contact, uint64_t now_us,
                       bool is_arranged);
/* A DIALLING one's dial failed, but a broker was asked: ASKED. */
void contacts_asked(struct contact *contact, uint64_t now_us);
/* From any state: a link with it is up. */
void contacts_linked(struct contacts *contacts, struct contact *contact, uint64_t now_us,
                     uint32_t link);
/* A LINKED one's link is gone; it may be dialled again after retry_in_us. */
void contacts_unlinked(struct contacts *contacts, struct contact *contact, uint64_t now_us,
                       uint64_t retry_in_us);
/* An attempt (ASKED or DIALLING) came to nothing: IDLE, the next address at once, or, after the
 * last one, all of them after a backoff. */
void contacts_failed(struct contacts *contacts, struct contact *contact, uint64_t now_us,
                     struct prng *prng);
/* An attempt is given up without blame: IDLE, to be tried again when there is need. */
void contacts_released(struct contacts *contacts, struct contact *contact);
/* All backoffs end: our network has changed. */
void contacts_retry_all(struct contacts *contacts);

/* The most promising IDLE contact whose retry_us has come: one that is said to hold something of
 * the wishes in `slots` (0: anybody). `may` says whether one may be dialled now (ban, prefix); at
 * chance among equals. NULL: none. O(contacts). */
typedef bool contacts_may(void *context, const struct contact *contact);
struct contact *contacts_pick(const struct contacts *contacts, uint64_t now_us, uint64_t slots,
                              contacts_may *may, void *context, struct prng *prng);
/* Wishes, by slot, of which somebody IDLE whose retry_us has come is said to hold something;
 * *ret_next_us is the earliest moment at which another backoff ends. O(contacts). */
uint64_t contacts_available(const struct contacts *contacts, uint64_t now_us,
                            uint64_t *ret_next_us);
/* How many IDLE ones with at most two failures are said to hold something of a wish. O(contacts). */
uint32_t contacts_count_holders(const struct contacts *contacts, uint32_t slot);

/* The i-th of the busy ones (there are contacts->busy_count). */
struct contact *contacts_busy(const struct contacts *contacts, uint32_t index);
/* The one being dialled under this number, or NULL. */
struct contact *contacts_find_link(const struct contacts *contacts, uint32_t link);
uint32_t contacts_count(const struct contacts *contacts);
/* As it is told to others, or dialled: with the address that is next first. */
void contacts_export(const struct contact *contact, struct p2p_contact *ret_contact);

size_t contacts_heap_bytes(const struct contacts *contacts);
void contacts_check_invariants(const struct contacts *contacts);

#endif
