/*
 * port_map.h: asks the router to forward a port to us, renews that, and takes it back at the end.
 *
 * On a thread of its own, which also loads the libraries (libnatpmp, libminiupnpc), so that the
 * start of the sound pays nothing. Asks the default gateway alone, over IPv4, one after the other:
 * PCP's MAP (RFC 6887, our own p2p/core/pcp: libnatpmp knows only its predecessor), NAT-PMP (RFC
 * 6886), UPnP-IGD. The first that grants the port is kept and asked again at half of each lease. A
 * round that brings nothing is repeated after PORT_MAP_RETRY_S, doubling to PORT_MAP_RETRY_MAX_S,
 * and at once after port_map_refresh.
 *
 * Nothing that a router says is believed beyond "others reach us at this port": where others see
 * us the origin tells. A mapping whose outer address is not that one (another NAT device stands
 * behind the router) is of no use: it is taken back. Answers from elsewhere than the gateway and
 * descriptions that point elsewhere are passed over. At worst others dial a port in vain.
 *
 * Happy path: port_map_open -> changed(port) -> port_map_close -> port_map_free. Failure modes: no
 * thread: ERROR_SYSTEM; no library, no router, a refusal: no `changed`, or changed(0) when there
 * was a mapping before.
 */
#ifndef P2P_UV_PORT_MAP_H
#define P2P_UV_PORT_MAP_H

#include "common/net/address.h"
#include "common/net/loop.h"

#define PORT_MAP_LEASE_S 3600u     /* asked for */
#define PORT_MAP_RENEW_MIN_S 2u    /* not more often, whatever lease is granted */
#define PORT_MAP_RENEW_MAX_S 1800u /* not less often: a router may have been started anew */
#define PORT_MAP_RETRY_S 120u
#define PORT_MAP_RETRY_MAX_S 3600u
#define PORT_MAP_ASK_US (1750 * TIME_US_PER_MS) /* PCP, NAT-PMP: for an answer, three tries */
#define PORT_MAP_SEARCH_MS 1500                 /* UPnP: for each kind of device */
#define PORT_MAP_END_US (500 * TIME_US_PER_MS)  /* to take the mapping back, after the close */

enum port_map_method {
    PORT_MAP_PCP = 0,
    PORT_MAP_NAT_PMP = 1,
    PORT_MAP_UPNP = 2,
    PORT_MAP_METHODS = 3,
};

struct port_map_config {
    uint16_t port;               /* ours, TCP, not 0 (asserted) */
    struct net_address observed; /* where others see us; family 0 = not known; the port is unused */
    uint32_t lease_s;            /* 0: PORT_MAP_LEASE_S */
    unsigned methods;            /* 1 << enum port_map_method each; 0: all */
};

struct port_map_state {
    uint16_t outer_port; /* 0 = none */
    enum port_map_method method;
    struct net_address outer; /* as the router says; family 0 = it does not */
};

struct port_map;
/* On the loop; each time that the state is another. */
typedef void port_map_changed(void *context, const struct port_map_state *state);

/* ERROR_NO_MEMORY, ERROR_SYSTEM. */
int port_map_open(struct net_loop *loop, const struct port_map_config *config,
                  port_map_changed *changed, void *context, struct port_map **ret_map);
/* The network, or where others see us, has changed: asks anew, at once. */
void port_map_refresh(struct port_map *map, const struct net_address *observed);
/* No `changed` any more; the thread begins to take the mapping back. NULL is fine. */
void port_map_close(struct port_map *map);
/* After the close and another turn of the loop. Waits until PORT_MAP_END_US after the close at
 * most; a thread that still waits for a router then is left to itself, and the mapping to its
 * lease. NULL is fine. */
void port_map_free(struct port_map *map);

/* "PCP", "NAT-PMP", "UPnP". */
const char *port_map_method_name(enum port_map_method method);

#endif
