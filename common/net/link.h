/*
 * link.h: frames on a stream: type and length only; knows no message.
 *
 *     0        1                    4
 *     +--------+--------------------+----------------- - - -+
 *     | type   | length (u24, big-  | body: length bytes     |
 *     | u8     | endian)            | 0 to 65,536            |
 *     +--------+--------------------+----------------- - - -+
 *
 * How frames start: over TLS with ALPN refrain/1 at once. Otherwise the client sends
 *     GET /v1/link HTTP/1.1, Host, Connection: Upgrade, Upgrade: refrain/1
 * with its first frames right behind the empty line, without waiting; the server answers 101 and
 * frames. A client does all this by itself; a server gets its links from http_server.h.
 *
 * Happy path: net_link_connect (net_link_adopt) -> up -> frame, room, ... -> net_link_close ->
 * closed. Failure modes: exactly one `closed` with an error and words; as in stream.h no callback
 * comes from inside a call. What is sent before `up` leaves in the first flight.
 */
#ifndef COMMON_NET_LINK_H
#define COMMON_NET_LINK_H

#include "common/net/stream.h"

#define NET_LINK_HEADER_BYTES 4u
#define NET_LINK_BODY_BYTES_MAX 65536u
#define NET_LINK_PATH "/v1/link"
#define NET_LINK_UPGRADE "refrain/1"
/* The answer to an Upgrade: status line and headers. */
#define NET_LINK_ANSWER_BYTES_MAX 4096u

struct net_link;

/* `room` and `broken` may be NULL. */
struct net_link_handler {
    /* Frames can flow: key hash, protocol and address of the stream are known. With Upgrade it
     * comes when the connection stands; a refusal of the Upgrade comes as `closed`. */
    void (*up)(void *context);
    /* A whole frame; `body` is borrowed for the call. */
    void (*frame)(void *context, uint8_t type, const uint8_t *body, size_t body_bytes);
    /* The socket took bytes; `queued_bytes` are left. At most once a turn. */
    void (*room)(void *context, size_t queued_bytes);
    /* The last call; `text` (words for people) is borrowed for the call. Errors as in stream.h, and
     * ERROR_TOO_LARGE: a frame said to be longer than NET_LINK_BODY_BYTES_MAX;
     * ERROR_TRUNCATED: the other side ended inside a frame or inside the answer to the Upgrade;
     * ERROR_UNSUPPORTED: the other side refused the Upgrade; ERROR_MALFORMED: its answer is no
     * HTTP. */
    void (*closed)(void *context, int error, const char *text);
    /* No frame can be read any more (ERROR_TOO_LARGE); `closed` follows. Inside this call a BYE may
     * be sent, with net_link_finish behind it; else the link closes at once. */
    void (*broken)(void *context, int error);
};

/* `host`, `port`, `tls`, `limits` as in net_stream_connect. ERROR_NO_MEMORY, ERROR_MALFORMED,
 * ERROR_SYSTEM. */
int net_link_connect(struct net_loop *loop, const char *host, uint16_t port, struct net_tls *tls,
                     const struct net_stream_limits *limits, const struct net_link_handler *handler,
                     void *context, struct net_link **ret_link);
/* A server's link: takes over an open stream on which frames start with `bytes` (copied; read
 * already, may be 0). `up` and the first frames come in the next turn. ERROR_NO_MEMORY: the stream
 * is still the caller's. */
int net_link_adopt(struct net_stream *stream, const uint8_t *bytes, size_t count,
                   const struct net_link_handler *handler, void *context,
                   struct net_link **ret_link);

/* Sends one frame of body + payload (payload may be NULL, 0); both are copied. Body and payload
 * together at most NET_LINK_BODY_BYTES_MAX (asserted). ERROR_FULL: the queue's limit, nothing was
 * queued; ERROR_CLOSED; ERROR_NO_MEMORY. */
int net_link_send(struct net_link *link, uint8_t type, const void *body, size_t body_bytes,
                  const void *payload, size_t payload_bytes);
/* Of frames (and upgrade), not yet taken by the socket. */
size_t net_link_queued_bytes(const struct net_link *link);
/* After a BYE: sends what is queued, then closes with 0; no frames come any more. */
void net_link_finish(struct net_link *link);
/* Closes now. `closed` comes with 0 in a later turn. Twice is once. */
void net_link_close(struct net_link *link);
/* Borrowed, for what stream.h tells: is_tls, peer_key_hash, peer_address, resumed, bytes. */
struct net_stream *net_link_stream(const struct net_link *link);

/*
 * The frame reader, apart so that it can be tested and fuzzed on bytes alone.
 */
struct net_frame_reader {
    uint8_t *partial;        /* header and body of a frame that is not whole yet; owned */
    size_t partial_capacity; /* allocated */
    size_t partial_bytes;    /* so far */
    uint64_t bytes;          /* of whole frames, so far */
};
/* False stops the reader: the rest of the bytes is dropped. */
typedef bool net_frame_sink(void *context, uint8_t type, const uint8_t *body, size_t body_bytes);

void net_frame_reader_init(struct net_frame_reader *reader);
void net_frame_reader_deinit(struct net_frame_reader *reader);
/* Gives every frame that is whole to `sink`, in order. ERROR_TOO_LARGE, ERROR_NO_MEMORY: the link
 * is at its end. ERROR_CANCELLED: the sink stopped it. Not re-entrant. */
int net_frame_reader_push(struct net_frame_reader *reader, const uint8_t *bytes, size_t count,
                          net_frame_sink *sink, void *context);
/* Bytes of a frame that is not whole; 0 = between frames. */
size_t net_frame_reader_partial_bytes(const struct net_frame_reader *reader);

#endif
