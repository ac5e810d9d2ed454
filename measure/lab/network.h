/*
 * network.h: the lab's network: a network namespace for each host, and the relay between them.
 *
 * A host's only way out is a TUN device; one thread reads all of these and moves packets with the
 * rates, queues, delays and losses of line.h. Namespaces have no names: they go with the process.
 * IPv4 only. Needs root (or CAP_NET_ADMIN and CAP_SYS_ADMIN) and /dev/net/tun.
 *
 * Happy path: network_open -> network_enter in forked children -> network_close. Failure modes:
 * opening fails with words for people; a relay that comes late because the machine is busy says
 * how late (network_lateness_us).
 */
#ifndef MEASURE_LAB_NETWORK_H
#define MEASURE_LAB_NETWORK_H

#include "measure/lab/line.h"

#define NETWORK_HOSTS_MAX 256u
#define NETWORK_TEXT_BYTES 256u
#define NETWORK_ADDRESS_BYTES 16u /* "10.77.1.2" */

struct network;

struct network_traffic {
    uint64_t sent_bytes, received_bytes; /* IP packets, headers included */
    uint64_t dropped_packets;            /* by full queues */
    uint64_t lost_packets;               /* by chance */
};

/* Makes all hosts. ERROR_DENIED: not root, or not allowed to make namespaces; ERROR_UNSUPPORTED: no
 * TUN device; ERROR_NO_MEMORY, ERROR_SYSTEM. ret_text says why. */
int network_open(const struct line_host *hosts, uint32_t host_count, uint64_t seed,
                 struct network **ret_network, char ret_text[NETWORK_TEXT_BYTES]);
/* Stops the relay. Processes inside have no network any more. NULL is fine. */
void network_close(struct network *network);
/* The calling thread moves into the host's namespace; for a child between fork and exec. 0, or
 * ERROR_SYSTEM. */
int network_enter(const struct network *network, uint32_t host);
void network_address(uint32_t host, char ret_text[NETWORK_ADDRESS_BYTES]);
void network_get_traffic(struct network *network, uint32_t host,
                         struct network_traffic *ret_traffic);
/* The most that a packet was delivered after its time. */
uint64_t network_lateness_us(struct network *network);

#endif
