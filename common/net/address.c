/*
 * address.c: numeric addresses in their three shapes.
 */
#include "common/net/address.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void set_ipv6(struct net_address *address, const uint8_t bytes[16])
{
    if (memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0) {
        address->family = 4;
        memcpy(address->bytes, bytes + sizeof mapped_prefix, 4);
    } else {
        address->family = 6;
        memcpy(address->bytes, bytes, 16);
    }
}

int net_address_parse(const char *host, uint16_t port, struct net_address *ret_address)
{
    struct net_address address = {.port = port};
    char bare[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    size_t length = strlen(host);
    if (inet_pton(AF_INET, host, address.bytes) == 1) {
        address.family = 4;
        *ret_address = address;
        return 0;
    }
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    if (length >= sizeof bare) {
        return ERROR_MALFORMED;
    }
    memcpy(bare, host, length);
    bare[length] = '\0';
    if (inet_pton(AF_INET6, bare, bytes) != 1) {
        return ERROR_MALFORMED;
    }
    set_ipv6(&address, bytes);
    *ret_address = address;
    return 0;
}

void net_address_format(const struct net_address *address, char ret_text[NET_ADDRESS_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->family == 4) {
        inet_ntop(AF_INET, address->bytes, host, sizeof host);
        snprintf(ret_text, NET_ADDRESS_TEXT_BYTES, "%s:%u", host, address->port);
    } else if (address->family == 6) {
        inet_ntop(AF_INET6, address->bytes, host, sizeof host);
        snprintf(ret_text, NET_ADDRESS_TEXT_BYTES, "[%s]:%u", host, address->port);
    } else {
        snprintf(ret_text, NET_ADDRESS_TEXT_BYTES, "none");
    }
}

bool net_address_equal(const struct net_address *a, const struct net_address *b)
{
    return a->family == b->family && a->port == b->port &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void net_address_to_sockaddr(const struct net_address *address,
                             struct sockaddr_storage *ret_sockaddr, socklen_t *ret_bytes)
{
    assert(address->family == 4 || address->family == 6);
    memset(ret_sockaddr, 0, sizeof *ret_sockaddr);
    if (address->family == 4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&in.sin_addr, address->bytes, 4);
        memcpy(ret_sockaddr, &in, sizeof in);
        *ret_bytes = sizeof in;
    } else {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
        memcpy(&in6.sin6_addr, address->bytes, 16);
        memcpy(ret_sockaddr, &in6, sizeof in6);
        *ret_bytes = sizeof in6;
    }
}

void net_address_from_sockaddr(const struct sockaddr *sockaddr, struct net_address *ret_address)
{
    struct net_address address = {.family = 0};
    if (sockaddr->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sockaddr, sizeof in);
        address.family = 4;
        address.port = ntohs(in.sin_port);
        memcpy(address.bytes, &in.sin_addr, 4);
    } else if (sockaddr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sockaddr, sizeof in6);
        address.port = ntohs(in6.sin6_port);
        set_ipv6(&address, in6.sin6_addr.s6_addr);
    }
    *ret_address = address;
}
