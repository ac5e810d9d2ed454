/*
 * cuts.c: a ring of ends, and the bytes of a window of time.
 */
#include "common/net/cuts.h"

#include <assert.h>

void net_cuts_wrote(struct net_cuts *cuts, size_t bytes)
{
    cuts->written += bytes;
    if (bytes >= NET_CUTS_WRITE_MIN && cuts->count < NET_CUTS_MAX) {
        cuts->ends[(cuts->first + cuts->count) % NET_CUTS_MAX] = cuts->written;
        cuts->count++;
    }
}

size_t net_cuts_next(const struct net_cuts *cuts, size_t queued)
{
    assert(queued > 0 && queued == cuts->written - cuts->taken);
    size_t bytes = queued;
    if (cuts->count > 0 && !cuts->is_fast) {
        bytes = (size_t)(cuts->ends[cuts->first] - cuts->taken);
    }
    return bytes;
}

/* Without a pause: what a window has that lasted longer counts for its time. */
static void count(struct net_cuts *cuts, size_t bytes, uint64_t now_us)
{
    uint64_t span_us = now_us - cuts->window_us;
    if (cuts->window_us == 0 || span_us >= NET_CUTS_WINDOW_US) {
        uint64_t needed = NET_CUTS_FAST_BYTES * (span_us / NET_CUTS_WINDOW_US);
        cuts->is_fast = cuts->window_us != 0 && cuts->window_bytes >= needed;
        cuts->window_us = now_us;
        cuts->window_bytes = 0;
    }
    size_t room = UINT32_MAX - cuts->window_bytes;
    cuts->window_bytes += (uint32_t)(bytes < room ? bytes : room);
}

void net_cuts_took(struct net_cuts *cuts, size_t bytes, uint64_t now_us)
{
    assert(bytes <= cuts->written - cuts->taken);
    cuts->taken += bytes;
    while (cuts->count > 0 && cuts->ends[cuts->first] <= cuts->taken) {
        cuts->first = (cuts->first + 1) % NET_CUTS_MAX;
        cuts->count--;
    }
    count(cuts, bytes, now_us);
}
