/*
 * port_map_upnp.c: UPnP's internet gateway device, by libminiupnpc, loaded when first needed.
 *
 * Responsible for asking the default gateway and nobody else: of the devices that answer the
 * search, only one whose description stands on the gateway's own address is read, and only a
 * control URL there is called. The library bounds how long it waits; what it reads of the gateway's
 * own description it does not bound tightly, which only the gateway itself could misuse.
 */
#include "p2p/uv/port_map_ask.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define TEXT(value) TEXT_OF(value)
#define TEXT_OF(value) #value
/* Debian's numbers of the interface and of the library go together. */
#define UPNP_LIBRARY "libminiupnpc.so." TEXT(MINIUPNPC_API_VERSION)

#define UPNP_TTL 2    /* UPnP Device Architecture 1.1, 1.2.2 */
#define UPNP_PORTS 4u /* tried, when others hold the first */
#define UPNP_CONFLICT 718
#define UPNP_ONLY_PERMANENT 725
#define PORT_FIRST 49152u /* of those that nobody has registered */

static struct {
    __typeof__(upnpDiscover) *discover;
    __typeof__(freeUPNPDevlist) *free_list;
    __typeof__(UPNP_GetIGDFromUrl) *describe;
    __typeof__(FreeUPNPUrls) *free_urls;
    __typeof__(UPNP_AddPortMapping) *add;
    __typeof__(UPNP_DeletePortMapping) *drop;
    __typeof__(UPNP_GetExternalIPAddress) *get_address;
    bool is_here;
} upnp;
static pthread_once_t upnp_once = PTHREAD_ONCE_INIT;

static void load_upnp(void)
{
    void *library = dlopen(UPNP_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return;
    }
    *(void **)&upnp.discover = dlsym(library, "upnpDiscover");
    *(void **)&upnp.free_list = dlsym(library, "freeUPNPDevlist");
    *(void **)&upnp.describe = dlsym(library, "UPNP_GetIGDFromUrl");
    *(void **)&upnp.free_urls = dlsym(library, "FreeUPNPUrls");
    *(void **)&upnp.add = dlsym(library, "UPNP_AddPortMapping");
    *(void **)&upnp.drop = dlsym(library, "UPNP_DeletePortMapping");
    *(void **)&upnp.get_address = dlsym(library, "UPNP_GetExternalIPAddress");
    upnp.is_here = upnp.discover != NULL && upnp.free_list != NULL && upnp.describe != NULL &&
                   upnp.free_urls != NULL && upnp.add != NULL && upnp.drop != NULL &&
                   upnp.get_address != NULL;
}

static void format_address(struct in_addr address, char ret_text[INET_ADDRSTRLEN])
{
    (void)inet_ntop(AF_INET, &address, ret_text, INET_ADDRSTRLEN); /* it fits */
}

/* "http://ROUTER/..." or "http://ROUTER:PORT/..." */
static bool is_of_gateway(const struct port_map_ask *ask, const char *url)
{
    char router[INET_ADDRSTRLEN];
    char start[INET_ADDRSTRLEN + 8];
    format_address(ask->gateway.router, router);
    int bytes = snprintf(start, sizeof start, "http://%s", router);
    return url != NULL && strncmp(url, start, (size_t)bytes) == 0 &&
           (url[bytes] == '/' || url[bytes] == ':') && strchr(url, '@') == NULL;
}

static bool is_woken(const struct port_map_ask *ask)
{
    struct pollfd polled = {.fd = ask->wake_fd, .events = POLLIN};
    return poll(&polled, 1, 0) > 0;
}

/* Looks for the router's description. */
static int find_description(struct port_map_ask *ask)
{
    char own[INET_ADDRSTRLEN];
    int upnp_error = 0;
    format_address(ask->gateway.own, own);
    struct UPNPDev *list =
        upnp.discover(PORT_MAP_SEARCH_MS, own, NULL, 0, 0, UPNP_TTL, &upnp_error);
    const struct UPNPDev *found = list;
    while (found != NULL && (!is_of_gateway(ask, found->descURL) ||
                             strlen(found->descURL) >= sizeof ask->upnp_url)) {
        found = found->pNext;
    }
    if (found != NULL) {
        snprintf(ask->upnp_url, sizeof ask->upnp_url, "%s", found->descURL);
    }
    upnp.free_list(list);
    return found != NULL ? 0 : ERROR_NOT_FOUND;
}

/* 0: *ret_urls is to be freed. */
static int read_description(const struct port_map_ask *ask, struct UPNPUrls *ret_urls,
                            struct IGDdatas *ret_data)
{
    char own[INET6_ADDRSTRLEN] = "";
    memset(ret_urls, 0, sizeof *ret_urls);
    memset(ret_data, 0, sizeof *ret_data);
    if (upnp.describe(ask->upnp_url, ret_urls, ret_data, own, sizeof own) != 1) {
        return ERROR_UNREACHABLE;
    }
    if (!is_of_gateway(ask, ret_urls->controlURL) || ret_data->first.servicetype[0] == '\0') {
        upnp.free_urls(ret_urls);
        return ERROR_UNSUPPORTED;
    }
    return 0;
}

/* One attempt; UPnP's error code. */
static int add_mapping(const struct port_map_ask *ask, const struct UPNPUrls *urls,
                       const struct IGDdatas *data, uint16_t outer_port, uint32_t lease_s)
{
    char own[INET_ADDRSTRLEN], inner[8], outer[8], lease[12];
    format_address(ask->gateway.own, own);
    snprintf(inner, sizeof inner, "%u", (unsigned)ask->port);
    snprintf(outer, sizeof outer, "%u", (unsigned)outer_port);
    snprintf(lease, sizeof lease, "%u", (unsigned)lease_s);
    return upnp.add(urls->controlURL, data->first.servicetype, outer, inner, own, "refrain", "TCP",
                    NULL, lease);
}

/* Another port: from the nonce, so that a renewal by another round tries the same ones. */
static uint16_t other_port(const struct port_map_ask *ask, uint32_t at)
{
    uint32_t drawn = (uint32_t)ask->nonce[2 * at] << 8 | ask->nonce[2 * at + 1];
    return (uint16_t)(PORT_FIRST + drawn % (65536u - PORT_FIRST));
}

static int take_port(const struct port_map_ask *ask, const struct UPNPUrls *urls,
                     const struct IGDdatas *data, struct port_map_lease *ret_lease)
{
    uint16_t outer_port = ask->outer_port;
    uint32_t lease_s = ask->lease_s;
    for (uint32_t i = 0; i < UPNP_PORTS && !is_woken(ask); i++) {
        int result = add_mapping(ask, urls, data, outer_port, lease_s);
        if (result == UPNP_ONLY_PERMANENT && lease_s != 0) {
            lease_s = 0;
            result = add_mapping(ask, urls, data, outer_port, lease_s);
        }
        if (result == UPNPCOMMAND_SUCCESS) {
            ret_lease->outer_port = outer_port;
            ret_lease->lifetime_s = lease_s;
            return 0;
        }
        if (result != UPNP_CONFLICT) {
            return ERROR_DENIED;
        }
        outer_port = other_port(ask, i);
    }
    return is_woken(ask) ? ERROR_CANCELLED : ERROR_DENIED;
}

int port_map_ask_upnp(struct port_map_ask *ask, struct port_map_lease *ret_lease)
{
    struct UPNPUrls urls;
    struct IGDdatas data;
    struct port_map_lease lease = {0};
    struct in_addr outer;
    char text[64] = "";
    pthread_once(&upnp_once, load_upnp);
    if (!upnp.is_here) {
        return ERROR_UNSUPPORTED;
    }
    int error = ask->upnp_url[0] == '\0' ? find_description(ask) : 0;
    error = error == 0 && is_woken(ask) ? ERROR_CANCELLED : error;
    error = error == 0 ? read_description(ask, &urls, &data) : error;
    if (error != 0) {
        ask->upnp_url[0] = '\0';
        return error;
    }
    error = take_port(ask, &urls, &data, &lease);
    if (error == 0 && upnp.get_address(urls.controlURL, data.first.servicetype, text) == 0 &&
        inet_pton(AF_INET, text, &outer) == 1) {
        lease.outer = (struct net_address){.family = 4};
        memcpy(lease.outer.bytes, &outer, sizeof outer);
    }
    upnp.free_urls(&urls);
    if (error == 0) {
        *ret_lease = lease;
    }
    return error;
}

void port_map_drop_upnp(const struct port_map_ask *ask, uint16_t outer_port)
{
    struct UPNPUrls urls;
    struct IGDdatas data;
    char outer[8];
    if (upnp.is_here && ask->upnp_url[0] != '\0' && read_description(ask, &urls, &data) == 0) {
        snprintf(outer, sizeof outer, "%u", (unsigned)outer_port);
        (void)upnp.drop(urls.controlURL, data.first.servicetype, outer, "TCP", NULL);
        upnp.free_urls(&urls);
    }
}
