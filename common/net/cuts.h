/*
 * cuts.h: where a stream over TLS ends its records.
 *
 * Responsible for one question: how many of the queued bytes go into the next record? A record can
 * be read only when all of it has come. Where frames are cut into records as they come, the end of
 * one waits for the record that holds the beginning of the next: 16 KiB at 28 KB/s take 0.58 s. So
 * records end where a write of at least NET_CUTS_WRITE_MIN bytes ends; what is smaller goes together
 * with what follows. Where much goes (NET_CUTS_FAST_BYTES in NET_CUTS_WINDOW_US) records are as long
 * as they can be: there a record takes few milliseconds, and more of them cost processor time.
 *
 * No memory of its own, no clock.
 */
#ifndef COMMON_NET_CUTS_H
#define COMMON_NET_CUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_CUTS_MAX 64u         /* ends that are kept; writes beyond them share records */
#define NET_CUTS_WRITE_MIN 1024u /* bytes of a write that ends a record */
#define NET_CUTS_WINDOW_US UINT64_C(100000)
#define NET_CUTS_FAST_BYTES 400000u /* 4 MB/s: a record of 16 KiB takes 4 ms */

struct net_cuts {
    uint64_t written, taken; /* bytes so far */
    uint64_t ends[NET_CUTS_MAX];
    uint32_t first, count; /* of the ring */
    uint64_t window_us;    /* when this window began; 0 = none yet */
    uint32_t window_bytes; /* taken in it */
    bool is_fast;          /* the window before was */
};

/* All zeros is a new one. */
/* A write of so many bytes was queued. */
void net_cuts_wrote(struct net_cuts *cuts, size_t bytes);
/* How many of the queued bytes (at least one) to give to TLS next, at most; 1 to queued. Until it has
 * taken some, later answers are never less: OpenSSL wants a record that was begun again. */
size_t net_cuts_next(const struct net_cuts *cuts, size_t queued);
/* TLS took so many. */
void net_cuts_took(struct net_cuts *cuts, size_t bytes, uint64_t now_us);

#endif
