/*
 * address.h: one end of a connection: family, address, port; as bytes, as text, as sockaddr.
 *
 * Not responsible for names: those are resolved in stream.h (clients) and listener.h (servers).
 */
#ifndef COMMON_NET_ADDRESS_H
#define COMMON_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* "[" + 45 + "]:" + 5 + NUL, rounded up. */
#define NET_ADDRESS_TEXT_BYTES 56u

struct net_address {
    uint8_t family;    /* 4 or 6; 0 = none. An IPv4 address mapped into IPv6 is stored as 4 */
    uint8_t bytes[16]; /* network order; family 4 uses the first four, the rest are zero */
    uint16_t port;     /* host order */
};

/* A numeric host ("192.0.2.1", "::1", "[::1]") and a port. ERROR_MALFORMED: it is no numeric
 * address (it may be a name). */
int net_address_parse(const char *host, uint16_t port, struct net_address *ret_address);
/* "192.0.2.1:80", "[::1]:80"; "none" for family 0. */
void net_address_format(const struct net_address *address, char ret_text[NET_ADDRESS_TEXT_BYTES]);
/* Family, address and port. */
bool net_address_equal(const struct net_address *a, const struct net_address *b);
/* Family 4 or 6 only (asserted). */
void net_address_to_sockaddr(const struct net_address *address,
                             struct sockaddr_storage *ret_sockaddr, socklen_t *ret_bytes);
/* Anything but AF_INET and AF_INET6 gives family 0. */
void net_address_from_sockaddr(const struct sockaddr *sockaddr, struct net_address *ret_address);

#endif
