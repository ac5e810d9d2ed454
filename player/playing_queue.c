/*
 * playing_queue.c: the lineup's next entries as the engine's.
 *
 * What plays is never touched: entries behind it are cut off and queued anew from the first that
 * differs, so that an unchanged next track keeps its chain.
 */
#include "player/playing.h"
#include "player/remember.h"

#include "common/error.h"
#include "common/exit_code.h"

#include <string.h>

/* The engine's numbers grow by one with each entry fed; what is behind is forgotten so often. */
#define PLAYING_FORGET 128u

static void tell(const struct playing *playing)
{
    remember_touch(playing->remember);
    if (playing->changed != NULL) {
        playing->changed(playing->changed_context);
    }
}

/* --- loudness ------------------------------------------------------------------------------------- */

static const char *const gain_names[] = {"off", "track", "album", "auto"};

const char *playing_gain_name(enum playing_gain gain)
{
    return gain_names[gain];
}

bool playing_gain_parse(const char *name, enum playing_gain *ret_gain)
{
    for (unsigned i = 0; i < sizeof gain_names / sizeof gain_names[0]; i++) {
        if (strcmp(gain_names[i], name) == 0) {
            *ret_gain = (enum playing_gain)i;
            return true;
        }
    }
    return false;
}

/* Whether what plays and a neighbour of it in the queue are of one album. */
static bool is_album(const struct playing *playing)
{
    const struct lineup *lineup = &playing->lineup;
    uint32_t at = lineup->at;
    if (!lineup->has_current) {
        return false;
    }
    const struct words *words = &playing->session->words;
    const struct words_track *here = words_get(words, lineup->entries[at].track_id);
    for (uint32_t i = at > 0 ? at - 1 : at + 1; here != NULL && i <= at + 1 && i < lineup->count;
         i += 2) {
        const struct words_track *there = words_get(words, lineup->entries[i].track_id);
        if (there != NULL && memcmp(here->album_id, there->album_id, ALBUM_ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* Tells the engine when it is another loudness than before. */
static void set_level(struct playing *playing)
{
    enum output_gain gain = playing->gain == PLAYING_GAIN_OFF ? OUTPUT_GAIN_OFF : OUTPUT_GAIN_TRACK;
    if (playing->gain == PLAYING_GAIN_ALBUM ||
        (playing->gain == PLAYING_GAIN_AUTO && is_album(playing))) {
        gain = OUTPUT_GAIN_ALBUM;
    }
    if (gain != playing->told_gain || playing->percent != playing->told_percent) {
        playing->told_gain = gain;
        playing->told_percent = playing->percent;
        engine_set_level(playing->session->engine, playing->percent, gain);
    }
}

void playing_set_volume(struct playing *playing, uint32_t percent)
{
    playing->percent = percent < OUTPUT_PERCENT_MAX ? percent : OUTPUT_PERCENT_MAX;
    set_level(playing);
    tell(playing);
}

void playing_set_gain(struct playing *playing, enum playing_gain gain)
{
    playing->gain = gain;
    set_level(playing);
    tell(playing);
}

static void queue_changed(struct playing *playing)
{
    playing->queue_version++;
    playing_feed(playing);
    tell(playing);
}

/* --- the engine ------------------------------------------------------------------------------------ */

uint32_t playing_number(const struct playing *playing, uint32_t entry)
{
    for (uint32_t i = 0; i < playing->fed_count; i++) {
        if (playing->fed[i].entry == entry) {
            return playing->fed[i].number;
        }
    }
    return 0;
}

static bool feed_one(struct playing *playing, uint32_t number)
{
    const struct lineup_entry *of = lineup_find(&playing->lineup, number);
    playing->failed_entry = 0;
    uint32_t entry = session_add_entry(playing->session, of->track_id);
    if (entry == 0) {
        report_error("player: out of memory; close other programs");
        session_end(playing->session, EXIT_CODE_INTERNAL);
        return false;
    }
    playing->fed[playing->fed_count++] = (struct playing_fed){.entry = entry, .number = number};
    if (playing->failed_entry == entry) {
        lineup_find(&playing->lineup, number)->is_failed = true;
    }
    return true;
}

/* What has been played leaves the list; the lineup learns what plays. */
static bool catch_up(struct playing *playing)
{
    struct node_status status;
    engine_get_status(playing->session->engine, &status);
    uint32_t first = 0;
    while (first < playing->fed_count && playing->fed[first].entry != status.entry) {
        first++;
    }
    if (status.entry == 0 || first == playing->fed_count) {
        return false; /* nothing plays */
    }
    playing->fed_count -= first;
    memmove(playing->fed, playing->fed + first, playing->fed_count * sizeof playing->fed[0]);
    if (lineup_current(&playing->lineup) != playing->fed[0].number && first > 0) {
        lineup_begin(&playing->lineup, playing->fed[0].number);
        playing->queue_version++;
    }
    return true;
}

static void feed(struct playing *playing)
{
    uint32_t wanted[PLAYING_AHEAD];
    struct engine *engine = playing->session->engine;
    if (!catch_up(playing)) {
        return;
    }
    set_level(playing);
    uint32_t count = lineup_upcoming(&playing->lineup, wanted, PLAYING_AHEAD);
    uint32_t same = 0;
    while (same < count && same + 1 < playing->fed_count &&
           playing->fed[same + 1].number == wanted[same]) {
        same++;
    }
    if (same + 1 < playing->fed_count ||
        playing->fed[0].entry > engine_first_entry(engine) + PLAYING_FORGET) {
        engine_cut(engine, playing->fed[same].entry);
        playing->fed_count = same + 1;
        session_forget(playing->session);
    }
    for (uint32_t i = same; i < count && feed_one(playing, wanted[i]); i++) {
    }
}

/* What the engine says while it is being told (that an entry failed) waits until it has been. */
void playing_feed(struct playing *playing)
{
    playing->is_feed_due = true;
    while (playing->is_feed_due && !playing->is_feeding) {
        playing->is_feed_due = false;
        playing->is_feeding = true;
        feed(playing);
        playing->is_feeding = false;
    }
}

/* The entry is the engine's next thing to play; what else it was told is forgotten. */
static void begin(struct playing *playing, uint32_t number, uint64_t position_us)
{
    struct engine *engine = playing->session->engine;
    if (playing->fed_count > 0) {
        playing->fed_count = 0;
        engine_cut(engine, 0);
        session_forget(playing->session);
    }
    lineup_begin(&playing->lineup, number);
    playing->resume_us = 0;
    set_level(playing);
    playing->is_feeding = true;
    bool is_fed = feed_one(playing, number);
    playing->is_feeding = false;
    if (is_fed) {
        engine_start_entry(engine, playing->fed[0].entry, position_us);
        queue_changed(playing);
    }
}

static bool is_idle(const struct playing *playing)
{
    struct node_status status;
    engine_get_status(playing->session->engine, &status);
    return status.entry == 0;
}

void playing_set_modes(struct playing *playing, const struct args *args)
{
    enum playing_gain gain;
    if (args->shuffle != NULL) {
        lineup_shuffle_parse(args->shuffle, &playing->lineup.shuffle);
    }
    if (args->repeat != NULL) {
        lineup_repeat_parse(args->repeat, &playing->lineup.repeat);
    }
    if (args->replaygain != NULL && playing_gain_parse(args->replaygain, &gain)) {
        playing->gain = gain;
    }
    if (args->volume != NULL) {
        playing->percent = args->volume_percent;
    }
}

/* --- commands -------------------------------------------------------------------------------------- */

int playing_add(struct playing *playing, const struct lineup_track *tracks, uint32_t count,
                enum lineup_where where, uint32_t *ret_first)
{
    int error = lineup_add(&playing->lineup, tracks, count, where, ret_first);
    if (error == 0) {
        queue_changed(playing);
    }
    return error;
}

int playing_replace(struct playing *playing, const struct lineup_track *tracks, uint32_t count,
                    uint64_t position_us, uint32_t *ret_first)
{
    struct lineup *lineup = &playing->lineup;
    uint32_t first = 0;
    if (count > LINEUP_ENTRIES_MAX) {
        return ERROR_FULL;
    }
    lineup->has_current = false;
    lineup_clear(lineup);
    enum lineup_shuffle shuffle = lineup->shuffle;
    lineup->shuffle = LINEUP_SHUFFLE_OFF; /* drawn once, not for each track */
    int error = lineup_add(lineup, tracks, count, LINEUP_END, &first);
    if (error == 0 && shuffle != LINEUP_SHUFFLE_OFF) {
        error = lineup_set_shuffle(lineup, shuffle);
    }
    lineup->shuffle = shuffle;
    if (error != 0) {
        queue_changed(playing);
        return error;
    }
    *ret_first = lineup->entries[0].number;
    begin(playing, *ret_first, position_us);
    return 0;
}

bool playing_jump(struct playing *playing, uint32_t number, uint64_t position_us)
{
    if (lineup_find(&playing->lineup, number) == NULL) {
        return false;
    }
    begin(playing, number, position_us);
    return true;
}

bool playing_next(struct playing *playing)
{
    playing_feed(playing);
    uint32_t number = lineup_behind(&playing->lineup);
    return number != 0 && playing_jump(playing, number, 0);
}

bool playing_previous(struct playing *playing)
{
    struct node_status status;
    playing_feed(playing);
    engine_get_status(playing->session->engine, &status);
    uint32_t number = lineup_before(&playing->lineup);
    uint32_t current = lineup_current(&playing->lineup);
    if (status.entry != 0 && (number == 0 || status.position_us > PLAYING_RESTART_US)) {
        engine_seek(playing->session->engine, 0);
        tell(playing);
        return true;
    }
    number = number != 0 ? number : current;
    return number != 0 && playing_jump(playing, number, 0);
}

bool playing_resume(struct playing *playing)
{
    if (!is_idle(playing)) {
        engine_set_paused(playing->session->engine, false);
        tell(playing);
        return true;
    }
    uint32_t number = lineup_current(&playing->lineup);
    uint64_t position_us = number != 0 ? playing->resume_us : 0;
    number = number != 0 ? number : lineup_behind(&playing->lineup);
    return number != 0 && playing_jump(playing, number, position_us);
}

void playing_pause(struct playing *playing)
{
    engine_set_paused(playing->session->engine, true);
    tell(playing);
}

void playing_stop(struct playing *playing)
{
    playing_feed(playing); /* the lineup knows what was played last */
    playing->fed_count = 0;
    engine_stop(playing->session->engine);
    engine_cut(playing->session->engine, 0);
    tell(playing);
}

int playing_remove(struct playing *playing, const uint32_t *numbers, uint32_t count,
                   uint32_t *ret_removed)
{
    bool was_idle = is_idle(playing);
    uint32_t current = lineup_current(&playing->lineup);
    int error = lineup_remove(&playing->lineup, numbers, count, ret_removed);
    if (error != 0) {
        return error;
    }
    bool is_gone = current != 0 && lineup_current(&playing->lineup) == 0;
    if (is_gone && !was_idle) {
        uint32_t number = lineup_behind(&playing->lineup);
        if (number != 0) {
            begin(playing, number, 0);
            return 0;
        }
        playing->fed_count = 0;
        engine_stop(playing->session->engine);
    }
    queue_changed(playing);
    return 0;
}

bool playing_move(struct playing *playing, uint32_t number, uint32_t to)
{
    bool moved = lineup_move(&playing->lineup, number, to);
    if (moved) {
        queue_changed(playing);
    }
    return moved;
}

void playing_clear(struct playing *playing)
{
    if (is_idle(playing)) {
        playing->lineup.has_current = false;
    }
    lineup_clear(&playing->lineup);
    queue_changed(playing);
}

int playing_set_shuffle(struct playing *playing, enum lineup_shuffle shuffle)
{
    int error = lineup_set_shuffle(&playing->lineup, shuffle);
    if (error == 0) {
        queue_changed(playing);
    }
    return error;
}

void playing_set_repeat(struct playing *playing, enum lineup_repeat repeat)
{
    playing->lineup.repeat = repeat;
    queue_changed(playing);
}
