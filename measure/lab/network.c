/*
 * network.c: namespaces, TUN devices, and the thread that relays packets between them.
 */
#include "measure/lab/network.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NETWORK_PREFIX 0x0a4d0000u /* 10.77.0.0/16 */
#define NETWORK_MASK 0xffff0000u
#define NETWORK_DEVICE "lab0"
#define NETWORK_TURN_PACKETS 32u /* read of one host, then the others have their turn */

struct network_host {
    int space; /* descriptor of the namespace */
    int tun;
};

struct network {
    struct network_host *hosts; /* owned */
    uint32_t host_count;
    pthread_mutex_t mutex; /* over lines and lateness */
    struct line_set lines;
    uint64_t lateness_us;
    struct pollfd *polled; /* the hosts' devices, then `stop`; owned */
    int stop;
    pthread_t thread;
    bool is_running;
};

static uint64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * TIME_US_PER_S + (uint64_t)time.tv_nsec / 1000;
}

static uint32_t address_of(uint32_t host)
{
    return NETWORK_PREFIX + 256 + host; /* 10.77.1.0 and up */
}

void network_address(uint32_t host, char ret_text[NETWORK_ADDRESS_BYTES])
{
    struct in_addr address = {.s_addr = htonl(address_of(host))};
    inet_ntop(AF_INET, &address, ret_text, NETWORK_ADDRESS_BYTES);
}

/* --- hosts --------------------------------------------------------------------------------- */

/* What a thread needs that makes a host in a namespace of its own. */
struct making {
    struct network_host host;
    uint32_t number;
    int error;
    char text[NETWORK_TEXT_BYTES];
};

static int fail(struct making *making, int error, const char *what)
{
    snprintf(making->text, sizeof making->text, "%s: %s", what, strerror(errno));
    making->error = error;
    return error;
}

static int open_tun(struct making *making)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    memcpy(request.ifr_name, NETWORK_DEVICE, sizeof NETWORK_DEVICE);
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0) {
        return fail(making, ERROR_UNSUPPORTED, "/dev/net/tun");
    }
    if (ioctl(tun, TUNSETIFF, &request) != 0) {
        close(tun);
        return fail(making, ERROR_UNSUPPORTED, "a TUN device");
    }
    making->host.tun = tun;
    return 0;
}

static int set_address(int socket_fd, unsigned long what, const char *device, uint32_t address)
{
    struct ifreq request = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&request.ifr_addr;
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(address);
    return ioctl(socket_fd, what, &request);
}

static int set_up(int socket_fd, const char *device)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
    if (ioctl(socket_fd, SIOCGIFFLAGS, &request) != 0) {
        return -1;
    }
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    return ioctl(socket_fd, SIOCSIFFLAGS, &request);
}

static int configure(struct making *making)
{
    int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_fd < 0) {
        return fail(making, ERROR_SYSTEM, "a socket");
    }
    int error = 0;
    if (set_up(socket_fd, "lo") != 0 ||
        set_address(socket_fd, SIOCSIFADDR, NETWORK_DEVICE, address_of(making->number)) != 0 ||
        set_address(socket_fd, SIOCSIFNETMASK, NETWORK_DEVICE, NETWORK_MASK) != 0 ||
        set_up(socket_fd, NETWORK_DEVICE) != 0) {
        error = fail(making, ERROR_SYSTEM, "the address of a TUN device");
    }
    close(socket_fd);
    return error;
}

/* As docs/ORIGIN.md asks of who runs an origin: a link that was idle keeps its window. A kernel
 * without the switch is as it is. */
static void keep_window(void)
{
    int file = open("/proc/sys/net/ipv4/tcp_slow_start_after_idle", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        ssize_t written = write(file, "0", 1);
        (void)written;
        close(file);
    }
}

static void *make_host(void *context)
{
    struct making *making = context;
    if (unshare(CLONE_NEWNET) != 0) {
        fail(making, errno == EPERM ? ERROR_DENIED : ERROR_SYSTEM, "a network namespace");
        return NULL;
    }
    making->host.space = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (making->host.space < 0) {
        fail(making, ERROR_SYSTEM, "/proc/thread-self/ns/net");
        return NULL;
    }
    keep_window();
    if (open_tun(making) == 0) {
        configure(making);
    }
    return NULL;
}

/* In a thread of its own, since a thread is what changes its namespace. */
static int add_host(struct network *network, uint32_t number, char *ret_text)
{
    struct making making = {.host = {.space = -1, .tun = -1}, .number = number};
    pthread_t thread;
    if (pthread_create(&thread, NULL, make_host, &making) != 0) {
        snprintf(ret_text, NETWORK_TEXT_BYTES, "no more threads");
        return ERROR_SYSTEM;
    }
    pthread_join(thread, NULL);
    network->hosts[number] = making.host;
    if (making.error != 0) {
        memcpy(ret_text, making.text, NETWORK_TEXT_BYTES);
    }
    return making.error;
}

int network_enter(const struct network *network, uint32_t host)
{
    assert(host < network->host_count);
    return setns(network->hosts[host].space, CLONE_NEWNET) == 0 ? 0 : ERROR_SYSTEM;
}

/* --- the relay ----------------------------------------------------------------------------- */

/* The receiver's number; false: it goes nowhere (IPv6, multicast, an address that nobody has). */
static bool find_receiver(const struct network *network, const uint8_t *packet, ssize_t bytes,
                          uint32_t *ret_host)
{
    if (bytes < 20 || packet[0] >> 4 != 4) {
        return false;
    }
    uint32_t address = (uint32_t)packet[16] << 24 | (uint32_t)packet[17] << 16 |
                       (uint32_t)packet[18] << 8 | packet[19];
    *ret_host = address - address_of(0);
    return *ret_host < network->host_count;
}

static void take_from(struct network *network, uint32_t host)
{
    uint8_t packet[LINE_PACKET_BYTES_MAX];
    for (uint32_t i = 0; i < NETWORK_TURN_PACKETS; i++) {
        ssize_t bytes = read(network->hosts[host].tun, packet, sizeof packet);
        if (bytes <= 0) {
            return;
        }
        uint32_t to = 0;
        if (find_receiver(network, packet, bytes, &to)) {
            line_set_send(&network->lines, now_us(), host, to, packet, (uint16_t)bytes);
        }
    }
}

static void deliver(struct network *network)
{
    for (;;) {
        uint64_t at_us = now_us();
        struct line_packet *packet = line_set_next(&network->lines, at_us);
        if (packet == NULL) {
            return;
        }
        uint64_t late_us = at_us - packet->due_us;
        network->lateness_us = late_us > network->lateness_us ? late_us : network->lateness_us;
        /* A device that takes no more drops it, as a real one would. */
        ssize_t written = write(network->hosts[packet->to].tun, packet->payload, packet->bytes);
        (void)written;
        free(packet);
    }
}

static void wait_for_packets(struct network *network, uint64_t until_us)
{
    struct timespec wait = {0};
    uint64_t at_us = now_us();
    uint64_t left_us = until_us > at_us ? until_us - at_us : 0;
    if (until_us == TIME_NEVER_US) {
        ppoll(network->polled, network->host_count + 1, NULL, NULL);
        return;
    }
    wait.tv_sec = (time_t)(left_us / TIME_US_PER_S);
    wait.tv_nsec = (long)(left_us % TIME_US_PER_S * 1000);
    ppoll(network->polled, network->host_count + 1, &wait, NULL);
}

static void *relay(void *context)
{
    struct network *network = context;
    for (;;) {
        pthread_mutex_lock(&network->mutex);
        uint64_t until_us = line_set_next_us(&network->lines);
        pthread_mutex_unlock(&network->mutex);
        wait_for_packets(network, until_us);
        if (network->polled[network->host_count].revents != 0) {
            return NULL;
        }
        pthread_mutex_lock(&network->mutex);
        for (uint32_t i = 0; i < network->host_count; i++) {
            if (network->polled[i].revents != 0) {
                take_from(network, i);
            }
        }
        deliver(network);
        pthread_mutex_unlock(&network->mutex);
    }
}

static int start_relay(struct network *network)
{
    network->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    network->polled = calloc(network->host_count + 1, sizeof *network->polled);
    if (network->stop < 0 || network->polled == NULL) {
        return ERROR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < network->host_count; i++) {
        network->polled[i] = (struct pollfd){.fd = network->hosts[i].tun, .events = POLLIN};
    }
    network->polled[network->host_count] = (struct pollfd){.fd = network->stop, .events = POLLIN};
    if (pthread_create(&network->thread, NULL, relay, network) != 0) {
        return ERROR_SYSTEM;
    }
    network->is_running = true;
    return 0;
}

/* --- opening and closing -------------------------------------------------------------------- */

int network_open(const struct line_host *hosts, uint32_t host_count, uint64_t seed,
                 struct network **ret_network, char ret_text[NETWORK_TEXT_BYTES])
{
    assert(host_count > 0 && host_count <= NETWORK_HOSTS_MAX);
    struct network *network = calloc(1, sizeof *network);
    snprintf(ret_text, NETWORK_TEXT_BYTES, "no memory");
    if (network == NULL) {
        return ERROR_NO_MEMORY;
    }
    network->stop = -1;
    pthread_mutex_init(&network->mutex, NULL);
    int error = ERROR_NO_MEMORY;
    network->hosts = calloc(host_count, sizeof *network->hosts);
    if (network->hosts == NULL || line_set_init(&network->lines, hosts, host_count, seed) != 0) {
        goto err_after_network;
    }
    for (; network->host_count < host_count; network->host_count++) {
        error = add_host(network, network->host_count, ret_text);
        if (error != 0) {
            network->host_count++;
            goto err_after_network;
        }
    }
    error = start_relay(network);
    if (error != 0) {
        goto err_after_network;
    }
    *ret_network = network;
    return 0;
err_after_network:
    network_close(network);
    return error;
}

void network_close(struct network *network)
{
    if (network == NULL) {
        return;
    }
    if (network->is_running) {
        uint64_t one = 1;
        ssize_t written = write(network->stop, &one, sizeof one);
        assert(written == (ssize_t)sizeof one);
        (void)written;
        pthread_join(network->thread, NULL);
    }
    for (uint32_t i = 0; i < network->host_count; i++) {
        if (network->hosts[i].tun >= 0) {
            close(network->hosts[i].tun);
        }
        if (network->hosts[i].space >= 0) {
            close(network->hosts[i].space);
        }
    }
    if (network->stop >= 0) {
        close(network->stop);
    }
    line_set_deinit(&network->lines);
    pthread_mutex_destroy(&network->mutex);
    free(network->polled);
    free(network->hosts);
    free(network);
}

void network_get_traffic(struct network *network, uint32_t host,
                         struct network_traffic *ret_traffic)
{
    assert(host < network->host_count);
    pthread_mutex_lock(&network->mutex);
    const struct line_state *state = &network->lines.hosts[host];
    *ret_traffic = (struct network_traffic){.sent_bytes = state->sent_bytes,
                                            .received_bytes = state->received_bytes,
                                            .dropped_packets = state->dropped_packets,
                                            .lost_packets = state->lost_packets};
    pthread_mutex_unlock(&network->mutex);
}

uint64_t network_lateness_us(struct network *network)
{
    pthread_mutex_lock(&network->mutex);
    uint64_t lateness_us = network->lateness_us;
    pthread_mutex_unlock(&network->mutex);
    return lateness_us;
}
