/*
 * dial.h: from a host name and a port to a connected socket; used by stream.c.
 *
 * Happy path: net_dial_open -> done(fd) -> net_dial_close. A numeric address is not looked up. The
 * addresses of a name are tried one after the other, families in turn (RFC 8305, section 4), an
 * address for attempt_us while others are left, all of it for connect_us at most.
 * Failure modes: exactly one `done` with an error, unless net_dial_close came first; `done` never
 * comes from inside net_dial_open.
 */
#ifndef COMMON_NET_DIAL_H
#define COMMON_NET_DIAL_H

#include "common/net/address.h"
#include "common/net/loop.h"

#define NET_DIAL_ADDRESSES_MAX 16u /* more that a name has are not tried */
#define NET_DIAL_TEXT_BYTES 160u

struct net_dial;

struct net_dial_result {
    int error; /* 0; ERROR_NOT_FOUND, ERROR_UNREACHABLE, ERROR_TIMEOUT, ERROR_SYSTEM */
    int fd;    /* connected, the callee's; -1 on error */
    const struct net_address *address; /* that was tried last; NULL when none was */
    const char *text;                  /* words for people on error */
};
typedef void net_dial_done(void *context, const struct net_dial_result *result);

/* ERROR_NO_MEMORY, ERROR_SYSTEM. `host` is copied. */
int net_dial_open(struct net_loop *loop, const char *host, uint16_t port, uint64_t connect_us,
                  uint64_t attempt_us, net_dial_done *done, void *context,
                  struct net_dial **ret_dial);
/* No `done` any more; memory is freed by the loop. NULL is fine. A lookup that is under way cannot
 * be stopped: the loop stays alive until the system's resolver gives it up. */
void net_dial_close(struct net_dial *dial);

#endif
