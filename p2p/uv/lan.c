/*
 * lan.c: announcing and hearing by multicast.
 *
 * Responsible for sockets, groups, pauses and limits. lan_format.c has the bytes.
 *
 * Happy path: open -> announce (new) -> others answer after their pauses -> heard. Failure modes: a
 * family, an interface or a datagram that does not work is passed over: the network is found by
 * other means too.
 */
#include "p2p/uv/lan.h"

#include "common/error.h"
#include "common/net/crypto.h"
#include "common/prng.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAMILIES 2 /* [0] IPv4, [1] IPv6 */

static const uint8_t group_ipv4[4] = {239, 255, 73, 73};
static const uint8_t group_ipv6[16] = {0xff, 0x02, [12] = 0x72, 0x65, 0x66, 0x72};

struct heard {
    uint8_t peer_id[HASH_BYTES];
    struct net_address address;
    uint32_t scope_id;
    uint64_t told_us; /* 0: the place is free */
};

struct socket_of_family {
    uv_poll_t poll;
    struct lan *lan;
    int fd; /* -1 = none */
};

struct lan {
    struct net_loop *loop;
    struct lan_config config;
    lan_heard *heard;
    void *context;
    uint64_t cookie;
    struct prng prng;
    struct socket_of_family *sockets[FAMILIES]; /* freed by libuv's close */
    unsigned interfaces[LAN_INTERFACES_MAX];    /* on which the groups are joined */
    uint32_t interface_count;
    struct net_deadline *deadline;
    uint64_t regular_us;      /* moment of the next announcement of its own accord */
    uint64_t answer_us;       /* of an answer; TIME_NEVER_US = none is due */
    uint64_t answered_us;     /* of the last announcement */
    uint64_t budget_since_us; /* what was heard since */
    uint32_t budget_used;
    struct heard others[LAN_HEARD_MAX];
};

/* ---- sending ---- */

static void set_sockaddr(const struct lan *lan, int family, struct sockaddr_storage *ret_sockaddr,
                         socklen_t *ret_bytes)
{
    struct net_address group = {.family = family == 0 ? 4 : 6, .port = lan->config.port};
    if (family == 0) {
        memcpy(group.bytes, group_ipv4, sizeof group_ipv4);
    } else {
        memcpy(group.bytes, group_ipv6, sizeof group_ipv6);
    }
    net_address_to_sockaddr(&group, ret_sockaddr, ret_bytes);
}

static bool choose_interface(int fd, int family, unsigned interface)
{
    if (family == 0) {
        struct ip_mreqn request = {.imr_ifindex = (int)interface};
        return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request) == 0;
    }
    return setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface, sizeof interface) == 0;
}

/* What a full or absent interface does not take is lost, like any datagram. */
static void send_all(struct lan *lan, const uint8_t *bytes)
{
    for (int family = 0; family < FAMILIES; family++) {
        struct sockaddr_storage group;
        socklen_t group_bytes = 0;
        if (lan->sockets[family] == NULL) {
            continue;
        }
        int fd = lan->sockets[family]->fd;
        set_sockaddr(lan, family, &group, &group_bytes);
        for (uint32_t i = 0; i < lan->interface_count; i++) {
            if (choose_interface(fd, family, lan->interfaces[i])) {
                (void)sendto(fd, bytes, LAN_ANNOUNCEMENT_BYTES, MSG_DONTWAIT,
                             (struct sockaddr *)&group, group_bytes);
            }
        }
    }
}

static void arm(struct lan *lan)
{
    net_deadline_set(lan->deadline, time_min_us(lan->regular_us, lan->answer_us));
}

static void announce(struct lan *lan, uint8_t flags)
{
    uint8_t bytes[LAN_ANNOUNCEMENT_BYTES];
    struct lan_announcement announcement = {
        .cookie = lan->cookie, .flags = flags, .port = lan->config.listen_port};
    memcpy(announcement.peer_id, lan->config.peer_id, HASH_BYTES);
    memcpy(announcement.origin, lan->config.origin, HASH_BYTES);
    lan->answered_us = net_now_us();
    lan->regular_us = time_add_us(lan->answered_us, LAN_EVERY_US);
    lan->answer_us = TIME_NEVER_US;
    if (lan->config.listen_port != 0) {
        lan_encode(&announcement, bytes);
        send_all(lan, bytes);
    }
    arm(lan);
}

static void on_deadline(void *context)
{
    struct lan *lan = context;
    uint64_t now_us = net_now_us();
    if (now_us >= lan->answer_us || now_us >= lan->regular_us) {
        announce(lan, 0);
    } else {
        arm(lan);
    }
}

/* A newcomer gets one answer for all that ask in the meantime. */
static void plan_answer(struct lan *lan)
{
    if (lan->answer_us != TIME_NEVER_US) {
        return;
    }
    uint64_t soonest_us = time_add_us(lan->answered_us, LAN_ANSWER_EVERY_US);
    uint64_t now_us = net_now_us();
    uint64_t from_us = soonest_us > now_us ? soonest_us : now_us;
    lan->answer_us = time_add_us(from_us, prng_below(&lan->prng, LAN_ANSWER_US));
    arm(lan);
}

/* ---- hearing ---- */

/* The place of this peer, or a free one, or NULL: it was told lately, or there are too many. */
static struct heard *place_for(struct lan *lan, const uint8_t *peer_id,
                               const struct net_address *address, uint64_t now_us)
{
    struct heard *found = NULL;
    for (uint32_t i = 0; i < LAN_HEARD_MAX; i++) {
        struct heard *other = &lan->others[i];
        bool is_old = other->told_us == 0 || now_us - other->told_us >= LAN_TELL_US;
        if (other->told_us != 0 && memcmp(other->peer_id, peer_id, HASH_BYTES) == 0 &&
            other->address.family == address->family) {
            bool is_same = net_address_equal(&other->address, address);
            return is_old || !is_same ? other : NULL;
        }
        if (is_old && (found == NULL || other->told_us < found->told_us)) {
            found = other;
        }
    }
    return found;
}

static bool shares_origin(const struct lan *lan, const uint8_t origin[HASH_BYTES])
{
    return memcmp(origin, lan->config.origin, HASH_BYTES) == 0;
}

static void take(struct lan *lan, const uint8_t *bytes, size_t count,
                 const struct sockaddr *sockaddr, uint32_t scope_id)
{
    struct lan_announcement announcement;
    struct net_address address;
    if (lan_decode(bytes, count, &announcement) != 0 || announcement.cookie == lan->cookie ||
        memcmp(announcement.peer_id, lan->config.peer_id, HASH_BYTES) == 0 ||
        !shares_origin(lan, announcement.origin)) {
        return;
    }
    net_address_from_sockaddr(sockaddr, &address);
    if (address.family == 0) {
        return;
    }
    address.port = announcement.port;
    if ((announcement.flags & LAN_IS_NEW) != 0) {
        plan_answer(lan);
    }
    uint64_t now_us = net_now_us();
    struct heard *place = place_for(lan, announcement.peer_id, &address, now_us);
    if (place == NULL) {
        return;
    }
    memcpy(place->peer_id, announcement.peer_id, HASH_BYTES);
    place->address = address;
    place->scope_id = scope_id;
    place->told_us = now_us;
    lan->heard(lan->context, announcement.peer_id, &address);
}

static bool is_within_budget(struct lan *lan)
{
    uint64_t now_us = net_now_us();
    if (now_us - lan->budget_since_us >= LAN_ANSWER_EVERY_US) {
        lan->budget_since_us = now_us;
        lan->budget_used = 0;
    }
    return lan->budget_used++ < LAN_BUDGET;
}

/* An IPv6 socket takes what is for one address as well, from anywhere: that is not of this link. */
static bool is_for_group(struct msghdr *message)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(at), sizeof info);
            return memcmp(&info.ipi6_addr, group_ipv6, sizeof group_ipv6) == 0;
        }
    }
    return false;
}

/* ERROR_CLOSED: nothing is there. ERROR_MISMATCH: not for the group. */
static int receive(int fd, uint8_t bytes[LAN_ANNOUNCEMENT_BYTES], struct sockaddr_storage *ret_from,
                   size_t *ret_count)
{
    uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    struct iovec part = {.iov_base = bytes, .iov_len = LAN_ANNOUNCEMENT_BYTES};
    struct msghdr message = {.msg_name = ret_from,
                             .msg_namelen = sizeof *ret_from,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0) {
        return ERROR_CLOSED;
    }
    if (ret_from->ss_family == AF_INET6 && !is_for_group(&message)) {
        return ERROR_MISMATCH;
    }
    *ret_count = (size_t)got;
    return 0;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct socket_of_family *own = poll->data;
    (void)status;
    (void)events;
    for (uint32_t i = 0; i < LAN_TURN_MAX && own->lan != NULL; i++) {
        uint8_t bytes[LAN_ANNOUNCEMENT_BYTES];
        struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
        size_t count = 0;
        int error = receive(own->fd, bytes, &from, &count);
        if (error == ERROR_CLOSED) {
            return;
        }
        uint32_t scope_id = 0;
        if (from.ss_family == AF_INET6) {
            scope_id = ((struct sockaddr_in6 *)&from)->sin6_scope_id;
        }
        if (is_within_budget(own->lan) && error == 0) {
            take(own->lan, bytes, count, (struct sockaddr *)&from, scope_id);
        }
    }
}

/* ---- sockets and groups ---- */

static void on_socket_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_socket(struct lan *lan, int family)
{
    struct socket_of_family *own = lan->sockets[family];
    if (own != NULL) {
        lan->sockets[family] = NULL;
        own->lan = NULL;
        uv_close((uv_handle_t *)&own->poll, on_socket_closed);
        close(own->fd);
    }
}

/* Several programs of one machine share the port; each hears all that comes for the group. */
static int bind_group(const struct lan *lan, int family)
{
    static const int one = 1;
    struct sockaddr_storage group;
    socklen_t group_bytes = 0;
    set_sockaddr(lan, family, &group, &group_bytes);
    int fd = socket(group.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool ok = false;
    if (family == 0) {
        ok = setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &one, sizeof one) == 0 &&
             setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &one, sizeof one) == 0;
    } else {
        ok = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0 &&
             setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &one, sizeof one) == 0 &&
             setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &one, sizeof one) == 0 &&
             setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one) == 0;
    }
    /* IPv4: bound to the group itself, so that nothing else reaches this socket. IPv6: to the port, since
     * a link-local group can be bound to on one interface only; receive() sorts out the rest. */
    if (family == 1) {
        memset(&((struct sockaddr_in6 *)&group)->sin6_addr, 0, sizeof(struct in6_addr));
    }
    if (!ok || bind(fd, (struct sockaddr *)&group, group_bytes) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void open_socket(struct lan *lan, int family)
{
    struct socket_of_family *own = calloc(1, sizeof *own);
    if (own == NULL) {
        return;
    }
    own->lan = lan;
    own->fd = bind_group(lan, family);
    if (own->fd < 0) {
        free(own);
        return;
    }
    if (uv_poll_init(net_loop_uv(lan->loop), &own->poll, own->fd) != 0) {
        close(own->fd);
        free(own);
        return;
    }
    own->poll.data = own;
    uv_poll_start(&own->poll, UV_READABLE, on_readable);
    lan->sockets[family] = own;
}

static bool join(int fd, int family, unsigned interface)
{
    if (family == 0) {
        struct ip_mreqn request = {.imr_ifindex = (int)interface};
        memcpy(&request.imr_multiaddr, group_ipv4, sizeof group_ipv4);
        return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) == 0 ||
               errno == EADDRINUSE;
    }
    struct ipv6_mreq request = {.ipv6mr_interface = interface};
    memcpy(&request.ipv6mr_multiaddr, group_ipv6, sizeof group_ipv6);
    return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request) == 0 ||
           errno == EADDRINUSE;
}

static bool is_known(const struct lan *lan, unsigned interface)
{
    for (uint32_t i = 0; i < lan->interface_count; i++) {
        if (lan->interfaces[i] == interface) {
            return true;
        }
    }
    return false;
}

/* Each interface once; addresses tell which ones there are. */
static void find_interfaces(struct lan *lan)
{
    struct ifaddrs *list = NULL;
    lan->interface_count = 0;
    if (getifaddrs(&list) != 0) {
        return;
    }
    for (struct ifaddrs *at = list; at != NULL; at = at->ifa_next) {
        bool is_loopback = (at->ifa_flags & IFF_LOOPBACK) != 0;
        bool is_fit =
            is_loopback ? lan->config.with_loopback : (at->ifa_flags & IFF_MULTICAST) != 0;
        unsigned interface = if_nametoindex(at->ifa_name);
        if (at->ifa_addr != NULL && (at->ifa_flags & IFF_UP) != 0 && is_fit && interface != 0 &&
            !is_known(lan, interface) && lan->interface_count < LAN_INTERFACES_MAX) {
            lan->interfaces[lan->interface_count++] = interface;
        }
    }
    freeifaddrs(list);
}

static bool join_all(struct lan *lan)
{
    bool any = false;
    find_interfaces(lan);
    for (int family = 0; family < FAMILIES; family++) {
        close_socket(lan, family); /* memberships go with it */
        open_socket(lan, family);
        for (uint32_t i = 0; lan->sockets[family] != NULL && i < lan->interface_count; i++) {
            any |= join(lan->sockets[family]->fd, family, lan->interfaces[i]);
        }
    }
    return any;
}

/* ---- what owners do ---- */

int lan_open(struct net_loop *loop, const struct lan_config *config, lan_heard *heard,
             void *context, struct lan **ret_lan)
{
    struct lan *lan = calloc(1, sizeof *lan);
    if (lan == NULL) {
        return ERROR_NO_MEMORY;
    }
    lan->loop = loop;
    lan->config = *config;
    lan->config.port = config->port != 0 ? config->port : LAN_PORT;
    lan->heard = heard;
    lan->context = context;
    lan->answer_us = TIME_NEVER_US;
    prng_init(&lan->prng, config->seed);
    int error = crypto_random(&lan->cookie, sizeof lan->cookie);
    if (error == 0) {
        error = net_deadline_open(loop, on_deadline, lan, &lan->deadline);
    }
    if (error != 0) {
        free(lan);
        return error;
    }
    if (!join_all(lan)) {
        lan_close(lan);
        return ERROR_SYSTEM;
    }
    announce(lan, LAN_IS_NEW);
    *ret_lan = lan;
    return 0;
}

void lan_refresh(struct lan *lan)
{
    join_all(lan);
    memset(lan->others, 0, sizeof lan->others);
    announce(lan, LAN_IS_NEW);
}

void lan_set(struct lan *lan, uint16_t listen_port, const uint8_t origin[HASH_BYTES])
{
    if (lan->config.listen_port == listen_port &&
        memcmp(lan->config.origin, origin, HASH_BYTES) == 0) {
        return;
    }
    lan->config.listen_port = listen_port;
    memcpy(lan->config.origin, origin, HASH_BYTES);
    announce(lan, LAN_IS_NEW);
}

uint32_t lan_scope_id(const struct lan *lan, const struct net_address *address)
{
    for (uint32_t i = 0; i < LAN_HEARD_MAX; i++) {
        const struct heard *other = &lan->others[i];
        if (other->told_us != 0 && other->address.family == address->family &&
            memcmp(other->address.bytes, address->bytes, sizeof address->bytes) == 0) {
            return other->scope_id;
        }
    }
    return 0;
}

void lan_close(struct lan *lan)
{
    if (lan == NULL) {
        return;
    }
    for (int family = 0; family < FAMILIES; family++) {
        close_socket(lan, family);
    }
    net_deadline_close(lan->deadline);
    free(lan);
}
