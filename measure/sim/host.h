/*
 * host.h: a machine in the simulated network: its line, its addresses, and the NAT in front of it.
 *
 * Addresses: who is alone has an outer IPv4 address of its own, each in another /24; the hosts of a
 * LAN share one outer address with a port each, and know each other by inner addresses, which are
 * the same in every LAN. A NAT keeps the port that a host dials from, but a symmetric one, whose
 * ports nobody can know beforehand. docs/OVERLAY.md has the table of who can reach whom; it is what
 * sim_host_is_open_to says.
 */
#ifndef MEASURE_SIM_HOST_H
#define MEASURE_SIM_HOST_H

#include "measure/sim/stream.h"
#include "measure/workload/workload.h"
#include "p2p/core/contact.h"

#include <stdbool.h>
#include <stdint.h>

enum { SIM_UP = 0, SIM_DOWN = 1 }; /* of a host's lines */

struct sim_host {
    struct sim_line lines[2];     /* SIM_UP, SIM_DOWN: shared by all that passes */
    struct sim_line lan_lines[2]; /* towards hosts of the same LAN */
    struct sim_line trickle;      /* WORKLOAD_TRICKLE: instead of the uplink, towards peers */
    uint64_t delay_us;            /* one way, its part */
    enum workload_nat nat;
    bool is_resetting;
    uint32_t lan;             /* 0 = alone */
    struct p2p_address outer; /* as others see it, with the port on which it listens */
    struct p2p_address inner; /* of its own interface */
};

void sim_host_init(struct sim_host *host, const struct workload_host *spec, uint32_t number);
/* Another address, as after a change of networks; it is alone then. `number` as none before. */
void sim_host_move(struct sim_host *host, uint32_t number);

bool sim_host_is_near(const struct sim_host *a, const struct sim_host *b);
/* One way between the two. */
uint64_t sim_host_delay(const struct sim_host *a, const struct sim_host *b);
/* Whether `address` leads from one host to the other, if nothing on the way refuses. */
bool sim_host_is_at(const struct sim_host *from, const struct sim_host *to,
                    const struct p2p_address *address);

/* Whether a SYN from `from` gets through to `to`. `is_awaited`: `to` is dialling `from` at this
 * very moment, from the port on which it listens. */
bool sim_host_is_open_to(const struct sim_host *to, const struct sim_host *from, bool is_awaited);
/* Whether two that dial each other at the same moment meet in one connection, which both have
 * begun. When they don't, the one may still get in at the other. */
bool sim_host_meets(const struct sim_host *a, const struct sim_host *b);

#endif
