/*
 * control_queue.c: the verbs that change the queue, and what it holds.
 */
#include "common/error.h"
#include "media/core/file_id.h"
#include "player/control_internal.h"
#include "player/control_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool control_take_position(const json_t *request, bool is_needed, uint64_t *ret_us,
                           const char **ret_error)
{
    const json_t *value = json_object_get(request, "position_ms");
    json_int_t ms = json_integer_value(value);
    *ret_error = "position_ms: no whole number of milliseconds; give one from 0 on";
    if (value == NULL && !is_needed) {
        *ret_us = 0;
        return true;
    }
    if (!json_is_integer(value) || ms < 0 || ms > CONTROL_POSITION_MS_MAX) {
        return false;
    }
    *ret_us = (uint64_t)ms * TIME_US_PER_MS;
    return true;
}

/* --- adding ---------------------------------------------------------------------------------------- */

enum add_at { ADD_NOW, ADD_NEXT, ADD_END, ADD_HERE };

static bool take_at(const json_t *request, enum add_at preset, enum add_at *ret_at)
{
    static const char *const names[] = {"now", "next", "end", "here"};
    const json_t *at = json_object_get(request, "at");
    *ret_at = preset;
    for (unsigned i = 0; at != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (json_is_string(at) && strcmp(json_string_value(at), names[i]) == 0) {
            *ret_at = (enum add_at)i;
            return true;
        }
    }
    return at == NULL;
}

static json_t *add_tracks(struct control *control, const struct lineup_track *tracks,
                          uint32_t count, enum add_at at, uint64_t position_us,
                          const char **ret_error)
{
    uint32_t first = 0;
    struct playing *playing = control->playing;
    int error = at == ADD_NOW ? playing_replace(playing, tracks, count, position_us, &first)
                              : playing_add(playing, tracks, count,
                                            at == ADD_END ? LINEUP_END : LINEUP_NEXT, &first);
    if (error == 0 && at == ADD_HERE) {
        (void)playing_jump(playing, first, position_us);
    }
    if (error == ERROR_FULL) {
        *ret_error = "queue: it would hold more than 20000 tracks; take some out first";
        return NULL;
    }
    if (error != 0) {
        *ret_error = "player: out of memory; close other programs";
        return NULL;
    }
    return json_pack("{s:I, s:I}", "entry", (json_int_t)first, "entries", (json_int_t)count);
}

/* What is to be added when its targets are known. */
struct control_adding {
    struct control *control;
    struct control_call call;
    enum add_at at;
    uint64_t position_us;
    bool is_late; /* the verb has returned: the answer goes by control_answer */
    bool is_done;
    json_t *answer;
    char error[512];
};

static json_t *refuse_adding(struct control_adding *adding, const char *error, const char *choices)
{
    if (choices != NULL) {
        return json_pack("{s:s, s:o}", "error", error, "choices", json_loads(choices, 0, NULL));
    }
    (void)snprintf(adding->error, sizeof adding->error, "%s", error);
    return NULL;
}

static void targets_known(void *context, const struct lineup_track *tracks, uint32_t count,
                          const char *error, const char *choices)
{
    struct control_adding *adding = context;
    const char *failed = "player: out of memory; close other programs";
    adding->is_done = true;
    adding->answer = error != NULL ? refuse_adding(adding, error, choices)
                                   : add_tracks(adding->control, tracks, count, adding->at,
                                                adding->position_us, &failed);
    if (adding->answer == NULL && error == NULL) {
        (void)snprintf(adding->error, sizeof adding->error, "%s", failed);
    }
    if (adding->is_late) {
        adding->control->adding = NULL;
        control_answer(adding->control, &adding->call, adding->answer, adding->error);
        free(adding);
    }
}

void control_queue_close(struct control *control)
{
    if (control->adding != NULL) {
        control->session->question.done = NULL; /* its answer may still come, to nobody */
    }
    free(control->adding);
    control->adding = NULL;
}

/* The answer when it is known already; else NULL and no error: it comes later. */
static json_t *begin_adding(struct control_adding *adding, const char *const *texts, uint32_t count,
                            const char **ret_error)
{
    static char error[sizeof adding->error];
    struct control *control = adding->control;
    session_pick(control->session, texts, count, targets_known, adding);
    if (!adding->is_done) {
        adding->is_late = true;
        control->adding = adding;
        *ret_error = NULL;
        return NULL;
    }
    json_t *answer = adding->answer;
    memcpy(error, adding->error, sizeof error);
    *ret_error = error;
    free(adding);
    return answer;
}

static json_t *add_targets(struct control *control, const struct control_call *call,
                           const json_t *request, enum add_at preset, const char **ret_error)
{
    const char *texts[CONTROL_TARGETS_MAX];
    const json_t *targets = json_object_get(request, "targets");
    size_t count = json_array_size(targets);
    struct control_adding adding = {.control = control, .call = *call};
    if (!control_take_position(request, false, &adding.position_us, ret_error)) {
        return NULL;
    }
    *ret_error = "at: no such place; there are now, next and end";
    if (!take_at(request, preset, &adding.at)) {
        return NULL;
    }
    *ret_error = "targets: no list of 1 to 1024 texts; name tracks, albums, artists or playlists";
    if (count == 0 || count > CONTROL_TARGETS_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        texts[i] = json_string_value(json_array_get(targets, i));
        if (texts[i] == NULL) {
            return NULL;
        }
    }
    struct control_adding *kept = malloc(sizeof *kept);
    if (kept == NULL) {
        *ret_error = "player: out of memory; close other programs";
        return NULL;
    }
    *kept = adding;
    return begin_adding(kept, texts, (uint32_t)count, ret_error);
}

static json_t *do_play(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    return add_targets(control, call, request, ADD_NOW, ret_error);
}

static json_t *do_add(struct control *control, const struct control_call *call,
                      const json_t *request, const char **ret_error)
{
    return add_targets(control, call, request, ADD_END, ret_error);
}

/* --- changing -------------------------------------------------------------------------------------- */

static bool take_entry(const json_t *request, uint32_t *ret_number, const char **ret_error)
{
    const json_t *entry = json_object_get(request, "entry");
    json_int_t number = json_integer_value(entry);
    *ret_error = "entry: no such entry; \"queue\" lists them";
    if (!json_is_integer(entry) || number < 1 || number > UINT32_MAX) {
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

static json_t *do_jump(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    uint32_t number;
    uint64_t position_us;
    (void)call;
    if (!control_take_position(request, false, &position_us, ret_error) ||
        !take_entry(request, &number, ret_error) ||
        !playing_jump(control->playing, number, position_us)) {
        return NULL;
    }
    return json_object();
}

static json_t *do_remove(struct control *control, const struct control_call *call,
                         const json_t *request, const char **ret_error)
{
    const json_t *entries = json_object_get(request, "entries");
    size_t count = json_array_size(entries);
    uint32_t removed = 0;
    (void)call;
    if (count == 0 || count > LINEUP_ENTRIES_MAX) {
        *ret_error = "entries: no list of entries; \"queue\" lists them";
        return NULL;
    }
    uint32_t *numbers = calloc(count, sizeof *numbers);
    for (size_t i = 0; numbers != NULL && i < count; i++) {
        json_int_t number = json_integer_value(json_array_get(entries, i));
        numbers[i] = number > 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
    }
    int error = numbers == NULL
                    ? ERROR_NO_MEMORY
                    : playing_remove(control->playing, numbers, (uint32_t)count, &removed);
    free(numbers);
    return error == 0 ? json_pack("{s:I}", "removed", (json_int_t)removed) : NULL;
}

static json_t *do_move(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    uint32_t number;
    const json_t *to = json_object_get(request, "to");
    (void)call;
    if (!take_entry(request, &number, ret_error)) {
        return NULL;
    }
    if (!json_is_integer(to) || json_integer_value(to) < 0) {
        *ret_error = "to: no place in the queue; give a whole number from 0 on";
        return NULL;
    }
    json_int_t place = json_integer_value(to);
    bool moved = playing_move(control->playing, number,
                              place < LINEUP_ENTRIES_MAX ? (uint32_t)place : LINEUP_ENTRIES_MAX);
    return moved ? json_object() : NULL;
}

static json_t *do_clear(struct control *control, const struct control_call *call,
                        const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    (void)ret_error;
    playing_clear(control->playing);
    return json_object();
}

/* --- looking --------------------------------------------------------------------------------------- */

static json_t *entry_of(const struct control *control, const struct lineup_entry *entry)
{
    char id[2 * TRACK_ID_BYTES + 1];
    const struct words_track *words = words_get(&control->session->words, entry->track_id);
    media_hex_encode(entry->track_id, TRACK_ID_BYTES, id);
    json_t *object = json_pack("{s:I, s:s, s:b, s:b, s:I}", "entry", (json_int_t)entry->number,
                               "track", id, "played", entry->is_played, "failed", entry->is_failed,
                               "place", (json_int_t)entry->place);
    if (words != NULL) {
        control_put_words(object, words);
    }
    return object;
}

static json_t *do_queue(struct control *control, const struct control_call *call,
                        const json_t *request, const char **ret_error)
{
    const struct lineup *lineup = &control->playing->lineup;
    json_t *entries = json_array();
    (void)call;
    (void)request;
    (void)ret_error;
    for (uint32_t i = 0; i < lineup->count; i++) {
        json_array_append_new(entries, entry_of(control, &lineup->entries[i]));
    }
    return json_pack("{s:o, s:I, s:I, s:I, s:s, s:s, s:s, s:I}", "entries", entries, "current",
                     (json_int_t)lineup_current(lineup), "at", (json_int_t)lineup->at, "version",
                     (json_int_t)control->playing->queue_version, "shuffle",
                     lineup_shuffle_name(lineup->shuffle), "repeat",
                     lineup_repeat_name(lineup->repeat), "replaygain",
                     playing_gain_name(control->playing->gain), "volume",
                     (json_int_t)control->playing->percent);
}

const struct control_row control_queue_rows[] = {
    {"play", do_play, CONTROL_NEEDS_PLAYING},
    {"jump", do_jump, CONTROL_NEEDS_PLAYING},
    {"queue", do_queue, CONTROL_NEEDS_PLAYING},
    {"queue_add", do_add, CONTROL_NEEDS_PLAYING},
    {"queue_remove", do_remove, CONTROL_NEEDS_PLAYING},
    {"queue_move", do_move, CONTROL_NEEDS_PLAYING},
    {"queue_clear", do_clear, CONTROL_NEEDS_PLAYING},
    {NULL, NULL, CONTROL_NEEDS_NOTHING},
};
