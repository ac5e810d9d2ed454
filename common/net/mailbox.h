/*
 * mailbox.h: messages from other threads into the loop; the only way in.
 *
 * Bounded: a queue of fixed-size messages that are copied. Any thread posts; the callback runs on
 * the loop's thread, once for each message, in the order of posting. One wake-up may bring many.
 *
 * Failure modes: full -> ERROR_FULL, nothing is queued, the poster decides. Closed -> ERROR_CLOSED.
 */
#ifndef COMMON_NET_MAILBOX_H
#define COMMON_NET_MAILBOX_H

#include "common/net/loop.h"

#include <stddef.h>

struct net_mailbox;
/* `message` is a copy that lives until the callback returns. */
typedef void net_mailbox_callback(void *context, const void *message);

/* Messages of `message_bytes` each (copied with memcpy), at most `capacity` waiting.
 * ERROR_NO_MEMORY, ERROR_SYSTEM. */
int net_mailbox_open(struct net_loop *loop, size_t message_bytes, size_t capacity,
                     net_mailbox_callback *callback, void *context,
                     struct net_mailbox **ret_mailbox);
/* From any thread, without waiting (a short mutex). ERROR_FULL, ERROR_CLOSED. */
int net_mailbox_post(struct net_mailbox *mailbox, const void *message);
/* On the loop's thread: delivers what waits now instead of with the next wake-up. */
void net_mailbox_drain(struct net_mailbox *mailbox);
/* On the loop's thread: posts fail with ERROR_CLOSED from now on, what waits is dropped, no
 * callback comes any more. The memory stays until net_mailbox_free, so that late posters are safe.
 * NULL is fine. */
void net_mailbox_close(struct net_mailbox *mailbox);
/* After close, after the loop has run once more, and when no thread can post any more. NULL is
 * fine. */
void net_mailbox_free(struct net_mailbox *mailbox);

#endif
