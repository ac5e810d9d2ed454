/*
 * port_map_natpmp.c: the default gateway, and the two protocols of UDP port 5351.
 *
 * Responsible for one question and its repetitions. NAT-PMP is libnatpmp's, loaded when first
 * needed; PCP's bytes are p2p/core/pcp's. Sockets are connected to the gateway, so nobody else's
 * answer arrives, and "port unreachable" ends the waiting.
 */
#include "p2p/uv/port_map_ask.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <natpmp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define NATPMP_LIBRARY "libnatpmp.so.1"
#define FIRST_WAIT_US (250 * TIME_US_PER_MS) /* doubles: RFC 6886, 3.1 */

_Static_assert(NATPMP_PORT == PCP_PORT, "both protocols share it");

static struct {
    __typeof__(initnatpmp) *init;
    __typeof__(closenatpmp) *close;
    __typeof__(sendpublicaddressrequest) *send_address;
    __typeof__(sendnewportmappingrequest) *send_mapping;
    __typeof__(getnatpmprequesttimeout) *get_timeout;
    __typeof__(readnatpmpresponseorretry) *read;
    bool is_here;
} natpmp;
static pthread_once_t natpmp_once = PTHREAD_ONCE_INIT;

static void load_natpmp(void)
{
    void *library = dlopen(NATPMP_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return;
    }
    *(void **)&natpmp.init = dlsym(library, "initnatpmp");
    *(void **)&natpmp.close = dlsym(library, "closenatpmp");
    *(void **)&natpmp.send_address = dlsym(library, "sendpublicaddressrequest");
    *(void **)&natpmp.send_mapping = dlsym(library, "sendnewportmappingrequest");
    *(void **)&natpmp.get_timeout = dlsym(library, "getnatpmprequesttimeout");
    *(void **)&natpmp.read = dlsym(library, "readnatpmpresponseorretry");
    natpmp.is_here = natpmp.init != NULL && natpmp.close != NULL && natpmp.send_address != NULL &&
                     natpmp.send_mapping != NULL && natpmp.get_timeout != NULL &&
                     natpmp.read != NULL;
}

static bool has_natpmp(void)
{
    pthread_once(&natpmp_once, load_natpmp);
    return natpmp.is_here;
}

/* The library leaves its socket open when it fails. */
static bool init_natpmp(natpmp_t *handle, int is_forced, in_addr_t router)
{
    if (!has_natpmp()) {
        return false;
    }
    handle->s = -1;
    if (natpmp.init(handle, is_forced, router) == 0) {
        return true;
    }
    if (handle->s >= 0) {
        close(handle->s);
    }
    return false;
}

/* --- where the router is ------------------------------------------------------------------------ */

/* A UDP socket that speaks with the router alone, or -1. */
static int open_socket(struct in_addr router)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(PCP_PORT), .sin_addr = router};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int port_map_find_gateway(struct port_map_gateway *ret_gateway)
{
    natpmp_t handle;
    struct sockaddr_in own;
    socklen_t bytes = sizeof own;
    if (!init_natpmp(&handle, 0, 0)) {
        return ERROR_NOT_FOUND;
    }
    ret_gateway->router.s_addr = handle.gateway;
    bool is_known = getsockname(handle.s, (struct sockaddr *)&own, &bytes) == 0;
    natpmp.close(&handle);
    ret_gateway->own = own.sin_addr;
    return is_known && own.sin_addr.s_addr != 0 ? 0 : ERROR_NOT_FOUND;
}

static void set_outer(const void *in_addr, struct net_address *ret_outer)
{
    *ret_outer = (struct net_address){.family = 4};
    memcpy(ret_outer->bytes, in_addr, 4);
}

/* Waits for the socket. 0; ERROR_TIMEOUT: until_us has come; ERROR_CANCELLED. */
static int wait_for(int fd, int wake_fd, uint64_t until_us)
{
    for (;;) {
        uint64_t now_us = net_now_us();
        struct pollfd polled[] = {{.fd = fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
        if (now_us >= until_us) {
            return ERROR_TIMEOUT;
        }
        int count = poll(polled, 2, (int)((until_us - now_us) / TIME_US_PER_MS) + 1);
        if (count > 0 && polled[1].revents != 0) {
            return ERROR_CANCELLED;
        }
        if (count > 0) {
            return 0;
        }
    }
}

/* --- PCP ------------------------------------------------------------------------------------------ */

static struct pcp_map pcp_of(const struct port_map_ask *ask, uint32_t lease_s)
{
    struct pcp_map map = {.inner_port = ask->port, .lifetime_s = lease_s};
    memcpy(map.nonce, ask->nonce, sizeof map.nonce);
    memcpy(map.client, &ask->gateway.own, sizeof map.client);
    map.outer_port = lease_s != 0 ? ask->outer_port : 0;
    return map;
}

/* What has come, if it counts. ERROR_MISMATCH: it does not. */
static int read_pcp(int fd, const struct pcp_map *map, struct port_map_lease *ret_lease)
{
    uint8_t bytes[PCP_ANSWER_BYTES_MAX];
    struct pcp_mapped mapped;
    ssize_t count = recv(fd, bytes, sizeof bytes, 0);
    if (count < 0) {
        return errno == EAGAIN || errno == EINTR ? ERROR_MISMATCH : ERROR_UNREACHABLE;
    }
    int error = pcp_map_read(map, bytes, (size_t)count, &mapped);
    if (error == 0) {
        *ret_lease = (struct port_map_lease){.outer_port = mapped.outer_port,
                                             .lifetime_s = mapped.lifetime_s};
        if (mapped.outer_address.family == 4) {
            set_outer(mapped.outer_address.address, &ret_lease->outer);
        }
    }
    return error;
}

int port_map_ask_pcp(const struct port_map_ask *ask, struct port_map_lease *ret_lease)
{
    struct pcp_map map = pcp_of(ask, ask->lease_s);
    uint8_t request[PCP_MAP_BYTES];
    uint64_t start_us = net_now_us();
    uint64_t end_us = time_add_us(start_us, PORT_MAP_ASK_US);
    uint64_t wait_us = FIRST_WAIT_US;
    int fd = open_socket(ask->gateway.router);
    if (fd < 0) {
        return ERROR_UNREACHABLE;
    }
    pcp_map_write(&map, request);
    int error = ERROR_TIMEOUT;
    while (error == ERROR_TIMEOUT && net_now_us() < end_us) {
        if (send(fd, request, sizeof request, 0) < 0) {
            error = ERROR_UNREACHABLE;
            break;
        }
        uint64_t until_us = time_min_us(end_us, time_add_us(net_now_us(), wait_us));
        do {
            error = wait_for(fd, ask->wake_fd, until_us);
            error = error == 0 ? read_pcp(fd, &map, ret_lease) : error;
        } while (error == ERROR_MISMATCH);
        wait_us *= 2;
    }
    close(fd);
    return error;
}

void port_map_drop_pcp(const struct port_map_ask *ask)
{
    struct pcp_map map = pcp_of(ask, 0);
    uint8_t request[PCP_MAP_BYTES];
    int fd = open_socket(ask->gateway.router);
    if (fd >= 0) {
        pcp_map_write(&map, request);
        (void)send(fd, request, sizeof request, 0); /* lost: the lease ends by itself */
        close(fd);
    }
}

/* --- NAT-PMP -------------------------------------------------------------------------------------- */

/* The answer to what was sent last. */
static int read_natpmp(natpmp_t *handle, int wake_fd, uint64_t end_us, natpmpresp_t *ret_response)
{
    for (;;) {
        struct timeval timeout = {0};
        int result = natpmp.read(handle, ret_response);
        if (result != NATPMP_TRYAGAIN) {
            return result == 0 ? 0 : ERROR_DENIED;
        }
        (void)natpmp.get_timeout(handle, &timeout);
        uint64_t wait_us = (uint64_t)timeout.tv_sec * TIME_US_PER_S + (uint64_t)timeout.tv_usec;
        uint64_t now_us = net_now_us();
        uint64_t until_us = time_min_us(end_us, time_add_us(now_us, wait_us + TIME_US_PER_MS));
        int error = wait_for(handle->s, wake_fd, until_us);
        if (error == ERROR_CANCELLED || net_now_us() >= end_us) {
            return error != 0 ? error : ERROR_TIMEOUT;
        }
    }
}

static int ask_mapping(natpmp_t *handle, const struct port_map_ask *ask, uint64_t end_us,
                       struct port_map_lease *ret_lease)
{
    natpmpresp_t response;
    int error = natpmp.send_mapping(handle, NATPMP_PROTOCOL_TCP, ask->port, ask->outer_port,
                                    ask->lease_s) < 0
                    ? ERROR_UNREACHABLE
                    : read_natpmp(handle, ask->wake_fd, end_us, &response);
    if (error != 0) {
        return error;
    }
    if (response.type != NATPMP_RESPTYPE_TCPPORTMAPPING || response.resultcode != 0 ||
        response.pnu.newportmapping.privateport != ask->port ||
        response.pnu.newportmapping.mappedpublicport == 0 ||
        response.pnu.newportmapping.lifetime == 0) {
        return ERROR_DENIED;
    }
    ret_lease->outer_port = response.pnu.newportmapping.mappedpublicport;
    ret_lease->lifetime_s = response.pnu.newportmapping.lifetime;
    return 0;
}

int port_map_ask_natpmp(const struct port_map_ask *ask, struct port_map_lease *ret_lease)
{
    natpmp_t handle;
    natpmpresp_t response;
    struct port_map_lease lease = {0};
    uint64_t end_us = time_add_us(net_now_us(), PORT_MAP_ASK_US);
    if (!init_natpmp(&handle, 1, ask->gateway.router.s_addr)) {
        return ERROR_UNREACHABLE;
    }
    int error = natpmp.send_address(&handle) < 0
                    ? ERROR_UNREACHABLE
                    : read_natpmp(&handle, ask->wake_fd, end_us, &response);
    if (error == 0 && response.type == NATPMP_RESPTYPE_PUBLICADDRESS) {
        set_outer(&response.pnu.publicaddress.addr, &lease.outer);
    }
    error = error == 0 ? ask_mapping(&handle, ask, end_us, &lease) : error;
    natpmp.close(&handle);
    if (error == 0) {
        *ret_lease = lease;
    }
    return error;
}

void port_map_drop_natpmp(const struct port_map_ask *ask)
{
    natpmp_t handle;
    if (init_natpmp(&handle, 1, ask->gateway.router.s_addr)) {
        (void)natpmp.send_mapping(&handle, NATPMP_PROTOCOL_TCP, ask->port, 0, 0);
        natpmp.close(&handle);
    }
}
