/*
 * own_engine.c: an engine on a thread of its own, and who holds it.
 *
 * Happy path: hold -> the thread opens engine, control socket and gateway, says so, runs its loop ->
 * release -> a mail stops the loop -> all is closed in the reverse order -> joined. Failure modes:
 * opening fails: the thread has ended when hold returns; a fatal error of the engine later: the gateway
 * breaks its connections, and the next hold finds a dead engine and says so.
 */
#include "player/gst_plugin/own_engine.h"

#include "common/error.h"
#include "common/net/mailbox.h"
#include "player/gateway/gateway.h"
#include "player/ipc/control_server.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct own_engine {
    char origin[PLACE_URL_BYTES];
    struct net_loop *loop;
    struct engine *engine;
    struct control_server *control; /* NULL: no socket could be had */
    struct gateway *gateway;
    struct net_mailbox *mailbox;

    /* What the opener waits for. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool has_failed; /* after it was open; under the mutex, as `mailbox` once it is settled */
    bool is_settled;
    int error;
    char text[PLACE_TEXT_BYTES];
    char tracks[PLACE_URL_BYTES];
};

static pthread_mutex_t holders_mutex = PTHREAD_MUTEX_INITIALIZER; /* of these three */
static unsigned holders;
static struct own_engine own = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                                .changed = PTHREAD_COND_INITIALIZER};
static pthread_t thread;

/* --- verbs ------------------------------------------------------------------------------------------ */

static json_t *status(struct own_engine *of)
{
    struct node_status now;
    engine_get_status(of->engine, &now);
    json_t *origin =
        json_pack("{s:s, s:b, s:I, s:I, s:s}", "url", of->origin, "up", now.origin_up, "rtt_ms",
                  (json_int_t)(now.origin_rtt_us / TIME_US_PER_MS), "rate_bytes_per_s",
                  (json_int_t)now.origin_rate_bps, "text", engine_origin_text(of->engine));
    return json_pack("{s:b, s:n, s:o}", "ok", true, "playing", "origin", origin);
}

static void handle(void *context, uint32_t client, const char *verb, const json_t *request)
{
    struct own_engine *of = context;
    json_t *answer;
    if (strcmp(verb, "gateway") == 0) {
        answer = json_pack("{s:b, s:s, s:s, s:s}", "ok", true, "url", gateway_url(of->gateway),
                           "token", gateway_token(of->gateway), "tracks", of->tracks);
    } else if (strcmp(verb, "status") == 0) {
        answer = status(of);
    } else {
        answer =
            json_pack("{s:s}", "error",
                      "do: this engine is a GStreamer application's; it has gateway and status");
    }
    json_t *id = json_object_get(request, "id");
    if (answer != NULL && id != NULL) {
        json_object_set(answer, "id", id);
    }
    control_server_say(of->control, client, answer);
}

static void gone(void *context, uint32_t client)
{
    (void)context;
    (void)client;
}

/* --- the thread --------------------------------------------------------------------------------------- */

static void settle(int error)
{
    pthread_mutex_lock(&own.mutex);
    own.error = error;
    own.is_settled = true;
    pthread_cond_signal(&own.changed);
    pthread_mutex_unlock(&own.mutex);
}

static void on_fatal(void *context, const struct engine_failure *failure)
{
    (void)context;
    (void)failure;
    pthread_mutex_lock(&own.mutex);
    own.has_failed = true;
    pthread_mutex_unlock(&own.mutex);
    net_loop_stop(own.loop);
}

static void on_stop(void *context, const void *message)
{
    (void)message;
    net_loop_stop(context);
}

static int open_engine(const struct engine_paths *paths)
{
    struct engine_failure failure;
    const struct engine_config config = {
        .paths = paths,
        .origin_url = own.origin,
        .with_peers = true,
        .no_upload = true,
        .silent = true,
        .callbacks = {.on_fatal = on_fatal},
    };
    int error = engine_open(own.loop, &config, &own.engine, &failure);
    if (error != 0) {
        snprintf(own.text, sizeof own.text, "%s", failure.message);
    }
    return error;
}

static int open_doors(const struct engine_paths *paths)
{
    char text[NET_LISTENER_TEXT_BYTES];
    int error = gateway_open(own.loop, own.engine, paths->state, 0, &own.gateway, text);
    if (error != 0) {
        snprintf(own.text, sizeof own.text, "gateway: %s", text);
        return error;
    }
    snprintf(own.tracks, sizeof own.tracks, "%s/%s/tracks/", gateway_url(own.gateway),
             gateway_token(own.gateway));
    const struct control_hooks hooks = {.handle = handle, .gone = gone, .context = &own};
    if (control_server_open(own.loop, paths->state, REFRAIN_VERSION, &hooks, &own.control) != 0) {
        own.control = NULL; /* others will not find it */
    }
    return 0;
}

static void close_all(void)
{
    control_server_close(own.control);
    own.control = NULL;
    gateway_close(own.gateway);
    own.gateway = NULL;
    if (own.engine != NULL) {
        engine_close(own.engine);
    }
    net_mailbox_close(own.mailbox);
    net_loop_run(own.loop);
    engine_free(own.engine);
    own.engine = NULL;
    pthread_mutex_lock(&own.mutex);
    net_mailbox_free(own.mailbox);
    own.mailbox = NULL;
    pthread_mutex_unlock(&own.mutex);
    net_loop_free(own.loop);
    own.loop = NULL;
}

static void *run(void *context)
{
    (void)context;
    struct engine_paths paths;
    snprintf(own.text, sizeof own.text, "player: out of memory, or no more threads");
    int error = engine_paths_init(&paths);
    if (error == 0) {
        error = net_loop_new(&own.loop);
    }
    if (error != 0) {
        settle(error);
        return NULL;
    }
    error = net_mailbox_open(own.loop, sizeof(char), 2, on_stop, own.loop, &own.mailbox);
    if (error == 0) {
        error = open_engine(&paths);
    }
    if (error == 0) {
        error = open_doors(&paths);
    }
    if (error != 0) {
        close_all();
        settle(error);
        return NULL;
    }
    settle(0);
    net_loop_run(own.loop);
    close_all();
    return NULL;
}

/* --- holders -------------------------------------------------------------------------------------------- */

static int begin(const char *origin, char *ret_text)
{
    snprintf(own.origin, sizeof own.origin, "%s", origin);
    own.is_settled = false;
    own.has_failed = false;
    if (pthread_create(&thread, NULL, run, NULL) != 0) {
        snprintf(ret_text, PLACE_TEXT_BYTES, "player: no more threads; close other programs");
        return ERROR_SYSTEM;
    }
    pthread_mutex_lock(&own.mutex);
    while (!own.is_settled) {
        pthread_cond_wait(&own.changed, &own.mutex);
    }
    int error = own.error;
    pthread_mutex_unlock(&own.mutex);
    if (error != 0) {
        pthread_join(thread, NULL);
        snprintf(ret_text, PLACE_TEXT_BYTES, "%s", own.text);
    }
    return error;
}

static int still_runs(char *ret_text)
{
    pthread_mutex_lock(&own.mutex);
    bool has_failed = own.has_failed;
    pthread_mutex_unlock(&own.mutex);
    if (has_failed) {
        snprintf(ret_text, PLACE_TEXT_BYTES, "player: its engine has failed; end what plays first");
    }
    return has_failed ? ERROR_SYSTEM : 0;
}

int own_engine_hold(const char *origin, char ret_tracks[PLACE_URL_BYTES],
                    char ret_text[PLACE_TEXT_BYTES])
{
    pthread_mutex_lock(&holders_mutex);
    int error = holders == 0 ? begin(origin, ret_text) : still_runs(ret_text);
    if (error == 0) {
        holders++;
        snprintf(ret_tracks, PLACE_URL_BYTES, "%s", own.tracks);
    }
    pthread_mutex_unlock(&holders_mutex);
    return error;
}

void own_engine_release(void)
{
    pthread_mutex_lock(&holders_mutex);
    if (--holders == 0) {
        char stop = 1;
        pthread_mutex_lock(&own.mutex);
        if (own.mailbox != NULL) { /* it may have stopped by itself */
            net_mailbox_post(own.mailbox, &stop);
        }
        pthread_mutex_unlock(&own.mutex);
        pthread_join(thread, NULL);
    }
    pthread_mutex_unlock(&holders_mutex);
}
