/*
 * node_play.c: what plays, what follows, and the record of each stretch of playing.
 *
 * Responsible for the listener's commands and for what the sound output reports. Not responsible
 * for getting bytes.
 *
 *   START           -> OPENING -> SWITCH -> SWITCHED -> SOUND_STARTED -> SOUNDING
 *   SEEK            -> SWITCH to the same entry, SWITCHED
 *   end is near     -> PREPARE of the next entry; at the join it is SWITCHED, or SOUNDING at once
 *   SOUND_ENDED     -> the prepared entry, or OPENING of the next
 *   failure, at any -> NOTE, OPENING of the next
 *   STOP, the end   -> IDLE
 */
#include "player/core/node_state.h"

#include <assert.h>
#include <string.h>

struct track *node_play_track(const struct node *node)
{
    return node->play.entry == 0 ? NULL : node_track_of(node, node->play.entry);
}

/* A standstill of sound is over. In --fast it is nobody's stutter. */
static void end_stall(struct node *node)
{
    struct play *play = &node->play;
    if (!play->is_stalled) {
        return;
    }
    play->is_stalled = false;
    uint64_t stall_us = time_until_us(play->stalled_us, node->now_us);
    if (node->config.fast || stall_us < node->preset->stutter_us) {
        return;
    }
    play->record.stutters++;
    play->record.stall_us += stall_us;
    node->accounting.summary.stutters++;
    node->accounting.summary.stall_us += stall_us;
    NODE_TRACE(node, "stutter %u: %u us", play->entry, (unsigned)stall_us);
}

/* A stretch of playing is over: its record, when sound was heard. */
static void end_stretch(struct node *node)
{
    struct play *play = &node->play;
    if (play->phase != PLAY_SOUNDING) {
        return;
    }
    playhead_halt(&play->head, node->now_us);
    end_stall(node);
    node_note(node, NODE_NOTE_PLAY, play->entry)->play = play->record;
}

/* Which part of the file is here. */
static enum node_cached cached_of(uint32_t held, uint32_t chunk_count)
{
    if (held == 0) {
        return NODE_CACHED_NONE;
    }
    return held == chunk_count ? NODE_CACHED_FULL : NODE_CACHED_HEAD;
}

/* A new stretch waits for its sound. */
static void begin_stretch(struct node *node, enum play_phase phase, uint32_t entry,
                          uint64_t position_us, enum node_cause cause)
{
    struct play *play = &node->play;
    play->phase = phase;
    play->entry = entry;
    play->last = entry;
    play->start_us = position_us;
    play->command_us = node->now_us;
    play->is_new = cause != NODE_CAUSE_SEEK;
    play->is_stalled = false;
    play->paused_us = node->now_us;
    memset(&play->record, 0, sizeof play->record);
    play->record.cause = cause;
    const struct queue_entry *queued = queue_find(&node->queue, entry);
    memcpy(play->record.track_id, queued->track_id, TRACK_ID_BYTES);
    const struct track *track = node_track_of(node, entry);
    play->is_cached_known = track != NULL && track->file != 0;
    if (play->is_cached_known) {
        play->record.cached = cached_of(node_tracks_held(node, track),
                                        media_chunk_count(tracks_file(track)->id.bytes));
    }
}

static void go_idle(struct node *node)
{
    node_start_hold(node, false);
    node->play.phase = PLAY_IDLE;
    node->play.entry = 0;
    node->play.prepared = 0;
    node->play.is_stalled = false;
    node->is_window_due = true;
}

/* The prepared entry is only queued again. */
static void forget_prepared(struct node *node)
{
    struct play *play = &node->play;
    node_chunks_fail_wants(node, play->prepared, ERROR_CANCELLED);
    accounting_end(&node->accounting, play->prepared);
    play->prepared = 0;
}

void node_play_unprepare(struct node *node)
{
    NODE_TRACE(node, "unprepare %u", node->play.prepared);
    node_effect(node, NODE_EFFECT_UNPREPARE)->unprepare.entry = node->play.prepared;
    forget_prepared(node);
}

/* No chain is there any more: their readers are told, the prepared entry is only queued again. */
static void forget_chains(struct node *node)
{
    struct play *play = &node->play;
    if (play->entry != 0) {
        node_chunks_fail_wants(node, play->entry, ERROR_CANCELLED);
    }
    if (play->prepared != 0) {
        forget_prepared(node);
    }
}

/* A pause ends with what was paused. */
static void unpause(struct node *node)
{
    bool was_held = node->play.is_held;
    node->play.is_held = false;
    if (node->play.is_paused || was_held) {
        node->play.is_paused = false;
        node_effect(node, NODE_EFFECT_SET_PAUSED)->set_paused.paused = false;
    }
}

void node_play_start(struct node *node, uint32_t entry, uint64_t position_us)
{
    struct play *play = &node->play;
    struct queue_entry *queued = queue_find(&node->queue, entry);
    assert(queued != NULL && !queued->is_fetch);
    NODE_TRACE(node, "start %u at %u ms", entry, (unsigned)(position_us / TIME_US_PER_MS));
    end_stretch(node);
    forget_chains(node);
    if (play->entry != 0) {
        accounting_end(&node->accounting, play->entry);
    }
    unpause(node);
    queued->is_done = false;
    queued->error = 0;
    node->is_stopped = false;
    links_connector_encourage(&node->links.origin, node->now_us);
    begin_stretch(node, PLAY_OPENING, entry, position_us, NODE_CAUSE_CLICK);
    node->is_window_due = true;
}

void node_play_seek(struct node *node, uint64_t position_us)
{
    struct play *play = &node->play;
    if (play->entry == 0) {
        return;
    }
    NODE_TRACE(node, "seek %u to %u ms", play->entry, (unsigned)(position_us / TIME_US_PER_MS));
    links_connector_encourage(&node->links.origin, node->now_us);
    if (play->phase == PLAY_OPENING) {
        play->start_us = position_us; /* it goes on waiting, for another place */
        return;
    }
    end_stretch(node);
    forget_chains(node);
    bool was_new = play->phase == PLAY_SWITCHED && play->is_new;
    begin_stretch(node, PLAY_OPENING, play->entry, position_us, NODE_CAUSE_SEEK);
    play->is_new = was_new;
    node_plan_cancel_far(node);
    node->is_window_due = true;
}

void node_play_pause(struct node *node, bool is_paused)
{
    struct play *play = &node->play;
    if (play->entry == 0 || play->is_paused == is_paused) {
        return;
    }
    play->is_paused = is_paused;
    if (!play->is_held) {
        node_effect(node, NODE_EFFECT_SET_PAUSED)->set_paused.paused = is_paused;
    }
    if (is_paused) {
        end_stall(node);
        playhead_halt(&play->head, node->now_us);
        play->paused_us = node->now_us;
        return;
    }
    /* What was spent in a pause is nobody's wait. */
    play->command_us += time_until_us(play->paused_us, node->now_us);
    if (play->phase == PLAY_SOUNDING && !play->is_held) {
        playhead_move(&play->head, node->now_us);
    }
}

void node_play_stop(struct node *node)
{
    struct play *play = &node->play;
    NODE_TRACE(node, "stop");
    end_stretch(node);
    forget_chains(node);
    node_chunks_fail_wants(node, 0, ERROR_CANCELLED);
    if (play->entry != 0) {
        accounting_end(&node->accounting, play->entry);
    }
    unpause(node);
    go_idle(node);
    node->is_stopped = true;
    node->was_busy = false;
    node_effect(node, NODE_EFFECT_SILENCE);
}

/* Behind the end there is nothing: a little before it there is. */
static uint64_t within(uint64_t position_us, uint64_t duration_us)
{
    if (position_us < duration_us) {
        return position_us;
    }
    return duration_us > NODE_END_US ? duration_us - NODE_END_US : 0;
}

static void fill_open(struct node_effect *effect, uint32_t entry, uint64_t position_us,
                      const struct track *track)
{
    effect->open.entry = entry;
    effect->open.position_us = position_us;
    effect->open.manifest = &track->manifest;
    effect->open.file_index = track->file_index;
    effect->open.file = track->file;
}

/* Once a play: seeks are none. */
static void touch(struct node *node, media_handle file)
{
    cache_index_touch(node->index, file);
    if (cache_index_chunk_count(node->index, file) > 0) {
        struct node_effect *effect = node_effect(node, NODE_EFFECT_TOUCH_FILE);
        effect->touch.file = file;
        effect->touch.is_main = cache_index_is_main(node->index, file);
    }
}

void node_play_open(struct node *node, struct track *track)
{
    struct play *play = &node->play;
    struct file *file = files_find(&node->files, track->file);
    assert(play->phase == PLAY_OPENING && file != NULL && file->is_attached);
    if (!play->is_cached_known) {
        play->record.cached = cached_of(track->held_at_first, file->chunk_count);
    }
    if (play->is_new) {
        if (accounting_begin(&node->accounting, play->entry, file) != 0) {
            node_fail(node);
            return;
        }
    }
    uint64_t duration_us = media_file_duration_us(tracks_file(track));
    playhead_place(&play->head, node->now_us, within(play->start_us, duration_us), duration_us);
    play->read_chunk = node_plan_chunk_at(file, duration_us, play->head.position_us);
    play->phase = PLAY_SWITCHED;
    node->is_start_due = true;
    fill_open(node_effect(node, NODE_EFFECT_SWITCH), play->entry, play->head.position_us, track);
    if (play->is_new) {
        touch(node, track->file);
    }
    node->is_plan_due = true;
    NODE_TRACE(node, "switch %u: %u of %u chunks here", play->entry, file->held_count,
               file->chunk_count);
}

static bool is_of(const struct node *node, uint32_t entry, media_handle file)
{
    const struct track *track = entry == 0 ? NULL : node_track_of(node, entry);
    return track != NULL && track->state == TRACK_READY && track->file == file;
}

void node_play_arrived(struct node *node, media_handle file)
{
    const struct play *play = &node->play;
    if ((play->phase >= PLAY_SWITCHED && is_of(node, play->entry, file)) ||
        is_of(node, play->prepared, file)) {
        cache_index_touch(node->index, file);
    }
}

void node_play_let_go(struct node *node)
{
    if (node->play.phase == PLAY_SOUNDING && !node->play.is_paused) {
        end_stall(node);
        playhead_move(&node->play.head, node->now_us);
    }
}

void node_play_settle(struct node *node)
{
    struct play *play = &node->play;
    int error = play->lacks;
    play->lacks = 0;
    /* Once there is sound its decoder says itself when nothing is left to be heard. */
    if (error != 0 && play->phase == PLAY_SWITCHED) {
        node_play_fail_entry(node, play->entry, error);
    }
}

void node_play_prepare(struct node *node)
{
    struct play *play = &node->play;
    if (play->phase != PLAY_SOUNDING || play->prepared != 0) {
        return;
    }
    if (!node->config.fast &&
        playhead_left_us(&play->head, node->now_us) > node->preset->preroll_us) {
        return;
    }
    const struct queue_entry *next = queue_next_play(&node->queue, play->entry);
    const struct track *track = next == NULL ? NULL : node_track_of(node, next->number);
    if (track == NULL || track->state != TRACK_READY) {
        return;
    }
    struct file *file = files_find(&node->files, track->file);
    if (file == NULL || !file->is_attached) {
        return;
    }
    if (accounting_begin(&node->accounting, next->number, file) != 0) {
        node_fail(node);
        return;
    }
    play->prepared = next->number;
    fill_open(node_effect(node, NODE_EFFECT_PREPARE), next->number, 0, track);
    touch(node, track->file);
    node->is_plan_due = true;
    NODE_TRACE(node, "prepare %u: %u of %u chunks here", next->number, file->held_count,
               file->chunk_count);
}

uint64_t node_play_deadline_us(struct node *node)
{
    const struct play *play = &node->play;
    if (play->phase != PLAY_SOUNDING || play->prepared != 0 ||
        queue_next_play(&node->queue, play->entry) == NULL) {
        return TIME_NEVER_US;
    }
    uint64_t preroll_us = playhead_when_us(&play->head, node->now_us, node->preset->preroll_us);
    uint64_t origin_us = playhead_when_us(&play->head, node->now_us, node->preset->next_origin_us);
    return origin_us > node->now_us ? time_min_us(origin_us, preroll_us) : preroll_us;
}

/* The prepared entry is what plays now; its sound is there or about to be. */
static void join(struct node *node)
{
    struct play *play = &node->play;
    uint32_t entry = play->prepared;
    assert(entry != 0);
    if (play->entry != 0) {
        accounting_end(&node->accounting, play->entry);
    }
    play->prepared = 0;
    begin_stretch(node, PLAY_SWITCHED, entry, 0, NODE_CAUSE_AUTO);
    const struct track *track = node_track_of(node, entry);
    assert(track != NULL && track->state == TRACK_READY);
    playhead_place(&play->head, node->now_us, 0, media_file_duration_us(tracks_file(track)));
    play->read_chunk = 0;
    node->is_window_due = true;
}

static void started(struct node *node, uint32_t entry, uint64_t position_us)
{
    struct play *play = &node->play;
    if (entry != 0 && entry == play->prepared) {
        /* The join was heard before the end was reported: nothing lies between. */
        playhead_report(&play->head, node->now_us, play->head.duration_us);
        end_stretch(node);
        join(node);
    }
    if (entry != play->entry || play->phase != PLAY_SWITCHED) {
        return;
    }
    const struct track *track = node_play_track(node);
    struct file *file = track == NULL ? NULL : files_find(&node->files, track->file);
    assert(file != NULL);
    play->phase = PLAY_SOUNDING;
    play->record.wait_us = time_until_us(play->command_us, node->now_us);
    playhead_place(&play->head, node->now_us, position_us, play->head.duration_us);
    if (!play->is_paused) {
        playhead_move(&play->head, node->now_us);
    }
    accounting_heard(&node->accounting, entry, file);
    node_peers_own_played(node, file->handle);
    if (play->is_new) {
        node_note(node, NODE_NOTE_STARTED, entry);
    }
    node->is_plan_due = true;
    NODE_TRACE(node, "sound %u after %u us", entry, (unsigned)play->record.wait_us);
}

/* What plays next is opened as soon as it can be; the wait has begun already. */
static void open_next(struct node *node, uint32_t behind, enum node_cause cause,
                      uint64_t command_us)
{
    const struct queue_entry *next = queue_next_play(&node->queue, behind);
    if (next == NULL) {
        go_idle(node);
        return;
    }
    begin_stretch(node, PLAY_OPENING, next->number, 0, cause);
    node->play.command_us = command_us;
    node->is_window_due = true;
}

static void ended(struct node *node, uint32_t entry)
{
    struct play *play = &node->play;
    if (entry != play->entry || play->phase != PLAY_SOUNDING) {
        return;
    }
    playhead_report(&play->head, node->now_us, play->head.duration_us);
    end_stretch(node);
    NODE_TRACE(node, "end %u", entry);
    if (play->prepared != 0) {
        join(node);
        return;
    }
    node_chunks_fail_wants(node, entry, ERROR_CANCELLED);
    accounting_end(&node->accounting, entry);
    open_next(node, entry, NODE_CAUSE_AUTO, node->now_us);
}

void node_play_fail_entry(struct node *node, uint32_t entry, int error)
{
    struct play *play = &node->play;
    struct queue_entry *queued = node_lend_find(node, entry);
    if (queued == NULL || queued->is_done) {
        return;
    }
    assert(error != 0);
    queued->is_done = true;
    queued->error = error;
    node_note(node, NODE_NOTE_ENTRY_FAILED, entry)->error = error;
    NODE_TRACE(node, "entry %u failed: %s", entry, error_name(error));
    node->is_window_due = true;
    node_chunks_fail_wants(node, entry, error);
    if (entry == play->prepared) {
        accounting_end(&node->accounting, entry);
        play->prepared = 0;
    } else if (entry == play->entry) {
        bool had_sound = play->phase == PLAY_SOUNDING;
        bool had_chain = play->phase != PLAY_OPENING;
        enum node_cause cause = had_sound ? NODE_CAUSE_AUTO : play->record.cause;
        uint64_t command_us = had_sound ? node->now_us : play->command_us;
        end_stretch(node);
        forget_chains(node);
        accounting_end(&node->accounting, entry);
        open_next(node, entry, cause == NODE_CAUSE_SEEK ? NODE_CAUSE_AUTO : cause, command_us);
        if (had_chain && play->phase == PLAY_IDLE) {
            node_effect(node, NODE_EFFECT_SILENCE);
        }
    }
}

void node_play_sound(struct node *node, const struct node_event *event)
{
    struct play *play = &node->play;
    node->peers.is_wish_due = true;
    node->peers.is_buffer_due = true;
    switch ((int)event->kind) {
    case NODE_EVENT_POSITION:
        if (event->position.entry == play->entry && play->phase == PLAY_SOUNDING) {
            playhead_report(&play->head, node->now_us, event->position.position_us);
            node->is_plan_due = true;
        }
        break;
    case NODE_EVENT_SOUND_STARTED:
        started(node, event->sound_started.entry, event->sound_started.position_us);
        break;
    case NODE_EVENT_SOUND_STALLED:
        if (event->sound.entry == play->entry && play->phase == PLAY_SOUNDING && !play->is_paused &&
            !play->is_stalled) {
            playhead_halt(&play->head, node->now_us);
            play->is_stalled = true;
            play->stalled_us = node->now_us;
            node->is_start_due = true;
        }
        break;
    case NODE_EVENT_SOUND_RESUMED:
        if (event->sound.entry == play->entry && play->is_stalled && !play->is_held) {
            end_stall(node);
            playhead_move(&play->head, node->now_us);
        }
        break;
    case NODE_EVENT_SOUND_ENDED:
        ended(node, event->sound.entry);
        break;
    case NODE_EVENT_SOUND_FAILED:
        /* Cancelled: the chain was forgotten, and says so late. */
        if (event->sound.error != ERROR_CANCELLED &&
            (event->sound.entry == play->entry || event->sound.entry == play->prepared)) {
            int error = event->sound.error != 0 ? event->sound.error : ERROR_MALFORMED;
            node_play_fail_entry(node, event->sound.entry, error);
        }
        break;
    default:
        break;
    }
}

/* The decoder reads on in order, or begins to: the place where it reads is known. */
static void follow(struct play *play, uint32_t first, uint32_t count)
{
    if (first <= play->read_chunk && play->read_chunk - first < count) {
        play->read_chunk = first + count;
    }
}

void node_play_read(struct node *node, uint32_t entry, struct file *file, uint32_t first,
                    uint32_t count)
{
    struct play *play = &node->play;
    node_lend_hear(node, entry, file);
    node_lend_reads(node, entry, first, count);
    for (uint32_t chunk = first; chunk < first + count; chunk++) {
        file->chunks[chunk] |= FILE_READ;
        if (accounting_read(&node->accounting, entry, file, chunk)) {
            window_budget_earn(&node->budget, node->preset, files_chunk_bytes(file, chunk));
        }
    }
    const struct track *track = entry == play->entry ? node_play_track(node) : NULL;
    if (track == NULL || track->file != file->handle || play->phase < PLAY_SWITCHED) {
        return;
    }
    follow(play, first, count);
    node->is_plan_due = true;
}

void node_play_waits(struct node *node, const struct want *want)
{
    struct play *play = &node->play;
    const struct track *track = want->entry == play->entry ? node_play_track(node) : NULL;
    if (!node->config.fast || track == NULL || track->file != want->file ||
        play->phase != PLAY_SOUNDING || want->first_chunk != play->read_chunk) {
        return;
    }
    const struct file *file = files_find(&node->files, want->file);
    uint64_t time_us = node_plan_time_of(file, play->head.duration_us, want->first_chunk);
    if (time_us > play->head.position_us) {
        playhead_report(&play->head, node->now_us, time_us);
    }
}
