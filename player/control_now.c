/*
 * control_now.c: watches what plays, and tells those who subscribed what has changed.
 *
 * Nothing is looked at while nobody listens. What a command or a note of the engine changes is told at
 * once; a standstill of sound, the position and the chunks are looked for four times a second, while
 * something plays.
 */
#include "common/error.h"
#include "media/core/file_id.h"
#include "player/control_internal.h"
#include "player/control_status.h"

#include <string.h>

#define NOW_TICK_US (250 * TIME_US_PER_MS)
#define NOW_POSITION_US (1000 * TIME_US_PER_MS)
/* A position that is farther off than this from where it should be has jumped. */
#define NOW_JUMP_US (600 * TIME_US_PER_MS)
/* Of the events that need the clock. */
#define NOW_CLOCKED                                                                                \
    (1u << CONTROL_EVENT_STATE | 1u << CONTROL_EVENT_POSITION | 1u << CONTROL_EVENT_CHUNKS |       \
     1u << CONTROL_EVENT_TRACK)

/* --- objects --------------------------------------------------------------------------------------- */

static const struct words_track *words_now(const struct control *control)
{
    const struct lineup *lineup = &control->playing->lineup;
    const struct lineup_entry *entry = lineup_find(lineup, lineup_current(lineup));
    return entry != NULL ? words_get(&control->session->words, entry->track_id) : NULL;
}

static json_t *track_of(const struct control *control, const struct node_status *status)
{
    char id[2 * TRACK_ID_BYTES + 1];
    const struct lineup *lineup = &control->playing->lineup;
    const struct lineup_entry *entry = lineup_find(lineup, lineup_current(lineup));
    const struct words_track *words = words_now(control);
    if (status->entry == 0 || entry == NULL) {
        return json_pack("{s:n}", "track");
    }
    media_hex_encode(entry->track_id, TRACK_ID_BYTES, id);
    json_t *object = json_pack("{s:s, s:I}", "track", id, "entry", (json_int_t)entry->number);
    if (words != NULL) {
        control_put_words(object, words);
    }
    return object;
}

static json_t *state_of(const struct node_status *status)
{
    return json_pack("{s:s}", "state", control_state_name(status));
}

static json_t *position_of(const struct control *control, const struct node_status *status)
{
    const struct words_track *words = words_now(control);
    uint64_t duration_us = words != NULL ? words->duration_us : 0;
    return json_pack("{s:I, s:I, s:I, s:I}", "entry",
                     (json_int_t)lineup_current(&control->playing->lineup), "position_ms",
                     (json_int_t)(status->position_us / TIME_US_PER_MS), "buffered_ms",
                     (json_int_t)(status->buffered_us / TIME_US_PER_MS), "duration_ms",
                     (json_int_t)(duration_us / TIME_US_PER_MS));
}

static json_t *queue_of(const struct control *control)
{
    const struct lineup *lineup = &control->playing->lineup;
    return json_pack("{s:I, s:I, s:I}", "version", (json_int_t)control->playing->queue_version,
                     "count", (json_int_t)lineup->count, "current",
                     (json_int_t)lineup_current(lineup));
}

static json_t *modes_of(const struct control *control)
{
    const struct lineup *lineup = &control->playing->lineup;
    return json_pack("{s:s, s:s, s:s}", "shuffle", lineup_shuffle_name(lineup->shuffle), "repeat",
                     lineup_repeat_name(lineup->repeat), "replaygain",
                     playing_gain_name(control->playing->gain));
}

static json_t *volume_of(const struct control *control)
{
    return json_pack("{s:I}", "percent", (json_int_t)control->playing->percent);
}

/* --- chunks ---------------------------------------------------------------------------------------- */

static const char *source_of(const struct control *control, const struct media_file_id *file,
                             uint32_t chunk)
{
    static const char *const names[NODE_SOURCES] = {"cache", "peers", "origin"};
    enum node_source source;
    return engine_chunk_source(control->session->engine, file, chunk, &source) ? names[source]
                                                                               : "missing";
}

/* Runs of chunks with one source; *ret_hash changes with them. */
static json_t *runs_of(const struct control *control, const struct media_file_id *file,
                       uint32_t chunk_count, uint64_t *ret_hash)
{
    json_t *runs = json_array();
    uint64_t hash = chunk_count;
    const char *source = NULL;
    uint32_t first = 0;
    for (uint32_t i = 0; i <= chunk_count; i++) {
        const char *next = i < chunk_count ? source_of(control, file, i) : NULL;
        if (source != NULL && source != next) {
            json_array_append_new(runs, json_pack("[s, I]", source, (json_int_t)(i - first)));
            hash = (hash ^ (i + (uint64_t)(unsigned char)source[0] * 4294967291u)) *
                   UINT64_C(0x100000001b3);
        }
        if (source != next) {
            source = next;
            first = i;
        }
    }
    *ret_hash = hash;
    return runs;
}

static json_t *chunks_of(const struct control *control, const struct node_status *status,
                         uint64_t *ret_hash)
{
    char id[2 * TRACK_ID_BYTES + 1], file[2 * HASH_BYTES + 1];
    const struct words_track *words = words_now(control);
    if (status->entry == 0 || words == NULL) {
        return NULL;
    }
    uint32_t count = media_chunk_count(words->file.bytes);
    uint64_t head = time_scale(status->position_us, count, words->duration_us);
    media_hex_encode(words->track_id, TRACK_ID_BYTES, id);
    media_hex_encode(words->file.root, HASH_BYTES, file);
    return json_pack("{s:s, s:s, s:I, s:o, s:I}", "track", id, "file", file, "chunk_count",
                     (json_int_t)count, "runs", runs_of(control, &words->file, count, ret_hash),
                     "head", (json_int_t)(head < count ? head : count));
}

json_t *control_now_chunks(const struct control *control)
{
    struct node_status status;
    uint64_t hash;
    engine_get_status(control->session->engine, &status);
    return chunks_of(control, &status, &hash);
}

/* --- looking --------------------------------------------------------------------------------------- */

static void look_at_position(struct control *control, const struct node_status *status,
                             uint64_t now_us, bool is_new)
{
    struct control_now *now = &control->now;
    bool is_moving = status->playing && !status->paused && !status->stalled;
    uint64_t expected_us = now->position_us + (is_moving ? now_us - now->told_us : 0);
    uint64_t off_us = status->position_us > expected_us ? status->position_us - expected_us
                                                        : expected_us - status->position_us;
    bool is_due = is_moving && now_us - now->told_us >= NOW_POSITION_US;
    if (status->entry != 0 && (is_new || is_due || off_us > NOW_JUMP_US)) {
        now->position_us = status->position_us;
        now->told_us = now_us;
        control_tell(control, CONTROL_EVENT_POSITION, position_of(control, status));
    }
}

static void look_at_chunks(struct control *control, const struct node_status *status)
{
    uint64_t hash = 0;
    if (!control_is_heard(control, CONTROL_EVENT_CHUNKS)) {
        return;
    }
    json_t *chunks = chunks_of(control, status, &hash);
    if (chunks != NULL && hash != control->now.chunks_hash) {
        control->now.chunks_hash = hash;
        control_tell(control, CONTROL_EVENT_CHUNKS, chunks);
    } else {
        json_decref(chunks);
    }
}

static void look_at_queue(struct control *control)
{
    struct control_now *now = &control->now;
    const struct playing *playing = control->playing;
    if (now->queue_version != playing->queue_version) {
        now->queue_version = playing->queue_version;
        control_tell(control, CONTROL_EVENT_QUEUE, queue_of(control));
    }
    if (now->percent != playing->percent) {
        now->percent = playing->percent;
        control_tell(control, CONTROL_EVENT_VOLUME, volume_of(control));
    }
    if (now->shuffle != playing->lineup.shuffle || now->repeat != playing->lineup.repeat ||
        now->gain != playing->gain) {
        now->gain = playing->gain;
        now->shuffle = playing->lineup.shuffle;
        now->repeat = playing->lineup.repeat;
        control_tell(control, CONTROL_EVENT_MODES, modes_of(control));
    }
}

/* Tells what differs from what was told last. */
static void look(struct control *control)
{
    struct control_now *now = &control->now;
    struct node_status status;
    engine_get_status(control->session->engine, &status);
    uint32_t entry = status.entry != 0 ? lineup_current(&control->playing->lineup) : 0;
    bool has_words = entry != 0 && words_now(control) != NULL;
    bool is_new = entry != now->entry;
    if (is_new || has_words != now->has_words) {
        now->entry = entry;
        now->has_words = has_words;
        control_tell(control, CONTROL_EVENT_TRACK, track_of(control, &status));
    }
    const char *state = control_state_name(&status);
    bool is_other = now->state == NULL || strcmp(state, now->state) != 0;
    if (is_other) {
        now->state = state;
        control_tell(control, CONTROL_EVENT_STATE, state_of(&status));
    }
    look_at_position(control, &status, net_now_us(), is_new || is_other);
    look_at_queue(control);
    if (status.entry != 0 && now->tick != NULL) {
        net_deadline_set(now->tick, net_now_us() + NOW_TICK_US);
    }
}

static bool is_watched(const struct control *control)
{
    return control->faces != NULL && control->playing != NULL && !control->session->ended;
}

static void tick(void *context)
{
    struct control *control = context;
    struct node_status status;
    if (is_watched(control)) {
        look(control);
        engine_get_status(control->session->engine, &status);
        look_at_chunks(control, &status);
    }
}

static void changed(void *context)
{
    struct control *control = context;
    if (is_watched(control)) {
        look(control);
    }
}

static void played(void *context, const struct node_play_record *play)
{
    static const char *const causes[] = {"click", "auto", "seek"};
    static const char *const cached[] = {"none", "head", "full"};
    char id[2 * TRACK_ID_BYTES + 1];
    struct control *control = context;
    if (!control_is_heard(control, CONTROL_EVENT_PLAY)) {
        return;
    }
    media_hex_encode(play->track_id, TRACK_ID_BYTES, id);
    control_tell(control, CONTROL_EVENT_PLAY,
                 json_pack("{s:s, s:I, s:s, s:s, s:I, s:I}", "track", id, "wait_ms",
                           (json_int_t)(play->wait_us / TIME_US_PER_MS), "cause",
                           causes[play->cause], "cached", cached[play->cached], "stutters",
                           (json_int_t)play->stutters, "stall_ms",
                           (json_int_t)(play->stall_us / TIME_US_PER_MS)));
}

static void hear_message(void *context, const char *message)
{
    struct control *control = context;
    if (control_is_heard(control, CONTROL_EVENT_MESSAGE)) {
        control_tell(control, CONTROL_EVENT_MESSAGE,
                     json_pack("{s:s, s:s}", "level", "error", "text", message));
    }
}

/* --- life ------------------------------------------------------------------------------------------ */

void control_now_introduce(struct control *control, uint32_t number)
{
    struct node_status status;
    if (control->playing == NULL) {
        return;
    }
    look(control); /* the others hear what is new to them */
    const struct control_face *face = control_find_face(control, number);
    if (face == NULL) {
        return; /* it went meanwhile */
    }
    engine_get_status(control->session->engine, &status);
    const struct {
        enum control_event event;
        json_t *fields;
    } all[] = {
        {CONTROL_EVENT_TRACK, track_of(control, &status)},
        {CONTROL_EVENT_STATE, state_of(&status)},
        {CONTROL_EVENT_POSITION, position_of(control, &status)},
        {CONTROL_EVENT_QUEUE, queue_of(control)},
        {CONTROL_EVENT_MODES, modes_of(control)},
        {CONTROL_EVENT_VOLUME, volume_of(control)},
    };
    uint32_t events = face->events;
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        if ((events >> all[i].event & 1u) != 0) {
            control_tell_one(control, number, all[i].event, all[i].fields);
        } else {
            json_decref(all[i].fields);
        }
    }
    control->now.chunks_hash = 0; /* told at the next look */
    if ((events & NOW_CLOCKED) != 0 && control->now.tick != NULL) {
        net_deadline_set(control->now.tick, net_now_us());
    }
}

void control_now_open(struct control *control)
{
    if (net_deadline_open(control->session->loop, tick, control, &control->now.tick) != 0) {
        control->now.tick = NULL;
    }
    if (control->playing != NULL) {
        control->playing->changed = changed;
        control->playing->played = played;
        control->playing->changed_context = control;
    }
    report_listen(hear_message, control);
}

void control_now_close(struct control *control)
{
    report_listen(NULL, NULL);
    if (control->playing != NULL) {
        control->playing->changed = NULL;
        control->playing->played = NULL;
    }
    net_deadline_close(control->now.tick);
}
