/*
 * playing_restore.c: the queue as an object that outlives its process, and back.
 *
 * The same object is what "queue" answers on the control socket; of that only what is needed is read. It
 * comes from a file or from another process, so nothing in it is believed.
 */
#include "common/error.h"
#include "media/core/file_id.h"
#include "player/playing.h"

#include <stdlib.h>
#include <string.h>

json_t *playing_save(const struct playing *playing, uint64_t position_us, bool is_sounding)
{
    const struct lineup *lineup = &playing->lineup;
    json_t *entries = json_array();
    for (uint32_t i = 0; i < lineup->count; i++) {
        char id[2 * TRACK_ID_BYTES + 1];
        const struct lineup_entry *entry = &lineup->entries[i];
        media_hex_encode(entry->track_id, TRACK_ID_BYTES, id);
        json_array_append_new(entries,
                              json_pack("{s:s, s:I, s:b}", "track", id, "place",
                                        (json_int_t)entry->place, "played", entry->is_played));
    }
    return json_pack(
        "{s:i, s:o, s:I, s:I, s:s, s:s, s:s, s:I, s:I, s:b}", "version", 1, "entries", entries,
        "current", (json_int_t)lineup_current(lineup), "at", (json_int_t)lineup->at, "shuffle",
        lineup_shuffle_name(lineup->shuffle), "repeat", lineup_repeat_name(lineup->repeat),
        "replaygain", playing_gain_name(playing->gain), "volume", (json_int_t)playing->percent,
        "position_ms", (json_int_t)(position_us / TIME_US_PER_MS), "playing", is_sounding);
}

static int read_entries(const json_t *list, struct lineup_entry *ret_entries)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *from = json_array_get(list, i);
        const char *id = json_string_value(json_object_get(from, "track"));
        json_int_t place = json_integer_value(json_object_get(from, "place"));
        struct lineup_entry *entry = &ret_entries[i];
        *entry = (struct lineup_entry){.is_played = json_is_true(json_object_get(from, "played"))};
        if (id == NULL || media_hex_decode(id, TRACK_ID_BYTES, entry->track_id) != 0 || place < 0 ||
            place >= LINEUP_ENTRIES_MAX) {
            return ERROR_MALFORMED;
        }
        entry->place = (uint32_t)place;
    }
    return 0;
}

/* What the command line says is stronger. */
static void restore_modes(struct playing *playing, const json_t *saved, const struct args *args)
{
    const char *repeat = json_string_value(json_object_get(saved, "repeat"));
    const char *gain = json_string_value(json_object_get(saved, "replaygain"));
    const json_t *volume = json_object_get(saved, "volume");
    if (repeat != NULL && args->repeat == NULL) {
        lineup_repeat_parse(repeat, &playing->lineup.repeat);
    }
    if (gain != NULL && args->replaygain == NULL) {
        playing_gain_parse(gain, &playing->gain);
    }
    if (json_is_integer(volume) && json_integer_value(volume) >= 0 && args->volume == NULL &&
        json_integer_value(volume) <= (json_int_t)OUTPUT_PERCENT_MAX) {
        playing->percent = (uint32_t)json_integer_value(volume);
    }
}

int playing_restore(struct playing *playing, const json_t *saved)
{
    const json_t *list = json_object_get(saved, "entries");
    size_t count = json_array_size(list);
    json_int_t at = json_integer_value(json_object_get(saved, "at"));
    json_int_t position_ms = json_integer_value(json_object_get(saved, "position_ms"));
    const char *name = json_string_value(json_object_get(saved, "shuffle"));
    enum lineup_shuffle shuffle = LINEUP_SHUFFLE_OFF;
    if (!json_is_array(list) || count > LINEUP_ENTRIES_MAX || at < 0 || (size_t)at > count ||
        name == NULL || !lineup_shuffle_parse(name, &shuffle)) {
        return ERROR_MALFORMED;
    }
    struct lineup_entry *entries = calloc(count + 1, sizeof *entries);
    int error = entries == NULL ? ERROR_NO_MEMORY : read_entries(list, entries);
    bool has_current =
        (size_t)at < count && json_integer_value(json_object_get(saved, "current")) != 0;
    if (error == 0) {
        error = lineup_restore(&playing->lineup, entries, (uint32_t)count, (uint32_t)at,
                               has_current, shuffle);
    }
    free(entries);
    if (error == 0) {
        restore_modes(playing, saved, playing->session->args);
        playing->resume_us = position_ms > 0 ? (uint64_t)position_ms * TIME_US_PER_MS : 0;
        playing->queue_version++;
    }
    return error;
}
