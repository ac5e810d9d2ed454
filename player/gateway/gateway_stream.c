/*
 * gateway_stream.c: one answer's bytes, read by a thread of its own.
 *
 * Happy path: `want` -> the thread reads -> mail -> net_http_fed -> ... -> `done` -> the thread ends ->
 * mail -> joined, freed. Failure modes: a read that fails feeds -1, and the connection breaks; `done`
 * while a read waits for the network: the reader is unlocked, so that it ends at once.
 *
 * The thread begins with the first `want`: a HEAD costs none. It has a small stack and no other duty,
 * because libuv's threads are few and also look names up: whoever waits for an origin must not hold one.
 */
#include "common/error.h"
#include "player/gateway/gateway_internal.h"

#include <assert.h>
#include <stdlib.h>

#define STACK_BYTES (128u * 1024u)

/* --- the thread ------------------------------------------------------------------------------------ */

static void post(struct gateway_stream *stream, bool has_ended, ssize_t got)
{
    const struct gateway_mail mail = {.stream = stream, .has_ended = has_ended, .got = got};
    int error = net_mailbox_post(stream->gateway->mailbox, &mail);
    assert(error == 0 || error == ERROR_CLOSED); /* it has room for two of each stream */
    (void)error;
}

static void *run(void *context)
{
    struct gateway_stream *stream = context;
    pthread_mutex_lock(&stream->mutex);
    for (;;) {
        while (!stream->is_asked && !stream->is_ending) {
            pthread_cond_wait(&stream->changed, &stream->mutex);
        }
        if (stream->is_ending) {
            break;
        }
        stream->is_asked = false;
        uint64_t offset = stream->offset;
        uint8_t *buffer = stream->buffer;
        size_t bytes = stream->bytes;
        pthread_mutex_unlock(&stream->mutex);
        int error = reader_file_read(stream->file, offset, buffer, (uint32_t)bytes);
        post(stream, false, error == 0 ? (ssize_t)bytes : -1);
        pthread_mutex_lock(&stream->mutex);
    }
    pthread_mutex_unlock(&stream->mutex);
    post(stream, true, 0);
    return NULL;
}

static int start(struct gateway_stream *stream)
{
    int error = engine_loan_open(stream->track->loan, &stream->file);
    if (error != 0) {
        return error;
    }
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    stream->has_thread = pthread_create(&stream->thread, &attributes, run, stream) == 0;
    pthread_attr_destroy(&attributes);
    return stream->has_thread ? 0 : ERROR_SYSTEM;
}

/* The thread ends as soon as it can. */
static void end_thread(struct gateway_stream *stream)
{
    reader_file_unlock(stream->file);
    pthread_mutex_lock(&stream->mutex);
    stream->is_ending = true;
    pthread_cond_signal(&stream->changed);
    pthread_mutex_unlock(&stream->mutex);
}

/* --- the loop's side -------------------------------------------------------------------------------- */

static void close_reader(struct gateway_stream *stream)
{
    if (stream->file != NULL) {
        engine_loan_close(stream->track->loan, stream->file);
        stream->file = NULL;
    }
    if (stream->track != NULL) {
        struct gateway_track *track = stream->track;
        stream->track = NULL;
        gateway_track_left(track);
    }
}

static void free_stream(struct gateway_stream *stream)
{
    struct gateway *gateway = stream->gateway;
    struct gateway_stream **link = &gateway->streams;
    while (*link != stream) {
        link = &(*link)->next;
    }
    *link = stream->next;
    gateway->stream_count--;
    close_reader(stream);
    pthread_mutex_destroy(&stream->mutex);
    pthread_cond_destroy(&stream->changed);
    free(stream);
}

static void on_want(void *context, struct net_http_body *body, uint64_t offset, uint8_t *buffer,
                    size_t bytes)
{
    struct gateway_stream *stream = context;
    if (stream->gateway->is_closing || (!stream->has_thread && start(stream) != 0)) {
        net_http_fed(body, -1);
        return;
    }
    stream->wanting = body;
    pthread_mutex_lock(&stream->mutex);
    stream->offset = offset;
    stream->buffer = buffer;
    stream->bytes = bytes;
    stream->is_asked = true;
    pthread_cond_signal(&stream->changed);
    pthread_mutex_unlock(&stream->mutex);
}

static void on_done(void *context)
{
    struct gateway_stream *stream = context;
    stream->is_done = true;
    if (stream->has_thread) {
        end_thread(stream); /* its last mail frees the stream */
    } else if (stream->wanting == NULL) {
        free_stream(stream);
    }
}

void gateway_stream_mail(void *context, const void *message)
{
    (void)context;
    const struct gateway_mail *mail = message;
    struct gateway_stream *stream = mail->stream;
    if (!mail->has_ended) {
        struct net_http_body *body = stream->wanting;
        stream->wanting = NULL;
        net_http_fed(body, mail->got);
        return;
    }
    pthread_join(stream->thread, NULL);
    stream->has_thread = false;
    if (stream->wanting != NULL) { /* asked for when the end was decided */
        struct net_http_body *body = stream->wanting;
        stream->wanting = NULL;
        net_http_fed(body, -1);
    }
    free_stream(stream);
}

int gateway_stream_new(struct gateway *gateway, struct gateway_track *track,
                       struct net_http_feed *ret_feed)
{
    struct gateway_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return ERROR_NO_MEMORY;
    }
    stream->gateway = gateway;
    stream->track = track;
    pthread_mutex_init(&stream->mutex, NULL);
    pthread_cond_init(&stream->changed, NULL);
    stream->next = gateway->streams;
    gateway->streams = stream;
    gateway->stream_count++;
    track->stream_count++;
    *ret_feed = (struct net_http_feed){.want = on_want, .done = on_done, .context = stream};
    return 0;
}

void gateway_stream_stop_all(struct gateway *gateway)
{
    for (struct gateway_stream *stream = gateway->streams; stream != NULL; stream = stream->next) {
        if (stream->has_thread) {
            end_thread(stream);
            pthread_join(stream->thread, NULL);
            stream->has_thread = false;
        }
        close_reader(stream);
    }
}

void gateway_stream_free_all(struct gateway *gateway)
{
    while (gateway->streams != NULL) {
        struct gateway_stream *stream = gateway->streams;
        if (stream->wanting != NULL) {
            struct net_http_body *body = stream->wanting;
            stream->wanting = NULL;
            net_http_fed(body, -1); /* freed by its connection; this lets go of its memory */
        }
        free_stream(stream);
    }
}
