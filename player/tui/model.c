/*
 * model.c: events and answers into what is shown.
 */
#include "player/tui/model.h"

#include "common/error.h"
#include "common/time_us.h"
#include "player/tui/model_page.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_RATE_US_MIN (TIME_US_PER_S / 2)

/* --- reading objects ----------------------------------------------------------------------------- */

const char *model_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

uint64_t model_number(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value < 0 ? 0 : (uint64_t)value;
}

const char *model_kind(const json_t *row)
{
    return model_text(row, "kind");
}

const char *model_track_of(const json_t *row)
{
    const char *id = model_text(row, "track");
    return id[0] != '\0' ? id : model_text(row, "id");
}

static bool has(const json_t *object, const char *key)
{
    return json_object_get(object, key) != NULL;
}

static void set_text(char **to, const char *text)
{
    char *copy = strdup(text);
    if (copy != NULL) {
        free(*to);
        *to = copy;
    }
}

/* A text that is there replaces; memory that is short leaves what was. */
static void take_text(char **to, const json_t *object, const char *key)
{
    if (has(object, key)) {
        set_text(to, model_text(object, key));
    }
}

static void take_number(uint64_t *to, const json_t *object, const char *key)
{
    if (json_is_integer(json_object_get(object, key))) {
        *to = model_number(object, key);
    }
}

static void take_flag(bool *to, const json_t *object, const char *key)
{
    if (json_is_boolean(json_object_get(object, key))) {
        *to = json_is_true(json_object_get(object, key));
    }
}

static void take_word(char *to, size_t capacity, const json_t *object, const char *key)
{
    if (json_is_string(json_object_get(object, key))) {
        snprintf(to, capacity, "%s", model_text(object, key));
    }
}

/* --- what plays ------------------------------------------------------------------------------------ */

static void forget_chunks(struct model *model)
{
    model->chunk_count = 0;
}

static void take_state(struct model *model, const json_t *object)
{
    static const char *const names[] = {"stopped", "opening", "playing", "waiting", "paused"};
    const char *state = model_text(object, "state");
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(state, names[i]) == 0) {
            /* What has sounded until now counts. */
            model->playing.position_ms = model_position_ms(model, model->now_us);
            model->playing.at_us = model->now_us;
            model->playing.state = (enum model_state)i;
        }
    }
}

static void ask_chunks(struct model *model)
{
    model->ask(model->context, json_pack("{s:s}", "do", "chunks"), MODEL_ASK_CHUNKS, 0);
}

/* Any of the fields of what plays; those that are not there stay. */
static void take_playing(struct model *model, const json_t *object)
{
    struct model_playing *playing = &model->playing;
    const char *track = model_track_of(object);
    bool is_other = track[0] != '\0' && strcmp(track, playing->track) != 0;
    if (is_other) {
        forget_chunks(model);
        playing->position_ms = 0;
        playing->at_us = model->now_us;
        playing->buffered_ms = playing->duration_ms = playing->year = 0;
        playing->has_wait = playing->liked = playing->pinned = false;
        playing->format[0] = playing->cover[0] = playing->album[0] = '\0';
        set_text(&playing->track, track);
    }
    take_text(&playing->title, object, "title");
    take_text(&playing->artist, object, "artist");
    take_text(&playing->album, object, "album");
    take_text(&playing->format, object, "format");
    take_text(&playing->cover, object, "cover");
    take_state(model, object);
    if (json_is_integer(json_object_get(object, "position_ms"))) {
        playing->position_ms = model_number(object, "position_ms");
        playing->at_us = model->now_us;
    }
    take_number(&playing->duration_ms, object, "duration_ms");
    take_number(&playing->buffered_ms, object, "buffered_ms");
    take_number(&playing->year, object, "year");
    take_number(&playing->entry, object, "entry");
    take_flag(&playing->liked, object, "liked");
    take_flag(&playing->pinned, object, "pinned");
    if (json_is_integer(json_object_get(object, "wait_ms"))) {
        playing->wait_ms = model_number(object, "wait_ms");
        playing->has_wait = playing->wait_ms > 0; /* 0: the first one is not over */
    }
    if (is_other) {
        ask_chunks(model);
    }
}

static void stop_playing(struct model *model)
{
    model->playing.state = MODEL_STOPPED;
    model->playing.track[0] = '\0';
    model->playing.entry = 0;
    forget_chunks(model);
}

uint64_t model_position_ms(const struct model *model, uint64_t now_us)
{
    const struct model_playing *playing = &model->playing;
    uint64_t at_ms = playing->position_ms;
    if (playing->state == MODEL_PLAYING && now_us > playing->at_us) {
        at_ms += (now_us - playing->at_us) / 1000;
    }
    return playing->duration_ms > 0 && at_ms > playing->duration_ms ? playing->duration_ms : at_ms;
}

/* --- chunks ------------------------------------------------------------------------------------------ */

static int source_of(const char *word)
{
    static const char *const names[MODEL_SOURCES] = {"missing", "cache", "peers", "origin"};
    for (int i = 0; i < MODEL_SOURCES; i++) {
        if (strcmp(word, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

/* [[source,count],...] from `first` on; where it ends. */
static uint32_t take_runs(struct model *model, const json_t *runs, uint32_t first)
{
    size_t index;
    const json_t *run;
    json_array_foreach(runs, index, run)
    {
        const char *word = json_string_value(json_array_get(run, 0));
        json_int_t count = json_integer_value(json_array_get(run, 1));
        int source = word != NULL ? source_of(word) : -1;
        if (source < 0 || count < 0 || count > (json_int_t)(MODEL_CHUNKS_MAX - first)) {
            break;
        }
        memset(model->chunks + first, source, (size_t)count);
        first += (uint32_t)count;
    }
    return first;
}

static void take_chunks(struct model *model, const json_t *object)
{
    const char *track = model_text(object, "track");
    uint64_t count = model_number(object, "chunk_count");
    uint64_t first = model_number(object, "first");
    if (strcmp(track, model->playing.track) != 0 || count > MODEL_CHUNKS_MAX || first > count) {
        return;
    }
    if (count != model->chunk_count) {
        memset(model->chunks, MODEL_MISSING, sizeof model->chunks);
    }
    take_runs(model, json_object_get(object, "runs"), (uint32_t)first);
    model->chunk_count = (uint32_t)count;
}

void model_count_chunks(const struct model *model, uint32_t ret_counts[MODEL_SOURCES])
{
    memset(ret_counts, 0, MODEL_SOURCES * sizeof *ret_counts);
    for (uint32_t i = 0; i < model->chunk_count; i++) {
        ret_counts[model->chunks[i]]++;
    }
}

/* --- status -------------------------------------------------------------------------------------------- */

static void take_sources(uint64_t to[MODEL_SOURCES], const json_t *object)
{
    take_number(&to[MODEL_CACHE], object, "cache");
    take_number(&to[MODEL_PEERS], object, "peers");
    take_number(&to[MODEL_ORIGIN], object, "origin");
}

static uint64_t rate_of(uint64_t before, uint64_t now, uint64_t us)
{
    return now > before ? (now - before) * TIME_US_PER_S / us : 0;
}

/* From one status to the next. */
static void take_rates(struct model *model, const json_t *summary)
{
    uint64_t received_bytes = model_number(summary, "received_bytes");
    uint64_t sent_bytes = model_number(summary, "sent_bytes");
    uint64_t since_us = model->now_us - model->counted_us;
    if (model->counted_us != 0 && since_us < MODEL_RATE_US_MIN) {
        return; /* too short to say */
    }
    if (model->counted_us != 0) {
        model->down_rate = rate_of(model->received_bytes, received_bytes, since_us);
        model->up_rate = rate_of(model->sent_bytes, sent_bytes, since_us);
    }
    model->received_bytes = received_bytes;
    model->sent_bytes = sent_bytes;
    model->counted_us = model->now_us;
}

static void take_modes(struct model *model, const json_t *object)
{
    const json_t *volume = json_object_get(object, "volume");
    volume = json_is_integer(volume) ? volume : json_object_get(object, "percent");
    if (json_is_integer(volume)) {
        json_int_t percent = json_integer_value(volume);
        model->volume_percent = percent < 0 ? 0 : percent > 200 ? 200 : (unsigned)percent;
        model->has_volume = true;
    }
    take_word(model->shuffle, sizeof model->shuffle, object, "shuffle");
    take_word(model->repeat, sizeof model->repeat, object, "repeat");
    model->has_modes = model->shuffle[0] != '\0' || model->repeat[0] != '\0';
}

static void take_status(struct model *model, const json_t *status)
{
    const json_t *playing = json_object_get(status, "playing");
    const json_t *origin = json_object_get(status, "origin");
    const json_t *peers = json_object_get(status, "peers");
    if (json_is_object(playing)) {
        take_playing(model, playing);
    } else if (json_is_null(playing)) {
        stop_playing(model);
    }
    take_sources(model->bytes, json_object_get(json_object_get(status, "summary"), "bytes"));
    take_rates(model, json_object_get(status, "summary"));
    take_modes(model, status);
    model->has_peers = json_is_object(peers);
    model->neighbours = model_number(peers, "neighbours");
    model->has_origin = json_is_object(origin);
    model->origin_up = json_is_true(json_object_get(origin, "up"));
}

static void ask_status(struct model *model)
{
    model->ask(model->context, json_pack("{s:s}", "do", "status"), MODEL_ASK_STATUS, 0);
}

/* --- events and answers ----------------------------------------------------------------------------------- */

void model_say(struct model *model, const char *text, bool is_error, uint64_t now_us)
{
    snprintf(model->message, sizeof model->message, "%s", text);
    model->is_error = is_error;
    model->message_until_us = now_us + MODEL_MESSAGE_US;
}

static void take_message(struct model *model, const json_t *event)
{
    const char *text = model_text(event, "text");
    text = text[0] != '\0' ? text : model_text(event, "message");
    if (text[0] != '\0') {
        const char *level = model_text(event, "level");
        model_say(model, text, strcmp(level, "error") == 0 || strcmp(level, "warning") == 0,
                  model->now_us);
    }
}

/* A queue that is shown, and the pages of what has changed. */
static void refresh(struct model *model, enum model_view view)
{
    if (model->view == view) {
        model_reload(model);
    } else {
        model_page_forget(&model->stacks[view]);
    }
}

static void library_changed(struct model *model, const json_t *event)
{
    const char *what = model_text(event, "what");
    bool has_lists = strcmp(what, "catalogue") != 0;
    if (strcmp(what, "playlists") != 0) {
        refresh(model, MODEL_VIEW_LIBRARY);
    }
    if (has_lists) {
        refresh(model, MODEL_VIEW_PLAYLISTS);
    }
    model_page_ask_queue(model); /* names and likes in it */
}

void model_event(struct model *model, const json_t *event, uint64_t now_us)
{
    const char *name = model_text(event, "event");
    model->now_us = now_us;
    if (strcmp(name, "track") == 0 || strcmp(name, "started") == 0) {
        take_playing(model, event);
        model_page_ask_queue(model);
    } else if (strcmp(name, "state") == 0) {
        take_state(model, event);
        take_number(&model->playing.buffered_ms, event, "buffered_ms");
        if (strcmp(model_text(event, "state"), "stopped") == 0) {
            stop_playing(model);
        }
    } else if (strcmp(name, "position") == 0) {
        const char *track = model_text(event, "track");
        if (track[0] == '\0' || strcmp(track, model->playing.track) == 0) {
            take_playing(model, event);
        }
    } else if (strcmp(name, "queue") == 0) {
        model_page_ask_queue(model); /* its length is always seen */
    } else if (strcmp(name, "volume") == 0 || strcmp(name, "modes") == 0) {
        take_modes(model, event);
    } else if (strcmp(name, "chunks") == 0) {
        take_chunks(model, event);
    } else if (strcmp(name, "message") == 0 || strcmp(name, "error") == 0) {
        take_message(model, event);
    } else if (strcmp(name, "library") == 0) {
        library_changed(model, event);
    } else if (strcmp(name, "play") == 0) {
        take_number(&model->playing.wait_ms, event, "wait_ms");
        model->playing.has_wait = model->playing.wait_ms > 0;
    }
}

/* The playlist is not there: it is made of what should have gone into it. */
static void make_playlist(struct model *model)
{
    json_t *request = json_pack("{s:s, s:s, s:O?}", "do", "playlist_new", "name",
                                model->prompt_text, "targets", model->prompt_targets);
    model->ask(model->context, request, MODEL_ASK_CHANGED, 0);
}

static void action_answered(struct model *model, enum model_question question, const json_t *answer)
{
    if (has(answer, "error") && question == MODEL_ASK_ADD) {
        make_playlist(model);
    } else if (has(answer, "error")) {
        model_say(model, model_text(answer, "error"), true, model->now_us);
    } else {
        take_modes(model, answer);
        if (question != MODEL_ASK_ACTION) {
            model_reload(model);
        }
    }
}

void model_answer(struct model *model, enum model_question question, uint32_t serial,
                  const json_t *answer, uint64_t now_us)
{
    model->now_us = now_us;
    switch (question) {
    case MODEL_ASK_ACTION:
    case MODEL_ASK_CHANGED:
    case MODEL_ASK_ADD:
        action_answered(model, question, answer);
        break;
    case MODEL_ASK_STATUS:
        if (!has(answer, "error")) {
            take_status(model, answer);
        }
        break;
    case MODEL_ASK_CHUNKS:
        take_chunks(model, answer);
        break;
    case MODEL_ASK_PAGE:
    case MODEL_ASK_PEERS:
        model_page_answer(model, serial, answer);
        break;
    case MODEL_ASK_QUIET:
        break;
    }
}

/* --- time ----------------------------------------------------------------------------------------------- */

/* The tracks under the cursor and the two below it, once, when it has come to rest. */
static void tell_heads(struct model *model)
{
    struct model_page *page = model_page(model);
    json_t *tracks = json_array();
    model->cursor_moved_us = 0;
    for (size_t i = page->cursor; i < page->cursor + 3; i++) {
        const json_t *row = json_array_get(page->rows, i);
        if (strcmp(model_kind(row), "track") == 0 && model_track_of(row)[0] != '\0') {
            json_array_append_new(tracks, json_string(model_track_of(row)));
        }
    }
    if (json_array_size(tracks) == 0) {
        json_decref(tracks);
        return;
    }
    model->ask(model->context, json_pack("{s:s, s:o}", "do", "heads", "tracks", tracks),
               MODEL_ASK_QUIET, 0);
}

void model_tick(struct model *model, uint64_t now_us)
{
    model->now_us = now_us;
    ask_status(model);
    if (model->view == MODEL_VIEW_PEERS && !model->has_help) {
        model_page_ask_peers(model);
    }
    if (model->cursor_moved_us != 0 && now_us >= model->cursor_moved_us + MODEL_REST_US) {
        tell_heads(model);
    }
    if (model->message_until_us != 0 && now_us >= model->message_until_us) {
        model->message[0] = '\0';
        model->message_until_us = 0;
        model->confirming = -1;
    }
}

/* --- life ------------------------------------------------------------------------------------------------- */

void model_start(struct model *model, uint64_t now_us)
{
    model->now_us = now_us;
    model->ask(model->context, json_pack("{s:s, s:s}", "do", "subscribe", "events", "all"),
               MODEL_ASK_QUIET, 0);
    ask_status(model);
    model_show(model, MODEL_VIEW_QUEUE);
}

int model_init(struct model *model, model_ask *ask, void *context)
{
    *model = (struct model){.ask = ask, .context = context, .confirming = -1};
    char **texts[] = {&model->playing.track, &model->playing.title,  &model->playing.artist,
                      &model->playing.album, &model->playing.format, &model->playing.cover};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = calloc(1, 1);
        if (*texts[i] == NULL) {
            model_deinit(model);
            return ERROR_NO_MEMORY;
        }
    }
    if (model_page_init_all(model) != 0) {
        model_deinit(model);
        return ERROR_NO_MEMORY;
    }
    return 0;
}

void model_deinit(struct model *model)
{
    char *texts[] = {model->playing.track, model->playing.title,  model->playing.artist,
                     model->playing.album, model->playing.format, model->playing.cover};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(texts[i]);
    }
    model_page_deinit_all(model);
    json_decref(model->prompt_targets);
    *model = (struct model){0};
}
