/*
 * mailbox.c: a ring of messages under a mutex, and a uv_async that wakes the loop.
 *
 * Happy path: post copies under the mutex and wakes; the loop takes messages out one by one, with
 * the mutex held for the copy only. Failure modes: full and closed are told to the poster.
 */
#include "common/net/mailbox.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct net_mailbox {
    uv_async_t async;
    uv_mutex_t mutex;
    bool closed;        /* under the mutex */
    bool handle_closed; /* the loop is done with `async` */
    size_t message_bytes;
    size_t capacity;
    size_t first;   /* place of the oldest; under the mutex */
    size_t waiting; /* under the mutex */
    uint8_t *ring;
    uint8_t *taken; /* the message that the callback sees */
    net_mailbox_callback *callback;
    void *context;
};

static bool take(struct net_mailbox *mailbox)
{
    bool got = false;
    uv_mutex_lock(&mailbox->mutex);
    if (mailbox->waiting > 0 && !mailbox->closed) {
        memcpy(mailbox->taken, mailbox->ring + mailbox->first * mailbox->message_bytes,
               mailbox->message_bytes);
        mailbox->first = (mailbox->first + 1) % mailbox->capacity;
        mailbox->waiting--;
        got = true;
    }
    uv_mutex_unlock(&mailbox->mutex);
    return got;
}

/* At most one ring's worth a wake-up, so that fast posters do not hold the loop. */
void net_mailbox_drain(struct net_mailbox *mailbox)
{
    for (size_t i = 0; i < mailbox->capacity; i++) {
        if (!take(mailbox)) {
            return;
        }
        mailbox->callback(mailbox->context, mailbox->taken);
    }
    uv_mutex_lock(&mailbox->mutex);
    bool more = mailbox->waiting > 0 && !mailbox->closed;
    uv_mutex_unlock(&mailbox->mutex);
    if (more) {
        uv_async_send(&mailbox->async);
    }
}

static void on_wake(uv_async_t *async)
{
    net_mailbox_drain(async->data);
}

int net_mailbox_open(struct net_loop *loop, size_t message_bytes, size_t capacity,
                     net_mailbox_callback *callback, void *context,
                     struct net_mailbox **ret_mailbox)
{
    assert(message_bytes > 0 && capacity > 0);
    int error = ERROR_NO_MEMORY;
    struct net_mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (mailbox == NULL) {
        return ERROR_NO_MEMORY;
    }
    mailbox->message_bytes = message_bytes;
    mailbox->capacity = capacity;
    mailbox->callback = callback;
    mailbox->context = context;
    mailbox->ring = calloc(capacity, message_bytes);
    mailbox->taken = calloc(1, message_bytes);
    if (mailbox->ring == NULL || mailbox->taken == NULL) {
        goto err_after_mailbox;
    }
    error = ERROR_SYSTEM;
    if (uv_mutex_init(&mailbox->mutex) != 0) {
        goto err_after_mailbox;
    }
    if (uv_async_init(net_loop_uv(loop), &mailbox->async, on_wake) != 0) {
        goto err_after_mutex;
    }
    mailbox->async.data = mailbox;
    *ret_mailbox = mailbox;
    return 0;

err_after_mutex:
    uv_mutex_destroy(&mailbox->mutex);
err_after_mailbox:
    free(mailbox->ring);
    free(mailbox->taken);
    free(mailbox);
    return error;
}

int net_mailbox_post(struct net_mailbox *mailbox, const void *message)
{
    int error = 0;
    uv_mutex_lock(&mailbox->mutex);
    if (mailbox->closed) {
        error = ERROR_CLOSED;
    } else if (mailbox->waiting == mailbox->capacity) {
        error = ERROR_FULL;
    } else {
        size_t place = (mailbox->first + mailbox->waiting) % mailbox->capacity;
        memcpy(mailbox->ring + place * mailbox->message_bytes, message, mailbox->message_bytes);
        mailbox->waiting++;
        /* Under the mutex: close waits for it, so the handle is alive. */
        uv_async_send(&mailbox->async);
    }
    uv_mutex_unlock(&mailbox->mutex);
    return error;
}

static void on_async_closed(uv_handle_t *handle)
{
    struct net_mailbox *mailbox = handle->data;
    mailbox->handle_closed = true;
}

void net_mailbox_close(struct net_mailbox *mailbox)
{
    if (mailbox == NULL) {
        return;
    }
    uv_mutex_lock(&mailbox->mutex);
    bool was_closed = mailbox->closed;
    mailbox->closed = true;
    mailbox->waiting = 0;
    uv_mutex_unlock(&mailbox->mutex);
    if (!was_closed) {
        uv_close((uv_handle_t *)&mailbox->async, on_async_closed);
    }
}

void net_mailbox_free(struct net_mailbox *mailbox)
{
    if (mailbox == NULL) {
        return;
    }
    assert(mailbox->handle_closed);
    uv_mutex_destroy(&mailbox->mutex);
    free(mailbox->ring);
    free(mailbox->taken);
    free(mailbox);
}
