/*
 * host.c: addresses, and what NATs let through.
 */
#include "measure/sim/host.h"

#include <assert.h>
#include <string.h>

#define PORT_FIRST 7400u
#define LAN_DELAY_US 150u
#define LAN_RATE 12500000u
#define LAN_QUEUE_BYTES (1u << 20)
#define TRICKLE_QUEUE_BYTES (1u << 20)

static struct p2p_address make_address(uint8_t first, uint32_t number, uint8_t last, uint32_t port)
{
    struct p2p_address address = {.family = 4, .port = (uint16_t)port};
    address.address[0] = first;
    address.address[1] = (uint8_t)(number >> 8);
    address.address[2] = (uint8_t)number;
    address.address[3] = last;
    return address;
}

/* Numbers of hosts may be larger than 16 bits: further ones begin with another byte. */
static struct p2p_address outer_address(uint32_t number, uint8_t first, uint32_t port)
{
    return make_address((uint8_t)(first + (number >> 16)), number & 0xffff, 10, port);
}

void sim_host_init(struct sim_host *host, const struct workload_host *spec, uint32_t number)
{
    uint32_t port = PORT_FIRST + number % 50000;
    *host = (struct sim_host){.delay_us = spec->delay_us,
                              .nat = spec->nat,
                              .is_resetting = spec->is_resetting,
                              .lan = spec->lan};
    if (spec->lan > 0 && spec->nat == WORKLOAD_NAT_OPEN) {
        host->nat = WORKLOAD_NAT_PORT; /* what most home routers do */
    }
    host->lines[SIM_UP] =
        (struct sim_line){.rate = spec->up_rate, .queue_bytes = spec->queue_bytes};
    host->lines[SIM_DOWN] =
        (struct sim_line){.rate = spec->down_rate, .queue_bytes = spec->queue_bytes};
    host->lan_lines[SIM_UP] = (struct sim_line){.rate = LAN_RATE, .queue_bytes = LAN_QUEUE_BYTES};
    host->lan_lines[SIM_DOWN] = host->lan_lines[SIM_UP];
    host->trickle =
        (struct sim_line){.rate = spec->trickle_rate, .queue_bytes = TRICKLE_QUEUE_BYTES};
    host->outer =
        spec->lan > 0 ? outer_address(spec->lan, 80, port) : outer_address(number, 20, port);
    host->inner = host->outer;
    if (host->nat != WORKLOAD_NAT_OPEN) {
        host->inner = make_address(10, spec->lan > 0 ? number & 0xffff : 0, 2, port);
    }
}

void sim_host_move(struct sim_host *host, uint32_t number)
{
    host->lan = 0;
    host->outer = outer_address(number, 100, host->outer.port);
    if (host->nat == WORKLOAD_NAT_OPEN) {
        host->inner = host->outer;
    }
}

bool sim_host_is_near(const struct sim_host *a, const struct sim_host *b)
{
    return a->lan > 0 && a->lan == b->lan;
}

uint64_t sim_host_delay(const struct sim_host *a, const struct sim_host *b)
{
    return sim_host_is_near(a, b) ? LAN_DELAY_US : a->delay_us + b->delay_us;
}

bool sim_host_is_at(const struct sim_host *from, const struct sim_host *to,
                    const struct p2p_address *address)
{
    if (sim_host_is_near(from, to)) { /* NATs seldom turn a packet round to where it came from */
        return p2p_address_equal(address, &to->inner);
    }
    return p2p_address_equal(address, &to->outer);
}

static bool lets_in_anybody(const struct sim_host *host)
{
    bool is_forwarded = host->nat == WORKLOAD_NAT_MAPPED || host->nat == WORKLOAD_NAT_CONE;
    return is_forwarded || host->nat == WORKLOAD_NAT_OPEN;
}

bool sim_host_is_open_to(const struct sim_host *to, const struct sim_host *from, bool is_awaited)
{
    if (sim_host_is_near(to, from) || lets_in_anybody(to)) {
        return true;
    }
    if (!is_awaited || to->is_resetting || from->is_resetting) {
        return false; /* a reset kills the other side's attempt, and its NAT's memory of it */
    }
    return to->nat == WORKLOAD_NAT_ADDRESS ||
           (to->nat == WORKLOAD_NAT_PORT && from->nat != WORKLOAD_NAT_SYMMETRIC);
}

bool sim_host_meets(const struct sim_host *a, const struct sim_host *b)
{
    bool is_known = a->nat != WORKLOAD_NAT_SYMMETRIC && b->nat != WORKLOAD_NAT_SYMMETRIC;
    return is_known && (sim_host_is_open_to(a, b, true) || sim_host_is_open_to(b, a, true));
}
