/*
 * listener.h: a listening socket that hands out accepted ones.
 *
 * Happy path: net_listener_open -> accepted(fd) for each connection -> net_listener_close.
 * Failure modes: open fails with a condition below and with words; when the process has no file
 * descriptors left, accepting rests for 100 ms and goes on (connections wait in the backlog).
 */
#ifndef COMMON_NET_LISTENER_H
#define COMMON_NET_LISTENER_H

#include "common/net/address.h"
#include "common/net/loop.h"

#define NET_LISTENER_TEXT_BYTES 256u

struct net_listener;
/* `fd` is the callee's: connected, non-blocking, close-on-exec. */
typedef void net_listener_accepted(void *context, int fd);

/* Splits "HOST:PORT", "[IPV6]:PORT", "HOST" and "[IPV6]" (then `default_port`). Port 0 = the system
 * chooses. `capacity` of ret_host: NET_HOST_BYTES_MAX + 1. ERROR_MALFORMED. */
int net_listen_parse(const char *text, uint16_t default_port, char *ret_host, size_t capacity,
                     uint16_t *ret_port);
/* Listens on a numeric address or a name (resolved at once: this may wait; only at program start).
 * "::" takes IPv4 too. On failure ret_text has words for people: "127.0.0.1:7373 is in use by
 * another program". ERROR_BUSY (in use), ERROR_DENIED, ERROR_NOT_FOUND (name or address is not of
 * this machine), ERROR_NO_MEMORY, ERROR_SYSTEM. */
int net_listener_open(struct net_loop *loop, const char *host, uint16_t port,
                      net_listener_accepted *accepted, void *context,
                      struct net_listener **ret_listener, char ret_text[NET_LISTENER_TEXT_BYTES]);
/* What it is bound to, with the actual port. */
const struct net_address *net_listener_address(const struct net_listener *listener);
/* Lets own sockets bind to the same port, to dial from it (SO_REUSEPORT). After it was opened without
 * sharing, so that a port in use was noticed. ERROR_SYSTEM. */
int net_listener_share_port(struct net_listener *listener);
/* No callback any more; memory is freed by the loop. NULL is fine. */
void net_listener_close(struct net_listener *listener);

#endif
