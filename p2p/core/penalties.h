/*
 * penalties.h: misbehaviour, counted against a peer id and, less, against where it came from.
 *
 * Responsible for points that halve every half-life, for the threshold above which nothing is done
 * with somebody, and for a bounded table that forgets the least first. Not responsible for
 * noticing misbehaviour or for closing links.
 *
 * Keys are free, so a quarter of the points goes to the address prefix (/24, /48): four peers that
 * earned a ban ban their prefix. Prefixes of local addresses (p2p_address_is_local) are not
 * counted: there they are one's own household or laboratory. A rotten disk is not malice: one wrong
 * chunk costs less than a lie proven twice, and everything decays.
 *
 * A full table keeps those with the most points: whoever wants a ban to be forgotten must have
 * PENALTIES_PEERS_MAX peers that each misbehave as much.
 */
#ifndef P2P_CORE_PENALTIES_H
#define P2P_CORE_PENALTIES_H

#include "common/limits.h"
#include "common/time_us.h"
#include "p2p/core/contact.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PENALTIES_PEERS_MAX 256u
#define PENALTIES_PREFIXES_MAX 64u
/* Of one key: more is not counted, so that a ban ends some half-lives after the last misdeed. */
#define PENALTIES_POINTS_MAX 1000u
/* A prefix gets one part of so many. */
#define PENALTIES_PREFIX_PART 4u

enum penalty {
    PENALTY_SILENT,    /* it took requests and never answered: a bad line does that too */
    PENALTY_BAD_CHUNK, /* wrong bytes: perhaps a rotten disk */
    PENALTY_LIE,       /* said that it had what it did not have */
    PENALTY_FLOOD,     /* told or asked far more often than anybody needs */
    PENALTY_PROTOCOL,  /* a malformed or impossible message */
    PENALTY_KINDS,
};

/* 15, 40, 30, 40, 60. */
uint32_t penalties_points(enum penalty penalty);

struct penalty_entry {
    uint8_t key[HASH_BYTES]; /* peer id; or family and the prefix's bytes, then zeros */
    uint32_t value;          /* points x 256 at the moment at_us */
    uint64_t at_us;
};

/* Entries that grow with what is counted, to a maximum. */
struct penalty_table {
    struct penalty_entry *entries; /* owned; in no order that means anything */
    uint32_t count, capacity, max;
};

struct penalties {
    uint32_t ban_points;
    uint64_t half_life_us;
    struct penalty_table peers;
    struct penalty_table prefixes;
};

/* ban_points from 1 to PENALTIES_POINTS_MAX; half_life_us > 0 (overlay_config_refrain: 100 points,
 * 30 minutes, so that a ban ends within hours). Takes no memory yet. */
void penalties_init(struct penalties *penalties, uint32_t ban_points, uint64_t half_life_us);
void penalties_deinit(struct penalties *penalties);

/* Counts a misdeed. `address` may be NULL: then only the id is charged. ERROR_NO_MEMORY. */
int penalties_add(struct penalties *penalties, uint64_t now_us, const uint8_t peer_id[HASH_BYTES],
                  const struct p2p_address *address, enum penalty penalty);

/* Either may be NULL. True: its points, or those of its prefix, have reached ban_points. */
bool penalties_is_banned(const struct penalties *penalties, uint64_t now_us, const uint8_t *peer_id,
                         const struct p2p_address *address);
/* A peer's points now, rounded; 0 = none are left. What is remembered for the next run. */
uint32_t penalties_get(const struct penalties *penalties, uint64_t now_us,
                       const uint8_t peer_id[HASH_BYTES]);
/* What was remembered `age_us` ago. Counts only what it is more than is known already, against the
 * prefix of `address` (may be NULL) too. ERROR_NO_MEMORY. */
int penalties_restore(struct penalties *penalties, uint64_t now_us,
                      const uint8_t peer_id[HASH_BYTES], const struct p2p_address *address,
                      uint32_t points, uint64_t age_us);

size_t penalties_heap_bytes(const struct penalties *penalties);
void penalties_check_invariants(const struct penalties *penalties);

#endif
