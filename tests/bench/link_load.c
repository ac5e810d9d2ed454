/*
 * link_load.c: asks one server for 16 KiB after 16 KiB over one connection, and counts.
 *
 *   link_load link|http HOST PORT plain|tls SECONDS DEPTH FILE BYTES
 *
 * `link` asks an origin by REQUESTs of one chunk each (FILE: root in hex), `http` any web server by
 * pipelined ranges (FILE: path). DEPTH requests are always outstanding. Blocking sockets, no library
 * of ours: the same client for both, so that what differs is the server. Prints requests a second.
 */
#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 16384u
#define BUFFER_BYTES (256u * 1024u)

struct wire {
    int fd;
    SSL *ssl; /* NULL = plain */
    bool is_link;
    uint8_t root[32];
    const char *path;
    uint64_t bytes; /* of the file */
    uint32_t request;
    uint8_t in[BUFFER_BYTES];
    size_t in_bytes;
    uint8_t out[BUFFER_BYTES];
    size_t out_bytes;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "link_load: %s\n", what);
    exit(1);
}

static void open_socket(struct wire *wire, const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int one = 1;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        fail("no such host");
    }
    wire->fd = socket(found->ai_family, found->ai_socktype, 0);
    if (wire->fd < 0 || connect(wire->fd, found->ai_addr, found->ai_addrlen) != 0) {
        fail("cannot connect");
    }
    freeaddrinfo(found);
    (void)setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void open_tls(struct wire *wire)
{
    static const unsigned char alpn[] = "\x09refrain/1";
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    wire->ssl = SSL_new(context);
    if (wire->is_link) {
        (void)SSL_set_alpn_protos(wire->ssl, alpn, sizeof alpn - 1);
    }
    (void)SSL_set_fd(wire->ssl, wire->fd);
    if (SSL_connect(wire->ssl) != 1) {
        fail("no TLS");
    }
}

static void put(struct wire *wire, const void *bytes, size_t count)
{
    assert(wire->out_bytes + count <= BUFFER_BYTES);
    memcpy(wire->out + wire->out_bytes, bytes, count);
    wire->out_bytes += count;
}

static void put_number(struct wire *wire, uint64_t number, unsigned bytes)
{
    while (bytes-- > 0) {
        uint8_t byte = (uint8_t)(number >> (8 * bytes));
        put(wire, &byte, 1);
    }
}

static void flush(struct wire *wire)
{
    size_t done = 0;
    while (done < wire->out_bytes) {
        ssize_t count = wire->ssl != NULL
                            ? SSL_write(wire->ssl, wire->out + done, (int)(wire->out_bytes - done))
                            : write(wire->fd, wire->out + done, wire->out_bytes - done);
        if (count <= 0) {
            fail("cannot write");
        }
        done += (size_t)count;
    }
    wire->out_bytes = 0;
}

static void fill(struct wire *wire)
{
    size_t left = BUFFER_BYTES - wire->in_bytes;
    ssize_t count = wire->ssl != NULL ? SSL_read(wire->ssl, wire->in + wire->in_bytes, (int)left)
                                      : read(wire->fd, wire->in + wire->in_bytes, left);
    if (count <= 0) {
        fail("the server has closed");
    }
    wire->in_bytes += (size_t)count;
}

static void drop(struct wire *wire, size_t count)
{
    wire->in_bytes -= count;
    memmove(wire->in, wire->in + count, wire->in_bytes);
}

/* One more request, for the next of the file's whole chunks. */
static void ask(struct wire *wire)
{
    uint64_t chunk = wire->request++ % (wire->bytes / CHUNK);
    if (wire->is_link) {
        put_number(wire, 4u << 24 | 52u, 4);
        put_number(wire, wire->request, 4);
        put(wire, wire->root, sizeof wire->root);
        put_number(wire, wire->bytes, 8);
        put_number(wire, chunk, 4);
        put_number(wire, 1, 2);
        put_number(wire, 0, 2); /* priority, flags */
        return;
    }
    char text[512];
    int count = snprintf(text, sizeof text,
                         "GET %s HTTP/1.1\r\nHost: bench\r\nRange: bytes=%llu-%llu\r\n\r\n",
                         wire->path, (unsigned long long)(chunk * CHUNK),
                         (unsigned long long)(chunk * CHUNK + CHUNK - 1));
    put(wire, text, (size_t)count);
}

/* Takes one answer, or a frame that is none, off the buffer; 0 = it is not whole. */
static size_t take(const struct wire *wire, const uint8_t *at, size_t left, bool *ret_is_chunk)
{
    size_t bytes = 0;
    if (wire->is_link) {
        if (left < 4) {
            return 0;
        }
        bytes = 4u + ((size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3]);
        *ret_is_chunk = at[0] == 6;
        if (at[0] == 8 || at[0] == 11) {
            fail("the origin refuses");
        }
    } else {
        const uint8_t *end = memmem(at, left, "\r\n\r\n", 4);
        if (end == NULL) {
            return 0;
        }
        if (memcmp(at, "HTTP/1.1 206", 12) != 0) {
            fail("the server does not answer 206");
        }
        bytes = (size_t)(end - at) + 4 + CHUNK;
        *ret_is_chunk = true;
    }
    return bytes <= left ? bytes : 0;
}

/* All whole answers in the buffer; asks again for each chunk. */
static uint64_t take_all(struct wire *wire)
{
    uint64_t chunks = 0;
    size_t at = 0;
    for (;;) {
        bool is_chunk = false;
        size_t bytes = take(wire, wire->in + at, wire->in_bytes - at, &is_chunk);
        if (bytes == 0) {
            break;
        }
        at += bytes;
        if (is_chunk) {
            chunks++;
            ask(wire);
        }
    }
    drop(wire, at);
    return chunks;
}

/* HELLO, behind an Upgrade when there is no TLS to agree on frames. */
static void greet(struct wire *wire)
{
    static const char upgrade[] = "GET /v1/link HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\n"
                                  "Upgrade: refrain/1\r\n\r\n";
    static const uint8_t zeros[64] = {0};
    if (wire->ssl == NULL) {
        put(wire, upgrade, sizeof upgrade - 1);
    }
    put_number(wire, 1u << 24 | 94u, 4);
    put_number(wire, 1, 2); /* version */
    put(wire, zeros, 4 + 32);
    put_number(wire, 64, 2);
    put(wire, zeros, 54); /* no port, nobody observed, no peer id, no identity */
    flush(wire);
    while (wire->ssl == NULL) {
        fill(wire);
        const uint8_t *end = memmem(wire->in, wire->in_bytes, "\r\n\r\n", 4);
        if (end != NULL) {
            drop(wire, (size_t)(end - wire->in) + 4);
            return;
        }
    }
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void parse_root(struct wire *wire, const char *hex)
{
    for (size_t i = 0; i < sizeof wire->root; i++) {
        unsigned value = 0;
        if (sscanf(hex + 2 * i, "%2x", &value) != 1) {
            fail("FILE is no root");
        }
        wire->root[i] = (uint8_t)value;
    }
}

int main(int argc, char **argv)
{
    static struct wire wire;
    if (argc != 9) {
        fail("usage: link|http HOST PORT plain|tls SECONDS DEPTH FILE BYTES");
    }
    wire.is_link = strcmp(argv[1], "link") == 0;
    double seconds = atof(argv[5]);
    wire.path = argv[7];
    wire.bytes = strtoull(argv[8], NULL, 10);
    if (wire.bytes < CHUNK) {
        fail("the file is too short");
    }
    open_socket(&wire, argv[2], argv[3]);
    if (strcmp(argv[4], "tls") == 0) {
        open_tls(&wire);
    }
    if (wire.is_link) {
        parse_root(&wire, argv[7]);
        greet(&wire);
    }
    for (int i = atoi(argv[6]); i > 0; i--) {
        ask(&wire);
    }
    uint64_t chunks = 0;
    double start = now();
    double end;
    while ((end = now()) < start + seconds) {
        flush(&wire);
        fill(&wire);
        chunks += take_all(&wire);
    }
    (void)printf("%.0f\n", (double)chunks / (end - start));
    return 0;
}
