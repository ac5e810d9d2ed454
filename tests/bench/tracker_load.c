/*
 * tracker_load.c: announces to a tracker over many connections at a time, and counts.
 *
 *   tracker_load link HOST PORT plain|tls CONNECTIONS FILES KEYS
 *   tracker_load http|udp HOST PORT CONNECTIONS FILES HASHES
 *
 * Each connection is a player that announces FILES files, one after the other: (player, file) pairs
 * that the tracker has not heard of. `link` speaks the link's protocol with an origin: ANNOUNCEs of
 * KEYS keys each, and a PING, whose PONG says that all before it have been taken. `http` makes one GET
 * for each announce, in a connection of its own if the server closes it (opentracker does); `udp` is
 * BEP 15 with one announce outstanding on each socket. Their info hashes are the lines of HASHES.
 * Nobody wants peers in the answer. One thread, sockets that do not block, one epoll: the same client
 * for all. Prints announces a second, from the first byte to the last answer; handshakes of links and
 * UDP's connect are not counted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1000u
#define HASHES_MAX 65536u
#define IN_BYTES 4096u
#define UDP_ANNOUNCE_BYTES 98u

enum mode { MODE_LINK, MODE_HTTP, MODE_UDP };

struct connection {
    uint32_t number;
    int fd;
    SSL *ssl; /* NULL: plain */
    uint8_t *out;
    size_t out_bytes, out_done;
    uint8_t in[IN_BYTES];
    size_t in_bytes;
    uint32_t file; /* the next */
    uint64_t udp_id;
    bool is_done;
};

static struct sockaddr_in server;
static enum mode mode;
static bool is_tls;
static uint32_t connection_count, file_count, keys_each, done_count;
static struct connection connections[CONNECTIONS_MAX];
static uint8_t hashes[HASHES_MAX][20];
static int poller;

static void fail(const char *what)
{
    (void)fprintf(stderr, "tracker_load: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint8_t *put_number(uint8_t *at, uint64_t number, unsigned bytes)
{
    while (bytes-- > 0) {
        *at++ = (uint8_t)(number >> (8 * bytes));
    }
    return at;
}

/* ---- Sockets ---- */

/* From an address of its own, so that one address' ports are not used up. */
static void open_socket(struct connection *connection)
{
    int one = 1;
    struct sockaddr_in own = {.sin_family = AF_INET};
    connection->fd = socket(AF_INET, mode == MODE_UDP ? SOCK_DGRAM : SOCK_STREAM, 0);
    own.sin_addr.s_addr = htonl(0x7f000002u + connection->number);
    (void)setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (connection->fd < 0 || bind(connection->fd, (struct sockaddr *)&own, sizeof own) != 0) {
        fail("no socket");
    }
    if (mode == MODE_HTTP) { /* links do their handshake first, blocking */
        (void)fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    }
    if (connect(connection->fd, (struct sockaddr *)&server, sizeof server) != 0 &&
        errno != EINPROGRESS) {
        fail("cannot connect");
    }
    if (mode != MODE_UDP) {
        (void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
}

static void watch(struct connection *connection, uint32_t events, int how)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poller, how, connection->fd, &event) != 0) {
        fail("epoll");
    }
}

/* Bytes written or read; 0: not now; -1: the other side has closed. */
static ssize_t move_bytes(struct connection *connection, bool out)
{
    uint8_t *from = connection->out + connection->out_done;
    uint8_t *to = connection->in + connection->in_bytes;
    size_t left =
        out ? connection->out_bytes - connection->out_done : IN_BYTES - connection->in_bytes;
    ssize_t count = 0;
    if (connection->ssl != NULL) {
        count = out ? SSL_write(connection->ssl, from, (int)left)
                    : SSL_read(connection->ssl, to, (int)left);
        if (count <= 0) {
            int error = SSL_get_error(connection->ssl, (int)count);
            return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
        }
    } else {
        count =
            out ? send(connection->fd, from, left, MSG_NOSIGNAL) : read(connection->fd, to, left);
        if (count <= 0) {
            return count < 0 && errno == EAGAIN ? 0 : -1;
        }
    }
    *(out ? &connection->out_done : &connection->in_bytes) += (size_t)count;
    return count;
}

static void write_out(struct connection *connection)
{
    while (connection->out_done < connection->out_bytes) {
        ssize_t count = move_bytes(connection, true);
        if (count < 0) {
            fail("the server has closed while we wrote");
        }
        if (count == 0) {
            return;
        }
    }
}

static void finish(struct connection *connection)
{
    connection->is_done = true;
    done_count++;
}

/* ---- Links ---- */

static uint8_t *put_hello(uint8_t *at, uint32_t number)
{
    at = put_number(at, 1u << 24 | 94u, 4);
    at = put_number(at, 1, 2);
    at = put_number(at, 1, 4); /* gives */
    memset(at, 0, 32);
    at = put_number(at + 32, 0, 2);
    at = put_number(at, 7000 + number, 2);
    memset(at, 0, 19);
    at += 19;
    memset(at, 1, 32); /* the peer id */
    (void)put_number(at, number, 4);
    at += 32;
    *at++ = 0;
    return at;
}

/* Upgrade, HELLO, and their answers, blocking; SSL's handshake before. */
static void greet(struct connection *connection)
{
    static const char upgrade[] = "GET /v1/link HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\n"
                                  "Upgrade: refrain/1\r\n\r\n";
    static const unsigned char alpn[] = "\x09refrain/1";
    if (is_tls) {
        connection->ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
        (void)SSL_set_alpn_protos(connection->ssl, alpn, sizeof alpn - 1);
        SSL_set_mode(connection->ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        (void)SSL_set_fd(connection->ssl, connection->fd);
        if (SSL_connect(connection->ssl) != 1) {
            fail("no TLS");
        }
    }
    uint8_t first[512];
    size_t bytes = is_tls ? 0 : sizeof upgrade - 1;
    memcpy(first, upgrade, bytes);
    connection->out = first;
    connection->out_bytes = (size_t)(put_hello(first + bytes, connection->number) - first);
    write_out(connection);
    /* The origin's HELLO has 190 bytes; the answer to the Upgrade ends with an empty line. */
    for (bool is_greeted = false; !is_greeted;) {
        if (move_bytes(connection, false) <= 0) {
            fail("the origin does not greet");
        }
        const uint8_t *end = is_tls ? connection->in - 4
                                    : memmem(connection->in, connection->in_bytes, "\r\n\r\n", 4);
        is_greeted = end != NULL && connection->in + connection->in_bytes >= end + 4 + 190 + 4;
    }
    connection->in_bytes = 0;
}

/* A file's key, alike for all players; each has another part of a catalogue of 200,000. */
static uint64_t key_of(uint32_t number, uint32_t file)
{
    return (1 + (number * UINT64_C(7919) + file) % 200000) * UINT64_C(0x9e3779b97f4a7c15);
}

/* All that a link says, and the PING. */
static void prepare_link(struct connection *connection)
{
    uint32_t frames = (file_count + keys_each - 1) / keys_each;
    connection->out = malloc(file_count * 8u + frames * 11u + 12u);
    if (connection->out == NULL) {
        fail("no memory");
    }
    uint8_t *at = connection->out;
    for (uint32_t file = 0; file < file_count;) {
        uint32_t keys = file_count - file < keys_each ? file_count - file : keys_each;
        at = put_number(at, 15u << 24 | (7u + 8u * keys), 4);
        at = put_number(at, 0, 1);
        at = put_number(at, keys, 2);
        at = put_number(at, 0, 4);
        for (uint32_t i = 0; i < keys; i++, file++) {
            at = put_number(at, key_of(connection->number, file), 8);
        }
    }
    at = put_number(at, 9u << 24 | 8u, 4);
    at = put_number(at, 1, 8);
    connection->out_bytes = (size_t)(at - connection->out);
    connection->out_done = 0;
}

static void hear_link(struct connection *connection)
{
    if (move_bytes(connection, false) < 0) {
        fail("the origin has closed");
    }
    if (connection->in_bytes >= 12) {
        if (connection->in[0] != 10) {
            fail("that is no PONG");
        }
        finish(connection);
    }
}

/* ---- HTTP ---- */

static void next_http(struct connection *connection)
{
    if (connection->file == file_count) {
        finish(connection);
        return;
    }
    const uint8_t *hash = hashes[connection->file++];
    char escaped[61];
    for (uint32_t i = 0; i < 20; i++) {
        (void)snprintf(&escaped[3 * i], 4, "%%%02x", hash[i]);
    }
    int count = snprintf((char *)connection->out, 512,
                         "GET /announce?info_hash=%s&peer_id=-RB0000-%012u&port=%u&left=0&compact=1"
                         "&numwant=0 HTTP/1.1\r\nHost: bench\r\n\r\n",
                         escaped, (unsigned)connection->number, 7000u);
    connection->out_bytes = (size_t)count;
    connection->out_done = 0;
    connection->in_bytes = 0;
    open_socket(connection);
    watch(connection, EPOLLIN | EPOLLOUT | EPOLLET, EPOLL_CTL_ADD);
}

static void hear_http(struct connection *connection)
{
    ssize_t count = 0;
    while ((count = move_bytes(connection, false)) > 0) {
    }
    if (count < 0) { /* it closes behind its answer */
        if (memmem(connection->in, connection->in_bytes, "8:interval", 10) == NULL) {
            fail("the tracker refuses");
        }
        (void)close(connection->fd);
        next_http(connection);
    }
}

/* ---- UDP ---- */

static void next_udp(struct connection *connection)
{
    if (connection->file == file_count) {
        finish(connection);
        return;
    }
    uint8_t *at = put_number(connection->out, connection->udp_id, 8);
    at = put_number(at, 1, 4);
    at = put_number(at, connection->file, 4);
    memcpy(at, hashes[connection->file++], 20);
    memset(at + 20, 1, 20);
    at = put_number(at + 40, 0, 8 + 8 + 8 + 4 + 4); /* downloaded, left, uploaded, event, address */
    at = put_number(at, connection->number, 4);
    at = put_number(at, 0, 4); /* wanted */
    (void)put_number(at, 7000, 2);
    if (send(connection->fd, connection->out, UDP_ANNOUNCE_BYTES, 0) != UDP_ANNOUNCE_BYTES) {
        fail("cannot send");
    }
}

static void hear_udp(struct connection *connection)
{
    ssize_t count = recv(connection->fd, connection->in, IN_BYTES, 0);
    if (count < 16 || connection->in[3] != 1) {
        fail("the tracker refuses");
    }
    next_udp(connection);
}

static void greet_udp(struct connection *connection)
{
    uint8_t ask[16];
    (void)put_number(put_number(ask, UINT64_C(0x41727101980), 8), 0, 8);
    if (send(connection->fd, ask, sizeof ask, 0) != sizeof ask ||
        recv(connection->fd, connection->in, IN_BYTES, 0) != 16) {
        fail("the tracker does not greet");
    }
    for (uint32_t i = 8; i < 16; i++) {
        connection->udp_id = connection->udp_id << 8 | connection->in[i];
    }
}

/* ---- All ---- */

static void read_hashes(const char *path)
{
    FILE *file = fopen(path, "r");
    uint32_t count = 0;
    char line[64];
    if (file == NULL) {
        fail("no HASHES");
    }
    while (count < HASHES_MAX && fgets(line, sizeof line, file) != NULL) {
        for (uint32_t i = 0; i < 20; i++) {
            unsigned value = 0;
            if (sscanf(line + 2 * i, "%2x", &value) != 1) {
                fail("HASHES has a line that is no hash");
            }
            hashes[count][i] = (uint8_t)value;
        }
        count++;
    }
    (void)fclose(file);
    if (count < file_count) {
        fail("HASHES has too few lines");
    }
}

static void get_ready(struct connection *connection)
{
    if (mode == MODE_HTTP) {
        connection->out = malloc(512);
        return;
    }
    open_socket(connection);
    if (mode == MODE_UDP) {
        connection->out = malloc(UDP_ANNOUNCE_BYTES);
        greet_udp(connection);
    } else {
        greet(connection);
        prepare_link(connection);
        (void)fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    }
}

static void begin(struct connection *connection)
{
    if (mode == MODE_HTTP) {
        next_http(connection);
        return;
    }
    watch(connection, mode == MODE_LINK ? EPOLLIN | EPOLLOUT | EPOLLET : EPOLLIN, EPOLL_CTL_ADD);
    if (mode == MODE_UDP) {
        next_udp(connection);
    }
}

static void serve(struct connection *connection)
{
    if (connection->is_done) {
        return;
    }
    if (mode == MODE_UDP) {
        hear_udp(connection);
        return;
    }
    write_out(connection);
    if (mode == MODE_HTTP) {
        hear_http(connection);
    } else {
        hear_link(connection);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fail("usage: link HOST PORT plain|tls CONNECTIONS FILES KEYS, or"
             " http|udp HOST PORT CONNECTIONS FILES HASHES");
    }
    mode = strcmp(argv[1], "link") == 0  ? MODE_LINK
           : strcmp(argv[1], "udp") == 0 ? MODE_UDP
                                         : MODE_HTTP;
    int at = mode == MODE_LINK ? 5 : 4;
    if (argc != at + 3) {
        fail("too few or too many arguments");
    }
    is_tls = mode == MODE_LINK && strcmp(argv[4], "tls") == 0;
    connection_count = (uint32_t)atoi(argv[at]);
    file_count = (uint32_t)atoi(argv[at + 1]);
    server =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
    if (inet_pton(AF_INET, argv[2], &server.sin_addr) != 1 || connection_count == 0 ||
        connection_count > CONNECTIONS_MAX || file_count == 0) {
        fail("HOST is no address, or a number is out of its bounds");
    }
    if (mode == MODE_LINK) {
        keys_each = (uint32_t)atoi(argv[at + 2]);
    } else {
        read_hashes(argv[at + 2]);
    }
    poller = epoll_create1(0);
    for (uint32_t i = 0; i < connection_count; i++) {
        connections[i].number = i;
        get_ready(&connections[i]);
    }
    double start = now();
    for (uint32_t i = 0; i < connection_count; i++) {
        begin(&connections[i]);
    }
    while (done_count < connection_count) {
        struct epoll_event events[64];
        int count = epoll_wait(poller, events, 64, 10000);
        if (count <= 0) {
            fail("nothing has come for ten seconds");
        }
        for (int i = 0; i < count; i++) {
            serve(events[i].data.ptr);
        }
    }
    (void)printf("%.0f\n", (double)connection_count * file_count / (now() - start));
    return 0;
}
