/*
 * network_watch.c: own addresses, and looking at them every few seconds.
 *
 * Failure modes: a list that the system does not give counts as unchanged.
 */
#include "p2p/uv/network_watch.h"

#include "common/error.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct network_watch {
    struct net_deadline *deadline;
    network_watch_changed *changed;
    void *context;
    uint64_t due_us;       /* when the next look should come */
    uint64_t suspended_us; /* how far the clock of all time was ahead at the last look */
    uint32_t count;
    struct net_address addresses[NETWORK_WATCH_ADDRESSES_MAX];
};

/* Of use to others: not this machine's alone, and not without naming an interface. */
static bool is_useful(const struct net_address *address)
{
    const uint8_t *bytes = address->bytes;
    if (address->family == 4) {
        return bytes[0] != 127 && bytes[0] != 0 && !(bytes[0] == 169 && bytes[1] == 254);
    }
    static const uint8_t loopback[16] = {[15] = 1};
    return address->family == 6 && memcmp(bytes, loopback, 16) != 0 &&
           !(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

static uint32_t collect(const struct ifaddrs *list, uint8_t family,
                        struct net_address *ret_addresses, uint32_t capacity)
{
    uint32_t count = 0;
    for (const struct ifaddrs *at = list; at != NULL && count < capacity; at = at->ifa_next) {
        struct net_address address;
        if (at->ifa_addr == NULL || (at->ifa_flags & IFF_UP) == 0) {
            continue;
        }
        net_address_from_sockaddr(at->ifa_addr, &address);
        address.port = 0;
        if (address.family == family && is_useful(&address)) {
            ret_addresses[count++] = address;
        }
    }
    return count;
}

uint32_t network_watch_addresses(struct net_address *ret_addresses, uint32_t capacity)
{
    struct ifaddrs *list = NULL;
    if (getifaddrs(&list) != 0) {
        return 0;
    }
    uint32_t count = collect(list, 4, ret_addresses, capacity);
    count += collect(list, 6, ret_addresses + count, capacity - count);
    freeifaddrs(list);
    return count;
}

/* Time for which the machine was suspended, since it booted. */
static uint64_t suspended_us(void)
{
    struct timespec all = {0};
    struct timespec awake = {0};
    clock_gettime(CLOCK_BOOTTIME, &all);
    clock_gettime(CLOCK_MONOTONIC, &awake);
    uint64_t all_us = (uint64_t)all.tv_sec * TIME_US_PER_S + (uint64_t)all.tv_nsec / 1000;
    uint64_t awake_us = (uint64_t)awake.tv_sec * TIME_US_PER_S + (uint64_t)awake.tv_nsec / 1000;
    return all_us > awake_us ? all_us - awake_us : 0;
}

static bool has_slept(const struct network_watch *watch, uint64_t now_us, uint64_t suspended)
{
    return now_us > time_add_us(watch->due_us, NETWORK_WATCH_SLEPT_US) ||
           suspended > time_add_us(watch->suspended_us, NETWORK_WATCH_SLEPT_US);
}

static void look(void *context)
{
    struct network_watch *watch = context;
    struct net_address addresses[NETWORK_WATCH_ADDRESSES_MAX];
    memset(addresses, 0, sizeof addresses);
    uint32_t count = network_watch_addresses(addresses, NETWORK_WATCH_ADDRESSES_MAX);
    uint64_t now_us = net_now_us();
    uint64_t suspended = suspended_us();
    bool slept = has_slept(watch, now_us, suspended);
    bool is_other = count != watch->count;
    for (uint32_t i = 0; i < count && !is_other; i++) {
        is_other = !net_address_equal(&addresses[i], &watch->addresses[i]);
    }
    memcpy(watch->addresses, addresses, sizeof addresses);
    watch->count = count;
    watch->suspended_us = suspended;
    watch->due_us = time_add_us(now_us, NETWORK_WATCH_US);
    net_deadline_set(watch->deadline, watch->due_us);
    if (slept || is_other) {
        watch->changed(watch->context, slept);
    }
}

int network_watch_open(struct net_loop *loop, network_watch_changed *changed, void *context,
                       struct network_watch **ret_watch)
{
    struct network_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        return ERROR_NO_MEMORY;
    }
    watch->changed = changed;
    watch->context = context;
    int error = net_deadline_open(loop, look, watch, &watch->deadline);
    if (error != 0) {
        free(watch);
        return error;
    }
    watch->count = network_watch_addresses(watch->addresses, NETWORK_WATCH_ADDRESSES_MAX);
    watch->suspended_us = suspended_us();
    watch->due_us = time_add_us(net_now_us(), NETWORK_WATCH_US);
    net_deadline_set(watch->deadline, watch->due_us);
    *ret_watch = watch;
    return 0;
}

void network_watch_close(struct network_watch *watch)
{
    if (watch != NULL) {
        net_deadline_close(watch->deadline);
        free(watch);
    }
}
