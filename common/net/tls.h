/*
 * tls.h: TLS 1.3 directly on a socket; the only file besides crypto.h that knows OpenSSL.
 *
 * A context is made when the first connection needs it, never at program start, and loads neither
 * the system's certificates nor OpenSSL's configuration file. A server's certificate is
 * self-signed, Ed25519, and made in memory. A client accepts ANY certificate: who the other side is
 * follows from the hash of its key (SubjectPublicKeyInfo), which the caller checks: for an origin
 * against the signature in its HELLO (identity.h), for a peer against its peer id. Without that
 * check a connection is private against listeners only, not against impostors.
 *
 * Between peers both sides show a certificate, of the Ed25519 key that names them. A peer's server
 * asks for one, takes any, and refuses a client without; no other kind of key is looked at.
 *
 * A client keeps one resumption ticket for each host and port in memory (newest wins, used once, at
 * most NET_TLS_TICKETS_MAX); a resumed connection tells the key hash of the original handshake, to
 * both sides: a peer's ticket holds the certificate that its client showed. A server's tickets are
 * good as long as its context lives, a week at most. A peer's client keeps its tickets by the key hash
 * that it expects, wherever that is.
 * A client's context belongs to one thread; a server's may be used by several at once (workers share
 * one, so that they show one key).
 */
#ifndef COMMON_NET_TLS_H
#define COMMON_NET_TLS_H

#include "common/limits.h"
#include "common/net/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_TLS_TICKETS_MAX 64u

/* What ALPN (RFC 7301) has agreed on. */
enum net_protocol {
    NET_PROTOCOL_NONE = 0, /* plain, or the other side knows no ALPN: HTTP */
    NET_PROTOCOL_HTTP = 1, /* "http/1.1" */
    NET_PROTOCOL_LINK = 2, /* "refrain/1": frames at once */
};

/* What a client offers. */
enum net_offer {
    NET_OFFER_LINK = 1, /* refrain/1, else http/1.1 (then a link goes on with Upgrade) */
    NET_OFFER_HTTP = 2, /* http/1.1 only */
};

struct net_tls;

/* A server's context. `key`: the TLS key (not the origin's identity), used during this call only;
 * NULL = a fresh one. Chooses refrain/1 when offered, else http/1.1; a client that offers only others is refused.
 * ERROR_NO_MEMORY, ERROR_CRYPTO. */
int net_tls_new_server(const struct crypto_key *key, struct net_tls **ret_tls);
/* A client's context. ERROR_NO_MEMORY, ERROR_CRYPTO. */
int net_tls_new_client(struct net_tls **ret_tls);
/* Contexts for links between peers: each side shows `key` (used during this call only). A server
 * knows refrain/1 alone. ERROR_NO_MEMORY, ERROR_CRYPTO. */
int net_tls_new_peer_server(const struct crypto_key *key, struct net_tls **ret_tls);
int net_tls_new_peer_client(const struct crypto_key *key, struct net_tls **ret_tls);
/* After all connections that use it have closed. NULL is fine. */
void net_tls_free(struct net_tls *tls);
/* SHA-256 of the own key's SubjectPublicKeyInfo; of a context with a key only (asserted). */
void net_tls_get_key_hash(const struct net_tls *tls, uint8_t ret_hash[HASH_BYTES]);

/*
 * One TLS connection on a connected, non-blocking socket; used by stream.c only. The socket stays
 * the caller's.
 */
struct net_tls_channel;

enum net_tls_wait {
    NET_TLS_DONE = 0,
    NET_TLS_WAIT_READ = 1,  /* call again when the socket is readable */
    NET_TLS_WAIT_WRITE = 2, /* call again when the socket is writable */
    NET_TLS_ENDED = 3,      /* the other side sends no more */
    NET_TLS_FAILED = 4,     /* net_tls_channel_error and _text say why */
};

/* `host`, `port`, `offer` are a client's (name for SNI when it is no numeric address; key of the
 * ticket); a server passes NULL, 0, 0. `host` is copied. ERROR_NO_MEMORY, ERROR_CRYPTO. */
int net_tls_channel_new(struct net_tls *tls, int fd, const char *host, uint16_t port,
                        enum net_offer offer, struct net_tls_channel **ret_channel);
/* Likewise of a peer's context. `expected`: a client's, HASH_BYTES, the hash of the key that must be
 * there, or NET_TLS_FAILED with ERROR_MISMATCH, before our own certificate is shown. A server passes
 * NULL. */
int net_tls_channel_new_peer(struct net_tls *tls, int fd, const uint8_t *expected,
                             struct net_tls_channel **ret_channel);
void net_tls_channel_free(struct net_tls_channel *channel);
enum net_tls_wait net_tls_channel_handshake(struct net_tls_channel *channel);
enum net_tls_wait net_tls_channel_read(struct net_tls_channel *channel, uint8_t *buffer,
                                       size_t capacity, size_t *ret_bytes);
/* After a WAIT the call must be repeated with the same bytes, or with more behind them. */
enum net_tls_wait net_tls_channel_write(struct net_tls_channel *channel, const uint8_t *bytes,
                                        size_t count, size_t *ret_bytes);
/* Says that we send no more (close_notify). */
enum net_tls_wait net_tls_channel_shutdown(struct net_tls_channel *channel);
/* After the handshake: */
enum net_protocol net_tls_channel_protocol(const struct net_tls_channel *channel);
bool net_tls_channel_resumed(const struct net_tls_channel *channel);
/* Of the other side's key, also when the connection was resumed. False: it showed no certificate. */
bool net_tls_channel_peer_key_hash(const struct net_tls_channel *channel,
                                   uint8_t ret_hash[HASH_BYTES]);
/* After FAILED: ERROR_UNREACHABLE (the connection broke), ERROR_CRYPTO (TLS itself), ERROR_MISMATCH. */
int net_tls_channel_error(const struct net_tls_channel *channel);
/* After FAILED: words for people; valid until the next call. */
const char *net_tls_channel_text(const struct net_tls_channel *channel);

#endif
