/*
 * gateway_internal.h: what gateway.c (requests and loans) and gateway_stream.c (bytes) share.
 */
#ifndef PLAYER_GATEWAY_GATEWAY_INTERNAL_H
#define PLAYER_GATEWAY_GATEWAY_INTERNAL_H

#include "common/net/http_server.h"
#include "common/net/listener.h"
#include "common/net/mailbox.h"
#include "player/gateway/gateway.h"
#include "player/uv/reader.h"

#include <pthread.h>

/* A track that is on loan, or about to be. `loan` NULL: a free place. */
struct gateway_track {
    struct gateway *gateway;
    uint8_t id[TRACK_ID_BYTES];
    struct engine_loan *loan;
    bool is_ready; /* `file` is known */
    struct media_file file;
    uint32_t stream_count, waiting_count;
    uint64_t idle_us; /* since when nobody reads it */
};

struct gateway_waiting {
    struct net_http_exchange *exchange;
    struct gateway_track *track;
};

/* One answer on its way. */
struct gateway_stream {
    struct gateway *gateway;
    struct gateway_stream *next;
    struct gateway_track *track;
    struct reader_file *file; /* NULL: not begun */
    pthread_t thread;
    bool has_thread;
    bool is_done;                  /* nobody wants more of it */
    struct net_http_body *wanting; /* what is being read is for this; NULL = nothing is */

    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    bool is_asked, is_ending;
    uint64_t offset;
    uint8_t *buffer;
    size_t bytes;
};

/* From a stream's thread. */
struct gateway_mail {
    struct gateway_stream *stream;
    bool has_ended; /* the thread; else: */
    ssize_t got;
};

struct gateway {
    struct net_loop *loop;
    struct engine *engine;
    struct net_listener *listener;
    struct net_http_server *server;
    struct net_mailbox *mailbox;
    struct net_deadline *linger;
    struct gateway_stream *streams;
    uint32_t stream_count;
    struct gateway_track tracks[ENGINE_LOANS_MAX];
    struct gateway_waiting waiting[GATEWAY_WAITING_MAX];
    uint32_t waiting_count;
    bool is_closing, has_closed;
    char url[64];
    char token[GATEWAY_TOKEN_DIGITS + 1];
};

/* The track's answer, bit by bit. ERROR_NO_MEMORY. The feed's `done` ends the stream. */
int gateway_stream_new(struct gateway *gateway, struct gateway_track *track,
                       struct net_http_feed *ret_feed);
/* A net_mailbox_callback of the gateway's. */
void gateway_stream_mail(void *context, const void *message);
/* All threads end, all readers are closed; streams stay for their `done`. */
void gateway_stream_stop_all(struct gateway *gateway);
/* Frees what is left. */
void gateway_stream_free_all(struct gateway *gateway);
/* A stream of this track has gone. */
void gateway_track_left(struct gateway_track *track);

#endif
