/*
 * http_body.c: bytes of answers.
 *
 * A body that is freed while a thread or a feed reads for it lives until that is done: its piece is
 * being written into.
 */
#include "common/net/http_body.h"

#include "common/error.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct net_http_body {
    struct net_loop *loop;
    uint8_t *memory; /* owned; NULL for a file */
    int fd;          /* owned; -1 for memory */
    uint64_t offset; /* of the next byte, in memory or file */
    uint64_t left;
    uint8_t *piece;            /* that a thread has read; owned; NULL until the first time */
    uv_fs_t request;           /* of that thread */
    struct net_http_feed feed; /* want == NULL: none */
    bool is_asking;            /* inside the feed's `want` */
    bool is_reading;           /* libuv holds `request` and `piece`; or the feed holds `piece` */
    bool is_freed;             /* by its owner */
    ssize_t piece_got; /* what the thread came to; bytes, or libuv's error; 0 = nothing yet */
    bool has_piece;
    net_http_body_ready *ready;
    void *context;
};

int net_http_body_new_memory(const void *bytes, size_t count, struct net_http_body **ret_body)
{
    struct net_http_body *body = calloc(1, sizeof *body);
    if (body == NULL) {
        return ERROR_NO_MEMORY;
    }
    body->fd = -1;
    body->left = count;
    body->memory = malloc(count > 0 ? count : 1);
    if (body->memory == NULL) {
        free(body);
        return ERROR_NO_MEMORY;
    }
    if (count > 0) {
        memcpy(body->memory, bytes, count);
    }
    *ret_body = body;
    return 0;
}

int net_http_body_new_file(struct net_loop *loop, int fd, uint64_t offset, uint64_t count,
                           net_http_body_ready *ready, void *context,
                           struct net_http_body **ret_body)
{
    struct net_http_body *body = calloc(1, sizeof *body);
    if (body == NULL) {
        close(fd);
        return ERROR_NO_MEMORY;
    }
    body->loop = loop;
    body->fd = fd;
    body->offset = offset;
    body->left = count;
    body->ready = ready;
    body->context = context;
    *ret_body = body;
    return 0;
}

int net_http_body_new_feed(const struct net_http_feed *feed, uint64_t offset, uint64_t count,
                           net_http_body_ready *ready, void *context,
                           struct net_http_body **ret_body)
{
    struct net_http_body *body = calloc(1, sizeof *body);
    if (body != NULL) {
        body->piece = malloc(NET_HTTP_PIECE_BYTES);
    }
    if (body == NULL || body->piece == NULL) {
        free(body);
        feed->done(feed->context);
        return ERROR_NO_MEMORY;
    }
    body->feed = *feed;
    body->fd = -1;
    body->offset = offset;
    body->left = count;
    body->ready = ready;
    body->context = context;
    *ret_body = body;
    return 0;
}

uint64_t net_http_body_left(const struct net_http_body *body)
{
    return body->left;
}

static void release(struct net_http_body *body)
{
    if (body->fd >= 0) {
        close(body->fd);
    }
    free(body->memory);
    free(body->piece);
    free(body);
}

static void on_read(uv_fs_t *request)
{
    struct net_http_body *body = request->data;
    body->is_reading = false;
    body->has_piece = true;
    body->piece_got = request->result;
    uv_fs_req_cleanup(request);
    if (body->is_freed) {
        release(body);
        return;
    }
    body->ready(body->context);
}

void net_http_fed(struct net_http_body *body, ssize_t bytes)
{
    assert(body->is_reading && bytes <= (ssize_t)NET_HTTP_PIECE_BYTES);
    body->is_reading = false;
    body->has_piece = true;
    body->piece_got = bytes;
    if (body->is_freed) {
        release(body);
    } else if (!body->is_asking) {
        body->ready(body->context);
    }
}

/* ERROR_BUSY when it was not answered at once. */
static int ask_feed(struct net_http_body *body, size_t count)
{
    body->is_reading = true;
    body->is_asking = true;
    body->feed.want(body->feed.context, body, body->offset, body->piece, count);
    body->is_asking = false;
    return body->has_piece ? 0 : ERROR_BUSY;
}

static int start_thread(struct net_http_body *body, size_t count)
{
    if (body->piece == NULL) {
        body->piece = malloc(NET_HTTP_PIECE_BYTES);
    }
    if (body->piece == NULL) {
        return ERROR_NO_MEMORY;
    }
    uv_buf_t buffer = uv_buf_init((char *)body->piece, (unsigned)count);
    body->request.data = body;
    if (uv_fs_read(net_loop_uv(body->loop), &body->request, body->fd, &buffer, 1,
                   (int64_t)body->offset, on_read) != 0) {
        return ERROR_IO;
    }
    body->is_reading = true;
    return ERROR_BUSY;
}

static int take(struct net_http_body *body, const uint8_t *bytes, ssize_t got,
                const uint8_t **ret_bytes, size_t *ret_count)
{
    if (got < 0) {
        return ERROR_IO;
    }
    if (got == 0) {
        return ERROR_TRUNCATED;
    }
    body->offset += (uint64_t)got;
    body->left -= (uint64_t)got;
    *ret_bytes = bytes;
    *ret_count = (size_t)got;
    return 0;
}

int net_http_body_next(struct net_http_body *body, const uint8_t **ret_bytes, size_t *ret_count)
{
    assert(body->left > 0);
    size_t count = body->left < NET_HTTP_PIECE_BYTES ? (size_t)body->left : NET_HTTP_PIECE_BYTES;
    if (body->memory != NULL) {
        return take(body, body->memory + body->offset, (ssize_t)count, ret_bytes, ret_count);
    }
    if (body->is_reading) {
        return ERROR_BUSY;
    }
    if (body->feed.want != NULL && !body->has_piece && ask_feed(body, count) != 0) {
        return ERROR_BUSY;
    }
    if (body->has_piece) {
        body->has_piece = false;
        return take(body, body->piece, body->piece_got, ret_bytes, ret_count);
    }
    _Static_assert(NET_HTTP_PIECE_BYTES <= NET_LOOP_SCRATCH_BYTES, "a piece fits the scratch");
    uint8_t *scratch = net_loop_scratch(body->loop);
    struct iovec part = {.iov_base = scratch, .iov_len = count};
    ssize_t got = preadv2(body->fd, &part, 1, (off_t)body->offset, RWF_NOWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR)) {
        return start_thread(body, count);
    }
    return take(body, scratch, got, ret_bytes, ret_count);
}

void net_http_body_free(struct net_http_body *body)
{
    if (body == NULL) {
        return;
    }
    if (body->feed.done != NULL) {
        body->feed.done(body->feed.context);
    }
    if (body->is_reading) {
        body->is_freed = true;
        if (body->feed.want != NULL) {
            return;
        }
        uv_cancel((uv_req_t *)&body->request); /* when it cannot be, its end releases the body */
        return;
    }
    release(body);
}
