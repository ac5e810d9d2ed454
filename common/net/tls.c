/*
 * tls.c: contexts, tickets and channels over OpenSSL.
 *
 * Happy path: context -> channel on a socket -> handshake until DONE -> read and write -> shutdown.
 * Failure modes: every call says WAIT, ENDED or FAILED; OpenSSL's error queue is emptied by each.
 */
#include "common/net/tls.h"

#include "common/error.h"
#include "common/net/address.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* AES-128-GCM first: the cheapest with the instructions that all our machines have. */
#define CIPHERS "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
#define READ_BUFFER_BYTES 65536
#define TICKET_NAME_BYTES 272 /* a DNS name, ':' and a port */
#define TEXT_BYTES 160

/* Between peers: what a certificate may be, and how many bytes of them are read. */
#define PEER_SIGNATURES "ed25519"
#define PEER_CERTIFICATE_BYTES_MAX 8192
#define PEER_TICKET_S (7L * 24 * 3600) /* RFC 8446, 4.6.1: the most that is allowed */

static const unsigned char alpn_link[] = "\x09refrain/1";
static const unsigned char alpn_http[] = "\x08http/1.1";
static const unsigned char alpn_both[] = "\x09refrain/1\x08http/1.1";

struct ticket {
    char name[TICKET_NAME_BYTES]; /* "" = free */
    SSL_SESSION *session;
};

struct net_tls {
    SSL_CTX *context;
    bool is_server;
    bool is_peer;                 /* shows a certificate and wants one */
    uint8_t key_hash[HASH_BYTES]; /* of the own key: a server's, a peer's */
    struct ticket *tickets;       /* a client's, NET_TLS_TICKETS_MAX of them */
    size_t ticket_next;           /* the one to be replaced when all are taken */
};

struct net_tls_channel {
    struct net_tls *tls;
    SSL *ssl;
    int error;
    const uint8_t *expected; /* a peer's client: points to `expected_hash`; else NULL */
    uint8_t expected_hash[HASH_BYTES];
    bool is_another;              /* somebody else was there */
    char name[TICKET_NAME_BYTES]; /* under which a client's ticket is kept */
    char text[TEXT_BYTES];
};

/* ---- tickets ---- */

static struct ticket *find_ticket(struct net_tls *tls, const char *name)
{
    for (size_t i = 0; i < NET_TLS_TICKETS_MAX; i++) {
        if (strcmp(tls->tickets[i].name, name) == 0) {
            return &tls->tickets[i];
        }
    }
    return NULL;
}

static void drop_ticket(struct ticket *ticket)
{
    SSL_SESSION_free(ticket->session);
    ticket->session = NULL;
    ticket->name[0] = '\0';
}

static struct ticket *place_for_ticket(struct net_tls *tls, const char *name)
{
    struct ticket *ticket = find_ticket(tls, name);
    if (ticket == NULL) {
        ticket = find_ticket(tls, "");
    }
    if (ticket == NULL) {
        ticket = &tls->tickets[tls->ticket_next];
        tls->ticket_next = (tls->ticket_next + 1) % NET_TLS_TICKETS_MAX;
    }
    drop_ticket(ticket);
    return ticket;
}

/* OpenSSL hands over its reference when this returns 1. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct net_tls_channel *channel = SSL_get_app_data(ssl);
    struct ticket *ticket = place_for_ticket(channel->tls, channel->name);
    memcpy(ticket->name, channel->name, sizeof ticket->name);
    ticket->session = session;
    return 1;
}

/* A ticket is used once: it would tell a listener that two connections are the same client's. */
static void use_ticket(struct net_tls_channel *channel)
{
    struct ticket *ticket = find_ticket(channel->tls, channel->name);
    if (ticket != NULL) {
        SSL_set_session(channel->ssl, ticket->session);
        drop_ticket(ticket);
    }
}

/* ---- contexts ---- */

static int hash_key(X509 *certificate, uint8_t ret_hash[HASH_BYTES])
{
    unsigned char *encoded = NULL;
    int bytes = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
    if (bytes <= 0) {
        return ERROR_CRYPTO;
    }
    crypto_sha256(encoded, (size_t)bytes, ret_hash);
    OPENSSL_free(encoded);
    return 0;
}

/* The dates say nothing (RFC 5280, 4.1.2.5: 99991231235959Z is "no expiration"): a certificate
 * lives as long as the program, and clocks may be wrong. */
static int fill_certificate(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    bool ok = X509_set_version(certificate, X509_VERSION_3) == 1 &&
              ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
              ASN1_TIME_set_string(X509_getm_notBefore(certificate), "20000101000000Z") == 1 &&
              ASN1_TIME_set_string(X509_getm_notAfter(certificate), "99991231235959Z") == 1 &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"refrain",
                                         -1, -1, 0) == 1 &&
              X509_set_issuer_name(certificate, name) == 1 &&
              X509_set_pubkey(certificate, key) == 1 && X509_sign(certificate, key, NULL) > 0;
    return ok ? 0 : ERROR_CRYPTO;
}

static int use_certificate(struct net_tls *tls, EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    if (certificate == NULL) {
        return ERROR_NO_MEMORY;
    }
    int error = fill_certificate(certificate, key);
    if (error == 0) {
        error = hash_key(certificate, tls->key_hash);
    }
    if (error == 0 && (SSL_CTX_use_certificate(tls->context, certificate) != 1 ||
                       SSL_CTX_use_PrivateKey(tls->context, key) != 1)) {
        error = ERROR_CRYPTO;
    }
    X509_free(certificate);
    return error;
}

static bool offers(const unsigned char *list, unsigned list_bytes, const unsigned char *wanted)
{
    unsigned wanted_bytes = wanted[0] + 1u;
    for (unsigned at = 0; at < list_bytes; at += list[at] + 1u) {
        if (wanted_bytes <= list_bytes - at && memcmp(list + at, wanted, wanted_bytes) == 0) {
            return true;
        }
    }
    return false;
}

static int on_alpn(SSL *ssl, const unsigned char **ret_chosen, unsigned char *ret_bytes,
                   const unsigned char *list, unsigned list_bytes, void *context)
{
    (void)ssl;
    const struct net_tls *tls = context;
    const unsigned char *chosen = NULL;
    if (offers(list, list_bytes, alpn_link)) {
        chosen = alpn_link;
    } else if (!tls->is_peer && offers(list, list_bytes, alpn_http)) {
        chosen = alpn_http;
    } else {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *ret_chosen = chosen + 1;
    *ret_bytes = chosen[0];
    return SSL_TLSEXT_ERR_OK;
}

static int new_context(bool is_server, struct net_tls **ret_tls)
{
    int error = ERROR_CRYPTO;
    struct net_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return ERROR_NO_MEMORY;
    }
    tls->is_server = is_server;
    /* Reading openssl.cnf would cost time and let a machine's file change our protocol. */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    tls->context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (tls->context == NULL) {
        goto err_after_tls;
    }
    if (SSL_CTX_set_min_proto_version(tls->context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(tls->context, CIPHERS) != 1) {
        goto err_after_context;
    }
    SSL_CTX_set_options(tls->context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                       SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(tls->context, 1);
    SSL_CTX_set_default_read_buffer_len(tls->context, READ_BUFFER_BYTES);
    *ret_tls = tls;
    return 0;

err_after_context:
    SSL_CTX_free(tls->context);
err_after_tls:
    ERR_clear_error();
    free(tls);
    return error;
}

int net_tls_new_server(const struct crypto_key *key, struct net_tls **ret_tls)
{
    struct net_tls *tls = NULL;
    struct crypto_key *fresh = NULL;
    int error = new_context(true, &tls);
    if (error != 0) {
        return error;
    }
    if (key == NULL) {
        error = crypto_key_generate(&fresh);
        key = fresh;
    }
    if (error == 0) {
        error = use_certificate(tls, crypto_key_evp(key));
    }
    crypto_key_free(fresh);
    if (error != 0) {
        ERR_clear_error();
        net_tls_free(tls);
        return error;
    }
    SSL_CTX_set_alpn_select_cb(tls->context, on_alpn, tls);
    SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(tls->context, 1);
    *ret_tls = tls;
    return 0;
}

/* Any certificate will do, its key is the name; a client knows which it expects. That the other side
 * holds the key, TLS itself shows. */
static int check_certificate(X509_STORE_CTX *store, void *context)
{
    (void)context;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct net_tls_channel *channel = SSL_get_app_data(ssl);
    uint8_t hash[HASH_BYTES];
    if (channel->expected != NULL && (hash_key(X509_STORE_CTX_get0_cert(store), hash) != 0 ||
                                      memcmp(hash, channel->expected, HASH_BYTES) != 0)) {
        channel->is_another = true;
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

/* What both of a peer's contexts have in common. */
static int make_peer(struct net_tls *tls)
{
    tls->is_peer = true;
    SSL_CTX_set_cert_verify_callback(tls->context, check_certificate, NULL);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_max_cert_list(tls->context, PEER_CERTIFICATE_BYTES_MAX);
    SSL_CTX_set_timeout(tls->context, PEER_TICKET_S);
    bool ok = SSL_CTX_set1_sigalgs_list(tls->context, PEER_SIGNATURES) == 1 &&
              SSL_CTX_set_session_id_context(tls->context, alpn_link, sizeof alpn_link - 1) == 1;
    ERR_clear_error();
    return ok ? 0 : ERROR_CRYPTO;
}

int net_tls_new_peer_server(const struct crypto_key *key, struct net_tls **ret_tls)
{
    struct net_tls *tls = NULL;
    int error = net_tls_new_server(key, &tls);
    if (error == 0) {
        error = make_peer(tls);
    }
    if (error != 0) {
        net_tls_free(tls);
        return error;
    }
    *ret_tls = tls;
    return 0;
}

int net_tls_new_peer_client(const struct crypto_key *key, struct net_tls **ret_tls)
{
    struct net_tls *tls = NULL;
    int error = net_tls_new_client(&tls);
    if (error == 0) {
        error = make_peer(tls);
    }
    if (error == 0) {
        error = use_certificate(tls, crypto_key_evp(key));
    }
    if (error != 0) {
        ERR_clear_error();
        net_tls_free(tls);
        return error;
    }
    *ret_tls = tls;
    return 0;
}

int net_tls_new_client(struct net_tls **ret_tls)
{
    struct net_tls *tls = NULL;
    int error = new_context(false, &tls);
    if (error != 0) {
        return error;
    }
    tls->tickets = calloc(NET_TLS_TICKETS_MAX, sizeof *tls->tickets);
    if (tls->tickets == NULL) {
        net_tls_free(tls);
        return ERROR_NO_MEMORY;
    }
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(tls->context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(tls->context, on_new_session);
    *ret_tls = tls;
    return 0;
}

void net_tls_free(struct net_tls *tls)
{
    if (tls == NULL) {
        return;
    }
    for (size_t i = 0; tls->tickets != NULL && i < NET_TLS_TICKETS_MAX; i++) {
        drop_ticket(&tls->tickets[i]);
    }
    free(tls->tickets);
    SSL_CTX_free(tls->context);
    free(tls);
}

void net_tls_get_key_hash(const struct net_tls *tls, uint8_t ret_hash[HASH_BYTES])
{
    assert(tls->is_server || tls->is_peer);
    memcpy(ret_hash, tls->key_hash, HASH_BYTES);
}

/* ---- channels ---- */

/* OpenSSL's call is 0 on success. */
static bool set_offer(SSL *ssl, const unsigned char *list)
{
    return SSL_set_alpn_protos(ssl, list, (unsigned)strlen((const char *)list)) == 0;
}

static int prepare_client(struct net_tls_channel *channel, const char *host, uint16_t port,
                          enum net_offer offer)
{
    struct net_address address;
    if (!set_offer(channel->ssl, offer == NET_OFFER_LINK ? alpn_both : alpn_http)) {
        return ERROR_CRYPTO;
    }
    if (net_address_parse(host, port, &address) != 0 &&
        SSL_set_tlsext_host_name(channel->ssl, host) != 1) {
        return ERROR_CRYPTO;
    }
    snprintf(channel->name, sizeof channel->name, "%s:%u", host, port);
    use_ticket(channel);
    SSL_set_connect_state(channel->ssl);
    return 0;
}

static int prepare_peer(struct net_tls_channel *channel, const uint8_t expected[HASH_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    if (!set_offer(channel->ssl, alpn_link)) {
        return ERROR_CRYPTO;
    }
    memcpy(channel->expected_hash, expected, HASH_BYTES);
    channel->expected = channel->expected_hash;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        channel->name[2 * i] = digits[expected[i] >> 4];
        channel->name[2 * i + 1] = digits[expected[i] & 15];
    }
    use_ticket(channel);
    SSL_set_connect_state(channel->ssl);
    return 0;
}

/* Either side, before what a client adds. */
static int new_channel(struct net_tls *tls, int fd, struct net_tls_channel **ret_channel)
{
    struct net_tls_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        return ERROR_NO_MEMORY;
    }
    channel->tls = tls;
    channel->ssl = SSL_new(tls->context);
    if (channel->ssl == NULL) {
        goto err_after_channel;
    }
    SSL_set_app_data(channel->ssl, channel);
    if (SSL_set_fd(channel->ssl, fd) != 1) {
        goto err_after_ssl;
    }
    if (tls->is_server) {
        SSL_set_accept_state(channel->ssl);
    }
    *ret_channel = channel;
    return 0;

err_after_ssl:
    SSL_free(channel->ssl);
err_after_channel:
    ERR_clear_error();
    free(channel);
    return ERROR_CRYPTO;
}

void net_tls_channel_free(struct net_tls_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    /* OpenSSL spoils the ticket of a connection that ends without this. */
    SSL_set_shutdown(channel->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(channel->ssl);
    free(channel);
}

static int finish_channel(struct net_tls_channel *channel, int error,
                          struct net_tls_channel **ret_channel)
{
    if (error != 0) {
        ERR_clear_error();
        net_tls_channel_free(channel);
        return error;
    }
    *ret_channel = channel;
    return 0;
}

int net_tls_channel_new(struct net_tls *tls, int fd, const char *host, uint16_t port,
                        enum net_offer offer, struct net_tls_channel **ret_channel)
{
    struct net_tls_channel *channel = NULL;
    int error = new_channel(tls, fd, &channel);
    if (error != 0) {
        return error;
    }
    error = tls->is_server ? 0 : prepare_client(channel, host, port, offer);
    return finish_channel(channel, error, ret_channel);
}

int net_tls_channel_new_peer(struct net_tls *tls, int fd, const uint8_t *expected,
                             struct net_tls_channel **ret_channel)
{
    struct net_tls_channel *channel = NULL;
    assert(tls->is_peer && tls->is_server == (expected == NULL));
    int error = new_channel(tls, fd, &channel);
    if (error != 0) {
        return error;
    }
    error = tls->is_server ? 0 : prepare_peer(channel, expected);
    return finish_channel(channel, error, ret_channel);
}

static enum net_tls_wait fail(struct net_tls_channel *channel, int error, const char *text)
{
    channel->error = error;
    snprintf(channel->text, sizeof channel->text, "%s", text);
    return NET_TLS_FAILED;
}

/* What the result of the last call means. */
static enum net_tls_wait classify(struct net_tls_channel *channel, int result)
{
    int system_error = errno;
    int kind = SSL_get_error(channel->ssl, result);
    unsigned long code = ERR_peek_error();
    const char *reason = NULL;
    ERR_clear_error();
    switch (kind) {
    case SSL_ERROR_WANT_READ:
        return NET_TLS_WAIT_READ;
    case SSL_ERROR_WANT_WRITE:
        return NET_TLS_WAIT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return NET_TLS_ENDED;
    case SSL_ERROR_SYSCALL:
        return fail(channel, ERROR_UNREACHABLE,
                    system_error == 0 ? "connection ended" : strerror(system_error));
    default:
        if (channel->is_another) {
            return fail(channel, ERROR_MISMATCH, "somebody else is there");
        }
        if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) {
            return fail(channel, ERROR_CRYPTO, "the other side does not speak TLS 1.3");
        }
        reason = ERR_reason_error_string(code);
        return fail(channel, ERROR_CRYPTO, reason == NULL ? "TLS failed" : reason);
    }
}

enum net_tls_wait net_tls_channel_handshake(struct net_tls_channel *channel)
{
    errno = 0;
    int result = SSL_do_handshake(channel->ssl);
    if (result == 1) {
        return NET_TLS_DONE;
    }
    enum net_tls_wait wait = classify(channel, result);
    if (wait == NET_TLS_ENDED) {
        return fail(channel, ERROR_CRYPTO, "the other side ended in the TLS handshake");
    }
    return wait;
}

enum net_tls_wait net_tls_channel_read(struct net_tls_channel *channel, uint8_t *buffer,
                                       size_t capacity, size_t *ret_bytes)
{
    errno = 0;
    int result = SSL_read_ex(channel->ssl, buffer, capacity, ret_bytes);
    return result == 1 ? NET_TLS_DONE : classify(channel, result);
}

enum net_tls_wait net_tls_channel_write(struct net_tls_channel *channel, const uint8_t *bytes,
                                        size_t count, size_t *ret_bytes)
{
    errno = 0;
    int result = SSL_write_ex(channel->ssl, bytes, count, ret_bytes);
    return result == 1 ? NET_TLS_DONE : classify(channel, result);
}

enum net_tls_wait net_tls_channel_shutdown(struct net_tls_channel *channel)
{
    errno = 0;
    int result = SSL_shutdown(channel->ssl);
    return result >= 0 ? NET_TLS_DONE : classify(channel, result);
}

enum net_protocol net_tls_channel_protocol(const struct net_tls_channel *channel)
{
    const unsigned char *chosen = NULL;
    unsigned bytes = 0;
    SSL_get0_alpn_selected(channel->ssl, &chosen, &bytes);
    if (bytes == alpn_link[0] && memcmp(chosen, alpn_link + 1, bytes) == 0) {
        return NET_PROTOCOL_LINK;
    }
    return bytes == 0 ? NET_PROTOCOL_NONE : NET_PROTOCOL_HTTP;
}

bool net_tls_channel_resumed(const struct net_tls_channel *channel)
{
    return SSL_session_reused(channel->ssl) == 1;
}

bool net_tls_channel_peer_key_hash(const struct net_tls_channel *channel,
                                   uint8_t ret_hash[HASH_BYTES])
{
    X509 *certificate = SSL_get0_peer_certificate(channel->ssl);
    return certificate != NULL && hash_key(certificate, ret_hash) == 0;
}

int net_tls_channel_error(const struct net_tls_channel *channel)
{
    return channel->error;
}

const char *net_tls_channel_text(const struct net_tls_channel *channel)
{
    return channel->text;
}
