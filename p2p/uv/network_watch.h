/*
 * network_watch.h: this machine's addresses, and when they change or it has slept.
 *
 * Looks every NETWORK_WATCH_US. A sleep is seen in two ways: the clock that counts suspended time
 * (CLOCK_BOOTTIME) has run ahead of the monotonic one, or the look itself comes much too late (the
 * process was stopped).
 */
#ifndef P2P_UV_NETWORK_WATCH_H
#define P2P_UV_NETWORK_WATCH_H

#include "common/net/address.h"
#include "common/net/loop.h"

#define NETWORK_WATCH_US (5 * TIME_US_PER_S)
#define NETWORK_WATCH_SLEPT_US (10 * TIME_US_PER_S) /* more than this is a sleep */
#define NETWORK_WATCH_ADDRESSES_MAX 16u

struct network_watch;

/* `has_slept`: the machine was suspended or the process stopped; else addresses have changed. */
typedef void network_watch_changed(void *context, bool has_slept);

/* ERROR_NO_MEMORY. */
int network_watch_open(struct net_loop *loop, network_watch_changed *changed, void *context,
                       struct network_watch **ret_watch);
/* NULL is fine. */
void network_watch_close(struct network_watch *watch);

/* The addresses of interfaces that are up, port 0, without loopback and link-local ones: IPv4 first, then
 * IPv6, in the system's order. At most `capacity`; returns how many. */
uint32_t network_watch_addresses(struct net_address *ret_addresses, uint32_t capacity);

#endif
