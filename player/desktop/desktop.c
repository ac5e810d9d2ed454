/*
 * desktop.c: from events to MPRIS and hooks, from what the desktop asks to verbs.
 *
 * Failure modes: none of these is worth a standstill: what can't be had is left out.
 */
#include "player/desktop/desktop.h"

#include "common/error.h"
#include "common/net/mailbox.h"
#include "media/core/file_id.h"
#include "player/dbus/mpris.h"
#include "player/desktop/covers.h"
#include "player/desktop/hooks.h"
#include "player/front/front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BEGIN_US (500 * TIME_US_PER_MS)
#define END_TURNS 3u /* of the loop, until all that was closed is gone */
#define REQUESTS_MAX 64u
/* A position that is farther off than this from where it should be has jumped (once a second one is told). */
#define JUMP_US (600 * TIME_US_PER_MS)
/* Between two positions; more is a jump. */
#define STEP_US_MAX (3 * TIME_US_PER_S)

struct desktop {
    struct control *control;
    struct session *session;
    struct net_deadline *begin;
    struct net_mailbox *mailbox; /* what the bus asks; with mpris */
    struct front *front;         /* NULL: not begun, or nothing is of use */
    struct mpris *mpris;
    struct hooks *hooks;
    struct covers *covers;
    struct mpris_now now;
    /* What is heard of what plays, for "on-play". */
    json_t *track; /* the last "track" event; NULL: nothing plays */
    uint64_t heard_us;
    time_t began_s;
    bool is_started; /* its hook has run */
    bool is_closed;
    unsigned turns_left; /* closed: until the memory goes */
};

/* --- asking --------------------------------------------------------------------------------------------- */

static void ask(struct desktop *desktop, json_t *request)
{
    if (request != NULL && desktop->front != NULL) {
        front_ask(desktop->front, request, NULL, NULL);
    }
}

/* What is played from an address of ours: its track. Other texts as they are. */
static json_t *open_request(const char *uri)
{
    struct target target;
    char text[TARGET_TEXT_BYTES];
    char id[2 * TRACK_ID_BYTES + 1];
    if (target_parse(uri, &target, text) == 0 && target.kind == TARGET_ADDRESS) {
        media_hex_encode(target.id, TRACK_ID_BYTES, id);
        uri = id;
    }
    return json_pack("{s:s, s:[s]}", "do", "play", "targets", uri);
}

static json_t *request_of(const struct mpris_request *request)
{
    static const char *const plain[] = {"next", "prev", "pause", "resume", "toggle", "stop"};
    static const char *const repeats[] = {"off", "one", "all"};
    switch (request->kind) {
    case MPRIS_NEXT:
    case MPRIS_PREVIOUS:
    case MPRIS_PAUSE:
    case MPRIS_PLAY:
    case MPRIS_PLAY_PAUSE:
    case MPRIS_STOP:
        return json_pack("{s:s}", "do", plain[request->kind]);
    case MPRIS_SEEK_TO:
        return json_pack("{s:s, s:I}", "do", "seek", "position_ms",
                         (json_int_t)(request->value / (int64_t)TIME_US_PER_MS));
    case MPRIS_OPEN:
        return open_request(request->uri);
    case MPRIS_SET_LOOP:
        return json_pack("{s:s, s:s}", "do", "repeat", "mode", repeats[request->value]);
    case MPRIS_SET_SHUFFLE:
        return json_pack("{s:s, s:s}", "do", "shuffle", "mode",
                         request->value != 0 ? "tracks" : "off");
    case MPRIS_SET_VOLUME:
        return json_pack("{s:s, s:I}", "do", "volume", "percent", (json_int_t)request->value);
    case MPRIS_QUIT:
        break;
    }
    return json_pack("{s:s}", "do", "quit");
}

static void take_request(void *context, const void *message)
{
    ask(context, request_of(message));
}

/* On mpris' thread. */
static void asked(void *context, const struct mpris_request *request)
{
    struct desktop *desktop = context;
    net_mailbox_post(desktop->mailbox, request); /* full: the bus asks too much */
}

/* --- hooks ------------------------------------------------------------------------------------------------ */

/* The track's words, with what belongs to the hook. */
static json_t *hook_object(const struct desktop *desktop, const char *event)
{
    json_t *object = json_deep_copy(desktop->track);
    if (object != NULL) {
        json_object_set_new(object, "event", json_string(event));
        json_object_set_new(object, "started_at", json_integer((json_int_t)desktop->began_s));
        if (desktop->session->origin != NULL) {
            json_object_set_new(object, "origin", json_string(desktop->session->origin));
        }
        if (desktop->now.cover[0] != '\0') {
            json_object_set_new(object, "cover", json_string(desktop->now.cover));
        }
    }
    return object;
}

/* What played is over. */
static void end_play(struct desktop *desktop)
{
    if (desktop->track != NULL && desktop->heard_us > 0) {
        json_t *object = hook_object(desktop, "play");
        if (object != NULL) {
            json_object_set_new(object, "played_ms",
                                json_integer((json_int_t)(desktop->heard_us / TIME_US_PER_MS)));
        }
        hooks_run(desktop->hooks, HOOKS_PLAY, object);
    }
    json_decref(desktop->track);
    desktop->track = NULL;
    desktop->heard_us = 0;
    desktop->is_started = false;
}

static void start_play(struct desktop *desktop)
{
    bool has_words = json_object_get(desktop->track, "title") != NULL;
    if (desktop->track != NULL && has_words && !desktop->is_started &&
        desktop->now.state == MPRIS_PLAYING) {
        desktop->is_started = true;
        desktop->began_s = time(NULL);
        hooks_run(desktop->hooks, HOOKS_TRACK_START, hook_object(desktop, "track-start"));
    }
}

/* --- events ----------------------------------------------------------------------------------------------- */

static void tell(struct desktop *desktop)
{
    if (desktop->mpris != NULL) {
        mpris_tell(desktop->mpris, &desktop->now);
    }
}

static void take_text(const json_t *event, const char *key, char *ret_text, size_t capacity)
{
    const char *text = json_string_value(json_object_get(event, key));
    size_t bytes = text != NULL ? strlen(text) : 0;
    if (bytes >= capacity) {
        bytes = capacity - 1;
        while (bytes > 0 && ((unsigned char)text[bytes] & 0xc0u) == 0x80u) {
            bytes--; /* not inside a character */
        }
    }
    memcpy(ret_text, bytes > 0 ? text : "", bytes);
    ret_text[bytes] = '\0';
}

/* refrain://HOST[:PORT]/tracks/ID */
static void take_url(struct desktop *desktop, const char *id)
{
    struct net_url url;
    char place[NET_HOST_BYTES_MAX + 16];
    struct mpris_now *now = &desktop->now;
    now->url[0] = '\0';
    if (id != NULL && desktop->session->origin != NULL &&
        net_url_parse(desktop->session->origin, &url) == 0 &&
        net_host_port_format(url.host, url.port, place, sizeof place) == 0) {
        snprintf(now->url, sizeof now->url, "refrain://%s/tracks/%s", place, id);
    }
}

static void want_cover(struct desktop *desktop, const char *id)
{
    uint8_t track_id[TRACK_ID_BYTES];
    const struct words_track *words =
        id != NULL && media_hex_decode(id, TRACK_ID_BYTES, track_id) == 0
            ? words_get(&desktop->session->words, track_id)
            : NULL;
    static const struct media_file_id none;
    if (desktop->covers != NULL) {
        /* Without words nothing is wanted: not what the track before wanted. */
        covers_want(desktop->covers, words != NULL ? &words->cover : &none);
    }
}

static void on_track(struct desktop *desktop, const json_t *event)
{
    struct mpris_now *now = &desktop->now;
    const char *id = json_string_value(json_object_get(event, "track"));
    uint32_t entry = (uint32_t)json_integer_value(json_object_get(event, "entry"));
    if (id == NULL || entry != now->entry) {
        end_play(desktop);
        now->cover[0] = '\0';
        now->position_us = 0;
        now->position_at_us = net_now_us();
        desktop->began_s = time(NULL);
    }
    now->entry = id != NULL ? entry : 0;
    now->length_us =
        (uint64_t)json_integer_value(json_object_get(event, "duration_ms")) * TIME_US_PER_MS;
    take_text(event, "title", now->title, sizeof now->title);
    take_text(event, "artist", now->artist, sizeof now->artist);
    take_text(event, "album", now->album, sizeof now->album);
    take_url(desktop, id);
    if (id != NULL) {
        json_decref(desktop->track);
        desktop->track = json_deep_copy(event);
    }
    want_cover(desktop, id);
    start_play(desktop);
}

static void on_state(struct desktop *desktop, const json_t *event)
{
    const char *state = json_string_value(json_object_get(event, "state"));
    struct mpris_now *now = &desktop->now;
    uint64_t moment_us = net_now_us();
    if (now->state == MPRIS_PLAYING) {
        now->position_us += moment_us - now->position_at_us;
    }
    now->position_at_us = moment_us;
    if (state == NULL || strcmp(state, "stopped") == 0) {
        now->state = MPRIS_STOPPED;
    } else {
        /* What opens or waits for bytes is playing, for who looks from outside. */
        now->state = strcmp(state, "paused") == 0 ? MPRIS_PAUSED : MPRIS_PLAYING;
    }
    if (state != NULL && strcmp(state, "playing") == 0) {
        start_play(desktop);
    }
}

/* The same entry from its beginning, behind its end: it is repeated. */
static bool is_again(const struct mpris_now *now, uint64_t at_us)
{
    return at_us < STEP_US_MAX && now->length_us > 2 * STEP_US_MAX &&
           now->position_us + STEP_US_MAX > now->length_us;
}

static void on_position(struct desktop *desktop, const json_t *event)
{
    struct mpris_now *now = &desktop->now;
    uint64_t moment_us = net_now_us();
    uint64_t at_us =
        (uint64_t)json_integer_value(json_object_get(event, "position_ms")) * TIME_US_PER_MS;
    if (json_integer_value(json_object_get(event, "entry")) != (json_int_t)now->entry) {
        return;
    }
    uint64_t since_us = now->state == MPRIS_PLAYING ? moment_us - now->position_at_us : 0;
    uint64_t expected_us = now->position_us + since_us;
    uint64_t off_us = at_us > expected_us ? at_us - expected_us : expected_us - at_us;
    if (at_us > now->position_us && at_us - now->position_us < STEP_US_MAX) {
        desktop->heard_us += at_us - now->position_us;
    }
    if (is_again(now, at_us) && desktop->track != NULL) {
        json_t *track = json_incref(desktop->track);
        end_play(desktop);
        desktop->track = track;
        start_play(desktop);
    }
    now->jumps += off_us > JUMP_US;
    now->position_us = at_us;
    now->position_at_us = moment_us;
}

static void on_modes(struct desktop *desktop, const json_t *event)
{
    const char *shuffle = json_string_value(json_object_get(event, "shuffle"));
    const char *repeat = json_string_value(json_object_get(event, "repeat"));
    desktop->now.is_shuffled = shuffle != NULL && strcmp(shuffle, "off") != 0;
    desktop->now.loop = repeat == NULL               ? desktop->now.loop
                        : strcmp(repeat, "one") == 0 ? MPRIS_LOOP_TRACK
                        : strcmp(repeat, "all") == 0 ? MPRIS_LOOP_PLAYLIST
                                                     : MPRIS_LOOP_NONE;
}

static void on_event(void *context, const char *name, const json_t *event)
{
    struct desktop *desktop = context;
    if (strcmp(name, "track") == 0) {
        on_track(desktop, event);
    } else if (strcmp(name, "state") == 0) {
        on_state(desktop, event);
    } else if (strcmp(name, "position") == 0) {
        on_position(desktop, event);
    } else if (strcmp(name, "modes") == 0) {
        on_modes(desktop, event);
    } else if (strcmp(name, "queue") == 0) {
        desktop->now.count = (uint32_t)json_integer_value(json_object_get(event, "count"));
    } else if (strcmp(name, "volume") == 0) {
        desktop->now.volume = json_number_value(json_object_get(event, "percent")) / 100.0;
    } else {
        return;
    }
    tell(desktop);
}

static void cover_found(void *context, const struct media_file_id *cover, const char *path)
{
    struct desktop *desktop = context;
    (void)cover;
    snprintf(desktop->now.cover, sizeof desktop->now.cover, "%s", path);
    tell(desktop);
}

/* --- life --------------------------------------------------------------------------------------------------- */

static void open_mpris(struct desktop *desktop)
{
    if (!mpris_is_possible() ||
        net_mailbox_open(desktop->session->loop, sizeof(struct mpris_request), REQUESTS_MAX,
                         take_request, desktop, &desktop->mailbox) != 0) {
        return;
    }
    desktop->mpris = mpris_open(asked, desktop);
}

/* What the loop had to close has closed. */
static void end(struct desktop *desktop)
{
    net_deadline_close(desktop->begin);
    net_mailbox_free(desktop->mailbox);
    covers_free(desktop->covers);
    free(desktop);
}

static void begin(void *context)
{
    struct desktop *desktop = context;
    if (desktop->is_closed && desktop->turns_left > 0) {
        desktop->turns_left--; /* a turn closes what was to be closed behind its deadlines */
        net_deadline_set(desktop->begin, net_now_us());
        return;
    }
    if (desktop->is_closed) {
        end(desktop);
        return;
    }
    struct session *session = desktop->session;
    const struct front_callbacks callbacks = {.event = on_event, .context = desktop};
    open_mpris(desktop);
    bool has_hooks =
        hooks_has(desktop->hooks, HOOKS_TRACK_START) || hooks_has(desktop->hooks, HOOKS_PLAY);
    if (desktop->mpris == NULL && !has_hooks) {
        return;
    }
    desktop->covers =
        covers_open(session->loop, session->paths.cache,
                    session->args->offline ? NULL : session->origin, cover_found, desktop);
    if (front_open_local(desktop->control, &callbacks, &desktop->front) == 0) {
        ask(desktop, json_pack("{s:s, s:[s, s, s, s, s, s]}", "do", "subscribe", "events", "track",
                               "state", "position", "queue", "modes", "volume"));
    }
}

struct desktop *desktop_open(struct control *control, struct session *session)
{
    struct desktop *desktop = calloc(1, sizeof *desktop);
    if (desktop == NULL) {
        return NULL;
    }
    desktop->control = control;
    desktop->session = session;
    desktop->now.volume = 1.0;
    desktop->hooks = hooks_open(session->loop);
    if (desktop->hooks == NULL ||
        net_deadline_open(session->loop, begin, desktop, &desktop->begin) != 0) {
        hooks_close(desktop->hooks);
        free(desktop);
        return NULL;
    }
    net_deadline_set(desktop->begin, net_now_us() + BEGIN_US);
    return desktop;
}

void desktop_close(struct desktop *desktop)
{
    if (desktop == NULL) {
        return;
    }
    end_play(desktop);
    front_close(desktop->front);
    mpris_close(desktop->mpris);
    net_mailbox_close(desktop->mailbox);
    covers_close(desktop->covers);
    hooks_close(desktop->hooks);
    desktop->is_closed = true;
    desktop->turns_left = END_TURNS;
    net_deadline_set(desktop->begin, net_now_us());
}
