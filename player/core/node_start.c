/*
 * node_start.c: holds the sound back while it would soon stand still.
 *
 * Responsible for asking the start rule, at a start and after a standstill, and for the hold: the
 * output is paused (SET_PAUSED) until the risk is within the bound, the track is whole, or no source
 * is up any more (then what is here is played). Nothing is held while the rate is not known, nor
 * with --fast. The listener's own pause stands beside it.
 */
#include "player/core/node_state.h"

#include <assert.h>

#define PARSER_BLOCK_BYTES (64u * 1024u)

/* Nothing more can be fetched before something was played: the slots are the buffer, and full. */
static bool is_full(const struct node *node, const struct file *file)
{
    uint64_t kept = time_scale(node->slots.count, node->preset->slots_urgent_percent, 100);
    return !node_chunks_can_store(node, file) && slots_available(&node->slots) <= kept;
}

/* Where a parser reads the file itself, it asks for this much at once (GStreamer's gstbaseparse.c);
 * demuxers ask for less than a chunk. */
static uint64_t block_bytes(const struct track *track)
{
    enum media_container container = tracks_file(track)->container;
    bool has_parser = container == MEDIA_CONTAINER_FLAC || container == MEDIA_CONTAINER_MPEG;
    return has_parser ? PARSER_BLOCK_BYTES : 0;
}

/* How fast what is missing can come: the origin, and peers that have something of the file. */
static void sum_sources(const struct node *node, const struct file *file, struct start_need *need)
{
    for (uint32_t i = 0; i < node->links.count; i++) {
        const struct link *link = node->links.list[i];
        struct overlay_holding holding;
        bool is_source = link->kind == NODE_LINK_ORIGIN
                             ? file->refused == 0
                             : node->overlay != NULL && overlay_holding(node->overlay, link->number,
                                                                        file->handle, &holding);
        if (link->state == LINK_UP && is_source) {
            need->rate_bytes_per_s += link->rate.bytes_per_s;
            need->sufficient += link->rate.bytes_per_s >= need->music_bytes_per_s;
        }
    }
}

/* What playing on needs. False: nothing is missing, or nothing can be said. */
static bool look_ahead(const struct node *node, struct start_need *ret_need)
{
    const struct play *play = &node->play;
    const struct track *track = node_play_track(node);
    struct file *file = track == NULL ? NULL : files_find(&node->files, track->file);
    if (file == NULL || !file->is_attached || play->head.duration_us == 0 || is_full(node, file)) {
        return false;
    }
    struct start_need need = {.music_bytes_per_s =
                                  time_scale(file->bytes, TIME_US_PER_S, play->head.duration_us)};
    sum_sources(node, file, &need);
    if (need.rate_bytes_per_s == 0) {
        return false;
    }
    uint64_t position_us = playhead_position_us(&play->head, node->now_us);
    uint32_t from = node_plan_chunk_at(file, play->head.duration_us, position_us);
    uint32_t lacking = files_next_lacking(file, from, file->chunk_count);
    if (lacking == file->chunk_count) {
        return false;
    }
    uint64_t played = time_scale(position_us, file->bytes, play->head.duration_us);
    uint64_t until = (uint64_t)lacking * CHUNK_BYTES;
    uint64_t missing = 0;
    for (uint32_t chunk = lacking; chunk < file->chunk_count; chunk++) {
        missing += files_holds(file, chunk) ? 0 : files_chunk_bytes(file, chunk);
    }
    need.buffered_bytes = time_until_us(played, until);
    need.missing_bytes = missing;
    need.block_bytes = block_bytes(track);
    *ret_need = need;
    return true;
}

static bool should_hold(struct node *node)
{
    const struct play *play = &node->play;
    bool is_starting = play->phase == PLAY_SWITCHED;
    bool stands = play->phase == PLAY_SOUNDING && (play->is_stalled || play->is_held);
    struct start_need need;
    if (node->config.fast || (!is_starting && !stands) || !look_ahead(node, &need)) {
        return false;
    }
    return !start_rule_may_play(&node->start_rule, node->preset, &need, &node->prng);
}

void node_start_hold(struct node *node, bool is_held)
{
    struct play *play = &node->play;
    if (play->is_held == is_held) {
        return;
    }
    play->is_held = is_held;
    NODE_TRACE(node, "%s the sound of %u", is_held ? "hold" : "let go", play->entry);
    if (!play->is_paused) {
        node_effect(node, NODE_EFFECT_SET_PAUSED)->set_paused.paused = is_held;
    }
}

void node_start_settle(struct node *node)
{
    if (!node->is_start_due) {
        return;
    }
    node->is_start_due = false;
    bool was_held = node->play.is_held;
    node_start_hold(node, should_hold(node));
    if (was_held && !node->play.is_held) {
        node_play_let_go(node);
    }
}
