/*
 * origin_worker.h: one worker of an origin: a loop's share of its connections.
 *
 * A worker has an engine (streamserver/core/origin.h), an HTTP server, a table of ids and open media
 * files of its own, and borrows what all share and nobody changes: the folder (its catalogue may be
 * read from every thread), the identity's key, the TLS context. One loop, one thread.
 *
 * The seam for several workers: each runs its loop on its own thread; whoever accepts hands
 * descriptors to them (origin_worker_take on the worker's thread, through a mailbox from another).
 * Links do not wander between workers. `serve` runs one worker on the main thread.
 */
#ifndef STREAMSERVER_UV_ORIGIN_WORKER_H
#define STREAMSERVER_UV_ORIGIN_WORKER_H

#include "common/net/loop.h"
#include "common/net/tls.h"
#include "streamserver/core/origin.h"
#include "streamserver/folder.h"

struct origin_worker;
typedef void origin_worker_stopped(void *context);

struct origin_worker_config {
    const struct folder *folder; /* open for reading; borrowed */
    struct net_tls *tls;         /* borrowed; NULL = plain HTTP, where the identity signs nonces */
    bool is_verbose;             /* a line on stderr for each link and request */
};

/* ERROR_NO_MEMORY, ERROR_SYSTEM, ERROR_CRYPTO. */
int origin_worker_new(struct net_loop *loop, const struct origin_worker_config *config,
                      struct origin_worker **ret_worker);
/* Takes an accepted socket. Fits net_listener_accepted; `worker` is a struct origin_worker. */
void origin_worker_take(void *worker, int fd);
/* Says BYE to all links and closes everything; `stopped` comes once, when all has gone (at most
 * NET_STREAM_LINGER_US_DEFAULT after, if others do not answer). Asserts that it is called once. */
void origin_worker_stop(struct origin_worker *worker, origin_worker_stopped *stopped,
                        void *context);
/* After `stopped`, outside of it; or when it has never taken a socket. NULL is fine. */
void origin_worker_free(struct origin_worker *worker);

#endif
