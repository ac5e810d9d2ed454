/*
 * give_limit.h: how fast: the bucket, and the regulator that yields; for p2p/core/give*.c alone.
 */
#ifndef P2P_CORE_GIVE_LIMIT_H
#define P2P_CORE_GIVE_LIMIT_H

#include "p2p/core/give.h"

void give_limit_init(struct give *give, uint64_t now_us);
/* What is in force: 0 = nothing is given, UINT64_MAX = no limit. */
uint64_t give_limit_now(const struct give *give);
/* Before the limit in force changes: what has run into the bucket so far ran at the old one. */
void give_limit_count(struct give *give, uint64_t now_us);
/* Begins, ends and decides intervals. Yields at most GIVE_WITNESSES links to be pinged. */
uint32_t give_limit_settle(struct give *give, uint64_t now_us,
                           struct give_link *ret_pings[static GIVE_WITNESSES]);
uint64_t give_limit_next_deadline_us(const struct give *give, uint64_t now_us);
/* Lowest round trip of the link; GIVE_UNKNOWN_US = none. */
uint32_t give_limit_base_us(const struct give_link *link);

#endif
