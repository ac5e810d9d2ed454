/*
 * port_map_ask.h: one question to the router, for port_map.c's thread. Private to port_map*.c.
 *
 * All functions wait, and may be called on that thread alone. `wake_fd` becomes readable when the
 * thread has other things to do: then they return soon, with ERROR_CANCELLED (UPnP: when the
 * library lets them).
 */
#ifndef P2P_UV_PORT_MAP_ASK_H
#define P2P_UV_PORT_MAP_ASK_H

#include "p2p/core/pcp.h"
#include "p2p/uv/port_map.h"

#include <netinet/in.h>
#include <stdbool.h>

#define PORT_MAP_URL_BYTES 256u

/* What stands between us and the others, found anew for each round. */
struct port_map_gateway {
    struct in_addr router, own; /* network order; `own` is the address that routes to it */
};

struct port_map_ask {
    struct port_map_gateway gateway;
    uint16_t port;       /* ours */
    uint16_t outer_port; /* wished: what was granted before, else ours */
    uint32_t lease_s;
    uint8_t nonce[PCP_NONCE_BYTES];
    char upnp_url[PORT_MAP_URL_BYTES]; /* where the router's description was; "" = look for it */
    int wake_fd;
};

struct port_map_lease {
    uint16_t outer_port; /* never 0 */
    struct net_address outer;
    uint32_t lifetime_s; /* 0 = for ever */
};

/* ERROR_NOT_FOUND: no route, or no library. */
int port_map_find_gateway(struct port_map_gateway *ret_gateway);

/* Asks for the port. 0; ERROR_CANCELLED; anything else: not in this way. */
int port_map_ask_pcp(const struct port_map_ask *ask, struct port_map_lease *ret_lease);
int port_map_ask_natpmp(const struct port_map_ask *ask, struct port_map_lease *ret_lease);
/* Keeps the description's URL in `ask`. */
int port_map_ask_upnp(struct port_map_ask *ask, struct port_map_lease *ret_lease);

/* Takes back what was granted. PCP and NAT-PMP: says so and waits for no answer. */
void port_map_drop_pcp(const struct port_map_ask *ask);
void port_map_drop_natpmp(const struct port_map_ask *ask);
void port_map_drop_upnp(const struct port_map_ask *ask, uint16_t outer_port);

#endif
