/*
 * loop.h: the program's event loop on one thread, its clock, its deadlines and its signals.
 *
 * Wraps a uv_loop_t that everything in common/net runs on. All functions belong to the thread that
 * runs the loop, except where a header says otherwise (mailbox.h is the only door for others).
 *
 * A program: net_loop_new, make its parts, net_loop_run (returns after net_loop_stop, or when
 * nothing is left to wait for), close its parts, net_loop_run again until they have closed,
 * net_loop_free.
 */
#ifndef COMMON_NET_LOOP_H
#define COMMON_NET_LOOP_H

#include "common/time_us.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct net_loop;

/* Also ignores SIGPIPE for the whole process: a write to a closed socket is an error, no signal.
 * ERROR_NO_MEMORY, ERROR_SYSTEM. */
int net_loop_new(struct net_loop **ret_loop);
/* All deadlines, mailboxes, streams, ... of the loop must have closed (asserted). NULL is fine. */
void net_loop_free(struct net_loop *loop);
/* Borrowed, for uv calls that this folder does not wrap. */
uv_loop_t *net_loop_uv(struct net_loop *loop);
/* Monotonic, in microseconds, read from the system now (not once a turn). */
uint64_t net_now_us(void);
/* Runs until net_loop_stop or until nothing is active. */
void net_loop_run(struct net_loop *loop);
/* Ends net_loop_run after the current turn. */
void net_loop_stop(struct net_loop *loop);
/* Bytes to read into; borrowed until the caller returns. What a stream gives to `read` stands in
 * them: not to be used inside that call. */
#define NET_LOOP_SCRATCH_BYTES 65536u
uint8_t *net_loop_scratch(struct net_loop *loop);

/*
 * A deadline: one moment at which a callback runs once. An engine owns one and sets it anew after
 * each step.
 */
struct net_deadline;
typedef void net_deadline_callback(void *context);

/* ERROR_NO_MEMORY. Not set yet. */
int net_deadline_open(struct net_loop *loop, net_deadline_callback *callback, void *context,
                      struct net_deadline **ret_deadline);
/* Replaces what was set. TIME_NEVER_US: the callback does not come. A moment that has passed:
 * it comes in the next turn. Never early, at most a millisecond late on an idle machine, never
 * from inside this call. */
void net_deadline_set(struct net_deadline *deadline, uint64_t moment_us);
/* No callback any more; memory is freed by the loop. NULL is fine. */
void net_deadline_close(struct net_deadline *deadline);

/*
 * Work at the end of the current turn, before the loop waits again. The caller owns the item
 * (zeroed before its first use), which runs once for each time that it was put in.
 */
struct net_deferred {
    struct net_deferred *next, *previous; /* NULL when it is not waiting */
    void (*callback)(void *context);
    void *context;
};
/* Nothing happens when it is waiting already. */
void net_loop_defer(struct net_loop *loop, struct net_deferred *item);
/* Nothing happens when it is not waiting. */
void net_loop_undefer(struct net_loop *loop, struct net_deferred *item);

/*
 * Signals: SIGINT and SIGTERM come as a callback on the loop's thread, as often as they come to the
 * process (a program stops on the first and exits on the second).
 */
typedef void net_signal_callback(void *context, int signal_number);
/* Once a loop (asserted). ERROR_SYSTEM. */
int net_loop_catch_signals(struct net_loop *loop, net_signal_callback *callback, void *context);
/* Back to what the process did before. Needed before the loop can run out; harmless otherwise. */
void net_loop_release_signals(struct net_loop *loop);

#endif
