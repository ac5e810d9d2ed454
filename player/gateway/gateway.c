/*
 * gateway.c: requests, and the tracks that they are about.
 *
 * A track is lent by the engine when somebody asks for it and returned some seconds after the last
 * answer. When all places are taken, the one that has been idle for longest makes room.
 */
#include "player/gateway/gateway.h"

#include "common/error.h"
#include "common/net/crypto.h"
#include "media/core/file_id.h"
#include "player/gateway/gateway_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ADDRESS "127.0.0.1"
/* A browser holds several connections open and reads nothing while it is paused. */
#define STALL_US (3600 * TIME_US_PER_S)
#define CONNECTIONS_MAX 64u
#define TOKEN_PATH_BYTES (ENGINE_PATH_BYTES_MAX + 32u)

/* --- answers ---------------------------------------------------------------------------------------- */

static const char *content_type(const struct media_file *file)
{
    switch (file->container) {
    case MEDIA_CONTAINER_OGG:
        return "audio/ogg";
    case MEDIA_CONTAINER_FLAC:
        return "audio/flac";
    case MEDIA_CONTAINER_MPEG:
        return file->codec == MEDIA_CODEC_AAC ? "audio/aac" : "audio/mpeg";
    case MEDIA_CONTAINER_MP4:
        break;
    }
    return "audio/mp4";
}

static void answer_track(struct gateway_track *track, struct net_http_exchange *exchange)
{
    struct net_http_feed feed;
    struct gateway *gateway = track->gateway;
    if (gateway->stream_count >= GATEWAY_STREAMS_MAX ||
        gateway_stream_new(gateway, track, &feed) != 0) {
        net_http_answer_error(exchange, 503, "too many at a time");
        return;
    }
    char etag[2 * HASH_BYTES + 32];
    char root[2 * HASH_BYTES + 1];
    media_hex_encode(track->file.id.root, HASH_BYTES, root);
    snprintf(etag, sizeof etag, "\"%s-%" PRIu64 "\"", root, track->file.id.bytes);
    const struct net_http_answer answer = {.status = 200,
                                           .content_type = content_type(&track->file),
                                           .etag = etag,
                                           .cache_control = "private, max-age=86400",
                                           .is_ranged = true,
                                           .body_bytes = track->file.id.bytes,
                                           .fd = -1,
                                           .feed = &feed};
    net_http_answer(exchange, &answer);
}

static void answer_failure(struct net_http_exchange *exchange, int error)
{
    switch (error) {
    case ERROR_NOT_FOUND:
        net_http_answer_error(exchange, 404, "no such track");
        break;
    case ERROR_OFFLINE:
        net_http_answer_error(exchange, 404, "not in the cache, and offline");
        break;
    case ERROR_BUSY:
        net_http_answer_error(exchange, 503, "too many tracks at a time");
        break;
    case ERROR_NO_MEMORY:
        net_http_answer_error(exchange, 500, "out of memory");
        break;
    default:
        net_http_answer_error(exchange, 502, "the track cannot be had");
        break;
    }
}

/* --- tracks ------------------------------------------------------------------------------------------- */

static void give_back(struct gateway_track *track)
{
    engine_loan_return(track->loan);
    *track = (struct gateway_track){.gateway = track->gateway};
}

static bool is_idle(const struct gateway_track *track)
{
    return track->loan != NULL && track->stream_count == 0 && track->waiting_count == 0;
}

/* Gives back what nobody has read for long enough. The last time: frees the gateway. */
static void linger(void *context)
{
    struct gateway *gateway = context;
    uint64_t next_us = TIME_NEVER_US;
    if (gateway->has_closed) {
        net_deadline_close(gateway->linger);
        net_mailbox_free(gateway->mailbox);
        free(gateway);
        return;
    }
    for (uint32_t i = 0; i < ENGINE_LOANS_MAX; i++) {
        struct gateway_track *track = &gateway->tracks[i];
        uint64_t due_us = time_add_us(track->idle_us, GATEWAY_LINGER_US);
        if (!is_idle(track)) {
            continue;
        }
        if (net_now_us() >= due_us) {
            give_back(track);
        } else {
            next_us = time_min_us(next_us, due_us);
        }
    }
    net_deadline_set(gateway->linger, next_us);
}

void gateway_track_left(struct gateway_track *track)
{
    assert(track->stream_count > 0);
    track->stream_count--;
    track->idle_us = net_now_us();
    if (!track->gateway->is_closing) {
        linger(track->gateway);
    }
}

/* Takes the exchanges that wait for it, one after the other; NULL: none is left. */
static struct net_http_exchange *next_waiting(struct gateway_track *track)
{
    struct gateway *gateway = track->gateway;
    for (uint32_t i = 0; i < gateway->waiting_count; i++) {
        if (gateway->waiting[i].track == track) {
            struct net_http_exchange *exchange = gateway->waiting[i].exchange;
            gateway->waiting_count--;
            memmove(&gateway->waiting[i], &gateway->waiting[i + 1],
                    (gateway->waiting_count - i) * sizeof gateway->waiting[0]);
            track->waiting_count--;
            return exchange;
        }
    }
    return NULL;
}

static void on_ready(void *context, int error, const struct media_file *file)
{
    struct gateway_track *track = context;
    if (error == 0) {
        track->file = *file;
        track->is_ready = true;
    }
    struct net_http_exchange *exchange;
    while ((exchange = next_waiting(track)) != NULL) {
        if (error == 0) {
            answer_track(track, exchange);
        } else {
            answer_failure(exchange, error);
        }
    }
    if (error != 0) {
        give_back(track); /* the next request tries anew */
        return;
    }
    track->idle_us = net_now_us();
    linger(track->gateway);
}

/* A free place, or that of who has been idle for longest. NULL: all are being read. */
static struct gateway_track *find_place(struct gateway *gateway)
{
    struct gateway_track *best = NULL;
    for (uint32_t i = 0; i < ENGINE_LOANS_MAX; i++) {
        struct gateway_track *track = &gateway->tracks[i];
        if (track->loan == NULL) {
            return track;
        }
        if (is_idle(track) && (best == NULL || track->idle_us < best->idle_us)) {
            best = track;
        }
    }
    if (best != NULL) {
        give_back(best);
    }
    return best;
}

static int find_track(struct gateway *gateway, const uint8_t *id, struct gateway_track **ret_track)
{
    for (uint32_t i = 0; i < ENGINE_LOANS_MAX; i++) {
        struct gateway_track *track = &gateway->tracks[i];
        if (track->loan != NULL && memcmp(track->id, id, TRACK_ID_BYTES) == 0) {
            *ret_track = track;
            return 0;
        }
    }
    struct gateway_track *track = find_place(gateway);
    int error = track == NULL ? ERROR_BUSY
                              : engine_lend(gateway->engine, id, on_ready, track, &track->loan);
    if (error == 0) {
        memcpy(track->id, id, TRACK_ID_BYTES);
        *ret_track = track;
    }
    return error;
}

/* --- requests ------------------------------------------------------------------------------------------- */

static void on_request(void *context, struct net_http_exchange *exchange,
                       const struct net_http_request *request)
{
    struct gateway *gateway = context;
    uint8_t id[TRACK_ID_BYTES];
    struct gateway_track *track;
    int status = gateway_route(request->path, request->query, request->host, gateway->token, id);
    if (status != 200) {
        net_http_answer_error(exchange, status, NULL);
        return;
    }
    int error = gateway->is_closing || gateway->waiting_count == GATEWAY_WAITING_MAX
                    ? ERROR_BUSY
                    : find_track(gateway, id, &track);
    if (error != 0) {
        answer_failure(exchange, error);
    } else if (track->is_ready) {
        answer_track(track, exchange);
    } else {
        track->waiting_count++;
        gateway->waiting[gateway->waiting_count++] =
            (struct gateway_waiting){.exchange = exchange, .track = track};
    }
}

static void on_link(void *context, struct net_stream *stream, const uint8_t *bytes, size_t count)
{
    (void)context;
    (void)bytes;
    (void)count;
    net_stream_close(stream); /* peers come elsewhere */
}

/* The mailbox's end comes at the end of a turn: the memory goes in the next. */
static void on_closed(void *context)
{
    struct gateway *gateway = context;
    gateway_stream_free_all(gateway);
    gateway->has_closed = true;
    net_deadline_set(gateway->linger, net_now_us());
}

static const struct net_http_handler handler = {
    .request = on_request, .link = on_link, .closed = on_closed};

/* --- life --------------------------------------------------------------------------------------------------- */

static bool read_token(const char *path, char *ret_token)
{
    uint8_t bytes[GATEWAY_TOKEN_DIGITS / 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t count = read(fd, ret_token, GATEWAY_TOKEN_DIGITS);
    close(fd);
    ret_token[GATEWAY_TOKEN_DIGITS] = '\0';
    return count == GATEWAY_TOKEN_DIGITS &&
           media_hex_decode(ret_token, GATEWAY_TOKEN_DIGITS / 2, bytes) == 0;
}

static int make_token(const char *path, char *ret_token)
{
    uint8_t bytes[GATEWAY_TOKEN_DIGITS / 2];
    char part[TOKEN_PATH_BYTES + 8];
    if (crypto_random(bytes, sizeof bytes) != 0) {
        return ERROR_SYSTEM;
    }
    media_hex_encode(bytes, sizeof bytes, ret_token);
    snprintf(part, sizeof part, "%s.part", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ERROR_IO;
    }
    bool is_written = write(fd, ret_token, GATEWAY_TOKEN_DIGITS) == GATEWAY_TOKEN_DIGITS;
    is_written = fsync(fd) == 0 && is_written;
    is_written = close(fd) == 0 && is_written;
    return is_written && rename(part, path) == 0 ? 0 : ERROR_IO;
}

/* A folder that can't be written: a token of this run alone. */
static int take_token(struct gateway *gateway, const char *state)
{
    char path[TOKEN_PATH_BYTES];
    snprintf(path, sizeof path, "%s/gateway.token", state);
    if (read_token(path, gateway->token)) {
        return 0;
    }
    int error = make_token(path, gateway->token);
    return error == ERROR_IO ? 0 : error;
}

static int open_server(struct gateway *gateway, uint16_t port, char *ret_text)
{
    const struct net_http_config config = {.stall_us = STALL_US,
                                           .connections_max = CONNECTIONS_MAX};
    int error = net_http_server_new(gateway->loop, &config, &handler, gateway, &gateway->server);
    if (error != 0) {
        return error;
    }
    error = net_listener_open(gateway->loop, ADDRESS, port, net_http_server_take, gateway->server,
                              &gateway->listener, ret_text);
    if (error != 0) {
        return error;
    }
    char text[NET_ADDRESS_TEXT_BYTES];
    net_address_format(net_listener_address(gateway->listener), text);
    snprintf(gateway->url, sizeof gateway->url, "http://%s", text);
    return net_mailbox_open(gateway->loop, sizeof(struct gateway_mail),
                            2u * GATEWAY_STREAMS_MAX + 2u, gateway_stream_mail, gateway,
                            &gateway->mailbox);
}

int gateway_open(struct net_loop *loop, struct engine *engine, const char *state, uint16_t port,
                 struct gateway **ret_gateway, char ret_text[NET_LISTENER_TEXT_BYTES])
{
    struct gateway *gateway = calloc(1, sizeof *gateway);
    snprintf(ret_text, NET_LISTENER_TEXT_BYTES, "out of memory");
    if (gateway == NULL) {
        return ERROR_NO_MEMORY;
    }
    gateway->loop = loop;
    gateway->engine = engine;
    for (uint32_t i = 0; i < ENGINE_LOANS_MAX; i++) {
        gateway->tracks[i].gateway = gateway;
    }
    int error = take_token(gateway, state);
    if (error == 0) {
        error = net_deadline_open(loop, linger, gateway, &gateway->linger);
    }
    if (error == 0) {
        error = open_server(gateway, port, ret_text);
    }
    if (error == 0) {
        *ret_gateway = gateway;
        return 0;
    }
    net_listener_close(gateway->listener);
    if (gateway->server != NULL) {
        net_http_server_close(gateway->server); /* which frees the gateway */
    } else {
        net_deadline_close(gateway->linger);
        free(gateway);
    }
    return error;
}

const char *gateway_url(const struct gateway *gateway)
{
    return gateway->url;
}

const char *gateway_token(const struct gateway *gateway)
{
    return gateway->token;
}

void gateway_close(struct gateway *gateway)
{
    if (gateway == NULL) {
        return;
    }
    gateway->is_closing = true;
    gateway_stream_stop_all(gateway);
    net_mailbox_close(gateway->mailbox);
    net_deadline_set(gateway->linger, TIME_NEVER_US);
    net_listener_close(gateway->listener);
    while (gateway->waiting_count > 0) {
        answer_failure(gateway->waiting[--gateway->waiting_count].exchange, ERROR_CLOSED);
    }
    for (uint32_t i = 0; i < ENGINE_LOANS_MAX; i++) {
        if (gateway->tracks[i].loan != NULL) {
            give_back(&gateway->tracks[i]);
        }
    }
    net_http_server_close(gateway->server);
}
