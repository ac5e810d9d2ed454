/*
 * tracker.h: who has what, among the players that are connected now.
 *
 * Pure: no clock, no sockets, no messages; streamserver/core/origin turns messages into calls. A
 * player announces file keys over its link (p2p_file_key: hints of 8 bytes, never proofs), and asks
 * for holders of keys. A link's pairs (link, file) live as long as the link; there is no expiry and
 * nothing is told of bytes uploaded. docs/ORIGIN.md, "Tracker", has the figures and the reasons.
 *
 * The answer: holders nearest and best first: same observed address; same /24 (IPv4) or /48 (IPv6);
 * takes links from anywhere; same /16 or /32; has the whole file; among equals by chance, seeded, so
 * that holders of a popular file share the load. Of files with many holders a sample is looked at,
 * besides all that is near. Never the asker, never a link that has gone.
 *
 * Sharding: keys are split over `shard_count` tables by key modulo count; every table may stand in
 * a worker of its own, beside a copy of the list of links (tracker_links.h, tracker_shard.h are
 * the two sides of that seam). Answers do not depend on the number of shards.
 *
 * Links are numbered by the tracker, densely, and reused. A link that has gone answers nobody from
 * that moment on; what it announced is taken apart in bounded steps by tracker_work().
 */
#ifndef STREAMSERVER_CORE_TRACKER_H
#define STREAMSERVER_CORE_TRACKER_H

#include "common/limits.h"
#include "p2p/core/contact.h"
#include "p2p/core/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACKER_SHARDS_MAX 64u
#define TRACKER_LINKS_MAX (1u << 23)
#define TRACKER_LINK_NONE UINT32_MAX
/* The lists of one answer, as they stand in a HOLDERS: contacts, then files. */
#define TRACKER_ANSWER_BYTES_MAX                                                                   \
    (P2P_CONTACTS_MAX * P2P_CONTACT_BYTES + P2P_LOOKUP_MAX * P2P_HOLDERS_FILE_BYTES_MAX)
/* That of any lookup without contacts. */
#define TRACKER_ANSWER_BYTES_MIN (P2P_LOOKUP_MAX * 13u)

struct tracker;

/* So many units a second, at most `burst` saved up. */
struct tracker_rate {
    uint32_t per_s; /* up to 10^6; 0: no limit */
    uint32_t burst;
};

struct tracker_config {
    uint64_t seed;           /* of chance and of the tables' hashes; from the system in programs */
    uint32_t shard_count;    /* 1 to TRACKER_SHARDS_MAX */
    uint32_t link_max;       /* links at a time; 1 to TRACKER_LINKS_MAX */
    uint32_t link_files_max; /* pairs of one link; keys beyond are dropped and counted */
    uint32_t holders_max;    /* 0: all holders of a file are known. Else only the last so many that
                                announced it, the oldest is forgotten: "players" (spotify2010) */
    uint32_t answer_max;     /* contacts a file, whatever is asked for; 1 to P2P_CONTACTS_MAX */
    uint64_t heap_bytes_max; /* what the tables may take; a link may hold a quarter of what is
                                free, so that one that announces nonsense leaves room for others */
    struct tracker_rate announce_keys; /* of one link: keys announced; more are dropped */
    struct tracker_rate lookup_keys;   /* keys asked for; more get a count and no contacts */
};

/* The tunables of both presets; `seed` is 0 and the caller's to set. */
extern const struct tracker_config tracker_config_default;
/* The last 20 players of a file, 10 of them told (Kreitz and Niemela, "Spotify: Large Scale, Low
 * Latency, P2P Music-on-Demand Streaming", 2010): what preset `spotify2010` runs with. */
extern const struct tracker_config tracker_config_players;

/* A link as it comes. */
struct tracker_peer {
    uint32_t number;             /* the caller's own for it, given back by tracker_number */
    uint8_t peer_id[HASH_BYTES]; /* as it claims, or as TLS proved it; not zeros */
    struct p2p_address observed; /* its end of the link, as the origin sees it */
    uint16_t listen_port;        /* 0: it takes no links */
    uint8_t flags;               /* P2P_CONTACT_GIVES, or 0 */
};

struct tracker_totals {
    uint64_t peers;          /* links now */
    uint64_t files;          /* keys with at least one pair now */
    uint64_t pairs;          /* (link, file) now, without those of links that have gone */
    uint64_t announced_keys; /* whole and partial, accepted, since the start */
    uint64_t dropped_keys;   /* refused: a limit of the link, or no memory left */
    uint64_t lookup_keys;
    uint64_t denied_keys;   /* of them, answered without contacts because of the rate */
    uint64_t told_contacts; /* places in lists of files */
};

/* What a LOOKUP is answered with. Borrowed until the next call. */
struct tracker_answer {
    uint8_t contact_count;
    uint8_t file_count;      /* as many as were asked for, in that order */
    const uint8_t *contacts; /* records as HOLDERS has them */
    const uint8_t *files;    /* right behind the contacts */
    uint16_t file_bytes;
};

/* ERROR_NO_MEMORY. */
int tracker_new(const struct tracker_config *config, struct tracker **ret_tracker);
void tracker_free(struct tracker *tracker);

/* 0; ERROR_FULL: link_max are there (links that are still being taken apart do not count);
 * ERROR_NO_MEMORY. */
int tracker_link_up(struct tracker *tracker, const struct tracker_peer *peer, uint32_t *ret_link);
/* It is gone for every later call. Then tracker_work. */
void tracker_link_down(struct tracker *tracker, uint32_t link);
/* A LISTEN. ERROR_NO_MEMORY: what was known stays. */
int tracker_link_listen(struct tracker *tracker, uint32_t link, const struct p2p_message *message);
/* The caller's number of a link. */
uint32_t tracker_number(const struct tracker *tracker, uint32_t link);

/* An ANNOUNCE. With P2P_ANNOUNCE_FRESH the link may get another number here: *link is written.
 * 0, also when some keys were dropped (totals tell); ERROR_NO_MEMORY. */
int tracker_announce(struct tracker *tracker, uint64_t now_us, uint32_t *link,
                     const struct p2p_message *message);

/* A LOOKUP; the answer's lists are at most `bytes_max` long, which is at least
 * TRACKER_ANSWER_BYTES_MIN: contacts are left out until it fits. */
void tracker_lookup(struct tracker *tracker, uint64_t now_us, uint32_t link,
                    const struct p2p_message *message, uint32_t bytes_max,
                    struct tracker_answer *ret_answer);

/* The link with this peer id, the newest of several; TRACKER_LINK_NONE. */
uint32_t tracker_find_peer(struct tracker *tracker, const uint8_t peer_id[HASH_BYTES]);
/* How `reader` reaches `link`. */
void tracker_contact(const struct tracker *tracker, uint32_t link, uint32_t reader,
                     struct p2p_contact *ret_contact);

/* Takes apart at most `pairs` pairs of links that have gone. True: there is more to do; call again
 * soon (each announce makes at most P2P_ANNOUNCE_KEYS_MAX pairs: with as many for each, it ends). */
bool tracker_work(struct tracker *tracker, uint32_t pairs);

void tracker_get_totals(const struct tracker *tracker, struct tracker_totals *ret_totals);
/* Bytes on the heap, all in. */
size_t tracker_heap_bytes(const struct tracker *tracker);
void tracker_check_invariants(const struct tracker *tracker);

#endif
