/*
 * overlay.h: one listener's place among the others: whom to link with, who has what, where to ask.
 *
 * The overlay is one object, owned by the node, without a door of its own: functions tell it what
 * happened, overlay_settle says what to do about it (connect, drop, send, remember), and the node
 * turns that into effects. It reads no clock and holds no payload; chance comes from its seed.
 * Links are the node's numbers. docs/OVERLAY.md tells states, messages, limits, failure modes and
 * the reason of each tunable.
 *
 * What it knows, and which part keeps it:
 *   contacts    whom we may dial (contacts.h): from tracker, exchange, LAN, memory, FOUND
 *   neighbours  peers with a link that is up (neighbours.h): usefulness, age, direction
 *   holders     what each neighbour has of the files that we wish for (holders.h), and in
 *   interests   what neighbours want to hear from us (interests.h)
 *   lookups     what the tracker was told and asked (lookups.h, announce.h)
 * Files are handles of the node's intern table. Everything heard from others is bounded, charged to
 * who said it, and a hint until bytes prove it.
 *
 * Use, in each of the node's steps: event functions, then overlay_settle once (again while it
 * returns OVERLAY_ACTIONS_MAX actions), then overlay_next_deadline_us. now_us never falls
 * (asserted).
 */
#ifndef P2P_CORE_OVERLAY_H
#define P2P_CORE_OVERLAY_H

#include "media/core/intern.h"
#include "p2p/core/contact.h"
#include "p2p/core/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OVERLAY_WISHES_MAX P2P_INTEREST_MAX /* 64: a bit each in a contact's masks */
#define OVERLAY_LINKS_MAX 64u               /* neighbours at a time; a bit each in an interest */
#define OVERLAY_ACTIONS_MAX 128u            /* that one settle returns */

struct exchange_config;
struct rendezvous_config;
struct search_config;

/* All tunables. "refrain / spotify2010" are the two presets' values (player/core/preset.c);
 * overlay_config_refrain() and overlay_config_spotify2010() are these values. Reasons stand in
 * docs/OVERLAY.md. */
struct overlay_config {
    /* Links. */
    uint32_t degree_low;  /* 6 / 6: below, anybody known is dialled, so that the overlay holds
                             together without wishes */
    uint32_t degree_soft; /* 50 / 50: above, nobody is dialled but who holds what is urgent; pruning
                             comes back to it */
    uint32_t degree_hard; /* 60 / 60: never more, attempts counted; <= OVERLAY_LINKS_MAX */
    uint32_t degree_random;   /* 4 / 0: neighbours that stay whatever their score */
    uint64_t prune_us;        /* 10 s / 10 s: how often the least useful above degree_soft leave */
    uint64_t grace_us;        /* 30 s / 30 s: a new link is not pruned before */
    uint32_t attempts_max;    /* 12 / 12: connects at a time */
    uint32_t attempts_burst;  /* 24 / 24: and in a row, */
    uint32_t attempts_per_s;  /* 4 / 4: refilled so fast: nobody is made a flood of SYNs by a list
                                 of dead peers */
    uint32_t attempts_prefix; /* 6 / 60: of them to one /24 or /48 at a time that is not local */
    uint64_t connect_timeout_us;     /* 4 s / 4 s: then the next address */
    uint64_t contact_backoff_us;     /* 15 s / 15 s: after all addresses failed; doubles, */
    uint64_t contact_backoff_max_us; /* 30 min / 30 min: up to this */
    uint32_t contacts_max;           /* 1000 / 1000: remembered; the least promising leaves */
    uint32_t sources_urgent; /* 8 / 20: neighbours that are to hold an urgent file, or what plays; a
                                part is a third */
    uint32_t sources_ahead;  /* 3 / 20: and any other wished one */

    /* What a neighbour is worth (neighbours.h). */
    uint64_t score_window_us;        /* 10 min / 60 min: bytes and answers count so long */
    uint32_t score_overlap_percent;  /* 100 / 100: of a wish's weight, for holding it whole */
    uint32_t score_received_per_mib; /* 20 / 20 */
    uint32_t score_sent_per_mib;     /* 5 / 20 */
    uint32_t score_answer;           /* 2 / 20: a contact or a FOUND of it that proved good */
    uint32_t score_lan;              /* 200 / 0 */
    uint32_t score_rtt_per_100ms;    /* 10 / 0: taken off */

    /* Telling each other. */
    uint64_t interest_us;      /* 100 ms / 100 ms: INTERESTs to one neighbour at least so far apart;
                               what is urgent goes at once */
    uint64_t have_us;          /* 250 ms / 250 ms: increments at least so far apart */
    bool partial;              /* true / false: parts of files are told, announced and asked for */
    uint32_t holder_bytes_max; /* 64 KiB / 64 KiB: row masks kept for one neighbour */
    uint32_t lies_max;    /* 3 / 3: NOT_HELDs of one file, no chunk of it in between, that cost a
                               neighbour its trust for that file */
    uint64_t distrust_us; /* 60 s / 60 s: for so long */

    /* The tracker. */
    bool announce_cache;   /* true / false: the whole cache is announced; false: what is played */
    uint64_t announce_us;  /* 2 s / 2 s: increments at least so far apart */
    uint32_t lookup_limit; /* 20 / 10: contacts asked for a file */
    uint64_t lookup_us;    /* 50 ms / 50 ms: LOOKUPs at least so far apart, urgent ones apart */
    uint64_t lookup_timeout_us; /* 3 s / 3 s: an answer that has not come */
    uint64_t lookup_soon_us;    /* 700 ms / 0: an urgent one, for the second time; 0 = as others */
    uint64_t lookup_backoff_us; /* 5 s / 30 s: a file with too few sources is looked up again */
    uint64_t lookup_backoff_max_us; /* 2 min / 2 min: doubling up to this */
    uint64_t own_lookup_us; /* 5 s / 0 (never): below degree_low some of our own files are looked
                               up: who only gives gets neighbours, too */
    uint64_t own_lookup_max_us; /* 10 min / 0: doubling up to this */

    /* Among ourselves. The modules' own tunables stand in their headers; both presets take their
     * defaults. */
    bool search_parallel;       /* false / true: search beside the tracker, not only when it is away
                                or knows nobody */
    uint64_t search_wait_us;    /* 1 s / 3 s: FOUNDs are waited for */
    uint64_t search_backoff_us; /* 30 s / 30 s: between two searches for one file, doubling */
    uint64_t search_backoff_max_us; /* 10 min / 10 min: up to this */
    uint32_t search_wishes; /* 3 / 64: only so many of the heaviest wishes are searched for */
    const struct search_config *search;         /* radius 2, paces, what is remembered */
    const struct exchange_config *exchange;     /* default / NULL: contacts are not exchanged */
    const struct rendezvous_config *rendezvous; /* a broker is asked for a link with who cannot be
                                                   dialled; NULL: never */
    uint64_t rendezvous_us; /* 300 ms / 0: a dial that is not up by then is backed by a broker */
    bool rendezvous_punch;  /* true / false: both sides dial; false: only who is asked for does */

    /* Misbehaviour (penalties.h). */
    uint32_t ban_points;           /* 100 / 100: nothing to do with who has as much */
    uint64_t penalty_half_life_us; /* 30 min / 30 min */

    uint64_t remember_us; /* 10 min / 10 min: a useful neighbour is remembered so often */
};

const struct overlay_config *overlay_config_refrain(void);
const struct overlay_config *overlay_config_spotify2010(void);

/* What we own, as the node knows it: only what is STORED (it may be given). Called during any
 * overlay function; must not call back. */
struct overlay_own {
    void *context;
    /* WHOLE, PARTIAL or NONE. */
    enum p2p_have (*kind)(void *context, media_handle file);
    /* Chunks of a row that are stored, bit n = chunk n of the row. */
    uint8_t (*row_mask)(void *context, media_handle file, uint32_t row);
    /* Iterates over all that is held: *place begins as 0; false at the end. What changes in between
     * may be missed or come twice. */
    bool (*next)(void *context, uint32_t *place, media_handle *ret_file);
};

struct overlay_setup {
    const struct overlay_config *config; /* borrowed for ever */
    struct media_intern *intern;         /* borrowed; nothing is interned for strangers */
    struct overlay_own own;
    uint64_t seed;
    uint8_t peer_id[HASH_BYTES]; /* ours, not zeros */
    bool gives;                  /* we serve others: P2P_CONTACT_GIVES in our contact */
};

struct overlay_wish {
    media_handle file;
    uint32_t weight; /* 1 to 1000: what plays 1000, what comes next 500, ... */
    bool is_urgent;  /* a listener waits, or will within seconds */
};

enum overlay_action_kind {
    OVERLAY_CONNECT,  /* answer with overlay_dialling at once */
    OVERLAY_SEND,     /* on a neighbour's link, or on the tracker's */
    OVERLAY_DROP,     /* BYE and close a link, or give up an attempt; LINK_DOWN is told as ever */
    OVERLAY_REMEMBER, /* for the next run */
};

struct overlay_action {
    enum overlay_action_kind kind;
    union {
        struct {
            struct p2p_contact contact; /* only addresses[0] is to be dialled */
            bool is_arranged;           /* the other side dials us at the same moment */
        } connect;
        struct {
            uint32_t link;
            struct p2p_message message; /* lists are borrowed until the next settle */
        } send;
        struct {
            uint32_t link;
            uint8_t reason; /* enum p2p_bye */
        } drop;
        struct {
            struct p2p_contact contact;
            uint32_t penalty;
        } remember;
    };
};

struct overlay_actions {
    const struct overlay_action *actions; /* borrowed until the next settle, in this order */
    uint32_t count;
};

struct overlay;

/* ERROR_NO_MEMORY. Asserts config's bounds. A fresh one takes about 8 KiB and grows with what it
 * knows. */
int overlay_new(const struct overlay_setup *setup, struct overlay **ret_overlay);
void overlay_free(struct overlay *overlay); /* takes NULL */

/* --- what happened -----------------------------------------------------------------------------
 * Those that return int: 0 or ERROR_NO_MEMORY (fatal for the node), and what they list. */

/* The node has carried out a CONNECT under this number: LINK_UP or LINK_DOWN will follow. link 0:
 * it could not (no number free); the contact is tried again later. */
void overlay_dialling(struct overlay *overlay, uint64_t now_us, const uint8_t *peer_id,
                      uint32_t link);
/* A link to a peer is up, its id proved, before any message of it. Who is banned, too many, or
 * linked already is dropped by the next settle: of two links with one peer that stays whose
 * initiator has the lower id; of two that the same side began, the newer one. The node's HELLO goes
 * first; INTEREST may follow in the same flight. */
int overlay_link_up(struct overlay *overlay, uint64_t now_us, uint32_t link, bool is_incoming,
                    const uint8_t *peer_id, const struct p2p_address *address);
/* A link (or an attempt) to a peer is gone. Nothing happens for one that is not known. */
int overlay_link_down(struct overlay *overlay, uint64_t now_us, uint32_t link, int error);
/* The link to a tracker: up when its HELLO said P2P_FEATURE_TRACKER (or in hope of it, earlier).
 * `address`: the link's other end, family 0 = not known; it settles which local addresses the
 * tracker may name. */
int overlay_tracker_up(struct overlay *overlay, uint64_t now_us, uint32_t link,
                       const struct p2p_address *address);
void overlay_tracker_down(struct overlay *overlay, uint64_t now_us);

/* The node hands over messages of these types, of peers' links and of the tracker's; HELLO too,
 * besides its own use of it. */
bool overlay_takes(enum p2p_type type);
/* ERROR_MALFORMED: it breaks the protocol, or floods: BYE_PROTOCOL and overlay_misbehaved. A link
 * that is not known: 0, nothing happens (it was dropped). */
int overlay_message(struct overlay *overlay, uint64_t now_us, uint32_t link,
                    const struct p2p_message *message);

/* Somebody who may be dialled. `is_lan`: heard in our own network just now. `penalty` and `age_us`:
 * remembered from an earlier run. Bad addresses are passed over. */
int overlay_contact(struct overlay *overlay, uint64_t now_us, const struct p2p_contact *contact,
                    bool is_lan, uint32_t penalty, uint64_t age_us);
/* Where others can dial us; `listen` as in LISTEN, its addresses are copied. */
void overlay_listening(struct overlay *overlay, uint64_t now_us, uint16_t port, uint8_t flags,
                       const struct p2p_address *addresses, uint32_t address_count);
/* Our addresses have changed: contacts' backoffs are forgotten, links are the node's to test. */
void overlay_network_changed(struct overlay *overlay, uint64_t now_us);

/* All that is wished for, instead of what was (at most OVERLAY_WISHES_MAX, each file once, heaviest
 * first; asserted). What stays keeps its state. */
int overlay_set_wishes(struct overlay *overlay, uint64_t now_us, const struct overlay_wish *wishes,
                       uint32_t count);
/* What is stored of a file has changed: more, less, or gone. Cheap; told in batches. */
int overlay_own_changed(struct overlay *overlay, uint64_t now_us, media_handle file);
/* It is being played: what the tracker is told when !announce_cache. */
int overlay_own_played(struct overlay *overlay, uint64_t now_us, media_handle file);

/* Payload that a neighbour gave us (verified, of this file) or took from us; 0 bytes may be told.
 * Nothing happens for a link that is not a neighbour, here and below. */
void overlay_received(struct overlay *overlay, uint64_t now_us, uint32_t link, media_handle file,
                      uint32_t bytes);
void overlay_sent(struct overlay *overlay, uint64_t now_us, uint32_t link, uint32_t bytes);
void overlay_rtt(struct overlay *overlay, uint32_t link, uint64_t rtt_us);
/* It said NOT_HELD to a chunk that overlay_has promised. ERROR_NO_MEMORY. */
int overlay_not_held(struct overlay *overlay, uint64_t now_us, uint32_t link, media_handle file,
                     uint32_t chunk);

enum overlay_fault {
    OVERLAY_FAULT_PROTOCOL,  /* it broke the protocol */
    OVERLAY_FAULT_BAD_CHUNK, /* it sent wrong bytes */
    OVERLAY_FAULT_SILENT,    /* it took requests and never answered */
    OVERLAY_FAULT_FLOOD,     /* it asked far more than anybody needs */
};
/* Counted against its peer id and, less, its address prefix; decays (penalties.h). Lies about what
 * it has the overlay counts itself, by overlay_not_held. The node closes the link
 * itself for PROTOCOL, BAD_CHUNK and SILENT. */
int overlay_misbehaved(struct overlay *overlay, uint64_t now_us, uint32_t link,
                       enum overlay_fault fault);

/* --- what follows ------------------------------------------------------------------------------ */

/* What to do now. ERROR_NO_MEMORY. */
int overlay_settle(struct overlay *overlay, uint64_t now_us, struct overlay_actions *ret_actions);
/* When to settle next if nothing happens; TIME_NEVER_US = not at all. */
uint64_t overlay_next_deadline_us(const struct overlay *overlay);

/* --- questions ---------------------------------------------------------------------------------- */

/* What a neighbour has of a wished file, by its word and as far as it is trusted. */
struct overlay_holding {
    bool is_whole;
    const uint8_t *row_masks; /* a byte a row, bit n = chunk n of it; NULL: whole, or nothing.
                                 Borrowed until the next event function */
};
/* False: nothing, not a neighbour, or not wished for. */
bool overlay_holding(const struct overlay *overlay, uint32_t link, media_handle file,
                     struct overlay_holding *ret_holding);
/* For many chunks ask overlay_holding once instead. */
bool overlay_has(const struct overlay *overlay, uint32_t link, media_handle file, uint32_t chunk);
/* Neighbours that have the chunk; O(1): rarest first by this. 0 when it is not wished for. */
uint32_t overlay_count_holders(const struct overlay *overlay, media_handle file, uint32_t chunk);

struct overlay_sources {
    uint32_t up;         /* neighbours that hold all or a part of it */
    uint32_t connecting; /* attempts under way to who is said to */
    uint32_t known;      /* contacts that are said to and may be tried */
    uint32_t holders;    /* in all, as the tracker said last */
    bool is_looking;     /* an answer is awaited (tracker, search, a new neighbour's HAVE), or a
                            connect to a holder: more sources may come within a round trip or two */
};
/* Zeros for a file that is not wished for. */
void overlay_get_sources(const struct overlay *overlay, media_handle file,
                         struct overlay_sources *ret_sources);
/* Links of neighbours that hold something of the file, those that gave most for their RTT first.
 * Fills at most `capacity` and returns how many it filled. */
uint32_t overlay_get_holders(const struct overlay *overlay, media_handle file, uint32_t *ret_links,
                             uint32_t capacity);
/* Neighbours by usefulness, best first: whom to ask for a manifest when the origin is away. */
uint32_t overlay_get_best(const struct overlay *overlay, uint64_t now_us, uint32_t *ret_links,
                          uint32_t capacity);

struct overlay_neighbour {
    uint8_t peer_id[HASH_BYTES];
    struct p2p_address address; /* the link's other end */
    bool is_incoming;
    bool is_lan;
    uint64_t up_us; /* since when */
    uint64_t received_bytes, sent_bytes;
    uint64_t rtt_us;   /* 0 = not known */
    int64_t score;     /* at the last settle that looked */
    uint32_t files;    /* wished ones that it holds something of */
    uint32_t features; /* P2P_FEATURE_* of its HELLO; 0 before */
};
/* False: not a neighbour. */
bool overlay_get_neighbour(const struct overlay *overlay, uint32_t link,
                           struct overlay_neighbour *ret_neighbour);

struct overlay_status {
    uint32_t neighbours;
    uint32_t attempts;
    uint32_t contacts;           /* known and not linked */
    bool is_tracked;             /* a tracker's link is up */
    struct p2p_address observed; /* where others see us, port 0; family 0 = not known */
    bool is_translated;          /* that is IPv4 and none of our own addresses: a NAT device stands
                                    between */
    uint64_t lookups, searches;  /* sent */
    uint64_t attempts_made, attempts_failed;
    uint64_t lies, floods, banned;
};
void overlay_get_status(const struct overlay *overlay, struct overlay_status *ret_status);

/* Bytes on the heap, all in. */
size_t overlay_heap_bytes(const struct overlay *overlay);
/* Asserts what must hold between the parts; the simulator calls it after every step. */
void overlay_check_invariants(const struct overlay *overlay);

#endif
